//! Light stemmers for Finnish, Norwegian and Swedish: those of Jacques Savoy ("Report on CLEF-2003 monolingual tracks"), and what
//! was made of the Swedish one for both written forms of Norwegian.

use super::endings::{Endings, drop_ending, drop_letter};
use super::light_stemmers::{drop_last, ends, last, set};

const SWEDISH: [Endings; 5] = [
    (7, "elser heten"),
    (6, "arne erna ande else aste orna aren"),
    (5, "are ast het"),
    (4, "ar er or en at te et"),
    (3, "t a e n"),
];

pub(super) fn light_swedish(letters: &mut Vec<char>) {
    drop_letter(letters, 4, "s");
    drop_ending(letters, &SWEDISH);
}

const BOKMAAL: [Endings; 7] = [
    (7, "heter heten"),
    (5, "dom het"),
    (7, "elser elsen"),
    (6, "ende else este eren"),
    (5, "ere est ene"),
    (4, "er en et st te"),
    (3, "a e n"),
];
const NYNORSK: [Endings; 9] = [
    (7, "heita"),
    (8, "heiter leiken leikar"),
    (5, "dom"),
    (6, "heit semd leik"),
    (7, "elser elsen"),
    (6, "ande else aste aren"),
    (5, "are ast ene ane"),
    (4, "er en et ar te"),
    (3, "a e n"),
];
const MINIMAL_BOKMAAL: [Endings; 3] = [(5, "ene"), (4, "er en et"), (3, "a e")];
const MINIMAL_NYNORSK: [Endings; 3] = [(5, "ene ane"), (4, "er en et ar"), (3, "a e")];

fn norwegian(letters: &mut Vec<char>, table: &[Endings]) {
    drop_letter(letters, 4, "s");
    drop_ending(letters, table);
}

pub(super) fn light_norwegian(letters: &mut Vec<char>) {
    norwegian(letters, &BOKMAAL);
}

pub(super) fn light_nynorsk(letters: &mut Vec<char>) {
    norwegian(letters, &NYNORSK);
}

pub(super) fn minimal_norwegian(letters: &mut Vec<char>) {
    norwegian(letters, &MINIMAL_BOKMAAL);
}

pub(super) fn minimal_nynorsk(letters: &mut Vec<char>) {
    norwegian(letters, &MINIMAL_NYNORSK);
}

pub(super) fn light_finnish(letters: &mut Vec<char>) {
    if letters.len() < 4 {
        return;
    }
    for letter in letters.iter_mut() {
        *letter = match *letter {
            'ä' | 'å' => 'a',
            'ö' => 'o',
            other => other,
        };
    }
    while drop_ending(letters, &[(8, "kin ko")]) {}
    drop_ending(letters, &[(11, "dellinen dellisuus")]);
    if !drop_ending(letters, &[(5, "lla tse sti ni")]) && letters.len() > 5 && ends(letters, "aa") {
        drop_last(letters, 1);
    }
    finnish_case(letters);
    finnish_ending(letters);
    finnish_doubles(letters);
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// An `s` in place of the first letter of an ending; the others go.
fn to_s(letters: &mut Vec<char>, ending: usize) {
    set(letters, ending, 's');
    drop_last(letters, ending - 1);
}

fn finnish_case(letters: &mut Vec<char>) {
    let length = letters.len();
    if length > 8 && ends(letters, "nnen") {
        to_s(letters, 4);
    } else if length > 8 && ends(letters, "ntena") {
        to_s(letters, 5);
    } else if drop_ending(letters, &[(8, "tten eiden"), (6, "neen niin seen teen inen")]) {
    } else if length > 6 && last(letters, 3) == 'h' && is_vowel(last(letters, 2)) && last(letters, 1) == 'n' {
        drop_last(letters, 3);
    } else if length > 6 && ends(letters, "den") {
        to_s(letters, 3);
    } else if length > 6 && ends(letters, "ksen") {
        to_s(letters, 4);
    } else if drop_ending(letters, &[(6, "ssa sta lla lta tta ksi lle"), (5, "na ne nei"), (4, "ja ta a")]) {
    } else if length > 4 && last(letters, 1) == 'n' {
        drop_last(letters, if is_vowel(last(letters, 2)) { 2 } else { 1 });
    }
}

fn finnish_ending(letters: &mut Vec<char>) {
    if letters.len() > 5 && ends(letters, "hde") {
        drop_last(letters, 3);
        letters.extend(['k', 's', 'i']);
    }
    drop_ending(letters, &[(4, "ei at"), (3, "t s j e a i")]);
}

fn finnish_doubles(letters: &mut Vec<char>) {
    drop_letter(letters, 8, "eou");
    drop_letter(letters, 4, "i");
    if letters.len() > 4 {
        letters.dedup_by(|letter, before| letter == before && matches!(letter, 'k' | 'p' | 't'));
    }
}
