//! The fields of a source, read from the mappings of its indices and remembered for a moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::kql::{FieldKind, FieldLookup, WILDCARD};
use crate::node::Node;
use crate::source::Source;

/// How deep objects of a mapping are followed; the node's own limit is 20.
const DEPTH_MAX: usize = 40;
/// How many sources are remembered at the same time.
const CACHED_MAX: usize = 64;

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Field {
    /// Its full name.
    pub(crate) name: String,
    /// Its type; `conflict` if indices differ.
    #[serde(rename = "type")]
    pub(crate) kind_name: String,
    /// The name under which its exact values are found and counted; none for text without a keyword.
    pub(crate) exact: Option<String>,
    /// What queries may ask of it.
    #[serde(skip)]
    pub(crate) kind: FieldKind,
}

/// The fields of a source, by name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields {
    by_name: BTreeMap<String, Field>,
    /// Whether there were more than the bound.
    pub(crate) cut: bool,
    /// How many indices the source has.
    pub(crate) indices: usize,
}

impl Fields {
    /// Reads the answer of `GET /{source}/_mapping`.
    pub(crate) fn from_mappings(mappings: &Value, limit: usize) -> Self {
        let mut fields = Fields::default();
        let Some(indices) = mappings.as_object() else {
            return fields;
        };
        fields.indices = indices.len();
        for index in indices.values() {
            let Some(mapping) = index.get("mappings").and_then(Value::as_object) else {
                continue;
            };
            for properties in property_roots(mapping) {
                fields.add_properties("", properties, 0, limit);
            }
        }
        fields
    }

    /// A field.
    pub(crate) fn get(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name)
    }

    /// All fields, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.by_name.values()
    }

    /// The name to count or sort `name` by, if that is possible.
    pub(crate) fn countable(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|field| field.exact.clone())
    }

    /// The name to count `name` by; a field that no index knows counts nothing under its own name.
    pub(crate) fn countable_or_self(&self, name: &str) -> String {
        self.countable(name).unwrap_or_else(|| name.to_owned())
    }

    fn add_properties(&mut self, prefix: &str, properties: &Map<String, Value>, depth: usize, limit: usize) {
        if depth > DEPTH_MAX {
            self.cut = true;
            return;
        }
        for (name, mapping) in properties {
            let full = format!("{prefix}{name}");
            if let Some(inner) = mapping.get("properties").and_then(Value::as_object) {
                self.add_properties(&format!("{full}."), inner, depth + 1, limit);
                continue;
            }
            let kind_name = mapping.get("type").and_then(Value::as_str).unwrap_or("object");
            if kind_name == "object" || kind_name == "nested" {
                continue;
            }
            if self.by_name.len() >= limit && !self.by_name.contains_key(&full) {
                self.cut = true;
                continue;
            }
            let exact = exact_name(&full, kind_name, mapping);
            self.add(Field { name: full, kind_name: kind_name.to_owned(), exact, kind: kind_of(kind_name) });
        }
    }

    fn add(&mut self, field: Field) {
        match self.by_name.get_mut(&field.name) {
            None => {
                self.by_name.insert(field.name.clone(), field);
            }
            Some(known) if known.kind_name == field.kind_name => {
                // Where one index lacks the keyword, counting by it still counts the others.
                if known.exact.is_none() {
                    known.exact = field.exact;
                }
            }
            Some(known) => {
                let both_numbers = is_number(known.kind) && is_number(field.kind);
                known.kind = if both_numbers { FieldKind::Float } else { FieldKind::Other };
                known.kind_name = if both_numbers { "double" } else { "conflict" }.to_owned();
            }
        }
    }
}

impl FieldLookup for Fields {
    fn kind(&self, name: &str) -> Option<FieldKind> {
        if let Some(field) = self.get(name) {
            return Some(field.kind);
        }
        let parent = self.get(name.strip_suffix(".keyword")?)?;
        (parent.exact.as_deref() == Some(name)).then_some(FieldKind::Keyword)
    }

    fn exact(&self, name: &str) -> Option<String> {
        let field = self.get(name)?;
        field.exact.clone().filter(|exact| exact != name)
    }

    fn matching(&self, pattern: &str, limit: usize) -> Vec<String> {
        let names = self.by_name.keys().filter(|name| matches(pattern, name));
        names.take(limit).cloned().collect()
    }
}

