//! `_field_caps`: which fields there are in several indices, of which types, and what can be done by them in all of these.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::{blocking, chosen_open};
use super::mapped_fields::{MappedField, mapped_fields, runtime_fields};
use super::router::{Route, route};
use super::search::as_task;
use crate::action::search::{Manner, Scope, count_matches};
use crate::error::ApiError;
use crate::indices::{Index, matches};
use crate::tasks::Task;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "fields",
    "filters",
    "ignore_unavailable",
    "include_unmapped",
    "types",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_field_caps", PARAMS, |call| field_caps(call).boxed()),
    route(METHODS, "/{index}/_field_caps", PARAMS, |call| field_caps(call).boxed()),
];

/// Fields that every document has: whether it can be searched by them, and aggregated.
const METADATA: [(&str, bool, bool); 4] =
    [("_id", true, false), ("_ignored", true, false), ("_index", true, false), ("_source", false, false)];

async fn field_caps(call: Call) -> Result<Reply, ApiError> {
    let asked = Asked::read(&call)?;
    if asked.filter.is_none() {
        return blocking(call, |call| Call::ok(asked_of(&Asked::read(call)?, &chosen_open(call)?))).await;
    }
    as_task(call, move |call, task| {
        let indices = asked.matching(call, task, chosen_open(call)?)?;
        Call::ok(asked_of(&asked, &indices))
    })
    .await
}

/// What is asked.
#[derive(Debug)]
struct Asked {
    fields: Vec<String>,
    /// Only indices in which this finds something.
    filter: Option<Value>,
    with_unmapped: bool,
    types: Vec<String>,
    filters: Vec<String>,
}

const FILTERS: [&str; 5] = ["+metadata", "-metadata", "-parent", "-nested", "-multifield"];

impl Asked {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let body = call.json()?;
        let mut asked = Self {
            fields: call.list("fields"),
            filter: None,
            with_unmapped: call.flag("include_unmapped")?,
            types: call.list("types"),
            // A plus in a URL is a space.
            filters: call.list("filters").into_iter().map(|filter| filter.replace(' ', "+")).collect(),
        };
        for (key, value) in body.as_object().into_iter().flatten() {
            match key.as_str() {
                "index_filter" => asked.filter = Some(value.clone()),
                "fields" => asked.fields = names(value),
                other => {
                    return Err(ApiError::malformed(format!(
                        "[field_caps_request] unknown field [{other}]; known: fields, index_filter"
                    )));
                }
            }
        }
        if asked.fields.is_empty() {
            return Err(ApiError::validation("no fields specified"));
        }
        match asked.filters.iter().find(|filter| !FILTERS.contains(&filter.as_str())) {
            Some(unknown) => {
                Err(ApiError::argument(format!("Unexpected filter [{unknown}]; use {}", FILTERS.join(", "))))
            }
            None => Ok(asked),
        }
    }

    /// The indices in which the filter finds something.
    fn matching(
        &self,
        call: &Call,
        task: &Task,
        indices: Vec<Arc<Index>>,
    ) -> Result<Vec<Arc<Index>>, ApiError> {
        let Some(filter) = &self.filter else { return Ok(indices) };
        let (query, manner) =
            (json!({"query": filter}), Manner { allows_partial: true, ..Manner::default() });
        let mut matching = Vec::new();
        for index in indices {
            let options = call.name_options()?;
            let scope = Scope { indices: index.name.clone(), options, doc_type: None };
            let counted = count_matches(&call.node, &scope, &query, None, None, &manner, task)?;
            if counted["count"].as_u64().is_some_and(|count| count > 0) {
                matching.push(index);
            }
        }
        Ok(matching)
    }

    fn is_named(&self, name: &str) -> bool {
        self.fields.iter().any(|pattern| matches(pattern, name))
    }

    fn has(&self, filter: &str) -> bool {
        self.filters.iter().any(|known| known == filter)
    }

    fn is_wanted(&self, field: &MappedField<'_>) -> bool {
        let is_left_out = (field.is_multi && self.has("-multifield"))
            || (field.is_object() && self.has("-parent"))
            || (field.kind == "nested" && self.has("-nested"))
            || self.has("+metadata");
        !is_left_out && self.is_of_type(field.kind)
    }

    fn is_of_type(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind)
    }
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What a field is in one index.
#[derive(Debug, Clone, Default)]
struct Capability {
    kind: String,
    is_searchable: bool,
    is_aggregatable: bool,
    meta: Map<String, Value>,
}

