//! Days of the proleptic Gregorian calendar and weeks of ISO 8601, for every year that a moment of 64 bits can be in.

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

/// The years that dates may have, as `java.time` has them.
pub(super) const YEARS: std::ops::RangeInclusive<i64> = -292_275_055..=292_278_994;

/// Days since 1970-01-01, none for a day that the month does not have.
/// The algorithm is Howard Hinnant's `days_from_civil`.
pub(super) fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    if !YEARS.contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day of a day since 1970-01-01: Howard Hinnant's `civil_from_days`.
pub(super) fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

pub(super) fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The day of the year, from 1.
pub(super) fn day_of_year(year: i64, days: i64) -> i64 {
    days - days_since_epoch(year, 1, 1).unwrap_or(days) + 1
}

/// The day of the week, Monday is 1.
pub(super) fn day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// The Monday of the first week of a year of weeks.
fn first_monday(week_year: i64) -> Option<i64> {
    let fourth = days_since_epoch(week_year, 1, 4)?;
    Some(fourth - (day_of_week(fourth) - 1))
}

/// The year of weeks and the week of a day.
pub(super) fn week_of(days: i64) -> (i64, i64) {
    let (year, ..) = date_of(days + 4 - day_of_week(days));
    let start = first_monday(year).unwrap_or(days);
    (year, (days - start) / 7 + 1)
}

/// The day of a year of weeks, none for a week that it does not have.
pub(super) fn day_of_weeks(week_year: i64, week: i64, day_of_week: i64) -> Option<i64> {
    if week < 1 || !(1..=7).contains(&day_of_week) {
        return None;
    }
    let day = first_monday(week_year)? + (week - 1) * 7;
    (week <= 52 || week_of(day) == (week_year, week)).then_some(day + day_of_week - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_found_again_by_its_date_and_by_its_week() {
        for days in
            (-800_000..800_000).step_by(97).chain([0, -1, 2_932_896, 106_751_991_167, -106_751_991_167])
        {
            let (year, month, day) = date_of(days);
            assert_eq!(days_since_epoch(year, month, day), Some(days), "{days}");
            let (week_year, week) = week_of(days);
            assert_eq!(day_of_weeks(week_year, week, day_of_week(days)), Some(days), "{days}");
        }
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(day_of_week(0), 4);
        assert_eq!(day_of_weeks(2021, 53, 1), None);
        assert_eq!(week_of(days_since_epoch(2021, 1, 3).expect("a day")), (2020, 53));
    }
}
