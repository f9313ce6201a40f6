//! How alike two words are, as Lucene's string distances tell it: 1 for the same word, less the more they differ.

use crate::query::edits::edits_between;

/// A way to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StringDistance {
    /// By the edits that the dictionary was searched with.
    Internal,
    /// By edits, neighbours that changed places among them.
    DamerauLevenshtein,
    /// By edits.
    Levenshtein,
    /// By letters in common that are not far from each other.
    JaroWinkler,
    /// By pairs of letters.
    Ngram,
}

/// How many letters that are next to each other `Ngram` compares.
const GRAM: usize = 2;
/// From which likeness on the same beginning counts for `JaroWinkler`.
const JARO_THRESHOLD: f32 = 0.7;

impl StringDistance {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "internal" => Self::Internal,
            "damerau_levenshtein" => Self::DamerauLevenshtein,
            "levenshtein" => Self::Levenshtein,
            "jaro_winkler" => Self::JaroWinkler,
            "ngram" => Self::Ngram,
            _ => return None,
        })
    }

    /// How alike they are; none where only the search knows.
    pub(super) fn of(self, one: &str, other: &str) -> Option<f32> {
        let units = |text: &str| -> Vec<u32> { text.encode_utf16().map(u32::from).collect() };
        let letters = |text: &str| -> Vec<u32> { text.chars().map(u32::from).collect() };
        Some(match self {
            Self::Internal => return None,
            Self::DamerauLevenshtein => {
                let (one, other) = (letters(one), letters(other));
                let shorter = one.len().min(other.len());
                if shorter == 0 {
                    return Some(one.len().max(other.len()) as f32);
                }
                1.0 - edits_between(&one, &other, true) as f32 / shorter as f32
            }
            Self::Levenshtein => {
                let (one, other) = (units(one), units(other));
                if one.is_empty() || other.is_empty() {
                    return Some(if one.len() == other.len() { 1.0 } else { 0.0 });
                }
                1.0 - edits_between(&one, &other, false) as f32 / one.len().max(other.len()) as f32
            }
            Self::JaroWinkler => jaro_winkler(&units(one), &units(other)),
            Self::Ngram => ngram(&units(one), &units(other)),
        })
    }
}

fn jaro_winkler(one: &[u32], other: &[u32]) -> f32 {
    let (longer, shorter) = if one.len() > other.len() { (one, other) } else { (other, one) };
    let range = (longer.len() / 2).saturating_sub(1);
    let mut taken = vec![false; longer.len()];
    let mut matched = Vec::new();
    for (at, letter) in shorter.iter().enumerate() {
        let reach = at.saturating_sub(range)..(at + range + 1).min(longer.len());
        if let Some(found) = reach.into_iter().find(|found| !taken[*found] && longer[*found] == *letter) {
            taken[found] = true;
            matched.push(*letter);
        }
    }
    if matched.is_empty() {
        return 0.0;
    }
    let in_longer = longer.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(letter, _)| letter);
    let swapped = matched.iter().zip(in_longer).filter(|(one, other)| one != other).count() / 2;
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let count = matched.len() as f32;
    let jaro =
        (count / one.len() as f32 + count / other.len() as f32 + (count - swapped as f32) / count) / 3.0;
    if jaro < JARO_THRESHOLD {
        return jaro;
    }
    jaro + (1.0 / longer.len() as f32).min(0.1) * same as f32 * (1.0 - jaro)
}

/// Kondrak's distance of n-grams, the first letters behind as many that are no letters.
fn ngram(source: &[u32], target: &[u32]) -> f32 {
    let (from, to) = (source.len(), target.len());
    if from == 0 || to == 0 {
        return if from == to { 1.0 } else { 0.0 };
    }
    let longer = from.max(to) as f32;
    if from < GRAM || to < GRAM {
        return source.iter().zip(target).filter(|(one, other)| one == other).count() as f32 / longer;
    }
    let padded = |letters: &[u32]| -> Vec<u32> {
        std::iter::repeat_n(0, GRAM - 1).chain(letters.iter().copied()).collect()
    };
    let (source, target) = (padded(source), padded(target));
    let mut before: Vec<f32> = (0..=from).map(|at| at as f32).collect();
    let mut row = before.clone();
    for j in 1..=to {
        let gram = &target[j - 1..j - 1 + GRAM];
        row[0] = j as f32;
        for i in 1..=from {
            let (mut cost, mut counted) = (0_usize, GRAM);
            for (own, with) in source[i - 1..i - 1 + GRAM].iter().zip(gram) {
                if own != with {
                    cost += 1;
                } else if *own == 0 {
                    counted -= 1;
                }
            }
            let share = cost as f32 / counted as f32;
            row[i] = (row[i - 1] + 1.0).min(before[i] + 1.0).min(before[i - 1] + share);
        }
        std::mem::swap(&mut before, &mut row);
    }
    1.0 - before[from] / longer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of Lucene's own tests of its distances.
    #[test]
    fn words_are_as_alike_as_in_lucene() {
        use StringDistance::{DamerauLevenshtein, JaroWinkler, Levenshtein, Ngram};
        for (distance, one, other, expected) in [
            (JaroWinkler, "al", "al", 1.0),
            (JaroWinkler, "martha", "marhta", 0.9611),
            (JaroWinkler, "jones", "johnson", 0.8323),
            (JaroWinkler, "dwayne", "duane", 0.84),
            (JaroWinkler, "dixon", "dicksonx", 0.8133),
            (JaroWinkler, "fvie", "ten", 0.0),
            (Levenshtein, "al", "al", 1.0),
            (Levenshtein, "martha", "marhta", 0.6666),
            (Levenshtein, "jones", "johnson", 0.4285),
            (Levenshtein, "abcvwxyz", "cabvwxyz", 0.75),
            (Levenshtein, "six", "ten", 0.0),
            (Levenshtein, "", "", 1.0),
            (DamerauLevenshtein, "abdc", "abcd", 0.75),
            (DamerauLevenshtein, "martha", "marhta", 0.8333),
            (DamerauLevenshtein, "jones", "johnson", 0.2),
            (Ngram, "eight", "eighty", 0.8333),
            (Ngram, "al", "al", 1.0),
            (Ngram, "a", "a", 1.0),
            (Ngram, "a", "b", 0.0),
            (Ngram, "a", "aaa", 0.3333),
        ] {
            let found = distance.of(one, other).expect("a figure");

            assert!((found - expected).abs() < 0.0001, "{distance:?} {one} {other}: {found}");
        }
    }
}
