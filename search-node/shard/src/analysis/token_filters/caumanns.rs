//! `german_stem`: the stemmer of Jörg Caumanns ("A fast and simple stemming algorithm for German words", 1999). What belongs together
//! in writing counts as one letter, then seven endings go as often as they are there.

use super::light_stemmers::{drop_last, ends, last, set};

/// Letters that count as one, and the sign that stands for them meanwhile.
const TOGETHER: [(&str, char); 6] =
    [("sch", '$'), ("ch", '§'), ("ei", '%'), ("ie", '&'), ("ig", '#'), ("st", '!')];
/// Stands for a letter that is there twice in a row.
const AGAIN: char = '*';

pub(super) fn german(letters: &mut Vec<char>) {
    *letters = letters.iter().flat_map(|letter| letter.to_lowercase()).collect();
    if !letters.iter().all(|letter| letter.is_alphabetic()) {
        return;
    }
    let saved = join(letters);
    strip(letters, saved);
    if ends(letters, "erin*") {
        drop_last(letters, 1);
        strip(letters, saved);
    }
    if last(letters, 1) == 'z' {
        set(letters, 1, 'x');
    }
    part(letters);
    if letters.len() > 4
        && let Some(at) = letters.windows(4).position(|four| four == ['g', 'e', 'g', 'e'])
    {
        letters.drain(at..at + 2);
    }
}

/// Joins what belongs together; by how many letters the word is longer than it looks.
fn join(letters: &mut Vec<char>) -> usize {
    let mut saved = 0;
    let mut at = 0;
    while at < letters.len() {
        match letters[at] {
            letter if at > 0 && letter == letters[at - 1] => letters[at] = AGAIN,
            'ä' => letters[at] = 'a',
            'ö' => letters[at] = 'o',
            'ü' => letters[at] = 'u',
            'ß' => {
                letters[at] = 's';
                letters.insert(at + 1, 's');
                saved += 1;
            }
            _ => {}
        }
        let rest = &letters[at..];
        let found =
            TOGETHER.iter().find(|(several, _)| rest.iter().take(several.len()).copied().eq(several.chars()));
        if let Some((several, sign)) = found {
            letters.splice(at..at + several.len(), [*sign]);
            saved += several.len() - 1;
        }
        at += 1;
    }
    saved
}

fn strip(letters: &mut Vec<char>, saved: usize) {
    while letters.len() > 3 {
        let length = letters.len() + saved;
        let taken = if (length > 5 && ends(letters, "nd"))
            || (length > 4 && (ends(letters, "em") || ends(letters, "er")))
        {
            2
        } else if matches!(last(letters, 1), 'e' | 's' | 'n' | 't') {
            1
        } else {
            return;
        };
        drop_last(letters, taken);
    }
}

/// Writes out again what was joined.
fn part(letters: &mut Vec<char>) {
    let mut made: Vec<char> = Vec::with_capacity(letters.len());
    for letter in letters.iter().copied() {
        match TOGETHER.iter().find(|(_, sign)| *sign == letter) {
            Some((several, _)) => made.extend(several.chars()),
            None if letter == AGAIN => made.extend(made.last().copied()),
            None => made.push(letter),
        }
    }
    *letters = made;
}
