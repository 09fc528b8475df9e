//! The context of a trace in the fields of a request (W3C Trace Context).

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::str;

type Fields = Vec<(String, Vec<u8>)>;

/// Fields of the context.
const NAMES: [&str; 2] = ["traceparent", "tracestate"];

/// What the fields say of it.
pub(super) fn extract(fields: &Fields) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Reading(fields))
}

/// Has the fields say it.
pub(super) fn inject(context: &Context, fields: &mut Fields) {
    fields.retain(|(name, _)| !NAMES.contains(&name.as_str()));
    TraceContextPropagator::new().inject_context(context, &mut Writing(fields));
}

/// Those of the context alone.
pub(super) fn of_headers(headers: &HeaderMap) -> Fields {
    let named = |name: &'static str| headers.get_all(name).into_iter().map(|it| it.as_bytes());
    NAMES
        .iter()
        .flat_map(|name| named(name).map(|value| ((*name).to_owned(), value.to_vec())))
        .collect()
}

/// In place of those that are there.
pub(super) fn to_headers(fields: &Fields, headers: &mut HeaderMap) {
    for name in NAMES {
        headers.remove(name);
    }
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
}

struct Reading<'a>(&'a Fields);

impl Extractor for Reading<'_> {
    /// One that is there twice says nothing (section 3.2).
    fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(name, _)| name == key);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => str::from_utf8(value).ok(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| &**name).collect()
    }
}

struct Writing<'a>(&'a mut Fields);

impl Injector for Writing<'_> {
    fn set(&mut self, key: &str, value: String) {
        // A field without a value is none.
        if !value.is_empty() {
            self.0.push((key.to_owned(), value.into_bytes()));
        }
    }
}
