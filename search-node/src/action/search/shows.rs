//! What is shown of a hit beside where it is and its score, read.

use serde_json::Value;
use shard::{DocValueAsked, FieldAsked, Highlight, ScriptField, SourceFilter};

use super::body::{flag, read_source, unknown_key};
use super::highlight::read_highlight;
use crate::error::ApiError;

/// What is shown of a hit.
#[derive(Debug, Clone, Default)]
pub(super) struct Shows {
    /// What was asked of `_source`; none to follow `stored_fields`.
    source: Option<SourceFilter>,
    /// `stored_fields`, if they are named; none of them hides even the id.
    stored: Option<Stored>,
    pub fields: Vec<FieldAsked>,
    pub doc_values: Vec<DocValueAsked>,
    /// What scripts compute.
    pub scripts: Vec<ScriptField>,
    pub version: bool,
    pub seq_no: bool,
    pub explain: bool,
    pub highlight: Option<Highlight>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stored {
    Nothing,
    Fields(Vec<String>),
}

impl Shows {
    /// Reads a member of a body, if it is about what is shown.
    pub(super) fn member(&mut self, key: &str, value: &Value) -> Result<bool, ApiError> {
        match key {
            "_source" => self.source = Some(read_source(value)?),
            "version" => self.version = flag(key, value)?,
            "seq_no_primary_term" => self.seq_no = flag(key, value)?,
            "explain" => self.explain = flag(key, value)?,
            "highlight" => self.highlight = Some(read_highlight(value)?),
            "fields" => self.fields = read_fields(key, value)?,
            "docvalue_fields" => {
                let read = read_fields(key, value)?;
                if read.iter().any(|field| field.include_unmapped) {
                    return Err(ApiError::malformed("[docvalues_field] unknown field [include_unmapped]"));
                }
                let asked = read.into_iter();
                self.doc_values = asked
                    .map(|field| DocValueAsked { pattern: field.pattern, format: field.format })
                    .collect();
            }
            "stored_fields" => self.stored = Some(read_stored(value)?),
            "script_fields" => self.scripts = read_scripts(key, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses wishes that cannot be fulfilled together.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if self.stored != Some(Stored::Nothing) {
            return Ok(());
        }
        let refused = |what: &str| {
            Err(ApiError::argument(format!("[stored_fields] cannot be disabled if [{what}] is requested")))
        };
        if self.source.as_ref().is_some_and(|source| *source != SourceFilter::None) {
            return refused("_source");
        }
        if self.version { refused("version") } else { Ok(()) }
    }

    /// What of `_source` is shown.
    pub(super) fn source(&self) -> &SourceFilter {
        match (&self.source, &self.stored) {
            (Some(source), _) => source,
            (None, Some(Stored::Fields(names))) if names.iter().any(|name| name == "_source") => {
                &SourceFilter::All
            }
            (None, Some(_)) => &SourceFilter::None,
            // Who asks for what is computed wants that alone unless he says so.
            (None, None) if !self.scripts.is_empty() => &SourceFilter::None,
            (None, None) => &SourceFilter::All,
        }
    }

    /// Whether nothing is shown that is stored, not even the id.
    pub(super) fn hides_all(&self) -> bool {
        self.stored == Some(Stored::Nothing)
    }

    /// The names of stored fields.
    pub(super) fn stored(&self) -> &[String] {
        match &self.stored {
            Some(Stored::Fields(names)) => names,
            _ => &[],
        }
    }
}

fn read_stored(value: &Value) -> Result<Stored, ApiError> {
    let names = match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(items) => {
            let names = items.iter().map(|item| item.as_str().map(str::to_owned));
            let names = names.collect::<Option<Vec<_>>>();
            names.ok_or_else(|| ApiError::parsing("[stored_fields] takes names only"))?
        }
        _ => {
            return Err(ApiError::parsing(
                "Expected [VALUE_STRING] or [START_ARRAY] in [stored_fields] but found something else",
            ));
        }
    };
    match names.as_slice() {
        [only] if only == "_none_" => Ok(Stored::Nothing),
        names if names.iter().any(|name| name == "_none_") => {
            Err(ApiError::argument("cannot combine _none_ with other fields"))
        }
        _ => Ok(Stored::Fields(names)),
    }
}

/// `{"name": {"script": …, "ignore_failure": true}, …}`.
fn read_scripts(key: &str, value: &Value) -> Result<Vec<ScriptField>, ApiError> {
    let Value::Object(fields) = value else { return Err(unknown_key(key, value)) };
    let mut read = Vec::new();
    for (name, value) in fields {
        let Value::Object(members) = value else {
            return Err(ApiError::parsing(format!(
                "Expected [START_OBJECT] in [{name}] but found [{}]",
                shard::json_kind(value)
            )));
        };
        let (mut script, mut ignore_failure) = (None, false);
        for (key, value) in members {
            match key.as_str() {
                "script" => script = Some(value),
                "ignore_failure" => ignore_failure = flag(key, value)?,
                _ => return Err(unknown_key(key, value)),
            }
        }
        let script = script
            .ok_or_else(|| ApiError::argument(format!("[script_fields] needs a [script] for [{name}]")))?;
        read.push(ScriptField::read(name, script, ignore_failure)?);
    }
    Ok(read)
}

fn read_fields(key: &str, value: &Value) -> Result<Vec<FieldAsked>, ApiError> {
    let Value::Array(items) = value else { return Err(unknown_key(key, value)) };
    items.iter().map(read_field).collect()
}

/// A name, or an object that says how the field is shown.
fn read_field(value: &Value) -> Result<FieldAsked, ApiError> {
    let plain = |pattern: String| FieldAsked { pattern, format: None, include_unmapped: false };
    match value {
        Value::String(name) => Ok(plain(name.clone())),
        Value::Number(_) | Value::Bool(_) => Ok(plain(value.to_string())),
        Value::Object(members) => {
            let (mut name, mut asked) = (None, plain(String::new()));
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("field", Value::String(field)) => name = Some(field.clone()),
                    ("format", Value::String(format)) => asked.format = Some(format.clone()),
                    ("format", Value::Null) => {}
                    ("include_unmapped", value) => asked.include_unmapped = flag(key, value)?,
                    ("field" | "format", _) => {
                        return Err(ApiError::malformed(format!(
                            "[docvalues_field] {key} doesn't support values of type: {}",
                            shard::json_kind(value)
                        )));
                    }
                    _ => return Err(ApiError::malformed(format!("[docvalues_field] unknown field [{key}]"))),
                }
            }
            let pattern = name.ok_or_else(|| ApiError::argument("Required [field]"))?;
            Ok(FieldAsked { pattern, ..asked })
        }
        _ => Err(ApiError::malformed("[docvalues_field] Expected START_OBJECT or VALUE_STRING")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_decides_about_the_source_unless_it_is_asked_for() {
        for (members, source) in [
            (json!({}), SourceFilter::All),
            (json!({"stored_fields": ["a"]}), SourceFilter::None),
            (json!({"stored_fields": ["a", "_source"]}), SourceFilter::All),
            (json!({"stored_fields": "a", "_source": true}), SourceFilter::All),
            (json!({"stored_fields": []}), SourceFilter::None),
        ] {
            let mut shows = Shows::default();
            for (key, value) in members.as_object().expect("an object") {
                assert!(shows.member(key, value).expect("read"));
            }
            assert_eq!(*shows.source(), source, "{members}");
        }
        let mut hidden = Shows { version: true, ..Shows::default() };
        hidden.member("stored_fields", &json!("_none_")).expect("read");
        assert!(hidden.hides_all());
        assert!(hidden.check().expect_err("refused").reason.contains("if [version] is requested"));
        assert!(!hidden.member("size", &json!(1)).expect("not about it"));
    }

    #[test]
    fn fields_are_names_or_say_how_they_are_shown() {
        let read =
            read_fields("fields", &json!(["a", {"field": "b*", "format": "yyyy", "include_unmapped": true}]));
        let read = read.expect("read");
        assert_eq!((read[0].pattern.as_str(), read[1].pattern.as_str()), ("a", "b*"));
        assert!(read[1].include_unmapped && read[1].format.as_deref() == Some("yyyy"));
        for (fields, reason) in [
            (json!("a"), "Unknown key for a VALUE_STRING in [fields]."),
            (json!([{"foo": 1}]), "[docvalues_field] unknown field [foo]"),
            (json!([{"format": "x"}]), "Required [field]"),
        ] {
            assert_eq!(read_fields("fields", &fields).expect_err("refused").reason, reason);
        }
    }
}
