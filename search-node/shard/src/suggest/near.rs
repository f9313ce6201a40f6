//! An automaton of what is within a few edits of a word: it walks over the bytes of terms with a row of Levenshtein's table.
//!
//! A row is as long as the word, so that a long word costs little memory, unlike a table of all states.

use tantivy_fst::Automaton;

/// Takes what is so many edits away from a word, at most.
pub(super) struct Near {
    /// What the word begins with, which must be the same.
    same: Vec<u32>,
    /// What may have edits behind it.
    rest: Vec<u32>,
    edits: u8,
    transpositions: bool,
    /// Whether letters are compared, and not bytes.
    by_letters: bool,
}

/// How far a term has led.
#[derive(Debug, Clone)]
pub(super) enum Walked {
    Nowhere,
    /// Through so many symbols of the beginning.
    Same(usize, Letter),
    /// Behind the beginning: the row of the last symbol and the one before.
    Rest {
        row: Vec<u8>,
        before: Vec<u8>,
        last: u32,
        letter: Letter,
    },
}

/// As much as is known of a letter whose bytes are being read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Letter {
    bits: u32,
    left: u8,
}

/// No symbol.
const NONE: u32 = u32::MAX;

impl Near {
    /// Of letters, or else of bytes.
    pub(super) fn new(word: &str, prefix: usize, edits: u8, transpositions: bool, by_letters: bool) -> Self {
        let mut same: Vec<u32> = match by_letters {
            true => word.chars().map(u32::from).collect(),
            false => word.bytes().map(u32::from).collect(),
        };
        let rest = same.split_off(prefix.min(same.len()));
        Self { same, rest, edits, transpositions, by_letters }
    }

    fn first_row(&self) -> Vec<u8> {
        let beyond = self.edits + 1;
        (0..=self.rest.len()).map(|at| u8::try_from(at).unwrap_or(u8::MAX).min(beyond)).collect()
    }

    fn behind_same(&self) -> Walked {
        Walked::Rest { row: self.first_row(), before: Vec::new(), last: NONE, letter: Letter::default() }
    }

    /// One symbol further.
    fn next(&self, row: &[u8], before: &[u8], last: u32, symbol: u32) -> Walked {
        let beyond = self.edits + 1;
        let mut made = Vec::with_capacity(row.len());
        made.push((row[0] + 1).min(beyond));
        for (at, own) in self.rest.iter().enumerate() {
            let mut least = (row[at + 1] + 1).min(made[at] + 1).min(row[at] + u8::from(*own != symbol));
            let swapped = at > 0 && *own == last && self.rest[at - 1] == symbol;
            if self.transpositions
                && swapped
                && let Some(two_before) = before.get(at - 1)
            {
                least = least.min(two_before + 1);
            }
            made.push(least.min(beyond));
        }
        // A symbol that changes places is met one later.
        let swaps = |value: &u8| self.transpositions && *value < self.edits;
        if made.iter().all(|value| *value > self.edits) && !row.iter().any(swaps) {
            return Walked::Nowhere;
        }
        Walked::Rest { row: made, before: row.to_vec(), last: symbol, letter: Letter::default() }
    }
}

impl Letter {
    /// One byte further: the letter if it is whole, or as much as is known.
    fn with(self, byte: u8) -> Option<Result<u32, Self>> {
        let bits = u32::from(byte);
        let (bits, left) = match (self.left, byte) {
            (0, 0..=0x7f) => return Some(Ok(bits)),
            (0, 0xc2..=0xdf) => (bits & 0x1f, 1),
            (0, 0xe0..=0xef) => (bits & 0x0f, 2),
            (0, 0xf0..=0xf4) => (bits & 0x07, 3),
            (1.., 0x80..=0xbf) => (self.bits << 6 | bits & 0x3f, self.left - 1),
            _ => return None,
        };
        Some(if left == 0 { Ok(bits) } else { Err(Self { bits, left }) })
    }
}

impl Automaton for Near {
    type State = Walked;

    fn start(&self) -> Walked {
        if self.same.is_empty() { self.behind_same() } else { Walked::Same(0, Letter::default()) }
    }

    fn is_match(&self, walked: &Walked) -> bool {
        let Walked::Rest { row, letter, .. } = walked else { return false };
        letter.left == 0 && row.last().is_some_and(|edits| *edits <= self.edits)
    }

    fn can_match(&self, walked: &Walked) -> bool {
        !matches!(walked, Walked::Nowhere)
    }

    fn accept(&self, walked: &Walked, byte: u8) -> Walked {
        let letter = match walked {
            Walked::Nowhere => return Walked::Nowhere,
            Walked::Same(_, letter) | Walked::Rest { letter, .. } => *letter,
        };
        let read = if self.by_letters { letter.with(byte) } else { Some(Ok(u32::from(byte))) };
        match (walked, read) {
            (_, None) | (Walked::Nowhere, _) => Walked::Nowhere,
            (Walked::Same(at, _), Some(Err(letter))) => Walked::Same(*at, letter),
            (Walked::Same(at, _), Some(Ok(symbol))) => match self.same.get(*at) {
                Some(same) if *same == symbol && at + 1 == self.same.len() => self.behind_same(),
                Some(same) if *same == symbol => Walked::Same(at + 1, Letter::default()),
                _ => Walked::Nowhere,
            },
            (Walked::Rest { row, before, last, .. }, Some(Err(letter))) => {
                Walked::Rest { row: row.clone(), before: before.clone(), last: *last, letter }
            }
            (Walked::Rest { row, before, last, .. }, Some(Ok(symbol))) => {
                self.next(row, before, *last, symbol)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::edits::edits_between;

    fn takes(near: &Near, term: &str) -> bool {
        let walked = term.bytes().fold(near.start(), |walked, byte| near.accept(&walked, byte));
        near.is_match(&walked)
    }

    proptest! {
        #[test]
        fn it_takes_what_is_near_and_nothing_else(
            word in "[abé]{0,6}", term in "[abé]{0,7}", edits in 0_u8..=2, swaps in any::<bool>(),
            prefix in 0_usize..3,
        ) {
            let letters = |text: &str| -> Vec<u32> { text.chars().map(u32::from).collect() };
            let (own, other) = (letters(&word), letters(&term));
            let same = prefix.min(own.len());
            let is_near = other.len() >= same && own[..same] == other[..same]
                && edits_between(&own[same..], &other[same..], swaps) <= usize::from(edits);

            let near = Near::new(&word, prefix, edits, swaps, true);

            prop_assert_eq!(takes(&near, &term), is_near, "{} {}", word, term);
        }
    }

    #[test]
    fn a_letter_of_several_bytes_is_as_many_edits_where_bytes_count() {
        let (by_letters, by_bytes) =
            (Near::new("über", 0, 1, true, true), Near::new("über", 0, 1, true, false));

        assert!(takes(&by_letters, "uber") && !takes(&by_bytes, "uber"));
        assert!(takes(&by_bytes, "üer"));
    }
}
