//! Regular expressions as Java writes them: classes of ASCII, flags by name, `$1` in replacements.
//!
//! Expressions that need no backtracking take time linear in the text; the others are given up after [`BACKTRACKS_MAX`] steps,
//! and the text is taken as one without a match from there on.

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::error::{AnalysisError, Result};

/// More steps back at one place of a text are no honest pattern.
const BACKTRACKS_MAX: usize = 100_000;

/// Bytes that a compiled expression may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A compiled expression.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Reads an expression with flags such as `CASE_INSENSITIVE|COMMENTS`.
    pub(crate) fn new(text: &str, flags: &str) -> Result<Self> {
        let mut letters = String::new();
        let mut is_literal = false;
        for flag in flags.split('|').map(str::trim).filter(|flag| !flag.is_empty()) {
            match flag.to_ascii_uppercase().as_str() {
                "CASE_INSENSITIVE" => letters.push('i'),
                "MULTILINE" => letters.push('m'),
                "DOTALL" => letters.push('s'),
                "COMMENTS" => letters.push('x'),
                "LITERAL" => is_literal = true,
                // What these say holds here anyway, or changes nothing for texts that are valid.
                "UNICODE_CASE"
                | "CANON_EQ"
                | "UNIX_LINES"
                | "UNICODE_CHAR_CLASS"
                | "UNICODE_CHARACTER_CLASS" => {}
                _ => return Err(AnalysisError::argument(format!("Unknown regex flag [{flag}]"))),
            }
        }
        let body = if is_literal { fancy_regex::escape(text).into_owned() } else { translated(text) };
        let full = if letters.is_empty() { body } else { format!("(?{letters}){body}") };
        let regex = RegexBuilder::new(&full)
            .backtrack_limit(BACKTRACKS_MAX)
            .delegate_size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| AnalysisError::argument(format!("cannot read the pattern [{text}]: {error}")))?;
        Ok(Self { regex })
    }

    /// How many groups it has beside the whole.
    pub(crate) fn groups(&self) -> usize {
        self.regex.captures_len().saturating_sub(1)
    }

    /// Every match, each with its groups.
    pub(crate) fn captures<'r, 't>(
        &'r self,
        text: &'t str,
    ) -> impl Iterator<Item = Captures<'t>> + use<'r, 't> {
        self.regex.captures_iter(text).map_while(std::result::Result::ok)
    }

    /// The places of every match.
    pub(crate) fn matches<'r, 't>(
        &'r self,
        text: &'t str,
    ) -> impl Iterator<Item = (usize, usize)> + use<'r, 't> {
        self.regex.find_iter(text).map_while(|found| found.ok().map(|found| (found.start(), found.end())))
    }

    /// The text with what matches replaced, all of it or the first place only.
    pub(crate) fn replaced(&self, text: &str, replacement: &Replacement, all: bool) -> String {
        let mut made = String::new();
        let mut at = 0;
        for captures in self.captures(text).take(if all { usize::MAX } else { 1 }) {
            let Some(whole) = captures.get(0) else { break };
            made.push_str(&text[at..whole.start()]);
            replacement.expand(&captures, &mut made);
            at = whole.end();
        }
        made.push_str(&text[at..]);
        made
    }
}

/// What a match is replaced by: texts, and groups by number or name.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Group(usize),
    Named(String),
}

impl Replacement {
    /// Reads `$1`, `${name}` and `\$`.
    pub(crate) fn new(text: &str, pattern: &Pattern) -> Result<Self> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => plain.extend(letters.next()),
                '$' => {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(group(&mut letters, pattern.groups()).ok_or_else(|| {
                        AnalysisError::argument(format!("Illegal group reference in replacement [{text}]"))
                    })?);
                }
                _ => plain.push(letter),
            }
        }
        parts.push(Part::Text(plain));
        Ok(Self { parts })
    }

    pub(crate) fn expand(&self, captures: &Captures<'_>, into: &mut String) {
        for part in &self.parts {
            let text = match part {
                Part::Text(text) => text.as_str(),
                Part::Group(number) => captures.get(*number).map_or("", |found| found.as_str()),
                Part::Named(name) => captures.name(name).map_or("", |found| found.as_str()),
            };
            into.push_str(text);
        }
    }
}

