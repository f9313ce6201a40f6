//! The formats that have a name. What each reads and writes is Elasticsearch's, from its reference page "format"; the notation is that
//! of patterns with what stands in braces beside.

use super::element::Element;
use super::pattern::parse_pattern;

/// What may follow a format's pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// Nothing.
    None,
    /// A zone or an offset, with or without a colon.
    Any,
    /// An offset, with or without a colon.
    Offset,
    /// The first of these, or nothing.
    Optional,
}

use Zone::{Any, None as Plain, Offset, Optional as MaybeZone};

struct Named {
    name: &'static str,
    /// How a date is written.
    written: &'static str,
    /// How it is read, if otherwise.
    read: &'static str,
    zone: Zone,
}

const fn named(name: &'static str, written: &'static str, read: &'static str, zone: Zone) -> Named {
    Named { name, written, read, zone }
}

const OPTIONAL_TIME: &str = "uuuu-MM-dd'T'HH:mm:ss{.3-3}{+HH:MM}";
const READ_OPTIONAL_TIME: &str = "uuuu[-MM[-dd]]['T'[HH[:mm[:ss[{.1-9}][,{,1-9}]]]][{zone}][{+HHmm}]]";

/// All names, as they are written since 7.0.
#[rustfmt::skip]
static NAMED: &[Named] = &[
    named("iso8601", OPTIONAL_TIME, READ_OPTIONAL_TIME, Plain),
    named("strict_date_optional_time", OPTIONAL_TIME, READ_OPTIONAL_TIME, Plain),
    named("strict_date_optional_time_nanos", "uuuu-MM-dd'T'HH:mm:ss{.3-9}{+HH:MM}", READ_OPTIONAL_TIME, Plain),
    named("date_optional_time", OPTIONAL_TIME, "{y1-5}[-{M1-2}[-{d1-2}]]['T'[{H1-2}[:{m1-2}[:{s1-2}][{.1-9}][,{,1-9}][{zone}][{+HHmm}]]]]", Plain),
    named("basic_date", "{y4-4}MMdd", "{y1-4}{M1-2}{d1-2}", Plain),
    named("basic_date_time", "{y4-4}MMdd'T'HHmmss{.3-3}{+HH:MM}", "{y4-4}MMdd'T'HHmmss{.1-9}", Any),
    named("basic_date_time_no_millis", "{y4-4}MMdd'T'HHmmss{+HH:MM}", "{y4-4}MMdd'T'HHmmss", Any),
    named("basic_ordinal_date", "uuuuDDD", "", Plain),
    named("basic_ordinal_date_time", "yyyyDDD'T'HHmmss{.3-3}{+HH:MM}", "yyyyDDD'T'HHmmss{.1-9}", Any),
    named("basic_ordinal_date_time_no_millis", "uuuuDDD'T'HHmmss{+HH:MM}", "uuuuDDD'T'HHmmss", Any),
    named("basic_time", "HHmmss{.3-3}{+HH:MM}", "HHmmss{.1-9}", Any),
    named("basic_time_no_millis", "HHmmss{+HH:MM}", "HHmmss", Any),
    named("basic_t_time", "'T'HHmmss{.3-3}{+HH:MM}", "'T'HHmmss{.1-9}", Any),
    named("basic_t_time_no_millis", "'T'HHmmss{+HH:MM}", "'T'HHmmss", Any),
    named("basic_week_date", "{Y4-4}'W'{w2-2}{e1-19}", "{Y1-19}'W'{w1-2}{e1-19}", Plain),
    named("strict_basic_week_date", "{Y4-4}'W'{w2-2}{e1-19}", "{Y4-4}'W'{w1-2}{e1-19}", Plain),
    named("basic_week_date_time", "{Y4-4}'W'{w2-2}{e1-19}'T'HHmmss.SSSX", "{Y1-19}'W'{w1-2}{e1-19}'T'HHmmss{.1-9}", Any),
    named("strict_basic_week_date_time", "{Y4-4}'W'{w2-2}{e1-19}'T'HHmmss.SSSX", "{Y4-4}'W'{w1-2}{e1-19}'T'HHmmss{.1-9}", Any),
    named("basic_week_date_time_no_millis", "{Y4-4}'W'{w2-2}{e1-19}'T'HHmmssX", "{Y1-19}'W'{w1-2}{e1-19}'T'HHmmss", Any),
    named("strict_basic_week_date_time_no_millis", "{Y4-4}'W'{w2-2}{e1-19}'T'HHmmss{+HH:MM}", "{Y4-4}'W'{w2-2}{e1-19}'T'HHmmss", Any),
    named("date", "uuuu-MM-dd", "{y1-5}[-{M1-2}[-{d1-2}]]", Plain),
    named("strict_date", "uuuu-MM-dd", "", Plain),
    named("date_hour", "uuuu-MM-dd'T'HH", "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}", Plain),
    named("strict_date_hour", "uuuu-MM-dd'T'HH", "", Plain),
    named("date_hour_minute", "uuuu-MM-dd'T'HH:mm", "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}:{m1-2}", Plain),
    named("strict_date_hour_minute", "uuuu-MM-dd'T'HH:mm", "", Plain),
    named("date_hour_minute_second", "uuuu-MM-dd'T'HH:mm:ss", "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}:{m1-2}:{s1-2}", Plain),
    named("strict_date_hour_minute_second", "uuuu-MM-dd'T'HH:mm:ss", "", Plain),
    named("date_hour_minute_second_fraction", "uuuu-MM-dd'T'HH:mm:ss{.3-3}", "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}:{m1-2}:{s1-2}{.1-9}", Plain),
    named("strict_date_hour_minute_second_fraction", "uuuu-MM-dd'T'HH:mm:ss{.3-3}", "uuuu[-MM[-dd]]'T'HH:mm:ss{.1-9}", Plain),
    named("date_hour_minute_second_millis", "uuuu-MM-dd'T'HH:mm:ss{.3-3}", "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}:{m1-2}:{s1-2}{.1-3}", Plain),
    named("strict_date_hour_minute_second_millis", "uuuu-MM-dd'T'HH:mm:ss{.3-3}", "uuuu[-MM[-dd]]'T'HH:mm:ss{.1-9}", Plain),
    named("date_time", OPTIONAL_TIME, "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}:{m1-2}[:{s1-2}{.1-9}]", Offset),
    named("strict_date_time", "uuuu-MM-dd'T'HH:mm:ss{.3-9}{+HH:MM}", "uuuu[-MM[-dd]]'T'HH:mm:ss[{.1-9}]", Any),
    named("date_time_no_millis", "uuuu-MM-dd'T'HH:mm:ss{zone}", "{y1-5}[-{M1-2}[-{d1-2}]]'T'{H1-2}:{m1-2}[:{s1-2}]", MaybeZone),
    named("strict_date_time_no_millis", "uuuu-MM-dd'T'HH:mm:ss{+HH:MM}", "uuuu[-MM[-dd]]'T'HH:mm:ss", Any),
    named("hour", "HH", "{H1-2}", Plain),
    named("strict_hour", "HH", "", Plain),
    named("hour_minute", "HH:mm", "{H1-2}:{m1-2}", Plain),
    named("strict_hour_minute", "HH:mm", "", Plain),
    named("hour_minute_second", "HH:mm:ss", "{H1-2}:{m1-2}:{s1-2}", Plain),
    named("strict_hour_minute_second", "HH:mm:ss", "", Plain),
    named("hour_minute_second_fraction", "HH:mm:ss{.3-3}", "{H1-2}:{m1-2}:{s1-2}{.1-9}", Plain),
    named("strict_hour_minute_second_fraction", "HH:mm:ss{.3-3}", "HH:mm:ss{.1-9}", Plain),
    named("hour_minute_second_millis", "HH:mm:ss{.3-3}", "{H1-2}:{m1-2}:{s1-2}{.1-3}", Plain),
    named("strict_hour_minute_second_millis", "HH:mm:ss{.3-3}", "HH:mm:ss{.1-9}", Plain),
    named("ordinal_date", "uuuu-DDD", "uuuu-{D1-3}", Plain),
    named("strict_ordinal_date", "uuuu-DDD", "", Plain),
    named("ordinal_date_time", "uuuu-DDD'T'HH:mm:ss{.3-9}{+HH:MM}", "uuuu-{D1-3}'T'{H1-2}:{m1-2}[:{s1-2}{.1-9}]", Any),
    named("strict_ordinal_date_time", "uuuu-DDD'T'HH:mm:ss{.3-9}{+HH:MM}", "uuuu-DDD'T'HH:mm[:ss{.1-9}]", Any),
    named("ordinal_date_time_no_millis", "uuuu-DDD'T'HH:mm:ss{+HH:MM}", "uuuu-{D1-3}'T'{H1-2}:{m1-2}:{s1-2}", Any),
    named("strict_ordinal_date_time_no_millis", "uuuu-DDD'T'HH:mm:ss{+HH:MM}", "uuuu-DDD'T'HH:mm:ss", Any),
    named("time", "HH:mm:ss{.3-3}{+HH:MM}", "{H1-2}:{m1-2}:{s1-2}{.1-9}", Any),
    named("strict_time", "HH:mm:ss{.3-3}{+HH:MM}", "HH:mm:ss{.1-9}", Any),
    named("time_no_millis", "HH:mm:ss{+HH:MM}", "{H1-2}:{m1-2}:{s1-2}", Any),
    named("strict_time_no_millis", "HH:mm:ss{+HH:MM}", "HH:mm:ss", Any),
    named("t_time", "'T'HH:mm:ss{.3-3}{+HH:MM}", "'T'{H1-2}:{m1-2}:{s1-2}{.1-9}", Any),
    named("strict_t_time", "'T'HH:mm:ss{.3-3}{+HH:MM}", "'T'HH:mm:ss{.1-9}", Any),
    named("t_time_no_millis", "'T'HH:mm:ss{+HH:MM}", "'T'{H1-2}:{m1-2}:{s1-2}", Any),
    named("strict_t_time_no_millis", "'T'HH:mm:ss{+HH:MM}", "'T'HH:mm:ss", Any),
    named("week_date", "YYYY-'W'ww-{e1-1}", "YYYY-'W'{w1-2}-{e1-1}", Plain),
    named("strict_week_date", "YYYY-'W'ww-{e1-1}", "", Plain),
    named("week_date_time", "YYYY-'W'ww-{e1-1}'T'HH:mm:ss{.3-3}{+HH:MM}", "YYYY-'W'{w1-2}-{e1-1}'T'{H1-2}:{m1-2}:{s1-2}{.1-9}", Any),
    named("strict_week_date_time", "YYYY-'W'ww-{e1-1}'T'HH:mm:ss{.3-3}{+HH:MM}", "YYYY-'W'ww-{e1-1}'T'HH:mm:ss{.1-9}", Any),
    named("week_date_time_no_millis", "YYYY-'W'ww-{e1-1}'T'HH:mm:ss{+HH:MM}", "YYYY-'W'{w1-2}-{e1-1}'T'{H1-2}:{m1-2}:{s1-2}", Any),
    named("strict_week_date_time_no_millis", "YYYY-'W'ww-{e1-1}'T'HH:mm:ss{+HH:MM}", "YYYY-'W'ww-{e1-1}'T'HH:mm:ss", Any),
    named("weekyear", "{Y1-19}", "", Plain),
    named("week_year", "{Y1-19}", "", Plain),
    named("strict_weekyear", "YYYY", "", Plain),
    named("weekyear_week", "YYYY-'W'ww", "{Y1-19}-'W'{w1-2}", Plain),
    named("strict_weekyear_week", "YYYY-'W'ww", "", Plain),
    named("weekyear_week_day", "YYYY-'W'ww-{e1-1}", "{Y1-19}-'W'{w1-2}-{e1-1}", Plain),
    named("strict_weekyear_week_day", "YYYY-'W'ww-{e1-1}", "", Plain),
    named("year", "{y1-19}", "", Plain),
    named("strict_year", "uuuu", "", Plain),
    named("year_month", "uuuu-MM", "{y1-19}-{M1-2}", Plain),
    named("strict_year_month", "uuuu-MM", "", Plain),
    named("year_month_day", "uuuu-MM-dd", "{y1-19}-{M1-2}-{d1-2}", Plain),
    named("strict_year_month_day", "uuuu-MM-dd", "uuuu[-MM[-dd]]", Plain),
];

/// What a format writes, and the ways in which it reads.
pub(super) type WrittenAndRead = (Vec<Element>, Vec<Vec<Element>>);

/// What a format of this name writes, and what it reads.
pub(super) fn named_format(name: &str) -> Option<Result<WrittenAndRead, String>> {
    let name = snake(name);
    let found = NAMED.iter().find(|known| known.name == name)?;
    let read = if found.read.is_empty() { found.written } else { found.read };
    let ends: &[&str] = match found.zone {
        Zone::None => &[""],
        Zone::Any => &["{zone}", "{+HHmm}"],
        Zone::Offset => &["{+HH:MM}", "{+HHmm}"],
        Zone::Optional => &["{zone}", "{+HHmm}", ""],
    };
    let written = parse_pattern(found.written, true);
    let read = ends.iter().map(|end| parse_pattern(&format!("{read}{end}"), true));
    let read: Result<Vec<_>, _> = read.collect();
    Some(written.and_then(|written| Ok((written, read?))))
}

/// Until 7.0 names were written as `strictDateOptionalTime`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|known| known.name)
}
