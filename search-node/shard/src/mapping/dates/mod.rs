//! Dates: the formats of `date` and `date_nanos` fields, and how a date is shown. Milliseconds since 1970 throughout; what a date has
//! beyond them is kept beside.
//!
//! The formats follow Elasticsearch's reference page "format", their letters `java.time`; `date_math` reads dates with math.

mod calendar;
mod element;
mod epoch;
mod iso;
mod locale;
mod named;
mod pattern;
mod read;
mod resolve;
#[cfg(test)]
mod tests;
mod write;
mod zones;

use std::sync::{Arc, LazyLock};

use jiff::tz::TimeZone;

use element::Element;
pub(super) use iso::Cursor;
pub use locale::Locale;
pub(super) use zones::from_local;

pub(crate) use super::date_math::{Resolution, floor_to};
pub use super::date_math::{read_math, time_zone};

/// The formats that a field accepts, tried in order; dates are shown in the first.
#[derive(Debug, Clone)]
pub struct DateFormats(Arc<Formats>);

#[derive(Debug)]
struct Formats {
    /// As the mapping or the request has it.
    text: String,
    locale: Locale,
    formats: Vec<Format>,
}

#[derive(Debug)]
enum Format {
    EpochMillis,
    EpochSecond,
    Elements {
        /// Whether most of its dates are read at once.
        is_iso: bool,
        written: Vec<Element>,
        /// Ways to read, tried in order.
        read: Vec<Vec<Element>>,
    },
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
    /// Whether it says by itself where it is so late; else it is as late in Greenwich as here.
    pub has_zone: bool,
}

impl DateSpan {
    fn exact(millis: i64) -> Self {
        Self { first: millis, last: millis, nanos: 0, has_zone: true }
    }
}

/// A request may show every bucket in a format of its own, and each date costs the length of it. Every name of a format takes a few
/// letters: this is far more than there are names.
const FORMAT_LENGTH_MAX: usize = 512;

/// Nanoseconds of a millisecond.
const NANOS: i64 = 1_000_000;

static DEFAULT: LazyLock<DateFormats> = LazyLock::new(|| {
    DateFormats::parse(DateFormats::DEFAULT).unwrap_or_else(|_| unreachable!("a known format"))
});

impl DateFormats {
    /// What a `date` field accepts by default.
    pub const DEFAULT: &'static str = "strict_date_optional_time||epoch_millis";

