//! The next mapping: what is there and what is added, refusing what contradicts.

use std::collections::BTreeMap;

use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping, Mapping, ObjectMapping};
use super::parameters;
use super::source_rules::SourceRules;

/// Who adds to a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Merging {
    /// Somebody who says how fields are: what is left out goes back to what is usual.
    Update,
    /// A document that lacks fields: those that are there stay as they are.
    Growth,
}

impl Mapping {
    /// This mapping with everything that `added` says.
    pub fn merge(&self, added: &Mapping) -> Result<Mapping, MappingError> {
        SourceRules::check_same(self, added)?;
        self.check_routing_same(added)?;
        check_enabled(&self.root, &added.root, "_doc")?;
        let mut next = self.clone();
        merge_object(&mut next.root, &added.root, "", Merging::Update)?;
        next.runtime.merge(&added.runtime);
        next.parameters.extend(added.parameters.clone());
        if added.says("date_detection") {
            next.date_detection = added.date_detection;
        }
        if added.says("dynamic_date_formats") {
            next.dynamic_date_formats.clone_from(&added.dynamic_date_formats);
        }
        if added.says("numeric_detection") {
            next.numeric_detection = added.numeric_detection;
        }
        if added.says("dynamic_templates") {
            next.templates.clone_from(&added.templates);
        }
        Ok(next)
    }

    /// This mapping with the fields that documents add to it.
    pub fn grown(&self, added: &Mapping) -> Result<Mapping, MappingError> {
        let mut next = self.clone();
        merge_object(&mut next.root, &added.root, "", Merging::Growth)?;
        next.runtime.grow(&added.runtime);
        Ok(next)
    }

    fn says(&self, parameter: &str) -> bool {
        self.parameters.contains_key(parameter)
    }

    /// Whether documents must say their routing value.
    pub fn requires_routing(&self) -> bool {
        let required = self.parameters.get("_routing").and_then(|routing| routing.get("required"));
        required.is_some_and(|required| required == true || required == "true")
    }

    /// Documents that are there have a routing value, or have none.
    fn check_routing_same(&self, added: &Mapping) -> Result<(), MappingError> {
        let (before, after) = (self.requires_routing(), added.requires_routing());
        if before == after || !added.says("_routing") {
            return Ok(());
        }
        let conflict = format!("Cannot update parameter [required] from [{before}] to [{after}]");
        Err(conflicting("_routing", &[conflict]))
    }
}

fn conflicting(path: &str, conflicts: &[String]) -> MappingError {
    let conflicts = conflicts.join("\n\t");
    MappingError::argument(format!("Mapper for [{path}] conflicts with existing mapper:\n\t{conflicts}"))
}

fn merge_object(
    target: &mut ObjectMapping,
    added: &ObjectMapping,
    prefix: &str,
    merging: Merging,
) -> Result<(), MappingError> {
    if added.dynamic.is_some() && merging == Merging::Update {
        target.dynamic = added.dynamic;
    }
    let no_object = |path: &str| {
        MappingError::argument(format!("can't merge a non object mapping [{path}] with an object mapping"))
    };
    for (name, field) in &added.fields {
        let path = format!("{prefix}{name}");
        if target.objects.contains_key(name) {
            return Err(no_object(&path));
        }
        merge_field(&mut target.fields, name, field, &path, merging)?;
    }
    for (name, object) in &added.objects {
        let path = format!("{prefix}{name}");
        if target.fields.contains_key(name) {
            return Err(no_object(&path));
        }
        match target.objects.get_mut(name) {
            Some(known) => {
                check_nested(known, object)?;
                check_enabled(known, object, &path)?;
                merge_object(known, object, &format!("{path}."), merging)?;
            }
            // What is in it may contradict itself: a document may have a path as a value and as an object.
            None => {
                let ObjectMapping { dynamic, disabled, says_enabled, ref nested, .. } = *object;
                let bare = ObjectMapping {
                    dynamic,
                    disabled,
                    says_enabled,
                    nested: nested.clone(),
                    ..ObjectMapping::default()
                };
                let known = target.objects.entry(name.clone()).or_insert(bare);
                merge_object(known, object, &format!("{path}."), merging)?;
            }
        }
    }
    Ok(())
}

