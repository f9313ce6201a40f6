//! The usual dates of ISO 8601, which every log line has: `2026-11-24T10:20:30.123+01:00`, cut off after any part. What is not read here
//! may still be one of the unusual dates of the format `strict_date_optional_time`.

use super::calendar::{DAY, days_since_epoch};
use super::{DateSpan, NANOS};

/// The time that a usual date stands for.
pub(super) fn read_iso(text: &str) -> Option<DateSpan> {
    let mut cursor = Cursor { bytes: text.as_bytes() };
    let mut parts = Parts { year: cursor.digits(4)?, ..Parts::default() };
    // As in Elasticsearch, a date without a day is the first one.
    for part in [&mut parts.month, &mut parts.day] {
        if cursor.bytes.is_empty() {
            break;
        }
        cursor.accept(b'-').then_some(())?;
        *part = cursor.digits(2)?;
    }
    if cursor.bytes.is_empty() {
        return parts.span(DAY);
    }
    cursor.accept(b'T').then_some(())?;
    if cursor.bytes.is_empty() {
        return parts.span(DAY);
    }
    parts.hour = cursor.digits(2)?;
    let mut length = 3_600_000;
    if cursor.accept(b':') {
        parts.minute = cursor.digits(2)?;
        length = 60_000;
        if cursor.accept(b':') {
            parts.second = cursor.digits(2)?;
            length = 1000;
            if cursor.accept(b'.') || cursor.accept(b',') {
                parts.nanos = cursor.fraction()?;
                length = 1;
            }
        }
    }
    if !cursor.bytes.is_empty() {
        parts.offset_minutes = Some(cursor.offset()?);
    }
    if cursor.bytes.is_empty() { parts.span(length) } else { None }
}

#[derive(Debug)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// Nanoseconds of the second.
    nanos: i64,
    offset_minutes: Option<i64>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, offset_minutes: None }
    }
}

impl Parts {
    /// The date as so many milliseconds.
    fn span(&self, length: i64) -> Option<DateSpan> {
        let days = days_since_epoch(self.year, self.month, self.day)?;
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let minutes = days * 1440 + self.hour * 60 + self.minute - self.offset_minutes.unwrap_or(0);
        let first = minutes * 60_000 + self.second * 1000 + self.nanos / NANOS;
        Some(DateSpan {
            first,
            last: first + length - 1,
            nanos: (self.nanos % NANOS) as u32,
            has_zone: self.offset_minutes.is_some(),
        })
    }
}

pub(in crate::mapping) struct Cursor<'a> {
    pub(in crate::mapping) bytes: &'a [u8],
}

impl Cursor<'_> {
    /// A number of so many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.bytes.split_at_checked(count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.bytes = rest;
        Some(digits.iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0')))
    }

    fn accept(&mut self, byte: u8) -> bool {
        match self.bytes.split_first() {
            Some((first, rest)) if *first == byte => {
                self.bytes = rest;
                true
            }
            _ => false,
        }
    }

    /// Digits of a second as nanoseconds.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.bytes.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.bytes[..count]
            .iter()
            .chain(b"000000000")
            .take(9)
            .fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        self.bytes = &self.bytes[count..];
        (count > 0).then_some(number)
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, in minutes east of Greenwich.
    pub(in crate::mapping) fn offset(&mut self) -> Option<i64> {
        if self.accept(b'Z') {
            return Some(0);
        }
        let sign = if self.accept(b'+') {
            1
        } else if self.accept(b'-') {
            -1
        } else {
            return None;
        };
        let hours = self.digits(2)?;
        let minutes = if self.accept(b':') || self.bytes.first().is_some_and(u8::is_ascii_digit) {
            self.digits(2)?
        } else {
            0
        };
        (minutes <= 59 && hours * 60 + minutes <= 18 * 60).then_some(sign * (hours * 60 + minutes))
    }
}
