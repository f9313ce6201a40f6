//! The parameters that each type of field takes, what is meant where nobody says them, and which of them may change while the field is
//! there. As in Elasticsearch, what an update leaves out goes back to what is usual.

use serde_json::Value;

use super::fields::FieldMapping;
use super::values::{Precision, Scalar, to_float, to_integer, to_unsigned};
use super::{FieldKind, parse_ip, show_ip};
use crate::json_values::plain;

/// What may become of a parameter of a field that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Anything.
    Free,
    /// Nothing: what was written by it cannot be written again.
    Never,
    /// True may become false.
    Off,
    /// It may be said where nobody has said it yet.
    Once,
}

/// What is meant by a parameter that nobody says, and what kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usual {
    Flag(bool),
    Text(&'static str),
    Nothing,
}

/// A parameter of a type.
#[derive(Debug, Clone, Copy)]
struct Parameter {
    name: &'static str,
    usual: Usual,
    change: Change,
}

const fn never(name: &'static str, usual: Usual) -> Parameter {
    Parameter { name, usual, change: Change::Never }
}

/// One that may change does so whatever it was.
const fn free(name: &'static str) -> Parameter {
    Parameter { name, usual: Usual::Nothing, change: Change::Free }
}

const fn once(name: &'static str) -> Parameter {
    Parameter { name, usual: Usual::Nothing, change: Change::Once }
}

const INDEX: Parameter = never("index", Usual::Flag(true));
const DOC_VALUES: Parameter = never("doc_values", Usual::Flag(true));
const STORE: Parameter = never("store", Usual::Flag(false));
const NULL_VALUE: Parameter = never("null_value", Usual::Nothing);
const FORMAT: Parameter = never("format", Usual::Text("strict_date_optional_time||epoch_millis"));
const LOCALE: Parameter = never("locale", Usual::Text("en"));
const SIMILARITY: Parameter = never("similarity", Usual::Nothing);
const ANALYZER: Parameter = never("analyzer", Usual::Text("default"));
const GAP: Parameter = never("position_increment_gap", Usual::Text("-1"));
const TERM_VECTOR: Parameter = never("term_vector", Usual::Text("no"));
const POSITIONS: Parameter = never("index_options", Usual::Text("positions"));
const DOCS: Parameter = never("index_options", Usual::Text("docs"));
const NORMS: Parameter = Parameter { name: "norms", usual: Usual::Flag(true), change: Change::Off };
const NO_NORMS: Parameter = Parameter { name: "norms", usual: Usual::Flag(false), change: Change::Off };
const DIMENSION: Parameter = never("time_series_dimension", Usual::Flag(false));
const METRIC: Parameter = never("time_series_metric", Usual::Nothing);

const NUMBER: &[Parameter] =
    &[INDEX, DOC_VALUES, STORE, free("ignore_malformed"), free("coerce"), NULL_VALUE, DIMENSION, METRIC];
const SCALED: &[Parameter] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    free("ignore_malformed"),
    free("coerce"),
    never("scaling_factor", Usual::Nothing),
    NULL_VALUE,
    METRIC,
];
const UNSIGNED: &[Parameter] =
    &[INDEX, DOC_VALUES, STORE, free("ignore_malformed"), NULL_VALUE, DIMENSION, METRIC];
