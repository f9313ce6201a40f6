//! What two answers to the same request differ in: ties may come in any order, scores may differ in their last digits.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sides::Reply;

/// Numbers that differ by less, relatively, are the same.
const TOLERANCE: f64 = 1e-4;

/// Members of a hit that are compared in their own way, or that are no answer to the query; OpenSearch does not tell in
/// `_ignored` what is longer than `ignore_above`.
const HIT_MEMBERS_APART: [&str; 10] = [
    "_id",
    "_index",
    "_type",
    "_shard",
    "_node",
    "_ignored",
    "_explanation",
    "matched_queries",
    "inner_hits",
    "sort",
];

/// The first thing in which two answers differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// A word for what differs: `status`, `total`, `order`…
    pub(crate) aspect: String,
    pub(crate) detail: String,
}

fn differs(aspect: &str, ours: impl std::fmt::Display, theirs: impl std::fmt::Display) -> Option<Difference> {
    Some(Difference { aspect: aspect.to_owned(), detail: format!("ours {ours}, theirs {theirs}") })
}

/// The first difference between our reply and theirs.
pub(crate) fn difference(ours: &Reply, theirs: &Reply) -> Option<Difference> {
    if ours.status != theirs.status {
        return differs("status", fault_or_status(ours), fault_or_status(theirs));
    }
    between(&ours.json, &theirs.json)
}

/// A short word for what a reply is: its status, and its fault if it has one.
fn fault_or_status(reply: &Reply) -> String {
    match root_cause(&reply.json) {
        Some(cause) => format!("{} {}", reply.status, fault(cause)),
        None => reply.status.to_string(),
    }
}

fn fault(cause: &Value) -> String {
    if cause.is_string() {
        return text(cause);
    }
    format!("{}: {}", text(&cause["type"]), text(&cause["reason"]))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn root_cause(json: &Value) -> Option<&Value> {
    let error = json.get("error")?;
    Some(error["root_cause"].get(0).unwrap_or(error))
}

/// Of the bodies: faults by their type, several searches one by one, searches by their hits, the rest by its members.
fn between(ours: &Value, theirs: &Value) -> Option<Difference> {
    if let (Some(our_cause), Some(their_cause)) = (root_cause(ours), root_cause(theirs)) {
        let is_same = our_cause["type"] == their_cause["type"];
        return if is_same { None } else { differs("error", fault(our_cause), fault(their_cause)) };
    }
    if let (Some(ours), Some(theirs)) = (ours["responses"].as_array(), theirs["responses"].as_array()) {
        if ours.len() != theirs.len() {
            return differs("responses", ours.len(), theirs.len());
        }
        return ours.iter().zip(theirs).find_map(|(ours, theirs)| one_of_several(ours, theirs));
    }
    for member in ["count", "valid", "matched", "terminated_early"] {
        if ours.get(member) != theirs.get(member) {
            return differs(member, &ours[member], &theirs[member]);
        }
    }
    let value = |json: &Value| json["explanation"]["value"].clone();
    if !alike(&value(ours), &value(theirs)) {
        return differs("explanation", value(ours), value(theirs));
    }
    if let Some(difference) = suggestions(&ours["suggest"], &theirs["suggest"]) {
        return Some(difference);
    }
    hits(&ours["hits"], &theirs["hits"])
}

fn one_of_several(ours: &Value, theirs: &Value) -> Option<Difference> {
    if ours["status"] != theirs["status"] {
        return differs("status", &ours["status"], &theirs["status"]);
    }
    between(ours, theirs)
}

fn suggestions(ours: &Value, theirs: &Value) -> Option<Difference> {
    let plain = |suggest: &Value| {
        let mut suggest = suggest.clone();
        for option in suggest
            .as_object_mut()
            .into_iter()
            .flat_map(|named| named.values_mut())
            .filter_map(Value::as_array_mut)
            .flatten()
            .filter_map(|entry| entry["options"].as_array_mut())
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            option.remove("_type");
        }
        suggest
    };
    let (ours, theirs) = (plain(ours), plain(theirs));
    if alike(&ours, &theirs) { None } else { differs("suggest", ours, theirs) }
}

