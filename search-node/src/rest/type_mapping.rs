//! `_mapping/{type}`: the mapping as the documents of one type have it.
//!
//! The types of an index share its fields. A type's view leaves out what only documents of other types have; fields that no
//! document has yet are everyone's, so that whoever puts a mapping finds it again.

use std::collections::BTreeSet;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::{NAMES, chosen};
use super::mapped_fields::mapped_fields;
use super::router::{Route, route};
use super::search::as_task;
use crate::action::search::{Manner, Scope, search};
use crate::error::ApiError;
use crate::indices::Level;
use crate::tasks::Task;

const GET: &[Method] = &[Method::GET];

/// So many fields are asked for with one search.
const FIELDS_AT_ONCE: usize = 100;

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_mapping/{type}", NAMES, |call| as_task(call, views).boxed()),
    route(GET, "/{index}/_mapping/{type}", NAMES, |call| as_task(call, views).boxed()),
    route(GET, "/{index}/{type}/_mapping", NAMES, |call| as_task(call, views).boxed()),
];

fn views(call: &Call, task: &Task) -> Result<Reply, ApiError> {
    let types = call.part("type");
    let mut shown = Map::new();
    for index in chosen(call)? {
        index.check_block(Level::MetadataRead)?;
        let mapping = index.mapping().to_json();
        let mut views = Map::new();
        for doc_type in types.split(',').map(str::trim).filter(|doc_type| !doc_type.is_empty()) {
            let (name, view) = match doc_type {
                // All types together are what typeless calls see.
                "_all" | "*" => ("_doc", mapping.clone()),
                // Nobody can look what its documents have.
                doc_type if index.is_closed() => (doc_type, mapping.clone()),
                doc_type => {
                    let asked = Asked { call, task, index: &index.name };
                    (doc_type, without(&mapping, "", &asked.foreign_fields(&mapping, doc_type)?))
                }
            };
            views.insert(name.to_owned(), view);
        }
        shown.insert(index.name.clone(), json!({"mappings": views}));
    }
    Call::ok(Value::Object(shown))
}

/// The documents of one index.
struct Asked<'a> {
    call: &'a Call,
    task: &'a Task,
    index: &'a str,
}

impl Asked<'_> {
    /// The fields that documents of other types have, and none of this one; none where that cannot be told: who may see the mapping
    /// need not be able to search, nor every shard be there.
    fn foreign_fields(&self, mapping: &Value, doc_type: &str) -> Result<BTreeSet<String>, ApiError> {
        match self.searched_fields(mapping, doc_type) {
            Err(error) if !self.task.cancel.is_cancelled() => {
                let (index, reason) = (self.index, error.reason.as_str());
                tracing::debug!(
                    index,
                    doc_type,
                    reason,
                    "the documents cannot be searched, so every field is shown"
                );
                Ok(BTreeSet::new())
            }
            told => told,
        }
    }

    fn searched_fields(&self, mapping: &Value, doc_type: &str) -> Result<BTreeSet<String>, ApiError> {
        let fields = mapped_fields(mapping).into_iter().filter(|field| !field.is_object() && !field.is_multi);
        let names: Vec<String> = fields.map(|field| field.name).collect();
        if names.is_empty() {
            return Ok(BTreeSet::new());
        }
        let of_type = json!({"term": {"_type": doc_type}});
        let of_others = json!({"bool": {"must_not": [of_type]}});
        if self.search(&of_others, &json!({}))?.total == 0 {
            return Ok(BTreeSet::new());
        }
        let mut foreign = BTreeSet::new();
        for names in names.chunks(FIELDS_AT_ONCE) {
            let aggs = names.iter().enumerate();
            let aggs: Map<String, Value> = aggs
                .map(|(n, name)| (n.to_string(), json!({"filter": {"exists": {"field": name}}})))
                .collect();
            let aggs = Value::Object(aggs);
            let (own, others) = (self.search(&of_type, &aggs)?, self.search(&of_others, &aggs)?);
            let is_foreign = |n: &usize| own.having(*n) == 0 && others.having(*n) > 0;
            foreign.extend((0..names.len()).filter(is_foreign).map(|n| names[n].clone()));
        }
        Ok(foreign)
    }

    fn search(&self, query: &Value, aggs: &Value) -> Result<Counted, ApiError> {
        let body = json!({"size": 0, "track_total_hits": true, "query": query, "aggs": aggs});
        let scope = Scope { indices: self.index.to_owned(), ..Scope::default() };
        let answer = search(&self.call.node, &scope, &body, &Manner::default(), true, self.task)?;
        let total = answer["hits"]["total"].as_u64().unwrap_or_default();
        Ok(Counted { total, answer })
    }
}

/// How many documents there are, and how many of them have each field.
struct Counted {
    total: u64,
    answer: Value,
}

impl Counted {
    fn having(&self, n: usize) -> u64 {
        self.answer["aggregations"][n.to_string()]["doc_count"].as_u64().unwrap_or_default()
    }
}

/// A mapping without some fields, and without objects of which nothing is left.
fn without(mapping: &Value, prefix: &str, fields: &BTreeSet<String>) -> Value {
    let mut kept = mapping.clone();
    let Some(properties) = kept.get_mut("properties").and_then(Value::as_object_mut) else { return kept };
    properties.retain(|name, field| {
        let name = format!("{prefix}{name}");
        if fields.contains(&name) {
            return false;
        }
        if field.get("properties").is_none() {
            let target = field.get("path").and_then(Value::as_str);
            return !target.is_some_and(|target| fields.contains(target));
        }
        *field = without(field, &format!("{name}."), fields);
        field["properties"].as_object().is_some_and(|inner| !inner.is_empty())
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_others_have_is_left_out_with_its_aliases_and_empty_objects() {
        let mapping = json!({"dynamic": "strict", "properties": {
            "name": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            "total": {"type": "long"},
            "sum": {"type": "alias", "path": "total"},
            "o": {"properties": {"a": {"type": "long"}, "b": {"type": "long"}}},
            "p": {"properties": {"q": {"properties": {"a": {"type": "long"}}}}},
            "empty": {"properties": {}}
        }});
        let foreign = ["total", "o.a", "p.q.a"].into_iter().map(str::to_owned).collect();

        let view = without(&mapping, "", &foreign);

        assert_eq!(
            view,
            json!({"dynamic": "strict", "properties": {
                "name": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
                "o": {"properties": {"b": {"type": "long"}}}
            }})
        );
    }
}