/// Whether objects are documents of their own never changes, nor who else has what is in them.
fn check_nested(known: &ObjectMapping, added: &ObjectMapping) -> Result<(), MappingError> {
    let conflict = match (&known.nested, &added.nested) {
        (None, None) => return Ok(()),
        (None, Some(_)) => "cannot change object mapping from non-nested to nested",
        (Some(_), None) => "cannot change object mapping from nested to non-nested",
        (Some(_), Some(_)) => {
            let changed = |key: &&str| known.says(key) != added.says(key);
            return match ["include_in_parent", "include_in_root"].into_iter().find(changed) {
                Some(key) => Err(MappingError::argument(format!(
                    "the [{key}] parameter can't be updated on a nested object mapping"
                ))),
                None => Ok(()),
            };
        }
    };
    Err(MappingError::argument(conflict))
}

/// Whether anything below an object is looked at never changes either; who says nothing of it leaves it.
fn check_enabled(known: &ObjectMapping, added: &ObjectMapping, path: &str) -> Result<(), MappingError> {
    if known.disabled == added.disabled || !added.says_enabled {
        return Ok(());
    }
    Err(MappingError {
        kind: "mapper_exception",
        reason: format!("the [enabled] parameter can't be updated for the object mapping [{path}]"),
        cause: None,
    })
}

fn merge_field(
    fields: &mut BTreeMap<String, FieldMapping>,
    name: &str,
    added: &FieldMapping,
    path: &str,
    merging: Merging,
) -> Result<(), MappingError> {
    let Some(known) = fields.get_mut(name) else {
        fields.insert(name.to_owned(), added.clone());
        return Ok(());
    };
    check_type(known, added, path)?;
    if merging == Merging::Growth && !is_given_value(known, added) {
        return Ok(());
    }
    let conflicts = parameters::conflicts(known, added);
    if !conflicts.is_empty() {
        return Err(conflicting(path, &conflicts));
    }
    let kind = match (&known.kind, &added.kind) {
        (FieldKind::Join(before), FieldKind::Join(after)) => FieldKind::Join(before.merged(after, path)?),
        _ => added.kind.clone(),
    };
    // Other ways of reading a field are not taken away by leaving them out.
    let multi_fields = std::mem::take(&mut known.multi_fields);
    *known = FieldMapping { kind, multi_fields, ..added.clone() };
    for (sub, field) in &added.multi_fields {
        merge_field(&mut known.multi_fields, sub, field, &format!("{path}.{sub}"), merging)?;
    }
    Ok(())
}

fn check_type(known: &FieldMapping, added: &FieldMapping, path: &str) -> Result<(), MappingError> {
    if known.type_name == added.type_name {
        return Ok(());
    }
    if matches!(known.kind, FieldKind::Alias { .. }) {
        return Err(MappingError::argument(format!(
            "Cannot merge a field alias mapping [{path}] with a mapping that is not for a field alias."
        )));
    }
    let next =
        if matches!(added.kind, FieldKind::Alias { .. }) { "FieldAliasMapper" } else { &added.type_name };
    Err(MappingError::argument(format!(
        "mapper [{path}] cannot be changed from type [{}] to [{next}]",
        known.type_name
    )))
}

