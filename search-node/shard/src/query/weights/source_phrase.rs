//! Phrases in a field without places: documents that have all the words are found by the index, and those whose text has them as a
//! phrase are told by reading it.
//!
//! That costs an analysis of the text of each document that has the words, which is what such a field saves when it is written.

use std::sync::Arc;

use serde_json_borrow::Value as Json;
use tantivy::index::SegmentReader;
use tantivy::query::{
    BooleanQuery, ConstScorer, EnableScoring, Explanation, Occur, Query, Scorer, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption, Value as _};
use tantivy::store::StoreReader;
use tantivy::{DocId, DocSet, Score, TERMINATED, TantivyDocument, Term};

use super::expanded::Expanded;
use super::explained::matched;
use super::in_level::Levels;
use super::sloppy::{Placed, exactly, often, repeats};
use crate::analysis::Analyzer;
use crate::engine::Level;
use crate::mapping::scalar_text;
use crate::query::faults::{Faults, Looks, READING};
use crate::query::regexp::{EFFORT_USUAL, beginning};

/// Blocks of documents that one search keeps unpacked.
const CACHED_BLOCKS: usize = 8;

/// Where the texts of a field stand, and how they were cut.
#[derive(Debug)]
pub(in crate::query) struct SourceTexts {
    /// The documents as they came.
    pub(in crate::query) source: Field,
    /// The fields whose values it has.
    pub(in crate::query) paths: Vec<String>,
    pub(in crate::query) analyzer: Arc<Analyzer>,
    /// How far one value is behind the one before.
    pub(in crate::query) gap: usize,
    /// Where they are of nested objects, which have no source of their own.
    pub(in crate::query) nested: Option<NestedTexts>,
}

/// Nested objects whose texts stand in the source of the document behind them.
#[derive(Debug)]
pub(in crate::query) struct NestedTexts {
    pub(in crate::query) path: String,
    pub(in crate::query) objects: Levels,
    pub(in crate::query) documents: Levels,
}

impl SourceTexts {
    /// The words of a document's texts with their places, or of one of its nested objects.
    fn words(&self, source: &str, nested: usize) -> Vec<(usize, String)> {
        let Ok(json) = serde_json::from_str::<Json<'_>>(source) else { return Vec::new() };
        let Some(around) = &self.nested else { return self.words_of(&json, "") };
        let (mut at, mut words) = (0, Vec::new());
        each_object(&json, &around.path, &mut |object| {
            if at == nested {
                words = self.words_of(object, &around.path);
            }
            at += 1;
        });
        words
    }

    /// The words of the texts in an object at a path.
    fn words_of(&self, json: &Json<'_>, around: &str) -> Vec<(usize, String)> {
        let mut words = Vec::new();
        let mut base = 0;
        for path in &self.paths {
            let inside = if around.is_empty() {
                Some(path.as_str())
            } else {
                path.strip_prefix(around).and_then(|rest| rest.strip_prefix('.'))
            };
            let Some(path) = inside else { continue };
            each_text(json, path, &mut |text| {
                let terms = self.analyzer.terms(text);
                let last = terms.last().map(|term| term.position);
                words.extend(terms.into_iter().map(|term| (base + term.position, term.text)));
                base += last.map_or(0, |last| last + 1) + self.gap;
            });
        }
        words
    }
}

/// Every value at a path, through objects, lists and names with dots.
fn each_text(value: &Json<'_>, path: &str, act: &mut impl FnMut(&str)) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| each_text(item, path, act)),
        Json::Object(members) => members.iter().for_each(|(name, child)| match path.strip_prefix(name) {
            Some("") => each_value(child, act),
            Some(rest) => rest.strip_prefix('.').into_iter().for_each(|rest| each_text(child, rest, act)),
            None => {}
        }),
        _ => {}
    }
}

