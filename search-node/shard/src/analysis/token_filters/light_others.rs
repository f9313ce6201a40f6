//! Light stemmers for Latvian (after the thesis of Kārlis Kreslins), Sorani Kurdish and Persian.

use super::endings::{Endings, drop_ending};
use super::light_stemmers::{drop_last, ends, last, set};

/// An ending of Latvian, the vowels it has at least one fewer of than the word, and whether it softens what stands before it.
type Affix = (&'static str, usize, bool);

const LATVIAN: [Affix; 38] = [
    ("ajiem", 3, false),
    ("ajai", 3, false),
    ("ajam", 2, false),
    ("ajām", 2, false),
    ("ajos", 2, false),
    ("ajās", 2, false),
    ("iem", 2, true),
    ("ajā", 2, false),
    ("ais", 2, false),
    ("ai", 2, false),
    ("ei", 2, false),
    ("ām", 1, false),
    ("am", 1, false),
    ("ēm", 1, false),
    ("īm", 1, false),
    ("im", 1, false),
    ("um", 1, false),
    ("us", 1, true),
    ("as", 1, false),
    ("ās", 1, false),
    ("es", 1, false),
    ("os", 1, true),
    ("ij", 1, false),
    ("īs", 1, false),
    ("ēs", 1, false),
    ("is", 1, false),
    ("ie", 1, false),
    ("u", 1, true),
    ("a", 1, true),
    ("i", 1, true),
    ("e", 1, false),
    ("ā", 1, false),
    ("ē", 1, false),
    ("ī", 1, false),
    ("ū", 1, false),
    ("o", 1, false),
    ("s", 0, false),
    ("š", 0, false),
];

pub(super) fn latvian(letters: &mut Vec<char>) {
    let vowels = letters.iter().filter(|letter| "aeiouāēīū".contains(**letter)).count();
    let fits = |(ending, others, _): &&Affix| {
        vowels > *others && letters.len() >= ending.chars().count() + 3 && ends(letters, ending)
    };
    let Some((ending, _, softens)) = LATVIAN.iter().find(fits) else { return };
    drop_last(letters, ending.chars().count());
    if *softens {
        harden(letters, ending.starts_with('u'));
    }
}

/// Undoes what an ending of some declensions does to the consonants before it.
fn harden(letters: &mut Vec<char>, is_behind_u: bool) {
    if is_behind_u && ends(letters, "kš") {
        set(letters, 1, 's');
        letters.push('t');
        return;
    }
    if is_behind_u && ends(letters, "ņņ") {
        set(letters, 2, 'n');
        set(letters, 1, 'n');
        return;
    }
    let hard = |letter: char| match letter {
        'š' => 's',
        'ž' => 'z',
        'ļ' => 'l',
        'ņ' => 'n',
        'č' => 'c',
        other => other,
    };
    match (last(letters, 2), last(letters, 1)) {
        ('p' | 'b' | 'm' | 'v', 'j') => drop_last(letters, 1),
        (before @ ('š' | 'ž' | 'ļ'), soft @ ('ņ' | 'ļ')) => {
            set(letters, 2, hard(before));
            set(letters, 1, hard(soft));
        }
        (_, soft @ ('č' | 'ļ' | 'ņ')) => set(letters, 1, hard(soft)),
        _ => {}
    }
}

pub(super) fn sorani(letters: &mut Vec<char>) {
    if letters.len() > 5 && ends(letters, "دا") {
        drop_last(letters, 2);
    } else if letters.len() > 4 && ends(letters, "نا") {
        drop_last(letters, 1);
    } else {
        drop_ending(letters, &[(6, "ەوە")]);
    }
    drop_ending(letters, &[(6, "مان یان تان")]);
    // Whichever comes first: the form with an ezafe, singular, plural, demonstrative.
    const NOUNS: [Endings; 14] = [
        (6, "ێکی"),
        (7, "یەکی"),
        (5, "ێک"),
        (6, "یەک"),
        (6, "ەکە"),
        (5, "کە"),
        (7, "ەکان"),
        (6, "کان"),
        (7, "یانی"),
        (6, "انی"),
        (6, "یان"),
        (5, "ان"),
        (7, "یانە"),
        (6, "انە"),
    ];
    if drop_ending(letters, &NOUNS) {
        return;
    }
    if letters.len() > 5 && (ends(letters, "ایە") || ends(letters, "ەیە")) {
        return drop_last(letters, 2);
    }
    drop_ending(letters, &[(4, "ە ی")]);
}

/// Endings of Persian, one after the other, where two letters or more stay.
pub(super) fn persian(letters: &mut Vec<char>) {
    for ending in ["ات", "ان", "ترين", "تر", "يي", "ي", "ها"] {
        let least = ending.chars().count() + 1;
        drop_ending(letters, &[(least, ending)]);
    }
}
