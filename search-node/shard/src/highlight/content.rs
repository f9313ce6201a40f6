//! The texts of a field, cut into words, and where these are found.

use std::collections::HashMap;

use super::HighlightKind;
use super::needles::{Needle, Needles};
use super::spans::{Found, Spans, Standing};
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

/// Where a phrase or spans were found, up to their last word.
pub(super) struct Span<'a> {
    pub(super) of: &'a Spans,
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

impl Text {
    /// Its words by where they stand from its first place on.
    fn standing(&self, at: usize) -> Standing<'_> {
        let words = self.words.iter().enumerate().map(|(number, word)| {
            let position = word.position as i64 - self.base as i64;
            (position, Place { text: at, word: number }, word.term.as_str())
        });
        Standing::new(words.collect())
    }
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
    pub(super) fn find(&self, needles: &Needles, kind: HighlightKind) -> Vec<Place> {
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
        for (standing, _) in self.standing(needles, kind) {
            for spans in spans_of(needles) {
                let parts = spans.tree.found(&standing);
                if kind == HighlightKind::Plain {
                    found.extend(self.inside(spans, &parts, &standing));
                } else {
                    found.extend(parts.into_iter().flat_map(|part| part.words));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// All words of spans that stand in one of their parts, also those that the part is not made of.
    fn inside(&self, spans: &Spans, parts: &[Found], standing: &Standing<'_>) -> Vec<Place> {
        let mut ranges: Vec<(i64, i64)> = parts.iter().map(|part| (part.start, part.end)).collect();
        ranges.sort_unstable();
        let mut known: HashMap<&str, bool> = HashMap::new();
        let (mut places, mut done) = (Vec::new(), i64::MIN);
        for (start, end) in ranges {
            for place in standing.between(start.max(done), end) {
                let term = self.word(place).term.as_str();
                if *known.entry(term).or_insert_with(|| spans.has(term)) {
                    places.push(place);
                }
            }
            done = done.max(end);
        }
        places
    }

    /// Words by where they stand, those that belong together, with their first place. Plain fragments look at each text for itself. As in Lucene
    /// passages only know words that are looked for, so that others keep nothing away.
    fn standing(&self, needles: &Needles, kind: HighlightKind) -> Vec<(Standing<'_>, usize)> {
        if spans_of(needles).next().is_none() {
            return Vec::new();
        }
        if kind == HighlightKind::Plain {
            return self.texts.iter().enumerate().map(|(at, text)| (text.standing(at), text.base)).collect();
        }
        let mut known: HashMap<&str, bool> = HashMap::new();
        let mut is_sought =
            |term| *known.entry(term).or_insert_with(|| needles.all().any(|needle| needle.has(term)));
        let words = self.places().filter(|(_, word)| is_sought(word.term.as_str()));
        let words = words.map(|(place, word)| (word.position as i64, place, word.term.as_str()));
        vec![(Standing::new(words.collect()), 0)]
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

    /// Where phrases and spans were found, by where they begin.
    pub(super) fn spans<'n>(&self, needles: &'n Needles) -> Vec<Span<'n>> {
        let mut spans = Vec::new();
        for (standing, base) in self.standing(needles, HighlightKind::Plain) {
            for of in spans_of(needles) {
                spans.extend(of.tree.found(&standing).into_iter().map(|found| {
                    let place = |at: i64| base + usize::try_from(at).unwrap_or_default();
                    Span { of, start: place(found.start), end: place(found.end - 1) }
                }));
            }
        }
        spans.sort_by_key(|span| span.start);
        spans
    }

    fn places(&self) -> impl Iterator<Item = (Place, &Word)> {
        self.texts.iter().enumerate().flat_map(|(at, text)| {
            let words = text.words.iter().enumerate();
            words.map(move |(word, found)| (Place { text: at, word }, found))
        })
    }
}

fn spans_of(needles: &Needles) -> impl Iterator<Item = &Spans> {
    needles.all().filter_map(|needle| match needle {
        Needle::Spans(spans) => Some(&**spans),
        _ => None,
    })
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
