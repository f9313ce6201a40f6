//! Makes a request that is answered differently smaller, as long as it is.

use serde_json::Value;

use crate::answers::{Difference, difference};
use crate::requests::{Body, Request};
use crate::sides::{Reply, Sides};

/// So many smaller requests are tried for one difference.
const TRIES_MAX: usize = 80;

/// A request with both its answers.
pub(crate) struct Differing {
    pub(crate) request: Request,
    pub(crate) difference: Difference,
    pub(crate) replies: [Reply; 2],
}

impl Differing {
    /// The request and both answers, to be read.
    pub(crate) fn shown(&self) -> String {
        let [ours, theirs] = self.replies.each_ref().map(|reply| cut(&essence(&reply.json).to_string()));
        format!(
            "── {}: {} differs: {}\n{}\nours {}: {ours}\ntheirs {}: {theirs}\n\n",
            self.request.kind,
            self.difference.aspect,
            cut(&self.difference.detail),
            self.request.shown().trim_end(),
            self.replies[0].status,
            self.replies[1].status,
        )
    }
}

/// An answer without what is no matter of what was asked.
fn essence(json: &Value) -> Value {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "took" | "timed_out" | "_shards"));
    }
    if let Some(hits) = json.pointer_mut("/hits/hits").and_then(Value::as_array_mut) {
        for hit in hits.iter_mut().filter_map(Value::as_object_mut) {
            hit.retain(|name, _| !matches!(name.as_str(), "_index" | "_type"));
        }
    }
    json
}

/// An answer beyond this is cut.
const SHOWN_CHARS: usize = 900;

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// Takes away member after member, as long as both answer with the same statuses and differ in the same respect.
pub(crate) async fn shrunk(sides: &Sides, whole: Differing) -> anyhow::Result<Differing> {
    let mut smallest = whole;
    let mut tries = 0;
    loop {
        let Body::Json(body) = &smallest.request.body else { return Ok(smallest) };
        let mut found = None;
        for candidate in smaller(body) {
            if tries == TRIES_MAX {
                return Ok(smallest);
            }
            tries += 1;
            let request = Request { body: Body::Json(candidate), ..smallest.request.clone() };
            let replies = sides.ask(&request).await?;
            let Some(difference) = difference(&replies[0], &replies[1]) else { continue };
            let statuses = |replies: &[Reply; 2]| replies.each_ref().map(|reply| reply.status);
            if difference.aspect == smallest.difference.aspect
                && statuses(&replies) == statuses(&smallest.replies)
            {
                found = Some(Differing { request, difference, replies });
                break;
            }
        }
        match found {
            Some(smaller) => smallest = smaller,
            None => return Ok(smallest),
        }
    }
}

/// Every body that has one member or element less, or one clause in the place of the compound around it; large cuts first.
fn smaller(body: &Value) -> Vec<Value> {
    let mut paths = Vec::new();
    walk(body, String::new(), &mut paths);
    let mut cuts: Vec<Value> = paths.iter().filter_map(|path| without(body, path)).collect();
    cuts.extend(paths.iter().filter_map(|path| lifted(body, path)));
    cuts.sort_by_key(|cut| cut.to_string().len());
    cuts
}

fn walk(value: &Value, path: String, paths: &mut Vec<String>) {
    // Sources make answers long, not smaller requests.
    if !path.is_empty() && path != "/_source" {
        paths.push(path.clone());
    }
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| walk(value, format!("{path}/{}", escaped(name)), paths));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| walk(value, format!("{path}/{at}"), paths));
        }
        _ => {}
    }
}

fn without(body: &Value, path: &str) -> Option<Value> {
    let (parent, name) = path.rsplit_once('/')?;
    let mut body = body.clone();
    match body.pointer_mut(parent)? {
        Value::Object(members) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))?),
        Value::Array(items) => drop(items.remove(name.parse().ok()?)),
        _ => return None,
    }
    Some(body)
}

/// The clause at `path` in the place of the `bool` (or another compound) that holds it.
fn lifted(body: &Value, path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let compound = parts.iter().rposition(|part| {
        matches!(*part, "bool" | "dis_max" | "boosting" | "constant_score" | "function_score" | "nested")
    })?;
    let clause = body.pointer(path)?;
    let is_query = clause.as_object().is_some_and(|members| members.len() == 1);
    if !is_query || parts.len() > compound + 3 {
        return None;
    }
    let clause = clause.clone();
    let mut body = body.clone();
    *body.pointer_mut(&parts[..compound].join("/"))? = clause;
    Some(body)
}
