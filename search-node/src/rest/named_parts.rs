//! Parts of a path that a request names behind the `?` instead: `/_search?index=logs` is `/logs/_search`, as in Elasticsearch, where
//! both are parameters of the request.

use std::cmp::Reverse;
use std::collections::HashMap;

use http::Method;

use super::parameters::is_common;
use super::router::{Route, is_for, tables};

/// A request with the parts of its path in the path.
pub(super) struct Meant {
    pub(super) route: &'static Route,
    pub(super) path: HashMap<&'static str, String>,
    pub(super) segments: Vec<String>,
}

/// The route that a request means by parameters that are parts of another path of the same API; none where it has none.
pub(super) fn meant(
    method: &Method,
    route: &'static Route,
    path: &HashMap<&'static str, String>,
    query: &mut HashMap<String, String>,
) -> Option<Meant> {
    let is_foreign = |name: &str| !is_common(name) && !route.params.contains(&name);
    if !query.keys().any(|name| is_foreign(name)) {
        return None;
    }
    let told_as = |part: &str| {
        let names = names_of(route.path, part).unwrap_or_else(|| vec![part]);
        names.into_iter().find(|name| query.contains_key(*name) && is_foreign(name)).map(str::to_owned)
    };
    let same = tables().flatten().filter(|other| {
        let parts: Vec<&str> = parts_of(other.path).collect();
        let last = parts.iter().rposition(|part| !path.contains_key(part) && told_as(part).is_some());
        let is_known = |(at, part): (usize, &&str)| {
            let is_all = || last.is_some_and(|last| at < last) && names_of(route.path, part).is_some();
            path.contains_key(part) || told_as(part).is_some() || is_all()
        };
        is_for(other, method)
            && path.keys().all(|part| parts.contains(part))
            && parts.iter().enumerate().all(is_known)
            && literals_of(other.path).eq(literals_of(route.path))
    });
    // The one in which the most of what is told has its place, and the least else.
    let other = same.max_by_key(|other| {
        let lacking = || parts_of(other.path).filter(|part| !path.contains_key(part));
        (lacking().filter(|part| told_as(part).is_some()).count(), Reverse(lacking().count()))
    })?;
    let lacking: Vec<&str> = parts_of(other.path).filter(|part| !path.contains_key(part)).collect();
    let told: Vec<(&str, Option<String>)> = lacking.iter().map(|part| (*part, told_as(part))).collect();
    let mut whole = path.clone();
    let mut is_nothing = told.is_empty();
    for (part, name) in told {
        let value = name.and_then(|name| query.remove(&name)).unwrap_or_else(|| ALL.to_owned());
        // Nothing behind a name is as good as no name.
        is_nothing |= value.is_empty();
        whole.insert(part, value);
    }
    if is_nothing {
        return None;
    }
    let segments = pieces(other.path).filter_map(|piece| match part_of(piece) {
        Some(part) => whole.get(part).cloned(),
        None => Some(piece.to_owned()),
    });
    Some(Meant { route: other, segments: segments.collect(), path: whole })
}

/// What stands for a part that is not told where one behind it is.
const ALL: &str = "_all";

/// The names of a part behind the `?` where they are others than in the path; such a part may be left out, which means all.
fn names_of(path: &str, part: &str) -> Option<Vec<&'static str>> {
    let is_nodes = path.starts_with("/_nodes");
    Some(match part {
        "id" if is_nodes => vec!["node_id", "nodeId"],
        "type" if is_nodes => vec!["metric", "metrics"],
        "part" if is_nodes => vec!["index_metric"],
        "id" if path.starts_with("/_cluster/state") => vec!["metric"],
        "index" if path.starts_with("/_cluster/state") => vec!["index", "indices"],
        _ => return None,
    })
}

fn pieces(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter(|piece| !piece.is_empty())
}

fn part_of(piece: &'static str) -> Option<&'static str> {
    piece.strip_prefix('{')?.strip_suffix('}')
}

fn parts_of(path: &'static str) -> impl Iterator<Item = &'static str> {
    pieces(path).filter_map(part_of)
}

fn literals_of(path: &'static str) -> impl Iterator<Item = &'static str> {
    pieces(path).filter(|piece| part_of(piece).is_none())
}

#[cfg(test)]
mod tests {
    use super::super::router::find;
    use super::*;

    fn found(path: &str, query: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        let (route, parts) = find(&Method::GET, &segments, path).expect("a route");
        let mut query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let meant = meant(&Method::GET, route, &parts, &mut query);
        let mut left: Vec<String> = query.into_keys().collect();
        left.sort();
        (meant.map_or_else(Vec::new, |meant| meant.segments), left)
    }

    #[test]
    fn parts_of_a_path_may_stand_behind_it() {
        for (path, query, segments, left) in [
            ("/_search", vec![("index", "ru"), ("size", "1")], vec!["ru", "_search"], vec!["size"]),
            ("/_count", vec![("index", "a,b")], vec!["a,b", "_count"], vec![]),
            ("/_cat/indices", vec![("index", "ru"), ("v", "")], vec!["_cat", "indices", "ru"], vec!["v"]),
            ("/_cluster/health", vec![("index", "ru")], vec!["_cluster", "health", "ru"], vec![]),
            ("/_stats", vec![("index", "ru"), ("metric", "docs")], vec!["ru", "_stats", "docs"], vec![]),
            ("/ru/_stats", vec![("metric", "docs")], vec!["ru", "_stats", "docs"], vec![]),
            ("/_search", vec![("index", "")], vec![], vec![]),
            ("/_cluster/state", vec![("metric", "nodes")], vec!["_cluster", "state", "nodes"], vec![]),
            ("/_cluster/state", vec![("indices", "ru")], vec!["_cluster", "state", "_all", "ru"], vec![]),
            (
                "/_cluster/state/metadata",
                vec![("index", "ru"), ("local", "true")],
                vec!["_cluster", "state", "metadata", "ru"],
                vec!["local"],
            ),
            ("/_nodes", vec![("metric", "os")], vec!["_nodes", "_all", "os"], vec![]),
            ("/_nodes", vec![("nodeId", "_local")], vec!["_nodes", "_local"], vec![]),
            ("/_nodes/_local", vec![("metrics", "os")], vec!["_nodes", "_local", "os"], vec![]),
            (
                "/_nodes/stats",
                vec![("index_metric", "docs"), ("metric", "indices"), ("node_id", "_local")],
                vec!["_nodes", "_local", "stats", "indices", "docs"],
                vec![],
            ),
            (
                "/_nodes/usage",
                vec![("metric", "rest_actions")],
                vec!["_nodes", "usage", "rest_actions"],
                vec![],
            ),
            ("/_nodes", vec![("metric", ""), ("timeout", "1s")], vec![], vec!["timeout"]),
            ("/_search", vec![("foo", "ru")], vec![], vec!["foo"]),
            ("/ru/_search", vec![("index", "other")], vec![], vec!["index"]),
        ] {
            let (shown, rest) = found(path, &query);
            assert_eq!(
                (shown, rest),
                (
                    segments.iter().map(|part| (*part).to_owned()).collect(),
                    left.iter().map(|name: &&str| (*name).to_owned()).collect()
                ),
                "{path} {query:?}"
            );
        }
    }
}
