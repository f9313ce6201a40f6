//! Patterns with `*` and `?`: against names, and with the texts between their signs changed.

/// Longer patterns build automata that no request should pay for; Elasticsearch's `index.max_regex_length`.
pub(crate) const PATTERN_CHARS_MAX: usize = 1000;

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
pub(crate) fn between_signs(pattern: &str, change: impl Fn(&str) -> String) -> String {
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
}