/// Hits of a search, or inner hits.
fn hits(ours: &Value, theirs: &Value) -> Option<Difference> {
    if ours["total"] != theirs["total"] {
        return differs("total", &ours["total"], &theirs["total"]);
    }
    let none = Vec::new();
    let our_hits = ours["hits"].as_array().unwrap_or(&none);
    let their_hits = theirs["hits"].as_array().unwrap_or(&none);
    if our_hits.len() != their_hits.len() {
        return differs("hits", our_hits.len(), their_hits.len());
    }
    for (at, (our_hit, their_hit)) in our_hits.iter().zip(their_hits).enumerate() {
        if !alike_keys(key(our_hit), key(their_hit)) {
            let aspect = if their_hit.get("sort").is_some() { "sort" } else { "scores" };
            let [ours, theirs] = [our_hits, their_hits].map(|hits| listed(&hits[at..]));
            return Some(Difference {
                aspect: aspect.to_owned(),
                detail: format!("from place {at} on, ours {ours}, theirs {theirs}"),
            });
        }
    }
    let by_id: BTreeMap<String, &Value> = their_hits.iter().map(|hit| (id(hit), hit)).collect();
    let all = theirs["total"]["value"].as_u64() == Some(their_hits.len() as u64);
    // Of those that tie with the first or the last hit others may have come into the page.
    let borders: Vec<&Value> =
        [their_hits.first(), their_hits.last()].into_iter().flatten().map(key).filter(|_| !all).collect();
    for our_hit in our_hits {
        match by_id.get(&id(our_hit)) {
            None if borders.iter().any(|border| alike_keys(key(our_hit), border)) => {}
            Some(their_hit) if alike_keys(key(our_hit), key(their_hit)) => {
                if let Some(difference) = hit(our_hit, their_hit) {
                    return Some(difference);
                }
            }
            _ => return differs("order", listed(our_hits), listed(their_hits)),
        }
    }
    if !alike(&ours["max_score"], &theirs["max_score"]) {
        return differs("max_score", &ours["max_score"], &theirs["max_score"]);
    }
    None
}

/// By what a hit has its place.
fn key(hit: &Value) -> &Value {
    hit.get("sort").unwrap_or(&hit["_score"])
}

/// The same place in the order. What stands for a missing whole number has 64 bits in Elasticsearch; in OpenSearch it has 32
/// where the field has no more.
fn alike_keys(ours: &Value, theirs: &Value) -> bool {
    let wide = |value: &Value| match value.as_i64() {
        Some(bound) if bound == i64::from(i32::MAX) => Value::from(i64::MAX),
        Some(bound) if bound == i64::from(i32::MIN) => Value::from(i64::MIN),
        _ => value.clone(),
    };
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| alike(&wide(ours), &wide(theirs)))
        }
        _ => alike(ours, theirs),
    }
}

/// Nested objects have the id of their document and a place in it.
fn id(hit: &Value) -> String {
    // A hit without an id is known by its place in the order.
    let named = if hit["_id"].is_null() { key(hit) } else { &hit["_id"] };
    format!("{} {}", text(named), hit["_nested"])
}

/// So many hits show what is the matter.
const LISTED: usize = 8;

/// Ids and what they are ordered by, short enough to be read.
fn listed(hits: &[Value]) -> String {
    let shown: Vec<String> =
        hits.iter().take(LISTED).map(|hit| format!("{}:{}", text(&hit["_id"]), key(hit))).collect();
    format!("[{}]", shown.join(" "))
}

