//! The other ways in which a text may be kept: as neighbouring words in one, and as their beginnings. `search_as_you_type` has them
//! all, a `text` those that it asks for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::MappingError;
use super::fields::{FieldAnalyzers, FieldKind, FieldMapping};
use super::text_parameters::Prefixes;
use crate::analysis::{leading_of, prefixes_of, shingles_of};

/// The type that has them.
pub(crate) const SEARCH_AS_YOU_TYPE: &str = "search_as_you_type";
/// The beginnings of a text's words and of several words in one.
pub(crate) const INDEX_PREFIX: &str = "_index_prefix";

/// The pairs of neighbouring words of a text.
pub(crate) const INDEX_PHRASE: &str = "_index_phrase";

/// How many words one term may have, if the mapping does not say.
const SHINGLE_DEFAULT: u64 = 3;

/// What a mapping says by `max_shingle_size`.
pub(super) fn shingle_size(body: &Map<String, Value>) -> Result<usize, MappingError> {
    let Some(value) = body.get("max_shingle_size") else { return Ok(SHINGLE_DEFAULT as usize) };
    let size = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    size.filter(|size| (2..=4).contains(size)).map(|size| size as usize).ok_or_else(|| {
        MappingError::parsing(format!(
            "[max_shingle_size] must be at least [2] and at most [4], got [{value}]"
        ))
    })
}

/// How another way analyzes: by an analyzer that is made of the field's own.
fn made_of(field: &FieldMapping, made: &dyn Fn(&str) -> String) -> FieldAnalyzers {
    let base = field.analysis.analyzer.as_deref().unwrap_or("default");
    FieldAnalyzers { analyzer: Some(made(base)), ..FieldAnalyzers::default() }
}

/// What is searched by a beginning is that as it is.
fn as_it_is(analysis: FieldAnalyzers) -> FieldAnalyzers {
    FieldAnalyzers { search_analyzer: Some("keyword".to_owned()), ..analysis }
}

/// Another way of a field.
fn like(field: &FieldMapping, kind: FieldKind, analysis: FieldAnalyzers) -> FieldMapping {
    FieldMapping {
        kind,
        analysis,
        parameters: Map::new(),
        multi_fields: BTreeMap::new(),
        subfields: BTreeMap::new(),
        copy_to: Vec::new(),
        ..field.clone()
    }
}

/// The ways that a `text` asks for by `index_prefixes` and `index_phrases`.
pub(super) fn ways_of_text(
    field: &FieldMapping,
    prefixes: Option<Prefixes>,
    phrases: bool,
) -> BTreeMap<String, FieldMapping> {
    let mut ways = BTreeMap::new();
    if let Some(Prefixes { least, most }) = prefixes {
        let analysis = as_it_is(made_of(field, &|base| prefixes_of(base, least, most)));
        let way = like(field, FieldKind::MatchOnlyText, analysis);
        ways.insert(INDEX_PREFIX.to_owned(), FieldMapping { type_name: "prefix".to_owned(), ..way });
    }
    if phrases {
        let pairs = |base: &str| shingles_of(base, 2);
        let search_analyzer = field.analysis.search_analyzer.as_deref().map(pairs);
        let analysis = FieldAnalyzers { search_analyzer, ..made_of(field, &pairs) };
        let way = like(field, FieldKind::Text, analysis);
        ways.insert(INDEX_PHRASE.to_owned(), FieldMapping { type_name: "phrase".to_owned(), ..way });
    }
    ways
}

/// The subfields of a text with terms of up to so many words.
pub(super) fn subfields(field: &FieldMapping, size: usize) -> BTreeMap<String, FieldMapping> {
    let shingles = (2..=size).map(|words| {
        let made = |base: &str| shingles_of(base, words);
        let search_analyzer = field.analysis.search_analyzer.as_deref().map(made);
        let analysis = FieldAnalyzers { search_analyzer, ..made_of(field, &made) };
        (format!("_{words}gram"), like(field, FieldKind::Text, analysis))
    });
    let leading = as_it_is(made_of(field, &|base| leading_of(base, size)));
    shingles.chain([(INDEX_PREFIX.to_owned(), like(field, FieldKind::MatchOnlyText, leading))]).collect()
}
