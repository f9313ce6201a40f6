//! What an analyzer makes of texts: of an index, of one of its fields, or without any. Any node knows the analyzers of every index.

use serde_json::Value;
use shard::mapping::{FieldKind, Mapping};
use shard::{Analysis, AnalyzeRequest, FieldAnalysis};

use crate::error::ApiError;
use crate::indices::{Index, TOKENS_MAX};

/// The answer to a body of `_analyze`.
pub(crate) fn analyze(body: &Value, index: Option<&Index>) -> Result<Value, ApiError> {
    let request = AnalyzeRequest::read(body)?;
    let Some(index) = index else {
        request.needs_index()?;
        return Ok(request.answer(&Analysis::global(), None, TOKENS_MAX)?);
    };
    let settings = index.settings();
    let field = match &request.field {
        Some(path) => of_field(path, &index.mapping())?,
        None => None,
    };
    Ok(request.answer(&settings.analysis, field.as_ref(), settings.analyzed_tokens_max)?)
}

/// How a field analyzes; one that the mapping does not know is analyzed as the index does.
fn of_field(path: &str, mapping: &Mapping) -> Result<Option<FieldAnalysis>, ApiError> {
    let Some(field) = mapping.leaf(path) else { return Ok(None) };
    let named = &field.analysis;
    match field.kind {
        FieldKind::Text | FieldKind::MatchOnlyText | FieldKind::TokenCount { .. } => {
            Ok(Some(FieldAnalysis::Analyzer(named.analyzer.clone(), named.position_increment_gap)))
        }
        FieldKind::Keyword { .. } => {
            Ok(Some(named.normalizer.clone().map_or(FieldAnalysis::Whole, FieldAnalysis::Normalizer)))
        }
        _ => Err(ApiError::argument(format!(
            "Can't process field [{path}], Analysis requests are only supported on tokenized fields"
        ))),
    }
}
