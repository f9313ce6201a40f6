//! Letters in their usual width before a text is cut, for the analyzer `kuromoji`.

use super::{CharFilter, Corrections, Editor};
use crate::analysis::token_filters::width;

/// The filter `cjk_width` for texts.
#[derive(Debug)]
pub(crate) struct CjkWidth;

impl CharFilter for CjkWidth {
    fn filter(&self, text: &str) -> (String, Corrections) {
        let mut editor = Editor::default();
        let is_other_width = |letter: char| matches!(letter, '\u{ff01}'..='\u{ff9f}');
        let mut rest = text;
        while let Some(from) = rest.find(is_other_width) {
            editor.keep(&rest[..from]);
            rest = &rest[from..];
            let mut ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let (one, two) = (ends.next().unwrap_or(rest.len()), ends.next());
            // A letter and the mark behind it become one letter.
            let both = two.map(|two| (two, usual(&rest[..two]))).filter(|(_, made)| made.chars().nth(1).is_none());
            let (end, made) = both.unwrap_or_else(|| (one, usual(&rest[..one])));
            editor.replace(end, &made);
            rest = &rest[end..];
        }
        editor.keep(rest);
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
        let (text, corrections) = CjkWidth.filter("Ａｂ ｶﾞﾊﾟｱ!");
        assert_eq!(text, "Ab ガパア!");
        let before: Vec<usize> = text.char_indices().map(|(at, _)| corrections.before(at)).collect();
        assert_eq!(before, [0, 3, 6, 7, 13, 19, 22]);
    }
}
