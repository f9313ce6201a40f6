//! What is refused of keys before any document is looked at.

use super::shape::{Shape, wrong_missing};
use super::{NestedSort, NumericType, SortField, SortKey, SortValue};
use crate::engine::Layout;
use crate::mapping::{FieldKind, FieldMapping, IGNORED, Structure, is_type};
use crate::query::QueryError;
use crate::search::SearchRequest;

/// Refuses a text whose words are in no column.
pub(crate) fn check_words(layout: &Layout, path: &str, mapping: &FieldMapping) -> Result<(), QueryError> {
    if !mapping.kind.is_text() {
        return Ok(());
    }
    if !mapping.text_options().fielddata {
        return Err(no_column_for_text(path));
    }
    if !layout.has_words(layout.mapping.meant(path)) {
        return Err(QueryError::argument(format!(
            "fielddata of [{path}] was set after the field was mapped, and its words are in no column: write the documents into a new index (_reindex), or use a keyword field"
        )));
    }
    Ok(())
}

/// Refuses keys by which a shard cannot sort, and places to go on from that no document could have; whatever is in the shard.
pub(in crate::search) fn check_keys(request: &SearchRequest, layout: &Layout) -> Result<(), QueryError> {
    for key in &request.sort {
        check_key(key, layout)?;
    }
    let after = request.search_after.iter().flatten();
    let wrong = request.sort.iter().zip(after).find(|(key, value)| !can_follow(key, value, layout));
    wrong.map_or(Ok(()), |(key, _)| Err(no_place(key)))
}

fn check_key(key: &SortKey, layout: &Layout) -> Result<(), QueryError> {
    let path = match &key.field {
        SortField::Field(path) => path,
        SortField::Distance(distance) => {
            distance.check(layout)?;
            return check_levels(key, layout);
        }
        SortField::Script(_) => return check_levels(key, layout),
        _ => return Ok(()),
    };
    if path == "_id" || path == "_index" {
        return Ok(());
    }
    let shape = Shape::of(key, layout);
    match layout.mapping.searched(path) {
        None if layout.keyed(path).is_none() && path != IGNORED => check_unmapped(key, path)?,
        _ => check_column(path, layout)?,
    }
    if key.mode.is_some_and(|mode| !mode.takes_one()) && !shape.is_number() {
        return Err(QueryError::shard("we only support AVG, MEDIAN and SUM on number based fields"));
    }
    check_numeric_type(key, path, layout)?;
    check_levels(key, layout)?;
    let dates = layout.mapping.searched(path).and_then(|field| field.kind.dates());
    wrong_missing(key, shape, dates.map(|(_, formats)| formats)).map_or(Ok(()), Err)
}

/// Refuses a field whose values are in no column.
pub(in crate::search) fn check_column(path: &str, layout: &Layout) -> Result<(), QueryError> {
    match layout.mapping.searched(path) {
        _ if let Some(keyed) = layout.keyed(path) => match keyed.mapping.doc_values {
            true => Ok(()),
            false => Err(no_values_in_column(path, &keyed.mapping.type_name)),
        },
        None if path == IGNORED => Err(no_values_in_column(path, path)),
        None => Ok(()),
        Some(mapping) if mapping.kind.is_text() => check_words(layout, path, mapping),
        Some(mapping)
            if matches!(mapping.kind, FieldKind::Structured(Structure::GeoPoint | Structure::GeoShape))
                && (mapping.doc_values || mapping.kind == FieldKind::Structured(Structure::GeoPoint)) =>
        {
            Err(QueryError::argument(format!(
                "can't sort on {} field without using specific sorting feature, like geo_distance",
                mapping.type_name
            )))
        }
        Some(mapping)
            if !mapping.doc_values
                || matches!(mapping.kind, FieldKind::Structured(_) | FieldKind::Range { .. }) =>
        {
            Err(no_values_in_column(path, &mapping.type_name))
        }
        Some(_) => Ok(()),
    }
}

fn check_unmapped(key: &SortKey, path: &str) -> Result<(), QueryError> {
    match &key.unmapped_type {
        None => Err(QueryError::shard(format!("No mapping found for [{path}] in order to sort on"))),
        Some(type_name) if !is_type(type_name) => {
            Err(QueryError::argument(format!("No mapper found for type [{type_name}]")))
        }
        Some(_) => Ok(()),
    }
}

