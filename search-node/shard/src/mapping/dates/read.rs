//! Reading a text by the elements of a format.

use jiff::tz::TimeZone;

use super::element::{Element, Number, OffsetShape, PARTS, Part, Presence, Sign, Style};
use super::locale::Locale;
use super::zones::zone_named;

/// The parts that a text has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parsed {
    values: [Option<i64>; PARTS],
    /// Seconds east of Greenwich.
    pub(super) offset: Option<i64>,
    /// Where the name of a zone stands.
    zone: Option<(usize, usize)>,
    /// How many digits the fraction of the second has.
    pub(super) has_fraction: bool,
}

impl Parsed {
    pub(super) fn get(&self, part: Part) -> Option<i64> {
        self.values[part as usize]
    }

    /// A part may stand there twice if it says the same.
    fn set(&mut self, part: Part, value: i64) -> Option<()> {
        let known = &mut self.values[part as usize];
        if known.is_some_and(|known| known != value) {
            return None;
        }
        *known = Some(value);
        Some(())
    }

    /// The zone that the text names.
    pub(super) fn zone(&self, text: &str) -> Option<TimeZone> {
        let (from, to) = self.zone?;
        zone_named(text.get(from..to)?)
    }
}

/// Reads all of a text.
pub(super) fn read_elements(elements: &[Element], text: &str, locale: &Locale) -> Option<Parsed> {
    let mut reader = Reader { text, at: 0, parsed: Parsed::default(), locale };
    reader.all(elements)?;
    (reader.at == text.len()).then_some(reader.parsed)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    parsed: Parsed,
    locale: &'a Locale,
}

impl<'a> Reader<'a> {
    fn all(&mut self, elements: &[Element]) -> Option<()> {
        elements.iter().try_for_each(|element| self.one(element))
    }

    fn one(&mut self, element: &Element) -> Option<()> {
        match element {
            Element::Number(number) => self.number(number),
            Element::Fraction { min, max } => {
                self.literal('.')?;
                self.fraction(*min, *max)
            }
            Element::Text { part, style } => self.name(*part, *style),
            Element::Literal(letter) => self.literal(*letter),
            Element::Offset(shape) => {
                let offset = self.offset(*shape)?;
                self.set_offset(offset)
            }
            Element::GmtOffset { full } => self.gmt_offset(*full),
            Element::Zone | Element::ZoneText => self.zone(),
            Element::Optional(inner) => {
                let (at, parsed) = (self.at, self.parsed);
                if self.all(inner).is_none() {
                    (self.at, self.parsed) = (at, parsed);
                }
                Some(())
            }
            Element::Padded(width, inner) => self.padded(*width, inner),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, text: &str) -> bool {
        let fits = self.rest().starts_with(text);
        if fits {
            self.at += text.len();
        }
        fits
    }

    fn literal(&mut self, letter: char) -> Option<()> {
        self.rest().starts_with(letter).then(|| self.at += letter.len_utf8())
    }

    /// How many digits stand next, but no more than so many.
    fn digits(&self, most: usize) -> usize {
        self.rest().bytes().take(most).take_while(u8::is_ascii_digit).count()
    }

    /// The number that so many digits are.
    fn take_digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.text.get(self.at..self.at + count)?;
        self.at += count;
        digits.parse().ok()
    }

    fn number(&mut self, number: &Number) -> Option<()> {
        if number.is_fraction {
            return self.fraction(number.min, number.max);
        }
        let sign = self.next_byte().filter(|byte| matches!(byte, b'+' | b'-'));
        match (sign, number.sign) {
            (None, _) => {}
            (Some(b'-'), Sign::Normal) | (Some(_), Sign::ExceedsPad) => self.at += 1,
            _ => return None,
        }
        let found = self.digits(number.max.saturating_add(number.reserved));
        let taken =
            if number.reserved > 0 { number.min.max(found.saturating_sub(number.reserved)) } else { found };
        if taken < number.min || taken > found {
            return None;
        }
        // A plus says that there are more digits than usual, and only a plus.
        let exceeds = taken > number.min;
        if number.sign == Sign::ExceedsPad && sign != Some(b'-') && exceeds != (sign == Some(b'+')) {
            return None;
        }
        let value = self.take_digits(taken)?;
        let value = match sign {
            Some(b'-') if value == 0 => return None,
            Some(b'-') => -value,
            _ if number.is_reduced => value + 2000,
            _ => value,
        };
        self.parsed.set(number.part, value)
    }

