//! Savoy's light stemmer for French.

use super::light_stemmers::{drop_last, ends, last, set};

/// What becomes of an ending: in a word longer than so many letters, so many of them go, and these take the place of the last
/// ones that stay.
struct Rule(usize, &'static str, usize, &'static str);

/// Endings after which nothing else is looked at, in the order in which they are tried. Some are looked at between the others.
const FIRST: [Rule; 2] = [Rule(9, "issement", 6, "r"), Rule(8, "issant", 4, "r")];
const AGENTS: [Rule; 6] = [
    Rule(11, "ficatrice", 5, "er"),
    Rule(10, "ficateur", 4, "er"),
    Rule(9, "catrice", 3, "quer"),
    Rule(8, "cateur", 2, "quer"),
    Rule(8, "atrice", 4, "er"),
    Rule(7, "ateur", 3, "er"),
];
const MIDDLE: [Rule; 9] = [
    Rule(5, "ième", 4, ""),
    Rule(7, "teuse", 2, "r"),
    Rule(6, "teur", 1, "r"),
    Rule(5, "euse", 2, ""),
    Rule(7, "ive", 1, "f"),
    Rule(4, "folle", 2, "u"),
    Rule(4, "molle", 2, "u"),
    Rule(9, "nnelle", 5, ""),
    Rule(9, "nnel", 3, ""),
];
const NOUNS: [Rule; 5] = [
    Rule(8, "esse", 3, ""),
    Rule(7, "inage", 3, ""),
    Rule(9, "isateur", 7, ""),
    Rule(8, "ation", 5, ""),
    Rule(8, "ition", 5, ""),
];

fn apply(letters: &mut Vec<char>, rules: &[Rule]) -> bool {
    let Some(Rule(_, _, dropped, put)) =
        rules.iter().find(|Rule(longer, ending, ..)| letters.len() > *longer && ends(letters, ending))
    else {
        return false;
    };
    drop_last(letters, *dropped);
    for (at, letter) in put.chars().rev().enumerate() {
        set(letters, at + 1, letter);
    }
    true
}

pub(super) fn light_french(letters: &mut Vec<char>) {
    suffix(letters);
    normalize(letters);
}

fn plural(letters: &mut Vec<char>) {
    if letters.len() > 5 && last(letters, 1) == 'x' {
        if last(letters, 3) == 'a' && last(letters, 2) == 'u' && last(letters, 4) != 'e' {
            set(letters, 2, 'l');
        }
        drop_last(letters, 1);
    }
    for letter in ['x', 's'] {
        if letters.len() > 3 && last(letters, 1) == letter {
            drop_last(letters, 1);
        }
    }
}

fn suffix(letters: &mut Vec<char>) {
    plural(letters);
    if apply(letters, &FIRST) {
        return;
    }
    if letters.len() > 6 && ends(letters, "ement") {
        drop_last(letters, 4);
        if letters.len() > 3 && ends(letters, "ive") {
            drop_last(letters, 1);
            set(letters, 1, 'f');
        }
        return;
    }
    if apply(letters, &AGENTS) {
        return;
    }
    if letters.len() > 6 && ends(letters, "trice") {
        drop_last(letters, 1);
        for (from_end, letter) in [(3, 'e'), (2, 'u'), (1, 'r')] {
            set(letters, from_end, letter);
        }
    }
    if letters.len() > 8 && ends(letters, "ère") && !MIDDLE[..4].iter().any(|rule| ends(letters, rule.1)) {
        drop_last(letters, 1);
        set(letters, 2, 'e');
        return;
    }
    if apply(letters, &MIDDLE) {
        return;
    }
    if letters.len() > 4 && ends(letters, "ète") {
        drop_last(letters, 1);
        set(letters, 2, 'e');
    }
    if letters.len() > 8 && ends(letters, "ique") {
        drop_last(letters, 4);
    }
    if letters.len() > 9 && ends(letters, "isation") {
        drop_last(letters, 7);
        if letters.len() > 5 && ends(letters, "ual") {
            set(letters, 2, 'e');
        }
        return;
    }
    apply(letters, &NOUNS);
}

/// Without accents, doubled letters and the endings of verbs.
fn normalize(letters: &mut Vec<char>) {
    if letters.len() > 4 {
        for letter in letters.iter_mut() {
            *letter = match *letter {
                'à' | 'á' | 'â' => 'a',
                'ô' => 'o',
                'è' | 'é' | 'ê' => 'e',
                'ù' | 'û' => 'u',
                'î' => 'i',
                'ç' => 'c',
                other => other,
            };
        }
        letters.dedup_by(|next, before| next == before && next.is_alphabetic());
    }
    if letters.len() > 4 && ends(letters, "ie") {
        drop_last(letters, 2);
    }
    if letters.len() > 4 {
        for letter in ['r', 'e', 'e'] {
            if last(letters, 1) == letter {
                drop_last(letters, 1);
            }
        }
        if last(letters, 1) == last(letters, 2) && last(letters, 1).is_alphabetic() {
            drop_last(letters, 1);
        }
    }
}
