//! Dates: the formats of a `date` field, date math, and how a date is shown. Milliseconds since 1970 throughout.
//!
//! The formats and the math follow Elasticsearch's reference pages "format" and "date math".

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

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

/// A date as written, and the last millisecond that it may stand for: `2026-11` is all of November.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateSpan {
    /// The first millisecond.
    pub first: i64,
    /// The last millisecond.
    pub last: i64,
}

impl DateSpan {
    fn exact(millis: i64) -> Self {
        Self { first: millis, last: millis }
    }
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
            Format::EpochMillis => {
                text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| DateSpan::exact(n as i64))
            }
            Format::EpochSecond => text
                .parse::<f64>()
                .ok()
                .filter(|n| n.is_finite())
                .map(|n| DateSpan::exact((n * 1000.0) as i64)),
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
            Token::Fraction(count) => parts.milli = cursor.fraction(*count)?,
            Token::Offset => parts.offset_minutes = cursor.offset()?,
            Token::Literal(letter) => cursor.literal(*letter)?,
        }
    }
    if cursor.bytes.is_empty() { parts.millis().map(DateSpan::exact) } else { None }
}

#[derive(Debug)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
    offset_minutes: i64,
}

impl Default for Parts {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, milli: 0, offset_minutes: 0 }
    }
}

impl Parts {
    fn millis(&self) -> Option<i64> {
        let days = days_since_epoch(self.year, self.month, self.day)?;
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let minutes = days * 1440 + self.hour * 60 + self.minute - self.offset_minutes;
        Some(minutes * 60_000 + self.second * 1000 + self.milli)
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

struct Cursor<'a> {
    bytes: &'a [u8],
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

    /// Digits of a second as milliseconds; finer digits are cut off.
    fn fraction(&mut self, most: usize) -> Option<i64> {
        let count = self.bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.bytes[..count]
            .iter()
            .chain(b"000")
            .take(3)
            .fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        self.bytes = &self.bytes[count..];
        (count > 0).then_some(number)
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, in minutes east of Greenwich.
    fn offset(&mut self) -> Option<i64> {
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
    let span =
        |parts: &Parts, millis: i64| parts.millis().map(|first| DateSpan { first, last: first + millis - 1 });
    const DAY: i64 = 86_400_000;
    if cursor.bytes.is_empty() {
        let days = if days_in_month(parts.year, 2) == 29 { 366 } else { 365 };
        return span(&parts, days * DAY);
    }
    cursor.literal('-')?;
    parts.month = cursor.digits(2, 2)?;
    if cursor.bytes.is_empty() {
        return span(&parts, days_in_month(parts.year, parts.month) * DAY);
    }
    cursor.literal('-')?;
    parts.day = cursor.digits(2, 2)?;
    if cursor.bytes.is_empty() {
        return span(&parts, DAY);
    }
    cursor.literal('T')?;
    if cursor.bytes.is_empty() {
        return span(&parts, DAY);
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
                parts.milli = cursor.fraction(9)?;
                unit = 1;
            }
        }
    }
    if !cursor.bytes.is_empty() {
        parts.offset_minutes = cursor.offset()?;
    }
    if cursor.bytes.is_empty() { span(&parts, unit) } else { None }
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

/// Reads a date with math: `now-1d/d`, `2026-01-01||+1M/M`. `round_up` asks for the last millisecond meant.
pub fn read_math(
    text: &str,
    formats: &DateFormats,
    now: i64,
    zone: &TimeZone,
    round_up: bool,
) -> Result<i64, String> {
    let fault = || format!("failed to parse date field [{text}]");
    let (base, math) = if let Some(math) = text.strip_prefix("now") {
        (now, math)
    } else if let Some((date, math)) = text.split_once("||") {
        (in_zone(formats.read(date).ok_or_else(fault)?.first, date, zone), math)
    } else {
        let span = formats.read(text).ok_or_else(fault)?;
        return Ok(in_zone(if round_up { span.last } else { span.first }, text, zone));
    };
    apply_math(base, math, zone, round_up)
        .ok_or_else(|| format!("operator not supported for date math [{text}]"))
}

/// A date without an offset of its own is local to the request's zone.
fn in_zone(millis: i64, text: &str, zone: &TimeZone) -> i64 {
    let has_offset = text.ends_with('Z')
        || text.rfind(['+', '-']).is_some_and(|at| text.find('T').is_some_and(|t| at > t));
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.len() > 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if has_offset || is_number || *zone == TimeZone::UTC {
        return millis;
    }
    let Ok(moment) = Timestamp::from_millisecond(millis) else {
        return millis;
    };
    let civil: DateTime = moment.to_zoned_datetime(TimeZone::UTC).datetime();
    zone.to_zoned_datetime(civil).map_or(millis, |zoned| zoned.timestamp().as_millisecond())
}

/// The first sign of a text and what follows.
fn split_first(text: &str) -> Option<(char, &str)> {
    let mut signs = text.chars();
    signs.next().map(|first| (first, signs.as_str()))
}

fn apply_math(base: i64, math: &str, zone: &TimeZone, round_up: bool) -> Option<i64> {
    let mut moment = Timestamp::from_millisecond(base).ok()?.to_zoned_datetime(zone.clone());
    let mut rest = math;
    while let Some((operator, after)) = split_first(rest) {
        rest = after;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
        let (unit, after) = split_first(&rest[digits..])?;
        rest = after;
        moment = match operator {
            '+' => moment.checked_add(unit_span(unit, count)?).ok()?,
            '-' => moment.checked_sub(unit_span(unit, count)?).ok()?,
            '/' if digits == 0 => {
                let floor = floor_to(&moment, unit)?;
                if round_up {
                    floor
                        .checked_add(unit_span(unit, 1)?)
                        .ok()?
                        .checked_sub(Span::new().milliseconds(1))
                        .ok()?
                } else {
                    floor
                }
            }
            _ => return None,
        };
    }
    Some(moment.timestamp().as_millisecond())
}

fn unit_span(unit: char, count: i64) -> Option<Span> {
    let span = Span::new();
    match unit {
        'y' => span.try_years(count),
        'M' => span.try_months(count),
        'w' => span.try_weeks(count),
        'd' => span.try_days(count),
        'h' | 'H' => span.try_hours(count),
        'm' => span.try_minutes(count),
        's' => span.try_seconds(count),
        _ => return None,
    }
    .ok()
}

/// The start of the calendar unit that holds `moment`.
pub(crate) fn floor_to(moment: &ZonedDateTime, unit: char) -> Option<ZonedDateTime> {
    let date = moment.date();
    let midnight = |date: Date| date.to_zoned_datetime(moment.time_zone().clone()).ok();
    match unit {
        'y' => midnight(date.first_of_year()),
        'q' => midnight(Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok()?),
        'M' => midnight(date.first_of_month()),
        'w' => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            midnight(date.checked_sub(Span::new().try_days(back).ok()?).ok()?)
        }
        'd' => midnight(date),
        'h' | 'H' => moment
            .round(jiff::ZonedDateTimeRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc))
            .ok(),
        'm' => moment
            .round(jiff::ZonedDateTimeRound::new().smallest(jiff::Unit::Minute).mode(jiff::RoundMode::Trunc))
            .ok(),
        's' => moment
            .round(jiff::ZonedDateTimeRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Trunc))
            .ok(),
        _ => None,
    }
}

