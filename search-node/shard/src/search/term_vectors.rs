//! Term vectors: the words of a document, where they stand, and how many documents of the shard have them.
//!
//! They are computed from what a document holds, by the analyzers of its fields. What an index keeps of them tells only which
//! fields are meant where none are named, and what is shown of those.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tantivy::Term;
use tantivy::schema::Field;

use super::SearchError;
use crate::analysis::{AnalysisError, End, Units};
use crate::engine::{FieldCounts, View, identities_in};
use crate::json_values::{text_of, values_at};
use crate::mapping::{FieldKind, FieldMapping, PRESENCE};
use crate::query::{QueryError, wildcard_name_matches as name_matches};

/// What is asked of the words of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct TermVectorsAsked {
    /// The fields by name or pattern; none for those that the index keeps vectors of, or for all of a document that is in none.
    pub fields: Option<Vec<String>>,
    pub offsets: bool,
    pub positions: bool,
    pub term_statistics: bool,
    pub field_statistics: bool,
    /// Other analyzers than the fields' own, by field.
    pub analyzers: BTreeMap<String, String>,
    pub filter: Option<TermFilter>,
    /// Whether the document is in no index.
    pub is_artificial: bool,
}

impl Default for TermVectorsAsked {
    fn default() -> Self {
        Self {
            fields: None,
            offsets: true,
            positions: true,
            term_statistics: false,
            field_statistics: true,
            analyzers: BTreeMap::new(),
            filter: None,
            is_artificial: false,
        }
    }
}

/// Which words of each field are shown: those that tell most about it.
#[derive(Debug, Clone, PartialEq)]
pub struct TermFilter {
    pub terms_max: usize,
    pub term_freq: (u64, u64),
    pub doc_freq: (u64, u64),
    /// In letters; no bound where the greatest is zero.
    pub word_length: (usize, usize),
}

impl Default for TermFilter {
    fn default() -> Self {
        Self { terms_max: 25, term_freq: (1, u64::MAX), doc_freq: (1, u64::MAX), word_length: (0, 0) }
    }
}

/// Where a word stands.
struct Place {
    position: usize,
    start: usize,
    end: usize,
}

/// Where each word of a field stands.
type Words = BTreeMap<String, Vec<Place>>;

/// A word that is shown.
struct Shown {
    word: String,
    places: Vec<Place>,
    /// How many documents have it, and how often all of them do.
    counts: Option<(u64, u64)>,
    score: Option<f32>,
}

/// The term vectors of a document, by field.
pub(crate) fn term_vectors(
    view: &View,
    source: &Value,
    asked: &TermVectorsAsked,
) -> Result<Map<String, Value>, SearchError> {
    let mapping = &view.layout.mapping;
    let mut shown = Map::new();
    for leaf in mapping.leaves() {
        let is_countable = leaf.field.kind.is_text() || matches!(leaf.field.kind, FieldKind::Keyword { .. });
        let Some(field) = view.layout.field(mapping.meant(&leaf.path)).filter(|_| is_countable) else {
            continue;
        };
        if !is_wanted(&leaf.path, leaf.field, asked) {
            continue;
        }
        let vectors = Vectors { view, path: &leaf.path, mapping: leaf.field, field, asked };
        let words = vectors.words(source)?;
        if !words.is_empty() {
            shown.insert(leaf.path.clone(), vectors.show(words)?);
        }
    }
    Ok(shown)
}

fn is_wanted(path: &str, field: &FieldMapping, asked: &TermVectorsAsked) -> bool {
    match &asked.fields {
        Some(names) => names.iter().any(|name| name_matches(name, path)),
        None => asked.is_artificial || kept(field).is_some(),
    }
}

/// What an index keeps of the words of each document, by the mapping.
fn kept(field: &FieldMapping) -> Option<&str> {
    field.parameters.get("term_vector").and_then(Value::as_str).filter(|kept| *kept != "no")
}

/// The vectors of one field.
struct Vectors<'a> {
    view: &'a View,
    path: &'a str,
    mapping: &'a FieldMapping,
    field: Field,
    asked: &'a TermVectorsAsked,
}

