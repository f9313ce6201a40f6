//! What stands in a table: a number, an amount of bytes, a span of time; shown for people, or in the unit that was asked for.

use std::cmp::Ordering;

use crate::error::ApiError;
use crate::rest::call::Call;
pub(in crate::rest) use crate::time_span::show_span as span_shown;
use crate::time_span::tenths;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// It is not known, or there is none.
    Nothing,
    Text(String),
    Whole(i64),
    /// With so many digits behind the point.
    Decimal(f64, usize),
    Percent(f64),
    Bytes(u64),
    /// A span in milliseconds.
    Span(i64),
}

/// In what amounts are shown; none for people.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Units {
    bytes: Option<u64>,
    /// In nanoseconds.
    time: Option<u64>,
}

const BYTES: [(&str, u32); 11] = [
    ("b", 0),
    ("k", 10),
    ("kb", 10),
    ("m", 20),
    ("mb", 20),
    ("g", 30),
    ("gb", 30),
    ("t", 40),
    ("tb", 40),
    ("p", 50),
    ("pb", 50),
];

const TIMES: [(&str, u64); 7] = [
    ("nanos", 1),
    ("micros", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

impl Units {
    /// As a request asks for them.
    pub(super) fn of(call: &Call) -> Result<Self, ApiError> {
        Self::read(call.param("bytes"), call.param("time"))
    }

    fn read(bytes: Option<&str>, time: Option<&str>) -> Result<Self, ApiError> {
        let bytes = bytes.map(|unit| {
            let known = BYTES.iter().find(|(name, _)| *name == unit);
            known.map(|(_, shift)| 1 << shift).ok_or_else(|| fault("bytes", unit, "b, kb, mb, gb, tb or pb"))
        });
        let time = time.map(|unit| {
            let known = TIMES.iter().find(|(name, _)| *name == unit);
            known
                .map(|(_, nanos)| *nanos)
                .ok_or_else(|| fault("time", unit, "nanos, micros, ms, s, m, h or d"))
        });
        Ok(Self { bytes: bytes.transpose()?, time: time.transpose()? })
    }
}

fn fault(name: &str, unit: &str, known: &str) -> ApiError {
    ApiError::argument(format!("[{name}] is [{unit}], which is no unit; use {known}"))
}

impl Cell {
    /// As it is shown; none if there is nothing.
    pub(super) fn shown(&self, units: Units) -> Option<String> {
        Some(match self {
            Self::Nothing => return None,
            Self::Text(text) => text.clone(),
            Self::Whole(number) => number.to_string(),
            Self::Decimal(number, digits) => format!("{number:.digits$}"),
            Self::Percent(percent) => format!("{percent:.1}%"),
            Self::Bytes(bytes) => match units.bytes {
                Some(unit) => (bytes / unit).to_string(),
                None => bytes_shown(*bytes),
            },
            Self::Span(millis) => match units.time {
                Some(unit) => (i128::from(*millis) * 1_000_000 / i128::from(unit)).to_string(),
                None => span_shown(*millis),
            },
        })
    }

    /// What is compared when rows are sorted: numbers as such, also those in texts. Nothing comes first.
    pub(super) fn compared(&self, other: &Self) -> Ordering {
        let is_nothing = |cell: &Self| *cell == Self::Nothing;
        match (is_nothing(self), is_nothing(other)) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => match (self.number(), other.number()) {
                (Some(one), Some(other)) => one.total_cmp(&other),
                _ => self.shown(Units::default()).cmp(&other.shown(Units::default())),
            },
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => text.parse().ok(),
            Self::Whole(number) | Self::Span(number) => Some(*number as f64),
            Self::Decimal(number, _) | Self::Percent(number) => Some(*number),
            Self::Bytes(bytes) => Some(*bytes as f64),
        }
    }
}

/// `230b`, `12.3kb`, `1gb`.
pub(in crate::rest) fn bytes_shown(bytes: u64) -> String {
    const UNITS: [(&str, u32); 5] = [("pb", 50), ("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)];
    match UNITS.iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((name, shift)) => format!("{}{name}", tenths(bytes as f64 / (1_u64 << shift) as f64)),
        None => format!("{bytes}b"),
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Whole(i64::from(number))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(maybe: Option<T>) -> Self {
        maybe.map_or(Self::Nothing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_as_elasticsearch_shows_them() {
        for (bytes, shown) in [
            (0, "0b"),
            (230, "230b"),
            (1 << 10, "1kb"),
            (12_697, "12.3kb"),
            ((2 << 30) - 1, "1.9gb"),
            (3 << 50, "3pb"),
        ] {
            assert_eq!(bytes_shown(bytes), shown, "{bytes}");
        }
        for (millis, shown) in
            [(0, "0ms"), (13, "13ms"), (1_290, "1.2s"), (60_000, "1m"), (172_800_000, "2d")]
        {
            assert_eq!(span_shown(millis), shown, "{millis}");
        }
        let units = Units::read(Some("mb"), Some("s")).expect("units");
        assert_eq!(Cell::Bytes(5 << 20).shown(units).as_deref(), Some("5"));
        assert_eq!(Cell::Span(2_500).shown(units).as_deref(), Some("2"));
        assert!(Units::read(Some("x"), None).is_err() && Units::read(None, Some("y")).is_err());
    }

    #[test]
    fn numbers_are_sorted_as_numbers_and_nothing_comes_first() {
        let mut cells = [Cell::Whole(10), Cell::from("9"), Cell::Nothing, Cell::Bytes(100)];
        cells.sort_by(Cell::compared);
        assert_eq!(cells, [Cell::Nothing, Cell::from("9"), Cell::Whole(10), Cell::Bytes(100)]);
    }
}
