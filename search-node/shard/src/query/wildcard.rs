//! Patterns with `*` and `?`: as a regular expression over terms, and against names.

/// Longer patterns build automata that no request should pay for; Elasticsearch's `index.max_regex_length`.
pub(crate) const PATTERN_CHARS_MAX: usize = 1000;

/// The regular expression of a wildcard pattern. `\` takes away a sign's meaning.
pub(crate) fn to_regex(pattern: &str, case_insensitive: bool) -> String {
    let mut regex = String::with_capacity(pattern.len() + 8);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => regex.push_str("(.|\n)*"),
            '?' => regex.push_str("(.|\n)"),
            '\\' => literal(&mut regex, letters.next().unwrap_or('\\'), case_insensitive),
            other => literal(&mut regex, other, case_insensitive),
        }
    }
    regex
}

/// The regular expression of all values that begin with `prefix`.
pub(crate) fn prefix_regex(prefix: &str, case_insensitive: bool) -> String {
    let mut regex = exact_regex(prefix, case_insensitive);
    regex.push_str("(.|\n)*");
    regex
}

/// The regular expression of exactly `text`.
pub(crate) fn exact_regex(text: &str, case_insensitive: bool) -> String {
    let mut regex = String::new();
    for letter in text.chars() {
        literal(&mut regex, letter, case_insensitive);
    }
    regex
}

fn literal(regex: &mut String, letter: char, case_insensitive: bool) {
    let other =
        if letter.is_lowercase() { letter.to_uppercase().next() } else { letter.to_lowercase().next() };
    match other {
        Some(other) if case_insensitive && other != letter => {
            regex.push('[');
            regex.push(letter);
            regex.push(other);
            regex.push(']');
        }
        _ => {
            if letter.is_ascii_punctuation() {
                regex.push('\\');
            }
            regex.push(letter);
        }
    }
}

/// Whether `name` is like `pattern`, in which only `*` has a meaning. Linear in both lengths for each star.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A pattern whose texts between its signs are changed; a sign that `\` stands before is kept as it is.
pub(super) fn between_signs(pattern: &str, change: impl Fn(&str) -> String) -> String {
    let mut made = String::new();
    let mut text = String::new();
    let mut letters = pattern.chars();
    let flush = |text: &mut String, made: &mut String| {
        if !text.is_empty() {
            made.push_str(&change(&std::mem::take(text)));
        }
    };
    while let Some(letter) = letters.next() {
        match letter {
            '*' | '?' => {
                flush(&mut text, &mut made);
                made.push(letter);
            }
            '\\' => {
                flush(&mut text, &mut made);
                made.push(letter);
                made.extend(letters.next());
            }
            _ => text.push(letter),
        }
    }
    flush(&mut text, &mut made);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_like_their_patterns() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "a1b2c", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*c", "abd", false),
            ("a*aa", "aa", false),
        ] {
            assert_eq!(name_matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_become_expressions() {
        assert_eq!(to_regex("a*.?\\*", false), "a(.|\n)*\\.(.|\n)\\*");
        assert_eq!(to_regex("aB1", true), "[aA][Bb]1");
    }
}
