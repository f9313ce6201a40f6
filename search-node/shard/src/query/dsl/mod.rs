//! Elasticsearch's query DSL: JSON to [`Query`], refusing what it does not know.
//!
//! Each family of queries has its room; `members` reads what stands in a query.

mod compound;
mod full_text;
mod geo;
mod intervals;
mod joined;
mod members;
mod scoring;
mod scripts;
mod sorts;
mod spans;
mod special;
mod term_level;

use serde_json::Value;

pub(in crate::query) use geo::{read_distance, read_point};
pub(in crate::query) use scoring::java_hash;
pub(crate) use scripts::parse_script as read_script;
pub use special::wrapped;

use super::QueryError;
use super::ast::Query;
use super::limits::QueryLimits;

/// Reads the body of a query.
enum Parse {
    /// It has no queries in it.
    Leaf(fn(&Value) -> Result<Query, QueryError>),
    /// It has queries in it, and is so deep itself.
    Around(fn(&Value, usize) -> Result<Query, QueryError>),
}

use Parse::{Around, Leaf};

/// Every query by its name.
const QUERIES: &[(&str, Parse)] = &[
    ("bool", Around(compound::parse_bool)),
    ("boosting", Around(compound::parse_boosting)),
    ("combined_fields", Leaf(full_text::parse_combined_fields)),
    ("constant_score", Around(compound::parse_constant)),
    ("dis_max", Around(compound::parse_dis_max)),
    ("distance_feature", Leaf(scoring::parse_distance_feature)),
    ("exists", Leaf(term_level::parse_exists)),
    ("field_masking_span", Around(spans::parse_masked)),
    ("function_score", Around(scoring::parse_function_score)),
    ("fuzzy", Leaf(term_level::parse_fuzzy)),
    ("geo_bounding_box", Leaf(geo::parse_bounding_box)),
    ("geo_distance", Leaf(geo::parse_distance)),
    ("geo_polygon", Leaf(geo::parse_polygon)),
    ("geo_shape", Leaf(geo::parse_shape)),
    ("has_child", Around(joined::parse_has_child)),
    ("has_parent", Around(joined::parse_has_parent)),
    ("ids", Leaf(term_level::parse_ids)),
    ("intervals", Leaf(intervals::parse_intervals)),
    ("match", Leaf(full_text::parse_match)),
    ("match_all", Leaf(compound::parse_match_all)),
    ("match_bool_prefix", Leaf(full_text::parse_bool_prefix)),
    ("match_none", Leaf(compound::parse_match_none)),
    ("match_phrase", Leaf(full_text::parse_phrase)),
    ("match_phrase_prefix", Leaf(full_text::parse_phrase_prefix)),
    ("more_like_this", Leaf(special::parse_more_like_this)),
    ("multi_match", Leaf(full_text::parse_multi_match)),
    ("nested", Around(joined::parse_nested)),
    ("parent_id", Leaf(joined::parse_parent_id)),
    ("pinned", Around(special::parse_pinned)),
    ("prefix", Leaf(term_level::parse_prefix)),
    ("query_string", Leaf(full_text::parse_query_string)),
    ("range", Leaf(term_level::parse_range)),
    ("rank_feature", Leaf(scoring::parse_rank_feature)),
    ("regexp", Leaf(term_level::parse_regexp)),
    ("script", Leaf(scoring::parse_script_filter)),
    ("script_score", Around(scoring::parse_script_score)),
    ("simple_query_string", Leaf(full_text::parse_simple_query_string)),
    ("span_containing", Around(spans::parse_containing)),
    ("span_first", Around(spans::parse_first)),
    ("span_multi", Around(spans::parse_multi)),
    ("span_near", Around(spans::parse_near)),
    ("span_not", Around(spans::parse_not)),
    ("span_or", Around(spans::parse_or)),
    ("span_term", Leaf(spans::parse_term)),
    ("span_within", Around(spans::parse_within)),
    ("term", Leaf(term_level::parse_term)),
    ("terms", Leaf(term_level::parse_terms)),
    ("terms_set", Leaf(special::parse_terms_set)),
    ("type", Leaf(special::parse_type)),
    ("wildcard", Leaf(term_level::parse_wildcard)),
    ("wrapper", Around(special::parse_wrapper)),
];

