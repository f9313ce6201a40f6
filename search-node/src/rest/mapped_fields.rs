//! The fields of a mapping, one by one: objects, what is in them, and the other ways in which a field is read.

use serde_json::{Map, Value};

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MappedField<'m> {
    /// With the names of the objects that it is in.
    pub(super) name: String,
    pub(super) kind: &'m str,
    pub(super) mapping: &'m Value,
    /// Whether it is one of the other ways in which a field is read (`fields`).
    pub(super) is_multi: bool,
}

impl MappedField<'_> {
    pub(super) fn is_object(&self) -> bool {
        matches!(self.kind, "object" | "nested")
    }

    fn is_off(&self, parameter: &str) -> bool {
        self.mapping.get(parameter) == Some(&Value::Bool(false))
    }

    /// Whether a query can find documents by it.
    pub(super) fn is_searchable(&self) -> bool {
        !self.is_object() && self.kind != "binary" && (!self.is_off("index") || self.has_searched_column())
    }

    /// Whether a field without an index is searched by its column.
    fn has_searched_column(&self) -> bool {
        let is_text = matches!(self.kind, "text" | "match_only_text" | "search_as_you_type");
        !is_text && !self.is_off("doc_values")
    }

    /// Whether aggregations and sorts can go by it.
    pub(super) fn is_aggregatable(&self) -> bool {
        let has_words = self.kind == "text"
            && self.mapping.get("fielddata").is_some_and(|said| said == true || said == "true");
        !self.is_object()
            && (has_words
                || !matches!(self.kind, "text" | "match_only_text" | "search_as_you_type" | "binary"))
            && !self.is_off("doc_values")
    }
}

/// The fields of a mapping as the API shows it, each object before what is in it.
pub(super) fn mapped_fields(mapping: &Value) -> Vec<MappedField<'_>> {
    let mut fields = Vec::new();
    if let Some(properties) = mapping.get("properties").and_then(Value::as_object) {
        collect(properties, "", false, &mut fields);
    }
    fields
}

/// The runtime fields of a mapping as the API shows it.
pub(super) fn runtime_fields(mapping: &Value) -> impl Iterator<Item = MappedField<'_>> {
    mapping.get("runtime").and_then(Value::as_object).into_iter().flatten().map(|(name, mapping)| {
        let kind = mapping.get("type").and_then(Value::as_str).unwrap_or("keyword");
        MappedField { name: name.clone(), kind, mapping, is_multi: false }
    })
}

fn collect<'m>(
    properties: &'m Map<String, Value>,
    prefix: &str,
    is_multi: bool,
    fields: &mut Vec<MappedField<'m>>,
) {
    for (name, mapping) in properties {
        let name = format!("{prefix}{name}");
        let kind = mapping.get("type").and_then(Value::as_str).unwrap_or("object");
        let below = format!("{name}.");
        let made = made_by_type(&name, kind, mapping).into_iter();
        let ids = ids_of_parents(&name, kind, mapping).into_iter();
        fields.push(MappedField { name, kind, mapping, is_multi });
        fields.extend(made.map(|name| MappedField { name, kind, mapping, is_multi: true }));
        fields.extend(ids.map(|name| MappedField { name, kind: "parent", mapping, is_multi: false }));
        for (part, is_multi) in [("properties", false), ("fields", true)] {
            if let Some(inner) = mapping.get(part).and_then(Value::as_object) {
                collect(inner, &below, is_multi, fields);
            }
        }
    }
}

/// The names of what a type keeps beside the field itself.
fn made_by_type(name: &str, kind: &str, mapping: &Value) -> Vec<String> {
    if kind != "search_as_you_type" {
        return Vec::new();
    }
    let said = mapping.get("max_shingle_size");
    let size = said.and_then(|size| size.as_u64().or_else(|| size.as_str()?.parse().ok())).unwrap_or(3);
    let shingles = (2..=size).map(|words| format!("{name}._{words}gram"));
    shingles.chain([format!("{name}._index_prefix")]).collect()
}

/// The names of the fields that a join keeps ids in.
fn ids_of_parents(name: &str, kind: &str, mapping: &Value) -> Vec<String> {
    let relations = mapping.get("relations").and_then(Value::as_object).filter(|_| kind == "join");
    relations.into_iter().flat_map(Map::keys).map(|parent| format!("{name}#{parent}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_is_found_by_its_full_name() {
        let mapping = json!({"properties": {
            "a": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            "o": {"properties": {"n": {"type": "long", "index": false}, "t": {"type": "text", "index": false}, "x": {"type": "keyword", "index": false, "doc_values": false}, "k": {"type": "keyword", "doc_values": false}}}
        }});

        let fields = mapped_fields(&mapping);

        let shown: Vec<(&str, &str, bool, bool, bool)> = fields
            .iter()
            .map(|field| {
                (
                    field.name.as_str(),
                    field.kind,
                    field.is_multi,
                    field.is_searchable(),
                    field.is_aggregatable(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "text", false, true, false),
                ("a.raw", "keyword", true, true, true),
                ("o", "object", false, false, false),
                ("o.n", "long", false, true, true),
                ("o.t", "text", false, false, false),
                ("o.x", "keyword", false, false, false),
                ("o.k", "keyword", false, true, false),
            ]
        );
        assert_eq!(mapped_fields(&json!({})), []);
    }
}