const FLAG: &[Parameter] = &[DOC_VALUES, INDEX, STORE, NULL_VALUE, free("ignore_malformed"), DIMENSION];
const DATE: &[Parameter] = &[INDEX, DOC_VALUES, STORE, FORMAT, LOCALE, NULL_VALUE, free("ignore_malformed")];
const ADDRESS: &[Parameter] = &[INDEX, DOC_VALUES, STORE, free("ignore_malformed"), NULL_VALUE, DIMENSION];
const SPAN: &[Parameter] = &[INDEX, DOC_VALUES, STORE, free("coerce")];
const DATES: &[Parameter] = &[INDEX, DOC_VALUES, STORE, free("coerce"), FORMAT, LOCALE];
const KEYWORD: &[Parameter] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    NULL_VALUE,
    free("eager_global_ordinals"),
    free("ignore_above"),
    DOCS,
    NO_NORMS,
    SIMILARITY,
    never("normalizer", Usual::Text("default")),
    free("split_queries_on_whitespace"),
    DIMENSION,
];
const TEXT: &[Parameter] = &[
    INDEX,
    STORE,
    POSITIONS,
    NORMS,
    TERM_VECTOR,
    ANALYZER,
    free("search_analyzer"),
    free("search_quote_analyzer"),
    SIMILARITY,
    GAP,
    free("fielddata"),
    free("fielddata_frequency_filter"),
    free("eager_global_ordinals"),
    never("index_phrases", Usual::Flag(false)),
    never("index_prefixes", Usual::Nothing),
];
const WORDS: &[Parameter] = &[ANALYZER, free("search_analyzer"), free("search_quote_analyzer"), GAP];
const TYPED: &[Parameter] = &[
    INDEX,
    STORE,
    never("doc_values", Usual::Flag(false)),
    never("max_shingle_size", Usual::Text("3")),
    ANALYZER,
    free("search_analyzer"),
    free("search_quote_analyzer"),
    SIMILARITY,
    POSITIONS,
    NORMS,
    TERM_VECTOR,
];
const COUNT: &[Parameter] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    free("analyzer"),
    NULL_VALUE,
    never("enable_position_increments", Usual::Flag(true)),
];
const FLATTENED: &[Parameter] = &[
    INDEX,
    DOC_VALUES,
    free("depth_limit"),
    NULL_VALUE,
    free("eager_global_ordinals"),
    free("ignore_above"),
    DOCS,
    SIMILARITY,
    free("split_queries_on_whitespace"),
];
const POINT: &[Parameter] =
    &[INDEX, DOC_VALUES, STORE, free("ignore_malformed"), free("ignore_z_value"), NULL_VALUE];
const SHAPE: &[Parameter] = &[
    DOC_VALUES,
    STORE,
    free("orientation"),
    free("ignore_malformed"),
    free("ignore_z_value"),
    free("coerce"),
];
const VECTOR: &[Parameter] =
    &[never("element_type", Usual::Text("float")), once("dims"), INDEX, SIMILARITY, free("index_options")];
const COMPLETION: &[Parameter] = &[
    never("analyzer", Usual::Text("simple")),
    free("search_analyzer"),
    never("preserve_separators", Usual::Flag(true)),
    never("preserve_position_increments", Usual::Flag(true)),
    free("max_input_length"),
    never("contexts", Usual::Nothing),
];
const WILDCARD: &[Parameter] = &[NULL_VALUE, free("ignore_above")];
const CONSTANT: &[Parameter] = &[once("value")];
const BINARY: &[Parameter] = &[STORE, never("doc_values", Usual::Flag(false))];
const HISTOGRAM: &[Parameter] = &[free("ignore_malformed")];
const FEATURE: &[Parameter] = &[never("positive_score_impact", Usual::Flag(true))];
const ALIAS: &[Parameter] = &[free("path")];
const JOIN: &[Parameter] = &[free("relations"), free("eager_global_ordinals")];

/// The parameters of a type, beside those that every field takes.
fn parameters_of(type_name: &str) -> Option<&'static [Parameter]> {
    Some(match type_name {
        "long" | "integer" | "short" | "byte" | "double" | "float" | "half_float" => NUMBER,
        "scaled_float" => SCALED,
        "unsigned_long" => UNSIGNED,
        "boolean" => FLAG,
        "date" | "date_nanos" => DATE,
        "ip" => ADDRESS,
        "date_range" => DATES,
        "integer_range" | "long_range" | "float_range" | "double_range" | "ip_range" => SPAN,
        "keyword" => KEYWORD,
        "wildcard" => WILDCARD,
        "constant_keyword" => CONSTANT,
        "text" => TEXT,
        "match_only_text" => WORDS,
        "search_as_you_type" => TYPED,
        "token_count" => COUNT,
        "flattened" => FLATTENED,
        "binary" => BINARY,
        "geo_point" => POINT,
        "geo_shape" => SHAPE,
        "dense_vector" => VECTOR,
        "histogram" => HISTOGRAM,
        "rank_feature" | "rank_features" => FEATURE,
        "completion" => COMPLETION,
        "alias" => ALIAS,
        "join" => JOIN,
        "version" => &[],
        _ => return None,
    })
}

/// Whether there is such a type of field.
pub(crate) fn is_type(type_name: &str) -> bool {
    parameters_of(type_name).is_some()
}

/// What every field takes.
const COMMON: [&str; 5] = ["type", "meta", "fields", "copy_to", "boost"];
/// What Elasticsearch 7 passes over where it has no effect; newer types refuse it.
const PASSED_OVER: [&str; 6] = ["store", "meta", "index", "doc_values", "index_options", "similarity"];
/// What may be null, which says nothing.
const NULLABLE: [&str; 4] = ["null_value", "normalizer", "similarity", "index_prefixes"];

