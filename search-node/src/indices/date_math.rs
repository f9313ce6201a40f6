//! Names with dates to be worked out: `<logs-{now/d}>`, `<logs-{now/d-1M{yyyy.MM|Europe/Berlin}}>`.

use std::borrow::Cow;

use shard::mapping::dates::{DateFormats, read_math, show_as, time_zone};

use crate::error::ApiError;

/// How a date is shown where the name does not say.
const FORMAT: &str = "yyyy.MM.dd";

/// Every name of an expression that holds dates, as it is now.
pub(crate) fn resolve_dates(expression: &str, now_millis: i64) -> Result<Cow<'_, str>, ApiError> {
    if !expression.contains('<') {
        return Ok(Cow::Borrowed(expression));
    }
    let parts = split_names(expression).into_iter().map(|part| {
        let (sign, name) = part.strip_prefix('-').map_or(("", part), |name| ("-", name));
        match name.strip_prefix('<').and_then(|inner| inner.strip_suffix('>')) {
            Some(inner) => Ok(format!("{sign}{}", resolve(name, inner, now_millis)?)),
            None => Ok(part.to_owned()),
        }
    });
    Ok(Cow::Owned(parts.collect::<Result<Vec<_>, ApiError>>()?.join(",")))
}

/// The names between commas that are not within angle brackets.
fn split_names(expression: &str) -> Vec<&str> {
    let mut is_inside = false;
    let parts = expression.split(|letter| {
        is_inside = (is_inside || letter == '<') && letter != '>';
        letter == ',' && !is_inside
    });
    parts.collect()
}

/// A name without its angle brackets.
fn resolve(whole: &str, inner: &str, now_millis: i64) -> Result<String, ApiError> {
    let fault = |reason: &str| {
        ApiError::new(
            400,
            "parse_exception",
            format!("invalid dynamic name expression [{whole}]. {reason} at position [{}]", whole.len()),
        )
    };
    let mut name = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next()),
            '{' => {
                let (date, after) = until_closed(letters.as_str())
                    .ok_or_else(|| fault("date math placeholder is open ended"))?;
                name.push_str(&worked_out(date, now_millis)?);
                letters = after.chars();
            }
            '}' => return Err(fault("invalid character, date math placeholder is not open")),
            other => name.push(other),
        }
    }
    if name.is_empty() {
        return Err(fault("nothing captured"));
    }
    Ok(name)
}

/// What stands before the brace that closes one that was opened before `text`, and what follows it.
fn until_closed(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

/// `now/d`, `now/d{yyyy.MM}`, `now/d{yyyy.MM|+02:00}`.
fn worked_out(date: &str, now_millis: i64) -> Result<String, ApiError> {
    let fault = |reason: String| ApiError::new(400, "parse_exception", reason);
    let (math, format) = match date.split_once('{') {
        Some((math, rest)) => match rest.strip_suffix('}') {
            Some(format) if !format.is_empty() => (math, format),
            Some(_) => return Err(fault(format!("missing date format in dynamic name expression [{date}]"))),
            None => return Err(fault(format!("invalid dynamic name expression [{date}]"))),
        },
        None => (date, FORMAT),
    };
    let (format, zone) = format.split_once('|').map_or((format, "UTC"), |(format, zone)| (format, zone));
    let zone = time_zone(zone).map_err(&fault)?;
    let millis = read_math(math, &DateFormats::default(), now_millis, &zone, false).map_err(&fault)?;
    show_as(millis, format, &zone).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T23:20:30.123Z
    const NOW: i64 = 1_795_562_430_123;

    #[test]
    fn dates_in_names_are_worked_out() {
        for (expression, expected) in [
            ("plain,x", "plain,x"),
            ("<logs-{now/d}>", "logs-2026.11.24"),
            ("<logs-{now/d-1d}-x>,plain", "logs-2026.11.23-x,plain"),
            ("<logs-{now/M{yyyy.MM}}>", "logs-2026.11"),
            ("<logs-{now/d{yyyy.MM.dd|+02:00}}>", "logs-2026.11.25"),
            ("logs-*,-<logs-{now/d}>", "logs-*,-logs-2026.11.24"),
            ("<a\\{b\\}-{now/y{yyyy}}>", "a{b}-2026"),
        ] {
            assert_eq!(resolve_dates(expression, NOW).expect(expression), expected);
        }
        for expression in
            ["<logs-{now/d>", "<logs-now}>", "<{now/d{}}>", "<{now/d{ff}}>", "<{nonsense}>", "<>"]
        {
            let error = resolve_dates(expression, NOW).expect_err(expression);
            assert_eq!((error.status, error.kind.as_str()), (400, "parse_exception"), "{expression}");
        }
    }
}