    /// The formats of a text such as `yyyy-MM-dd||epoch_second`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::with_locale(text, Locale::ROOT)
    }

    /// The same with the names of a language.
    pub fn with_locale(text: &str, locale: Locale) -> Result<Self, String> {
        let length = text.chars().count();
        if length > FORMAT_LENGTH_MAX {
            let start: String = text.chars().take(50).collect();
            return Err(format!(
                "Invalid format: [{start}...]: it has [{length}] characters, and may have [{FORMAT_LENGTH_MAX}]"
            ));
        }
        Self::of_any_length(text, locale)
    }

    fn of_any_length(text: &str, locale: Locale) -> Result<Self, String> {
        // Since 7.0 a leading 8 may say that the letters are those of `java.time`.
        let pattern = text.strip_prefix('8').unwrap_or(text);
        if pattern.trim().is_empty() {
            return Err("No date pattern provided".to_owned());
        }
        if pattern.contains("||") && pattern.split("||").any(|name| name.trim().is_empty()) {
            return Err(format!("Cannot have empty element in multi date format pattern: {text}"));
        }
        let formats = pattern.split("||").map(|name| Format::parse(name.trim())).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Formats { text: text.to_owned(), locale, formats })))
    }

    /// Those of a text that an older build may have taken: those that can be read, or the usual ones where none can be.
    pub(crate) fn read_stored(text: &str, locale: Locale) -> Self {
        Self::of_any_length(text, locale).unwrap_or_else(|_| {
            let is_readable = |name: &&str| Self::of_any_length(name, locale).is_ok();
            let readable: Vec<_> = text.split("||").filter(is_readable).collect();
            Self::of_any_length(&readable.join("||"), locale).unwrap_or_default()
        })
    }

    /// The formats as they were given.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The language of their names.
    pub fn locale(&self) -> Locale {
        self.0.locale
    }

    /// Reads a text in the first format that fits.
    pub fn read(&self, text: &str) -> Option<DateSpan> {
        self.0.formats.iter().find_map(|format| format.read(text, &self.0.locale))
    }

    /// Reads a whole number as its text would be read.
    pub fn read_number(&self, number: i64) -> Option<DateSpan> {
        // So many digits are no year and no day; so few are exact as a decimal number.
        const PLAIN_MILLIS: std::ops::Range<i64> = 10_000_000_000..1 << 53;
        let reads_millis = self.0.formats.iter().find(|format| !format.is_iso());
        if matches!(reads_millis, Some(Format::EpochMillis)) && PLAIN_MILLIS.contains(&number) {
            return Some(DateSpan::exact(number));
        }
        self.read(&number.to_string())
    }

    /// A moment in the first format.
    pub fn show(&self, millis: i64, zone: &TimeZone) -> String {
        self.show_nanos(millis, 0, zone)
    }

    /// A moment as a field has it in the first format.
    pub(crate) fn show_moment(&self, resolution: Resolution, moment: i64, zone: &TimeZone) -> String {
        let nanos = if resolution == Resolution::Nanos { moment.rem_euclid(NANOS) as u32 } else { 0 };
        self.show_nanos(resolution.to_millis(moment), nanos, zone)
    }

    fn show_nanos(&self, millis: i64, nanos: u32, zone: &TimeZone) -> String {
        match self.0.formats.first() {
            Some(Format::EpochSecond) => epoch::write_count(millis, nanos, 1000 * NANOS),
            Some(Format::Elements { written, .. }) => {
                write::write_elements(written, (millis, nanos), zone, &self.0.locale)
            }
            _ => epoch::write_count(millis, nanos, NANOS),
        }
    }
}

impl Default for DateFormats {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl PartialEq for DateFormats {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text && self.0.locale == other.0.locale
    }
}

impl Format {
    fn parse(name: &str) -> Result<Self, String> {
        let fault = |reason| format!("Invalid format: [{name}]: {reason}");
        let is_iso = matches!(
            name,
            "strict_date_optional_time"
                | "strictDateOptionalTime"
                | "strict_date_optional_time_nanos"
                | "iso8601"
        );
        match name {
            "" => return Err("No date pattern provided".to_owned()),
            "epoch_millis" => return Ok(Self::EpochMillis),
            "epoch_second" => return Ok(Self::EpochSecond),
            _ => {}
        }
        let (written, read) = match named::named_format(name) {
            Some(named) => named.map_err(fault)?,
            None => {
                let written = pattern::parse_pattern(name, false).map_err(fault)?;
                let read = vec![written.clone()];
                (written, read)
            }
        };
        Ok(Self::Elements { is_iso, written, read })
    }

    fn is_iso(&self) -> bool {
        matches!(self, Self::Elements { is_iso: true, .. })
    }

    fn read(&self, text: &str, locale: &Locale) -> Option<DateSpan> {
        match self {
            Format::EpochMillis => epoch::read_count(text, NANOS),
            Format::EpochSecond => epoch::read_count(text, 1000 * NANOS),
            Format::Elements { is_iso, read, .. } => {
                let usual = if *is_iso { iso::read_iso(text) } else { None };
                usual.or_else(|| read.iter().find_map(|elements| read_span(elements, text, locale)))
            }
        }
    }
}

/// What a text stands for by the elements of a format.
fn read_span(elements: &[Element], text: &str, locale: &Locale) -> Option<DateSpan> {
    let parsed = read::read_elements(elements, text, locale)?;
    resolve::resolve(&parsed, text)
}

/// `2026-11-24T10:20:30.123Z`
pub fn show(millis: i64) -> String {
    DEFAULT.show(millis, &TimeZone::UTC)
}

/// A date in a zone, by a format such as `yyyy.MM.dd`.
pub fn show_as(millis: i64, format: &str, zone: &TimeZone) -> Result<String, String> {
    Ok(DateFormats::parse(format)?.show(millis, zone))
}
