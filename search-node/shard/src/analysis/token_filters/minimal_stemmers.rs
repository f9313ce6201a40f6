//! Minimal stemmers, which take little more than plurals away: for French and German those of Jacques Savoy, for Portuguese the
//! first step of RSLP (Orengo and Huyck, "A stemming algorithm for the Portuguese language", 2001).

use super::endings::drop_ending;
use super::light_stemmers::{drop_last, ends, last, set};

pub(super) fn minimal_german(letters: &mut Vec<char>) {
    if letters.len() < 5 {
        return;
    }
    for letter in letters.iter_mut() {
        *letter = match *letter {
            'ä' => 'a',
            'ö' => 'o',
            'ü' => 'u',
            other => other,
        };
    }
    drop_ending(letters, &[(6, "nen"), (5, "en se es er"), (4, "n e s r")]);
}

pub(super) fn minimal_french(letters: &mut Vec<char>) {
    if letters.len() < 6 {
        return;
    }
    if last(letters, 1) == 'x' {
        if ends(letters, "aux") {
            set(letters, 2, 'l');
        }
        return drop_last(letters, 1);
    }
    for ending in ["s", "r", "e", "é"] {
        drop_ending(letters, &[(0, ending)]);
    }
    if last(letters, 1) == last(letters, 2) && last(letters, 1).is_alphabetic() {
        drop_last(letters, 1);
    }
}

/// An ending, how many letters at least stand before it, what takes its place, and words that it is no ending of.
type Plural = (&'static str, usize, &'static str, &'static str);

const PORTUGUESE_PLURALS: [Plural; 11] = [
    ("ns", 1, "m", ""),
    ("ões", 3, "ão", ""),
    ("ães", 1, "ão", "mães"),
    ("ais", 1, "al", "cais mais"),
    ("éis", 2, "el", ""),
    ("eis", 2, "el", ""),
    ("óis", 2, "ol", ""),
    ("is", 2, "il", "lápis cais mais crúcis biquínis pois depois dois leis"),
    ("les", 3, "l", ""),
    ("res", 3, "r", "árvores"),
    (
        "s",
        2,
        "",
        "aliás pires lápis cais mais mas menos férias fezes pêsames crúcis gás atrás moisés através convés ês país após ambas ambos messias depois",
    ),
];

pub(super) fn minimal_portuguese(letters: &mut Vec<char>) {
    if letters.len() < 3 || last(letters, 1) != 's' {
        return;
    }
    let is_plural = |(ending, least, _, words): &&Plural| {
        letters.len() >= least + ending.chars().count()
            && ends(letters, ending)
            && !words.split(' ').any(|word| word.chars().eq(letters.iter().copied()))
    };
    if let Some((ending, _, singular, _)) = PORTUGUESE_PLURALS.iter().find(is_plural) {
        drop_last(letters, ending.chars().count());
        letters.extend(singular.chars());
    }
}
