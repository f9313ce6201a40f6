//! The children of a hit, or its parent, as a query.

use serde_json::Value;

use super::{Hit, SearchError};
use crate::engine::View;
use crate::query::Query;

/// What finds those of a name; none where the hit has none. `id` is that of the hit.
pub(crate) fn join_query(
    view: &View,
    hit: &Hit,
    id: &str,
    (name, of_children): (&str, bool),
    query: &Query,
) -> Result<Option<Query>, SearchError> {
    let Some((field, _)) = view.layout.mapping.join() else { return Ok(None) };
    let belongs = if of_children {
        Query::ParentId { child: name.to_owned(), id: id.to_owned(), ignore_unmapped: true }
    } else {
        let Some(reader) = view.searcher.segment_readers().get(hit.segment as usize) else { return Ok(None) };
        let path = format!("{field}#{name}");
        let Some(column) = reader.fast_fields().str(view.layout.stored_name(&path))? else { return Ok(None) };
        let Some(ordinal) = column.term_ords(hit.document).next() else { return Ok(None) };
        let mut parent = String::new();
        column.ord_to_str(ordinal, &mut parent)?;
        Query::Ids { values: vec![parent], types: Vec::new() }
    };
    let is_one = Query::Term { field: field.to_owned(), value: Value::from(name), case_insensitive: false };
    Ok(Some(Query::Bool {
        must: vec![query.clone()],
        filter: vec![belongs, is_one],
        should: Vec::new(),
        must_not: Vec::new(),
        minimum_should_match: None,
    }))
}
