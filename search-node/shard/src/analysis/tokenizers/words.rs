//! The words of a text as UAX #29 cuts them, each with Lucene's type.

use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

use super::ascii_words::{self, Next};
use super::scripts::{Script, script};
use crate::analysis::token::ALPHANUM;

/// A word with the byte at which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) start: usize,
    pub(super) text: &'a str,
    pub(super) letters: Letters,
}

/// What is known of the letters of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// ASCII in lower case.
    Lower,
    /// ASCII, some of it in upper case.
    Capitals,
    Any,
}

/// The words of a text. Most texts are ASCII but for a few letters: the general rules, which are slow, cut only what stands
/// around those.
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
    /// What the general rules are cutting, and where it begins.
    beyond: Option<(usize, UnicodeWords<'a>)>,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, beyond: None }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    #[inline]
    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            if let Some((from, words)) = &mut self.beyond {
                if let Some((start, text)) = words.next() {
                    return Some(Word { start: *from + start, text, letters: Letters::Any });
                }
                self.beyond = None;
            }
            match ascii_words::next(self.text.as_bytes(), self.at) {
                Next::Word { start, end, has_capitals } => {
                    self.at = end;
                    let letters = if has_capitals { Letters::Capitals } else { Letters::Lower };
                    return Some(Word { start, text: &self.text[start..end], letters });
                }
                Next::Beyond { start, letter } => {
                    let start = first_space(&self.text.as_bytes()[self.at..start + 1]) + self.at;
                    self.at = ascii_words::end_beyond(self.text.as_bytes(), letter);
                    self.beyond = Some((start, UnicodeWords::of(&self.text[start..self.at])));
                }
                Next::End => return None,
            }
        }
    }
}

/// Where the spaces begin that a text ends with, or its last byte: a mark stands on all of them together.
fn first_space(text: &[u8]) -> usize {
    let last = text.len() - 1;
    let spaces = text.iter().rev().take_while(|byte| **byte == b' ').count();
    last.min(text.len() - spaces)
}

/// Words of any text. The general rules cut scripts without spaces at each letter; here they stay together, as in Lucene.
struct UnicodeWords<'a> {
    text: &'a str,
    pieces: UWordBoundIndices<'a>,
    /// A piece that was looked at already.
    pending: Option<(usize, &'a str)>,
}

impl<'a> UnicodeWords<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, pieces: text.split_word_bound_indices(), pending: None }
    }
}

impl<'a> Iterator for UnicodeWords<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let (start, piece) = self.pending.take().or_else(|| self.pieces.next())?;
            match leading(piece) {
                Script::Other => {}
                Script::SoutheastAsian => {
                    let mut end = start + piece.len();
                    for (next, more) in self.pieces.by_ref() {
                        // A mark of such a script may stand on another sign.
                        if more.chars().next().map(script) != Some(Script::SoutheastAsian) {
                            self.pending = Some((next, more));
                            break;
                        }
                        end = next + more.len();
                    }
                    return Some((start, &self.text[start..end]));
                }
                _ => return Some((start, piece)),
            }
        }
    }
}

/// The script of the first letter that has one.
fn leading(piece: &str) -> Script {
    piece.chars().map(script).find(|script| *script != Script::Other).unwrap_or(Script::Other)
}

/// The mark that puts a digit into a key.
const KEYCAP: char = '\u{20e3}';

/// Lucene's type of a word.
pub(super) fn kind(word: &str) -> &'static str {
    if word.ends_with(KEYCAP) {
        return "<EMOJI>";
    }
    let mut scripts = word.chars().map(script).filter(|script| *script != Script::Other);
    let Some(first) = scripts.next() else { return ALPHANUM };
    let is_pure = scripts.all(|script| script == first);
    match first {
        Script::Ideograph => "<IDEOGRAPHIC>",
        Script::Hiragana => "<HIRAGANA>",
        Script::Katakana if is_pure => "<KATAKANA>",
        Script::Hangul if is_pure => "<HANGUL>",
        Script::SoutheastAsian => "<SOUTHEAST_ASIAN>",
        Script::Emoji => "<EMOJI>",
        Script::Digit if is_pure => "<NUM>",
        _ => ALPHANUM,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<(usize, &str)> {
        Words::of(text).map(|word| (word.start, word.text)).collect()
    }

    /// By the general rules alone.
    fn general(text: &str) -> Vec<(usize, &str)> {
        UnicodeWords::of(text).collect()
    }

    #[test]
    fn log_lines_are_cut_as_the_general_rules_cut_them() {
        for text in [
            "192.168.0.1 - - [24/Nov/2026:10:00:00 +0000] \"GET /a_b/c.html?x=1,5;2 HTTP/1.1\" 200 1,234",
            "__init__ _ __ a__ _1 1.a a.1 a:b 1:2 it's o'' ''a ..b.. c,d 1,,2 1;2 x' y",
            "don’t “quote” — naïve.é a:\u{301}b 1.\u{301}2 (\u{301}x א\"ב ל'\"ל a\"ב #\u{fe0f}\u{20e3}",
            " \u{200d}😀 \r\n\u{301}a 🇩🇪🇫🇷-🇩 กา-กา x.กา",
            "ຄ[\u{ec8} ຄ[",
            "  \u{f99}",
            "a   \u{f99} b  é",
            "",
        ] {
            assert_eq!(words(text), general(text), "{text}");
        }
    }

    #[test]
    fn what_is_known_of_letters_is_true() {
        let known: Vec<Letters> = Words::of("the Fox1 2 é E_").map(|word| word.letters).collect();
        use super::Letters::{Any, Capitals, Lower};
        assert_eq!(known, [Lower, Capitals, Lower, Any, Capitals]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_cut_as_the_general_rules_cut_it(
            text in "[a-c0-2_:.,;'\" \\-\\n\\r\\t\\x00-\\x7f]{0,24}|[a-cA-C0-2_:.,;'\"#*() \r\néא-ת’“—…กา数あア한😀🇩🇪½\u{301}\u{20e3}\u{200d}\u{fe0f}\u{ad}\u{2019}\u{a0}]{0,24}|[ \\PC]{0,40}"
        ) {
            prop_assert_eq!(words(&text), general(&text));
        }
    }
}