impl Vectors<'_> {
    /// The words of all values, in places and letters that go on from one value to the next.
    fn words(&self, source: &Value) -> Result<Words, SearchError> {
        let layout = &self.view.layout;
        let analyzer = match self.asked.analyzers.get(self.path) {
            Some(name) => Some(layout.analysis.analyzer(name).map_err(wrong_analyzer)?),
            None => layout.indexing(self.path, self.mapping),
        };
        let gap = match self.mapping.kind {
            FieldKind::Keyword { .. } => 0,
            _ => self.mapping.analysis.gap(&layout.analysis) as usize,
        };
        let is_kept = self.is_kept();
        let (mut words, mut position, mut offset) = (Words::new(), -1_i64, 0);
        for text in self.texts(source) {
            let units = Units::of(&text);
            let end = End::of(&text);
            let mut add = |word: String, increment: u32, start: usize, end: usize| {
                position = (position + i64::from(increment)).max(0);
                let (start, end) = (offset + units.at(start), offset + units.at(end));
                let position = usize::try_from(position).unwrap_or_default();
                words.entry(word).or_default().push(Place { position, start, end });
            };
            match &analyzer {
                Some(analyzer) => {
                    let filtered = analyzer.chain.filtered(&text);
                    for token in analyzer.chain.tokens_to_end(&filtered, &end) {
                        add(token.text, token.increment, token.start, token.end);
                    }
                }
                None => add(text.clone(), 1, 0, text.len()),
            }
            // What is made for the request alone knows no places at the ends of texts, nor texts before the first word.
            if is_kept || !words.is_empty() {
                position += gap as i64 + if is_kept { i64::from(end.places()) } else { 0 };
                offset += units.at(text.len()) + 1;
            }
        }
        Ok(words)
    }

    /// Whether the words are those that the index keeps of the document.
    fn is_kept(&self) -> bool {
        !self.asked.is_artificial
            && kept(self.mapping).is_some()
            && !self.asked.analyzers.contains_key(self.path)
    }

    fn texts(&self, source: &Value) -> Vec<String> {
        let mapping = &self.view.layout.mapping;
        let longest = match self.mapping.kind {
            FieldKind::Keyword { ignore_above } => ignore_above,
            _ => usize::MAX,
        };
        let mut texts = Vec::new();
        for path in mapping.sources_of(mapping.meant(self.path)) {
            values_at(source, &path, &mut |value| {
                let values = match value {
                    Value::Array(items) => items.as_slice(),
                    one => std::slice::from_ref(one),
                };
                let of_values = values.iter().filter_map(text_of);
                texts.extend(of_values.filter(|text| text.chars().count() <= longest));
            });
        }
        texts
    }

    fn show(&self, words: Words) -> Result<Value, SearchError> {
        let asked = self.asked;
        let mut field = json!({});
        if asked.field_statistics {
            let counts = self.counts()?;
            field["field_statistics"] = json!({
                "sum_doc_freq": self.postings(counts)?, "doc_count": counts.documents, "sum_ttf": counts.words
            });
        }
        let mut shown = Vec::with_capacity(words.len());
        for (word, places) in words {
            let counts = match asked.term_statistics || asked.filter.is_some() {
                true => Some(self.counts_of(&word)?),
                false => None,
            };
            shown.push(Shown { word, places, counts, score: None });
        }
        if let Some(filter) = &asked.filter {
            shown = filter.chosen(shown, self.view.searcher.num_docs());
        }
        let terms = shown.into_iter().map(|shown| (shown.word.clone(), self.term(&shown)));
        field["terms"] = Value::Object(terms.collect());
        Ok(field)
    }

    fn term(&self, shown: &Shown) -> Value {
        let asked = self.asked;
        let mut term = json!({});
        // What no document has counts nowhere.
        if let Some((documents, times)) =
            shown.counts.filter(|(documents, _)| asked.term_statistics && *documents > 0)
        {
            term["doc_freq"] = json!(documents);
            term["ttf"] = json!(times);
        }
        term["term_freq"] = json!(shown.places.len());
        let (positions, offsets) = self.parts();
        if positions || offsets {
            let tokens = shown.places.iter().map(|place| {
                let mut token = json!({});
                if positions {
                    token["position"] = json!(place.position);
                }
                if offsets {
                    token["start_offset"] = json!(place.start);
                    token["end_offset"] = json!(place.end);
                }
                token
            });
            term["tokens"] = tokens.collect();
        }
        if let Some(score) = shown.score {
            term["score"] = json!(score);
        }
        term
    }

    /// Whether places and letters are shown: where the index keeps vectors, those that it keeps.
    fn parts(&self) -> (bool, bool) {
        let kept = kept(self.mapping).filter(|_| !self.asked.is_artificial && !self.has_other_analyzer());
        let has = |part: &str| kept.is_none_or(|kept| kept.contains(part));
        (self.asked.positions && has("positions"), self.asked.offsets && has("offsets"))
    }

    fn has_other_analyzer(&self) -> bool {
        self.asked.analyzers.contains_key(self.path)
    }

    fn counts(&self) -> Result<FieldCounts, SearchError> {
        let layout = &self.view.layout;
        let name = |field: Field| layout.schema.get_field_name(field).to_owned();
        let column = match layout.part(self.path, PRESENCE) {
            Some(presence) => Some(name(presence)),
            None => self.mapping.doc_values.then(|| name(self.field)),
        };
        let mut all = FieldCounts::default();
        for reader in self.view.searcher.segment_readers() {
            let identities = identities_in(&self.view.identities, reader)?;
            let counts = identities.counts(reader, self.field, column.as_deref())?;
            all.documents += counts.documents;
            all.words += counts.words;
        }
        Ok(all)
    }

    /// In how many documents each word of the field is, all together.
    fn postings(&self, counts: FieldCounts) -> Result<u64, SearchError> {
        if !self.mapping.kind.is_text() {
            return Ok(counts.words);
        }
        let mut all = 0;
        for reader in self.view.searcher.segment_readers() {
            all += identities_in(&self.view.identities, reader)?.postings(reader, self.field)?;
        }
        Ok(all)
    }

    fn counts_of(&self, word: &str) -> Result<(u64, u64), SearchError> {
        let term = Term::from_field_text(self.field, word);
        let mut times = 0;
        for reader in self.view.searcher.segment_readers() {
            times += identities_in(&self.view.identities, reader)?.frequency(reader, &term)?;
        }
        Ok((self.view.searcher.doc_freq(&term)?, times))
    }
}

