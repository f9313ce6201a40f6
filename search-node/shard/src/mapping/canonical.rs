//! Parameters of fields as they are shown, however they were written: flags as flags, numbers as numbers, and what is meant where
//! Elasticsearch shows that too.

use serde_json::{Map, Value, json};

use super::fields::{FieldKind, FieldMapping};
use super::geo_points::Point;
use super::parameters::is_usual;
use super::structured::Structure;
use super::text_parameters::Prefixes;
use super::values::{Precision, Scalar, to_float, to_integer, to_unsigned};
use crate::json_values::plain;

/// What Elasticsearch shows as no bound: the greatest number of 32 bits.
pub(super) const NO_BOUND: u64 = 2_147_483_647;

const FLAGS: [&str; 18] = [
    "index",
    "doc_values",
    "store",
    "norms",
    "coerce",
    "ignore_malformed",
    "ignore_z_value",
    "eager_global_ordinals",
    "fielddata",
    "index_phrases",
    "split_queries_on_whitespace",
    "enable_position_increments",
    "positive_score_impact",
    "preserve_separators",
    "preserve_position_increments",
    "time_series_dimension",
    "include_in_parent",
    "include_in_root",
];

const WHOLE_NUMBERS: [&str; 6] =
    ["ignore_above", "depth_limit", "position_increment_gap", "max_shingle_size", "max_input_length", "dims"];

/// The value of a parameter as it is shown. What cannot be read stays as it was written.
pub(super) fn canonical(key: &str, value: &Value) -> Value {
    let read = match (key, value) {
        ("copy_to", Value::String(one)) => Some(json!([one])),
        // As Java names a locale.
        ("locale", Value::String(name)) => Some(json!(name.replace('-', "_"))),
        ("boost", Value::String(text)) => text.parse().ok().map(|boost: f64| json!(boost)),
        ("boost", Value::Number(boost)) => boost.as_f64().map(|boost| json!(boost)),
        ("fielddata_frequency_filter", Value::Object(bounds)) => frequencies(bounds),
        ("scaling_factor", Value::String(text)) => text.parse().ok().map(|factor: f64| json!(factor)),
        ("scaling_factor", Value::Number(factor)) => factor.as_f64().map(|factor| json!(factor)),
        (flag, Value::String(text)) if FLAGS.contains(&flag) => text.parse().ok().map(Value::Bool),
        (number, Value::String(text)) if WHOLE_NUMBERS.contains(&number) => {
            text.parse().ok().map(|number: i64| json!(number))
        }
        (number, Value::Number(said)) if WHOLE_NUMBERS.contains(&number) => {
            said.as_f64().filter(|said| said.fract() == 0.0).map(|said| json!(said as i64))
        }
        _ => None,
    };
    read.unwrap_or_else(|| value.clone())
}

/// Bounds on how often a word must be there, with those that nobody says; none where one is no number.
fn frequencies(bounds: &Map<String, Value>) -> Option<Value> {
    let number = |key: &str, usual: f64| match bounds.get(key) {
        Some(said) => said.as_f64().or_else(|| said.as_str()?.parse().ok()),
        None => Some(usual),
    };
    Some(json!({
        "min": number("min", 0.0)?,
        "max": number("max", f64::from(i32::MAX))?,
        "min_segment_size": number("min_segment_size", 0.0)? as u64
    }))
}

