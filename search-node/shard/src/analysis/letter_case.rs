//! Lower and upper case letter by letter, as Lucene does it: a letter stays one letter.

/// Puts a text into lower case.
pub(crate) fn lowercase(text: &mut String) {
    if text.is_ascii() {
        text.make_ascii_lowercase();
    } else {
        *text = text.chars().map(lower).collect();
    }
}

/// Puts a text into upper case; letters that would become several stay.
pub(crate) fn uppercase(text: &mut String) {
    if text.is_ascii() {
        text.make_ascii_uppercase();
    } else {
        *text = text.chars().map(|letter| single(letter.to_uppercase()).unwrap_or(letter)).collect();
    }
}

/// The lower case of a letter.
pub(crate) fn lower(letter: char) -> char {
    // `İ` alone would become two.
    single(letter.to_lowercase()).unwrap_or(if letter == '\u{130}' { 'i' } else { letter })
}

fn single(mut letters: impl Iterator<Item = char>) -> Option<char> {
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Some(letter),
        _ => None,
    }
}
