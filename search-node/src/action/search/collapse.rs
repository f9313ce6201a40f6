//! `collapse`: the best hit of each group, and with it the best ones of its group.

use serde_json::{Map, Value, json};

use super::body::{SearchBody, count};
use super::until::Until;
use super::{Manner, Scope, search};
use crate::error::ApiError;
use crate::node::Node;
use crate::tasks::Task;

/// How hits are grouped.
#[derive(Debug, Clone)]
pub(super) struct Collapse {
    pub field: String,
    /// What is shown of each group, by its name.
    inner_hits: Vec<(String, Map<String, Value>)>,
}

impl Collapse {
    pub(super) fn read(value: &Value) -> Result<Self, ApiError> {
        let Value::Object(members) = value else {
            return Err(ApiError::parsing("[collapse] must be an object"));
        };
        let (mut field, mut inner_hits) = (None, Vec::new());
        for (key, value) in members {
            match (key.as_str(), value) {
                ("field", Value::String(name)) => field = Some(name.clone()),
                ("inner_hits", Value::Array(items)) => {
                    for item in items {
                        inner_hits.push(read_inner(item)?);
                    }
                }
                ("inner_hits", one) => inner_hits.push(read_inner(one)?),
                // Groups are looked up one after the other, which is never more at a time than is allowed.
                ("max_concurrent_group_searches", _) => {
                    count(key, value)?;
                }
                _ => return Err(ApiError::malformed(format!("[collapse] unknown field [{key}]"))),
            }
        }
        let field = field.ok_or_else(|| ApiError::argument("Required [field]"))?;
        Ok(Self { field, inner_hits })
    }

    /// Refuses what cannot be asked of groups.
    pub(super) fn check(&self, body: &SearchBody) -> Result<(), ApiError> {
        let refused = |reason: &str| Err(ApiError::argument(reason));
        if !body.rescore.is_empty() {
            return refused("cannot use `collapse` in conjunction with `rescore`");
        }
        let by_group = shard::SortField::Field(self.field.clone());
        let is_same = body.request.sort.len() == 1 && body.request.sort[0].field == by_group;
        if body.request.search_after.is_some() && !is_same {
            return refused(
                "collapse field and sort field must be the same when use `collapse` in conjunction with `search_after`",
            );
        }
        Ok(())
    }

    /// Shows the best hits of the group of each hit, and tells whether there was time for all of them. What is left of that of the search is theirs.
    pub(super) fn expand(
        &self,
        hits: &mut [Value],
        groups: &[Value],
        json: &Value,
        (node, scope, manner, task): (&Node, &Scope, &Manner, &Task),
        until: &Until,
    ) -> Result<bool, ApiError> {
        let mut is_whole = true;
        for (hit, group) in hits.iter_mut().zip(groups) {
            if self.inner_hits.is_empty() {
                break;
            }
            let mut shown = Map::new();
            for (name, inner) in &self.inner_hits {
                if until.is_time_up() && manner.allows_partial {
                    is_whole = false;
                    shown.insert(name.clone(), nothing());
                    continue;
                }
                let manner = Manner { timeout: until.left(), batch: None, ..manner.clone() };
                let mut found = search(node, scope, &self.query(inner, group, json), &manner, false, task)?;
                is_whole &= found["timed_out"] != json!(true);
                shown.insert(name.clone(), json!({"hits": found["hits"].take()}));
            }
            hit["inner_hits"] = Value::Object(shown);
        }
        Ok(is_whole)
    }

    /// The search for the hits of one group.
    fn query(&self, inner: &Map<String, Value>, group: &Value, json: &Value) -> Value {
        let field = &self.field;
        let mut all = match group {
            Value::Null => json!({"bool": {"must_not": [{"exists": {"field": field}}]}}),
            value => json!({"bool": {"filter": [{"term": {field: {"value": value}}}]}}),
        };
        if let Some(query) = json.get("query") {
            all["bool"]["must"] = json!([query]);
        }
        let mut body = inner.clone();
        body.entry("size").or_insert(json!(3));
        body.insert("query".to_owned(), all);
        if let Some(filter) = json.get("post_filter") {
            body.insert("post_filter".to_owned(), filter.clone());
        }
        Value::Object(body)
    }
}

/// What is shown of a group for which there was no time.
fn nothing() -> Value {
    json!({"hits": {"total": {"value": 0, "relation": "gte"}, "max_score": null, "hits": []}})
}

fn read_inner(value: &Value) -> Result<(String, Map<String, Value>), ApiError> {
    let Value::Object(members) = value else {
        return Err(ApiError::malformed(
            "[collapse] inner_hits must be an object or a list of these".to_owned(),
        ));
    };
    let mut rest = members.clone();
    for unknown in ["query", "post_filter", "aggs", "aggregations", "search_after", "rescore"] {
        if rest.contains_key(unknown) {
            return Err(ApiError::malformed(format!("[inner_hits] unknown field [{unknown}]")));
        }
    }
    rest.remove("ignore_unmapped");
    let name = rest.remove("name").and_then(|name| name.as_str().map(str::to_owned));
    let name = name.ok_or_else(|| ApiError::argument("[inner_hits] of a collapse must have a [name]"))?;
    // What is wrong with it is told before anything is looked for.
    SearchBody::read(&Value::Object(rest.clone()))?;
    Ok((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_looked_for_with_the_query_that_found_it() {
        let collapse = Collapse::read(&json!({"field": "k", "inner_hits": [{"name": "a", "sort": ["l"]}]}));
        let collapse = collapse.expect("read");
        let (_, inner) = &collapse.inner_hits[0];
        let asked = collapse.query(inner, &json!("x"), &json!({"query": {"match_all": {}}}));
        assert_eq!(
            asked,
            json!({"sort": ["l"], "size": 3, "query": {"bool": {"filter": [{"term": {"k": {"value": "x"}}}], "must": [{"match_all": {}}]}}})
        );
        let none = collapse.query(inner, &Value::Null, &json!({}));
        assert_eq!(none["query"], json!({"bool": {"must_not": [{"exists": {"field": "k"}}]}}));
        for wrong in
            [json!({"field": "k", "foo": 1}), json!({}), json!({"field": "k", "inner_hits": {"size": 1}})]
        {
            assert!(Collapse::read(&wrong).is_err(), "{wrong}");
        }
    }
}
