//! What every name means on this node: an index, an alias of indices, a data stream. Made anew whenever the map is followed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::state::{ClusterState, IndexId};
use serde_json::Value;

use super::alias::Alias;
use super::data_stream::DataStream;
use super::guard::Guard;
use super::index::Index;
use super::names::{Known, KnownNames, NameKind};
use super::templates::Templates;
use crate::error::ApiError;

/// Every name, and what it means.
#[derive(Default)]
pub(crate) struct Lookup {
    pub known: KnownNames,
    pub indices: BTreeMap<String, Arc<Index>>,
    /// The indices of each alias, with what it says of them, in the order of their names.
    pub aliases: BTreeMap<String, Vec<(Arc<Index>, Alias)>>,
    pub streams: BTreeMap<String, Stream>,
    /// The streams of backing indices, by the ids of these.
    stream_of: HashMap<String, String>,
    pub templates: Arc<Templates>,
    /// The version of the templates; none where they were not read yet.
    templates_seen: Option<Option<u64>>,
}

/// A data stream with its indices.
pub(crate) struct Stream {
    pub about: DataStream,
    /// The oldest first. One that cannot be served is missing.
    pub indices: Vec<Arc<Index>>,
}

/// An index that a search looks in.
#[derive(Clone)]
pub(crate) struct Searched {
    pub index: Arc<Index>,
    /// What of it is meant; everything where nothing is said.
    pub filter: Option<Arc<Value>>,
    /// The routing values whose shards are meant; all shards where nothing is said.
    pub routing: Option<BTreeSet<String>>,
}

impl Lookup {
    /// What the names of a map mean, with the indices that are served. What is as it was `before` is not read again.
    pub(super) fn of(map: &ClusterState, served: &HashMap<IndexId, Arc<Index>>, before: &Self) -> Self {
        let seen = Some(Guard::Templates.seen(map));
        let templates = match before.templates_seen == seen {
            true => Arc::clone(&before.templates),
            false => Arc::new(Templates::of(map)),
        };
        let mut lookup = Self { templates, templates_seen: seen, ..Self::default() };
        for (name, about) in DataStream::all(map) {
            let ids = about.indices.iter().map(|id| IndexId(id.clone()));
            let there = ids.filter(|id| map.indices.contains_key(id));
            let found = there.filter_map(|id| served.get(&id).cloned());
            let stream = Stream { indices: found.collect(), about };
            lookup.stream_of.extend(stream.about.indices.iter().map(|id| (id.clone(), name.clone())));
            let known = Known::new(NameKind::Stream, stream.about.is_hidden);
            lookup.known.insert(name.clone(), known);
            lookup.streams.insert(name, stream);
        }
        for index in map.indices.keys().filter_map(|id| served.get(id)) {
            lookup.indices.insert(index.name.clone(), Arc::clone(index));
        }
        for index in lookup.indices.values() {
            for (name, said) in index.aliases() {
                let members = lookup.aliases.entry(name).or_default();
                members.push((Arc::clone(index), Alias::kept(&said)));
            }
            let is_hidden = index.is_hidden() || lookup.stream_of.contains_key(&index.uuid);
            let known = Known { is_closed: index.is_closed(), ..Known::new(NameKind::Index, is_hidden) };
            lookup.known.insert(index.name.clone(), known);
        }
        for (name, members) in &lookup.aliases {
            let is_hidden = members.iter().all(|(_, alias)| alias.is_hidden == Some(true));
            lookup.known.entry(name.clone()).or_insert_with(|| Known::new(NameKind::Alias, is_hidden));
        }
        lookup
    }

    /// The indices that a name means.
    pub(crate) fn members(&self, name: &str) -> Vec<&Arc<Index>> {
        if let Some(index) = self.indices.get(name) {
            return vec![index];
        }
        if let Some(stream) = self.streams.get(name) {
            return stream.indices.iter().collect();
        }
        self.aliases.get(name).into_iter().flatten().map(|(index, _)| index).collect()
    }

    /// The stream that an index is a backing index of.
    pub(crate) fn stream_of(&self, index: &Index) -> Option<&str> {
        self.stream_of.get(&index.uuid).map(String::as_str)
    }

    /// The index that writes to a name go to; nothing if there is no such name.
    pub(crate) fn write_index(&self, name: &str, is_create: bool) -> Option<Result<Arc<Index>, ApiError>> {
        if let Some(index) = self.indices.get(name) {
            return Some(Ok(Arc::clone(index)));
        }
        if let Some(stream) = self.streams.get(name) {
            let newest = stream.indices.last().cloned();
            return Some(match newest {
                _ if !is_create => Err(only_creates()),
                Some(newest) => Ok(newest),
                None => Err(ApiError::no_index(name)),
            });
        }
        let members = self.aliases.get(name)?;
        let chosen = match members.as_slice() {
            [(only, alias)] if alias.is_write_index != Some(false) => Some(only),
            several => {
                several.iter().find(|(_, alias)| alias.is_write_index == Some(true)).map(|(one, _)| one)
            }
        };
        Some(chosen.cloned().ok_or_else(|| ApiError::argument(format!(
            "no write index is defined for alias [{name}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
        ))))
    }

