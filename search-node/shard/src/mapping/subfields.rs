//! The other ways in which `search_as_you_type` keeps a text: as neighbouring words in one, and as their beginnings.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::MappingError;
use super::fields::{FieldAnalyzers, FieldKind, FieldMapping};
use crate::analysis::{leading_of, shingles_of};

/// The type that has them.
pub(crate) const SEARCH_AS_YOU_TYPE: &str = "search_as_you_type";
/// The beginnings of a text's words and of several words in one.
pub(crate) const INDEX_PREFIX: &str = "_index_prefix";

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

/// The subfields of a text with terms of up to so many words.
pub(super) fn subfields(field: &FieldMapping, size: usize) -> BTreeMap<String, FieldMapping> {
    let own = &field.analysis;
    let named = |made: &dyn Fn(&str) -> String| FieldAnalyzers {
        analyzer: Some(made(own.analyzer.as_deref().unwrap_or("default"))),
        ..FieldAnalyzers::default()
    };
    let searched = |made: &dyn Fn(&str) -> String| own.search_analyzer.as_deref().map(made);
    let like = |kind, analysis| FieldMapping {
        kind,
        analysis,
        parameters: Map::new(),
        multi_fields: BTreeMap::new(),
        subfields: BTreeMap::new(),
        copy_to: Vec::new(),
        ..field.clone()
    };
    let shingles = (2..=size).map(|words| {
        let made = |base: &str| shingles_of(base, words);
        let analysis = FieldAnalyzers { search_analyzer: searched(&made), ..named(&made) };
        (format!("_{words}gram"), like(FieldKind::Text, analysis))
    });
    let leading = FieldAnalyzers {
        // What is asked for is a beginning as it is.
        search_analyzer: Some("keyword".to_owned()),
        ..named(&|base| leading_of(base, size))
    };
    shingles.chain([(INDEX_PREFIX.to_owned(), like(FieldKind::MatchOnlyText, leading))]).collect()
}
