//! Checks: what a shard cannot compute is refused, whatever is in it; and what has to be read beforehand.

use super::field_formats::FieldFormats;
use super::request::{AggRequest, Kind, Metric};
use crate::engine::View;
use crate::mapping::{FieldKind, FieldMapping, IGNORED, Structure};
use crate::query::{
    Asked, Prepared, QueryContext, QueryError, no_aggregation_of_spans,
    runtime_fields_of as runtime_fields_of_query,
};
use crate::search::{SearchError, check_words, no_column_for_ids, no_values_in_column};

/// Refuses what a shard cannot compute, whatever is in it.
pub(crate) fn check(
    request: &AggRequest,
    view: &View,
    context: &QueryContext<'_>,
) -> Result<(), SearchError> {
    for node in &request.nodes {
        if let Kind::Filter(query) = &node.kind {
            Prepared::new(Asked::new(query, view, context))?;
        }
        if let Some(path) = node.kind.field() {
            check_spans(&node.kind, path, view)?;
            check_field(path, view)?;
        }
        check(&node.subs, view, context)?;
    }
    Ok(FieldFormats::of(request, view).check(request)?)
}

/// The runtime fields that it needs.
pub(crate) fn runtime_fields_of(
    request: &AggRequest,
    view: &View,
    context: &QueryContext<'_>,
) -> Result<Vec<String>, SearchError> {
    let mut fields = Vec::new();
    for node in &request.nodes {
        if let Kind::Filter(query) = &node.kind {
            fields.extend(runtime_fields_of_query(Asked::new(query, view, context))?);
        }
        let field = node.kind.field().filter(|path| view.layout.mapping.runtime.get(path).is_some());
        fields.extend(field.map(str::to_owned));
        fields.extend(runtime_fields_of(&node.subs, view, context)?);
    }
    Ok(fields)
}

/// Refuses fields whose values are in no column.
fn check_field(path: &str, view: &View) -> Result<(), QueryError> {
    if path == "_id" {
        return Err(no_column_for_ids());
    }
    if path == IGNORED {
        return Err(no_values_in_column(path, path));
    }
    let layout = &view.layout;
    match layout.mapping.searched(path) {
        _ if layout.keyed(path).is_some_and(|keyed| keyed.mapping.doc_values) => Ok(()),
        Some(mapping) if mapping.kind.is_text() => check_words(layout, path, mapping),
        Some(mapping) if is_shape(mapping) && mapping.doc_values => Ok(()),
        Some(mapping) if matches!(mapping.kind, FieldKind::Structured(_)) => {
            Err(no_values_in_column(path, &mapping.type_name))
        }
        _ => Ok(()),
    }
}

fn is_shape(mapping: &FieldMapping) -> bool {
    mapping.kind == FieldKind::Structured(Structure::GeoShape)
}

/// Of spans and shapes it is told whether there are any.
fn check_spans(kind: &Kind, path: &str, view: &View) -> Result<(), SearchError> {
    let Some(mapping) = view.layout.mapping.searched(path) else { return Ok(()) };
    let aggregation = match kind {
        _ if !matches!(mapping.kind, FieldKind::Range { .. }) && !is_shape(mapping) => return Ok(()),
        Kind::Missing { .. } | Kind::Filter(_) | Kind::Metric { metric: Metric::ValueCount, .. } => {
            return Ok(());
        }
        Kind::Terms(_) => "terms",
        Kind::DateHistogram(_) => "date_histogram",
        Kind::Histogram(_) => "histogram",
        Kind::Cardinality { .. } => "cardinality",
        Kind::Metric { metric, .. } => match metric {
            Metric::Avg => "avg",
            Metric::Min => "min",
            Metric::Max => "max",
            Metric::Sum => "sum",
            Metric::ValueCount | Metric::Stats => "stats",
        },
    };
    Err(no_aggregation_of_spans(path, &mapping.type_name, aggregation).into())
}
