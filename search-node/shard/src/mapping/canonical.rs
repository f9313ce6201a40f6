//! Parameters of fields as they are shown, however they were written: flags as flags, numbers as numbers, and what is meant where
//! Elasticsearch shows that too.

use serde_json::{Map, Value, json};

use super::fields::FieldMapping;
use super::text_parameters::Prefixes;

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
        ("scaling_factor", Value::String(text)) => text.parse().ok().map(|factor: f64| json!(factor)),
        ("scaling_factor", Value::Number(factor)) => factor.as_f64().map(|factor| json!(factor)),
        (flag, Value::String(text)) if FLAGS.contains(&flag) => text.parse().ok().map(Value::Bool),
        (number, Value::String(text)) if WHOLE_NUMBERS.contains(&number) => {
            text.parse().ok().map(|number: i64| json!(number))
        }
        _ => None,
    };
    read.unwrap_or_else(|| value.clone())
}

/// Adds what is meant where nobody says it, as far as it is shown all the same.
pub(super) fn with_usual(field: &mut FieldMapping) {
    let prefixes = Prefixes::read("", &field.parameters).ok().flatten();
    if let (Some(prefixes), "text") = (prefixes, field.type_name.as_str()) {
        let shown = json!({"min_chars": prefixes.least, "max_chars": prefixes.most});
        field.parameters.insert("index_prefixes".to_owned(), shown);
    }
    if field.type_name == "completion" {
        let usual: Map<String, Value> = [
            ("analyzer", json!("simple")),
            ("preserve_separators", json!(true)),
            ("preserve_position_increments", json!(true)),
            ("max_input_length", json!(50)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        for (key, value) in usual {
            field.parameters.entry(key).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::{parse_mapping, parse_new_mapping};

    #[test]
    fn parameters_are_shown_as_what_they_are() {
        for (said, shown) in [
            (
                json!({"type": "keyword", "index": "false", "ignore_above": "7", "copy_to": "x"}),
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
            assert_eq!(parse_mapping(&whole).expect("as it is stored"), mapping);
        }
    }
}
