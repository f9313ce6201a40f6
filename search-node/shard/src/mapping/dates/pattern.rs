//! Patterns such as `yyyy-MM-dd'T'HH:mm`: the letters of `java.time`'s DateTimeFormatter.

use super::element::{Element, Elements, Number, OffsetShape, Part, Presence, Sign, Style};

/// No number has more digits, and none is shown with more, however long a pattern is.
const WIDTH_MAX: usize = 19;

/// Optional parts may be within one another, so deep.
const DEPTH_MAX: usize = 32;

/// The elements of a pattern. In braces, which no pattern of a user has, stands what letters cannot say: see `extension`.
pub(super) fn parse_pattern(pattern: &str, extended: bool) -> Result<Vec<Element>, String> {
    let mut elements = Elements::default();
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\'' => quoted(pattern, &mut rest, &mut elements)?,
            '[' if elements.depth() >= DEPTH_MAX => {
                return Err(format!("Pattern has more than {DEPTH_MAX} [ within one another"));
            }
            '[' => elements.open(),
            ']' => {
                if !elements.close() {
                    return Err("Pattern invalid as it contains ] without previous [".to_owned());
                }
            }
            '{' if extended => {
                let name: String = rest.by_ref().take_while(|sign| *sign != '}').collect();
                elements.push(extension(&name)?);
            }
            '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{letter}'")),
            'p' => {
                let width = 1 + repeated(&mut rest, letter);
                let Some(padded) = rest.next_if(char::is_ascii_alphabetic) else {
                    return Err(format!("Pad letter 'p' must be followed by valid pad pattern: {pattern}"));
                };
                let count = 1 + repeated(&mut rest, padded);
                check_width('p', width)?;
                elements.push(Element::Padded(width, Box::new(letters(padded, count)?)));
            }
            letter if letter.is_ascii_alphabetic() => {
                let count = 1 + repeated(&mut rest, letter);
                elements.push(letters(letter, count)?);
            }
            literal => elements.push(Element::Literal(literal)),
        }
    }
    Ok(elements.finish())
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn repeated(rest: &mut Letters<'_>, letter: char) -> usize {
    let mut count = 0;
    while rest.next_if_eq(&letter).is_some() {
        count += 1;
    }
    count
}

/// What stands between quotes; two of them are one.
fn quoted(pattern: &str, rest: &mut Letters<'_>, elements: &mut Elements) -> Result<(), String> {
    if rest.next_if_eq(&'\'').is_some() {
        elements.push(Element::Literal('\''));
        return Ok(());
    }
    loop {
        match rest.next() {
            None => return Err(format!("Pattern ends with an incomplete string literal: {pattern}")),
            Some('\'') if rest.next_if_eq(&'\'').is_some() => elements.push(Element::Literal('\'')),
            Some('\'') => return Ok(()),
            Some(literal) => elements.push(Element::Literal(literal)),
        }
    }
}

fn check_width(letter: char, width: usize) -> Result<(), String> {
    if width > WIDTH_MAX { Err(too_many(letter)) } else { Ok(()) }
}

fn too_many(letter: char) -> String {
    format!("Too many pattern letters: {letter}")
}

fn number(part: Part, min: usize, max: usize, sign: Sign) -> Element {
    Element::Number(Number::new(part, min, max, sign))
}

/// What a letter stands for that stands so often.
fn letters(letter: char, count: usize) -> Result<Element, String> {
    check_width(letter, count)?;
    match letter {
        'u' | 'y' | 'Y' => Ok(year(letter, count)),
        'M' | 'L' => month_or_day(Part::Month, letter, count),
        'Q' | 'q' => match count {
            1 | 2 => one_or_two(Part::Quarter, letter, count),
            3 | 4 => Ok(Element::Text { part: Part::Quarter, style: style(count) }),
            5 => one_or_two(Part::Quarter, letter, 1),
            _ => Err(too_many(letter)),
        },
        'E' if count <= 2 => Ok(Element::Text { part: Part::DayOfWeek, style: Style::Short }),
        'c' if count == 2 => Err("Invalid pattern \"cc\"".to_owned()),
        'E' | 'e' | 'c' => month_or_day(Part::DayOfWeek, letter, count),
        'G' => match count {
            1..=5 => Ok(Element::Text { part: Part::Era, style: style(count.max(3)) }),
            _ => Err(too_many(letter)),
        },
        'a' if count == 1 => Ok(Element::Text { part: Part::HalfDay, style: Style::Short }),
        'd' => one_or_two(Part::DayOfMonth, letter, count),
        'h' => one_or_two(Part::HalfDayClockHour, letter, count),
        'H' => one_or_two(Part::Hour, letter, count),
        'k' => one_or_two(Part::ClockHour, letter, count),
        'K' => one_or_two(Part::HalfDayHour, letter, count),
        'm' => one_or_two(Part::Minute, letter, count),
        's' => one_or_two(Part::Second, letter, count),
        'D' => match count {
            1 => one_or_two(Part::DayOfYear, letter, 1),
            2 | 3 => Ok(number(Part::DayOfYear, count, 3, Sign::Never)),
            _ => Err(too_many(letter)),
        },
        'w' if count <= 2 => Ok(number(Part::Week, count, 2, Sign::Never)),
        'W' if count == 1 => Ok(number(Part::WeekOfMonth, 1, 2, Sign::Never)),
        'F' if count == 1 => Ok(number(Part::AlignedWeek, 1, WIDTH_MAX, Sign::Normal)),
        'g' => Ok(number(Part::ModifiedJulianDay, count, WIDTH_MAX, Sign::Normal)),
        'S' if count <= 9 => Ok(Element::Number(Number {
            is_fraction: true,
            ..Number::new(Part::Nano, count, count, Sign::Never)
        })),
        'S' => Err(format!("Minimum width must be from 0 to 9 inclusive but was {count}")),
        'A' => Ok(number(Part::MilliOfDay, count, WIDTH_MAX, Sign::Never)),
        'n' => Ok(number(Part::Nano, count, WIDTH_MAX, Sign::Never)),
        'N' => Ok(number(Part::NanoOfDay, count, WIDTH_MAX, Sign::Never)),
        'a' | 'w' | 'W' | 'F' => Err(too_many(letter)),
        'V' if count == 2 => Ok(Element::Zone),
        'V' => Err(format!("Pattern letter count must be 2: {letter}")),
        'v' if count == 1 || count == 4 => Ok(Element::ZoneText),
        'v' => Err(format!("Wrong number of pattern letters: {letter}")),
        'z' if count <= 4 => Ok(Element::ZoneText),
        'O' if count == 1 || count == 4 => Ok(Element::GmtOffset { full: count == 4 }),
        'O' => Err(format!("Pattern letter count must be 1 or 4: {letter}")),
        'Z' if count == 4 => Ok(Element::GmtOffset { full: true }),
        'X' | 'x' | 'Z' => offset(letter, count).map(Element::Offset),
        'z' => Err(too_many(letter)),
        other => Err(format!("Unknown pattern letter: {other}")),
    }
}

