//! From the parts of a date to the time that it stands for.

use super::calendar::{DAY, date_of, day_of_week, day_of_weeks, days_since_epoch, is_leap_year};
use super::element::Part;
use super::read::Parsed;
use super::zones::from_local;
use super::{DateSpan, NANOS};

/// The time that a text's parts stand for. What is missing of the date is the first there is, what is missing of the time makes a span:
/// a date without a time is all of its day.
pub(super) fn resolve(parsed: &Parsed, text: &str) -> Option<DateSpan> {
    check_ranges(parsed)?;
    let time = time_of(parsed)?;
    let days = match day_of(parsed)? {
        Some(days) => days,
        None if time.is_some() => 0,
        None => return None,
    };
    let (nanos, length) = time.unwrap_or((0, DAY));
    let local = days.checked_mul(DAY)?.checked_add(nanos / NANOS)?;
    let zone = parsed.zone(text);
    let first = match (parsed.offset, &zone) {
        (Some(offset), _) => local.checked_sub(offset * 1000)?,
        (None, Some(zone)) => from_local(zone, local),
        (None, None) => local,
    };
    Some(DateSpan {
        first,
        last: first.checked_add(length - 1)?,
        nanos: (nanos % NANOS) as u32,
        has_zone: parsed.offset.is_some() || zone.is_some(),
    })
}

/// Whether every part is one that there is.
fn check_ranges(parsed: &Parsed) -> Option<()> {
    let ranges = [
        (Part::Month, 1, 12),
        (Part::Quarter, 1, 4),
        (Part::DayOfMonth, 1, 31),
        (Part::DayOfYear, 1, 366),
        (Part::DayOfWeek, 1, 7),
        (Part::Week, 1, 53),
        (Part::WeekOfMonth, 0, 5),
        (Part::AlignedWeek, 1, 5),
        (Part::Hour, 0, 23),
        (Part::ClockHour, 1, 24),
        (Part::HalfDayHour, 0, 11),
        (Part::HalfDayClockHour, 1, 12),
        (Part::Minute, 0, 59),
        (Part::Second, 0, 59),
        (Part::Nano, 0, 999_999_999),
        (Part::MilliOfDay, 0, DAY - 1),
        (Part::NanoOfDay, 0, DAY * NANOS - 1),
        (Part::YearOfEra, 1, 999_999_999),
    ];
    let fits = |(part, least, most): &(Part, i64, i64)| {
        parsed.get(*part).is_none_or(|value| (*least..=*most).contains(&value))
    };
    ranges.iter().all(fits).then_some(())
}

/// The day, if there is one; nothing at all if there is no such day.
fn day_of(parsed: &Parsed) -> Option<Option<i64>> {
    let days = match (year_of(parsed), parsed.get(Part::WeekYear)) {
        (Some(year), _) => Some(day_of_year(parsed, year)?),
        (None, Some(week_year)) => Some(day_of_weeks(
            week_year,
            parsed.get(Part::Week).unwrap_or(1),
            parsed.get(Part::DayOfWeek).unwrap_or(1),
        )?),
        (None, None) if parsed.get(Part::Month).is_some() => Some(day_of_year(parsed, 1970)?),
        (None, None) => parsed.get(Part::ModifiedJulianDay).map(|day| day.saturating_sub(40_587)),
    };
    // `Mon, 24 Nov 2026` was no Monday; only an exact day can be told so.
    let is_exact = parsed.get(Part::Year).is_some() && parsed.get(Part::DayOfMonth).is_some();
    match (days, parsed.get(Part::DayOfWeek)) {
        (Some(days), Some(named)) if is_exact && day_of_week(days) != named => None,
        _ => Some(days),
    }
}

fn year_of(parsed: &Parsed) -> Option<i64> {
    let of_era = parsed.get(Part::YearOfEra);
    let of_era = if parsed.get(Part::Era) == Some(0) { of_era.map(|year| 1 - year) } else { of_era };
    parsed.get(Part::Year).or(of_era)
}

fn day_of_year(parsed: &Parsed, year: i64) -> Option<i64> {
    match (parsed.get(Part::Month), parsed.get(Part::DayOfMonth), parsed.get(Part::DayOfYear)) {
        (Some(month), Some(day), _) => days_since_epoch(year, month, day),
        (None, _, Some(day)) if day == 366 && !is_leap_year(year) => None,
        (None, _, Some(day)) => days_since_epoch(year, 1, 1).map(|first| first + day - 1),
        (month, ..) => days_since_epoch(year, month.unwrap_or(1), 1),
    }
}

