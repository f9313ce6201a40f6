//! Dates: the formats of `date` and `date_nanos` fields, and how a date is shown. Milliseconds since 1970 throughout; what a date has
//! beyond them is kept beside.
//!
//! The formats follow Elasticsearch's reference page "format"; `date_math` reads dates with math.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use super::date_math::{Resolution, floor_to};
pub use super::date_math::{read_math, time_zone};

/// The formats that a field accepts, tried in order.
#[derive(Debug, Clone, PartialEq)]
pub struct DateFormats {
    formats: Vec<Format>,
}

#[derive(Debug, Clone, PartialEq)]
enum Format {
    /// `2026-11-24T10:20:30.123+01:00`, cut off after any part.
    OptionalTime,
    EpochMillis,
    EpochSecond,
    Pattern(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction(usize),
    Offset,
    Literal(char),
}

/// A date as written, and the last millisecond that it may stand for: `2026-11-24` is all of that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateSpan {
    /// The first millisecond.
    pub first: i64,
    /// The last millisecond.
    pub last: i64,
    /// How many nanoseconds it begins behind its first millisecond.
    pub nanos: u32,
}

impl DateSpan {
    fn exact(millis: i64) -> Self {
        Self { first: millis, last: millis, nanos: 0 }
    }

    /// A number of units of so many nanoseconds, with a fraction.
    fn counted(text: &str, unit: i64) -> Option<Self> {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        let millis = number * (unit as f64 / 1e6);
        // Beyond that is no moment that 64 bits could tell.
        if millis.abs() >= i64::MAX as f64 {
            return None;
        }
        let millis = millis as i64;
        let nanos = exact_nanos(text, unit).filter(|nanos| nanos.div_euclid(NANOS) == millis);
        Some(Self {
            first: millis,
            last: millis,
            nanos: nanos.map_or(0, |nanos| nanos.rem_euclid(NANOS) as u32),
        })
    }
}

/// Nanoseconds of a millisecond.
const NANOS: i64 = 1_000_000;

/// A decimal number of units of so many nanoseconds, none if it is no plain one or too large.
fn exact_nanos(text: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || whole.starts_with('-') || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let parts: i64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(unit)?.checked_add(parts / (1_000_000_000 / unit))
}

impl DateFormats {
    /// What a `date` field accepts by default.
    pub const DEFAULT: &'static str = "strict_date_optional_time||epoch_millis";

    /// The formats of a text such as `yyyy-MM-dd||epoch_second`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let formats = text.split("||").map(|name| Format::parse(name.trim())).collect::<Result<_, _>>()?;
        Ok(Self { formats })
    }

    /// Reads a text in the first format that fits.
    pub fn read(&self, text: &str) -> Option<DateSpan> {
        self.formats.iter().find_map(|format| format.read(text))
    }

    /// Reads a whole number as its text would be read.
    pub fn read_number(&self, number: i64) -> Option<DateSpan> {
        // So many digits are no year and no day; so few are exact as a decimal number.
        const PLAIN_MILLIS: std::ops::Range<i64> = 10_000_000_000..1 << 53;
        let reads_millis = self.formats.iter().find(|format| !matches!(format, Format::OptionalTime));
        if matches!(reads_millis, Some(Format::EpochMillis)) && PLAIN_MILLIS.contains(&number) {
            return Some(DateSpan::exact(number));
        }
        self.read(&number.to_string())
    }
}

impl Default for DateFormats {
    fn default() -> Self {
        Self { formats: vec![Format::OptionalTime, Format::EpochMillis] }
    }
}

impl Format {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "strict_date_optional_time"
            | "date_optional_time"
            | "iso8601"
            | "strict_date_optional_time_nanos"
            | "strict_date_time"
            | "date_time"
            | "strict_date_time_no_millis"
            | "date_time_no_millis"
            | "strict_date"
            | "date" => Format::OptionalTime,
            "epoch_millis" => Format::EpochMillis,
            "epoch_second" => Format::EpochSecond,
            "" => return Err("it is empty".to_owned()),
            pattern => Format::Pattern(parse_pattern(pattern)?),
        })
    }

    fn read(&self, text: &str) -> Option<DateSpan> {
        match self {
            Format::OptionalTime => read_iso(text),
            Format::EpochMillis => DateSpan::counted(text, NANOS),
            Format::EpochSecond => DateSpan::counted(text, 1000 * NANOS),
            Format::Pattern(tokens) => read_pattern(tokens, text),
        }
    }
}