/// As many digits as still name a group.
fn group(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, groups: usize) -> Option<Part> {
    if letters.peek() == Some(&'{') {
        letters.next();
        let name: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
        return (!name.is_empty()).then_some(Part::Named(name));
    }
    let mut number = letters.next()?.to_digit(10)? as usize;
    if number > groups {
        return None;
    }
    while let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(10)) {
        let longer = number * 10 + digit as usize;
        if longer > groups {
            break;
        }
        number = longer;
        letters.next();
    }
    Some(Part::Group(number))
}

/// Java's classes are of ASCII, where the library's know all of Unicode, and some names differ.
fn translated(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let Some(escaped) = letters.next() else {
                    made.push('\\');
                    break;
                };
                let in_class = depth > 0;
                match escaped {
                    'w' => class(&mut made, "a-zA-Z0-9_", in_class),
                    'd' => class(&mut made, "0-9", in_class),
                    's' => class(&mut made, r" \t\n\x0B\f\r", in_class),
                    'W' => made.push_str("[^a-zA-Z0-9_]"),
                    'D' => made.push_str("[^0-9]"),
                    'S' => made.push_str(r"[^ \t\n\x0B\f\r]"),
                    'h' => class(&mut made, r" \t\x{A0}", in_class),
                    'Z' => made.push_str(r"\n?\z"),
                    'Q' => quote(&mut letters, &mut made),
                    'p' | 'P' => property(&mut letters, escaped, &mut made),
                    _ => made.extend(['\\', escaped]),
                }
            }
            '[' => {
                depth += 1;
                made.push('[');
            }
            ']' => {
                depth = depth.saturating_sub(1);
                made.push(']');
            }
            _ => made.push(letter),
        }
    }
    made
}

fn class(made: &mut String, members: &str, in_class: bool) {
    if in_class {
        made.push_str(members);
    } else {
        made.extend(["[", members, "]"]);
    }
}

/// `\Q` to `\E` stands for itself.
fn quote(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, made: &mut String) {
    let mut quoted = String::new();
    for letter in letters.by_ref() {
        quoted.push(letter);
        if quoted.ends_with("\\E") {
            quoted.truncate(quoted.len() - 2);
            break;
        }
    }
    made.push_str(&fancy_regex::escape(&quoted));
}

/// `\p{Lu}`, `\p{IsLatin}`, `\p{Punct}`
fn property(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, sign: char, made: &mut String) {
    if letters.peek() != Some(&'{') {
        made.extend(['\\', sign]);
        return;
    }
    letters.next();
    let name: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
    let posix = [
        "Alpha", "Digit", "Alnum", "Upper", "Lower", "Punct", "Graph", "Print", "Blank", "Cntrl", "XDigit",
        "Space",
    ];
    if posix.contains(&name.as_str()) {
        let negation = if sign == 'P' { "^" } else { "" };
        made.push_str(&format!("[[:{negation}{}:]]", name.to_ascii_lowercase()));
        return;
    }
    let known = match name.as_str() {
        "javaLowerCase" => "Lowercase",
        "javaUpperCase" => "Uppercase",
        "javaWhitespace" => "White_Space",
        "InGreek" => "Greek",
        other => other.strip_prefix("Is").unwrap_or(other),
    };
    made.push_str(&format!("\\{sign}{{{known}}}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_java() {
        for (pattern, flags, replacement, text, expected) in [
            (r"\W+", "", "-", "a bé c", "a-b-c"),
            (r"[\W_]+", "", "-", "a_b c", "a-b-c"),
            (r"(\d+)-(?=\d)", "", "$1_", "123-456-789", "123_456_789"),
            (r"(?<word>b)", "", "[${word}]", "abc", "a[b]c"),
            (r"(a)", "", "$12", "a", "a2"),
            (r"\p{Punct}", "", "", "a.b,c", "abc"),
            (r"B", "CASE_INSENSITIVE", "x", "abB", "axx"),
            (r"a.c", "LITERAL", "x", "abc a.c", "abc x"),
            (r"\Qa.\Ec", "", "x", "a.c abc", "x abc"),
        ] {
            let pattern = Pattern::new(pattern, flags).expect(pattern);
            let replacement = Replacement::new(replacement, &pattern).expect(replacement);
            assert_eq!(pattern.replaced(text, &replacement, true), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let reason = |pattern: &str, flags: &str| Pattern::new(pattern, flags).expect_err("refused").reason;
        assert!(reason("(", "").starts_with("cannot read the pattern [(]: "));
        assert_eq!(reason("a", "FOO"), "Unknown regex flag [FOO]");
        let pattern = Pattern::new("(a)", "").expect("valid");
        assert!(Replacement::new("$2", &pattern).expect_err("refused").reason.contains("[$2]"));
    }
}
