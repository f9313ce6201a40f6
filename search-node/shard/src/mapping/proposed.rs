//! A mapping that somebody asks for. More is asked of it than of one that is there already: an index whose mapping an older build took
//! must open, and go on.

use serde_json::{Map, Value};
use serde_json_borrow::Value as Json;

use super::date_detection::DynamicDateFormats;
use super::definition;
use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping, Mapping, ObjectMapping};
use super::metadata_members;
use super::parameters::{Taken, is_type, may_be_null, taken};
use super::structured;
use super::subfields::SEARCH_AS_YOU_TYPE;
use super::templates;
use super::text_options::TextOptions;
use super::text_parameters;
use super::values::{Precision, Scalar, ValueFault, to_bool, to_float, to_integer, to_ip, to_unsigned};
use crate::json_values::plain;

/// Elasticsearch's bounds on `meta`.
const META_ENTRIES_MAX: usize = 5;
const META_KEY_MAX: usize = 20;
const META_VALUE_MAX: usize = 50;

/// Reads the body of a mapping as [`definition::parse_mapping`] does, and refuses what means nothing.
pub fn parse_new_mapping(body: &Value) -> Result<Mapping, MappingError> {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        metadata_members::check(members)?;
    }
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        check_properties(properties)?;
    }
    if let Some(formats) = body.get("dynamic_date_formats") {
        DynamicDateFormats::check(formats)?;
    }
    if let Some(templates) = body.get("dynamic_templates") {
        templates::check_shape(templates)?;
    }
    let mapping = definition::parse_mapping(&body)?;
    check_nulls_below(&mapping.root)?;
    mapping.templates.iter().try_for_each(templates::DynamicTemplate::check)?;
    Ok(mapping)
}

/// The same for one field.
pub(super) fn parse_field(
    name: &str,
    type_name: &str,
    body: &Map<String, Value>,
) -> Result<FieldMapping, MappingError> {
    let mut body = body.clone();
    check_field(name, type_name, &mut body)?;
    let field = definition::parse_field(name, type_name, &body)?;
    check_nulls(name, &field)?;
    Ok(field)
}

/// Checks fields and takes out of them what has no effect.
pub(super) fn check_properties(properties: &mut Map<String, Value>) -> Result<(), MappingError> {
    for (name, definition) in properties {
        if !name.is_empty() && name.bytes().all(|byte| byte == b'.') {
            return Err(MappingError::parsing(format!("Invalid field name {name}")));
        }
        let Some(body) = definition.as_object_mut() else { continue };
        match type_of(name, body)?.as_str() {
            "object" | "nested" => {
                if let Some(below) = body.get_mut("properties").and_then(Value::as_object_mut) {
                    check_properties(below)?;
                }
            }
            type_name => check_field(name.rsplit('.').next().unwrap_or(name), type_name, body)?,
        }
    }
    Ok(())
}

fn type_of(name: &str, body: &Map<String, Value>) -> Result<String, MappingError> {
    match body.get("type") {
        Some(said) => Ok(plain(said)),
        None if body.contains_key("properties") || (body.len() == 1 && body.contains_key("enabled")) => {
            Ok("object".to_owned())
        }
        None => Err(MappingError::parsing(format!("No type specified for field [{name}]"))),
    }
}

fn check_field(name: &str, type_name: &str, body: &mut Map<String, Value>) -> Result<(), MappingError> {
    if !is_type(type_name) {
        // Whoever reads it says so.
        return Ok(());
    }
    body.retain(|key, _| taken(type_name, key) != Taken::PassedOver);
    for (key, value) in body.iter() {
        if taken(type_name, key) == Taken::No {
            return Err(MappingError::parsing(match type_name {
                "alias" | "join" => format!(
                    "Mapping definition for [{name}] has unsupported parameters:  [{key} : {}]",
                    plain(value)
                ),
                _ => format!("unknown parameter [{key}] on mapper [{name}] of type [{type_name}]"),
            }));
        }
        if value.is_null() && !may_be_null(key) {
            return Err(MappingError::parsing(format!(
                "[{key}] on mapper [{name}] of type [{type_name}] must not have a [null] value"
            )));
        }
    }
    body.retain(|_, value| !value.is_null());
    if let Some(meta) = body.get("meta") {
        check_meta(name, meta)?;
    }
    match body.get_mut("fields") {
        Some(Value::Object(fields)) => check_multi_fields(name, fields)?,
        Some(Value::Array(none)) if none.is_empty() => drop(body.remove("fields")),
        Some(other) => {
            return Err(MappingError::parsing(format!(
                "expected map for property [fields] on field [{}] or [fields] but got a {}",
                plain(other),
                java_class(other)
            )));
        }
        None => {}
    }
    check_said(name, type_name, body)
}

