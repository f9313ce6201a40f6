//! Light stemmers: those of Jacques Savoy ("Light stemming approaches for the French, Portuguese, German and Hungarian
//! languages", 2006) that Lucene's analyzers of languages use, a light one for Arabic, and two for English.

/// Whether the letters end so.
pub(super) fn ends(letters: &[char], ending: &str) -> bool {
    let length = ending.chars().count();
    length <= letters.len() && letters[letters.len() - length..].iter().copied().eq(ending.chars())
}

/// Takes so many letters from the end.
pub(super) fn drop_last(letters: &mut Vec<char>, count: usize) {
    letters.truncate(letters.len().saturating_sub(count));
}

/// The letter so far from the end; 1 is the last.
pub(super) fn last(letters: &[char], from_end: usize) -> char {
    letters.len().checked_sub(from_end).and_then(|at| letters.get(at)).copied().unwrap_or('\0')
}

/// Puts a letter so far from the end.
pub(super) fn set(letters: &mut [char], from_end: usize, letter: char) {
    if let Some(at) = letters.len().checked_sub(from_end) {
        letters[at] = letter;
    }
}

fn without_accent(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ä' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        other => other,
    }
}

fn fold(letters: &mut [char], fold: fn(char) -> char) {
    letters.iter_mut().for_each(|letter| *letter = fold(*letter));
}

/// Plurals only.
pub(super) fn minimal_english(letters: &mut Vec<char>) {
    let length = letters.len();
    if length < 3 || last(letters, 1) != 's' {
        return;
    }
    match last(letters, 2) {
        'u' | 's' => {}
        'e' if length > 3 && last(letters, 3) == 'i' && !matches!(last(letters, 4), 'a' | 'e') => {
            set(letters, 3, 'y');
            drop_last(letters, 2);
        }
        'e' if matches!(last(letters, 3), 'i' | 'a' | 'o' | 'e') => {}
        _ => drop_last(letters, 1),
    }
}

/// `'s` only.
pub(super) fn possessive_english(letters: &mut Vec<char>) {
    let is_possessive = letters.len() >= 2
        && matches!(last(letters, 2), '\'' | '\u{2019}' | '\u{ff07}')
        && matches!(last(letters, 1), 's' | 'S');
    if is_possessive {
        drop_last(letters, 2);
    }
}

pub(super) fn light_german(letters: &mut Vec<char>) {
    fn keeps(letter: char) -> bool {
        matches!(letter, 'b' | 'd' | 'f' | 'g' | 'h' | 'k' | 'l' | 'm' | 'n' | 't')
    }
    fold(letters, |letter| match letter {
        'ä' | 'à' | 'á' | 'â' => 'a',
        'ö' | 'ò' | 'ó' | 'ô' => 'o',
        'ï' | 'ì' | 'í' | 'î' => 'i',
        'ü' | 'ù' | 'ú' | 'û' => 'u',
        other => other,
    });
    let length = letters.len();
    if length > 5 && ends(letters, "ern") {
        drop_last(letters, 3);
    } else if length > 4 && last(letters, 2) == 'e' && matches!(last(letters, 1), 'm' | 'n' | 'r' | 's') {
        drop_last(letters, 2);
    } else if (length > 3 && last(letters, 1) == 'e')
        || (length > 3 && last(letters, 1) == 's' && keeps(last(letters, 2)))
    {
        drop_last(letters, 1);
    }
    let length = letters.len();
    if length > 5 && ends(letters, "est") {
        drop_last(letters, 3);
    } else if length > 4
        && (ends(letters, "er") || ends(letters, "en") || ends(letters, "st") && keeps(last(letters, 3)))
    {
        drop_last(letters, 2);
    }
}

pub(super) fn light_spanish(letters: &mut Vec<char>) {
    if letters.len() < 5 {
        return;
    }
    fold(letters, without_accent);
    match last(letters, 1) {
        'o' | 'a' | 'e' => drop_last(letters, 1),
        's' if ends(letters, "eses") => drop_last(letters, 2),
        's' if ends(letters, "ces") => {
            set(letters, 3, 'z');
            drop_last(letters, 2);
        }
        's' if matches!(last(letters, 2), 'o' | 'a' | 'e') => drop_last(letters, 2),
        _ => {}
    }
}

