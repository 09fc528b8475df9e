//! A call that a plugin makes.

use super::{bindings::rest::client::types as wit, record::Asked, trace::Trace};
use crate::{
    call::{
        budget::{Budget, Charge, OverBudget},
        payer::Payer,
        share::Share,
        spec::CallSpec,
    },
    instance::has_too_many_fields,
};
use std::time::Duration;

/// Bytes that a call takes beside its texts and its body, until it is over.
const CALL: usize = 4096;

/// What a plugin asks for.
pub(super) struct PluginCall(CallSpec);

impl PluginCall {
    /// The arguments of `rest-get` and its kin.
    pub(super) fn new(
        method: impl Into<String>,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Self {
        let mut spec = CallSpec {
            method: method.into(),
            url,
            body,
            content_type,
            ..CallSpec::new("", "")
        };
        if let Some(options) = options {
            spec.headers = options.headers;
            spec.connection_timeout = options.connection_timeout.map(Duration::from_millis);
            spec.transfer_timeout = options.transfer_timeout.map(Duration::from_millis);
            spec.max_redirects = options.max_redirects.unwrap_or(0);
        }
        Self(spec)
    }

    /// What it asks, for a recording.
    pub(super) fn question(&self) -> Asked {
        Asked::of(&self.0)
    }

    /// The call, as a part of `trace`.
    pub(super) fn traced(mut self, trace: &Trace) -> Self {
        for field in trace.missing_in(&self.0.headers) {
            self.0.headers.push(field.clone());
            if has_too_many_fields(&self.0) {
                // Whoever sent the trace is not to make a call of the plugin's fail.
                self.0.headers.pop();
                break;
            }
        }
        self
    }

    /// The call, on the account of the plugin.
    ///
    /// # Errors
    ///
    /// It is more than `budget` has left.
    pub(super) fn charged_to(
        self,
        budget: &Budget,
        share: Option<&Share>,
    ) -> Result<CallSpec, OverBudget> {
        let Self(mut spec) = self;
        let charge = charge(&spec, budget)?;
        spec.payer = Some(Payer {
            budget: budget.clone(),
            charge,
            share: share.cloned(),
        });
        Ok(spec)
    }
}

fn charge(spec: &CallSpec, budget: &Budget) -> Result<Charge, OverBudget> {
    let mut charge = budget.charge(CALL + spec.method.len() + spec.url.len())?;
    charge.add(spec.content_type.as_ref().map_or(0, String::len))?;
    charge.add(size_of_val(&*spec.headers))?;
    for (name, value) in &spec.headers {
        charge.add(name.len() + value.len())?;
    }
    let body = spec.body.as_ref().map_or(0, Vec::len);
    charge.add(body)?;
    if spec.max_redirects > 0 {
        // The guest keeps another one, to send it again.
        charge.add(body)?;
    }
    Ok(charge)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// The names of the fields of a call that had `count` of its own.
    fn names_beside(count: usize) -> Vec<String> {
        let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let trace = Trace::of(&[field("traceparent", PARENT), field("tracestate", "a=b")]);
        let mut call = PluginCall::new("GET", "http://h/".into(), None, None, None);
        call.0.headers = vec![field("x-own", "a"); count];
        let traced = call.traced(&trace).0.headers;
        traced[count..].iter().map(|it| it.0.clone()).collect()
    }

    #[test]
    fn a_trace_has_the_room_that_the_call_leaves() {
        assert_eq!(names_beside(254), ["traceparent", "tracestate"]);
        assert_eq!(names_beside(255), ["traceparent"]);
        assert_eq!(names_beside(256), [""; 0]);
    }
}
