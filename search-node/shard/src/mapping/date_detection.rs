//! Which texts of unknown fields are taken for dates.

use serde_json::Value;

use super::dates::DateFormats;
use super::dynamic::plain;
use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping};

/// The formats in which dates are found, tried in order; the one that fits becomes the field's.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicDateFormats(Vec<DateFormats>);

/// What is tried if the mapping does not say.
const USUAL: [&str; 2] = [DateFormats::DEFAULT, "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"];

impl Default for DynamicDateFormats {
    fn default() -> Self {
        Self(USUAL.iter().filter_map(|format| DateFormats::parse(format).ok()).collect())
    }
}

impl DynamicDateFormats {
    /// Reads `dynamic_date_formats`: one, several, or `none`. Older builds took anything; what is no format counts as not said.
    pub(super) fn read_stored(value: &Value) -> Self {
        let given = given(value);
        let formats: Vec<_> = given.iter().filter_map(|format| format_of(format).ok()).collect();
        if formats.is_empty() && !given.is_empty() { Self::default() } else { Self(formats) }
    }

    /// Refuses what is no format.
    pub(super) fn check(value: &Value) -> Result<(), MappingError> {
        given(value).into_iter().try_for_each(|format| format_of(format).map(drop))
    }

    /// The field that a text makes, if it is a date. What is a number is none, or every year would be one.
    pub(super) fn field(&self, text: &str) -> Option<FieldMapping> {
        if text.parse::<f64>().is_ok() {
            return None;
        }
        let formats = self.0.iter().find(|formats| formats.read(text).is_some())?;
        let mut field = plain("date", FieldKind::Date(formats.clone()));
        if formats.text() != DateFormats::DEFAULT {
            field.parameters.insert("format".to_owned(), Value::String(formats.text().to_owned()));
        }
        Some(field)
    }
}

fn given(value: &Value) -> Vec<&Value> {
    match value {
        Value::String(none) if none == "none" => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn format_of(value: &Value) -> Result<DateFormats, MappingError> {
    let Some(text) = value.as_str() else {
        return Err(MappingError::argument(format!("Invalid format: [{value}]: expected date format")));
    };
    if text.starts_with("epoch_") {
        return Err(MappingError::parsing(format!("Epoch [{text}] is not supported as dynamic date format")));
    }
    DateFormats::parse(text).map_err(MappingError::argument)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_dates_look_like_dates() {
        let usual = DynamicDateFormats::default();
        for (text, format) in [
            ("2026-11-24", None),
            ("2026-11", None),
            ("2026-11-24T10:20:30Z", None),
            ("+10000-01-01", None),
            ("2026/11/24", Some(USUAL[1])),
            ("2026/11/24 10:20:30", Some(USUAL[1])),
        ] {
            let field = usual.field(text).expect(text);
            assert_eq!(field.parameters.get("format").and_then(Value::as_str), format, "{text}");
        }
        for text in
            ["2026", "20261124", "1795515630123", "hello world", "1234-5678-9", "2026-11-24 10:00:00", ""]
        {
            assert!(usual.field(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_mapping_says_what_is_tried() {
        let own = DynamicDateFormats::read_stored(&json!(["MM/dd/yyyy", "dd.MM.yyyy"]));
        assert_eq!(
            own.field("24.11.2026").map(|field| field.parameters["format"].clone()),
            Some(json!("dd.MM.yyyy"))
        );
        assert_eq!(own.field("2026-11-24"), None);
        let none = DynamicDateFormats::read_stored(&json!("none"));
        assert_eq!(none.field("2026-11-24"), None);
        let refused = |value: Value| DynamicDateFormats::check(&value).expect_err("refused").reason;
        assert_eq!(
            refused(json!(["epoch_millis"])),
            "Epoch [epoch_millis] is not supported as dynamic date format"
        );
        assert_eq!(refused(json!("foo")), "Invalid format: [foo]: Unknown pattern letter: f");
    }

    #[test]
    fn what_is_stored_and_no_format_counts_as_not_said() {
        for stored in [json!(["epoch_millis"]), json!("MM/dd/yyyy||nonsense"), json!(false), json!([1])] {
            assert_eq!(DynamicDateFormats::read_stored(&stored), DynamicDateFormats::default(), "{stored}");
        }
        let some = DynamicDateFormats::read_stored(&json!(["nonsense", "MM/dd/yyyy"]));
        assert!(some.field("11/24/2026").is_some() && some.field("2026-11-24").is_none());
        assert_eq!(DynamicDateFormats::read_stored(&json!([])), DynamicDateFormats(Vec::new()));
    }
}
