//! What a document adds to the mapping: the type that a value suggests, and what is left out where there may be no more fields.

use serde_json::{Map, json};
use serde_json_borrow::{ObjectAsVec, Value as Json};

use super::definition::count_of;
use super::document::{Reading, scalar};
use super::error::MappingError;
use super::fields::{Dynamic, FieldKind, FieldMapping, Mapping, ObjectMapping};
use super::names::{check_depth, check_name};
use super::plan::{ObjectPlan, Target};
use super::templates::DynamicTemplate;
use super::values::{Scalar, ValueFault};

/// Longer texts are not kept whole by the `keyword` beside a dynamic `text`.
const KEYWORD_IGNORE_ABOVE: usize = 256;

impl Reading<'_> {
    /// Checks a value that is the same in every document; the first one becomes part of the mapping.
    pub(super) fn constant(
        &mut self,
        target: &Target,
        known: Option<&str>,
        text: &str,
    ) -> Result<(), ValueFault> {
        match known {
            Some(known) if known == text => Ok(()),
            Some(known) => Err((
                "illegal_argument_exception",
                format!(
                    "[constant_keyword] field [{}] only accepts values that are equal to the value defined in the mappings [{known}], but got [{text}]",
                    target.path
                ),
            )),
            None => {
                let Some(field) = self.parser.mapping.leaf(&target.path) else { return Ok(()) };
                let mut field = field.clone();
                field.kind = FieldKind::ConstantKeyword { value: Some(text.to_owned()) };
                field.parameters.insert("value".to_owned(), text.into());
                let (parent, name) = self.added_around(&target.path);
                parent.fields.entry(name.to_owned()).or_insert(field);
                Ok(())
            }
        }
    }

    pub(super) fn unknown(
        &mut self,
        plan: &ObjectPlan,
        name: &str,
        value: &Json<'_>,
    ) -> Result<(), MappingError> {
        let prefix = plan.prefix.as_str();
        // The ids of a join stand in fields that documents cannot have.
        if prefix.is_empty() && name.contains('#') && self.parser.mapping.leaf(name).is_some() {
            return Err(MappingError::parsing(format!("Field [{name}] is defined more than once")));
        }
        // Most members of a document may be unknown: nothing is made of them where they are passed over.
        if plan.dynamic == Dynamic::False {
            return Ok(());
        }
        let path = format!("{prefix}{name}");
        if self.is_runtime(&path) && !has_objects(value) {
            return Ok(());
        }
        match plan.dynamic {
            Dynamic::Strict => Err(not_allowed(name, prefix.strip_suffix('.').unwrap_or("_doc"))),
            how => self.infer_named(prefix, name, value, how),
        }
    }

    /// Notes what a member adds. Each part of its name but the last opens an object, which templates for objects are for too.
    fn infer_named(
        &mut self,
        prefix: &str,
        name: &str,
        value: &Json<'_>,
        how: Dynamic,
    ) -> Result<(), MappingError> {
        let path = format!("{prefix}{name}");
        check_depth(&path)?;
        if !value.is_null() {
            for (dot, _) in name.match_indices('.') {
                let object = &path[..prefix.len() + dot];
                if self.is_runtime(object) || self.parser.mapping.leaf(object).is_some() {
                    continue;
                }
                if let Some(made) = self.object_by_template(object)? {
                    if made.nested.is_some() {
                        return Err(MappingError::parsing(format!(
                            "It is forbidden to create dynamic nested objects ([{object}]) through `copy_to` or dots in field names"
                        )));
                    }
                    return self.infer_member(object, &made, &name[dot + 1..], value, how);
                }
            }
        }
        self.infer(&path, value, how)
    }

    /// Whether there is a runtime field at a path: what documents have there is not part of the mapping.
    fn is_runtime(&self, path: &str) -> bool {
        self.parser.mapping.runtime.get(path).is_some()
    }

    /// Notes what the value would add. The first value that is not null decides; the second parse checks the rest.
    fn infer(&mut self, path: &str, value: &Json<'_>, how: Dynamic) -> Result<(), MappingError> {
        check_depth(path)?;
        match value {
            Json::Null => Ok(()),
            Json::Array(items) => items.iter().try_for_each(|item| self.infer(path, item, how)),
            Json::Object(members) => {
                if let Some(made) = self.object_by_template(path)? {
                    return self.infer_below(path, &made, members, how);
                }
                if how != Dynamic::Runtime {
                    if !self.takes_in(path, 0) {
                        return Ok(());
                    }
                    let known = &self.parser.mapping.root;
                    object_at(&mut self.added.get_or_insert_default().root, known, path);
                }
                self.infer_below(path, &ObjectMapping::default(), members, how)
            }
            Json::Bool(_) | Json::Number(_) | Json::Str(_) => match scalar(value) {
                Some(scalar) if !self.is_runtime(path) => self.infer_field(path, scalar, how),
                _ => Ok(()),
            },
        }
    }

    /// Notes the field that a value would add.
    fn infer_field(&mut self, path: &str, scalar: Scalar<'_>, how: Dynamic) -> Result<(), MappingError> {
        match infer(&self.parser.mapping, path, scalar, how)? {
            Inferred::Field(field) => {
                if !self.takes_in(path, count_of(&field)) {
                    return Ok(());
                }
                let (parent, name) = self.added_around(path);
                if !parent.objects.contains_key(name) {
                    parent.fields.entry(name.to_owned()).or_insert(field);
                }
            }
            Inferred::Runtime(field) => {
                if self.takes_in_runtime(path) {
                    self.added.get_or_insert_default().runtime.add(path, field);
                }
            }
        }
        Ok(())
    }

    /// Notes what the members of an object add to it.
    fn infer_below(
        &mut self,
        path: &str,
        object: &ObjectMapping,
        members: &ObjectAsVec<'_>,
        inherited: Dynamic,
    ) -> Result<(), MappingError> {
        let prefix = format!("{path}.");
        members.iter().try_for_each(|(name, value)| {
            check_name(&prefix, name)?;
            self.infer_member(path, object, name, value, inherited)
        })
    }

    /// Notes what a member of an object adds to it.
    fn infer_member(
        &mut self,
        path: &str,
        object: &ObjectMapping,
        name: &str,
        value: &Json<'_>,
        inherited: Dynamic,
    ) -> Result<(), MappingError> {
        let head = name.split('.').next().unwrap_or(name);
        let is_known = object.fields.contains_key(head) || object.objects.contains_key(head);
        match object.dynamic.unwrap_or(inherited) {
            _ if object.disabled || is_known => Ok(()),
            Dynamic::False => Ok(()),
            Dynamic::Strict => Err(not_allowed(name, path)),
            how @ (Dynamic::True | Dynamic::Runtime) => {
                self.infer_named(&format!("{path}."), name, value, how)
            }
        }
    }

    /// Adds what a template makes of an object at a path. Gives how what is in it is read, if there is such a template.
    fn object_by_template(&mut self, path: &str) -> Result<Option<ObjectMapping>, MappingError> {
        let templates = &self.parser.mapping.templates;
        let Some(made) = templates.iter().find_map(|template| template.object(path)) else { return Ok(None) };
        let ObjectMapping { mut fields, mut objects, .. } = made?;
        let name = path.rsplit('.').next().unwrap_or(path);
        let nothing = ObjectMapping { disabled: true, ..ObjectMapping::default() };
        if let Some(field) = fields.remove(name) {
            if self.takes_in(path, count_of(&field)) {
                let (parent, name) = self.added_around(path);
                if !parent.objects.contains_key(name) {
                    parent.fields.entry(name.to_owned()).or_insert(field);
                }
            }
            return Ok(Some(nothing));
        }
        if !self.takes_in(path, 0) {
            return Ok(Some(nothing));
        }
        let made = objects.remove(name).unwrap_or_default();
        let (parent, name) = self.added_around(path);
        parent.objects.entry(name.to_owned()).or_insert_with(|| made.clone());
        Ok(Some(made))
    }

    /// The object of what is added that a path is in, and its name there.
    fn added_around<'a>(&mut self, path: &'a str) -> (&mut ObjectMapping, &'a str) {
        let root = &mut self.added.get_or_insert_default().root;
        match path.rsplit_once('.') {
            Some((parent, name)) => (object_at(root, &self.parser.mapping.root, parent), name),
            None => (root, path),
        }
    }

    /// Whether there is room for a runtime field at a path.
    fn takes_in_runtime(&mut self, path: &str) -> bool {
        let Some(room) = self.parser.room else { return true };
        if self.added.as_ref().is_some_and(|added| added.runtime.get(path).is_some()) {
            return true;
        }
        let has_room = self.added_count < room;
        if has_room {
            self.added_count += 1;
        } else {
            self.ignore(path);
        }
        has_room
    }

    /// Whether there is room for what is new at a path: for a field that counts for so many, or for an object. If there is none, it is
    /// left out and noted.
    fn takes_in(&mut self, path: &str, field: usize) -> bool {
        let Some(room) = self.parser.room else { return true };
        let added = self.added.as_ref().map(|added| &added.root);
        let mut count = 0;
        if field > 0 {
            if added.is_some_and(|added| added.leaf(path).is_some()) {
                return true;
            }
            count += field;
        }
        let objects = if field > 0 { path.rsplit_once('.').map(|(parent, _)| parent) } else { Some(path) };
        for (end, _) in
            objects.into_iter().flat_map(|objects| objects.match_indices('.').chain([(objects.len(), "")]))
        {
            let is_known = |root: &ObjectMapping| root.object(&path[..end]).is_some();
            count += usize::from(!is_known(&self.parser.mapping.root) && !added.is_some_and(is_known));
        }
        if self.added_count + count > room {
            self.ignore(path);
            return false;
        }
        self.added_count += count;
        true
    }
}

