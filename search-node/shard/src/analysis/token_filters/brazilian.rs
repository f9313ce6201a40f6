//! `brazilian_stem`: the stemmer for the Portuguese of Brazil that goes by the regions of a word, as Porter's for Portuguese: endings
//! of nouns and adverbs, else those of verbs, else what is left of either.

use super::light_stemmers::{drop_last, ends};

/// Where an ending must stand: behind the first vowel and consonant, behind the next two, or behind the beginning of a verb.
#[derive(Clone, Copy)]
enum Region {
    First,
    Second,
    Verb,
}

/// Endings that are taken away, or that another takes the place of, in the order in which they are looked for.
type Ending = (&'static str, Region, &'static str);

const NOUNS: [Ending; 42] = [
    ("uciones", Region::Second, "u"),
    ("imentos", Region::Second, ""),
    ("amentos", Region::Second, ""),
    ("adores", Region::Second, ""),
    ("adoras", Region::Second, ""),
    // It counts as an ending, and stays.
    ("logias", Region::Second, "logias"),
    ("encias", Region::Second, "ente"),
    ("amente", Region::First, ""),
    ("idades", Region::Second, ""),
    ("acoes", Region::Second, ""),
    ("imento", Region::Second, ""),
    ("amento", Region::Second, ""),
    ("adora", Region::Second, ""),
    ("ismos", Region::Second, ""),
    ("istas", Region::Second, ""),
    ("logia", Region::Second, "log"),
    ("ucion", Region::Second, "u"),
    ("encia", Region::Second, "ente"),
    ("mente", Region::Second, ""),
    ("idade", Region::Second, ""),
    ("acao", Region::Second, ""),
    ("ezas", Region::Second, ""),
    ("icos", Region::Second, ""),
    ("icas", Region::Second, ""),
    ("ismo", Region::Second, ""),
    ("avel", Region::Second, ""),
    ("ivel", Region::Second, ""),
    ("ista", Region::Second, ""),
    ("osos", Region::Second, ""),
    ("osas", Region::Second, ""),
    ("ador", Region::Second, ""),
    ("ivas", Region::Second, ""),
    ("ivos", Region::Second, ""),
    ("iras", Region::Verb, "ir"),
    ("eza", Region::Second, ""),
    ("ico", Region::Second, ""),
    ("ica", Region::Second, ""),
    ("oso", Region::Second, ""),
    ("osa", Region::Second, ""),
    ("iva", Region::Second, ""),
    ("ivo", Region::Second, ""),
    ("ira", Region::Verb, "ir"),
];

/// Of verbs, the longest first.
const VERBS: [&str; 6] = [
    "issemos essemos assemos ariamos eriamos iriamos",
    "iremos eremos aremos avamos iramos eramos aramos asseis esseis isseis arieis erieis irieis",
    "irmos iamos armos ermos areis ereis ireis asses esses isses astes assem essem issem ardes erdes irdes ariam eriam iriam arias erias irias estes istes aveis",
    "aria eria iria asse esse isse aste este iste arei erei irei aram eram iram avam arem erem irem ando endo indo arao erao irao adas idas aras eras iras avas ares eres ires ados idos amos emos imos ieis",
    "ada ida ara era ira iam ado ido ias ais eis ear",
    "ia ei am em ar er ir as es is eu iu ou",
];

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u')
}

/// Where the region behind the first vowel and the consonant after it begins.
fn region(letters: &[char]) -> Option<usize> {
    let inner = letters.split_last()?.1;
    let vowel = inner.iter().position(|letter| is_vowel(*letter))?;
    let consonant = inner[vowel..].iter().position(|letter| !is_vowel(*letter))?;
    Some(vowel + consonant + 1)
}

/// Where a verb's endings may begin.
fn verb_region(letters: &[char]) -> Option<usize> {
    let inner = letters.split_last()?.1;
    let behind = |wanted: bool| {
        let found = inner.iter().skip(2).position(|letter| is_vowel(*letter) == wanted)?;
        Some(found + 3)
    };
    let second = *letters.get(1)?;
    let first = match (is_vowel(letters[0]), is_vowel(second)) {
        (_, false) => behind(true),
        (true, true) => behind(false),
        (false, true) => None,
    };
    first.or((letters.len() > 3).then_some(3))
}

pub(super) fn brazilian(letters: &mut Vec<char>) {
    let mut plain: Vec<char> =
        letters.iter().flat_map(|letter| letter.to_lowercase()).map(without_accent).collect();
    let is_mark = |letter: &char| "\"'-,;.?!".contains(*letter);
    if plain.len() >= 2 && plain.first().is_some_and(is_mark) {
        plain.remove(0);
    }
    if plain.len() >= 2 && plain.last().is_some_and(is_mark) {
        plain.pop();
    }
    if !(3..30).contains(&plain.len()) {
        return;
    }
    *letters = plain;
    if letters.iter().all(|letter| letter.is_alphabetic()) {
        strip(letters);
    }
}

fn without_accent(letter: char) -> char {
    match letter {
        'á' | 'â' | 'ã' => 'a',
        'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' | 'õ' => 'o',
        'ú' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        other => other,
    }
}

fn strip(letters: &mut Vec<char>) {
    let word = letters.clone();
    let first = region(&word);
    let second = first.and_then(|first| Some(first + region(&word[first..])?));
    // What stands in a region of the word is asked of the whole word, also once an ending is gone.
    let within = |from: Option<usize>, ending: &str| from.is_some_and(|from| ends(&word[from..], ending));
    let verb = verb_region(&word);
    let noun = NOUNS.iter().find(|(ending, place, _)| match place {
        Region::First => within(first, ending),
        Region::Second => within(second, ending),
        Region::Verb => within(verb, ending) && ends(&word, &format!("e{ending}")),
    });
    let is_altered = match noun {
        Some((ending, _, instead)) => {
            drop_last(letters, ending.chars().count());
            letters.extend(instead.chars());
            true
        }
        None => drop_verb_ending(letters, |ending| within(verb, ending)),
    };
    if is_altered {
        if within(verb, "ci") {
            drop_if(letters, "i");
        }
    } else if let Some(rest) = ["os", "a", "i", "o"].into_iter().find(|rest| within(verb, rest)) {
        drop_if(letters, rest);
    }
    if within(verb, "e") {
        drop_if(letters, "e");
        if within(verb, "gue") {
            drop_if(letters, "u");
        } else if within(verb, "cie") {
            drop_if(letters, "i");
        }
    }
}

fn drop_if(letters: &mut Vec<char>, ending: &str) {
    if ends(letters, ending) {
        drop_last(letters, ending.chars().count());
    }
}

fn drop_verb_ending(letters: &mut Vec<char>, is_there: impl Fn(&str) -> bool) -> bool {
    let Some(ending) = VERBS.iter().flat_map(|endings| endings.split(' ')).find(|ending| is_there(ending))
    else {
        return false;
    };
    // Lucene looks for another ending here, which is never there.
    if ending != "ira" {
        drop_last(letters, ending.chars().count());
    }
    true
}