fn year(letter: char, count: usize) -> Element {
    let part = match letter {
        'u' => Part::Year,
        'y' => Part::YearOfEra,
        _ => Part::WeekYear,
    };
    match count {
        2 => Element::Number(Number { is_reduced: true, ..Number::new(part, 2, 2, Sign::Never) }),
        1 | 3 => number(part, count, WIDTH_MAX, Sign::Normal),
        _ => number(part, count, WIDTH_MAX, Sign::ExceedsPad),
    }
}

fn one_or_two(part: Part, letter: char, count: usize) -> Result<Element, String> {
    match count {
        1 => Ok(number(part, 1, WIDTH_MAX, Sign::Normal)),
        2 => Ok(number(part, 2, 2, Sign::Never)),
        _ => Err(too_many(letter)),
    }
}

fn month_or_day(part: Part, letter: char, count: usize) -> Result<Element, String> {
    match count {
        1 | 2 if part == Part::DayOfWeek => Ok(number(part, count, 2, Sign::Never)),
        1 | 2 => one_or_two(part, letter, count),
        3..=5 => Ok(Element::Text { part, style: style(count) }),
        _ => Err(too_many(letter)),
    }
}

fn style(count: usize) -> Style {
    match count {
        4 => Style::Full,
        5 => Style::Narrow,
        _ => Style::Short,
    }
}

/// `X`, `x` and `Z`.
fn offset(letter: char, count: usize) -> Result<OffsetShape, String> {
    use Presence::{Always, Never, Optional};
    let zero = match (letter, count) {
        ('X', _) | (_, 5) if letter != 'x' => "Z",
        ('Z', _) => "+0000",
        (_, 1) => "+00",
        (_, 2 | 4) => "+0000",
        _ => "+00:00",
    };
    let (colon, minutes, seconds) = match (letter, count) {
        ('Z', 1..=3) => (false, Always, Never),
        ('Z', 5) => (true, Always, Optional),
        ('X' | 'x', 1) => (false, Optional, Never),
        ('X' | 'x', 2) => (false, Always, Never),
        ('X' | 'x', 3) => (true, Always, Never),
        ('X' | 'x', 4) => (false, Always, Optional),
        ('X' | 'x', 5) => (true, Always, Optional),
        _ => return Err(too_many(letter)),
    };
    Ok(OffsetShape { colon, minutes, seconds, zero })
}

/// `{.3-9}` is a fraction behind a point, `{,1-9}` one without, `{zone}` a zone or an offset, `{+HH:MM}` and `{+HHmm}` offsets,
/// `{y1-5}` a number with so many digits.
fn extension(name: &str) -> Result<Element, String> {
    let fault = || format!("Unknown pattern letter: {{{name}}}");
    let mut signs = name.chars();
    let (first, widths) = (signs.next().ok_or_else(fault)?, signs.as_str());
    let width = || {
        let (min, max) = widths.split_once('-').unwrap_or((widths, widths));
        Some((min.parse::<usize>().ok()?, max.parse::<usize>().ok()?))
    };
    Ok(match name {
        "zone" => Element::Zone,
        "+HH:MM" => Element::Offset(OffsetShape::COLON),
        "+HHmm" => Element::Offset(OffsetShape::PLAIN),
        _ => {
            let (min, max) = width().ok_or_else(fault)?;
            let part = match first {
                '.' => return Ok(Element::Fraction { min, max }),
                ',' => {
                    let digits = Number::new(Part::Nano, min, max, Sign::Never);
                    return Ok(Element::Number(Number { is_fraction: true, ..digits }));
                }
                'y' => return Ok(number(Part::Year, min, max, Sign::Normal)),
                'Y' => return Ok(number(Part::WeekYear, min, max, Sign::Normal)),
                'M' => Part::Month,
                'd' => Part::DayOfMonth,
                'D' => Part::DayOfYear,
                'H' => Part::Hour,
                'm' => Part::Minute,
                's' => Part::Second,
                'w' => Part::Week,
                'e' => Part::DayOfWeek,
                _ => return Err(fault()),
            };
            number(part, min, max, Sign::Never)
        }
    })
}
