//! Which nodes an expression means: ids, names, addresses, roles, attributes, `_local`, `_master`.

use std::collections::BTreeSet;

use cluster::state::{NodeEntry, NodeId, Role};

use super::view::View;
use crate::indices::matches;

/// The nodes that a list means; `none` for all of them. What comes later in the list adds to it, or, as `data:false`, takes away.
pub(crate) fn chosen_nodes(view: &View, expression: Option<&str>) -> BTreeSet<NodeId> {
    let all = || view.map.nodes.keys().copied();
    let Some(expression) = expression.filter(|text| !text.trim().is_empty()) else { return all().collect() };
    let mut chosen = BTreeSet::new();
    for part in expression.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part {
            "_all" | "*" => chosen.extend(all()),
            "_local" => drop(chosen.insert(view.own)),
            "_master" | "_cluster_manager" => chosen.extend(view.master),
            _ => choose(view, part, &mut chosen),
        }
    }
    chosen
}

fn choose(view: &View, part: &str, chosen: &mut BTreeSet<NodeId>) {
    let nodes = view.map.nodes.iter();
    match part.split_once(':').and_then(|(key, value)| Some((role(key)?, value))) {
        Some((is_role, value)) => {
            let of_role = nodes.filter(|(_, entry)| is_role(entry)).map(|(node, _)| *node);
            match value {
                "true" => chosen.extend(of_role),
                "false" => {
                    let unwanted: BTreeSet<NodeId> = of_role.collect();
                    chosen.retain(|node| !unwanted.contains(node));
                }
                _ => {}
            }
        }
        None => {
            chosen.extend(nodes.filter(|(node, entry)| is_called(**node, entry, part)).map(|(node, _)| *node))
        }
    }
}

fn role(key: &str) -> Option<fn(&NodeEntry) -> bool> {
    match key {
        "master" | "cluster_manager" => Some(|entry| entry.roles.contains(&Role::Master)),
        "data" => Some(NodeEntry::holds_data),
        "ingest" => Some(|entry| entry.roles.contains(&Role::Ingest)),
        "coordinating_only" => Some(|entry| entry.roles.is_empty()),
        _ => None,
    }
}

fn is_called(node: NodeId, entry: &NodeEntry, part: &str) -> bool {
    let address = entry.transport_address.as_str();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let names = [entry.name.as_str(), entry.data_id.as_str(), address, host, host.trim_matches(['[', ']'])];
    let is_attribute = part.split_once(':').is_some_and(|(key, value)| {
        entry.attributes.iter().any(|(name, known)| matches(key, name) && matches(value, known))
    });
    is_attribute || node.to_string() == part || names.iter().any(|name| matches(part, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use cluster::state::{ClusterState, Command};

    use super::*;

    fn view() -> View {
        let mut map = ClusterState::default();
        for (node, roles) in [(1, vec![Role::Master, Role::Data]), (2, vec![Role::Data]), (3, vec![])] {
            let entry = NodeEntry {
                name: format!("n{node}"),
                data_id: format!("d{node}"),
                transport_address: format!("10.0.0.{node}:9300"),
                http_address: String::new(),
                roles: roles.into_iter().collect(),
                attributes: BTreeMap::from([("rack".to_owned(), format!("r{node}"))]),
            };
            map.apply(Command::Join { node: NodeId(node), entry }).expect("joined");
        }
        View { map: Arc::new(map), own: NodeId(2), master: Some(NodeId(1)), nameless: 0 }
    }

    #[test]
    fn nodes_are_called_by_many_names() {
        for (expression, expected) in [
            ("_all", vec![1, 2, 3]),
            ("_local", vec![2]),
            ("_master", vec![1]),
            ("n1,d3", vec![1, 3]),
            ("n*", vec![1, 2, 3]),
            ("10.0.0.2", vec![2]),
            ("10.0.0.3:9300", vec![3]),
            ("rack:r3", vec![3]),
            ("data:true", vec![1, 2]),
            ("_all,data:false", vec![3]),
            ("coordinating_only:true", vec![3]),
            ("nobody", vec![]),
        ] {
            let chosen = chosen_nodes(&view(), Some(expression));
            assert_eq!(chosen.into_iter().map(|node| node.0).collect::<Vec<_>>(), expected, "{expression}");
        }
        assert_eq!(chosen_nodes(&view(), None).len(), 3);
    }
}