/// Puts the parameters of a field as they are shown: what is shown although nobody says it is added, and what is meant anyway is left out.
pub(super) fn with_usual(field: &mut FieldMapping) {
    if let Some(shown) = field.parameters.get("null_value").and_then(|value| null_shown(field, value)) {
        field.null_value = field.null_value.take().map(|_| shown.clone());
        field.parameters.insert("null_value".to_owned(), shown);
    }
    let prefixes = Prefixes::read("", &field.parameters).ok().flatten();
    if let (Some(prefixes), "text") = (prefixes, field.type_name.as_str()) {
        let shown = json!({"min_chars": prefixes.least, "max_chars": prefixes.most});
        field.parameters.insert("index_prefixes".to_owned(), shown);
    }
    let always: &[(&str, Value)] = match field.type_name.as_str() {
        "completion" => &[
            ("analyzer", json!("simple")),
            ("preserve_separators", json!(true)),
            ("preserve_position_increments", json!(true)),
            ("max_input_length", json!(50)),
        ],
        "search_as_you_type" => &[("doc_values", json!(false)), ("max_shingle_size", json!(3))],
        _ => &[],
    };
    for (key, value) in always {
        field.parameters.entry(*key).or_insert_with(|| value.clone());
    }
    let own = field.parameters.clone();
    let is_shown = |key: &str, value: &Value| {
        always.iter().any(|(shown, _)| *shown == key) || !is_meant_anyway(&field.type_name, &own, key, value)
    };
    field.parameters.retain(|key, value| is_shown(key, value));
    for (key, read) in [
        ("analyzer", &mut field.analysis.analyzer),
        ("search_analyzer", &mut field.analysis.search_analyzer),
        ("search_quote_analyzer", &mut field.analysis.search_quote_analyzer),
    ] {
        read.take_if(|_| !field.parameters.contains_key(key));
    }
}

/// Whether a parameter says what is meant where nobody says it.
fn is_meant_anyway(type_name: &str, own: &Map<String, Value>, key: &str, value: &Value) -> bool {
    match key {
        // Elasticsearch shows it, whatever it is.
        "index" if type_name == "dense_vector" => false,
        "ignore_above" => value.as_u64() == Some(NO_BOUND),
        "meta" => value.as_object().is_some_and(Map::is_empty),
        "copy_to" => value.as_array().is_some_and(Vec::is_empty),
        "boost" => value.as_f64() == Some(1.0),
        // Texts are looked for as they were cut, and phrases as other texts.
        "search_analyzer" => own.get("analyzer") == Some(value),
        "search_quote_analyzer" => own.get("search_analyzer").or_else(|| own.get("analyzer")) == Some(value),
        _ => is_usual(type_name, key, value),
    }
}