/// Refuses what counts as not said in a mapping that is stored.
fn check_said(name: &str, type_name: &str, body: &Map<String, Value>) -> Result<(), MappingError> {
    match type_name {
        "text" => text_parameters::check(name, body),
        SEARCH_AS_YOU_TYPE => TextOptions::read(body).map(drop),
        "date" | "date_nanos" | "date_range" => definition::check_dates(name, body),
        "dense_vector" | "completion" | "geo_shape" => structured::check_said(name, type_name, body),
        _ => Ok(()),
    }
}

fn check_multi_fields(name: &str, fields: &mut Map<String, Value>) -> Result<(), MappingError> {
    for (sub, definition) in fields {
        if sub.contains('.') {
            return Err(MappingError::parsing(format!(
                "Field name [{sub}] which is a multi field of [{name}] cannot contain '.'"
            )));
        }
        if sub.trim().is_empty() {
            return Err(MappingError::argument("name cannot be empty string"));
        }
        let Some(body) = definition.as_object_mut() else {
            return Err(MappingError::parsing(format!(
                "illegal field [{sub}], only fields can be specified inside fields"
            )));
        };
        let Some(type_name) = body.get("type").and_then(Value::as_str).map(str::to_owned) else {
            return Err(MappingError::parsing(format!("no type specified for property [{sub}]")));
        };
        if matches!(type_name.as_str(), "object" | "nested" | "alias") {
            return Err(MappingError::parsing(format!("Type [{type_name}] cannot be used in multi field")));
        }
        if body.get("fields").is_some_and(|fields| fields.as_object().is_none_or(|fields| !fields.is_empty()))
        {
            return Err(MappingError::argument(format!(
                "Encountered a multi-field [{sub}] which itself contains a multi-field. Defining chained multi-fields is not supported."
            )));
        }
        check_field(sub, &type_name, body)?;
    }
    Ok(())
}

fn check_meta(name: &str, meta: &Value) -> Result<(), MappingError> {
    let fault = |reason: String| Err(MappingError::parsing(reason));
    let Some(members) = meta.as_object() else {
        let class = java_name(meta);
        return fault(format!("[meta] must be an object, got {class}[{}] for field [{name}]", plain(meta)));
    };
    if members.len() > META_ENTRIES_MAX {
        let count = members.len();
        return fault(format!(
            "[meta] can't have more than {META_ENTRIES_MAX} entries, but got {count} on field [{name}]"
        ));
    }
    if let Some(key) = members.keys().find(|key| key.chars().count() > META_KEY_MAX) {
        return fault(format!(
            "[meta] keys can't be longer than {META_KEY_MAX} chars, but got [{key}] for field [{name}]"
        ));
    }
    for value in members.values() {
        match value {
            Value::String(text) if text.chars().count() > META_VALUE_MAX => {
                return fault(format!(
                    "[meta] values can't be longer than {META_VALUE_MAX} chars, but got [{text}] for field [{name}]"
                ));
            }
            Value::String(_) => {}
            Value::Null => return fault(format!("[meta] values can't be null (field [{name}])")),
            other => {
                let (class, shown) = (java_name(other), plain(other));
                return fault(format!(
                    "[meta] values can only be strings, but got {class}[{shown}] for field [{name}]"
                ));
            }
        }
    }
    Ok(())
}

/// As Java calls what a value is read into.
fn java_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => {
            "Integer"
        }
        Value::Number(number) if number.is_f64() => "Double",
        Value::Number(_) => "Long",
        Value::String(_) => "String",
        Value::Array(_) => "ArrayList",
        Value::Object(_) => "LinkedHashMap",
    }
}

fn java_class(value: &Value) -> String {
    let package = if matches!(value, Value::Array(_) | Value::Object(_)) { "util" } else { "lang" };
    format!("class java.{package}.{}", java_name(value))
}

fn check_nulls_below(object: &ObjectMapping) -> Result<(), MappingError> {
    object.fields.iter().try_for_each(|(name, field)| check_nulls(name, field))?;
    object.objects.values().try_for_each(check_nulls_below)
}

