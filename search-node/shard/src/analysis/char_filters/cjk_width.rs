//! Letters in their usual width before a text is cut, for the analyzer `kuromoji`.

use super::{CharFilter, Corrections, Editor};
use crate::analysis::token_filters::width;

/// The filter `cjk_width` for texts.
#[derive(Debug)]
pub(crate) struct CjkWidth;

impl CharFilter for CjkWidth {
    fn filter(&self, text: &str) -> (String, Corrections) {
        let mut editor = Editor::default();
        let is_mark = |letter: char| matches!(letter, '\u{ff9e}' | '\u{ff9f}');
        let mut letters =
            text.char_indices().map(|(at, letter)| (at, at + letter.len_utf8(), letter)).peekable();
        while let Some((from, end, letter)) = letters.next() {
            // A letter and the mark behind it become one letter, if there is one.
            let both = letters.peek().filter(|(_, _, next)| is_mark(*next));
            let both = both.map(|(_, end, _)| (*end, usual(&text[from..*end])));
            if let Some((end, made)) = both.filter(|(_, made)| made.chars().nth(1).is_none()) {
                letters.next();
                editor.replace(end - from, &made);
            } else if matches!(letter, '\u{ff01}'..='\u{ff9f}') {
                editor.replace(end - from, &usual(&text[from..end]));
            } else {
                editor.keep(&text[from..end]);
            }
        }
        editor.finish()
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}

fn usual(text: &str) -> String {
    let mut text = text.to_owned();
    width(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_get_their_width_and_keep_their_places() {
        let (text, corrections) = CjkWidth.filter("Ａｂ ｶﾞﾊﾟｱ!カﾞ");
        assert_eq!(text, "Ab ガパア!ガ");
        let before: Vec<usize> = text.char_indices().map(|(at, _)| corrections.before(at)).collect();
        assert_eq!(before, [0, 3, 6, 7, 13, 19, 22, 23]);
    }
}