fn check_numeric_type(key: &SortKey, path: &str, layout: &Layout) -> Result<(), QueryError> {
    let Some(numeric_type) = key.numeric_type else { return Ok(()) };
    let Some(mapping) = layout.mapping.searched(path) else { return Ok(()) };
    let own = if layout.keyed(path).is_some() { Shape::Text } else { Shape::of_kind(&mapping.kind) };
    if !own.is_number() {
        return Err(QueryError::shard(format!(
            "[numeric_type] option cannot be set on a non-numeric field, got {}",
            mapping.type_name
        )));
    }
    if numeric_type == NumericType::DateNanos && !matches!(own, Shape::Date(_)) {
        return Err(QueryError::argument(
            "trying to convert a known date time formatter to a nanosecond one, wrong field used?",
        ));
    }
    Ok(())
}

fn check_levels(key: &SortKey, layout: &Layout) -> Result<(), QueryError> {
    let mut levels = key.nested.iter().flat_map(NestedSort::levels);
    levels.try_for_each(|level| check_nested(level, layout))
}

fn check_nested(level: &NestedSort, layout: &Layout) -> Result<(), QueryError> {
    let path = &level.path;
    match layout.mapping.object(path) {
        Some(object) if object.nested.is_some() => Ok(()),
        Some(_) => Err(QueryError::shard(format!(
            "[nested] nested object under path [{path}] is not of nested type"
        ))),
        None => Err(QueryError::shard(format!("[nested] failed to find nested object under path [{path}]"))),
    }
}

/// Whether a value of `search_after` is one of a key's.
fn can_follow(key: &SortKey, value: &SortValue, layout: &Layout) -> bool {
    let path = match &key.field {
        SortField::Field(path) if path == "_id" => {
            return matches!(value, SortValue::Text(_) | SortValue::Integer(_));
        }
        SortField::Field(path) => path,
        _ => "",
    };
    if *value == SortValue::Null {
        return true;
    }
    let shape = Shape::of(key, layout);
    match (shape, value) {
        (Shape::Date(_), SortValue::Text(text)) => {
            let own = layout.mapping.searched(path).and_then(|field| field.kind.dates());
            let is_date = own.is_some_and(|(_, own)| key.format.as_ref().unwrap_or(own).read(text).is_some());
            is_date || shape.read_number(value).is_some()
        }
        (Shape::Ip, _) => Shape::read_ip(value).is_some(),
        (Shape::Text | Shape::Version, value) => {
            matches!(value, SortValue::Text(_) | SortValue::Version(_))
        }
        _ => shape.read_number(value).is_some(),
    }
}

pub(super) fn no_place(key: &SortKey) -> QueryError {
    let field = match &key.field {
        SortField::Field(path) => path,
        SortField::Score => "_score",
        SortField::Doc => "_doc",
        SortField::ShardDoc(_) => "_shard_doc",
        SortField::SeqNo => "_seq_no",
        SortField::Distance(_) => "_geo_distance",
        SortField::Script(_) => "_script",
    };
    QueryError::argument(format!("Failed to parse search_after value for field [{field}]."))
}

/// What Elasticsearch says when a text field is sorted or aggregated.
fn no_column_for_text(path: &str) -> QueryError {
    QueryError::argument(format!(
        "Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead, such as [{path}.keyword]."
    ))
}

/// What Elasticsearch says when a field is sorted or aggregated whose values are in no column.
pub(crate) fn no_values_in_column(path: &str, type_name: &str) -> QueryError {
    QueryError::argument(format!(
        "Can't load fielddata on [{path}] because fielddata is unsupported on fields of type [{type_name}]. Use doc values instead."
    ))
}

/// What is said when ids are aggregated. Elasticsearch says the same unless `indices.id_field_data.enabled`: it would
/// have to keep every id in memory.
pub(crate) fn no_column_for_ids() -> QueryError {
    QueryError::argument(
        "Fielddata access on the _id field is disallowed: every id would have to be kept in memory. Put the id into a keyword field of the document as well, and use that field instead.",
    )
}
