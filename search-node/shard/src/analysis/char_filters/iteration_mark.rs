//! `kuromoji_iteration_mark`: signs that repeat what stands before them as what they repeat.

use super::{CharFilter, Corrections, Editor};
use crate::analysis::error::Result;
use crate::analysis::params::Params;

#[derive(Debug)]
pub(super) struct IterationMark {
    does_kanji: bool,
    does_kana: bool,
}

impl IterationMark {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        Ok(Self {
            does_kanji: params.flag("normalize_kanji", true)?,
            does_kana: params.flag("normalize_kana", true)?,
        })
    }

    fn is_mark(&self, letter: char) -> bool {
        match letter {
            '々' => self.does_kanji,
            'ゝ' | 'ゞ' | 'ヽ' | 'ヾ' => self.does_kana,
            _ => false,
        }
    }

    /// The letters with each row of marks as as many letters before it. A row that would reach back behind another one, a full
    /// stop or the beginning is as much shorter, and what is left of it stays.
    fn repeated(&self, letters: &[char]) -> Vec<char> {
        let mut made = letters.to_vec();
        let (mut row, mut end) = (0, 0);
        for (at, letter) in letters.iter().enumerate() {
            if *letter == '。' || *letter > '\u{ffff}' {
                end = at + 1;
            }
            if !self.is_mark(*letter) {
                continue;
            }
            if at == end {
                end += 1;
                continue;
            }
            if at > end {
                row = letters[at..].iter().take_while(|letter| self.is_mark(**letter)).count().min(at - end);
                end = at + row;
            }
            made[at] = repetition(letters[at - row], *letter);
        }
        made
    }
}

/// What a mark makes of a letter.
fn repetition(letter: char, mark: char) -> char {
    match mark {
        'ゝ' | 'ヽ' => plain(letter, mark),
        'ゞ' | 'ヾ' => voiced(letter, mark),
        _ => letter,
    }
}

/// Letters that have a voiced one behind them, of both scripts.
const VOICEABLE: &str = "かきくけこさしすせそたちつてとはひふへほ";

/// The same in Hiragana, where the mark is of Katakana.
fn hiragana(letter: char, mark: char) -> Option<char> {
    match mark {
        'ヽ' | 'ヾ' => char::from_u32(u32::from(letter).checked_sub(0x60)?),
        _ => Some(letter),
    }
}

fn neighbour(letter: char, step: i32) -> char {
    u32::from(letter).checked_add_signed(step).and_then(char::from_u32).unwrap_or(letter)
}

fn voiced(letter: char, mark: char) -> char {
    let is_voiceable = hiragana(letter, mark).is_some_and(|letter| VOICEABLE.contains(letter));
    if is_voiceable { neighbour(letter, 1) } else { letter }
}

fn plain(letter: char, mark: char) -> char {
    let before = neighbour(letter, -1);
    let is_voiced = hiragana(before, mark).is_some_and(|before| VOICEABLE.contains(before));
    if is_voiced { before } else { letter }
}

impl CharFilter for IterationMark {
    fn filter(&self, text: &str) -> (String, Corrections) {
        let mut editor = Editor::default();
        if !text.contains(|letter| self.is_mark(letter)) {
            editor.keep(text);
            return editor.finish();
        }
        let letters: Vec<char> = text.chars().collect();
        let mut buffer = [0; 4];
        for (letter, made) in letters.iter().zip(self.repeated(&letters)) {
            let made_text = made.encode_utf8(&mut buffer);
            if *letter == made {
                editor.keep(made_text)
            } else {
                editor.replace(letter.len_utf8(), made_text)
            }
        }
        editor.finish()
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn marks_become_what_they_repeat() {
        let values = Map::new();
        let filter = IterationMark::new(Params::new("x", &values)).expect("valid");
        for (text, made) in [
            ("時々", "時時"),
            ("馬鹿々々しい", "馬鹿馬鹿しい"),
            ("こゝろ", "こころ"),
            ("みすゞ", "みすず"),
            ("じゝ", "じし"),
            ("バナヽ", "バナナ"),
            ("々", "々"),
            ("。々", "。々"),
            ("トヾ", "トド"),
        ] {
            assert_eq!(filter.filter(text).0, made, "{text}");
        }
    }
}
