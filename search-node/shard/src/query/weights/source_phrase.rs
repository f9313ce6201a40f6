//! Phrases in a field without places: documents that have all the words are found by the index, and those whose text has them as a
//! phrase are told by reading it.
//!
//! That costs an analysis of the text of each document that has the words, which is what such a field saves when it is written.

use std::collections::{HashMap, HashSet};
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
use super::sloppy::{PhraseInText, PhraseShape};
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
    /// The words of a document's texts with their places, or of one of its nested objects; not all of them where the search ends.
    fn words(&self, source: &str, nested: usize, looks: &mut Looks) -> Vec<(usize, String)> {
        let Ok(json) = serde_json::from_str::<Json<'_>>(source) else { return Vec::new() };
        let Some(around) = &self.nested else { return self.words_of(&json, "", looks) };
        let (mut at, mut words) = (0, Vec::new());
        each_object(&json, &around.path, &mut |object| {
            if at == nested {
                words = self.words_of(object, &around.path, looks);
            }
            at += 1;
        });
        words
    }

    /// The words of the texts in an object at a path. They stand where those of a field do whose places the index knows.
    fn words_of(&self, json: &Json<'_>, around: &str, looks: &mut Looks) -> Vec<(usize, String)> {
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
                let until = self.analyzer.terms_until(text, || looks.is_over_after(1));
                let Some((terms, behind)) = until else { return };
                words.extend(terms.into_iter().map(|term| (base + term.position, term.text)));
                base += behind + self.gap;
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

/// A phrase as it is looked for in the words of a text.
#[derive(Debug)]
struct Wanted {
    texts: Arc<SourceTexts>,
    shape: Arc<PhraseShape>,
    /// In which lists of places each word is.
    lists: HashMap<String, Vec<usize>>,
    /// How the words of a list may begin, if it is one of words that go on.
    beginnings: Option<(usize, Vec<String>)>,
}

impl Wanted {
    fn new(words: SourceWords) -> Self {
        let SourceWords { texts, terms, slop, is_prefix } = words;
        let last = terms.len().saturating_sub(1);
        let placed = terms.iter().map(|(offset, means)| (*offset as u32, means.as_slice()));
        let shape = Arc::new(PhraseShape::new(placed, is_prefix, slop));
        let (mut lists, mut beginnings) = (HashMap::<String, Vec<usize>>::new(), None);
        for (list, first) in shape.firsts().iter().enumerate() {
            let means = &terms[*first].1;
            if is_prefix && *first == last {
                beginnings = Some((list, means.clone()));
                continue;
            }
            for word in means {
                lists.entry(word.clone()).or_default().push(list);
            }
        }
        Self { texts, shape, lists, beginnings }
    }

    /// Whether words with their places have the phrase; not known where the search ends meanwhile.
    fn is_in(&self, words: &[(usize, String)], looks: &mut Looks) -> bool {
        let mut in_text = PhraseInText::new(&self.shape);
        let mut note = |list: usize, place: usize| {
            let (places, place) = (&mut in_text.lists[list], place as u32);
            if places.last() != Some(&place) {
                places.push(place);
            }
        };
        for (place, word) in words {
            self.lists.get(word).into_iter().flatten().for_each(|list| note(*list, *place));
            if let Some((list, beginnings)) = &self.beginnings
                && beginnings.iter().any(|beginning| word.starts_with(beginning.as_str()))
            {
                note(*list, *place);
            }
        }
        in_text.often(looks).is_some_and(|often| often > 0.0)
    }
}

/// Documents whose text has a phrase.
#[derive(Debug)]
pub(in crate::query) struct SourcePhrase {
    phrase: Arc<Wanted>,
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
        // Each once, however often the phrase has it.
        let mut known = HashSet::new();
        let mut words = Vec::new();
        for (at, (_, means)) in phrase.terms.iter().enumerate() {
            if known.insert((means, phrase.is_prefix && at == last)) {
                let any = means.iter().map(|text| one(at, text)).collect();
                let query: Box<dyn Query> = Box::new(BooleanQuery::union(any));
                words.push((Occur::Must, query));
            }
        }
        let words = Box::new(BooleanQuery::new(words));
        Self { phrase: Arc::new(Wanted::new(phrase)), words, faults }
    }
}

impl Query for SourcePhrase {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let words = self.words.weight(scoring)?;
        Ok(Box::new(PhraseWeight { phrase: Arc::clone(&self.phrase), words, faults: self.faults.clone() }))
    }
}

struct PhraseWeight {
    phrase: Arc<Wanted>,
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
    phrase: Arc<Wanted>,
    words: Box<dyn Scorer>,
    /// The nested objects that are meant, and the documents that they are in.
    nested: Option<(Arc<Level>, Arc<Level>)>,
    store: StoreReader,
    looks: Looks,
}

impl Confirmed {
    fn settle(&mut self) {
        while self.words.doc() != TERMINATED {
            if self.looks.is_over_after(READING) || self.looks.has_ended() {
                self.words.seek(TERMINATED);
            } else if self.has_phrase(self.words.doc()) {
                break;
            } else {
                self.words.advance();
            }
        }
    }

    fn has_phrase(&mut self, document: DocId) -> bool {
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
        let (phrase, looks) = (&self.phrase, &mut self.looks);
        text.is_some_and(|text| phrase.is_in(&phrase.texts.words(text, at, looks), looks))
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
            let words = SourceWords { texts: Arc::clone(&texts), terms, slop, is_prefix };
            let (wanted, mut looks) = (Wanted::new(words), Faults::default().looks());

            let is_in = wanted.is_in(&texts.words(source, 0, &mut looks), &mut looks);

            assert_eq!(is_in, expected, "{phrase} ~{slop}");
        }
    }
}
