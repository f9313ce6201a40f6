//! date: the moment of an event, read from its text; and the Joda-like patterns that dates are written in.

use std::fmt::Write;
use std::sync::Arc;

use event::{Event, FieldPath, Timestamp, Value};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use crate::options::{OptionError, field};
use crate::outcome::{Outcome, Processor};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The options of Logstash's date filter. The language is English.
#[derive(Clone)]
pub struct DateOptions {
    /// The field that holds the text.
    pub source: String,
    /// `ISO8601`, `UNIX`, `UNIX_MS`, or patterns such as `dd/MMM/yyyy:HH:mm:ss Z`, tried in order.
    pub formats: Vec<String>,
    /// The zone of texts that name none; UTC without one.
    pub timezone: Option<String>,
    /// Where the moment goes.
    pub target: String,
    /// Tags of an event whose text no format fits.
    pub tag_on_failure: Vec<String>,
    /// The time now, which gives texts without a year theirs.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// A configured date filter.
pub struct DateProcessor {
    source: FieldPath,
    target: FieldPath,
    formats: Vec<Format>,
    zone: TimeZone,
    options: DateOptions,
}

enum Format {
    Iso,
    Unix,
    UnixMs,
    Joda(JodaFormat),
}

impl DateProcessor {
    /// Checks the options.
    pub fn new(options: DateOptions) -> Result<Self, OptionError> {
        let zone = match &options.timezone {
            None => TimeZone::UTC,
            Some(name) => zone(name).ok_or_else(|| {
                OptionError::new(
                    "timezone",
                    format!("`{name}` is not known on this host; write e.g. Europe/Berlin, UTC or +02:00"),
                )
            })?,
        };
        let read = |format: &String| match format.as_str() {
            "ISO8601" => Ok(Format::Iso),
            "UNIX" => Ok(Format::Unix),
            "UNIX_MS" => Ok(Format::UnixMs),
            other => JodaFormat::parse(other)
                .map(Format::Joda)
                .map_err(|reason| OptionError::new("match", format!("`{other}`: {reason}"))),
        };
        let formats = options.formats.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if formats.is_empty() {
            return Err(OptionError::new(
                "match",
                "must name a field and at least one format, e.g. match => [\"timestamp\", \"ISO8601\"]",
            ));
        }
        Ok(Self {
            source: field("match", &options.source)?,
            target: field("target", &options.target)?,
            formats,
            zone,
            options,
        })
    }

