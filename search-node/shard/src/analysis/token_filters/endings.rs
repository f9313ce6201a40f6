//! Endings of words in tables, the longest first: what most light stemmers are made of.

use super::light_stemmers::{drop_last, ends, last, set};

/// Endings, as words between spaces, of words that are longer than so many letters.
pub(super) type Endings = (usize, &'static str);

/// Takes the first ending away that the table has; whether it has one.
pub(super) fn drop_ending(letters: &mut Vec<char>, table: &[Endings]) -> bool {
    for (longer_than, endings) in table {
        if letters.len() <= *longer_than {
            continue;
        }
        if let Some(ending) = endings.split(' ').find(|ending| ends(letters, ending)) {
            drop_last(letters, ending.chars().count());
            return true;
        }
    }
    false
}

/// Whether the letters end in one of these, written with spaces between them.
pub(super) fn ends_in_any(letters: &[char], endings: &str) -> bool {
    endings.split(' ').any(|ending| ends(letters, ending))
}

/// Whether the letters begin so.
pub(super) fn begins(letters: &[char], beginning: &str) -> bool {
    letters.len() >= beginning.chars().count()
        && letters.iter().copied().zip(beginning.chars()).all(|(a, b)| a == b)
}

/// Another letter in place of the last but one, and the last goes.
pub(super) fn soften(letters: &mut Vec<char>, letter: char) {
    set(letters, 2, letter);
    drop_last(letters, 1);
}

/// Takes the last letter away where it is one of these.
pub(super) fn drop_letter(letters: &mut Vec<char>, longer_than: usize, any_of: &str) {
    if letters.len() > longer_than && any_of.contains(last(letters, 1)) {
        drop_last(letters, 1);
    }
}
