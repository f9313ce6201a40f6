//! The words of a text as UAX #29 cuts them, each with Lucene's type.

use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

use super::ascii_words::AsciiWords;
use super::scripts::{Script, script};
use crate::analysis::token::ALPHANUM;

/// A word with the byte at which it begins.
pub(super) type Word<'a> = (usize, &'a str);

/// Most texts of logs are ASCII, for which the rules need no tables.
pub(super) enum Words<'a> {
    Ascii(AsciiWords<'a>),
    Unicode(UnicodeWords<'a>),
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        if text.is_ascii() {
            Words::Ascii(AsciiWords::of(text))
        } else {
            let pieces = text.split_word_bound_indices();
            Words::Unicode(UnicodeWords { text, pieces, pending: None })
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        match self {
            Words::Ascii(words) => words.next(),
            Words::Unicode(words) => words.next(),
        }
    }
}

/// Words of any text. The general rules cut scripts without spaces at each letter; here they stay together, as in Lucene.
pub(super) struct UnicodeWords<'a> {
    text: &'a str,
    pieces: UWordBoundIndices<'a>,
    /// A piece that was looked at already.
    pending: Option<Word<'a>>,
}

impl<'a> Iterator for UnicodeWords<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            let (start, piece) = self.pending.take().or_else(|| self.pieces.next())?;
            match leading(piece) {
                Script::Other => {}
                Script::SoutheastAsian => {
                    let mut end = start + piece.len();
                    for (next, more) in self.pieces.by_ref() {
                        if leading(more) != Script::SoutheastAsian {
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
