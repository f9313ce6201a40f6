//! The best passages of texts, by sentences or words.
//!
//! A passage counts as a document does in BM25: by how rare the words are that were found in it, how often it has them, how long it is,
//! and a little by how early it comes.

use std::collections::HashMap;

use super::breaks::{Scanner, following, sentences, words};
use super::content::{Content, Place};
use super::mark::marked;
use super::needles::Needles;
use super::{BoundaryScanner, HighlightOptions};

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// How long a passage is in the mean.
const PIVOT: f32 = 87.0;

struct Passage {
    text: usize,
    /// Where it begins in all texts together, and in its own.
    offset: usize,
    start: usize,
    end: usize,
    found: Vec<Place>,
    score: f32,
}

pub(super) fn fragments(
    content: &Content,
    found: &[Place],
    needles: &Needles,
    options: &HighlightOptions,
) -> Vec<String> {
    if found.is_empty() {
        return beginning(content, options);
    }
    let mut passages = passages(content, found, options);
    score(content, found, needles, &mut passages);
    if options.fragments > 0 {
        // Of those that are equally good the later ones stay.
        passages.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.offset.cmp(&a.offset)));
        passages.truncate(options.fragments);
    }
    passages.sort_by_key(|passage| passage.offset);
    if options.by_score {
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
    }
    let shown = passages.iter().map(|passage| {
        let found: Vec<(usize, usize)> = passage
            .found
            .iter()
            .map(|place| {
                let word = content.word(*place);
                (word.start, word.end)
            })
            .collect();
        let letters = &content.texts[passage.text].letters;
        marked(letters, (passage.start, passage.end), &found, options).trim().to_owned()
    });
    shown.collect()
}

fn passages(content: &Content, found: &[Place], options: &HighlightOptions) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    let mut offset = 0;
    for (at, text) in content.texts.iter().enumerate() {
        let length = text.letters.len();
        let mut scanner = match (options.fragments, options.scanner, options.fragment_size) {
            (0, _, _) => Scanner::Whole(length),
            (_, BoundaryScanner::Word, _) => Scanner::Each(words(&text.text)),
            (_, BoundaryScanner::Sentence, 0) => Scanner::Each(sentences(&text.text)),
            (_, BoundaryScanner::Sentence, size) => Scanner::bounded(&text.text, size),
        };
        let mut end = None;
        for place in found.iter().filter(|place| place.text == at) {
            let word = content.word(*place);
            if end.is_none_or(|end| word.start >= end) {
                let (start, until) = scanner.around(word.start);
                let until = until.min(length);
                passages.push(Passage {
                    text: at,
                    offset: offset + start,
                    start,
                    end: until,
                    found: Vec::new(),
                    score: 0.0,
                });
                end = Some(until);
            }
            if let Some(passage) = passages.last_mut() {
                passage.found.push(*place);
            }
        }
        // One letter stands between two texts.
        offset += length + 1;
    }
    passages
}

fn score(content: &Content, found: &[Place], needles: &Needles, passages: &mut [Passage]) {
    let length = content.texts.iter().map(|text| text.letters.len() + 1).sum::<usize>().saturating_sub(1);
    let mut keys: HashMap<&str, String> = HashMap::new();
    for place in found {
        let term = content.word(*place).term.as_str();
        keys.entry(term).or_insert_with(|| needles.key(term));
    }
    let key = |place: &Place| {
        let term = content.word(*place).term.as_str();
        keys.get(term).map_or(term, String::as_str)
    };
    let mut often: HashMap<&str, f32> = HashMap::new();
    for place in found {
        *often.entry(key(place)).or_default() += 1.0;
    }
    for passage in passages {
        let mut inside: Vec<(&str, f32)> = Vec::new();
        for place in &passage.found {
            let term = key(place);
            match inside.iter_mut().find(|(other, _)| *other == term) {
                Some((_, count)) => *count += 1.0,
                None => inside.push((term, 1.0)),
            }
        }
        let size = (passage.end - passage.start) as f32;
        let norm = K1 * ((1.0 - B) + B * (size / PIVOT));
        let sum: f32 = inside
            .iter()
            .map(|(term, count)| {
                let documents = 1.0 + length as f32 / PIVOT;
                let total = often.get(term).copied().unwrap_or(1.0);
                let weight = (K1 + 1.0) * (1.0 + (documents + 0.5) / (total + 0.5)).ln();
                count / (count + norm) * weight
            })
            .sum();
        passage.score = sum * (1.0 + 1.0 / (PIVOT + passage.offset as f32).ln());
    }
}

/// The beginning of the first text, where that is wanted because nothing was found.
fn beginning(content: &Content, options: &HighlightOptions) -> Vec<String> {
    let Some(text) = content.texts.first().filter(|_| options.no_match_size > 0) else { return Vec::new() };
    let length = text.letters.len();
    let end = match length > options.no_match_size {
        true => following(&words(&text.text), options.no_match_size).unwrap_or(length),
        false => length,
    };
    let shown = marked(&text.letters, (0, end), &[], options).trim().to_owned();
    if shown.is_empty() { Vec::new() } else { vec![shown] }
}
