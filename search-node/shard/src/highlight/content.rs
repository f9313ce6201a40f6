//! The texts of a field, cut into words, and where these are found.

use std::collections::HashMap;

use super::needles::{Needle, Needles, Phrase};
use crate::analysis::{Analyzer, End};

/// The texts of a field.
pub(super) struct Content {
    pub(super) texts: Vec<Text>,
}

/// One text.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) letters: Vec<char>,
    pub(super) words: Vec<Word>,
    /// The first place of its words.
    pub(super) base: usize,
}

/// Where a phrase was found.
pub(super) struct Span<'a> {
    pub(super) phrase: &'a Phrase,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A word of a text, by where it begins and ends there, in letters.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) term: String,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) position: usize,
}

/// Something that was found: which word of which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) text: usize,
    pub(super) word: usize,
}

impl Content {
    /// Without an analyzer each text is one word. The words of one text are so far from those of the next.
    pub(super) fn new(texts: Vec<String>, analyzer: Option<&Analyzer>, gap: usize) -> Self {
        let mut base = 0;
        let texts = texts.into_iter().map(|text| {
            let (end, first) = (End::of(&text), base);
            let words = words_of(&text, analyzer, base, &end);
            let last = words.iter().map(|word| word.position + 1).max();
            base = last.unwrap_or(base) + end.places() as usize + gap;
            Text { letters: text.chars().collect(), text, words, base: first }
        });
        Self { texts: texts.collect() }
    }

    pub(super) fn word(&self, place: Place) -> &Word {
        &self.texts[place.text].words[place.word]
    }

    /// The words that are looked for, in their order.
    pub(super) fn find(&self, needles: &Needles) -> Vec<Place> {
        let mut found = Vec::new();
        let mut known: HashMap<&str, bool> = HashMap::new();
        for (place, word) in self.places() {
            let is_it = *known
                .entry(&word.term)
                .or_insert_with(|| needles.all().any(|needle| needle.is_word(&word.term)));
            if is_it {
                found.push(place);
            }
        }
        for needle in needles.all() {
            if let Needle::Phrase(phrase) = needle {
                self.windows(phrase, &mut |places| found.extend_from_slice(places));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Those of other words of the same texts, by what is found there.
    pub(super) fn like_in(&self, other: &Content, found: &[Place]) -> Vec<Place> {
        let same = found.iter().filter_map(|place| {
            let start = other.word(*place).start;
            let word = self.texts[place.text].words.iter().position(|word| word.start == start)?;
            Some(Place { text: place.text, word })
        });
        same.collect()
    }

    /// Where phrases were found.
    pub(super) fn spans<'n>(&self, needles: &'n Needles) -> Vec<Span<'n>> {
        let phrases = needles.all().filter_map(|needle| match needle {
            Needle::Phrase(phrase) => Some(phrase),
            _ => None,
        });
        let mut spans = Vec::new();
        for phrase in phrases {
            self.windows(phrase, &mut |places| {
                let positions = || places.iter().map(|place| self.word(*place).position);
                let (start, end) = (positions().min(), positions().max());
                spans.extend(start.zip(end).map(|(start, end)| Span { phrase, start, end }));
            });
        }
        spans
    }

    fn places(&self) -> impl Iterator<Item = (Place, &Word)> {
        self.texts.iter().enumerate().flat_map(|(at, text)| {
            let words = text.words.iter().enumerate();
            words.map(move |(word, found)| (Place { text: at, word }, found))
        })
    }

    /// The words of a phrase where they stand as one: as far from one another as in the phrase, but for its slop.
    fn windows(&self, phrase: &Phrase, visit: &mut dyn FnMut(&[Place])) {
        let mut candidates: Vec<(i64, usize, Place)> = Vec::new();
        for (place, word) in self.places() {
            for (number, part) in phrase.parts.iter().enumerate() {
                if part.is_word(&word.term, phrase.goes_on && number + 1 == phrase.parts.len()) {
                    candidates.push((word.position as i64 - part.position as i64, number, place));
                }
            }
        }
        candidates.sort_unstable();
        let mut first = 0;
        for last in 0..candidates.len() {
            while candidates[last].0 - candidates[first].0 > i64::from(phrase.slop) {
                first += 1;
            }
            let window = &candidates[first..=last];
            let has = |number: usize| window.iter().any(|(_, other, _)| *other == number);
            if (0..phrase.parts.len()).all(has) {
                visit(&window.iter().map(|(_, _, place)| *place).collect::<Vec<_>>());
            }
        }
    }
}

fn words_of(text: &str, analyzer: Option<&Analyzer>, base: usize, end: &End) -> Vec<Word> {
    let Some(analyzer) = analyzer else {
        let letters = text.chars().count();
        return vec![Word { term: text.to_owned(), start: 0, end: letters, position: base }];
    };
    let mut letters = text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
    letters.push(text.len());
    let letter = |byte: usize| letters.partition_point(|at| *at < byte);
    let filtered = analyzer.chain.filtered(text);
    let mut position = base as i64 - 1;
    let words = analyzer.chain.tokens_to_end(&filtered, end).map(|token| {
        position = (position + i64::from(token.increment)).max(0);
        Word {
            start: letter(token.start),
            end: letter(token.end),
            position: usize::try_from(position).unwrap_or_default(),
            term: token.text,
        }
    });
    let mut words: Vec<Word> = words.collect();
    words.sort_by_key(|word| (word.start, word.end));
    words
}