/// The same document as both show it.
fn hit(ours: &Value, theirs: &Value) -> Option<Difference> {
    let named = |hit: &Value| {
        let mut names = hit["matched_queries"].as_array().cloned().unwrap_or_default();
        names.sort_by_key(ToString::to_string);
        names
    };
    if named(ours) != named(theirs) {
        return differs("matched_queries", &ours["matched_queries"], &theirs["matched_queries"]);
    }
    let value = |hit: &Value| hit["_explanation"]["value"].clone();
    if !alike(&value(ours), &value(theirs)) {
        return differs("explanation", value(ours), value(theirs));
    }
    let members = |hit: &Value| hit.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let mut all: Vec<String> = members(theirs);
    all.extend::<Vec<String>>(members(ours));
    for member in all.iter().filter(|member| !HIT_MEMBERS_APART.contains(&member.as_str())) {
        let (our_member, their_member) = (&ours[member], &theirs[member]);
        if !alike(our_member, their_member) {
            return differs(member, our_member, their_member);
        }
    }
    let groups = |hit: &Value| hit["inner_hits"].as_object().cloned().unwrap_or_default();
    let (our_groups, their_groups) = (groups(ours), groups(theirs));
    if !our_groups.keys().eq(their_groups.keys()) {
        return differs("inner_hits", &ours["inner_hits"], &theirs["inner_hits"]);
    }
    our_groups.iter().zip(their_groups.values()).find_map(|((_, ours), theirs)| {
        let within = hits(&ours["hits"], &theirs["hits"])?;
        Some(Difference { aspect: format!("inner_hits {}", within.aspect), ..within })
    })
}

/// The same but for the last digits of numbers.
pub(crate) fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            if ours == theirs {
                return true;
            }
            let (Some(ours), Some(theirs)) = (ours.as_f64(), theirs.as_f64()) else { return false };
            (ours - theirs).abs() <= TOLERANCE * ours.abs().max(theirs.abs())
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| alike(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(name, value)| theirs.get(name).is_some_and(|theirs| alike(value, theirs)))
        }
        _ => ours == theirs,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(hits: &[(&str, f64)], total: u64) -> Reply {
        let hits: Vec<Value> = hits.iter().map(|(id, score)| json!({"_id": id, "_score": score})).collect();
        Reply {
            status: 200,
            json: json!({"hits": {"total": {"value": total, "relation": "eq"}, "hits": hits}}),
        }
    }

    fn aspect(ours: &[(&str, f64)], theirs: &[(&str, f64)], total: u64) -> Option<String> {
        difference(&found(ours, total), &found(theirs, total)).map(|difference| difference.aspect)
    }

    #[test]
    fn ties_come_in_any_order_and_others_do_not() {
        let theirs = [("a", 2.0), ("b", 1.0), ("c", 1.0)];
        for (ours, total, expected) in [
            ([("a", 2.0), ("c", 1.0), ("b", 1.00001)], 3, None),
            ([("a", 2.0), ("c", 1.0), ("b", 1.01)], 3, Some("scores")),
            ([("b", 2.0), ("a", 1.0), ("c", 1.0)], 3, Some("order")),
            ([("a", 2.0), ("b", 1.0), ("d", 1.0)], 3, Some("order")),
            ([("a", 2.0), ("b", 1.0), ("d", 1.0)], 4, None),
        ] {
            assert_eq!(aspect(&ours, &theirs, total).as_deref(), expected, "{ours:?} of {total}");
        }
    }

    #[test]
    fn faults_are_compared_by_status_and_type() {
        let fault = |status, kind: &str, reason: &str| Reply {
            status,
            json: json!({"error": {"type": "x", "root_cause": [{"type": kind, "reason": reason}]}, "status": status}),
        };
        let theirs = fault(400, "parsing_exception", "no");

        assert_eq!(difference(&fault(400, "parsing_exception", "never"), &theirs), None);
        assert_eq!(difference(&fault(400, "other", "no"), &theirs).expect("differs").aspect, "error");
        assert_eq!(
            difference(&fault(500, "parsing_exception", "no"), &theirs).expect("differs").aspect,
            "status"
        );
    }
}