/// What stands for a null, as what the field has: a number, a flag, a point or a text.
fn null_shown(field: &FieldMapping, value: &Value) -> Option<Value> {
    if value.is_null() {
        return None;
    }
    let text = plain(value);
    let scalar = Scalar::Text(&text);
    // What is no whole number is refused where there is room for whole ones alone.
    let whole = || text.parse::<f64>().ok().is_none_or(|number| number.fract() == 0.0);
    Some(match &field.kind {
        FieldKind::Integer { min, max } if whole() => json!(to_integer(scalar, *min, *max, "").ok()?),
        FieldKind::TokenCount { .. } if whole() => {
            json!(to_integer(scalar, i32::MIN.into(), i32::MAX.into(), "").ok()?)
        }
        FieldKind::UnsignedLong if whole() => json!(to_unsigned(scalar).ok()?),
        FieldKind::Double | FieldKind::Float | FieldKind::HalfFloat | FieldKind::ScaledFloat { .. } => {
            json!(to_float(scalar, Precision::Double, "").ok()?)
        }
        FieldKind::Boolean => match text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            _ => return None,
        },
        FieldKind::Structured(Structure::GeoPoint) => {
            let point = Point::of_value(value)?;
            json!({"lat": point.lat, "lon": point.lon})
        }
        FieldKind::Keyword { .. }
        | FieldKind::Flattened { .. }
        | FieldKind::Date(_)
        | FieldKind::DateNanos(_) => json!(text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::{parse_mapping, parse_new_mapping};

    #[test]
    fn parameters_are_shown_as_what_they_are() {
        for (said, shown) in [
            (json!({"type": "long", "null_value": "5"}), json!({"type": "long", "null_value": 5})),
            (json!({"type": "byte", "null_value": "1e2"}), json!({"type": "byte", "null_value": 100})),
            (json!({"type": "short", "null_value": 5.0}), json!({"type": "short", "null_value": 5})),
            (json!({"type": "float", "null_value": "5"}), json!({"type": "float", "null_value": 5.0})),
            (
                json!({"type": "half_float", "null_value": 5.7}),
                json!({"type": "half_float", "null_value": 5.7}),
            ),
            (
                json!({"type": "unsigned_long", "null_value": "18446744073709551615"}),
                json!({"type": "unsigned_long", "null_value": u64::MAX}),
            ),
            (
                json!({"type": "scaled_float", "scaling_factor": 100, "null_value": "1.239"}),
                json!({"type": "scaled_float", "scaling_factor": 100.0, "null_value": 1.239}),
            ),
            (json!({"type": "date", "null_value": 0}), json!({"type": "date", "null_value": "0"})),
            (json!({"type": "date", "null_value": "2020"}), json!({"type": "date", "null_value": "2020"})),
            (
                json!({"type": "boolean", "null_value": "true"}),
                json!({"type": "boolean", "null_value": true}),
            ),
            (json!({"type": "keyword", "null_value": 7}), json!({"type": "keyword", "null_value": "7"})),
            (json!({"type": "ip", "null_value": "0:0::1"}), json!({"type": "ip", "null_value": "0:0::1"})),
            (
                json!({"type": "geo_point", "null_value": "1,2"}),
                json!({"type": "geo_point", "null_value": {"lat": 1.0, "lon": 2.0}}),
            ),
            (
                json!({"type": "token_count", "analyzer": "standard", "null_value": "5"}),
                json!({"type": "token_count", "analyzer": "standard", "null_value": 5}),
            ),
            (
                json!({"type": "text", "index": true, "store": false, "norms": true, "index_options": "positions",
                    "term_vector": "no", "analyzer": "simple", "search_analyzer": "simple", "meta": {}, "copy_to": []}),
                json!({"type": "text", "analyzer": "simple"}),
            ),
            (
                json!({"type": "text", "analyzer": "simple", "search_quote_analyzer": "simple", "norms": false}),
                json!({"type": "text", "analyzer": "simple", "norms": false}),
            ),
            (
                json!({"type": "text", "fielddata_frequency_filter": {"min": "0.1"}}),
                json!({"type": "text", "fielddata_frequency_filter":
                    {"min": 0.1, "max": 2147483647.0, "min_segment_size": 0}}),
            ),
            (
                json!({"type": "keyword", "ignore_above": 2147483647, "doc_values": true, "boost": "2"}),
                json!({"type": "keyword", "boost": 2.0}),
            ),
            (
                json!({"type": "long", "coerce": true, "ignore_malformed": false}),
                json!({"type": "long", "coerce": true, "ignore_malformed": false}),
            ),
            (
                json!({"type": "date", "format": "strict_date_optional_time||epoch_millis", "locale": "de-DE"}),
                json!({"type": "date", "locale": "de_DE"}),
            ),
            (
                json!({"type": "search_as_you_type", "max_shingle_size": "4"}),
                json!({"type": "search_as_you_type", "max_shingle_size": 4, "doc_values": false}),
            ),
            (json!({"type": "rank_feature", "positive_score_impact": true}), json!({"type": "rank_feature"})),
            (
                json!({"type": "keyword", "index": "false", "ignore_above": 7.0, "copy_to": "x"}),
                json!({"type": "keyword", "index": false, "ignore_above": 7, "copy_to": ["x"]}),
            ),
            (
                json!({"type": "scaled_float", "scaling_factor": "100"}),
                json!({"type": "scaled_float", "scaling_factor": 100.0}),
            ),
            (
                json!({"type": "scaled_float", "scaling_factor": 10}),
                json!({"type": "scaled_float", "scaling_factor": 10.0}),
            ),
            (
                json!({"type": "text", "index_prefixes": {"max_chars": "7"}, "norms": "false"}),
                json!({"type": "text", "index_prefixes": {"min_chars": 2, "max_chars": 7}, "norms": false}),
            ),
            (
                json!({"type": "completion", "preserve_separators": "false"}),
                json!({"type": "completion", "analyzer": "simple", "preserve_separators": false,
                    "preserve_position_increments": true, "max_input_length": 50}),
            ),
        ] {
            let mapping = parse_new_mapping(&json!({"properties": {"f": said}})).expect("taken");
            let whole = mapping.to_json();
            assert_eq!(whole["properties"]["f"], shown);
            assert_eq!(parse_mapping(&whole).expect("as it is stored").root, mapping.root, "{said}");
        }
    }
}
