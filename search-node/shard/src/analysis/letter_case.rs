//! Lower and upper case letter by letter, as Lucene does it: a letter stays one letter.

/// Puts a text into lower case.
pub(crate) fn lowercase(text: &mut String) {
    if text.is_ascii() {
        text.make_ascii_lowercase();
    } else if text.chars().any(|letter| lower(letter) != letter) {
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
#[inline]
pub(crate) fn lower(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    if is_caseless(letter) {
        return letter;
    }
    // `İ` alone would become two.
    single(letter.to_lowercase()).unwrap_or(if letter == '\u{130}' { 'i' } else { letter })
}

/// Whether a letter is of one of the blocks that hold no case at all, which saves most texts beyond Latin a search in tables.
fn is_caseless(letter: char) -> bool {
    // Hebrew to Myanmar; signs of Chinese to Yi; Hangul to the signs of Chinese that are there for others' sake.
    matches!(letter, '\u{590}'..='\u{109f}' | '\u{2e80}'..='\u{a63f}' | '\u{ac00}'..='\u{faff}')
}

fn single(mut letters: impl Iterator<Item = char>) -> Option<char> {
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Some(letter),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_without_case_hold_none() {
        let caseless: Vec<char> = ('\0'..=char::MAX).filter(|letter| is_caseless(*letter)).collect();
        assert!(caseless.len() > 50_000);
        for letter in caseless {
            assert!(letter.to_lowercase().eq([letter]) && letter.to_uppercase().eq([letter]), "{letter:?}");
        }
    }

    #[test]
    fn a_letter_stays_one_letter() {
        for (before, after) in
            [("ÀÉÎ", "àéî"), ("İI", "ii"), ("数据A", "数据a"), ("数据", "数据"), ("ǅẞΣ", "ǆßσ")]
        {
            let mut text = before.to_owned();
            lowercase(&mut text);
            assert_eq!(text, after);
        }
    }
}
