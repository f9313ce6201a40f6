//! The letters of texts one behind the other, and the boundaries in them that fragments reach to.
//!
//! Where a boundary lies may depend on the letters behind it: those of a fragment are looked for as if the text ended, or began, where the
//! fragment does. However many fragments there are, each costs a look at few letters.

use super::breaks::{self, following};
use super::{BoundaryScanner, HighlightOptions};

/// So many letters around the end of a fragment are looked at for boundaries; of longer sentences those of the whole texts count.
const WINDOW: usize = 256;
/// Most sentences are shorter.
const WINDOW_FIRST: usize = 64;

pub(super) struct Letters {
    letters: Vec<char>,
    /// Where each text ends, with what parts it from the next one.
    ends: Vec<usize>,
    scanner: Option<BoundaryScanner>,
    /// The boundaries in all of the texts.
    places: Vec<usize>,
    window: usize,
}

impl Letters {
    pub(super) fn new(texts: &[String], scanner: Option<BoundaryScanner>) -> Self {
        Self::looking(texts, scanner, WINDOW)
    }

    fn looking(texts: &[String], scanner: Option<BoundaryScanner>, window: usize) -> Self {
        let (mut letters, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            letters.extend(text.chars());
            letters.push(' ');
            ends.push(letters.len());
        }
        let places = scanner.map_or_else(Vec::new, |scanner| places_of(&letters, scanner));
        Self { letters, ends, scanner, places, window }
    }

    /// How many texts there are.
    pub(super) fn texts(&self) -> usize {
        self.ends.len()
    }

    /// Which text a letter is of, and where that begins and ends; none behind the last one.
    pub(super) fn text_at(&self, at: usize) -> Option<(usize, (usize, usize))> {
        let number = self.ends.partition_point(|end| *end <= at);
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some((number, (begin, *self.ends.get(number)?)))
    }

    /// The letters of the texts that a fragment is in, which ends there.
    pub(super) fn up_to(&self, end: usize) -> &[char] {
        let texts = self.ends.partition_point(|known| *known < end);
        let last = if end == 0 { 0 } else { self.ends.get(texts).copied().unwrap_or(self.letters.len()) };
        &self.letters[..last]
    }

    /// Where a fragment begins that would begin at a letter of these.
    pub(super) fn start_of(&self, letters: &[char], start: usize, options: &HighlightOptions) -> usize {
        if start > letters.len() || start < 1 {
            return start;
        }
        let vectors = &options.vectors;
        if let Some(scanner) = self.scanner {
            return self.boundary_before(scanner, start);
        }
        let is_boundary = |at: &usize| vectors.boundary_chars.contains(letters[*at - 1]);
        let scanned = (1..=start).rev().take(vectors.boundary_max_scan);
        let found = scanned.clone().find(is_boundary);
        let reaches_front = start <= vectors.boundary_max_scan;
        found.unwrap_or(if reaches_front { 0 } else { start })
    }

    /// Where a fragment ends that would end at a letter of these.
    pub(super) fn end_of(&self, letters: &[char], end: usize, options: &HighlightOptions) -> usize {
        if end > letters.len() {
            return end;
        }
        let vectors = &options.vectors;
        if let Some(scanner) = self.scanner {
            return self.boundary_behind(scanner, letters, end);
        }
        let is_boundary = |at: &usize| vectors.boundary_chars.contains(letters[*at]);
        (end..letters.len()).take(vectors.boundary_max_scan).find(is_boundary).unwrap_or(end)
    }

    /// The last boundary of what is before a letter.
    fn boundary_before(&self, scanner: BoundaryScanner, start: usize) -> usize {
        // What comes behind the second boundary before it says nothing about that one.
        let known = self.places.partition_point(|place| *place <= start);
        let anchor = known.checked_sub(2).map_or(0, |anchor| self.places[anchor]);
        if start - anchor <= self.window {
            let places = places_of(&self.letters[anchor..start], scanner);
            return places
                .iter()
                .rev()
                .find(|place| anchor + **place < start)
                .map_or(0, |place| anchor + place);
        }
        let from = start - self.window;
        let places = places_of(&self.letters[from..start], scanner);
        let found = places.iter().rev().find(|place| **place > 0 && from + **place < start);
        let of_all = || self.places[..self.places.partition_point(|place| *place < start)].last();
        found.map(|place| from + place).or_else(|| of_all().copied()).unwrap_or(0)
    }

    /// The first boundary of what begins with a letter.
    fn boundary_behind(&self, scanner: BoundaryScanner, letters: &[char], end: usize) -> usize {
        let rest = &letters[end..];
        let mut window = WINDOW_FIRST.min(self.window);
        loop {
            let seen = &rest[..rest.len().min(window)];
            let mut places = places_of(seen, scanner).into_iter().filter(|place| *place > 0);
            match (places.next(), places.next()) {
                // What comes behind the second one says nothing about the first one.
                (Some(first), Some(_)) => return end + first,
                (first, _) if seen.len() == rest.len() => return first.map_or(end, |first| end + first),
                _ if window >= self.window => {
                    let of_all = following(&self.places, end);
                    return of_all.map_or(letters.len(), |place| place.min(letters.len()));
                }
                _ => window *= 2,
            }
        }
    }
}

/// The places where sentences or words end.
fn places_of(letters: &[char], scanner: BoundaryScanner) -> Vec<usize> {
    let text: String = letters.iter().collect();
    match scanner {
        BoundaryScanner::Sentence => breaks::sentences(&text),
        BoundaryScanner::Word => breaks::words(&text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn boundaries_are_those_of_the_text_before_and_behind(
            words in proptest::collection::vec("[a-cA-C]{1,4}[.!,]? |[0-9]{1,2}[.]? ", 1..60),
            at in 0usize..240,
            by_sentence in any::<bool>(),
        ) {
            let scanner = if by_sentence { BoundaryScanner::Sentence } else { BoundaryScanner::Word };
            let of = Letters::looking(&[words.concat()], Some(scanner), 64);
            let letters = of.up_to(usize::MAX);
            let at = at.min(letters.len());
            let before = places_of(&letters[..at], scanner);
            let before = before.iter().rev().find(|place| **place < at).copied().unwrap_or(0);
            let behind = places_of(&letters[at..], scanner);
            let behind = behind.into_iter().find(|place| *place > 0).map_or(at, |place| at + place);
            // Of sentences longer than what is looked at, those of the whole text count.
            let is_long = of.places.windows(3).any(|three| three[2] - three[0] > 64);
            if !is_long {
                prop_assert_eq!((of.boundary_before(scanner, at), of.boundary_behind(scanner, letters, at)), (before, behind));
            }
        }
    }

    #[test]
    fn texts_lie_one_behind_the_other() {
        let of = Letters::new(&["ab".to_owned(), String::new(), "cd".to_owned()], None);
        assert_eq!(of.text_at(2), Some((0, (0, 3))));
        assert_eq!(of.text_at(3), Some((1, (3, 4))));
        assert_eq!((of.text_at(4), of.text_at(7)), (Some((2, (4, 7))), None));
        assert_eq!([0, 1, 3, 4, 5, 99].map(|end| of.up_to(end).len()), [0, 3, 3, 4, 7, 7]);
    }
}