/// What stands for a null must be a value of the field.
fn check_nulls(name: &str, field: &FieldMapping) -> Result<(), MappingError> {
    if let Some(value) = field.parameters.get("null_value").filter(|value| !value.is_null()) {
        check_null(&field.kind, &field.type_name, value).map_err(|(_, reason)| {
            MappingError::parsing(format!("Error parsing [null_value] on field [{name}]: {reason}"))
        })?;
    }
    field.multi_fields.iter().try_for_each(|(sub, field)| check_nulls(sub, field))
}

fn check_null(kind: &FieldKind, type_name: &str, value: &Value) -> Result<(), ValueFault> {
    let text = plain(value);
    let scalar = Scalar::Text(&text);
    let is_whole = matches!(kind, FieldKind::Integer { .. } | FieldKind::UnsignedLong);
    if is_whole && text.parse().is_ok_and(|number: f64| number.fract() != 0.0) {
        return Err(("illegal_argument_exception", format!("Value [{text}] has a decimal part")));
    }
    match kind {
        FieldKind::Integer { min, max } => to_integer(scalar, *min, *max, type_name).map(drop),
        FieldKind::TokenCount { .. } => {
            to_integer(scalar, i32::MIN.into(), i32::MAX.into(), "integer").map(drop)
        }
        FieldKind::UnsignedLong => to_unsigned(scalar).map(drop),
        FieldKind::Double | FieldKind::Float | FieldKind::HalfFloat | FieldKind::ScaledFloat { .. } => {
            to_float(scalar, kind.precision().unwrap_or(Precision::Double), type_name).map(drop)
        }
        FieldKind::Boolean => to_bool(scalar).map(drop),
        FieldKind::Ip => to_ip(scalar).map(drop),
        FieldKind::Structured(structure) => {
            let text = value.to_string();
            let json: Json<'_> = serde_json::from_str(&text)
                .map_err(|error| ("illegal_argument_exception", error.to_string()))?;
            structure.check(&json)
        }
        _ => match kind.dates() {
            Some((_, formats)) => {
                let read = value.as_i64().map_or_else(|| formats.read(&text), |at| formats.read_number(at));
                let fault = || ("illegal_argument_exception", format!("failed to parse date field [{text}]"));
                read.map(drop).ok_or_else(fault)
            }
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_nothing_is_refused_in_elasticsearchs_words() {
        let long = "0123456789".repeat(6);
        for (field, reason) in [
            (json!({}), "No type specified for field [f]"),
            (json!({"dynamic": true}), "No type specified for field [f]"),
            (
                json!({"type": "long", "norms": true}),
                "unknown parameter [norms] on mapper [f] of type [long]",
            ),
            (
                json!({"type": "text", "coerce": true}),
                "unknown parameter [coerce] on mapper [f] of type [text]",
            ),
            (
                json!({"type": "text", "null_value": "x"}),
                "unknown parameter [null_value] on mapper [f] of type [text]",
            ),
            (
                json!({"type": "version", "index": false}),
                "unknown parameter [index] on mapper [f] of type [version]",
            ),
            (
                json!({"type": "keyword", "ignore_above": null}),
                "[ignore_above] on mapper [f] of type [keyword] must not have a [null] value",
            ),
            (
                json!({"type": "alias", "path": "x", "copy_to": "y"}),
                "Mapping definition for [f] has unsupported parameters:  [copy_to : y]",
            ),
            (
                json!({"type": "long", "meta": {"a": 1}}),
                "[meta] values can only be strings, but got Integer[1] for field [f]",
            ),
            (json!({"type": "long", "meta": {"a": null}}), "[meta] values can't be null (field [f])"),
            (json!({"type": "long", "meta": "x"}), "[meta] must be an object, got String[x] for field [f]"),
            (
                json!({"type": "long", "meta": {"a": "1", "b": "1", "c": "1", "d": "1", "e": "1", "f": "1"}}),
                "[meta] can't have more than 5 entries, but got 6 on field [f]",
            ),
            (
                json!({"type": "long", "meta": {"a01234567890123456789": "1"}}),
                "[meta] keys can't be longer than 20 chars, but got [a01234567890123456789] for field [f]",
            ),
            (
                json!({"type": "long", "meta": {"a": long}}),
                "[meta] values can't be longer than 50 chars, but got [012345678901234567890123456789012345678901234567890123456789] for field [f]",
            ),
            (
                json!({"type": "keyword", "fields": {"a": {"type": "alias", "path": "f"}}}),
                "Type [alias] cannot be used in multi field",
            ),
            (
                json!({"type": "keyword", "fields": {"a": {"type": "nested"}}}),
                "Type [nested] cannot be used in multi field",
            ),
            (json!({"type": "keyword", "fields": {"a": {}}}), "no type specified for property [a]"),
            (
                json!({"type": "keyword", "fields": {"a.b": {"type": "text"}}}),
                "Field name [a.b] which is a multi field of [f] cannot contain '.'",
            ),
            (
                json!({"type": "keyword", "fields": "x"}),
                "expected map for property [fields] on field [x] or [fields] but got a class java.lang.String",
            ),
            (
                json!({"type": "keyword", "fields": {"a": 1}}),
                "illegal field [a], only fields can be specified inside fields",
            ),
            (
                json!({"type": "keyword", "fields": {"a": {"type": "text", "fields": {"b": {"type": "long"}}}}}),
                "Encountered a multi-field [a] which itself contains a multi-field. Defining chained multi-fields is not supported.",
            ),
            (
                json!({"type": "keyword", "fields": {"a": {"type": "long", "analyzer": "simple"}}}),
                "unknown parameter [analyzer] on mapper [a] of type [long]",
            ),
        ] {
            let within = json!({"properties": {"o": {"properties": {"f": field}}}});
            assert_eq!(parse_new_mapping(&within).expect_err(reason).reason, reason, "{field}");
        }
        let named = |name: &str| parse_new_mapping(&json!({"properties": {name: {"type": "long"}}}));
        for (name, reason) in [
            (".", "Invalid field name ."),
            ("", "name cannot be empty string"),
            (".a", "name cannot be empty string"),
            ("a..b", "name cannot be empty string"),
            ("a.", "name cannot be empty string"),
            (" ", "name cannot be empty string"),
        ] {
            assert_eq!(named(name).expect_err(name).reason, reason, "[{name}]");
        }
    }

    #[test]
    fn what_stands_for_a_null_is_a_value_of_the_field() {
        for (field, is_taken) in [
            (json!({"type": "long", "null_value": "7"}), true),
            (json!({"type": "long", "null_value": "x"}), false),
            (json!({"type": "byte", "null_value": 300}), false),
            (json!({"type": "unsigned_long", "null_value": -1}), false),
            (json!({"type": "half_float", "null_value": 1e9}), false),
            (json!({"type": "scaled_float", "scaling_factor": 10, "null_value": "x"}), false),
            (json!({"type": "boolean", "null_value": "true"}), true),
            (json!({"type": "boolean", "null_value": "maybe"}), false),
            (json!({"type": "ip", "null_value": "::1"}), true),
            (json!({"type": "ip", "null_value": "x"}), false),
            (json!({"type": "date", "null_value": "2026-01-01"}), true),
            (json!({"type": "date", "null_value": 0}), true),
            (json!({"type": "date", "null_value": "x"}), false),
            (json!({"type": "geo_point", "null_value": {"lat": 1, "lon": 2}}), true),
            (json!({"type": "geo_point", "null_value": "hello world"}), false),
            (json!({"type": "token_count", "analyzer": "standard", "null_value": "x"}), false),
            (json!({"type": "keyword", "null_value": 7}), true),
            (json!({"type": "keyword", "null_value": null}), true),
            (json!({"type": "text", "fields": {"f": {"type": "long", "null_value": "x"}}}), false),
        ] {
            let read = parse_new_mapping(&json!({"properties": {"f": field}}));
            assert_eq!(read.is_ok(), is_taken, "{field}");
            if let Err(error) = read {
                let expected = "Error parsing [null_value] on field [f]: ";
                assert!(error.reason.starts_with(expected), "{}", error.reason);
            }
        }
    }

    /// What the first builds took whatever was said by it, of every type.
    #[test]
    fn parameters_with_any_value_are_read_where_they_are_stored() {
        const KEPT: [&str; 11] = [
            "store",
            "meta",
            "boost",
            "similarity",
            "eager_global_ordinals",
            "index_options",
            "norms",
            "coerce",
            "time_series_dimension",
            "split_queries_on_whitespace",
            "fielddata",
        ];
        let types =
            ["text", "search_as_you_type", "match_only_text", "keyword", "wildcard", "constant_keyword"]
                .into_iter()
                .chain(["long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long"])
                .chain([
                    "boolean",
                    "ip",
                    "binary",
                    "date",
                    "date_nanos",
                    "version",
                    "flattened",
                    "date_range",
                ])
                .chain([
                    "ip_range",
                    "integer_range",
                    "long_range",
                    "float_range",
                    "double_range",
                    "token_count",
                ])
                .chain([
                    "scaled_float",
                    "geo_point",
                    "histogram",
                    "rank_feature",
                    "rank_features",
                    "dense_vector",
                ])
                .chain(["completion", "alias"]);
        for type_name in types {
            assert!(is_type(type_name), "{type_name}");
            let mut field = json!({"type": type_name});
            match type_name {
                "scaled_float" => field["scaling_factor"] = json!(10),
                "token_count" => field["analyzer"] = json!("standard"),
                "alias" => field["path"] = json!("x"),
                "dense_vector" => field["dims"] = json!(3),
                _ => {}
            }
            for parameter in KEPT {
                for value in [json!("yes"), json!({"enabled": false}), json!([1]), json!(5), json!(null)] {
                    let mut stored = field.clone();
                    stored[parameter] = value;
                    let template = json!({"match": "f", "mapping": stored});
                    let mapping = json!({"properties": {"f": stored, "g": {"type": "ip", "fields": {"f": stored}}},
                        "dynamic_templates": [{"t": template}]});
                    definition::parse_mapping(&mapping).unwrap_or_else(|error| panic!("{stored}: {error:?}"));
                }
            }
        }
    }

    /// Dates that older builds read by what is no format any more are read by what is left of it.
    #[test]
    fn formats_of_dates_are_refused_where_they_are_new_alone() {
        let usual = "strict_date_optional_time||epoch_millis";
        for (format, read) in [
            ("yyyy-MM-dd'T", usual),
            ("yyyy-MM-ddd", usual),
            ("yyyy{MM}", usual),
            ("yyyy/MM/dd HH:mm:ss.SSSZZZZZZ", usual),
            ("yyyy-MM-ddd||dd.MM.yyyy|| epoch_second", "dd.MM.yyyy|| epoch_second"),
        ] {
            for type_name in ["date", "date_nanos", "date_range"] {
                let stored = json!({"type": type_name, "format": format, "locale": "klingon"});
                let mapping = json!({"properties": {"f": stored}});
                let field = &definition::parse_mapping(&mapping).expect("stored").root.fields["f"];
                let kind = if let FieldKind::Range { of } = &field.kind { of } else { &field.kind };
                assert_eq!(kind.dates().map(|(_, formats)| formats.text()), Some(read), "{stored}");
                for key in ["format", "locale"] {
                    let mut new = json!({"type": type_name});
                    new[key] = stored[key].clone();
                    let expected = format!("Error parsing [{key}] on field [f]: ");
                    for mapping in [
                        json!({"properties": {"f": new}}),
                        json!({"properties": {"g": {"type": "ip", "fields": {"f": new}}}}),
                    ] {
                        let refused = parse_new_mapping(&mapping).expect_err("new");
                        assert!(refused.reason.starts_with(&expected), "{}", refused.reason);
                    }
                    if type_name == "date" {
                        assert!(parse_new_mapping(&json!({"runtime": {"f": new}})).is_err(), "{new}");
                    }
                    let template = json!([{"t": {"match": "f", "mapping": {"type": "object", "properties": {"f": new}}}}]);
                    assert!(parse_new_mapping(&json!({"dynamic_templates": template})).is_err(), "{new}");
                }
            }
        }
    }

    /// As Elasticsearch 7 does; and an index of an older build opens whatever it has.
    #[test]
    fn what_has_no_effect_is_passed_over_and_what_is_stored_is_read() {
        let body = json!({"properties": {"f": {"type": "text", "doc_values": false, "fields": []},
            "v": {"type": "histogram", "index": true, "boost": "2"}, "o": {"enabled": false}}});

        let read = parse_new_mapping(&body).expect("taken").to_json();

        assert_eq!(read["properties"]["f"], json!({"type": "text"}));
        assert_eq!(read["properties"]["v"], json!({"type": "histogram", "boost": 2.0}));
        for stored in
            [json!({"type": "long", "norms": true}), json!({"type": "long", "null_value": "x"}), json!({})]
        {
            definition::parse_mapping(&json!({"properties": {"f": stored}})).expect("stored");
        }
    }
}
