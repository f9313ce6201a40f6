//! Filters of Japanese letters: `kuromoji_stemmer`, `hiragana_uppercase` and `katakana_uppercase`.

use super::TokenFilter;
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{Tokens, units};

/// Small letters and the large ones beside them, of both scripts.
const SMALL_HIRAGANA: &str = "ぁあぃいぅうぇえぉおっつゃやゅゆょよゎわゕかゖけ";
const SMALL_KATAKANA: &str = "ァアィイゥウェエォオヵカㇰクヶケㇱシㇲスッツㇳトㇴヌㇵハㇶヒㇷフㇸヘㇹホㇺムャヤュユョヨㇻラㇼリㇽルㇾレㇿロヮワ";

fn large(letter: char, pairs: &str) -> char {
    let mut letters = pairs.chars();
    while let (Some(small), Some(large)) = (letters.next(), letters.next()) {
        if small == letter {
            return large;
        }
    }
    letter
}

/// Small Hiragana as large ones.
pub(crate) fn large_hiragana(text: &mut String) {
    *text = text.chars().map(|letter| large(letter, SMALL_HIRAGANA)).collect();
}

/// Small Katakana as large ones.
pub(crate) fn large_katakana(text: &mut String) {
    // The one that is written as a letter and a ring.
    let whole = text.replace("ㇷ゚", "プ");
    *text = whole.chars().map(|letter| large(letter, SMALL_KATAKANA)).collect();
}

/// Words of Katakana alone without the long sound at their end, if they are not too short.
#[derive(Debug)]
pub(crate) struct KatakanaStem {
    least: usize,
}

impl KatakanaStem {
    pub(crate) fn new(params: Params<'_>) -> Result<Self> {
        Ok(Self { least: params.count("minimum_length", 4, 1)? })
    }
}

impl TokenFilter for KatakanaStem {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            let is_katakana =
                |text: &str| text.chars().all(|letter| matches!(letter, '\u{30a0}'..='\u{30ff}'));
            if !token.is_keyword
                && token.text.ends_with('ー')
                && units(&token.text) >= self.least
                && is_katakana(&token.text)
            {
                token.text.pop();
            }
            token
        }))
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters_become_large() {
        let made = |edit: fn(&mut String), text: &str| {
            let mut text = text.to_owned();
            edit(&mut text);
            text
        };
        assert_eq!(made(large_hiragana, "ちょっとまって ァ"), "ちよつとまつて ァ");
        assert_eq!(made(large_katakana, "ストップウォッチ ㇷ゚ㇿ ぁ"), "ストツプウオツチ プロ ぁ");
    }
}
