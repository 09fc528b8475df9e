//! Durations as an operator writes them: `20s`, `500ms`, or seconds alone.

use serde::{
    Deserializer, Serializer,
    de::{self, Visitor},
};
use std::{fmt, time::Duration};

/// Beyond any use, and within what clocks can add up.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Units with their length in milliseconds, the one without a name last.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("", 1_000),
];

/// Reads a whole number with a unit of `ms`, `s`, `m` or `h`. A number alone
/// counts seconds.
///
/// ```
/// use rest_client_host::config::duration;
/// use std::time::Duration;
///
/// assert_eq!(duration::parse("500ms"), Ok(Duration::from_millis(500)));
/// assert_eq!(duration::parse("20"), duration::parse("20s"));
/// assert_eq!(duration::format(Duration::from_secs(20)), "20s");
/// ```
///
/// # Errors
///
/// A sentence that says what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds = number.parse::<u64>().ok().and_then(|number| {
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        Some(number.saturating_mul(*length))
    });
    let duration = milliseconds.map(Duration::from_millis).ok_or_else(|| {
        format!(
            "{text:?} is not a duration; one is a whole number with its unit, like 20s or 500ms"
        )
    })?;
    bounded(duration)
}

fn bounded(duration: Duration) -> Result<Duration, String> {
    match duration <= LONGEST {
        true => Ok(duration),
        false => Err("this is longer than a year; a duration is at most 8760h".to_owned()),
    }
}

/// Writes a duration in the shortest form that [`parse`] reads back; what is
/// below a millisecond is cut off.
#[must_use]
pub fn format(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds.is_multiple_of(1_000) {
        format!("{}s", milliseconds / 1_000)
    } else {
        format!("{milliseconds}ms")
    }
}

/// Reads a duration that is written as a string, or as a whole number of
/// seconds.
///
/// # Errors
///
/// What is there is no duration.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
    source.deserialize_any(Written)
}

/// Writes a duration as [`format()`] does.
///
/// # Errors
///
/// Those of the target.
pub(super) fn serialize<S: Serializer>(duration: &Duration, target: S) -> Result<S::Ok, S::Error> {
    target.serialize_str(&format(*duration))
}

/// A duration that may be left out.
pub(super) mod optional {
    use super::{Deserializer, Duration, Serializer};

    /// As for a duration that has a default, which one that is there is.
    ///
    /// # Errors
    ///
    /// What is there is no duration.
    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        source: D,
    ) -> Result<Option<Duration>, D::Error> {
        super::deserialize(source).map(Some)
    }

    /// Writes a duration, or nothing.
    ///
    /// # Errors
    ///
    /// Those of the target.
    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        target: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, target),
            None => target.serialize_none(),
        }
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration like \"20s\" or \"500ms\", or a whole number of seconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Duration, E> {
        bounded(Duration::from_secs(seconds)).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Duration, E> {
        match u64::try_from(seconds) {
            Ok(seconds) => self.visit_u64(seconds),
            Err(_) => Err(E::custom(format!(
                "{seconds} is negative; a duration is 0 or more"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_optional_and_seconds_then() {
        for (text, milliseconds) in [
            ("20s", 20_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("300", 300_000),
            ("0", 0),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_told_what_one_is() {
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "ten",
            "1d",
            "99999999999999999999s",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("like 20s or 500ms"), "{text}: {error}");
        }
    }

    #[test]
    fn a_duration_has_an_end() {
        assert_eq!(parse("8760h"), Ok(LONGEST));
        for text in ["8761h", "31536001", "670744073702694135"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("at most 8760h"), "{text}: {error}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["20s", "1500ms", "0s"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
