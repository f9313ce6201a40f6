//! Writing a moment by the elements of a format.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::element::{Element, Number, OffsetShape, Part, Presence, Sign};
use super::locale::Locale;
use super::resolve::Moment;
use super::zones;

/// What is written, and where it is so late.
pub(super) struct Writer<'a> {
    moment: Moment,
    /// Seconds east of Greenwich.
    offset: i64,
    zone: &'a TimeZone,
    short_zone: String,
    locale: &'a Locale,
    written: String,
}

/// A moment in a zone: milliseconds since 1970, and nanoseconds beyond.
pub(super) fn write_elements(
    elements: &[Element],
    (millis, nanos): (i64, u32),
    zone: &TimeZone,
    locale: &Locale,
) -> String {
    let (offset, short_zone) = zones::at(zone, millis);
    let moment = Moment::of_local(millis.saturating_add(offset * 1000), nanos);
    let mut writer = Writer { moment, offset, zone, short_zone, locale, written: String::new() };
    writer.all(elements);
    writer.written
}

impl Writer<'_> {
    fn all(&mut self, elements: &[Element]) {
        elements.iter().for_each(|element| self.one(element));
    }

    fn one(&mut self, element: &Element) {
        match element {
            Element::Number(number) => self.number(number),
            Element::Fraction { min, max } => {
                self.written.push('.');
                self.fraction(*min, *max);
            }
            Element::Text { part, style } => {
                self.written.push_str(&self.locale.name(*part, *style, self.moment.get(*part)));
            }
            Element::Literal(letter) => self.written.push(*letter),
            Element::Offset(shape) => self.offset(*shape),
            Element::GmtOffset { full } => self.gmt_offset(*full),
            Element::Zone => self.zone_id(),
            Element::ZoneText => self.zone_text(),
            Element::Optional(inner) => self.all(inner),
            Element::Padded(width, inner) => {
                let from = self.written.len();
                self.one(inner);
                let missing = width.saturating_sub(self.written[from..].chars().count());
                self.written.insert_str(from, &" ".repeat(missing));
            }
        }
    }

    fn number(&mut self, number: &Number) {
        if number.is_fraction {
            return self.fraction(number.min, number.max);
        }
        let value = self.moment.get(number.part);
        let value = if number.is_reduced { value.rem_euclid(100) } else { value };
        let digits = value.unsigned_abs().to_string();
        if value < 0 {
            self.written.push('-');
        } else if number.sign == Sign::ExceedsPad && digits.len() > number.min {
            self.written.push('+');
        }
        let _ = write!(self.written, "{digits:0>width$}", width = number.min);
    }

    /// Digits of the second, as many as are not zero within these bounds.
    fn fraction(&mut self, min: usize, max: usize) {
        let digits = format!("{:09}", self.moment.get(Part::Nano));
        let most = &digits[..max.min(digits.len())];
        let needed = most.trim_end_matches('0').len().max(min);
        self.written.push_str(&most[..needed.min(most.len())]);
    }

    fn offset(&mut self, shape: OffsetShape) {
        let (minutes, seconds) = (self.offset / 60 % 60, self.offset % 60);
        let has =
            |presence, is_there| presence == Presence::Always || presence == Presence::Optional && is_there;
        let with_seconds = has(shape.seconds, seconds != 0);
        let with_minutes = has(shape.minutes, minutes != 0) || with_seconds;
        let is_zero =
            self.offset / 3600 == 0 && (!with_minutes || minutes == 0) && (!with_seconds || seconds == 0);
        if is_zero {
            self.written.push_str(shape.zero);
            return;
        }
        self.written.push(if self.offset < 0 { '-' } else { '+' });
        let colon = if shape.colon { ":" } else { "" };
        let _ = write!(self.written, "{:02}", (self.offset / 3600).abs());
        if with_minutes {
            let _ = write!(self.written, "{colon}{:02}", minutes.abs());
        }
        if with_seconds {
            let _ = write!(self.written, "{colon}{:02}", seconds.abs());
        }
    }

    fn gmt_offset(&mut self, full: bool) {
        self.written.push_str("GMT");
        if self.offset == 0 {
            return;
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let (hours, minutes) = ((self.offset / 3600).abs(), (self.offset / 60 % 60).abs());
        let _ = match (full, minutes) {
            (true, _) => write!(self.written, "{sign}{hours:02}:{minutes:02}"),
            (false, 0) => write!(self.written, "{sign}{hours}"),
            (false, _) => write!(self.written, "{sign}{hours}:{minutes:02}"),
        };
    }

    fn zone_id(&mut self) {
        match self.zone.iana_name() {
            Some(name) if *self.zone != TimeZone::UTC => self.written.push_str(name),
            _ => self.offset(OffsetShape::ZONE),
        }
    }

    fn zone_text(&mut self) {
        match self.zone.iana_name() {
            Some(_) if *self.zone != TimeZone::UTC => self.written.push_str(&self.short_zone),
            _ => self.offset(OffsetShape::ZONE),
        }
    }
}
