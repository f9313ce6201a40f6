//! Versions as texts whose order is that of releases: numbers by their size, a release behind what leads up to it, and what is no
//! version behind all that are.
//!
//! A number is written as a sign, its length and its digits, so that longer ones come later. The signs are ones that no version has,
//! and the order is that of Semantic Versioning, for versions of any number of parts.

/// Before a number and its length.
const NUMBER: char = '\u{1}';
/// Between a release and what leads up to it: `1.0-rc.1`.
const LEADING: char = '\u{2}';
/// Behind the numbers of a release.
const RELEASE: char = '\u{3}';
/// In front of what is no version.
const OTHER: char = '\u{4}';
/// The sign of the length 0; lengths are signs behind it.
const LENGTH_ZERO: u8 = b' ';
/// The longest number: what is behind its sign still is one byte, and none that ends a text.
const DIGITS_MAX: usize = 90;

/// A version in the order of its releases.
pub(crate) fn encode_version(text: &str) -> String {
    encode(text).unwrap_or_else(|| format!("{OTHER}{text}"))
}

/// The version as it was written.
pub(crate) fn decode_version(encoded: &str) -> String {
    if let Some(other) = encoded.strip_prefix(OTHER) {
        return other.to_owned();
    }
    let mut text = String::with_capacity(encoded.len());
    let mut letters = encoded.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // The length is told by the digits.
            NUMBER => drop(letters.next()),
            LEADING => text.push('-'),
            RELEASE => {}
            other => text.push(other),
        }
    }
    text
}

fn encode(text: &str) -> Option<String> {
    let (rest, build) = match text.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (text, None),
    };
    let (numbers, leading) = match rest.split_once('-') {
        Some((numbers, leading)) => (numbers, Some(leading)),
        None => (rest, None),
    };
    let mut encoded = String::with_capacity(text.len() + 8);
    for (at, part) in numbers.split('.').enumerate() {
        if at > 0 {
            encoded.push('.');
        }
        push_number(part, &mut encoded)?;
    }
    match leading {
        None => encoded.push(RELEASE),
        Some(leading) => {
            encoded.push(LEADING);
            for (at, part) in leading.split('.').enumerate() {
                if at > 0 {
                    encoded.push('.');
                }
                match part.bytes().all(|byte| byte.is_ascii_digit()) {
                    true => push_number(part, &mut encoded)?,
                    false => encoded.push_str(word(part)?),
                }
            }
        }
    }
    if let Some(build) = build {
        build.split('.').try_for_each(|part| word(part).map(drop))?;
        encoded.push('+');
        encoded.push_str(build);
    }
    Some(encoded)
}

/// A number without zeros in front.
fn push_number(part: &str, encoded: &mut String) -> Option<()> {
    let is_number = (1..=DIGITS_MAX).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || part.len() > 1 && part.starts_with('0') {
        return None;
    }
    encoded.push(NUMBER);
    encoded.push(char::from(LENGTH_ZERO + part.len() as u8));
    encoded.push_str(part);
    Some(())
}

fn word(part: &str) -> Option<&str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!part.is_empty() && part.bytes().all(is_word)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_releases_and_come_back() {
        let ordered = [
            "0.9.9",
            "1",
            "1.0.0-2",
            "1.0.0-11",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1+build.7",
            "1.0.0",
            "1.0.0+build.7",
            "1.0.0.1",
            "1.2.9",
            "1.2.10",
            "1.10.0",
            "2.0.0-x-y-z.4",
            "100.0.0",
            "",
            "01.2.3",
            "1.0.0-01",
            "1.2.",
            "latest",
            "v1.2",
        ];
        for pair in ordered.windows(2) {
            assert!(encode_version(pair[0]) < encode_version(pair[1]), "{pair:?}");
        }
        for version in ordered {
            assert_eq!(decode_version(&encode_version(version)), version);
        }
        let long = "9".repeat(200);
        assert_eq!(decode_version(&encode_version(&long)), long);
    }
}