fn parse_pattern(pattern: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            tokens.extend(rest.by_ref().take_while(|c| *c != '\'').map(Token::Literal));
            continue;
        }
        let mut count = 1;
        while letter.is_ascii_alphabetic() && rest.next_if_eq(&letter).is_some() {
            count += 1;
        }
        check_width(letter, count)?;
        tokens.push(match letter {
            'y' | 'u' => Token::Year,
            'M' if count <= 2 => Token::Month,
            'd' => Token::Day,
            'H' => Token::Hour,
            'm' => Token::Minute,
            's' => Token::Second,
            'S' => Token::Fraction(count),
            'X' | 'Z' | 'x' => Token::Offset,
            other if other.is_ascii_alphabetic() => return Err(format!("Unknown pattern letter: {other}")),
            other => Token::Literal(other),
        });
    }
    Ok(tokens)
}

/// No number has more digits, and none is shown with more, however long a pattern is.
const WIDTH_MAX: usize = 19;

fn check_width(letter: char, width: usize) -> Result<(), String> {
    if width > WIDTH_MAX { Err(format!("Too many pattern letters: {letter}")) } else { Ok(()) }
}

fn read_pattern(tokens: &[Token], text: &str) -> Option<DateSpan> {
    let mut cursor = Cursor { bytes: text.as_bytes() };
    let mut parts = Parts::default();
    for token in tokens {
        match token {
            Token::Year => parts.year = cursor.digits(4, 4)?,
            Token::Month => parts.month = cursor.digits(1, 2)?,
            Token::Day => parts.day = cursor.digits(1, 2)?,
            Token::Hour => parts.hour = cursor.digits(1, 2)?,
            Token::Minute => parts.minute = cursor.digits(1, 2)?,
            Token::Second => parts.second = cursor.digits(1, 2)?,
            Token::Fraction(count) => parts.nano = cursor.fraction(*count)?,
            Token::Offset => parts.offset_minutes = cursor.offset()?,
            Token::Literal(letter) => cursor.literal(*letter)?,
        }
    }
    if cursor.bytes.is_empty() { parts.span(unit_of(tokens)) } else { None }
}

/// How long the time is that a pattern's dates stand for, in milliseconds. As in Elasticsearch, a date without a time is all of its
/// day, and the day is the first where it has none.
fn unit_of(tokens: &[Token]) -> i64 {
    let has = |wanted: fn(&Token) -> bool| tokens.iter().any(wanted);
    if has(|token| matches!(token, Token::Fraction(_))) {
        1
    } else if has(|token| *token == Token::Second) {
        1000
    } else if has(|token| *token == Token::Minute) {
        60_000
    } else if has(|token| *token == Token::Hour) {
        3_600_000
    } else {
        86_400_000
    }
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
    nano: i64,
    offset_minutes: i64,
}

impl Default for Parts {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, nano: 0, offset_minutes: 0 }
    }
}

impl Parts {
    fn millis(&self) -> Option<i64> {
        let days = days_since_epoch(self.year, self.month, self.day)?;
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let minutes = days * 1440 + self.hour * 60 + self.minute - self.offset_minutes;
        Some(minutes * 60_000 + self.second * 1000 + self.nano / NANOS)
    }