/// Whether an object is in a value, or is it.
fn has_objects(value: &Json<'_>) -> bool {
    match value {
        Json::Object(_) => true,
        Json::Array(items) => items.iter().any(has_objects),
        _ => false,
    }
}

fn not_allowed(name: &str, parent: &str) -> MappingError {
    let name = name.split('.').next().unwrap_or(name);
    MappingError {
        kind: "strict_dynamic_mapping_exception",
        reason: format!(
            "mapping set to strict, dynamic introduction of [{name}] within [{parent}] is not allowed"
        ),
        cause: None,
    }
}

/// The object at a path; those on the way are nested where the known ones are.
fn object_at<'m>(root: &'m mut ObjectMapping, known: &ObjectMapping, path: &str) -> &'m mut ObjectMapping {
    let (object, _) = path.split('.').fold((root, Some(known)), |(object, known), name| {
        let known = known.and_then(|known| known.objects.get(name));
        let object = object.objects.entry(name.to_owned()).or_default();
        if let Some(known) = known {
            object.nested.clone_from(&known.nested);
        }
        (object, known)
    });
    object
}

/// What a value of an unknown name becomes.
enum Inferred {
    Field(FieldMapping),
    Runtime(FieldMapping),
}

/// What a value of an unknown name becomes: by the first template that fits, else by its type.
fn infer(mapping: &Mapping, path: &str, scalar: Scalar<'_>, how: Dynamic) -> Result<Inferred, MappingError> {
    let by_type = infer_by_type(mapping, scalar);
    let value_type = match (&by_type.kind, scalar) {
        (FieldKind::Date(_), _) => "date",
        (FieldKind::Integer { .. }, _) => "long",
        (FieldKind::Float, _) => "double",
        (_, Scalar::Text(_)) => "string",
        (_, Scalar::Bool(_)) => "boolean",
        (_, Scalar::Integer(_) | Scalar::Unsigned(_) | Scalar::Float(_)) => "double",
    };
    let made_by =
        |template: &DynamicTemplate| Some((template.is_runtime(), template.field(path, value_type)?));
    if let Some((is_runtime, made)) = mapping.templates.iter().find_map(made_by) {
        let made = in_format_of(made?, by_type);
        return Ok(if is_runtime { Inferred::Runtime(made) } else { Inferred::Field(made) });
    }
    Ok(match how {
        Dynamic::Runtime => Inferred::Runtime(for_runtime(by_type)),
        _ => Inferred::Field(by_type),
    })
}