/// Every object at a path, through objects and lists, in the order in which a document has them.
fn each_object(value: &Json<'_>, path: &str, act: &mut impl FnMut(&Json<'_>)) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| each_object(item, path, act)),
        Json::Object(_) if path.is_empty() => act(value),
        Json::Object(members) => members.iter().for_each(|(name, child)| match path.strip_prefix(name) {
            Some("") => each_object(child, "", act),
            Some(rest) => rest.strip_prefix('.').into_iter().for_each(|rest| each_object(child, rest, act)),
            None => {}
        }),
        _ => {}
    }
}

fn each_value(value: &Json<'_>, act: &mut impl FnMut(&str)) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| each_value(item, act)),
        other => scalar_text(other).into_iter().for_each(|text| act(&text)),
    }
}

/// Words at places behind the first, each of which may be any of several.
#[derive(Debug, Clone)]
pub(in crate::query) struct SourceWords {
    pub(in crate::query) texts: Arc<SourceTexts>,
    pub(in crate::query) terms: Vec<(usize, Vec<String>)>,
    /// How far they may be moved, all together.
    pub(in crate::query) slop: u32,
    /// Whether the last word may go on.
    pub(in crate::query) is_prefix: bool,
}

impl SourceWords {
    fn is_in(&self, words: &[(usize, String)]) -> bool {
        let last = self.terms.len().saturating_sub(1);
        let place = |(at, (offset, means)): (usize, &(usize, Vec<String>))| {
            let goes_on = self.is_prefix && at == last;
            let fits =
                |word: &str| means.iter().any(|term| word == term || goes_on && word.starts_with(term));
            let places = words.iter().filter(|(_, word)| fits(word)).map(|(place, _)| *place as u32);
            Placed { offset: *offset as u32, places: places.collect() }
        };
        let placed: Vec<Placed> = self.terms.iter().enumerate().map(place).collect();
        if self.slop == 0 {
            return exactly(&placed) > 0.0;
        }
        let means: Vec<Vec<&str>> =
            self.terms.iter().map(|(_, means)| means.iter().map(String::as_str).collect()).collect();
        let is_plain = means.iter().all(|means| means.len() == 1);
        often(&placed, &repeats(&means), is_plain, self.slop) > 0.0
    }
}

/// Documents whose text has a phrase.
#[derive(Debug)]
pub(in crate::query) struct SourcePhrase {
    phrase: Arc<SourceWords>,
    /// Documents that have the words.
    words: Box<dyn Query>,
    faults: Faults,
}

impl Clone for SourcePhrase {
    fn clone(&self) -> Self {
        Self { phrase: Arc::clone(&self.phrase), words: self.words.box_clone(), faults: self.faults.clone() }
    }
}

impl SourcePhrase {
    pub(in crate::query) fn new(field: Field, phrase: SourceWords, faults: Faults) -> Self {
        let last = phrase.terms.len().saturating_sub(1);
        let one = |at: usize, text: &str| -> Box<dyn Query> {
            let begins = (phrase.is_prefix && at == last)
                .then(|| beginning(text, false).automaton(EFFORT_USUAL).ok())
                .flatten();
            match begins {
                Some(begins) => Expanded::all_the_same(field, Arc::new(begins), faults.clone()),
                None => {
                    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
                }
            }
        };
        let words = phrase.terms.iter().enumerate().map(|(at, (_, means))| {
            let any = means.iter().map(|text| one(at, text)).collect();
            let query: Box<dyn Query> = Box::new(BooleanQuery::union(any));
            (Occur::Must, query)
        });
        let words = Box::new(BooleanQuery::new(words.collect()));
        Self { phrase: Arc::new(phrase), words, faults }
    }
}

impl Query for SourcePhrase {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let words = self.words.weight(scoring)?;
        Ok(Box::new(PhraseWeight { phrase: Arc::clone(&self.phrase), words, faults: self.faults.clone() }))
    }
}

