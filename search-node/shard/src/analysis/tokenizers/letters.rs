//! `letter`, `lowercase` and `whitespace`: runs of characters of a class.

use super::Tokenizer;
use crate::analysis::letter_case::lowercase;
use crate::analysis::marks::is_mark;
use crate::analysis::token::{Token, Tokens, WORD, units};

/// Which characters belong to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CharClass {
    Letter,
    /// The same, in lower case.
    LowercasedLetter,
    NotWhitespace,
}

#[derive(Debug)]
pub(crate) struct Letters {
    class: CharClass,
    longest: usize,
}

impl Letters {
    pub(crate) fn new(class: CharClass, longest: usize) -> Self {
        Self { class, longest }
    }

    fn has(&self, letter: char) -> bool {
        match self.class {
            CharClass::Letter | CharClass::LowercasedLetter => is_letter(letter),
            CharClass::NotWhitespace => !is_java_whitespace(letter),
        }
    }
}

/// Java's `isLetter` knows no marks, no numbers of letters and no letters in circles, which Unicode calls alphabetic too.
pub(crate) fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphabetic()
        || !letter.is_ascii()
            && letter.is_alphabetic()
            && !letter.is_numeric()
            && !is_mark(letter)
            && !matches!(letter, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}')
}

/// Java's `isWhitespace` leaves out spaces that keep words together.
pub(crate) fn is_java_whitespace(letter: char) -> bool {
    matches!(letter, '\u{1c}'..='\u{1f}')
        || letter.is_whitespace() && !matches!(letter, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}')
}

impl Tokenizer for Letters {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let runs = runs(text, self.longest, |letter| self.has(letter));
        Box::new(runs.map(|(start, run)| {
            let mut token = Token::new(run, start, start + run.len(), WORD);
            if self.class == CharClass::LowercasedLetter {
                lowercase(&mut token.text);
            }
            token
        }))
    }
}

/// Runs of characters, cut where they grow longer than so many.
pub(super) fn runs<'a>(
    text: &'a str,
    longest: usize,
    has: impl Fn(char) -> bool + 'a,
) -> impl Iterator<Item = (usize, &'a str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(&has)?;
        let (mut end, mut length) = (start, 0);
        for letter in text[start..].chars() {
            length += letter.len_utf16();
            if !has(letter) || (length > longest && end > start) {
                break;
            }
            end += letter.len_utf8();
        }
        at = end;
        debug_assert!(end > start && units(&text[start..end]) <= longest.max(2));
        Some((start, &text[start..end]))
    })
}
