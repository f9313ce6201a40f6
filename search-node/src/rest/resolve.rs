//! `GET /_resolve/index/{name}`: what an expression means: indices, aliases, data streams.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::blocking;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::Lookup;

const PARAMS: &[&str] = &["allow_no_indices", "expand_wildcards", "ignore_unavailable"];

/// Clients of version 9.5 ask by POST.
const METHODS: &[Method] = &[Method::GET, Method::POST];

pub(super) const ROUTES: &[Route] =
    &[route(METHODS, "/_resolve/index/{name}", PARAMS, |call| blocking(call, resolve).boxed())];

fn resolve(call: &Call) -> Result<Reply, ApiError> {
    let names = call.node.indices.named(&call.part("name"), call.name_options()?)?;
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    Call::ok(shown(&call.node.indices.lookup(), &names))
}

fn shown(lookup: &Lookup, names: &[&str]) -> Value {
    let (mut indices, mut aliases, mut streams) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        if let Some(index) = lookup.indices.get(*name) {
            let mut attributes = vec![if index.is_closed() { "closed" } else { "open" }];
            if lookup.known.get(*name).is_some_and(|known| known.is_hidden) {
                attributes.insert(0, "hidden");
            }
            let mut shown = Map::from_iter([("name".to_owned(), json!(name))]);
            let of_index: Vec<String> = index.aliases().into_iter().map(|(alias, _)| alias).collect();
            if !of_index.is_empty() {
                shown.insert("aliases".to_owned(), json!(of_index));
            }
            shown.insert("attributes".to_owned(), json!(attributes));
            shown.extend(lookup.stream_of(index).map(|stream| ("data_stream".to_owned(), json!(stream))));
            indices.push(Value::Object(shown));
        }
        if let Some(members) = lookup.aliases.get(*name) {
            let members: Vec<&str> = members.iter().map(|(index, _)| index.name.as_str()).collect();
            aliases.push(json!({"name": name, "indices": members}));
        }
        if let Some(stream) = lookup.streams.get(*name) {
            let members: Vec<&str> = stream.indices.iter().map(|index| index.name.as_str()).collect();
            let field = &stream.about.timestamp_field;
            streams.push(json!({"name": name, "backing_indices": members, "timestamp_field": field}));
        }
    }
    json!({"indices": indices, "aliases": aliases, "data_streams": streams})
}
