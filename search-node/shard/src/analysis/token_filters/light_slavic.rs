//! Light stemmers for Bulgarian, Czech and Russian, by the papers of Ljiljana Dolamic and Jacques Savoy on searching in them.

use super::endings::{Endings, drop_ending, drop_letter, ends_in_any, soften};
use super::light_stemmers::{drop_last, ends, last, set};

const RUSSIAN_CASES: [Endings; 4] = [
    (6, "иями оями"),
    (5, "иям иях оях ями оям оьв ами его ему ери ими ого ому ыми оев"),
    (4, "ая яя ях юю ах ею их ия ию ьв ою ую ям ых ея ам ем ей ём ев ий им ое ой ом ов ые ый ым ми"),
    (3, "а е и о у й ы я ь"),
];

pub(super) fn light_russian(letters: &mut Vec<char>) {
    drop_ending(letters, &RUSSIAN_CASES);
    if letters.len() > 3 && (matches!(last(letters, 1), 'ь' | 'и') || ends(letters, "нн")) {
        drop_last(letters, 1);
    }
}

const CZECH_CASES: [Endings; 5] = [
    (7, "atech"),
    (6, "ětem etem atům"),
    (
        5,
        "ech ich ích ého ěmi emi ému ěte ete ěti eti ího iho ími ímu imu ách ata aty ých ama ami ové ovi ými",
    ),
    (4, "em es ém ím ům at ám os us ým mi ou"),
    (3, "a e i o u ů y á é í ý ě"),
];
const CZECH_POSSESSIVES: [Endings; 1] = [(5, "ov in ův")];

pub(super) fn czech(letters: &mut Vec<char>) {
    drop_ending(letters, &CZECH_CASES);
    drop_ending(letters, &CZECH_POSSESSIVES);
    match last(letters, 1) {
        't' if ends_in_any(letters, "čt št") => {
            let hard = if last(letters, 2) == 'č' { 'c' } else { 's' };
            set(letters, 2, hard);
            set(letters, 1, 'k');
        }
        'c' | 'č' => set(letters, 1, 'k'),
        'z' | 'ž' => set(letters, 1, 'h'),
        final_letter if letters.len() > 1 && last(letters, 2) == 'e' => soften(letters, final_letter),
        _ if letters.len() > 2 && last(letters, 2) == 'ů' => set(letters, 2, 'o'),
        _ => {}
    }
}

const BULGARIAN_ARTICLES: [Endings; 3] = [(6, "ият"), (5, "ът то те та ия"), (4, "ят")];

pub(super) fn bulgarian(letters: &mut Vec<char>) {
    if letters.len() < 4 {
        return;
    }
    if drop_ending(letters, &[(5, "ища")]) {
        return;
    }
    drop_ending(letters, &BULGARIAN_ARTICLES);
    bulgarian_plural(letters);
    if letters.len() > 3 {
        drop_letter(letters, 0, "я");
        drop_letter(letters, 0, "аое");
    }
    if letters.len() > 4 && ends(letters, "ен") {
        soften(letters, 'н');
    }
    if letters.len() > 5 && last(letters, 2) == 'ъ' {
        let final_letter = last(letters, 1);
        soften(letters, final_letter);
    }
}

fn bulgarian_plural(letters: &mut Vec<char>) {
    let length = letters.len();
    if length > 6 && ends_in_any(letters, "овци ове") {
        drop_last(letters, 3);
    } else if length > 6 && ends(letters, "еве") {
        set(letters, 3, 'й');
        drop_last(letters, 2);
    } else if drop_ending(letters, &[(5, "ища та")]) {
    } else if length > 5 && ends(letters, "ци") {
        soften(letters, 'к');
    } else if length > 5 && ends(letters, "зи") {
        soften(letters, 'г');
    } else if length > 5 && last(letters, 3) == 'е' && last(letters, 1) == 'и' {
        set(letters, 3, 'я');
        drop_last(letters, 1);
    } else if length > 4 && ends(letters, "си") {
        soften(letters, 'х');
    } else {
        drop_letter(letters, 4, "и");
    }
}