/// Whether the first document with a `constant_keyword` says what all have.
fn is_given_value(known: &FieldMapping, added: &FieldMapping) -> bool {
    let is_given = |field: &FieldMapping| matches!(field.kind, FieldKind::ConstantKeyword { value: Some(_) });
    is_given(added) && known.kind != added.kind
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::parse_mapping;

    #[test]
    fn fields_are_added_and_types_never_change() {
        let before = parse_mapping(
            &json!({"properties": {"a": {"type": "long"}, "o": {"properties": {"x": {"type": "text"}}}}}),
        )
        .expect("valid");
        let added = parse_mapping(&json!({"properties": {"b": {"type": "keyword"}, "o.y": {"type": "ip"}}}))
            .expect("valid");

        let next = before.merge(&added).expect("merges");

        assert_eq!(
            next.to_json(),
            json!({"properties": {"a": {"type": "long"}, "b": {"type": "keyword"},
                "o": {"properties": {"x": {"type": "text"}, "y": {"type": "ip"}}}}})
        );
        for (wrong, reason) in [
            (
                json!({"properties": {"a": {"type": "text"}}}),
                "mapper [a] cannot be changed from type [long] to [text]",
            ),
            (
                json!({"properties": {"o": {"type": "long"}}}),
                "can't merge a non object mapping [o] with an object mapping",
            ),
            (
                json!({"properties": {"a.b": {"type": "long"}}}),
                "can't merge a non object mapping [a] with an object mapping",
            ),
        ] {
            let wrong = parse_mapping(&wrong).expect("valid alone");
            assert_eq!(before.merge(&wrong).expect_err("conflict").reason, reason);
        }
    }

    fn field(json: &serde_json::Value) -> crate::mapping::Mapping {
        parse_mapping(&json!({"properties": {"f": json}})).expect("valid alone")
    }

    /// The words are those of Elasticsearch, one line for each parameter.
    #[test]
    fn what_was_written_by_a_parameter_keeps_it() {
        for (known, added, conflicts) in [
            (
                json!({"type": "date_nanos", "format": "yyyy", "locale": "en"}),
                json!({"type": "date_nanos", "locale": "de"}),
                "\tCannot update parameter [format] from [yyyy] to [strict_date_optional_time||epoch_millis]\n\tCannot update parameter [locale] from [en] to [de]",
            ),
            (
                json!({"type": "long", "null_value": "1", "store": true}),
                json!({"type": "long", "store": "false"}),
                "\tCannot update parameter [store] from [true] to [false]\n\tCannot update parameter [null_value] from [1] to [null]",
            ),
            (
                json!({"type": "keyword", "normalizer": "lowercase"}),
                json!({"type": "keyword"}),
                "\tCannot update parameter [normalizer] from [lowercase] to [default]",
            ),
            (
                json!({"type": "keyword"}),
                json!({"type": "keyword", "norms": true, "similarity": "boolean", "index_options": "freqs"}),
                "\tCannot update parameter [index_options] from [docs] to [freqs]\n\tCannot update parameter [norms] from [false] to [true]\n\tCannot update parameter [similarity] from [null] to [boolean]",
            ),
            (
                json!({"type": "text", "norms": false}),
                json!({"type": "text"}),
                "\tCannot update parameter [norms] from [false] to [true]",
            ),
            (
                json!({"type": "scaled_float", "scaling_factor": 10}),
                json!({"type": "scaled_float", "scaling_factor": "100"}),
                "\tCannot update parameter [scaling_factor] from [10.0] to [100.0]",
            ),
            (
                json!({"type": "token_count", "analyzer": "standard"}),
                json!({"type": "token_count", "analyzer": "simple", "enable_position_increments": false}),
                "\tCannot update parameter [enable_position_increments] from [true] to [false]",
            ),
            (
                json!({"type": "completion", "preserve_separators": false, "max_input_length": 5}),
                json!({"type": "completion"}),
                "\tCannot update parameter [preserve_separators] from [false] to [true]",
            ),
            (
                json!({"type": "ip"}),
                json!({"type": "ip", "index": false, "doc_values": false}),
                "\tCannot update parameter [index] from [true] to [false]\n\tCannot update parameter [doc_values] from [true] to [false]",
            ),
            (
                json!({"type": "constant_keyword", "value": "a"}),
                json!({"type": "constant_keyword"}),
                "\tCannot update parameter [value] from [a] to [null]",
            ),
            (
                json!({"type": "wildcard"}),
                json!({"type": "wildcard", "null_value": "x"}),
                "\tCannot update parameter [null_value] from [null] to [x]",
            ),
            (
                json!({"type": "search_as_you_type"}),
                json!({"type": "search_as_you_type", "max_shingle_size": 4}),
                "\tCannot update parameter [max_shingle_size] from [3] to [4]",
            ),
            (
                json!({"type": "rank_feature", "positive_score_impact": false}),
                json!({"type": "rank_feature"}),
                "\tCannot update parameter [positive_score_impact] from [false] to [true]",
            ),
        ] {
            let refused = field(&known).merge(&field(&added)).expect_err("refused");

            let expected = format!("Mapper for [f] conflicts with existing mapper:\n{conflicts}");
            assert_eq!(refused.reason, expected, "{known} with {added}");
        }
    }

    #[test]
    fn what_an_update_leaves_out_goes_back_to_what_is_usual() {
        for (known, added, merged) in [
            (
                json!({"type": "keyword", "ignore_above": 5, "meta": {"a": "b"}, "copy_to": "x",
                    "fields": {"r": {"type": "text"}}}),
                json!({"type": "keyword"}),
                json!({"type": "keyword", "fields": {"r": {"type": "text"}}}),
            ),
            (
                json!({"type": "long", "coerce": false, "ignore_malformed": true}),
                json!({"type": "long"}),
                json!({"type": "long"}),
            ),
            (
                json!({"type": "text", "analyzer": "simple", "search_analyzer": "keyword"}),
                json!({"type": "text", "analyzer": "simple", "norms": false}),
                json!({"type": "text", "analyzer": "simple", "norms": false}),
            ),
            (
                json!({"type": "integer_range", "coerce": false}),
                json!({"type": "integer_range", "index": "true"}),
                json!({"type": "integer_range"}),
            ),
            (
                json!({"type": "constant_keyword"}),
                json!({"type": "constant_keyword", "value": "a"}),
                json!({"type": "constant_keyword", "value": "a"}),
            ),
            (
                json!({"type": "dense_vector"}),
                json!({"type": "dense_vector", "dims": 3}),
                json!({"type": "dense_vector", "dims": 3}),
            ),
        ] {
            let next = field(&known).merge(&field(&added)).expect("merges");

            assert_eq!(next.to_json()["properties"]["f"], merged, "{known} with {added}");
        }
    }

    /// A document that was read by an older mapping must not take back what somebody has said since.
    #[test]
    fn what_a_document_adds_changes_no_field_that_is_there() {
        let known = json!({"type": "keyword", "ignore_above": 5, "doc_values": false});

        let next = field(&known).grown(&field(&json!({"type": "keyword"}))).expect("grows");

        assert_eq!(next.to_json()["properties"]["f"], known);
        let given = json!({"type": "constant_keyword", "value": "a"});
        let next = field(&json!({"type": "constant_keyword"})).grown(&field(&given)).expect("grows");
        assert_eq!(next.to_json()["properties"]["f"], given);
    }

    #[test]
    fn what_is_said_of_all_fields_is_said_anew_or_stays() {
        let mapping = |json| parse_mapping(&json).expect("valid alone");
        let template = json!([{"a": {"match": "x", "mapping": {"type": "long"}}}]);
        let before = mapping(json!({"date_detection": false, "numeric_detection": true, "_meta": {"a": 1},
            "dynamic_templates": template, "_routing": {"required": true}}));

        let same = before.merge(&mapping(json!({"properties": {"f": {"type": "long"}}}))).expect("merges");
        let other = before
            .merge(&mapping(json!({"date_detection": true, "numeric_detection": false, "_meta": {"b": 1},
                "dynamic_templates": []})))
            .expect("merges");

        assert!(!same.date_detection && same.numeric_detection && same.templates.len() == 1);
        assert!(other.date_detection && !other.numeric_detection && other.templates.is_empty());
        let again = parse_mapping(&other.to_json()).expect("as it is stored");
        assert_eq!(again, other);
        assert_eq!(other.to_json()["_meta"], json!({"b": 1}));
        for (added, reason) in [
            (
                json!({"_routing": {}}),
                "Mapper for [_routing] conflicts with existing mapper:\n\tCannot update parameter [required] from [true] to [false]",
            ),
            (
                json!({"_source": {"enabled": false}}),
                "Mapper for [_source] conflicts with existing mapper:\n\tCannot update parameter [enabled] from [true] to [false]",
            ),
        ] {
            assert_eq!(before.merge(&mapping(added)).expect_err("refused").reason, reason);
        }
    }

    #[test]
    fn objects_stay_looked_at_or_not_and_aliases_stay_aliases() {
        let before = parse_mapping(&json!({"properties": {"o": {"type": "object", "enabled": false},
            "a": {"type": "alias", "path": "f"}, "f": {"type": "long"}, "g": {"type": "long"}}}))
        .expect("valid");
        for (properties, reason) in [
            (
                json!({"o": {"type": "object", "enabled": true}}),
                "the [enabled] parameter can't be updated for the object mapping [o]",
            ),
            (
                json!({"a": {"type": "long"}}),
                "Cannot merge a field alias mapping [a] with a mapping that is not for a field alias.",
            ),
            (
                json!({"f": {"type": "alias", "path": "g"}}),
                "mapper [f] cannot be changed from type [long] to [FieldAliasMapper]",
            ),
        ] {
            let added = parse_mapping(&json!({"properties": properties})).expect("valid alone");
            assert_eq!(before.merge(&added).expect_err("refused").reason, reason);
        }
        let added = json!({"o": {"type": "object"}, "a": {"type": "alias", "path": "g"}});
        let next =
            before.merge(&parse_mapping(&json!({"properties": added})).expect("valid")).expect("merges");
        assert_eq!(next.to_json()["properties"]["a"]["path"], json!("g"));
        assert_eq!(next.to_json()["properties"]["o"]["enabled"], json!(false));
    }

    #[test]
    fn nested_objects_stay_nested_and_others_do_not_become_it() {
        let properties = |json| parse_mapping(&json!({"properties": json})).expect("valid alone");
        let before = properties(json!({
            "o": {"properties": {"x": {"type": "long"}}},
            "a": {"type": "nested", "include_in_root": "true", "properties": {"x": {"type": "long"}}}
        }));
        let more =
            json!({"a": {"type": "nested", "include_in_root": true, "properties": {"y": {"type": "long"}}}});

        let next = before.merge(&properties(more)).expect("merges");

        assert_eq!(next.leaves().len(), 3);
        for (wrong, reason) in [
            (json!({"o": {"type": "nested"}}), "cannot change object mapping from non-nested to nested"),
            (
                json!({"a": {"properties": {"y": {"type": "long"}}}}),
                "cannot change object mapping from nested to non-nested",
            ),
            (
                json!({"a": {"type": "nested"}}),
                "the [include_in_root] parameter can't be updated on a nested object mapping",
            ),
            (
                json!({"a": {"type": "nested", "include_in_root": true, "include_in_parent": true}}),
                "the [include_in_parent] parameter can't be updated on a nested object mapping",
            ),
        ] {
            assert_eq!(before.merge(&properties(wrong)).expect_err("conflict").reason, reason);
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (body, reason) in [
            (
                json!({"properties": {"a": {"type": "lnog"}}}),
                "No handler for type [lnog] declared on field [a]",
            ),
            (
                json!({"properties": {"a": {"type": "long", "foo": 1}}}),
                "unknown parameter [foo] on mapper [a] of type [long]",
            ),
            (json!({"foo": "bar"}), "Root mapping definition has unsupported parameters:  [foo : bar]"),
        ] {
            assert_eq!(parse_mapping(&body).expect_err("refused").reason, reason);
        }
    }
}
