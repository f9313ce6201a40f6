//! A node as pages show it.

use cluster::state::{NodeEntry, NodeId, Role};
use serde_json::{Map, Value, json};

use crate::action::cluster::View;

/// The host of `host:port`.
pub(in crate::rest) fn host_of(address: &str) -> &str {
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => address,
    };
    host.trim_matches(['[', ']'])
}

/// The port of `host:port`.
pub(in crate::rest) fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// A text of a decision, with the names that people give in place of those that are never used twice.
pub(super) fn called(view: &View, text: &str) -> String {
    let mut called = text.to_owned();
    for (node, entry) in &view.map.nodes {
        called = called.replace(&node.to_string(), &format!("[{}]", entry.name));
    }
    for (id, entry) in &view.map.indices {
        called = called.replace(&format!("[{id}]["), &format!("[{}][", entry.name));
    }
    called
}

/// The names of roles, in the order of the alphabet.
pub(in crate::rest) fn roles_of(entry: &NodeEntry) -> Vec<&'static str> {
    let named = [(Role::Data, "data"), (Role::Ingest, "ingest"), (Role::Master, "master")];
    named.into_iter().filter(|(role, _)| entry.roles.contains(role)).map(|(_, name)| name).collect()
}

/// The first letters of roles; a line for a node that only passes requests on.
pub(in crate::rest) fn role_letters(entry: &NodeEntry) -> String {
    let letters: String = roles_of(entry).into_iter().filter_map(|role| role.chars().next()).collect();
    if letters.is_empty() { "-".to_owned() } else { letters }
}

/// How many nodes were asked and answered.
pub(super) fn nodes_header(total: usize, failed: usize) -> Value {
    json!({"total": total, "successful": total - failed, "failed": failed})
}

/// As the state and explanations name a node.
pub(super) fn node_named(view: &View, node: NodeId) -> Value {
    let Some(entry) = view.node(node) else { return json!({"id": node.to_string()}) };
    json!({
        "id": entry.data_id,
        "name": entry.name,
        "transport_address": entry.transport_address,
        "attributes": entry.attributes
    })
}

/// As pages of shards show a node: without its id, under which it stands.
pub(in crate::rest) fn node_shown(view: &View, node: NodeId) -> Value {
    let mut named = node_named(view, node);
    if let Some(members) = named.as_object_mut() {
        members.shift_remove("id");
        members.insert("ephemeral_id".to_owned(), json!(node.to_string()));
    }
    named
}

/// What every page tells of a node.
pub(super) fn node_head(entry: &NodeEntry) -> Map<String, Value> {
    let mut head = Map::new();
    let host = host_of(&entry.transport_address);
    head.insert("name".to_owned(), json!(entry.name));
    head.insert("transport_address".to_owned(), json!(entry.transport_address));
    head.insert("host".to_owned(), json!(host));
    head.insert("ip".to_owned(), json!(host));
    head.insert("roles".to_owned(), json!(roles_of(entry)));
    head.insert("attributes".to_owned(), json!(entry.attributes));
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (address, host, port) in [
            ("10.0.0.1:9300", "10.0.0.1", Some(9300)),
            ("[::1]:9300", "::1", Some(9300)),
            ("127.0.0.1", "127.0.0.1", None),
        ] {
            assert_eq!((host_of(address), port_of(address)), (host, port), "{address}");
        }
    }
}