/// A date that a template makes of a text reads it as it was found to be one, if the template does not say how.
fn in_format_of(mut made: FieldMapping, found: FieldMapping) -> FieldMapping {
    let format = found.parameters.get("format").filter(|_| !made.parameters.contains_key("format"));
    if let (FieldKind::Date(_), Some(format)) = (&made.kind, format) {
        made.parameters.insert("format".to_owned(), format.clone());
        made.kind = found.kind;
    }
    made
}

/// The runtime field instead of a field: of texts and numbers there is one type each.
fn for_runtime(field: FieldMapping) -> FieldMapping {
    match field.kind {
        FieldKind::Text => plain("keyword", FieldKind::Keyword { ignore_above: usize::MAX }),
        FieldKind::Float => plain("double", FieldKind::Double),
        _ => field,
    }
}

fn infer_by_type(mapping: &Mapping, scalar: Scalar<'_>) -> FieldMapping {
    match scalar {
        Scalar::Bool(_) => plain("boolean", FieldKind::Boolean),
        Scalar::Integer(_) | Scalar::Unsigned(_) => long(),
        Scalar::Float(_) => plain("float", FieldKind::Float),
        Scalar::Text(text) if let Some(date) = date(mapping, text) => date,
        Scalar::Text(text) if mapping.numeric_detection && text.parse::<i64>().is_ok() => long(),
        Scalar::Text(text) if mapping.numeric_detection && text.parse::<f64>().is_ok() => {
            plain("float", FieldKind::Float)
        }
        Scalar::Text(_) => text(),
    }
}