struct PhraseWeight {
    phrase: Arc<SourceWords>,
    words: Box<dyn Weight>,
    faults: Faults,
}

impl Weight for PhraseWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let (phrase, words) = (Arc::clone(&self.phrase), self.words.scorer(reader, 1.0)?);
        let nested = match &phrase.texts.nested {
            Some(nested) => nested.objects.of(reader)?.zip(nested.documents.of(reader)?),
            None => None,
        };
        let store = reader.get_store_reader(CACHED_BLOCKS)?;
        let mut confirmed = Confirmed { phrase, words, nested, store, looks: self.faults.looks() };
        confirmed.settle();
        Ok(Box::new(ConstScorer::new(confirmed, boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has the phrase in its text")
    }
}

/// Documents that have the words, without those whose text has them otherwise.
struct Confirmed {
    phrase: Arc<SourceWords>,
    words: Box<dyn Scorer>,
    /// The nested objects that are meant, and the documents that they are in.
    nested: Option<(Arc<Level>, Arc<Level>)>,
    store: StoreReader,
    looks: Looks,
}

impl Confirmed {
    fn settle(&mut self) {
        while self.words.doc() != TERMINATED {
            if self.looks.is_over_after(READING) {
                self.words.seek(TERMINATED);
            } else if self.has_phrase(self.words.doc()) {
                break;
            } else {
                self.words.advance();
            }
        }
    }

    fn has_phrase(&self, document: DocId) -> bool {
        let (document, at) = match &self.nested {
            Some((objects, documents)) => {
                let first = documents.before(document).map_or(0, |before| before + 1);
                let before = objects.count_between(first, document);
                (documents.next(document), before)
            }
            None => (document, 0),
        };
        let stored: TantivyDocument = match self.store.get(document) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(document, %error, "a document cannot be read, and is taken for one without the phrase");
                return false;
            }
        };
        let source = stored.get_first(self.phrase.texts.source);
        let text = source.and_then(|value| {
            value.as_str().or_else(|| value.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()))
        });
        text.is_some_and(|text| self.phrase.is_in(&self.phrase.texts.words(text, at)))
    }
}

impl DocSet for Confirmed {
    fn advance(&mut self) -> DocId {
        self.words.advance();
        self.settle();
        self.words.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.words.seek(target);
        self.settle();
        self.words.doc()
    }

    fn doc(&self) -> DocId {
        self.words.doc()
    }

    fn size_hint(&self) -> u32 {
        self.words.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analysis;

    #[test]
    fn a_phrase_is_found_where_its_words_stand() {
        let analyzer = Analysis::plain().analyzer("standard").expect("an analyzer");
        let paths = vec!["a.b".to_owned(), "c".to_owned()];
        let texts = Arc::new(SourceTexts {
            source: Field::from_field_id(0),
            paths,
            analyzer,
            gap: 100,
            nested: None,
        });
        let source = r#"{"a": [{"b": ["The quick brown", "fox jumps"]}, {"x": "lazy dog"}], "a.b": "over it", "c": 7}"#;
        for (phrase, slop, is_prefix, expected) in [
            ("quick brown", 0, false, true),
            ("brown quick", 0, false, false),
            ("brown quick", 2, false, true),
            ("the brown", 0, false, false),
            ("the brown", 1, false, true),
            ("brown fox", 3, false, false),
            ("brown fox", 101, false, true),
            ("quick bro", 0, true, true),
            ("quick bro", 0, false, false),
            ("lazy dog", 0, false, false),
            ("over it", 0, false, true),
            ("7", 0, false, true),
        ] {
            let terms = phrase.split(' ').enumerate().map(|(at, word)| (at, vec![word.to_owned()])).collect();
            let wanted = SourceWords { texts: Arc::clone(&texts), terms, slop, is_prefix };

            assert_eq!(wanted.is_in(&texts.words(source, 0)), expected, "{phrase} ~{slop}");
        }
    }
}