/// Whether `name` fits a pattern with [`WILDCARD`].
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, others)) = pattern.split_once(WILDCARD) else {
        return pattern == name;
    };
    let (middle, last) = others.rsplit_once(WILDCARD).unwrap_or(("", others));
    let inner = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = inner else { return false };
    for part in middle.split(WILDCARD) {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// Typeless mappings have `properties` at once, typed ones below the name of each type.
fn property_roots(mapping: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    match mapping.get("properties").and_then(Value::as_object) {
        Some(properties) => vec![properties],
        None => mapping
            .values()
            .filter_map(|of_type| of_type.get("properties").and_then(Value::as_object))
            .collect(),
    }
}

fn exact_name(full: &str, kind_name: &str, mapping: &Value) -> Option<String> {
    if kind_of(kind_name) != FieldKind::Text {
        return Some(full.to_owned());
    }
    let below = mapping.get("fields").and_then(Value::as_object)?;
    below
        .iter()
        .find(|(_, sub)| sub.get("type").and_then(Value::as_str) == Some("keyword"))
        .map(|(name, _)| format!("{full}.{name}"))
}

fn kind_of(kind_name: &str) -> FieldKind {
    match kind_name {
        "text" | "match_only_text" | "search_as_you_type" => FieldKind::Text,
        "keyword" | "constant_keyword" | "wildcard" | "version" => FieldKind::Keyword,
        "long" | "integer" | "short" | "byte" | "unsigned_long" => FieldKind::Integer,
        "double" | "float" | "half_float" | "scaled_float" => FieldKind::Float,
        "date" | "date_nanos" => FieldKind::Date,
        "boolean" => FieldKind::Boolean,
        "ip" => FieldKind::Ip,
        _ => FieldKind::Other,
    }
}

fn is_number(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Integer | FieldKind::Float)
}

/// Fields of the sources asked lately.
#[derive(Debug)]
pub(crate) struct FieldsCache {
    kept: Mutex<HashMap<Source, (Instant, Arc<Fields>)>>,
    age_max: Duration,
    fields_max: usize,
}

impl FieldsCache {
    /// An empty cache.
    pub(crate) fn new(age_max: Duration, fields_max: usize) -> Self {
        Self { kept: Mutex::default(), age_max, fields_max }
    }

    /// The fields of `source`, from memory or from the node.
    pub(crate) async fn of(&self, node: &Node, source: &Source) -> Result<Arc<Fields>, ApiError> {
        if let Some(fields) = self.remembered(source) {
            return Ok(fields);
        }
        let mappings = node.mapping(source).await?;
        let fields = Arc::new(Fields::from_mappings(&mappings, self.fields_max));
        // A source that has no index yet may have one in a second: not remembered.
        if fields.indices > 0 {
            self.remember(source, &fields);
        }
        Ok(fields)
    }

    fn remembered(&self, source: &Source) -> Option<Arc<Fields>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, fields) = kept.get(source)?;
        (since.elapsed() < self.age_max).then(|| Arc::clone(fields))
    }

    fn remember(&self, source: &Source, fields: &Arc<Fields>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| since.elapsed() < self.age_max);
        if kept.len() >= CACHED_MAX {
            kept.clear();
        }
        kept.insert(source.clone(), (Instant::now(), Arc::clone(fields)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Fields {
        let mappings = json!({
            "logs-a": {"mappings": {"properties": {
                "@timestamp": {"type": "date"},
                "message": {"type": "text"},
                "host": {"properties": {"name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}},
                "size": {"type": "long"},
                "odd": {"type": "keyword"},
            }}},
            "logs-b": {"mappings": {"_doc": {"properties": {
                "size": {"type": "double"},
                "odd": {"type": "long"},
                "host": {"properties": {"ip": {"type": "ip"}}},
            }}}},
        });
        Fields::from_mappings(&mappings, 100)
    }

    #[test]
    fn mappings_of_several_indices_become_one_list() {
        let fields = sample();

        let kinds: Vec<(&str, &str, Option<&str>)> =
            fields.iter().map(|f| (f.name.as_str(), f.kind_name.as_str(), f.exact.as_deref())).collect();

        assert_eq!(
            kinds,
            [
                ("@timestamp", "date", Some("@timestamp")),
                ("host.ip", "ip", Some("host.ip")),
                ("host.name", "text", Some("host.name.keyword")),
                ("message", "text", None),
                ("odd", "conflict", Some("odd")),
                ("size", "double", Some("size")),
            ]
        );
    }

    #[test]
    fn keyword_below_text_is_known_by_its_own_name() {
        assert_eq!(sample().kind("host.name.keyword"), Some(FieldKind::Keyword));
        assert_eq!(sample().kind("size.keyword"), None);
    }

    #[test]
    fn number_of_fields_is_bounded_and_says_so() {
        let properties: Map<String, Value> =
            (0..50).map(|n| (format!("f{n}"), json!({"type": "long"}))).collect();
        let fields = Fields::from_mappings(&json!({"i": {"mappings": {"properties": properties}}}), 10);
        assert_eq!(fields.iter().count(), 10);
        assert!(fields.cut);
    }

    #[test]
    fn patterns_match_like_globs() {
        for (pattern, name, fits) in [
            ("host.*", "host.name", true),
            ("*.name", "host.name", true),
            ("*.name", "host.name.x", false),
            ("h*n*", "host.name", true),
            ("host.name", "host.name", true),
            ("host.name", "host.names", false),
            ("x*", "host", false),
        ] {
            let pattern = pattern.replace('*', &WILDCARD.to_string());
            assert_eq!(matches(&pattern, name), fits, "{pattern} {name}");
        }
    }
}
