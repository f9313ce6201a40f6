//! Runtime fields: fields that no document is written with. Their values are read out of the sources of documents when somebody asks
//! for them, so that a definition may come, change and go at any time.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::MappingError;
use super::fields::{Dynamic, FieldMapping, Mapping};
use super::names::{check_depth, is_metadata};
use super::proposed::parse_field;

/// The types that a runtime field may have.
const TYPES: [&str; 6] = ["boolean", "date", "double", "ip", "keyword", "long"];

/// The runtime fields of a mapping by their whole paths.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuntimeFields {
    /// None for one that is to be taken away from the mapping that this is merged into.
    fields: BTreeMap<String, Option<FieldMapping>>,
}

/// A bound that a runtime field exceeds.
pub(super) enum Beyond<'a> {
    Depth,
    Name(&'a str),
}

impl RuntimeFields {
    /// Reads `{"name": {"type": …}, "other": null}`.
    pub(super) fn parse(value: &Value) -> Result<Self, MappingError> {
        let Some(members) = value.as_object() else {
            return Err(MappingError::parsing(format!("Expected map for [runtime] but got {value}")));
        };
        let mut fields = BTreeMap::new();
        for (name, body) in members {
            let field = match body {
                Value::Null => None,
                Value::Object(body) => Some(parse_runtime_field(name, body)?),
                _ => {
                    return Err(MappingError::parsing(format!(
                        "Expected map for runtime field [{name}] definition but got a {body}"
                    )));
                }
            };
            fields.insert(name.clone(), field);
        }
        Ok(Self { fields })
    }

    /// The field at a path.
    pub fn get(&self, path: &str) -> Option<&FieldMapping> {
        self.fields.get(path)?.as_ref()
    }

    /// All of them with their paths, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FieldMapping)> {
        self.fields.iter().filter_map(|(path, field)| Some((path.as_str(), field.as_ref()?)))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// One whose name has parts that are longer than so many characters, or is in more objects than that.
    pub(super) fn beyond(&self, depth: usize, name_length: usize) -> Option<Beyond<'_>> {
        self.iter().find_map(|(path, _)| {
            if path.split('.').count() > depth {
                return Some(Beyond::Depth);
            }
            path.split('.').find(|part| part.chars().count() > name_length).map(Beyond::Name)
        })
    }

    /// Adds one, unless there is one at the path.
    pub(super) fn add(&mut self, path: &str, field: FieldMapping) {
        let known = self.fields.entry(path.to_owned()).or_default();
        known.get_or_insert(field);
    }

    /// Those here with those that documents add.
    pub(super) fn grow(&mut self, added: &Self) {
        added.iter().for_each(|(path, field)| self.add(path, field.clone()));
    }

    /// Those here with what `added` says: each of its own instead of the one before, and without those that it takes away.
    pub(super) fn merge(&mut self, added: &Self) {
        self.fields.extend(added.fields.clone());
        self.fields.retain(|_, field| field.is_some());
    }

    /// As the API shows them; none if there are none.
    pub(super) fn to_json(&self) -> Option<Value> {
        let shown: Map<String, Value> =
            self.iter().map(|(path, field)| (path.to_owned(), definition_of(field))).collect();
        (!shown.is_empty()).then_some(Value::Object(shown))
    }
}

/// The field as it is defined: all that its values depend on.
pub(super) fn definition_of(field: &FieldMapping) -> Value {
    let mut json = Map::new();
    json.insert("type".to_owned(), json!(field.type_name));
    json.extend(field.parameters.clone());
    Value::Object(json)
}

