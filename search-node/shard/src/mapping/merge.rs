//! The next mapping: what is there and what is added, refusing what contradicts.

use std::collections::BTreeMap;

use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping, Mapping, ObjectMapping};
use super::source_rules::SourceRules;
use super::structured::Structure;
use super::subfields::SEARCH_AS_YOU_TYPE;
use super::text_options::IndexOptions;

impl Mapping {
    /// This mapping with everything that `added` says.
    pub fn merge(&self, added: &Mapping) -> Result<Mapping, MappingError> {
        SourceRules::check_same(self, added)?;
        let mut next = self.clone();
        merge_object(&mut next.root, &added.root, "")?;
        next.runtime.merge(&added.runtime);
        next.date_detection = self.date_detection && added.date_detection;
        if added.parameters.contains_key("dynamic_date_formats") {
            next.dynamic_date_formats = added.dynamic_date_formats.clone();
        }
        next.numeric_detection = self.numeric_detection || added.numeric_detection;
        if !added.templates.is_empty() {
            next.templates = added.templates.clone();
        }
        next.parameters.extend(added.parameters.clone());
        Ok(next)
    }
}

fn merge_object(target: &mut ObjectMapping, added: &ObjectMapping, prefix: &str) -> Result<(), MappingError> {
    if added.dynamic.is_some() {
        target.dynamic = added.dynamic;
    }
    target.disabled |= added.disabled;
    for (name, field) in &added.fields {
        let path = format!("{prefix}{name}");
        if target.objects.contains_key(name) {
            return Err(MappingError::argument(format!(
                "can't merge a non object mapping [{path}] with an object mapping"
            )));
        }
        merge_field(&mut target.fields, name, field, &path)?;
    }
    for (name, object) in &added.objects {
        let path = format!("{prefix}{name}");
        if target.fields.contains_key(name) {
            return Err(MappingError::argument(format!(
                "can't merge a non object mapping [{path}] with an object mapping"
            )));
        }
        match target.objects.get_mut(name) {
            Some(known) => {
                check_nested(known, object)?;
                merge_object(known, object, &format!("{path}."))?;
            }
            None => {
                let known = target.objects.entry(name.clone()).or_default();
                known.nested.clone_from(&object.nested);
                merge_object(known, object, &format!("{path}."))?;
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

fn merge_field(
    fields: &mut BTreeMap<String, FieldMapping>,
    name: &str,
    added: &FieldMapping,
    path: &str,
) -> Result<(), MappingError> {
    let Some(known) = fields.get_mut(name) else {
        fields.insert(name.to_owned(), added.clone());
        return Ok(());
    };
    if known.type_name != added.type_name {
        return Err(MappingError::argument(format!(
            "mapper [{path}] cannot be changed from type [{}] to [{}]",
            known.type_name, added.type_name
        )));
    }
    if !known.text_options().norms && added.text_options().norms && added.parameters.contains_key("norms") {
        return Err(MappingError::argument(format!(
            "Mapper for [{path}] conflicts with existing mapper:\n\tCannot update parameter [norms] from [false] to [true]"
        )));
    }
    for (what, before, after) in unchangeable(known, added) {
        if before != after {
            return Err(MappingError::argument(format!(
                "Mapper for [{path}] conflicts with existing mapper:\n\tCannot update parameter [{what}] from [{before}] to [{after}]"
            )));
        }
    }
    let searching = &added.analysis;
    if searching.search_analyzer.is_some() {
        known.subfields.clone_from(&added.subfields);
        known.analysis.search_analyzer.clone_from(&searching.search_analyzer);
    }
    if searching.search_quote_analyzer.is_some() {
        known.analysis.search_quote_analyzer.clone_from(&searching.search_quote_analyzer);
    }
    known.kind = merged_kind(&known.kind, &added.kind, path)?;
    known.ignore_malformed = added.ignore_malformed;
    known.copy_to = added.copy_to.clone();
    known.parameters.extend(added.parameters.clone());
    for (sub, field) in &added.multi_fields {
        merge_field(&mut known.multi_fields, sub, field, &format!("{path}.{sub}"))?;
    }
    Ok(())
}

/// What a type's own parameters are next; some never change.
fn merged_kind(known: &FieldKind, added: &FieldKind, path: &str) -> Result<FieldKind, MappingError> {
    let conflict = |parameter: &str, before: String, after: String| {
        MappingError::argument(format!(
            "Mapper for [{path}] conflicts with existing mapper:\n\tCannot update parameter [{parameter}] from [{before}] to [{after}]"
        ))
    };
    match (known, added) {
        (FieldKind::ScaledFloat { factor: before }, FieldKind::ScaledFloat { factor: after })
            if before != after =>
        {
            Err(conflict("scaling_factor", format!("{before:?}"), format!("{after:?}")))
        }
        (FieldKind::TokenCount { with_holes: before }, FieldKind::TokenCount { with_holes: after })
            if before != after =>
        {
            Err(conflict("enable_position_increments", before.to_string(), after.to_string()))
        }
        (FieldKind::ConstantKeyword { value: Some(before) }, FieldKind::ConstantKeyword { value }) => {
            match value {
                Some(after) if before != after => Err(conflict("value", before.clone(), after.clone())),
                _ => Ok(known.clone()),
            }
        }
        (FieldKind::Join(before), FieldKind::Join(after)) => Ok(FieldKind::Join(before.merged(after, path)?)),
        (FieldKind::Structured(before), FieldKind::Structured(after)) => match (before, after) {
            (
                Structure::DenseVector { dimensions: Some(old) },
                Structure::DenseVector { dimensions: Some(new) },
            ) if old != new => Err(conflict("dims", old.to_string(), new.to_string())),
            (Structure::DenseVector { dimensions: Some(_) }, Structure::DenseVector { dimensions: None }) => {
                Ok(known.clone())
            }
            _ => Ok(added.clone()),
        },
        _ => Ok(added.clone()),
    }
}

/// What was written by these cannot be written again: their names, and both values.
fn unchangeable(known: &FieldMapping, added: &FieldMapping) -> [(&'static str, String, String); 11] {
    let flag = |flag: bool| flag.to_string();
    let named = |name: &Option<String>, default: &str| name.clone().unwrap_or_else(|| default.to_owned());
    let gap = |field: &FieldMapping| field.analysis.position_increment_gap.map_or(-1, i64::from).to_string();
    let kept = |field: &FieldMapping| match field.text_options().index_options {
        IndexOptions::Docs => "docs".to_owned(),
        IndexOptions::Freqs => "freqs".to_owned(),
        IndexOptions::Positions => "positions".to_owned(),
    };
    let shingles = |field: &FieldMapping| match field.type_name.as_str() {
        SEARCH_AS_YOU_TYPE => field.subfields.len().to_string(),
        _ => String::new(),
    };
    let said = |field: &FieldMapping, key: &str, default: &str| match field.parameters.get(key) {
        Some(value) if matches!(field.kind, FieldKind::Text | FieldKind::Keyword { .. }) => {
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        }
        _ => default.to_owned(),
    };
    let prefixes = |field: &FieldMapping| field.prefixes().map_or("null".to_owned(), |of| of.to_string());
    let (before, after) = (&known.analysis, &added.analysis);
    [
        ("index", flag(known.index), flag(added.index)),
        ("doc_values", flag(known.doc_values), flag(added.doc_values)),
        ("analyzer", named(&before.analyzer, "default"), named(&after.analyzer, "default")),
        ("normalizer", named(&before.normalizer, "null"), named(&after.normalizer, "null")),
        ("position_increment_gap", gap(known), gap(added)),
        ("index_options", kept(known), kept(added)),
        ("max_shingle_size", shingles(known), shingles(added)),
        ("index_prefixes", prefixes(known), prefixes(added)),
        ("index_phrases", said(known, "index_phrases", "false"), said(added, "index_phrases", "false")),
        ("term_vector", said(known, "term_vector", "no"), said(added, "term_vector", "no")),
        ("similarity", said(known, "similarity", "null"), said(added, "similarity", "null")),
    ]
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