/// The time zone of a request: `+01:00`, `Europe/Berlin`, `UTC`.
pub fn time_zone(text: &str) -> Result<TimeZone, String> {
    let mut cursor = Cursor { bytes: text.as_bytes() };
    if let Some(minutes) = cursor.offset()
        && cursor.bytes.is_empty()
    {
        let offset = jiff::tz::Offset::from_seconds((minutes * 60) as i32);
        return offset.map(TimeZone::fixed).map_err(|_| format!("Zone offset not in valid range: {text}"));
    }
    TimeZone::get(text).map_err(|_| format!("Unknown time-zone ID: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let february = read_iso("2024-02").expect("a month");
        assert_eq!(february.last - february.first, 29 * DAY - 1);
    }

    #[test]
    fn math_adds_and_rounds() {
        let formats = DateFormats::default();
        let utc = TimeZone::UTC;
        for (text, up, shown) in [
            ("now", false, "2026-11-24T10:20:30.123Z"),
            ("now-1d", false, "2026-11-23T10:20:30.123Z"),
            ("now/d", false, "2026-11-24T00:00:00.000Z"),
            ("now/d", true, "2026-11-24T23:59:59.999Z"),
            ("now-1M/M", false, "2026-10-01T00:00:00.000Z"),
            ("now/w", false, "2026-11-23T00:00:00.000Z"),
            ("now+1h/h", false, "2026-11-24T11:00:00.000Z"),
            ("2026-01-31||+1M", false, "2026-02-28T00:00:00.000Z"),
            ("2026-11-24", true, "2026-11-24T23:59:59.999Z"),
        ] {
            assert_eq!(show(read_math(text, &formats, NOW, &utc, up).expect(text)), shown, "{text}");
        }
        for text in ["now-1ѕ", "now√1d", "now*1d", "now-1x", "soon", "now/"] {
            assert!(read_math(text, &formats, NOW, &utc, false).is_err(), "{text}");
        }
        let berlin = time_zone("Europe/Berlin").expect("a zone");
        assert_eq!(
            show(read_math("now/d", &formats, NOW, &berlin, false).expect("math")),
            "2026-11-23T23:00:00.000Z"
        );
        assert_eq!(
            show(read_math("2026-07-01", &formats, NOW, &berlin, false).expect("date")),
            "2026-06-30T22:00:00.000Z"
        );
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
