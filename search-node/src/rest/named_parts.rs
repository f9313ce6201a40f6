//! Parts of a path that a request names behind the `?` instead: `/_search?index=logs` is `/logs/_search`, as in Elasticsearch, where
//! both are parameters of the request.

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
    let is_named = |part: &str| query.contains_key(part) && is_foreign(part);
    let same = tables().flatten().filter(|other| {
        let has_all = path.keys().all(|part| parts_of(other.path).any(|found| found == *part));
        let are_told = parts_of(other.path).all(|part| path.contains_key(part) || is_named(part));
        is_for(other, method) && has_all && are_told && literals_of(other.path).eq(literals_of(route.path))
    });
    let other = same.max_by_key(|other| parts_of(other.path).count())?;
    let told: Vec<&str> = parts_of(other.path).filter(|part| !path.contains_key(part)).collect();
    // Nothing behind a name is as good as no name.
    if told.is_empty() || told.iter().any(|part| query.get(*part).is_none_or(String::is_empty)) {
        told.iter().for_each(|part| drop(query.remove(*part)));
        return None;
    }
    let mut whole = path.clone();
    whole.extend(told.into_iter().filter_map(|part| Some((part, query.remove(part)?))));
    let segments = pieces(other.path).filter_map(|piece| match part_of(piece) {
        Some(part) => whole.get(part).cloned(),
        None => Some(piece.to_owned()),
    });
    Some(Meant { route: other, segments: segments.collect(), path: whole })
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
