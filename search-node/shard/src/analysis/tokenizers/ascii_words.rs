//! Words of ASCII text as UAX #29 cuts them, byte by byte.
//!
//! Of the rules, ASCII needs five: letters and digits go together (WB5, 8–10), `_` joins what stands on both its sides
//! (WB13a, 13b), `:`, `.` and `'` join two letters (WB6, 7), and `.`, `,`, `;` and `'` join two digits (WB11, 12).
//! A property test holds this to the general implementation.

/// What a byte is to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// `_`
    Joiner,
    /// Joins two letters.
    MidLetter,
    /// Joins two digits.
    MidDigit,
    /// Joins either.
    MidBoth,
    Other,
}

const CLASSES: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'_' => Class::Joiner,
            b':' => Class::MidLetter,
            b',' | b';' => Class::MidDigit,
            b'.' | b'\'' => Class::MidBoth,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte & 0x7f)]
}

/// The words of an ASCII text that hold a letter or a digit, with the byte at which each begins.
pub(super) struct AsciiWords<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> AsciiWords<'a> {
    /// `text` must be ASCII.
    pub(super) fn of(text: &'a str) -> Self {
        debug_assert!(text.is_ascii());
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for AsciiWords<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let bytes = self.text.as_bytes();
        loop {
            let starts = |byte: &u8| matches!(class(*byte), Class::Letter | Class::Digit | Class::Joiner);
            let start = self.at + bytes[self.at..].iter().position(starts)?;
            let (end, is_word) = end_of(bytes, start);
            self.at = end;
            if is_word {
                return Some((start, &self.text[start..end]));
            }
        }
    }
}

/// Where the run that begins at `start` ends, and whether it holds a letter or a digit.
fn end_of(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut last = class(bytes[at]);
    let mut is_word = last != Class::Joiner;
    loop {
        at += 1;
        let Some(next) = bytes.get(at).map(|byte| class(*byte)) else { return (at, is_word) };
        match (last, next) {
            (_, Class::Letter | Class::Digit) => is_word = true,
            (_, Class::Joiner) => {}
            (Class::Letter, Class::MidLetter | Class::MidBoth)
                if bytes.get(at + 1).is_some_and(|byte| class(*byte) == Class::Letter) =>
            {
                at += 1;
                last = Class::Letter;
                continue;
            }
            (Class::Digit, Class::MidDigit | Class::MidBoth)
                if bytes.get(at + 1).is_some_and(|byte| class(*byte) == Class::Digit) =>
            {
                at += 1;
                last = Class::Digit;
                continue;
            }
            _ => return (at, is_word),
        }
        last = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::*;

    fn general(text: &str) -> Vec<(usize, &str)> {
        text.split_word_bound_indices().filter(|(_, word)| word.chars().any(char::is_alphanumeric)).collect()
    }

    #[test]
    fn log_lines_are_cut_as_the_general_rules_cut_them() {
        for text in [
            "192.168.0.1 - - [24/Nov/2026:10:00:00 +0000] \"GET /a_b/c.html?x=1,5;2 HTTP/1.1\" 200 1,234",
            "__init__ _ __ a__ _1 1.a a.1 a:b 1:2 it's o'' ''a ..b.. c,d 1,,2 1;2 x' y",
            "",
        ] {
            assert_eq!(AsciiWords::of(text).collect::<Vec<_>>(), general(text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
        #[test]
        fn any_ascii_text_is_cut_as_the_general_rules_cut_it(text in "[a-c0-2_:.,;'\" \\-\\n\\r\\t\\x00-\\x7f]{0,24}") {
            prop_assert_eq!(AsciiWords::of(&text).collect::<Vec<_>>(), general(&text));
        }
    }
}
