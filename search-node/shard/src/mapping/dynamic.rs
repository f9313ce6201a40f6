//! What a document adds to the mapping: the type that a value suggests.

use serde_json::{Map, Value, json};

use super::dates::{DateFormats, looks_like_date};
use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping, Mapping};
use super::values::Scalar;

/// Longer texts are not kept whole by the `keyword` beside a dynamic `text`.
const KEYWORD_IGNORE_ABOVE: usize = 256;

/// The field that a value of an unknown name becomes: by the first template that fits, else by its type.
pub(super) fn infer(mapping: &Mapping, path: &str, scalar: Scalar<'_>) -> Result<FieldMapping, MappingError> {
    let by_type = infer_by_type(mapping, scalar);
    let value_type = match (&by_type.kind, scalar) {
        (FieldKind::Date(_), _) => "date",
        (_, Scalar::Text(_)) => "string",
        (_, Scalar::Bool(_)) => "boolean",
        (_, Scalar::Integer(_) | Scalar::Unsigned(_)) => "long",
        (_, Scalar::Float(_)) => "double",
    };
    let by_template = mapping.templates.iter().find_map(|template| template.field(path, value_type));
    by_template.unwrap_or(Ok(by_type))
}

fn infer_by_type(mapping: &Mapping, scalar: Scalar<'_>) -> FieldMapping {
    match scalar {
        Scalar::Bool(_) => plain("boolean", FieldKind::Boolean),
        Scalar::Integer(_) | Scalar::Unsigned(_) => long(),
        Scalar::Float(_) => plain("float", FieldKind::Float),
        Scalar::Text(text) if mapping.date_detection && looks_like_date(text) => date(text),
        Scalar::Text(text) if mapping.numeric_detection && text.parse::<i64>().is_ok() => long(),
        Scalar::Text(text) if mapping.numeric_detection && text.parse::<f64>().is_ok() => {
            plain("float", FieldKind::Float)
        }
        Scalar::Text(_) => text(),
    }
}

fn plain(type_name: &str, kind: FieldKind) -> FieldMapping {
    FieldMapping {
        type_name: type_name.to_owned(),
        kind,
        index: true,
        doc_values: true,
        ignore_malformed: false,
        null_value: None,
        copy_to: Vec::new(),
        analysis: Default::default(),
        parameters: Map::new(),
        multi_fields: Default::default(),
    }
}

fn long() -> FieldMapping {
    plain("long", FieldKind::Integer { min: i64::MIN, max: i64::MAX })
}

fn text() -> FieldMapping {
    let mut keyword = plain("keyword", FieldKind::Keyword { ignore_above: KEYWORD_IGNORE_ABOVE });
    keyword.parameters.insert("ignore_above".to_owned(), json!(KEYWORD_IGNORE_ABOVE));
    let mut text = plain("text", FieldKind::Text);
    text.multi_fields.insert("keyword".to_owned(), keyword);
    text
}

fn date(text: &str) -> FieldMapping {
    if text.as_bytes()[4] == b'-' {
        return plain("date", FieldKind::Date(DateFormats::default()));
    }
    let format = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis";
    let formats = DateFormats::parse(format).unwrap_or_default();
    let mut date = plain("date", FieldKind::Date(formats));
    date.parameters.insert("format".to_owned(), Value::String(format.to_owned()));
    date
}
