//! The words of random texts: few, so that queries find something, and of every kind that analysis treats in its own way.

use super::dice::Dice;

/// Frequent ones first.
const WORDS: [&str; 56] = [
    "quick",
    "the",
    "brown",
    "fox",
    "a",
    "dog",
    "lazy",
    "jumps",
    "over",
    "river",
    "and",
    "running",
    "runner",
    "run",
    "Quick",
    "BROWN",
    "stone",
    "stones",
    "mountain",
    "is",
    "of",
    "red",
    "green",
    "blue",
    "river's",
    "e-mail",
    "foxes",
    "not",
    "café",
    "cafe",
    "Straße",
    "übung",
    "42",
    "3.14",
    "wi-fi",
    "O'Neil",
    "node.js",
    "user@example.com",
    "http",
    "error",
    "errors",
    "warning",
    "disk",
    "disks",
    "full",
    "empty",
    "timeout",
    "timed",
    "out",
    "connection",
    "refused",
    "x",
    "yz",
    "databases",
    "database",
    "Zürich",
];

/// What stands between words.
const BETWEEN: [&str; 9] = [" ", " ", " ", " ", " ", ", ", ". ", " - ", "; "];

/// Exact values.
pub(super) const TAGS: [&str; 14] = [
    "alpha",
    "beta",
    "Beta",
    "gamma",
    "delta",
    "alpha beta",
    "2024-01-05",
    "10",
    "true",
    "red",
    "blue",
    "a/b",
    "x*y",
    "größe",
];

pub(super) fn word(dice: &mut Dice) -> &'static str {
    WORDS[dice.skewed(WORDS.len())]
}

pub(super) fn tag(dice: &mut Dice) -> &'static str {
    TAGS[dice.skewed(TAGS.len())]
}

/// Words with something between them.
pub(super) fn text(dice: &mut Dice, low: i64, high: i64) -> String {
    let words = dice.several(low, high, word);
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push_str(dice.pick(&BETWEEN));
        }
        text.push_str(word);
    }
    text
}

/// Words as one types them into a search box.
pub(super) fn search(dice: &mut Dice, low: i64, high: i64) -> String {
    dice.several(low, high, word).join(" ")
}

/// A word with a slip.
pub(super) fn misspelt(dice: &mut Dice) -> String {
    let mut letters: Vec<char> = word(dice).to_lowercase().chars().collect();
    let at = dice.below(letters.len());
    match dice.below(4) {
        0 => letters.insert(at, 'q'),
        1 if letters.len() > 1 => drop(letters.remove(at)),
        2 if at > 0 => letters.swap(at - 1, at),
        _ => letters[at] = 'e',
    }
    letters.into_iter().collect()
}

/// The beginning of a word.
pub(super) fn beginning(dice: &mut Dice) -> String {
    let word: Vec<char> = word(dice).to_lowercase().chars().collect();
    let length = dice.between(1, word.len().min(4) as i64) as usize;
    word[..length].iter().collect()
}
