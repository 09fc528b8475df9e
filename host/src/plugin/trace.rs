//! The trace that a request belongs to (W3C Trace Context), passed on with the questions
//! about it.

use http::HeaderMap;

/// Fields of the context.
const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Bytes of the second one that are passed on (section 3.3.1.5).
const LONGEST_STATE: usize = 512;

/// Fields that questions carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace(Vec<(String, Vec<u8>)>);

impl Trace {
    /// What the fields of a request say, if it is well formed.
    pub(super) fn of(fields: &[(String, Vec<u8>)]) -> Self {
        let value = |wanted: &str| {
            let mut values = fields.iter().filter(|(name, _)| name == wanted);
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Some(value),
                _ => None,
            }
        };
        let Some(parent) = value(PARENT).filter(|it| is_parent(it)) else {
            return Self::default();
        };
        let state = value(STATE).filter(|it| is_state(it));
        let state = state.map(|it| (STATE.to_owned(), it.clone()));
        let parent = (PARENT.to_owned(), parent.clone());
        Self([parent].into_iter().chain(state).collect())
    }

    /// The same of the head of an HTTP request.
    pub(super) fn of_headers(headers: &HeaderMap) -> Self {
        let named = |name: &'static str| {
            let values = headers.get_all(name).into_iter();
            values.map(move |value| (name.to_owned(), value.as_bytes().to_vec()))
        };
        let fields: Vec<_> = [PARENT, STATE].into_iter().flat_map(named).collect();
        Self::of(&fields)
    }

    /// What is to be added to the fields of a question: nothing if the plugin traces by itself.
    /// The state means nothing without the parent, which comes first.
    pub(super) fn missing_in(&self, fields: &[(String, Vec<u8>)]) -> &[(String, Vec<u8>)] {
        let is_context = |name: &str| {
            [PARENT, STATE]
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it))
        };
        match fields.iter().any(|(name, _)| is_context(name)) {
            true => &[],
            false => &self.0,
        }
    }
}

/// `00-TRACE-PARENT-FLAGS` in lower case hexadecimal digits, neither of the two being zero
/// (section 3.2.2).
fn is_parent(value: &[u8]) -> bool {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'-').collect();
    let &[version, trace, parent, flags] = &*parts else {
        return false;
    };
    let is_hex = |part: &[u8], length: usize| {
        let digits = part
            .iter()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        part.len() == length && digits
    };
    let is_zero = |part: &[u8]| part.iter().all(|it| *it == b'0');
    version == b"00"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && !is_zero(trace)
        && !is_zero(parent)
}

/// What any server takes (section 3.3.1.3).
fn is_state(value: &[u8]) -> bool {
    value.len() <= LONGEST_STATE && value.iter().all(|byte| (0x20..=0x7e).contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        pairs.iter().map(field).collect()
    }

    #[test]
    fn what_is_no_context_is_not_passed_on() {
        for wrong in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            let trace = Trace::of(&fields(&[("traceparent", wrong), ("tracestate", "a=b")]));
            assert_eq!(trace, Trace::default(), "{wrong}");
        }
        let twice = fields(&[("traceparent", RIGHT), ("traceparent", RIGHT)]);
        assert_eq!(Trace::of(&twice), Trace::default());
    }

    #[test]
    fn a_plugin_may_trace_by_itself() {
        let request = fields(&[("traceparent", RIGHT), ("tracestate", "a=b")]);
        let trace = Trace::of(&request);
        assert_eq!(trace.missing_in(&fields(&[("accept", "*/*")])), request);
        let wrong = fields(&[("traceparent", RIGHT), ("tracestate", "a=\u{1}")]);
        assert_eq!(Trace::of(&wrong).0.len(), 1);
        let own = fields(&[("TraceParent", "its own")]);
        assert!(trace.missing_in(&own).is_empty());
    }
}
