//! `join`: documents of one index as parents and children of each other. The field has the name of what a document is, and beside
//! it there is one for each parent with the id that joins: a parent's own, and for a child that of its parent.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serde_json_borrow::Value as Json;
use tantivy::schema::Field;

use super::document::{Reading, Strictness, scalar_text};
use super::dynamic::plain;
use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping, Mapping};
use super::plan::FieldPlan;
use crate::json_values;
use crate::shard::uid_parts;

pub(super) const JOIN: &str = "join";

/// Who is whose child.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// The children of each parent.
    relations: BTreeMap<String, Vec<String>>,
    /// What the field of ids is, of each parent.
    ids: Box<FieldMapping>,
}

/// What a join field is read by.
pub(super) struct JoinPlan {
    join: Join,
    ids: BTreeMap<String, Field>,
}

impl Join {
    /// Reads the body of a mapping's field.
    pub(super) fn parse(name: &str, body: &Map<String, Value>) -> Result<Self, MappingError> {
        let is_known = |key: &str| matches!(key, "type" | "relations" | "eager_global_ordinals" | "meta");
        if let Some((key, value)) = body.iter().find(|(key, _)| !is_known(key)) {
            return Err(MappingError::parsing(format!(
                "Mapping definition for [{name}] has unsupported parameters:  [{key} : {}]",
                shown(value)
            )));
        }
        let mut relations = BTreeMap::new();
        match body.get("relations") {
            None => {}
            Some(Value::Object(said)) => {
                for (parent, children) in said {
                    relations.insert(parent.clone(), read_children(name, parent, children)?);
                }
            }
            Some(other) => {
                return Err(MappingError::parsing(format!(
                    "relations of join field [{name}] should be an object, not {other}"
                )));
            }
        }
        let ids = FieldMapping {
            type_name: "parent".to_owned(),
            ..plain("keyword", FieldKind::Keyword { ignore_above: usize::MAX })
        };
        let join = Self { relations, ids: Box::new(ids) };
        match join.with_two_parents() {
            Some(child) => Err(MappingError::argument(format!(
                "invalid definition for join field [{name}]:\n[[{child}] cannot have multiple parents]"
            ))),
            None => Ok(join),
        }
    }

    fn with_two_parents(&self) -> Option<&str> {
        let mut children: Vec<&str> = self.relations.values().flatten().map(String::as_str).collect();
        children.sort_unstable();
        children.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    /// The parameters as the API shows them.
    pub(super) fn parameters(&self, body: &Map<String, Value>) -> Map<String, Value> {
        let relations = self.relations.iter().map(|(parent, children)| {
            let children = match children.as_slice() {
                [only] => json!(only),
                several => json!(several),
            };
            (parent.clone(), children)
        });
        let mut parameters = body.clone();
        parameters.remove("type");
        parameters.entry("eager_global_ordinals").or_insert(json!(true));
        parameters.insert("relations".to_owned(), Value::Object(relations.collect()));
        parameters
    }

    /// The parent of a child.
    pub fn parent_of(&self, child: &str) -> Option<&str> {
        let mut relations = self.relations.iter();
        relations
            .find(|(_, children)| children.iter().any(|known| known == child))
            .map(|(parent, _)| &**parent)
    }

    /// The children of a parent.
    pub(crate) fn children_of(&self, parent: &str) -> &[String] {
        self.relations.get(parent).map_or(&[], Vec::as_slice)
    }

    /// The field of ids of a parent.
    pub(super) fn ids_of(&self, parent: &str) -> Option<&FieldMapping> {
        self.relations.contains_key(parent).then_some(&*self.ids)
    }

    /// Every parent with its field of ids.
    pub(super) fn parents(&self) -> impl Iterator<Item = (&str, &FieldMapping)> {
        self.relations.keys().map(|parent| (parent.as_str(), &*self.ids))
    }

    /// What it becomes; what documents may have been joined by stays.
    pub(super) fn merged(&self, added: &Self, path: &str) -> Result<Self, MappingError> {
        let mut conflicts = Vec::new();
        for (parent, children) in &self.relations {
            match added.relations.get(parent) {
                None => conflicts.push(format!("cannot remove parent [{parent}] in join field [{path}]")),
                Some(next) => {
                    let gone = children.iter().filter(|child| !next.contains(child));
                    conflicts.extend(
                        gone.map(|child| format!("cannot remove child [{child}] in join field [{path}]")),
                    );
                }
            }
        }
        for (parent, children) in &added.relations {
            let known = self.relations.get(parent);
            if known.is_none() && self.parent_of(parent).is_some() {
                conflicts.push(format!("cannot create parent [{parent}] from an existing child"));
            }
            let is_new = |child: &&String| known.is_none_or(|known| !known.contains(child));
            let taken = children.iter().filter(is_new).filter(|child| self.relations.contains_key(*child));
            conflicts
                .extend(taken.map(|child| format!("cannot create child [{child}] from an existing parent")));
        }
        if conflicts.is_empty() {
            return Ok(added.clone());
        }
        Err(MappingError::argument(format!(
            "Mapper for [{path}] conflicts with existing mapping:\n[{}]",
            conflicts.join(", ")
        )))
    }
}

fn read_children(name: &str, parent: &str, children: &Value) -> Result<Vec<String>, MappingError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let read = match children {
        Value::Array(items) => items.iter().map(text).collect::<Option<Vec<_>>>(),
        one => text(one).map(|child| vec![child]),
    };
    let mut read = read.ok_or_else(|| {
        MappingError::parsing(format!(
            "children of [{parent}] in join field [{name}] should be a name or a list of names, not {children}"
        ))
    })?;
    let mut seen = Vec::with_capacity(read.len());
    read.retain(|child| {
        let is_new = !seen.contains(child);
        seen.push(child.clone());
        is_new
    });
    Ok(read)
}

