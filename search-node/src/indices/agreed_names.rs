//! Every name that the map has, for who decides what the map becomes.

use std::collections::BTreeMap;

use cluster::state::{ClusterState, IndexEntry, IndexId};

use super::alias::Alias;
use super::data_stream::DataStream;
use super::metadata::{aliases_of, is_closed, is_hidden};
use super::names::{Known, KnownNames, NameKind, NameOptions, expand};
use crate::error::ApiError;

/// The names of a map.
pub(super) struct AgreedNames<'a> {
    pub known: KnownNames,
    pub indices: BTreeMap<&'a str, (&'a IndexId, &'a IndexEntry)>,
    /// What each alias says of its indices, by the names of these.
    pub aliases: BTreeMap<String, BTreeMap<&'a str, Alias>>,
    pub streams: BTreeMap<String, DataStream>,
}

impl<'a> AgreedNames<'a> {
    pub(super) fn of(map: &'a ClusterState) -> Self {
        let entries = map.indices.iter();
        let mut names = Self {
            known: KnownNames::new(),
            indices: entries.map(|(id, entry)| (entry.name.as_str(), (id, entry))).collect(),
            aliases: BTreeMap::new(),
            streams: DataStream::all(map),
        };
        for (name, (_, entry)) in &names.indices {
            for (alias, said) in aliases_of(entry) {
                names.aliases.entry(alias).or_default().insert(name, Alias::kept(&said));
            }
        }
        for (name, members) in &names.aliases {
            let is_hidden = members.values().all(|alias| alias.is_hidden == Some(true));
            names.known.insert(name.clone(), Known::new(NameKind::Alias, is_hidden));
        }
        for (name, stream) in &names.streams {
            names.known.insert(name.clone(), Known::new(NameKind::Stream, stream.is_hidden));
        }
        for (name, (id, entry)) in &names.indices {
            let is_hidden = is_hidden(entry) || names.stream_of(id).is_some();
            let known = Known { is_closed: is_closed(entry), ..Known::new(NameKind::Index, is_hidden) };
            names.known.insert((*name).to_owned(), known);
        }
        names
    }

    /// The stream that an index is a backing index of.
    pub(super) fn stream_of(&self, id: &IndexId) -> Option<(&str, &DataStream)> {
        let mut streams = self.streams.iter();
        let found = streams.find(|(_, stream)| stream.indices.contains(&id.0));
        found.map(|(name, stream)| (name.as_str(), stream))
    }

    /// The indices that expressions name, themselves or by wildcards.
    pub(super) fn concrete(&self, expressions: &[String]) -> Result<Vec<&'a str>, ApiError> {
        let options = NameOptions {
            allow_no_indices: false,
            expand_hidden: true,
            with_aliases: false,
            with_streams: false,
            ..NameOptions::default()
        };
        let found = expand(&expressions.join(","), &self.known, options)?;
        Ok(found
            .iter()
            .filter_map(|name| self.indices.get_key_value(name.as_str()).map(|(name, _)| *name))
            .collect())
    }

    /// Refuses a name for a new index or stream that something has.
    pub(super) fn check_free(&self, name: &str) -> Result<(), ApiError> {
        let Some(known) = self.known.get(name) else { return Ok(()) };
        let taken = |kind: &str, reason: String| ApiError::new(400, kind, reason).with("index", name);
        Err(match known.kind {
            NameKind::Index => {
                let uuid = self.indices.get(name).map_or("_na_", |(id, _)| id.0.as_str());
                let reason = format!("index [{name}/{uuid}] already exists");
                taken("resource_already_exists_exception", reason).with("index_uuid", uuid)
            }
            NameKind::Alias => {
                let reason = format!("Invalid index name [{name}], already exists as alias");
                taken("invalid_index_name_exception", reason).with("index_uuid", "_na_")
            }
            NameKind::Stream => {
                let reason = format!("data_stream [{name}] already exists");
                taken("resource_already_exists_exception", reason)
            }
        })
    }

    /// Refuses what an alias may not be: a name that an index or a stream has, one with several write indices, one that is hidden
    /// here and not there.
    pub(super) fn check_alias(&self, name: &str) -> Result<(), ApiError> {
        if self.indices.contains_key(name) || self.streams.contains_key(name) {
            return Err(same_name(name));
        }
        self.aliases.get(name).map_or(Ok(()), |members| check_members(name, members))
    }

    /// Refuses an alias of an index that is not there yet.
    pub(super) fn check_new_alias(&self, name: &str, index: &str, alias: &Alias) -> Result<(), ApiError> {
        if name == index {
            return Err(same_name(name));
        }
        self.check_alias(name)?;
        let known = self.aliases.get(name).into_iter().flatten();
        let mut members: BTreeMap<&str, Alias> = known.map(|(index, said)| (*index, said.clone())).collect();
        members.insert(index, alias.clone());
        check_members(name, &members)
    }
}

fn same_name(name: &str) -> ApiError {
    let reason = format!("Invalid alias name [{name}], an index exists with the same name as the alias");
    ApiError::new(400, "invalid_alias_name_exception", reason).with("index", name).with("index_uuid", "_na_")
}

/// Whether the indices of an alias agree about it.
fn check_members(name: &str, members: &BTreeMap<&str, Alias>) -> Result<(), ApiError> {
    let fault = |reason: String| Err(ApiError::new(500, "illegal_state_exception", reason));
    let among = |wanted: &dyn Fn(&Alias) -> bool| -> Vec<&str> {
        members.iter().filter(|(_, alias)| wanted(alias)).map(|(index, _)| *index).collect()
    };
    let written = among(&|alias| alias.is_write_index == Some(true));
    if written.len() > 1 {
        return fault(format!("alias [{name}] has more than one write index [{}]", written.join(",")));
    }
    let (hidden, shown) =
        (among(&|alias| alias.is_hidden == Some(true)), among(&|alias| alias.is_hidden != Some(true)));
    if hidden.is_empty() || shown.is_empty() {
        return Ok(());
    }
    fault(format!(
        "alias [{name}] has is_hidden set to true on indices [{}] but does not have is_hidden set to true on indices [{}]; alias must have the same is_hidden setting on all indices",
        hidden.join(","),
        shown.join(",")
    ))
}
