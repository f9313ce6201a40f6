//! A moment with nanoseconds, in UTC.

use std::fmt;

/// A moment in UTC, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// From nanoseconds since 1970; moments beyond the years ±9999 are held at the edge.
    pub fn from_nanos(nanos: i128) -> Self {
        let edge = if nanos < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_nanosecond(nanos).unwrap_or(edge))
    }

    /// Nanoseconds since 1970.
    pub fn as_nanos(&self) -> i128 {
        self.0.as_nanosecond()
    }

    /// Reads RFC 3339, e.g. `2026-11-24T10:00:00.123Z`.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The underlying moment, for formatting by pattern.
    pub fn as_jiff(&self) -> jiff::Timestamp {
        self.0
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(moment: jiff::Timestamp) -> Self {
        Self(moment)
    }
}

/// RFC 3339 with milliseconds at least and no trailing zeros beyond them, as Beats and Elasticsearch write it.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_nanosecond() % 1_000_000 {
            0 => write!(out, "{:.3}", self.0),
            nanos if nanos % 1_000 == 0 => write!(out, "{:.6}", self.0),
            _ => write!(out, "{:.9}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_what_it_needs_and_no_more() {
        for text in [
            "2026-11-24T10:00:00.000Z",
            "2026-11-24T10:00:00.120Z",
            "2026-11-24T10:00:00.123456Z",
            "1969-12-31T23:59:59.123456789Z",
        ] {
            assert_eq!(Timestamp::parse(text).expect(text).to_string(), text);
        }
    }
}
