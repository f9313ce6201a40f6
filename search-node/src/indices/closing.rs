//! Indices closed and opened: what is refused, and the commands for the rest.
//!
//! A closed index keeps its copies, which are filled, moved and promoted as those of an open one; it is only neither read nor written.
//! Whatever was let in before a node knew of it is finished as ever: what is acknowledged is on every copy in sync, so that closing has
//! nothing to wait for. The clock then commits what the shards hold and lets go of them (see [`Index::tend`]).

use std::sync::Arc;

use cluster::state::{ClusterState, Command, IndexId};

use super::agreed_names::AgreedNames;
use super::guard::Guard;
use super::index::Index;
use super::metadata::{closed_part, is_closed};
use super::registry::Indices;
use crate::error::ApiError;

impl Indices {
    /// Closes indices, all of them or none; gives those that were open.
    pub(crate) fn close_indices(&self, indices: &[Arc<Index>]) -> Result<Vec<Arc<Index>>, ApiError> {
        self.change_closed(indices, true)
    }

    /// Opens indices, all of them or none; gives those that were closed.
    pub(crate) fn open_indices(&self, indices: &[Arc<Index>]) -> Result<Vec<Arc<Index>>, ApiError> {
        self.change_closed(indices, false)
    }

    fn change_closed(&self, indices: &[Arc<Index>], is_closed: bool) -> Result<Vec<Arc<Index>>, ApiError> {
        let ids: Vec<IndexId> = indices.iter().map(|index| IndexId(index.uuid.clone())).collect();
        let changed = self.agree_upon(None, |map| changed(map, &ids, is_closed))?;
        let is_changed = |index: &&Arc<Index>| changed.iter().any(|id| id.0 == index.uuid);
        Ok(indices.iter().filter(is_changed).cloned().collect())
    }
}

/// The commands that close or open indices, and which of them that changes. The index that a data stream writes to stays open.
fn changed(
    map: &ClusterState,
    ids: &[IndexId],
    closes: bool,
) -> Result<(Vec<Command>, Vec<IndexId>), ApiError> {
    // Somebody else may have deleted one meanwhile.
    let there = ids.iter().filter_map(|id| Some((id, map.indices.get(id)?)));
    let meant: Vec<_> = there.filter(|(_, entry)| is_closed(entry) != closes).collect();
    if closes {
        let names = AgreedNames::of(map);
        let is_written = |id: &IndexId| {
            let stream = names.stream_of(id);
            stream.is_some_and(|(_, stream)| stream.indices.last() == Some(&id.0))
        };
        let written = meant.iter().filter(|(id, _)| is_written(id)).map(|(_, entry)| entry.name.as_str());
        let written: Vec<&str> = written.collect();
        if !written.is_empty() {
            return Err(ApiError::argument(format!(
                "cannot close the following data stream write indices [{}]",
                written.join(",")
            )));
        }
    }
    let mut commands: Vec<Command> = meant
        .iter()
        .map(|(id, entry)| Command::ChangeIndex {
            id: (*id).clone(),
            seen: entry.version,
            parts: closed_part(closes),
            replicas: None,
            filters: None,
            allocation: None,
        })
        .collect();
    if closes && !commands.is_empty() {
        // A stream that rolls over or begins meanwhile may write to another one.
        commands.insert(0, Guard::Names.expected(map));
    }
    Ok((commands, meant.into_iter().map(|(id, _)| id.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::data_stream::{DataStream, TIMESTAMP};
    use super::super::test_map::map_of;
    use super::*;

    fn map() -> ClusterState {
        let mut map = map_of(&[("a", json!({})), ("b1", json!({})), ("b2", json!({}))]);
        let indices = vec!["b1".to_owned(), "b2".to_owned()];
        let stream = DataStream { indices, generation: 2, ..DataStream::begun(TIMESTAMP, "", false) };
        let commands = vec![Guard::Names.changed(&map), stream.written("s", &map)];
        map.apply(Command::Several(commands)).expect("agreed");
        map
    }

    fn ids(names: &[&str]) -> Vec<IndexId> {
        names.iter().map(|name| IndexId((*name).to_owned())).collect()
    }

    fn change(map: &mut ClusterState, names: &[&str], closes: bool) -> Vec<IndexId> {
        let (commands, changed) = changed(map, &ids(names), closes).expect("decided");
        if !commands.is_empty() {
            map.apply(Command::Several(commands)).expect("agreed");
        }
        changed
    }

    #[test]
    fn only_what_is_not_so_already_changes() {
        let mut map = map();

        assert_eq!(change(&mut map, &["a", "b1", "gone"], true), ids(&["a", "b1"]));
        assert_eq!(change(&mut map, &["a"], true), ids(&[]));
        assert!(is_closed(&map.indices[&IndexId("a".to_owned())]));
        assert_eq!(change(&mut map, &["a", "b2"], false), ids(&["a"]));
        assert!(!is_closed(&map.indices[&IndexId("a".to_owned())]));
    }

    #[test]
    fn the_write_index_of_a_stream_stays_open_and_none_closes_with_it() {
        let map = map();

        let refused = changed(&map, &ids(&["a", "b2"]), true).expect_err("written to");

        assert_eq!(refused.reason, "cannot close the following data stream write indices [b2]");
    }

    /// Decided before a stream rolled back to that index; whatever is agreed on first, its write index is open in the end.
    #[test]
    fn a_stream_that_changes_meanwhile_has_it_decided_again() {
        let mut map = map();
        let (commands, _) = changed(&map, &ids(&["b1"]), true).expect("decided");
        let stream = DataStream {
            indices: vec!["b2".to_owned(), "b1".to_owned()],
            ..DataStream::begun(TIMESTAMP, "", false)
        };
        let moved = vec![Guard::Names.changed(&map), stream.written("s", &map)];
        map.apply(Command::Several(moved)).expect("agreed");

        assert!(map.apply(Command::Several(commands)).is_err());
        assert!(changed(&map, &ids(&["b1"]), true).is_err(), "it is the write index now");
    }
}
