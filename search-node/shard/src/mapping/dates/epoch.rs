//! Dates as numbers since 1970: `epoch_millis` and `epoch_second`, with a fraction down to the nanosecond.

use super::{DateSpan, NANOS};

/// How a number of units is read, of so many nanoseconds each.
pub(super) fn read_count(text: &str, unit: i64) -> Option<DateSpan> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let fraction_max = if unit == NANOS { 6 } else { 9 };
    if whole.is_empty() || fraction.len() > fraction_max || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let sign = if digits.len() < text.len() { -1 } else { 1 };
    let parts: i64 = format!("{fraction:0<fraction_max$}").parse().ok()?;
    let millis = whole.parse::<i64>().ok()?.checked_mul(unit / NANOS)?.checked_mul(sign)?;
    let first = millis.checked_add((sign * parts).div_euclid(NANOS))?;
    let nanos = (sign * parts).rem_euclid(NANOS) as u32;
    // A whole second is all of it.
    let length = if unit > NANOS && fraction.is_empty() { unit / NANOS } else { 1 };
    Some(DateSpan { first, last: first.checked_add(length - 1)?, nanos, has_zone: true })
}

/// The number of such units.
pub(super) fn write_count(millis: i64, nanos: u32, unit: i64) -> String {
    let total = i128::from(millis) * i128::from(NANOS) + i128::from(nanos);
    let width = if unit == NANOS { 6 } else { 9 };
    let (whole, fraction) = (total.abs() / i128::from(unit), total.abs() % i128::from(unit));
    let sign = if total < 0 { "-" } else { "" };
    let written = format!("{sign}{whole}.{fraction:0width$}");
    written.trim_end_matches('0').trim_end_matches('.').to_owned()
}