/// Nanoseconds of the day, and how many milliseconds such a time lasts, if there is a time.
fn time_of(parsed: &Parsed) -> Option<Option<(i64, i64)>> {
    if let Some(nanos) = parsed.get(Part::NanoOfDay) {
        return Some(Some((nanos, 1)));
    }
    if let Some(millis) = parsed.get(Part::MilliOfDay) {
        return Some(Some((millis * NANOS, 1)));
    }
    let Some(hour) = hour_of(parsed) else { return Some(None) };
    let (minute, second) = (parsed.get(Part::Minute), parsed.get(Part::Second));
    let nano = parsed.get(Part::Nano);
    // Seconds of an hour without minutes are no time.
    if minute.is_none() && (second.is_some() || nano.is_some()) {
        return Some(None);
    }
    let length = match (minute, second, nano) {
        (_, _, Some(_)) => 1,
        (_, Some(_), _) => 1000,
        (Some(_), ..) => 60_000,
        _ => 3_600_000,
    };
    let seconds = hour * 3600 + minute.unwrap_or(0) * 60 + second.unwrap_or(0);
    Some(Some((seconds * 1000 * NANOS + nano.unwrap_or(0), length)))
}

/// The hour of the day, however it is told. Without its half of the day an hour up to twelve is none.
fn hour_of(parsed: &Parsed) -> Option<i64> {
    let of_half = || {
        let hour =
            parsed.get(Part::HalfDayHour).or(parsed.get(Part::HalfDayClockHour).map(|hour| hour % 12))?;
        Some(hour + 12 * parsed.get(Part::HalfDay)?)
    };
    parsed.get(Part::Hour).or(parsed.get(Part::ClockHour).map(|hour| hour % 24)).or_else(of_half)
}

/// A moment as its parts, for writing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) days: i64,
    pub(super) year: i64,
    month: i64,
    day: i64,
    /// Nanoseconds of the day.
    nanos: i64,
}

impl Moment {
    /// So many milliseconds after 1970 on the clocks of some place, and nanoseconds beyond.
    pub(super) fn of_local(local: i64, nanos: u32) -> Self {
        let days = local.div_euclid(DAY);
        let (year, month, day) = date_of(days);
        Self { days, year, month, day, nanos: local.rem_euclid(DAY) * NANOS + i64::from(nanos) }
    }

    pub(super) fn get(&self, part: Part) -> i64 {
        let second_of_day = self.nanos / (1000 * NANOS);
        let hour = second_of_day / 3600;
        let clock = |hour: i64, most: i64| if hour == 0 { most } else { hour };
        let weeks = super::calendar::week_of(self.days);
        match part {
            Part::Year => self.year,
            Part::YearOfEra if self.year > 0 => self.year,
            Part::YearOfEra => 1 - self.year,
            Part::Era => i64::from(self.year > 0),
            Part::Month => self.month,
            Part::Quarter => (self.month - 1) / 3 + 1,
            Part::DayOfMonth => self.day,
            Part::DayOfYear => super::calendar::day_of_year(self.year, self.days),
            Part::DayOfWeek => day_of_week(self.days),
            Part::WeekYear => weeks.0,
            Part::Week => weeks.1,
            Part::WeekOfMonth => self.week_of_month(),
            Part::AlignedWeek => (self.day - 1) / 7 + 1,
            Part::ModifiedJulianDay => self.days + 40_587,
            Part::Hour => hour,
            Part::ClockHour => clock(hour, 24),
            Part::HalfDayHour => hour % 12,
            Part::HalfDayClockHour => clock(hour % 12, 12),
            Part::HalfDay => hour / 12,
            Part::Minute => second_of_day / 60 % 60,
            Part::Second => second_of_day % 60,
            Part::Nano => self.nanos % (1000 * NANOS),
            Part::MilliOfDay => self.nanos / NANOS,
            Part::NanoOfDay => self.nanos,
        }
    }

    /// Weeks begin on Monday; the first is the one that has four days of the month, those before are of week 0.
    fn week_of_month(&self) -> i64 {
        let first_of_month = self.days - (self.day - 1);
        let before = day_of_week(first_of_month) - 1;
        (self.day - 1 + before) / 7 + i64::from(before <= 3)
    }
}