    fn fraction(&mut self, min: usize, max: usize) -> Option<()> {
        let count = self.digits(max);
        if count < min || count == 0 {
            return None;
        }
        let value =
            self.take_digits(count)?.checked_mul(10_i64.checked_pow(9_u32.checked_sub(count as u32)?)?)?;
        self.parsed.has_fraction = true;
        self.parsed.set(Part::Nano, value)
    }

    fn name(&mut self, part: Part, style: Style) -> Option<()> {
        let (value, length) = self.locale.read(part, style, self.rest())?;
        self.at += length;
        self.parsed.set(part, value)
    }

    fn padded(&mut self, width: usize, inner: &Element) -> Option<()> {
        let end = self.rest().char_indices().nth(width).map_or(self.text.len(), |(at, _)| self.at + at);
        if self.rest().chars().count() < width {
            return None;
        }
        while self.at < end && self.next_byte() == Some(b' ') {
            self.at += 1;
        }
        self.one(inner)?;
        (self.at == end).then_some(())
    }

    fn set_offset(&mut self, offset: i64) -> Option<()> {
        if offset.abs() > 18 * 3600 || self.parsed.offset.is_some_and(|known| known != offset) {
            return None;
        }
        self.parsed.offset = Some(offset);
        Some(())
    }

    fn two_digits(&mut self, most: i64) -> Option<i64> {
        if self.digits(2) < 2 {
            return None;
        }
        self.take_digits(2).filter(|value| *value <= most)
    }

    fn offset(&mut self, shape: OffsetShape) -> Option<i64> {
        if self.accept(shape.zero) {
            return Some(0);
        }
        let sign = match self.next_byte()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        let hours = self.two_digits(23)?;
        let minutes = self.offset_part(shape.minutes, shape.colon)?;
        let seconds = if minutes.is_some() { self.offset_part(shape.seconds, shape.colon)? } else { None };
        Some(sign * (hours * 3600 + minutes.unwrap_or(0) * 60 + seconds.unwrap_or(0)))
    }

    /// Minutes or seconds of an offset, if they stand there; none if they had to.
    fn offset_part(&mut self, presence: Presence, colon: bool) -> Option<Option<i64>> {
        let from = self.at;
        let part = match presence {
            Presence::Never => return Some(None),
            _ if colon && !self.accept(":") => None,
            _ => self.two_digits(59),
        };
        if part.is_none() {
            self.at = from;
        }
        (part.is_some() || presence == Presence::Optional).then_some(part)
    }

    /// `GMT`, `GMT+1`, `GMT+01:00`.
    fn gmt_offset(&mut self, full: bool) -> Option<()> {
        if !self.accept("GMT") {
            return None;
        }
        let sign = match self.next_byte() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return self.set_offset(0),
        };
        self.at += 1;
        let hours = if full { self.two_digits(23)? } else { self.take_digits(self.digits(2).max(1))? };
        let minutes = self.offset_part(if full { Presence::Always } else { Presence::Optional }, true)?;
        self.set_offset(sign * (hours * 3600 + minutes.unwrap_or(0) * 60))
    }

    /// An offset or the name of a zone.
    fn zone(&mut self) -> Option<()> {
        match self.next_byte()? {
            b'+' | b'-' => {
                let offset = self.offset(OffsetShape::ZONE)?;
                return self.set_offset(offset);
            }
            _ => {}
        }
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte))
            .take(ZONE_MAX)
            .count();
        let name = self.rest().get(..length)?;
        // `UTC+1` is an offset; `Etc/GMT+1` is a name.
        for prefix in ["UTC", "GMT", "UT"] {
            let Some(after) = name.strip_prefix(prefix) else { continue };
            if after.is_empty() || after.starts_with(['+', '-']) {
                self.at += prefix.len();
                let offset = if after.is_empty() { 0 } else { self.offset(OffsetShape::ZONE)? };
                return self.set_offset(offset);
            }
        }
        if name == "Z" {
            self.at += 1;
            return self.set_offset(0);
        }
        zone_named(name)?;
        self.parsed.zone = Some((self.at, self.at + name.len()));
        self.at += name.len();
        Some(())
    }
}

/// No name of a zone is longer.
const ZONE_MAX: usize = 40;
