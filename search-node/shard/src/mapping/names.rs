//! Which names fields may have: not those of a document's metadata, each for one thing, and none too deep.

use super::error::MappingError;
use super::fields::ObjectMapping;

/// The field that names what was ignored of a document.
pub const IGNORED: &str = "_ignored";

/// The field that names the path of a document which is a nested object.
pub(crate) const NESTED_PATH: &str = "_nested_path";

/// What stands beside the source of a document, and so is no field of it.
const METADATA: [&str; 14] = [
    "_data_stream_timestamp",
    "_field_names",
    "_id",
    IGNORED,
    "_index",
    NESTED_PATH,
    "_primary_term",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_type",
    "_uid",
    "_version",
];

/// Names with dots open objects in objects, and each is walked by functions that call themselves. JSON cannot be nested
/// deeper; `index.mapping.depth.limit` is far below.
const PARTS_MAX: usize = 128;

/// Whether a member of a document, or of a mapping's properties, has the name of metadata.
pub(super) fn is_metadata(name: &str) -> bool {
    name.starts_with('_') && METADATA.contains(&name.split('.').next().unwrap_or(name))
}

/// Refuses a member of a document whose name is no name, or has no name between two dots.
pub(super) fn check_name(prefix: &str, name: &str) -> Result<(), MappingError> {
    if !name.split('.').any(|part| part.trim().is_empty()) {
        return Ok(());
    }
    let reason = if name.contains('.') {
        format!("field name cannot contain only whitespace or empty parts: ['{prefix}{name}']")
    } else {
        "field name cannot be an empty string".to_owned()
    };
    Err(MappingError::parsing("failed to parse").caused_by("illegal_argument_exception", reason))
}

/// Refuses a path of too many parts.
pub(super) fn check_depth(path: &str) -> Result<(), MappingError> {
    if path.bytes().filter(|byte| *byte == b'.').count() < PARTS_MAX {
        return Ok(());
    }
    Err(MappingError::argument(format!("Limit of mapping depth [{PARTS_MAX}] has been exceeded")))
}

/// Refuses a name that is a field and an object too.
pub(super) fn check_unique(object: &ObjectMapping, prefix: &str) -> Result<(), MappingError> {
    if let Some(name) = object.fields.keys().find(|name| object.objects.contains_key(*name)) {
        return Err(MappingError::argument(format!(
            "can't merge a non object mapping [{prefix}{name}] with an object mapping"
        )));
    }
    object.objects.iter().try_for_each(|(name, child)| check_unique(child, &format!("{prefix}{name}.")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::mapping::{Mapping, MappingError, check_document, parse_mapping};

    fn cause(error: &MappingError) -> &str {
        error.cause.as_ref().map_or(error.reason.as_str(), |(_, reason)| reason)
    }

    /// Such a field stood in the mapping for good, and its index could not be opened again.
    #[test]
    fn metadata_is_no_field() {
        for name in ["_id", "_source", "_routing", "_uid", "_seq_no.x"] {
            let document = json!({name: 1}).to_string();
            let error = check_document(Arc::new(Mapping::default()), "1", false, document.as_bytes())
                .expect_err(name);
            assert!(
                cause(&error).contains("is a metadata field and cannot be added inside a document"),
                "{error}"
            );
            let error = parse_mapping(&json!({"properties": {name: {"type": "long"}}})).expect_err(name);
            assert!(error.reason.contains("is defined more than once"), "{error}");
        }
        let inside = json!({"_own": 1, "o": {"_id": 1}}).to_string();
        assert!(check_document(Arc::new(Mapping::default()), "1", false, inside.as_bytes()).is_ok());
    }

    #[test]
    fn a_name_is_for_one_thing_and_is_one() {
        let deep = vec!["a"; 3000].join(".");
        for (properties, reason) in [
            (json!({"a": {"type": "long"}, "a.b": {"type": "long"}}), "can't merge a non object mapping [a]"),
            (
                json!({"o": {"properties": {"a": {"type": "long"}, "a.b": {}}}}),
                "can't merge a non object mapping [o.a]",
            ),
            (json!({"a..b": {"type": "long"}}), "name cannot be empty string"),
            (json!({deep.as_str(): {"type": "long"}}), "Limit of mapping depth [128] has been exceeded"),
        ] {
            let error = parse_mapping(&json!({"properties": properties})).expect_err(reason);
            assert!(error.reason.starts_with(reason), "{error}");
        }
        let check = |document: Value| {
            check_document(Arc::new(Mapping::default()), "1", false, document.to_string().as_bytes())
                .expect_err("refused")
        };
        assert_eq!(cause(&check(json!({"a": {"": 1}}))), "field name cannot be an empty string");
        assert!(cause(&check(json!({"a": {"b.": 1}}))).contains("empty parts: ['a.b.']"));
        assert!(cause(&check(json!({deep.as_str(): 1}))).starts_with("Limit of mapping depth"));
    }
}
