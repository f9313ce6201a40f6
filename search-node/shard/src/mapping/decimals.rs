//! Numbers that come as texts, read as Elasticsearch reads them: doubles as Java does, longs digit by digit.

/// A number of double precision: with blanks around it, and with the letter of its type behind it. Not a number is `NaN`.
pub(crate) fn double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|letter: char| letter <= ' ');
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1.0, &text[1..]),
        [b'+', ..] => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match digits {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY * sign),
        // Other names of what is no number are unknown, and there is one sign.
        _ if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => None,
        _ => Some(sign * digits.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(digits).parse::<f64>().ok()?),
    }
}

/// Longer than the digits of any number of 64 bits.
const EXPONENT_MAX: i64 = 19;

/// The whole part of a decimal number, to the last digit; `Some(None)` for one that is beyond all bounds.
pub(super) fn whole(text: &str) -> Option<Option<i128>> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(Some(number.into()));
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (is_negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if before.is_empty() && after.is_empty() || !are_digits(before) || !are_digits(after) {
        return None;
    }
    // As many digits count as there are before the point once it is where the exponent puts it.
    let scale = i64::from(exponent) + before.len() as i64;
    let counted = format!("{before}{after}");
    let significant = counted.trim_start_matches('0');
    let scale = scale - (counted.len() - significant.len()) as i64;
    if significant.is_empty() || scale <= 0 {
        return Some(Some(0));
    }
    if scale > EXPONENT_MAX {
        return Some(None);
    }
    let place = scale as usize;
    let number = significant
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(place)
        .fold(0i128, |number, digit| number * 10 + i128::from(digit - b'0'));
    Some(Some(if is_negative { -number } else { number }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_read_as_java_reads_them() {
        for (text, number) in [
            (" 5", Some(5.0)),
            ("5 \t", Some(5.0)),
            ("+5", Some(5.0)),
            ("-.5", Some(-0.5)),
            ("5.", Some(5.0)),
            ("5e2", Some(500.0)),
            ("5f", Some(5.0)),
            ("5.5D", Some(5.5)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("inf", None),
            ("nan", None),
            ("+-5", None),
            ("--5", None),
            ("", None),
            (" ", None),
            (".", None),
            ("f", None),
            ("5ff", None),
            ("1_000", None),
            ("\u{a0}5", None),
            ("0x10", None),
        ] {
            assert_eq!(double(text), number, "{text:?}");
        }
        assert!(double("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn longs_are_read_to_the_last_digit() {
        for (text, number) in [
            ("5", Some(Some(5))),
            ("-5.9", Some(Some(-5))),
            ("9223372036854775807.9", Some(Some(i128::from(i64::MAX)))),
            ("-9223372036854775808", Some(Some(i128::from(i64::MIN)))),
            ("9223372036854775808", Some(Some(i128::from(i64::MAX) + 1))),
            ("0.000123e6", Some(Some(123))),
            ("1.5e3", Some(Some(1500))),
            ("15e-1", Some(Some(1))),
            ("1e-400", Some(Some(0))),
            ("00000000000000000000000000001", Some(Some(1))),
            ("0e999999", Some(Some(0))),
            ("1e400", Some(None)),
            ("5.", Some(Some(5))),
            (".5", Some(Some(0))),
            ("+5", Some(Some(5))),
            (" 5", None),
            ("5 ", None),
            (".", None),
            ("", None),
            ("-", None),
            ("5f", None),
            ("0x10", None),
            ("1e", None),
            ("\u{665}", None),
        ] {
            assert_eq!(whole(text), number, "{text:?}");
        }
    }
}