impl Mapping {
    /// The join field, if there is one.
    pub fn join(&self) -> Option<(&str, &Join)> {
        self.root.fields.iter().find_map(|(name, field)| match &field.kind {
            FieldKind::Join(join) => Some((name.as_str(), join)),
            _ => None,
        })
    }
}

/// There is one join field at most, and it is of the document itself.
pub(super) fn check_join(mapping: &Mapping) -> Result<(), MappingError> {
    let twice = |name: &str| MappingError::parsing(format!("Field [{name}] is defined more than once"));
    let mut joins = 0;
    for leaf in mapping.leaves() {
        if !matches!(leaf.field.kind, FieldKind::Join(_)) {
            continue;
        }
        if !mapping.root.fields.contains_key(&leaf.path) {
            return Err(MappingError::argument(format!(
                "join field [{}] cannot be added inside an object or in a multi-field",
                leaf.path
            )));
        }
        joins += 1;
    }
    let Some((name, join)) = mapping.join() else { return Ok(()) };
    if joins > 1 {
        return Err(twice("_parent_join"));
    }
    let mut ids = join.parents().map(|(parent, _)| format!("{name}#{parent}"));
    ids.find(|path| mapping.root.fields.contains_key(path)).map_or(Ok(()), |path| Err(twice(&path)))
}

impl JoinPlan {
    pub(super) fn new(mapping: &Mapping, field_of: &dyn Fn(&str) -> Option<Field>) -> Option<Self> {
        let (name, join) = mapping.join()?;
        let ids = join
            .parents()
            .filter_map(|(parent, _)| Some((parent.to_owned(), field_of(&format!("{name}#{parent}"))?)));
        Some(Self { ids: ids.collect(), join: join.clone() })
    }
}

impl Reading<'_> {
    /// What a document is, and whose child.
    pub(super) fn joined(&mut self, plan: &FieldPlan, value: &Json<'_>) -> Result<(), MappingError> {
        if let Json::Array(items) = value {
            return items.iter().try_for_each(|item| self.joined(plan, item));
        }
        let path = plan.path.as_str();
        let (name, parent) = read_value(path, value)?;
        let parser = self.parser;
        let Some(JoinPlan { join, ids }) = &parser.join else { return Ok(()) };
        let of_parent = join.parent_of(name);
        if of_parent.is_none() && join.ids_of(name).is_none() {
            return Err(fault(format!("unknown join name [{name}] for field [{path}]")));
        }
        let field = plan.targets.first().and_then(|target| target.field);
        if std::mem::replace(&mut self.is_joined, true) {
            return Err(fault(format!(
                "DocValuesField \"{path}\" appears more than once in this document (only one value is allowed per field)"
            )));
        }
        if let Some(relation) = of_parent {
            let parent =
                parent.ok_or_else(|| fault(format!("[parent] is missing for join field [{path}]")))?;
            if self.strictness == (Strictness::New { is_routed: false }) {
                return Err(fault(format!("[routing] is missing for join field [{path}]")));
            }
            if let Some(ids) = ids.get(relation) {
                self.values.add_text(*ids, &parent);
            }
        }
        if let Some(ids) = ids.get(name) {
            self.values.add_text(*ids, uid_parts(self.id).1);
        }
        if let Some(field) = field {
            self.values.add_text(field, name);
        }
        Ok(())
    }
}

/// The name and the id of the parent that a value says.
fn read_value<'v>(
    path: &str,
    value: &'v Json<'_>,
) -> Result<(&'v str, Option<std::borrow::Cow<'v, str>>), MappingError> {
    let members = match value {
        Json::Str(name) => return Ok((name, None)),
        Json::Object(members) => members,
        other => {
            let reason = format!("[{path}] expected START_OBJECT or VALUE_STRING but was: {}", token(other));
            return Err(MappingError::parsing("failed to parse").caused_by("illegal_state_exception", reason));
        }
    };
    let (mut name, mut parent) = (None, None);
    for (key, value) in members.iter() {
        match (key, value) {
            ("name", Json::Str(text)) => name = Some(&**text),
            ("parent", Json::Str(_) | Json::Number(_)) => parent = scalar_text(value),
            ("name" | "parent", Json::Null) => {}
            (other, _) => {
                return Err(fault(format!("unknown field name [{other}] in join field [{path}]")));
            }
        }
    }
    let name = name.ok_or_else(|| fault(format!("[name] is missing for join field [{path}]")))?;
    Ok((name, parent))
}