/// What a type makes of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is one of its own.
    Yes,
    /// It says nothing, and is not kept.
    PassedOver,
    No,
}

pub(super) fn taken(type_name: &str, key: &str) -> Taken {
    if parameters_of(type_name).unwrap_or_default().iter().any(|parameter| parameter.name == key) {
        return Taken::Yes;
    }
    match type_name {
        // They are no fields of their own, or have relations alone.
        "alias" | "join" if key != "type" && !(type_name == "join" && key == "meta") => Taken::No,
        _ if COMMON.contains(&key) => Taken::Yes,
        "match_only_text" | "search_as_you_type" | "token_count" | "date_nanos" | "version" | "flattened" => {
            Taken::No
        }
        other if PASSED_OVER.contains(&key) && !other.ends_with("_range") => Taken::PassedOver,
        _ => Taken::No,
    }
}

pub(super) fn may_be_null(key: &str) -> bool {
    NULLABLE.contains(&key)
}

/// Whether a value is what is meant by a parameter of a type where nobody says it.
pub(super) fn is_usual(type_name: &str, key: &str, value: &Value) -> bool {
    let mut own = parameters_of(type_name).unwrap_or_default().iter();
    match own.find(|parameter| parameter.name == key).map(|parameter| parameter.usual) {
        Some(Usual::Flag(flag)) => value.as_bool() == Some(flag),
        Some(Usual::Text(text)) => plain(value) == text,
        Some(Usual::Nothing) | None => false,
    }
}

/// What an update would change that never changes, as Elasticsearch words it.
pub(super) fn conflicts(known: &FieldMapping, added: &FieldMapping) -> Vec<String> {
    let parameters = parameters_of(&known.type_name).unwrap_or_default().iter();
    let conflicts = parameters.filter_map(|parameter| {
        let [before, after] = [known, added].map(|field| said(field, parameter));
        let is_allowed = before == after
            || match parameter.change {
                Change::Free => true,
                Change::Never => false,
                Change::Off => after.as_deref() == Some("false"),
                Change::Once => before.is_none(),
            };
        let [before, after] = [before, after].map(|value| value.unwrap_or_else(|| "null".to_owned()));
        let name = parameter.name;
        (!is_allowed).then(|| format!("Cannot update parameter [{name}] from [{before}] to [{after}]"))
    });
    conflicts.collect()
}

/// What a field says by a parameter, or what is meant where it says nothing; however that is written.
fn said(field: &FieldMapping, parameter: &Parameter) -> Option<String> {
    let value = field.parameters.get(parameter.name).filter(|value| !value.is_null());
    match (value, parameter.usual) {
        (None, Usual::Flag(flag)) => Some(flag.to_string()),
        (None, Usual::Text(text)) => Some(text.to_owned()),
        (None, Usual::Nothing) => None,
        (Some(value), _) => Some(shown(field, parameter.name, value)),
    }
}

/// A value as Elasticsearch shows it: numbers as what they are of their type.
fn shown(field: &FieldMapping, name: &str, value: &Value) -> String {
    let text = plain(value);
    match name {
        "scaling_factor" => text.parse().map_or(text, |number: f64| format!("{number:?}")),
        "null_value" => null_shown(&field.kind, &text).unwrap_or(text),
        "index_prefixes" => field.prefixes().map_or(text, |prefixes| prefixes.to_string()),
        // Offsets are kept as positions, so nothing would be written otherwise.
        "index_options" if text == "offsets" => "positions".to_owned(),
        _ => text,
    }
}

fn null_shown(kind: &FieldKind, text: &str) -> Option<String> {
    let scalar = Scalar::Text(text);
    match kind {
        FieldKind::Integer { min, max } => Some(to_integer(scalar, *min, *max, "").ok()?.to_string()),
        FieldKind::TokenCount { .. } => Some(to_integer(scalar, i64::MIN, i64::MAX, "").ok()?.to_string()),
        FieldKind::UnsignedLong => Some(to_unsigned(scalar).ok()?.to_string()),
        FieldKind::Ip => parse_ip(text).map(show_ip),
        other => {
            let precision = other.precision().map(|_| Precision::Double)?;
            Some(format!("{:?}", to_float(scalar, precision, "").ok()?))
        }
    }
}
