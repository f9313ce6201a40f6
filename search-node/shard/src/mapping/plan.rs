//! The plan of a mapping: what a document is read with, each object and field with where its values go.

use std::sync::Arc;

use hashbrown::HashMap;
use tantivy::schema::Field;

use super::completion::Completions;
use super::fields::{Dynamic, FieldKind, FieldMapping, Mapping, ObjectMapping};
use super::nested::NestedPlan;
use super::structured::Structure;
use crate::analysis::{Analysis, Analyzer};
use crate::json_values::plain;

/// How the object at a path is read.
pub(super) struct ObjectPlan {
    /// Its path with a dot behind; empty for the document itself.
    pub(super) prefix: String,
    pub(super) dynamic: Dynamic,
    pub(super) disabled: bool,
    pub(super) nested: Option<NestedPlan>,
    pub(super) fields: HashMap<String, FieldPlan>,
    pub(super) objects: HashMap<String, ObjectPlan>,
}

/// How a field is read.
pub(super) struct FieldPlan {
    pub(super) path: String,
    pub(super) mapping: FieldMapping,
    /// The field itself and its multi-fields.
    pub(super) targets: Vec<Target>,
}

impl FieldPlan {
    /// Whether a value that does not fit costs the field only.
    pub(super) fn ignores_malformed(&self) -> bool {
        self.targets.first().is_some_and(|target| target.ignore_malformed)
    }
}

/// One way in which the values of a field are kept.
pub(super) struct Target {
    pub(super) field: Option<Field>,
    pub(super) path: String,
    /// What is kept beside, in the order of the kind's parts.
    pub(super) parts: Vec<Option<Field>>,
    pub(super) kind: FieldKind,
    pub(super) type_name: String,
    /// What a keyword is normalized by.
    pub(super) normalizer: Option<Arc<Analyzer>>,
    /// What a text is cut by, where its terms may be longer than an index holds.
    pub(super) analyzer: Option<Arc<Analyzer>>,
    /// What texts are cut by whose values stand right behind one another.
    pub(super) gapless: Option<Arc<Analyzer>>,
    /// Whether its values are read: those of a `binary` that is kept nowhere are not.
    pub(super) is_read: bool,
    /// Whether a value that does not fit is left out.
    pub(super) ignore_malformed: bool,
    /// Whether a number must come as such.
    pub(super) is_exact: bool,
    /// Whether an empty text stands for no value.
    pub(super) may_be_empty: bool,
    /// What stands for a value that is not there.
    pub(super) null_text: Option<String>,
    /// How inputs of completions are kept.
    pub(super) completions: Option<Box<Completions>>,
}

/// How the objects and fields at a path and below are read.
pub(super) fn plan_object(
    object: &ObjectMapping,
    prefix: &str,
    inherited: Dynamic,
    planning: &Planning<'_>,
) -> ObjectPlan {
    let dynamic = object.dynamic.unwrap_or(inherited);
    let fields = object.fields.iter().map(|(name, field)| {
        let path = format!("{prefix}{name}");
        let mut targets = vec![target(&path, field, planning)];
        let others = field.other_ways().into_iter();
        targets.extend(others.map(|(way, field)| target(&format!("{path}.{way}"), field, planning)));
        (name.clone(), FieldPlan { path, mapping: field.clone(), targets })
    });
    let nested = object.nested.is_some().then(|| {
        let path = prefix.trim_end_matches('.');
        NestedPlan::new(
            object,
            planning.is_in_root,
            constants(planning.mapping, Some(path), planning.field_of),
        )
    });
    let is_in_root = nested.as_ref().map_or(planning.is_in_root, NestedPlan::is_in_root);
    let below = Planning { is_in_root, ..*planning };
    let objects = object.objects.iter().map(|(name, child)| {
        (name.clone(), plan_object(child, &format!("{prefix}{name}."), dynamic, &below))
    });
    ObjectPlan {
        prefix: prefix.to_owned(),
        dynamic,
        disabled: object.disabled,
        nested,
        fields: fields.collect(),
        objects: objects.collect(),
    }
}

/// What fields are planned with.
#[derive(Clone, Copy)]
pub(super) struct Planning<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) analysis: &'a Analysis,
    pub(super) field_of: &'a dyn Fn(&str) -> Option<Field>,
    /// The field of which every document has one value that must be read.
    pub(super) time_field: Option<&'a str>,
    /// Whether the outermost document is given the values here anyway.
    pub(super) is_in_root: bool,
}

/// What every document has, or every nested object at a path.
pub(super) fn constants(
    mapping: &Mapping,
    nested: Option<&str>,
    field_of: &dyn Fn(&str) -> Option<Field>,
) -> Vec<(Field, String)> {
    let constants = mapping.leaves().into_iter().filter_map(|leaf| match &leaf.field.kind {
        FieldKind::ConstantKeyword { value: Some(value) } if mapping.nested_around(&leaf.path) == nested => {
            Some((field_of(&leaf.path)?, value.clone()))
        }
        _ => None,
    });
    constants.collect()
}

fn target(path: &str, field: &FieldMapping, planning: &Planning<'_>) -> Target {
    let is_exact = planning.mapping.leniency.is_exact(field);
    let null_value = field.null_value.as_ref().filter(|value| !value.is_null());
    let normalizer = field.analysis.normalizer.as_deref();
    let analyzer = planning.analysis.analyzer(field.analysis.indexing(planning.analysis));
    let gapless = field.kind == FieldKind::Text && field.analysis.gap(planning.analysis) == 0;
    Target {
        gapless: analyzer.as_ref().ok().filter(|_| gapless).cloned(),
        // The usual one makes no long terms.
        analyzer: analyzer.ok().filter(|analyzer| {
            !analyzer.is_plain_standard || matches!(field.kind, FieldKind::TokenCount { .. })
        }),
        parts: field
            .parts()
            .iter()
            .map(|part| (planning.field_of)(&format!("{path}{}", part.suffix)))
            .collect(),
        field: (planning.field_of)(path),
        normalizer: normalizer.and_then(|name| planning.analysis.normalizer(name).ok()),
        path: path.to_owned(),
        kind: field.kind.clone(),
        type_name: field.type_name.clone(),
        is_read: field.kind != FieldKind::Binary || field.doc_values || field.says("store"),
        ignore_malformed: planning.mapping.leniency.ignores_malformed(field)
            && planning.time_field != Some(path),
        is_exact,
        may_be_empty: !is_exact && field.kind.may_be_empty(),
        null_text: null_value.map(plain),
        completions: match field.kind {
            FieldKind::Structured(Structure::Completion { .. }) => {
                Completions::of(field, planning.analysis).map(Box::new)
            }
            _ => None,
        },
    }
}