fn fault(reason: String) -> MappingError {
    MappingError::parsing("failed to parse").caused_by("illegal_argument_exception", reason)
}

fn token(value: &Json<'_>) -> &'static str {
    match value {
        Json::Null => "VALUE_NULL",
        Json::Bool(_) => "VALUE_BOOLEAN",
        Json::Number(_) => "VALUE_NUMBER",
        Json::Str(_) => "VALUE_STRING",
        Json::Array(_) => "START_ARRAY",
        Json::Object(_) => "START_OBJECT",
    }
}

fn shown(value: &Value) -> String {
    json_values::plain(value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::definition::{MappingLimits, parse_mapping};
    use super::super::document::check_document;
    use super::*;

    fn mapping(properties: &Value) -> Result<Mapping, MappingError> {
        let mapping = parse_mapping(&json!({"properties": properties}))?;
        MappingLimits::default().check(&mapping).map(|()| mapping)
    }

    fn join(relations: &Value) -> Value {
        json!({"j": {"type": "join", "relations": relations}})
    }

    #[test]
    fn relations_grow_and_never_shrink() {
        let before =
            mapping(&join(&json!({"question": ["answer", "comment"], "answer": "vote"}))).expect("valid");

        for (next, conflicts) in [
            (json!({"question": ["answer", "comment", "like"], "answer": "vote", "x": "y"}), ""),
            (
                json!({"question": ["answer"], "answer": "vote"}),
                "cannot remove child [comment] in join field [j]",
            ),
            (json!({"question": ["answer", "comment"]}), "cannot remove parent [answer] in join field [j]"),
            (
                json!({"question": ["answer", "comment"], "answer": "vote", "x": "question"}),
                "cannot create child [question] from an existing parent",
            ),
            (
                json!({"question": ["answer", "comment"], "answer": "vote", "comment": "x"}),
                "cannot create parent [comment] from an existing child",
            ),
        ] {
            let added = mapping(&join(&next)).expect("valid alone");
            match before.merge(&added) {
                Ok(merged) => {
                    assert_eq!(conflicts, "");
                    assert_eq!(merged.to_json()["properties"]["j"]["relations"], next);
                }
                Err(error) => assert_eq!(
                    error.reason,
                    format!("Mapper for [j] conflicts with existing mapping:\n[{conflicts}]")
                ),
            }
        }
    }

    #[test]
    fn a_document_is_one_thing_whatever_else_it_has() {
        let properties =
            json!({"t": {"type": "keyword"}, "j": {"type": "join", "relations": {"question": "answer"}}});
        let check = |is_routed, document: Value| {
            let mapping = Arc::new(mapping(&properties).expect("valid"));
            check_document(mapping, "1", is_routed, document.to_string().as_bytes())
                .map_err(|error| error.cause.map_or(error.reason, |(_, reason)| reason))
        };

        assert_eq!(check(false, json!({"t": ["a", "b"], "j": "question"})), Ok(()));
        assert_eq!(check(true, json!({"t": "a", "j": {"name": "answer", "parent": 1}, "new": "c"})), Ok(()));
        for (document, reason) in [
            (json!({"j": {"name": "answer", "parent": 1}}), "[routing] is missing for join field [j]"),
            (json!({"j": {"name": "answer"}}), "[parent] is missing for join field [j]"),
            (json!({"j": "else"}), "unknown join name [else] for field [j]"),
            (
                json!({"j": ["question", "question"]}),
                "DocValuesField \"j\" appears more than once in this document (only one value is allowed per field)",
            ),
        ] {
            assert_eq!(check(false, document), Err(reason.to_owned()));
        }
    }

    #[test]
    fn there_is_one_join_field_of_the_document_itself() {
        let one = json!({"type": "join", "relations": {"a": "b"}});
        for (properties, reason) in [
            (json!({"j": one, "k": one}), "Field [_parent_join] is defined more than once"),
            (
                json!({"o": {"properties": {"j": one}}}),
                "join field [o.j] cannot be added inside an object or in a multi-field",
            ),
            (
                json!({"k": {"type": "keyword", "fields": {"j": one}}}),
                "join field [k.j] cannot be added inside an object or in a multi-field",
            ),
            (json!({"j": one, "j#a": {"type": "long"}}), "Field [j#a] is defined more than once"),
            (
                join(&json!({"a": "b", "c": "b"})),
                "invalid definition for join field [j]:\n[[b] cannot have multiple parents]",
            ),
            (
                json!({"j": {"type": "join", "foo": 1}}),
                "Mapping definition for [j] has unsupported parameters:  [foo : 1]",
            ),
        ] {
            assert_eq!(mapping(&properties).expect_err(reason).reason, reason);
        }
        let shown = mapping(&json!({"j": {"type": "join", "relations": {"a": ["b", "b"]}}})).expect("valid");
        assert_eq!(
            shown.to_json()["properties"]["j"],
            json!({"type": "join", "eager_global_ordinals": true, "relations": {"a": "b"}})
        );
    }
}