    fn read(&self, text: &str) -> Option<Timestamp> {
        self.formats.iter().find_map(|format| match format {
            Format::Iso => iso(text, &self.zone),
            Format::Unix => unix(text, 1_000_000_000),
            Format::UnixMs => unix(text, 1_000_000),
            Format::Joda(format) => format.read(text, &self.zone, (self.options.now)()),
        })
    }
}

impl Processor for DateProcessor {
    fn process(&self, event: &mut Event) -> Outcome {
        let text = match event.get(&self.source) {
            None | Some(Value::Null) => return Outcome::Skipped,
            Some(Value::Array(items)) => items.into_iter().next().unwrap_or_default(),
            Some(value) => value,
        };
        let text = match text {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match self.read(text.trim()) {
            Some(moment) if self.target.segments() == ["@timestamp"] => event.timestamp = moment,
            Some(moment) => event.put(&self.target, Value::String(moment.to_string())),
            None => {
                for tag in &self.options.tag_on_failure {
                    event.tag(tag);
                }
                return Outcome::Failed;
            }
        }
        Outcome::Applied
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" | "GMT" | "Z" | "Etc/UTC" => Some(TimeZone::UTC),
        "EST" => Offset::from_seconds(-5 * 3600).ok().map(TimeZone::fixed),
        "MST" => Offset::from_seconds(-7 * 3600).ok().map(TimeZone::fixed),
        _ => offset(name).map_or_else(
            || TimeZone::get(name).ok(),
            |(offset, rest)| rest.is_empty().then(|| TimeZone::fixed(offset)),
        ),
    }
}

/// `+02:00`, `-0500`, `Z` at the start of `text`, and what follows.
fn offset(text: &str) -> Option<(Offset, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((Offset::UTC, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours: i32 = text.get(1..3)?.parse().ok()?;
    let after = text.get(3..)?;
    let minutes_at = after.strip_prefix(':').unwrap_or(after);
    let (minutes, rest) = match minutes_at.get(..2).and_then(|digits| digits.parse::<i32>().ok()) {
        Some(minutes) => (minutes, minutes_at.get(2..)?),
        None => (0, after),
    };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(|offset| (offset, rest))
}

fn unix(text: &str, nanos_per_unit: i128) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let units: i128 = whole.parse::<i64>().ok()?.into();
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let part: i128 = digits.parse::<u32>().ok()?.into();
    let part = part * nanos_per_unit / 1_000_000_000;
    Some(Timestamp::from_nanos(units * nanos_per_unit + if negative { -part } else { part }))
}

fn iso(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.replacen(',', ".", 1);
    if let Some(moment) = Timestamp::parse(&text) {
        return Some(moment);
    }
    let civil: DateTime = text.parse().ok()?;
    // A text with an offset was an instant above; here an offset in a form that RFC 3339 lacks would be lost.
    let has_offset = text.get(11..).is_some_and(|time| time.contains(['+', '-', 'Z']));
    if has_offset {
        let at = text.get(11..)?.find(['+', '-', 'Z'])? + 11;
        let (offset, _) = offset(&text[at..])?;
        return resolve(civil, &TimeZone::fixed(offset));
    }
    resolve(civil, zone)
}

fn resolve(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok().map(Timestamp::from)
}

/// A pattern of Joda-Time, as date filters and `%{+yyyy.MM.dd}` use it.
#[derive(Debug, Clone)]
pub struct JodaFormat {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(String),
    Field(char, usize),
}

#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    day_of_year: Option<i32>,
    hour: i32,
    afternoon: Option<bool>,
    minute: i32,
    second: i32,
    nanos: i32,
    zone: Option<TimeZone>,
}

impl JodaFormat {
    /// Reads a pattern; the error is a reason for people.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                let mut text = String::new();
                while let Some(inside) = chars.next() {
                    match inside {
                        '\'' if chars.peek() == Some(&'\'') => {
                            chars.next();
                            text.push('\'');
                        }
                        '\'' => break,
                        other => text.push(other),
                    }
                }
                tokens.push(Token::Text(if text.is_empty() { "'".to_owned() } else { text }));
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                if !"yYuMdDHhkKamsSZzEe".contains(c) {
                    return Err(format!("`{c}` is not a letter of date patterns; put text in single quotes"));
                }
                tokens.push(Token::Field(c, count));
            } else {
                match tokens.last_mut() {
                    Some(Token::Text(text)) => text.push(c),
                    _ => tokens.push(Token::Text(c.to_string())),
                }
            }
        }
        if tokens.is_empty() {
            return Err("is empty; write e.g. yyyy-MM-dd HH:mm:ss".to_owned());
        }
        Ok(Self { tokens })
    }

    /// The moment in this form, in UTC.
    pub fn format(&self, moment: Timestamp) -> String {
        let civil = TimeZone::UTC.to_datetime(moment.as_jiff());
        let mut out = String::new();
        for token in &self.tokens {
            // Writing to a String cannot fail.
            let _infallible = match token {
                Token::Text(text) => out.write_str(text),
                Token::Field(letter, count) => write_field(&mut out, civil, *letter, *count),
            };
        }
        out
    }

    fn read(&self, text: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let mut parts = Parts::default();
        let mut rest = text;
        for (at, token) in self.tokens.iter().enumerate() {
            let adjacent = matches!(self.tokens.get(at + 1), Some(Token::Field(..)));
            rest = match token {
                Token::Text(text) => rest.strip_prefix(text.as_str())?,
                Token::Field(letter, count) => parts.take(*letter, *count, adjacent, rest)?,
            };
        }
        rest.is_empty().then(|| parts.moment(zone, now))?
    }
}

fn write_field(out: &mut String, civil: DateTime, letter: char, count: usize) -> std::fmt::Result {
    let month = usize::try_from(civil.month()).unwrap_or(1) - 1;
    let weekday = civil.weekday().to_monday_zero_offset();
    let name = |name: &'static str| if count >= 4 { name } else { &name[..3] };
    match letter {
        'y' | 'Y' | 'u' if count == 2 => write!(out, "{:02}", civil.year().rem_euclid(100)),
        'y' | 'Y' | 'u' => write!(out, "{:0count$}", civil.year()),
        'M' if count >= 3 => out.write_str(name(MONTHS[month])),
        'M' => write!(out, "{:0count$}", civil.month()),
        'd' => write!(out, "{:0count$}", civil.day()),
        'D' => write!(out, "{:0count$}", civil.day_of_year()),
        'H' => write!(out, "{:0count$}", civil.hour()),
        'k' => write!(out, "{:0count$}", if civil.hour() == 0 { 24 } else { civil.hour() }),
        'K' => write!(out, "{:0count$}", civil.hour() % 12),
        'h' => write!(out, "{:0count$}", (civil.hour() + 11) % 12 + 1),
        'a' => out.write_str(if civil.hour() < 12 { "AM" } else { "PM" }),
        'm' => write!(out, "{:0count$}", civil.minute()),
        's' => write!(out, "{:0count$}", civil.second()),
        'S' => out.write_str(
            &format!("{:09}", civil.subsec_nanosecond())
                .chars()
                .chain(std::iter::repeat('0'))
                .take(count)
                .collect::<String>(),
        ),
        'E' => out.write_str(name(DAYS[usize::try_from(weekday).unwrap_or(0)])),
        'e' => write!(out, "{}", weekday + 1),
        'Z' if count == 2 => out.write_str("+00:00"),
        'Z' => out.write_str("+0000"),
        _ => out.write_str("UTC"),
    }
}