    /// The routing value of an operation on one document of an index that was found by this name.
    pub(crate) fn index_routing(
        &self,
        name: &str,
        index: &Index,
        said: Option<&str>,
    ) -> Result<Option<String>, ApiError> {
        let mut members = self.aliases.get(name).into_iter().flatten();
        let alias = members.find(|(member, _)| member.uuid == index.uuid).map(|(_, alias)| alias);
        let Some(own) = alias.and_then(|alias| alias.index_routing.as_deref()) else {
            return Ok(said.map(str::to_owned));
        };
        if let Some(other) = said.filter(|said| *said != own) {
            return Err(ApiError::argument(format!(
                "Alias [{name}] has index routing associated with it [{own}], and was provided with routing value [{other}], rejecting operation"
            )));
        }
        if own.contains(',') {
            return Err(ApiError::argument(format!(
                "index/alias [{name}] provided with routing value [{own}] that resolved to several routing values, rejecting operation"
            )));
        }
        Ok(Some(own.to_owned()))
    }

    /// What a search for some names does in an index that they mean: which documents, and which shards.
    pub(super) fn searched(&self, index: &Arc<Index>, names: &[String], said: &BTreeSet<String>) -> Searched {
        let ways: Vec<Option<&Alias>> = names.iter().filter_map(|name| self.way(index, name)).collect();
        Searched {
            index: Arc::clone(index),
            filter: filter_of(&ways).map(Arc::new),
            routing: routing_of(&ways, said),
        }
    }

    /// How a name leads to an index: by itself or its stream, or by an alias.
    fn way(&self, index: &Arc<Index>, name: &str) -> Option<Option<&Alias>> {
        if index.name == name || self.stream_of(index) == Some(name) {
            return Some(None);
        }
        let mut members = self.aliases.get(name)?.iter();
        members.find(|(member, _)| member.uuid == index.uuid).map(|(_, alias)| Some(alias))
    }
}

/// What any of the ways lets through; everything where one of them has no filter.
fn filter_of(ways: &[Option<&Alias>]) -> Option<Value> {
    let filters: Option<Vec<Value>> =
        ways.iter().map(|way| way.and_then(|alias| alias.filter.clone())).collect();
    let mut filters = filters?;
    if filters.len() > 1 {
        return Some(serde_json::json!({"bool": {"should": filters}}));
    }
    filters.pop()
}

/// The routing values that count, as Elasticsearch takes them: those of aliases that the request does not exclude, unless one of the
/// ways has none. Where nothing is left, all shards are meant.
fn routing_of(ways: &[Option<&Alias>], said: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let asked = (!said.is_empty()).then(|| said.clone());
    let mut values = BTreeSet::new();
    for way in ways {
        let own = way.map(Alias::search_values).unwrap_or_default();
        if own.is_empty() {
            return asked;
        }
        values.extend(own);
        if let Some(asked) = &asked {
            values.retain(|value| asked.contains(value));
        }
    }
    (!values.is_empty()).then_some(values)
}

pub(super) fn only_creates() -> ApiError {
    ApiError::argument("only write ops with an op_type of create are allowed in data streams")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alias(said: Value) -> Alias {
        Alias::read("x", &said, |_| false).expect("an alias")
    }

    fn values(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn filters_of_several_aliases_let_through_what_any_does() {
        let (one, other) =
            (alias(json!({"filter": {"term": {"a": 1}}})), alias(json!({"filter": {"match_all": {}}})));
        let plain = alias(json!({}));

        assert_eq!(filter_of(&[Some(&one)]), Some(json!({"term": {"a": 1}})));
        let both = json!({"bool": {"should": [{"term": {"a": 1}}, {"match_all": {}}]}});
        assert_eq!(filter_of(&[Some(&one), Some(&other)]), Some(both));
        assert_eq!(filter_of(&[Some(&one), Some(&plain)]), None);
        assert_eq!(filter_of(&[Some(&one), None]), None, "its own name means all of an index");
    }

    #[test]
    fn routing_of_aliases_and_of_the_request_is_taken_as_elasticsearch_takes_it() {
        let (one, two) = (alias(json!({"routing": "1"})), alias(json!({"search_routing": "2,3"})));
        let plain = alias(json!({}));
        for (ways, said, expected) in [
            (vec![Some(&one)], vec![], Some(vec!["1"])),
            (vec![Some(&one), Some(&two)], vec![], Some(vec!["1", "2", "3"])),
            (vec![Some(&two)], vec!["3", "4"], Some(vec!["3"])),
            (vec![Some(&two)], vec!["4"], None),
            (vec![Some(&one), Some(&plain)], vec![], None),
            (vec![Some(&one), None], vec!["9"], Some(vec!["9"])),
            (vec![None], vec![], None),
        ] {
            let found = routing_of(&ways, &values(&said));
            assert_eq!(found, expected.map(|expected| values(&expected)), "{ways:?} {said:?}");
        }
    }
}