/// Reads the definition of the field at a path.
pub(super) fn parse_runtime_field(
    path: &str,
    body: &Map<String, Value>,
) -> Result<FieldMapping, MappingError> {
    let Some(type_name) = body.get("type") else {
        return Err(MappingError::parsing(format!("No type specified for runtime field [{path}]")));
    };
    let type_name = type_name.as_str().unwrap_or_default();
    check_depth(path)?;
    if path.split('.').any(|part| part.trim().is_empty()) || is_metadata(path) {
        return Err(MappingError::parsing(format!("[{path}] cannot be the name of a runtime field")));
    }
    if !TYPES.contains(&type_name) {
        return Err(MappingError::parsing(format!(
            "No handler for type [{type_name}] declared on runtime field [{path}]; one of {} is taken",
            TYPES.join(", ")
        )));
    }
    for key in body.keys() {
        match key.as_str() {
            "type" | "meta" => {}
            "format" | "locale" if type_name == "date" => {}
            "script" => {
                return Err(MappingError::parsing(format!(
                    "runtime field [{path}] has a [script], which is not supported; without one its values are those that _source has at [{path}]"
                )));
            }
            _ => {
                return Err(MappingError::parsing(format!(
                    "unknown parameter [{key}] on runtime field [{path}] of type [{type_name}]"
                )));
            }
        }
    }
    parse_field(path, type_name, body)
}

impl Mapping {
    /// A mapping that has some runtime fields alone, as fields of its documents that have a column and no index. A value that does not fit is
    /// left out. No path may be below another one.
    pub(crate) fn of_runtime_fields<'f>(
        fields: impl Iterator<Item = (&'f str, &'f FieldMapping)>,
    ) -> Mapping {
        let mut mapping = Mapping::default();
        mapping.root.dynamic = Some(Dynamic::False);
        for (path, field) in fields {
            let mut field = FieldMapping { index: false, ignore_malformed: true, ..field.clone() };
            field.parameters.insert("ignore_malformed".to_owned(), json!(true));
            let (around, name) = path.rsplit_once('.').unwrap_or(("", path));
            let objects = around.split('.').filter(|object| !object.is_empty());
            let object = objects
                .fold(&mut mapping.root, |object, name| object.objects.entry(name.to_owned()).or_default());
            object.fields.insert(name.to_owned(), field);
        }
        mapping
    }

    /// What tells a runtime field from every other: its path and its definition.
    pub(crate) fn identity_of_runtime_field(path: &str, field: &FieldMapping) -> String {
        format!("runtime {path} {}", definition_of(field))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::parse_mapping;

    #[test]
    fn runtime_fields_come_change_and_go() {
        let mapping = |runtime| parse_mapping(&json!({"runtime": runtime})).expect("valid");
        let before = mapping(json!({"a": {"type": "long"}, "b.c": {"type": "date", "format": "yyyy"}}));

        let next = before
            .merge(&mapping(json!({"a": {"type": "keyword"}, "b.c": null, "d": {"type": "ip"}, "e": null})))
            .expect("merges");

        assert_eq!(next.to_json(), json!({"runtime": {"a": {"type": "keyword"}, "d": {"type": "ip"}}}));
        assert_eq!(next.runtime.count(), 2);
        assert_eq!(next.merge(&mapping(json!({"a": null, "d": null}))).expect("merges").to_json(), json!({}));
    }

    #[test]
    fn what_no_runtime_field_can_be_is_refused() {
        for (runtime, reason) in [
            (json!({"a": {}}), "No type specified for runtime field [a]"),
            (json!({"a": {"type": "text"}}), "No handler for type [text] declared on runtime field [a]"),
            (
                json!({"a": {"type": "long", "format": "yyyy"}}),
                "unknown parameter [format] on runtime field [a] of type [long]",
            ),
            (
                json!({"a": {"type": "long", "script": {"source": "emit(1)"}}}),
                "runtime field [a] has a [script]",
            ),
            (json!({"a..b": {"type": "long"}}), "[a..b] cannot be the name of a runtime field"),
            (
                json!({(vec!["a"; 200].join(".")): {"type": "long"}}),
                "Limit of mapping depth [128] has been exceeded",
            ),
            (json!({"_id": {"type": "long"}}), "[_id] cannot be the name of a runtime field"),
            (json!({"a": 7}), "Expected map for runtime field [a] definition but got a 7"),
            (json!([]), "Expected map for [runtime] but got []"),
        ] {
            let error = parse_mapping(&json!({"runtime": runtime})).expect_err("refused");
            assert!(error.reason.starts_with(reason), "{error:?}");
        }
    }
}
