//! Zones by the names that dates are written with.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// What short names of zones mean that the database of zones does not have as names.
const SHORT: [(&str, &str); 17] = [
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("MDT", "America/Denver"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("BST", "Europe/London"),
    ("WEST", "Europe/Lisbon"),
    ("CEST", "Europe/Paris"),
    ("EEST", "Europe/Athens"),
    ("MSK", "Europe/Moscow"),
    ("IST", "Asia/Kolkata"),
    ("HKT", "Asia/Hong_Kong"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("AEST", "Australia/Sydney"),
    ("NZST", "Pacific/Auckland"),
];

/// `Europe/Berlin`, `CET`, `PST`.
pub(super) fn zone_named(name: &str) -> Option<TimeZone> {
    let known = SHORT.iter().find(|(short, _)| *short == name);
    TimeZone::get(known.map_or(name, |(_, long)| long)).ok()
}

/// Seconds east of Greenwich and the short name of a zone at a moment. Zones are known within the years that the database of zones
/// can tell; beyond, what was at its ends goes on.
pub(super) fn at(zone: &TimeZone, millis: i64) -> (i64, String) {
    let within = millis.clamp(Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    let moment = Timestamp::from_millisecond(within).unwrap_or(Timestamp::UNIX_EPOCH);
    let info = zone.to_offset_info(moment);
    (info.offset().seconds().into(), info.abbreviation().to_owned())
}

/// The moment at which it is so late in a zone, both in milliseconds. A time that clocks leave out is the one after it.
pub(in crate::mapping) fn from_local(zone: &TimeZone, local: i64) -> i64 {
    let civil = Timestamp::from_millisecond(local).ok().map(|moment| Offset::UTC.to_datetime(moment));
    match civil.map(|civil| zone.to_timestamp(civil)) {
        Some(Ok(moment)) => moment.as_millisecond(),
        _ => local.saturating_sub(at(zone, local).0 * 1000),
    }
}
