//! The light stemmer for Hungarian of Jacques Savoy ("Light stemming approaches for the French, Portuguese, German and Hungarian
//! languages", 2006): case, possessive and plural, one after the other.

use super::endings::{drop_ending, drop_letter, ends_in_any};
use super::light_stemmers::{drop_last, last};

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

pub(super) fn light_hungarian(letters: &mut Vec<char>) {
    for letter in letters.iter_mut() {
        *letter = match *letter {
            'á' => 'a',
            'ë' | 'é' => 'e',
            'í' => 'i',
            'ó' | 'ő' | 'õ' | 'ö' => 'o',
            'ú' | 'ű' | 'ũ' | 'û' | 'ü' => 'u',
            other => other,
        };
    }
    case(letters);
    possessive(letters);
    plural(letters);
    drop_letter(letters, 3, "aeio");
}

/// Whether the letters so far from the end are the same consonant twice.
fn has_double(letters: &[char], from_end: usize) -> bool {
    !is_vowel(last(letters, from_end)) && last(letters, from_end) == last(letters, from_end + 1)
}

fn case(letters: &mut Vec<char>) {
    if drop_ending(letters, &[(6, "kent"), (5, "nak nek val vel ert rol ban ben bol nal nel hoz hez tol")]) {
        return;
    }
    if letters.len() > 5 && ends_in_any(letters, "al el") && has_double(letters, 3) {
        return drop_last(letters, 3);
    }
    if letters.len() <= 4 || drop_ending(letters, &[(4, "at et ot va ve ra re ba be ul ig")]) {
        return;
    }
    if ends_in_any(letters, "on en") && !is_vowel(last(letters, 3)) {
        return drop_last(letters, 2);
    }
    match last(letters, 1) {
        't' | 'n' => drop_last(letters, 1),
        'a' | 'e' if has_double(letters, 2) => drop_last(letters, 2),
        _ => {}
    }
}

fn possessive(letters: &mut Vec<char>) {
    let length = letters.len();
    let before = |from_end: usize| is_vowel(last(letters, from_end));
    let is = |endings: &str| ends_in_any(letters, endings);
    let taken = if length > 6 && ((!before(5) && is("atok otok etek")) || is("itek itok")) {
        4
    } else if length > 5 && ((!before(4) && is("unk tok tek")) || (before(4) && is("juk")) || is("ink")) {
        3
    } else if length > 4
        && ((!before(3) && is("am em om ad ed od uk")) || (before(3) && is("nk ja je")) || is("im id ik"))
    {
        2
    } else if length > 3 && ((!before(2) && is("a e")) || (before(2) && is("m d")) || is("i")) {
        1
    } else {
        0
    };
    drop_last(letters, taken);
}

fn plural(letters: &mut Vec<char>) {
    if letters.len() > 3 && last(letters, 1) == 'k' {
        let has_vowel = letters.len() > 4 && matches!(last(letters, 2), 'a' | 'o' | 'e');
        drop_last(letters, if has_vowel { 2 } else { 1 });
    }
}