pub(super) fn light_italian(letters: &mut Vec<char>) {
    if letters.len() < 6 {
        return;
    }
    fold(letters, without_accent);
    let before = last(letters, 2);
    match last(letters, 1) {
        'e' | 'i' if matches!(before, 'i' | 'h') => drop_last(letters, 2),
        'a' | 'o' if before == 'i' => drop_last(letters, 2),
        'e' | 'i' | 'a' | 'o' => drop_last(letters, 1),
        _ => {}
    }
}

pub(super) fn light_portuguese(letters: &mut Vec<char>) {
    if letters.len() < 4 {
        return;
    }
    portuguese_suffix(letters);
    if letters.len() > 3 && last(letters, 1) == 'a' {
        portuguese_feminine(letters);
    }
    if letters.len() > 4 && matches!(last(letters, 1), 'e' | 'a' | 'o') {
        drop_last(letters, 1);
    }
    fold(letters, |letter| match letter {
        'ã' => 'a',
        'õ' => 'o',
        'ç' => 'c',
        other => without_accent(other),
    });
}

fn portuguese_suffix(letters: &mut Vec<char>) {
    let length = letters.len();
    if length > 4 && ends(letters, "es") && matches!(last(letters, 3), 'r' | 's' | 'l' | 'z') {
        drop_last(letters, 2);
    } else if length > 3 && ends(letters, "ns") {
        set(letters, 2, 'm');
        drop_last(letters, 1);
    } else if length > 4 && (ends(letters, "eis") || ends(letters, "éis")) {
        set(letters, 3, 'e');
        set(letters, 2, 'l');
        drop_last(letters, 1);
    } else if length > 4 && ends(letters, "ais") {
        set(letters, 2, 'l');
        drop_last(letters, 1);
    } else if length > 4 && ends(letters, "óis") {
        set(letters, 3, 'o');
        set(letters, 2, 'l');
        drop_last(letters, 1);
    } else if length > 4 && ends(letters, "is") {
        set(letters, 1, 'l');
    } else if length > 3 && (ends(letters, "ões") || ends(letters, "ães")) {
        drop_last(letters, 1);
        set(letters, 2, 'ã');
        set(letters, 1, 'o');
    } else if length > 6 && ends(letters, "mente") {
        drop_last(letters, 5);
    } else if length > 3 && last(letters, 1) == 's' {
        drop_last(letters, 1);
    }
}

fn portuguese_feminine(letters: &mut Vec<char>) {
    let length = letters.len();
    let any = |endings: &[&str]| endings.iter().any(|ending| ends(letters, ending));
    if (length > 7 && any(&["inha", "iaca", "eira"]))
        || (length > 6 && any(&["osa", "ica", "ida", "ada", "iva", "ama"]))
    {
        set(letters, 1, 'o');
    } else if length > 6 && any(&["ona"]) {
        set(letters, 3, 'ã');
        set(letters, 2, 'o');
        drop_last(letters, 1);
    } else if length > 6 && any(&["ora"]) {
        drop_last(letters, 1);
    } else if length > 6 && any(&["esa"]) {
        set(letters, 3, 'ê');
        drop_last(letters, 1);
    } else if length > 6 && any(&["na"]) {
        set(letters, 1, 'o');
    }
}

/// The light stemmer of Larkey, Ballesteros and Connell for Arabic.
pub(super) fn arabic(letters: &mut Vec<char>) {
    const PREFIXES: [&str; 7] = ["ال", "وال", "بال", "كال", "فال", "لل", "و"];
    const SUFFIXES: [&str; 10] = ["ها", "ان", "ات", "ون", "ين", "يه", "ية", "ه", "ة", "ي"];
    let prefix = PREFIXES.iter().find(|prefix| {
        let length = prefix.chars().count();
        let least = if length == 1 { 4 } else { length + 2 };
        letters.len() >= least && letters.iter().copied().zip(prefix.chars()).all(|(a, b)| a == b)
    });
    if let Some(prefix) = prefix {
        letters.drain(..prefix.chars().count());
    }
    for suffix in SUFFIXES {
        let length = suffix.chars().count();
        if letters.len() >= length + 2 && ends(letters, suffix) {
            drop_last(letters, length);
        }
    }
}