/// Reads the value of `query`.
pub fn parse_query(json: &Value) -> Result<Query, QueryError> {
    parse(json, 0)
}

/// A query within another.
fn inside(json: &Value, depth: usize) -> Result<Query, QueryError> {
    parse(json, depth + 1)
}

/// One query or several within another.
fn inside_all(json: &Value, depth: usize) -> Result<Vec<Query>, QueryError> {
    match json {
        Value::Array(items) => items.iter().map(|item| inside(item, depth)).collect(),
        one => Ok(vec![inside(one, depth)?]),
    }
}

fn parse(json: &Value, depth: usize) -> Result<Query, QueryError> {
    QueryLimits::now().check_depth(depth)?;
    let object = json
        .as_object()
        .ok_or_else(|| QueryError::parsing("[_na] query malformed, must start with start_object"))?;
    let mut entries = object.iter();
    let Some((name, body)) = entries.next() else {
        return Err(QueryError::argument("query malformed, empty clause found"));
    };
    if let Some((second, _)) = entries.next() {
        return Err(QueryError::parsing(format!(
            "[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME] ({second}); join queries with bool"
        )));
    }
    match QUERIES.iter().find(|(known, _)| known == name) {
        Some((_, Leaf(parse))) => parse(body),
        Some((_, Around(parse))) => parse(body, depth),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> QueryError {
    let known = QUERIES.iter().map(|(known, _)| *known);
    let near = known.filter(|known| similar(known, name)).collect::<Vec<_>>();
    let hint = match near.as_slice() {
        [] => String::new(),
        near => format!(" did you mean [{}]?", near.join(", ")),
    };
    QueryError::parsing(format!("unknown query [{name}]{hint}"))
}

/// Same letters but for a slip: enough to guess a query's name.
fn similar(known: &str, typed: &str) -> bool {
    let mut a: Vec<u8> = known.bytes().collect();
    let mut b: Vec<u8> = typed.bytes().collect();
    a.sort_unstable();
    b.sort_unstable();
    let common = a.iter().filter(|letter| b.contains(letter)).count();
    known.starts_with(&typed[..typed.chars().next().map_or(0, char::len_utf8)])
        && a.len().abs_diff(b.len()) <= 1
        && common + 1 >= a.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_and_long_forms_mean_the_same() {
        for (short, long) in [
            (json!({"term": {"a": 1}}), json!({"term": {"a": {"value": 1}}})),
            (json!({"match": {"a": "x"}}), json!({"match": {"a": {"query": "x", "operator": "or"}}})),
            (json!({"bool": {"must": {"match_all": {}}}}), json!({"bool": {"must": [{"match_all": {}}]}})),
        ] {
            assert_eq!(parse_query(&short).expect("short"), parse_query(&long).expect("long"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, reason) in [
            (json!({"mtach": {"a": "x"}}), "unknown query [mtach] did you mean [match]?"),
            (json!({"frob": {}}), "unknown query [frob]"),
            (json!({"term": {"a": {"value": 1, "foo": 2}}}), "[term] query does not support [foo]"),
            (
                json!({"term": {"a": 1, "b": 2}}),
                "[term] query doesn't support multiple fields, found [a] and [b]",
            ),
            (json!({"range": {"a": {"gte": 1, "up": 2}}}), "[range] query does not support [up]"),
            (json!({"bool": {"must": [{"foo": {}}]}}), "unknown query [foo]"),
            (
                json!({"ids": {"values": ["1", null]}}),
                "[ids] failed to parse field [values]: expected texts but found [[\"1\",null]]",
            ),
            (json!([]), "[_na] query malformed, must start with start_object"),
            (json!({}), "query malformed, empty clause found"),
        ] {
            assert_eq!(parse_query(&query).expect_err("refused").reason, reason, "{query}");
        }
    }

    #[test]
    fn a_query_nested_beyond_reason_is_refused() {
        let mut query = json!({"match_all": {}});
        for _ in 0..40 {
            query = json!({"bool": {"must": query}});
        }

        let error = parse_query(&query).expect_err("too deep");

        assert!(error.reason.contains("max_nested_depth"), "{}", error.reason);
    }
}
