//! Of which script a letter is, as far as the cutting of words asks for it.

use super::super::digits::is_digit;
use super::super::marks::is_mark;

/// What a word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Ideograph,
    Hiragana,
    Katakana,
    Hangul,
    /// Thai, Lao, Khmer and others that put no spaces between words.
    SoutheastAsian,
    Emoji,
    Digit,
    Letter,
    /// Marks, joiners and whatever is no part of a word by itself.
    Other,
}

pub(super) fn script(letter: char) -> Script {
    match letter {
        _ if letter.is_ascii_alphabetic() => Script::Letter,
        _ if is_digit(letter) => Script::Digit,
        '\u{0e01}'..='\u{0eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19ff}'
        | '\u{1a20}'..='\u{1aaf}'
        | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aadf}'
            if letter.is_alphabetic() || is_mark(letter) =>
        {
            Script::SoutheastAsian
        }
        '\u{1100}'..='\u{11ff}'
        | '\u{3130}'..='\u{318f}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{ffa0}'..='\u{ffdc}' => Script::Hangul,
        '\u{3041}'..='\u{309f}' => Script::Hiragana,
        '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{ff66}'..='\u{ff9f}' => Script::Katakana,
        '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'
        | '\u{3007}'
        | '\u{3021}'..='\u{3029}'
        | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Script::Ideograph,
        '\u{1f1e6}'..='\u{1f1ff}'
        | '\u{1f300}'..='\u{1f6ff}'
        | '\u{1f7e0}'..='\u{1f7f0}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{2600}'..='\u{27bf}' => Script::Emoji,
        _ if letter.is_alphabetic() => Script::Letter,
        _ => Script::Other,
    }
}