    /// The date as so many milliseconds.
    fn span(&self, millis: i64) -> Option<DateSpan> {
        let nanos = (self.nano % NANOS) as u32;
        self.millis().map(|first| DateSpan { first, last: first + millis - 1, nanos })
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, none for a day that the month does not have.
/// The algorithm is Howard Hinnant's `days_from_civil`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
}

impl Cursor<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let number = self.bytes[..count].iter().fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        self.bytes = &self.bytes[count..];
        Some(number)
    }

    fn literal(&mut self, letter: char) -> Option<()> {
        let mut buffer = [0; 4];
        self.bytes = self.bytes.strip_prefix(letter.encode_utf8(&mut buffer).as_bytes())?;
        Some(())
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

    /// Digits of a second as nanoseconds; finer digits are cut off.
    fn fraction(&mut self, most: usize) -> Option<i64> {
        let count = self.bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.bytes[..count]
            .iter()
            .chain(b"000000000")
            .take(9)
            .fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        self.bytes = &self.bytes[count..];
        (count > 0).then_some(number)
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, in minutes east of Greenwich.
    pub(super) fn offset(&mut self) -> Option<i64> {
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
        let hours = self.digits(2, 2)?;
        self.accept(b':');
        let minutes = if self.bytes.first().is_some_and(u8::is_ascii_digit) { self.digits(2, 2)? } else { 0 };
        (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
    }
}

/// ISO 8601, cut off after any part; what is missing makes a span.
fn read_iso(text: &str) -> Option<DateSpan> {
    let mut cursor = Cursor { bytes: text.as_bytes() };
    let mut parts = Parts { year: cursor.digits(4, 4)?, ..Parts::default() };
    const DAY: i64 = 86_400_000;
    // As in Elasticsearch, a date without a day is the first one.
    if cursor.bytes.is_empty() {
        return parts.span(DAY);
    }
    cursor.literal('-')?;
    parts.month = cursor.digits(2, 2)?;
    if cursor.bytes.is_empty() {
        return parts.span(DAY);
    }
    cursor.literal('-')?;
    parts.day = cursor.digits(2, 2)?;
    if cursor.bytes.is_empty() {
        return parts.span(DAY);
    }
    cursor.literal('T')?;
    if cursor.bytes.is_empty() {
        return parts.span(DAY);
    }
    parts.hour = cursor.digits(2, 2)?;
    let mut unit = 3_600_000;
    if cursor.accept(b':') {
        parts.minute = cursor.digits(2, 2)?;
        unit = 60_000;
        if cursor.accept(b':') {
            parts.second = cursor.digits(2, 2)?;
            unit = 1000;
            if cursor.accept(b'.') || cursor.accept(b',') {
                parts.nano = cursor.fraction(9)?;
                unit = 1;
            }
        }
    }
    if !cursor.bytes.is_empty() {
        parts.offset_minutes = cursor.offset()?;
    }
    if cursor.bytes.is_empty() { parts.span(unit) } else { None }
}

/// Whether dynamic mapping takes a text for a date.
pub(crate) fn looks_like_date(text: &str) -> bool {
    // Every format begins with a four-digit year and goes on; this keeps ordinary texts off the slow path.
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes.len() > 40 || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    match bytes[4] {
        b'-' => bytes.len() >= 10 && read_iso(text).is_some(),
        b'/' => DateFormats::parse("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd")
            .is_ok_and(|formats| formats.read(text).is_some()),
        _ => false,
    }
}

/// `2026-11-24T10:20:30.123Z`
pub fn show(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(moment) => format!("{moment:.3}"),
        Err(_) => millis.to_string(),
    }
}

/// A date in a zone, by a pattern such as `yyyy.MM.dd`; `YYYY` and `ww` are the year and the number of the week.
pub fn show_as(millis: i64, pattern: &str, zone: &TimeZone) -> Result<String, String> {
    let moment = Timestamp::from_millisecond(millis).map_err(|error| error.to_string())?;
    let moment = moment.to_zoned_datetime(zone.clone());
    let week = moment.date().iso_week_date();
    let mut shown = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            shown.extend(rest.by_ref().take_while(|literal| *literal != '\''));
            continue;
        }
        let mut width = 1;
        while letter.is_ascii_alphabetic() && rest.next_if_eq(&letter).is_some() {
            width += 1;
        }
        check_width(letter, width)?;
        let number = match letter {
            'y' | 'u' if width == 2 => i64::from(moment.year()).rem_euclid(100),
            'y' | 'u' => moment.year().into(),
            'Y' => week.year().into(),
            'w' => week.week().into(),
            'M' if width <= 2 => moment.month().into(),
            'd' => moment.day().into(),
            'D' => moment.day_of_year().into(),
            'H' => moment.hour().into(),
            'm' => moment.minute().into(),
            's' => moment.second().into(),
            'S' if width <= 3 => i64::from(moment.millisecond()) / 10_i64.pow(3 - width as u32),
            other if other.is_ascii_alphabetic() => return Err(format!("Unknown pattern letter: {other}")),
            other => {
                shown.push(other);
                continue;
            }
        };
        shown.push_str(&format!("{number:0width$}"));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_stands_no_more_than_so_often() {
        for pattern in ["y".repeat(20), "yyyy-".to_owned() + &"M".repeat(70_000), "S".repeat(70_000)] {
            let refused = |reason: String| reason.starts_with("Too many pattern letters: ");
            assert!(show_as(0, &pattern, &TimeZone::UTC).is_err_and(refused));
            assert!(DateFormats::parse(&pattern).is_err());
        }
        assert_eq!(show_as(0, &"y".repeat(19), &TimeZone::UTC), Ok("0000000000000001970".to_owned()));
    }

    const DAY: i64 = 86_400_000;
    /// 2026-11-24T10:20:30.123Z
    const NOW: i64 = 1_795_515_630_123;

    #[test]
    fn a_number_is_read_as_its_text() {
        let edges =
            [0, 1, 19, 2024, 20_240_101, 9_999_999_999, 10_000_000_000, NOW, -NOW, (1 << 53) - 1, i64::MAX];
        for formats in [DateFormats::DEFAULT, "epoch_second", "epoch_millis||yyyy", "yyyyMMdd||epoch_millis"]
        {
            let formats = DateFormats::parse(formats).expect("formats");
            for number in edges {
                let by_text = formats.read(&number.to_string());
                assert_eq!(formats.read_number(number), by_text, "{number} by {formats:?}");
            }
        }
    }

    #[test]
    fn a_date_is_shown_by_a_pattern_in_a_zone() {
        let tokyo = time_zone("Asia/Tokyo").expect("a zone");
        for (pattern, zone, shown) in [
            ("yyyy.MM.dd", &TimeZone::UTC, "2026.11.24"),
            ("uuuu-MM-dd'T'HH:mm:ss.SSS", &tokyo, "2026-11-24T19:20:30.123"),
            ("YYYY.ww", &TimeZone::UTC, "2026.48"),
            ("yyMMdd DDD", &TimeZone::UTC, "261124 328"),
        ] {
            assert_eq!(show_as(NOW, pattern, zone).as_deref(), Ok(shown), "{pattern}");
        }
        assert_eq!(show_as(NOW, "QQQ", &TimeZone::UTC), Err("Unknown pattern letter: Q".to_owned()));
    }

    #[test]
    fn iso_dates_are_read_to_any_depth() {
        for (text, shown) in [
            ("2026", "2026-01-01T00:00:00.000Z"),
            ("2026-11", "2026-11-01T00:00:00.000Z"),
            ("2026-11-24", "2026-11-24T00:00:00.000Z"),
            ("2026-11-24T10", "2026-11-24T10:00:00.000Z"),
            ("2026-11-24T10:20Z", "2026-11-24T10:20:00.000Z"),
            ("2026-11-24T10:20:30.1", "2026-11-24T10:20:30.100Z"),
            ("2026-11-24T10:20:30.123456789+01:30", "2026-11-24T08:50:30.123Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(show(read_iso(text).expect(text).first), shown, "{text}");
        }
        for text in [
            "",
            "26-11-24",
            "2026-13-01",
            "2023-02-29",
            "2026-11-24 10:00",
            "2026-11-24T25",
            "2026-11-24T10:20:30.Z",
        ] {
            assert!(read_iso(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_cut_off_date_stands_for_all_it_may_mean() {
        let day = read_iso("2026-11-24").expect("a day");
        assert_eq!(day.last - day.first, DAY - 1);
        for text in ["2024", "2024-02"] {
            let first_day = read_iso(text).expect(text);
            assert_eq!(first_day.last - first_day.first, DAY - 1, "{text}");
        }
    }

    #[test]
    fn other_formats_are_read_as_they_say() {
        for (format, text, millis) in [
            ("epoch_millis", "1795515630123", NOW),
            ("epoch_second", "1795515630.123", NOW),
            ("yyyy/MM/dd HH:mm:ss", "2026/11/24 10:20:30", NOW - 123),
            ("dd.MM.yyyy'T'HH:mm:ss.SSSXX", "24.11.2026T11:20:30.123+0100", NOW),
        ] {
            let formats = DateFormats::parse(format).expect(format);
            assert_eq!(formats.read(text).map(|span| span.first), Some(millis), "{format}");
        }
        for (format, text, length) in
            [("yyyy-MM-dd", "2026-11-24", DAY), ("yyyy-MM", "2026-11", DAY), ("HH:mm", "10:20", 60_000)]
        {
            let span = DateFormats::parse(format).expect(format).read(text).expect(text);
            assert_eq!(span.last - span.first, length - 1, "{format}");
        }
        for (format, text) in [
            ("epoch_millis", "99999999999999999999"),
            ("epoch_millis", "-9223372036854775808"),
            ("epoch_second", "1e17"),
        ] {
            let formats = DateFormats::parse(format).expect(format);
            assert_eq!(formats.read(text), None, "{text}");
        }
        assert!(DateFormats::parse("yyyy-QQQ").is_err());
    }

    #[test]
    fn only_dates_look_like_dates() {
        for text in ["2026-11-24", "2026-11-24T10:20:30Z", "2026/11/24", "2026/11/24 10:20:30"] {
            assert!(looks_like_date(text), "{text}");
        }
        for text in ["2026", "20261124", "hello world", "1234-5678-9", "2026-11-24 10:00:00"] {
            assert!(!looks_like_date(text), "{text}");
        }
    }
}
