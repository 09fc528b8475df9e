//! What is decided where a plugin does not decide.

use super::by_text::by_text;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Codes of a refusal, of HTTP and of SIP.
const REFUSALS: std::ops::RangeInclusive<u16> = 400..=699;

/// Bytes of the text beside it.
const LONGEST_REASON: usize = 256;

/// What is decided where the plugin does not.
///
/// ```
/// use rest_client_host::{
///     plugin::OnFailure,
///     routing::{Decision, Protocol},
/// };
///
/// let Decision::Answer(refusal) = OnFailure::default().decision(Protocol::Http) else {
///     panic!("it is closed by default");
/// };
/// assert_eq!(refusal.code, 503);
/// assert_eq!("480 Try Later".parse(), Ok(OnFailure::Answer(480, Some("Try Later".into()))));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum OnFailure {
    /// The request is refused with 503 in HTTP, and with 500 in SIP: there, 503 would make
    /// the client avoid the proxy altogether (RFC 3261, section 21.5.4).
    #[default]
    Closed,
    /// The request goes on as if nobody had been asked.
    Open,
    /// The request is answered with this code, and this text or the usual one.
    Answer(u16, Option<String>),
}

impl FromStr for OnFailure {
    type Err = String;

    /// `closed`, `open`, or a code and perhaps a text.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "closed" => return Ok(Self::Closed),
            "open" => return Ok(Self::Open),
            _ => {}
        }
        let wrong = || {
            format!(
                "{text:?} is none of closed, open, and a code from 400 to 699 and perhaps a text, as in \"480 Try Later\""
            )
        };
        let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
        let code = code.parse().ok().filter(|code| REFUSALS.contains(code));
        let code = code.ok_or_else(wrong)?;
        if reason.len() > LONGEST_REASON || reason.chars().any(char::is_control) {
            return Err(wrong());
        }
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        Ok(Self::Answer(code, reason))
    }
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Open => f.write_str("open"),
            Self::Answer(code, None) => code.fmt(f),
            Self::Answer(code, Some(reason)) => write!(f, "{code} {reason}"),
        }
    }
}

by_text!(OnFailure);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_on_failure_is_a_refusal_or_said_to_be_open() {
        for (text, meant) in [
            ("closed", OnFailure::Closed),
            ("open", OnFailure::Open),
            (
                "480 Try Later",
                OnFailure::Answer(480, Some("Try Later".into())),
            ),
            ("403", OnFailure::Answer(403, None)),
        ] {
            assert_eq!(text.parse(), Ok(meant.clone()));
            assert_eq!(meant.to_string(), text);
        }
        for wrong in ["", "200", "302", "700", "nothing", "403\n", "403 a\r\nb"] {
            wrong.parse::<OnFailure>().unwrap_err();
        }
    }
}