impl TermFilter {
    /// The words that tell most, in the order of words.
    fn chosen(&self, words: Vec<Shown>, documents: u64) -> Vec<Shown> {
        let within = |value: u64, (least, most): (u64, u64)| least <= value && value <= most;
        let mut chosen: Vec<(f32, Shown)> = Vec::new();
        for word in words {
            let (times, with_it) =
                (word.places.len() as u64, word.counts.map_or(0, |(documents, _)| documents));
            let length = word.word.encode_utf16().count();
            let (shortest, longest) = self.word_length;
            let fits = length >= shortest && (longest == 0 || length <= longest);
            if fits && with_it > 0 && within(times, self.term_freq) && within(with_it, self.doc_freq) {
                let rarity = ((documents as f64 + 1.0) / (with_it as f64 + 1.0)).ln() + 1.0;
                let score = times as f32 * rarity as f32;
                chosen.push((score, Shown { score: Some(score), ..word }));
            }
        }
        chosen.sort_by(|(a, one), (b, other)| {
            b.partial_cmp(a).unwrap_or(Ordering::Equal).then_with(|| one.word.cmp(&other.word))
        });
        chosen.truncate(self.terms_max);
        let mut chosen: Vec<Shown> = chosen.into_iter().map(|(_, word)| word).collect();
        chosen.sort_by(|one, other| one.word.cmp(&other.word));
        chosen
    }
}

fn wrong_analyzer(error: AnalysisError) -> SearchError {
    SearchError::Query(QueryError::argument(error.to_string()))
}