/// Digits at the start: exactly `count` where another number follows at once, else as many as there are, up to `most`.
fn digits(text: &str, count: usize, adjacent: bool, most: usize) -> Option<(i32, usize)> {
    let most = if adjacent { count } else { most };
    let len = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    text[..len].parse().ok().map(|number| (number, len))
}

/// A fraction of a second in nanoseconds; finer digits are passed over, as there is no finer time.
fn fraction(text: &str, most: usize) -> Option<(i32, usize)> {
    let len = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let told: i32 = text[..len.min(9)].parse().ok()?;
    let missing = u32::try_from(9_usize.saturating_sub(len)).ok()?;
    Some((told * 10_i32.pow(missing), len))
}

/// A name, whole or its first three letters, in any case.
fn named(names: &[&str], text: &str) -> Option<(i32, usize)> {
    let fits = |len: usize, name: &str| {
        text.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(&name[..len]))
    };
    (1..).zip(names).find_map(|(number, name)| {
        let len = if fits(name.len(), name) { name.len() } else { 3 };
        fits(len, name).then_some((number, len))
    })
}

impl Parts {
    fn take<'t>(&mut self, letter: char, count: usize, adjacent: bool, text: &'t str) -> Option<&'t str> {
        let number = |most| digits(text, count, adjacent, most);
        let (value, len) = match letter {
            'y' | 'Y' | 'u' => number(if count == 2 { 4 } else { 9 })?,
            'M' if count >= 3 => named(&MONTHS, text)?,
            'E' => named(&DAYS, text)?,
            'a' => match text.get(..2)? {
                half if half.eq_ignore_ascii_case("am") => (0, 2),
                half if half.eq_ignore_ascii_case("pm") => (1, 2),
                _ => return None,
            },
            'D' => number(3)?,
            'S' => fraction(text, if adjacent { count } else { count.max(9) })?,
            'Z' | 'z' => return self.take_zone(text),
            'e' => number(1)?,
            _ => number(2)?,
        };
        match letter {
            'y' | 'Y' | 'u' if count == 2 && len <= 2 => {
                self.year = Some(if value < 70 { 2000 + value } else { 1900 + value })
            }
            'y' | 'Y' | 'u' => self.year = Some(value),
            'M' => self.month = Some(value),
            'd' => self.day = Some(value),
            'D' => self.day_of_year = Some(value),
            'H' | 'K' => self.hour = value,
            'k' => self.hour = value % 24,
            'h' => self.hour = value % 12,
            'a' => self.afternoon = Some(value == 1),
            'm' => self.minute = value,
            's' => self.second = value,
            'S' => self.nanos = value,
            _ => {}
        }
        text.get(len..)
    }

    fn take_zone<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if let Some((offset, rest)) = offset(text) {
            self.zone = Some(TimeZone::fixed(offset));
            return Some(rest);
        }
        let len = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+')))
            .unwrap_or(text.len());
        self.zone = Some(zone(&text[..len])?);
        text.get(len..)
    }

    fn moment(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let hour = match self.afternoon {
            Some(true) => self.hour % 12 + 12,
            Some(false) => self.hour % 12,
            None => self.hour,
        };
        let small = |number: i32| i8::try_from(number).ok();
        let time = Time::new(small(hour)?, small(self.minute)?, small(self.second)?, self.nanos).ok()?;
        let on = |year: i32| {
            let year = i16::try_from(year).ok()?;
            let date = match self.day_of_year {
                Some(day) => Date::new(year, 1, 1)
                    .ok()?
                    .checked_add(jiff::Span::new().try_days(i64::from(day) - 1).ok()?)
                    .ok()?,
                None => {
                    Date::new(year, small(self.month.unwrap_or(1))?, small(self.day.unwrap_or(1))?).ok()?
                }
            };
            resolve(DateTime::from_parts(date, time), zone)
        };
        match self.year {
            Some(year) => on(year),
            None => {
                let this = i32::from(zone.to_datetime(now.as_jiff()).year());
                [this, this - 1, this + 1]
                    .into_iter()
                    .filter_map(on)
                    .min_by_key(|moment| (moment.as_nanos() - now.as_nanos()).abs())
            }
        }
    }
}