/// The types of one field, each with what it is in the indices that have it.
type Kinds<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a Capability)>>;

fn asked_of(asked: &Asked, indices: &[Arc<Index>]) -> Value {
    let mut indices: Vec<&Arc<Index>> = indices.iter().collect();
    indices.sort_by(|one, other| one.name.cmp(&other.name));
    let of_indices = indices
        .iter()
        .map(|index| (index.name.clone(), capabilities(asked, &index.mapping().to_json())))
        .collect();
    merged(asked, of_indices)
}

/// The fields of an index that are asked for. The objects that one is in belong to it.
fn capabilities(asked: &Asked, mapping: &Value) -> BTreeMap<String, Capability> {
    // At its path a runtime field hides any other one.
    let runtime: Vec<_> = runtime_fields(mapping).collect();
    let is_hidden = |field: &MappedField<'_>| runtime.iter().any(|other| other.name == field.name);
    let fields: Vec<_> = mapped_fields(mapping)
        .into_iter()
        .filter(|field| !is_hidden(field))
        .chain(runtime.iter().cloned())
        .collect();
    let is_parent = |object: &MappedField<'_>| {
        let below = format!("{}.", object.name);
        fields.iter().any(|field| field.name.starts_with(&below) && asked.is_named(&field.name))
    };
    let shown = fields.iter().filter(|field| {
        asked.is_wanted(field) && (asked.is_named(&field.name) || (field.is_object() && is_parent(field)))
    });
    let mut found: BTreeMap<String, Capability> = shown
        .map(|field| {
            let meta = field.mapping.get("meta").and_then(Value::as_object).cloned().unwrap_or_default();
            let capability = Capability {
                kind: field.kind.to_owned(),
                is_searchable: field.is_searchable(),
                is_aggregatable: field.is_aggregatable(),
                meta,
            };
            (field.name.clone(), capability)
        })
        .collect();
    for (name, is_searchable, is_aggregatable) in METADATA {
        if asked.is_named(name) && !asked.has("-metadata") && asked.is_of_type(name) {
            let kind = name.to_owned();
            found.insert(
                kind.clone(),
                Capability { kind, is_searchable, is_aggregatable, ..Capability::default() },
            );
        }
    }
    found
}

/// The fields of all indices: for each type what holds in every index that has it, and in which that is not all of them.
fn merged(asked: &Asked, of_indices: Vec<(String, BTreeMap<String, Capability>)>) -> Value {
    let mut fields: BTreeMap<&str, Kinds<'_>> = BTreeMap::new();
    for (index, capabilities) in &of_indices {
        for (name, capability) in capabilities {
            let kinds = fields.entry(name).or_default();
            kinds.entry(&capability.kind).or_default().push((index, capability));
        }
    }
    let unmapped = Capability { kind: "unmapped".to_owned(), ..Capability::default() };
    if asked.with_unmapped {
        for (name, kinds) in &mut fields {
            let without = of_indices.iter().filter(|(_, capabilities)| !capabilities.contains_key(*name));
            let without: Vec<(&str, &Capability)> =
                without.map(|(index, _)| (index.as_str(), &unmapped)).collect();
            if !without.is_empty() {
                kinds.insert("unmapped", without);
            }
        }
    }
    let shown = fields.into_iter().map(|(name, kinds)| {
        let is_conflict = kinds.len() > 1;
        let kinds =
            kinds.into_iter().map(|(kind, known)| (kind.to_owned(), kind_shown(kind, &known, is_conflict)));
        (name.to_owned(), Value::Object(kinds.collect()))
    });
    let shown: Map<String, Value> = shown.collect();
    let indices: Vec<&String> = of_indices.iter().map(|(index, _)| index).collect();
    json!({"indices": indices, "fields": shown})
}

