//! Dates with math, to the millisecond or to the nanosecond, as Elasticsearch's reference page "date math" has it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

use super::dates::{Cursor, DateFormats, DateSpan, from_local, show};

/// How finely moments are told apart, as numbers since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    Millis,
    Nanos,
}

/// Nanoseconds of a millisecond.
const NANOS: i64 = 1_000_000;

/// The most milliseconds whose nanoseconds have 64 bits.
const NANOS_MILLIS_MAX: i64 = i64::MAX / NANOS;

impl Resolution {
    /// The first or the last moment that a date as written stands for. What is beyond 64 bits of nanoseconds is the
    /// nearest moment that there is.
    pub(crate) fn moment(self, span: DateSpan, round_up: bool) -> i64 {
        match self {
            Self::Millis if round_up => span.last,
            Self::Millis => span.first,
            Self::Nanos => {
                let rest = if round_up && span.last > span.first { NANOS - 1 } else { span.nanos.into() };
                self.of_millis(if round_up { span.last } else { span.first }).saturating_add(rest)
            }
        }
    }

    /// A moment in milliseconds as this resolution has it.
    pub(crate) fn of_millis(self, millis: i64) -> i64 {
        match self {
            Self::Millis => millis,
            Self::Nanos => millis.saturating_mul(NANOS),
        }
    }

    /// The milliseconds of a moment.
    pub(crate) fn to_millis(self, moment: i64) -> i64 {
        match self {
            Self::Millis => moment,
            Self::Nanos => moment.div_euclid(NANOS),
        }
    }

    /// The moment of a document's date, or why it has none.
    pub(crate) fn stored(self, span: DateSpan) -> Result<i64, String> {
        if self == Self::Nanos {
            let fault = |where_to: &str| {
                Err(format!(
                    "date[{}] is {where_to} and cannot be stored in nanosecond resolution",
                    show(span.first)
                ))
            };
            if span.first < 0 {
                return fault("before the epoch in 1970");
            }
            let rest = i64::from(span.nanos);
            if span.first > NANOS_MILLIS_MAX || (span.first * NANOS).checked_add(rest).is_none() {
                return fault("after 2262-04-11T23:47:16.854775807");
            }
        }
        Ok(self.moment(span, false))
    }

    fn timestamp(self, moment: i64) -> Option<Timestamp> {
        match self {
            Self::Millis => Timestamp::from_millisecond(moment).ok(),
            Self::Nanos => Timestamp::from_nanosecond(moment.into()).ok(),
        }
    }

    fn of_timestamp(self, moment: Timestamp) -> i64 {
        match self {
            Self::Millis => moment.as_millisecond(),
            Self::Nanos => moment.as_nanosecond().clamp(i64::MIN.into(), i64::MAX.into()) as i64,
        }
    }

    /// The least step.
    fn tick(self) -> Span {
        match self {
            Self::Millis => Span::new().milliseconds(1),
            Self::Nanos => Span::new().nanoseconds(1),
        }
    }

    /// Reads a date with math, as [`read_math`] does.
    pub(crate) fn read_math(
        self,
        text: &str,
        formats: &DateFormats,
        now_millis: i64,
        zone: &TimeZone,
        round_up: bool,
    ) -> Result<i64, String> {
        let read = |date: &str, round_up| {
            let span = formats.read(date).ok_or_else(|| {
                format!("failed to parse date field [{date}] with format [{}]", formats.text())
            })?;
            // A date without a zone of its own is local to the request's.
            let span = if span.has_zone || *zone == TimeZone::UTC {
                span
            } else {
                DateSpan { first: from_local(zone, span.first), last: from_local(zone, span.last), ..span }
            };
            Ok::<i64, String>(self.moment(span, round_up))
        };
        let (base, math) = if let Some(math) = text.strip_prefix("now") {
            (self.of_millis(now_millis), math)
        } else if let Some((date, math)) = text.split_once("||") {
            (read(date, false)?, math)
        } else {
            return read(text, round_up);
        };
        self.apply_math(base, math, zone, round_up)
            .ok_or_else(|| format!("operator not supported for date math [{text}]"))
    }

    fn apply_math(self, base: i64, math: &str, zone: &TimeZone, round_up: bool) -> Option<i64> {
        let mut moment = self.timestamp(base)?.to_zoned_datetime(zone.clone());
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
                        floor.checked_add(unit_span(unit, 1)?).ok()?.checked_sub(self.tick()).ok()?
                    } else {
                        floor
                    }
                }
                _ => return None,
            };
        }
        Some(self.of_timestamp(moment.timestamp()))
    }
}

/// Reads a date with math: `now-1d/d`, `2026-01-01||+1M/M`. `round_up` asks for the last millisecond meant.
pub fn read_math(
    text: &str,
    formats: &DateFormats,
    now: i64,
    zone: &TimeZone,
    round_up: bool,
) -> Result<i64, String> {
    Resolution::Millis.read_math(text, formats, now, zone, round_up)
}

/// The first sign of a text and what follows.
fn split_first(text: &str) -> Option<(char, &str)> {
    let mut signs = text.chars();
    signs.next().map(|first| (first, signs.as_str()))
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

    /// 2026-11-24T10:20:30.123Z
    const NOW: i64 = 1_795_515_630_123;

    #[test]
    fn a_nanosecond_is_kept_and_what_is_cut_off_stands_for_all_of_it() {
        let formats = DateFormats::parse("strict_date_optional_time||epoch_millis").expect("formats");
        let nanos = |text: &str, up| {
            Resolution::Nanos.read_math(text, &formats, NOW, &TimeZone::UTC, up).expect(text)
        };
        for (text, first, last) in [
            ("1970-01-01T00:00:01.123456789Z", 1_123_456_789, 1_123_456_789),
            ("1970-01-01T00:00:01.1234Z", 1_123_400_000, 1_123_400_000),
            ("1970-01-01T00:00:01Z", 1_000_000_000, 1_999_999_999),
            ("1970-01-01T00:00:01.5+00:00", 1_500_000_000, 1_500_000_000),
            ("12345.678901", 12_345_678_901, 12_345_678_901),
            ("12345", 12_345_000_000, 12_345_000_000),
            ("1970-01-01T00:00:01.000000001||/s", 1_000_000_000, 1_999_999_999),
            ("1970-01-01T00:00:01.000000001||+1m", 61_000_000_001, 61_000_000_001),
            ("1969-12-31", -86_400_000_000_000, -1),
            ("now", NOW * 1_000_000, NOW * 1_000_000),
        ] {
            assert_eq!((nanos(text, false), nanos(text, true)), (first, last), "{text}");
        }
        let stored = |text: &str| Resolution::Nanos.stored(formats.read(text).expect(text));
        assert_eq!(stored("2262-04-11T23:47:16.854775807Z"), Ok(i64::MAX));
        assert!(
            stored("2262-04-11T23:47:16.854775808Z").is_err_and(|reason| reason.contains("is after 2262"))
        );
        assert!(
            stored("1969-12-31T23:59:59.999Z").is_err_and(|reason| reason.contains("is before the epoch"))
        );
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
}