/// A field without parameters.
pub(super) fn plain(type_name: &str, kind: FieldKind) -> FieldMapping {
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
        subfields: Default::default(),
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

fn date(mapping: &Mapping, text: &str) -> Option<FieldMapping> {
    if mapping.date_detection { mapping.dynamic_date_formats.field(text) } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use tantivy::schema::Field;

    use crate::analysis::Analysis;
    use crate::mapping::document::{DocumentParser, SourceView, Strictness};
    use crate::mapping::{Mapping, parse_mapping};

    /// What becomes of an empty mapping with a template when documents come, or why one is refused.
    fn grown(template: &Value, documents: &[Value]) -> Result<Value, String> {
        let templates = json!({"dynamic_templates": [{"t": template}]});
        let mut mapping = Arc::new(parse_mapping(&templates).expect("a mapping"));
        for document in documents {
            let text = document.to_string();
            let source: SourceView<'_> = serde_json::from_str(&text).expect("JSON");
            // A document is read again with what it adds, and then adds nothing more.
            for round in 0..3 {
                let parser = DocumentParser::new(Arc::clone(&mapping), &Analysis::plain(), &|_| {
                    Some(Field::from_field_id(0))
                });
                let strictness = Strictness::New { is_routed: false };
                let added: Option<Box<Mapping>> = parser
                    .parse("1", &source, &mut Default::default(), strictness)
                    .map_err(|error| error.reason)?;
                let Some(added) = added else { break };
                assert!(round < 2, "{document} adds something for ever");
                mapping = Arc::new(mapping.merge(&added).map_err(|error| error.reason)?);
            }
        }
        Ok(mapping.to_json()["properties"].clone())
    }

    #[test]
    fn names_with_dots_meet_templates_for_objects() {
        for (template, document) in [
            (json!({"match": "a", "mapping": {"type": "object", "enabled": false}}), json!({"a": {"b": 1}})),
            (
                json!({"match": "a", "mapping": {"type": "object", "dynamic": false}}),
                json!({"a": {"b": {"c": 1}}}),
            ),
            (
                json!({"match": "a", "mapping": {"type": "object", "properties": {"b": {"type": "keyword"}}}}),
                json!({"a": {"b": 1}}),
            ),
            (
                json!({"path_match": "a*", "mapping": {"type": "object", "dynamic": "true"}}),
                json!({"a": {"b": {"c": 1}}}),
            ),
            (
                json!({"path_match": "a.b", "mapping": {"type": "object", "dynamic": false}}),
                json!({"a": {"b": {"c": 1}}}),
            ),
            (json!({"match": "a", "mapping": {"type": "flattened"}}), json!({"a": {"b": {"c": 1}}})),
            (json!({"match": "x", "mapping": {"type": "object", "enabled": false}}), json!({"a": {"b": 1}})),
            (
                json!({"match": "a", "mapping": {"type": "object", "dynamic": "strict"}}),
                json!({"a": {"b": {"c": 1}}}),
            ),
        ] {
            let mut template = template;
            template["match_mapping_type"] = json!("object");
            let expected = grown(&template, std::slice::from_ref(&document));
            let deep = &document["a"]["b"]["c"];
            let dotted = match deep {
                Value::Null => vec![json!({"a.b": 1})],
                _ => vec![json!({"a.b.c": 1}), json!({"a": {"b.c": 1}}), json!({"a.b": {"c": 1}})],
            };
            for document in dotted {
                assert_eq!(
                    grown(&template, std::slice::from_ref(&document)),
                    expected,
                    "{template} {document}"
                );
            }
        }
    }

    /// Which of the objects a value belongs to could not be told.
    #[test]
    fn a_name_with_dots_opens_no_nested_object() {
        let template = json!({"match_mapping_type": "object", "mapping": {"type": "nested"}});
        for (document, object) in
            [(json!({"a.b": 1}), "a"), (json!({"a": {"b.c": 1}}), "a.b"), (json!({"a.b": {"c": 1}}), "a")]
        {
            let refused = grown(&template, std::slice::from_ref(&document)).expect_err("refused");
            let expected = format!("It is forbidden to create dynamic nested objects ([{object}])");
            assert!(refused.starts_with(&expected), "{document}: {refused}");
        }
        let inner =
            json!({"path_match": "a.b", "match_mapping_type": "object", "mapping": {"type": "nested"}});
        let grown = grown(&inner, &[json!({"a.b": {"c": 1}}), json!({"a.d": 1})]).expect("taken");
        assert_eq!(grown["a"]["properties"]["b"]["type"], "nested");
        assert_eq!(grown["a"]["properties"]["d"]["type"], "long");
    }
}