fn kind_shown(kind: &str, known: &[(&str, &Capability)], is_conflict: bool) -> Value {
    let without = |can: fn(&Capability) -> bool| -> Vec<&str> {
        known.iter().filter(|(_, capability)| !can(capability)).map(|(index, _)| *index).collect()
    };
    let unsearchable = without(|capability| capability.is_searchable);
    let unaggregatable = without(|capability| capability.is_aggregatable);
    let mut shown = json!({
        "type": kind,
        "searchable": unsearchable.is_empty(),
        "aggregatable": unaggregatable.is_empty()
    });
    if is_conflict {
        shown["indices"] = known.iter().map(|(index, _)| json!(index)).collect();
    }
    for (name, indices) in
        [("non_searchable_indices", unsearchable), ("non_aggregatable_indices", unaggregatable)]
    {
        if !indices.is_empty() && indices.len() < known.len() {
            shown[name] = json!(indices);
        }
    }
    let mut meta: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (key, value) in known.iter().flat_map(|(_, capability)| &capability.meta) {
        let values = meta.entry(key).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    if !meta.is_empty() {
        shown["meta"] = json!(meta);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(fields: &str, filters: &str, with_unmapped: bool) -> Value {
        let split = |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let asked = Asked {
            fields: split(fields),
            filter: None,
            with_unmapped,
            types: Vec::new(),
            filters: split(filters),
        };
        let a = json!({"properties": {"n": {"type": "long"}, "t": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "o": {"properties": {"k": {"type": "keyword"}}}}});
        let b = json!({"properties": {"n": {"type": "long", "index": false, "doc_values": false}, "t": {"type": "keyword"}}});
        let of = |name: &str, mapping: &Value| (name.to_owned(), capabilities(&asked, mapping));
        merged(&asked, vec![of("a", &a), of("b", &b)])
    }

    #[test]
    fn what_holds_in_every_index_is_told_and_where_it_does_not() {
        let shown = caps("n,t", "", false);

        let expected = json!({
            "indices": ["a", "b"],
            "fields": {
                "n": {"long": {"type": "long", "searchable": false, "aggregatable": false, "non_searchable_indices": ["b"], "non_aggregatable_indices": ["b"]}},
                "t": {
                    "keyword": {"type": "keyword", "searchable": true, "aggregatable": true, "indices": ["b"]},
                    "text": {"type": "text", "searchable": true, "aggregatable": false, "indices": ["a"]}
                }
            }
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn patterns_filters_and_what_is_nowhere() {
        for (fields, filters, with_unmapped, expected) in [
            ("o.*", "", false, vec!["o", "o.k"]),
            ("o.*", "-parent", false, vec!["o.k"]),
            ("t*", "-multifield", false, vec!["t"]),
            ("_id,n", "", false, vec!["_id", "n"]),
            ("_id,n", "-metadata", false, vec!["n"]),
            ("_id,n", "+metadata", false, vec!["_id"]),
            ("nothing", "", true, vec![]),
        ] {
            let shown = caps(fields, filters, with_unmapped);
            let names: Vec<&String> = shown["fields"].as_object().expect("fields").keys().collect();
            assert_eq!(names, expected, "{fields} {filters}");
        }
        let unmapped = &caps("o.k", "", true)["fields"]["o.k"]["unmapped"];
        assert_eq!(unmapped["indices"], json!(["b"]));
    }
}
