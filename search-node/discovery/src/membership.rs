//! Who a node is and which cluster its data belongs to: `node.state` in the data folder.
//!
//! ```text
//!            promise                found                     settled
//!   nobody ─────────► promised ──────────────► founding ─────────────────► member
//!      │                  │                                                  ▲
//!      └──────────────────┴───────────────── joined ─────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - Once a cluster is known the file names no other: nothing here takes it back.
//! - A node promises itself to at most one cluster that is to be founded, and knows of it after a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;
use disk::state_file::{self, StateFileError};
use serde::{Deserialize, Serialize};

use crate::id::new_id;

/// The file in the data folder.
pub(crate) const FILE: &str = "node.state";

/// Who a node is and which cluster its data belongs to.
pub struct Membership {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    state: State,
}

/// What the file holds. Versions before there were clusters wrote the first and the third alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    node_id: String,
    #[serde(default)]
    node: Option<u64>,
    cluster_uuid: Option<String>,
    #[serde(default)]
    is_founding: bool,
    #[serde(default)]
    promise: Option<Promise>,
}

/// A node's word that it joins no other cluster than the one that another is about to found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The node that founds it.
    pub founder: u64,
    /// The cluster.
    pub cluster_uuid: String,
}

/// Why a membership cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The disk, or what is on it.
    #[error(transparent)]
    File(#[from] StateFileError),
    /// The data belongs to another cluster.
    #[error(
        "the data of this node belongs to the cluster {own}, so it cannot become a member of {other}; give it an empty path.data to join that one"
    )]
    OtherCluster {
        /// The one it belongs to.
        own: String,
        /// The one that was to be joined.
        other: String,
    },
    /// The node has given its word.
    #[error(
        "this node has promised itself to the cluster {promised} that node {founder:016x} is about to found, so it cannot become a member of {other}; if that cluster was given up, empty path.data"
    )]
    Promised {
        /// To which cluster.
        promised: String,
        /// To whom.
        founder: u64,
        /// The one that was to be joined.
        other: String,
    },
}

impl Membership {
    /// Reads who the node is, or makes it somebody new. The folder must be this process's own.
    pub fn open(disk: Arc<dyn Disk>, path_data: &Path) -> Result<Self, MembershipError> {
        let path = path_data.join(FILE);
        let read: Option<State> = state_file::read(&path)?;
        let is_complete = read.as_ref().is_some_and(|state| state.node.is_some());
        let mut state = read.unwrap_or_else(|| State {
            node_id: new_id(),
            node: None,
            cluster_uuid: None,
            is_founding: false,
            promise: None,
        });
        if is_complete {
            return Ok(Self { disk, path, state });
        }
        // Data from before there were clusters is a cluster of its own that was never founded.
        state.is_founding = state.cluster_uuid.is_some();
        state.node = Some(rand::random());
        let membership = Self { disk, path, state };
        membership.write(&membership.state)?;
        Ok(membership)
    }

    /// The id of the node for people and in the REST API.
    pub fn node_id(&self) -> &str {
        &self.state.node_id
    }

    /// The id of the node among nodes. Whoever lost the data folder has another one.
    pub fn node(&self) -> u64 {
        self.state.node.unwrap_or_default()
    }

    /// The cluster that the data belongs to.
    pub fn cluster_uuid(&self) -> Option<&str> {
        self.state.cluster_uuid.as_deref()
    }

    /// Whether this node is about to found its cluster, and has not said that this is done.
    pub fn is_founding(&self) -> bool {
        self.state.is_founding
    }

    /// To which cluster it has promised itself.
    pub fn promise(&self) -> Option<&Promise> {
        self.state.promise.as_ref()
    }

    /// The cluster is to be founded by this node: durable before anybody is told.
    pub(crate) fn found(&mut self, cluster_uuid: &str) -> Result<(), MembershipError> {
        self.enter(cluster_uuid, true)
    }

    /// The node has become a member of a cluster that is there. Joining the same one again changes nothing.
    pub fn join(&mut self, cluster_uuid: &str) -> Result<(), MembershipError> {
        self.enter(cluster_uuid, false)
    }

    /// The cluster that this node founded is there: whoever agrees has agreed on its first member.
    pub fn settle(&mut self) -> Result<(), MembershipError> {
        if !self.state.is_founding {
            return Ok(());
        }
        self.change(State { is_founding: false, ..self.state.clone() })
    }

    /// Gives the word, unless it is given: to the same again is as good.
    pub(crate) fn give(&mut self, promise: Promise) -> Result<(), MembershipError> {
        let other = promise.cluster_uuid.clone();
        if let Some(own) = self.cluster_uuid() {
            return Err(MembershipError::OtherCluster { own: own.to_owned(), other });
        }
        match self.promise() {
            Some(given) if *given == promise => Ok(()),
            Some(given) => Err(given.against(other)),
            None => self.change(State { promise: Some(promise), ..self.state.clone() }),
        }
    }

    /// What this node has promised to others of its cluster is gone: from now on it is another one, which has promised nothing.
    pub fn become_another(&mut self) -> Result<(), MembershipError> {
        self.change(State { node: Some(rand::random()), ..self.state.clone() })
    }

    fn enter(&mut self, cluster_uuid: &str, is_founding: bool) -> Result<(), MembershipError> {
        let other = cluster_uuid.to_owned();
        match (self.cluster_uuid(), self.promise()) {
            (Some(own), _) if own == cluster_uuid => return Ok(()),
            (Some(own), _) => return Err(MembershipError::OtherCluster { own: own.to_owned(), other }),
            // A founder's word to itself binds nobody else: as long as it has founded nothing it may join.
            (None, Some(given)) if given.cluster_uuid != cluster_uuid && given.founder != self.node() => {
                return Err(given.against(other));
            }
            (None, _) => {}
        }
        self.change(State { cluster_uuid: Some(other), is_founding, promise: None, ..self.state.clone() })
    }

    fn change(&mut self, state: State) -> Result<(), MembershipError> {
        self.write(&state)?;
        self.state = state;
        Ok(())
    }

    fn write(&self, state: &State) -> Result<(), MembershipError> {
        Ok(state_file::write(self.disk.as_ref(), &self.path, state)?)
    }
}

impl Promise {
    fn against(&self, other: String) -> MembershipError {
        MembershipError::Promised { promised: self.cluster_uuid.clone(), founder: self.founder, other }
    }
}

/// What the data folder of another node on this host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// It is not there, or belongs to no cluster.
    Nobody,
    /// It belongs to a cluster.
    Of(String),
    /// It is there and cannot be read, so it may belong to any.
    Unreadable(String),
}

/// Looks into the data folder of another node.
pub(crate) fn look(path_data: &Path) -> Neighbour {
    match state_file::read::<State>(&path_data.join(FILE)) {
        Ok(state) => state.and_then(|state| state.cluster_uuid).map_or(Neighbour::Nobody, Neighbour::Of),
        Err(error) => Neighbour::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use disk::HostDisk;

    use super::*;

    fn open(folder: &Path) -> Membership {
        Membership::open(HostDisk::shared(), folder).expect("opened")
    }

    #[test]
    fn a_node_keeps_its_ids_and_one_that_lost_its_data_is_another() {
        let (folder, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let first = open(folder.path());

        let again = open(folder.path());

        assert_eq!(again.state, first.state);
        assert_eq!(first.node_id().len(), 22);
        assert_ne!(open(other.path()).node(), first.node());
    }

    #[test]
    fn data_from_before_there_were_clusters_keeps_its_id_and_founds_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = serde_json::json!({"node_id": "abc", "cluster_uuid": "def"});
        state_file::write(&HostDisk, &folder.path().join(FILE), &old).expect("written");

        let membership = open(folder.path());

        assert_eq!((membership.node_id(), membership.cluster_uuid()), ("abc", Some("def")));
        assert!(membership.is_founding());
        assert_eq!(open(folder.path()).state, membership.state, "the new id is kept");
    }

    #[test]
    fn a_cluster_is_entered_once_and_a_promise_given_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let promise = |founder, uuid: &str| Promise { founder, cluster_uuid: uuid.to_owned() };
        let mut node = open(folder.path());

        node.give(promise(1, "one")).expect("given");
        node.give(promise(1, "one")).expect("the same again");
        for other in [promise(2, "one"), promise(1, "two")] {
            let error = open(folder.path()).give(other).expect_err("given before").to_string();
            assert!(error.contains("promised itself to the cluster one"), "{error}");
        }
        assert!(matches!(node.join("two"), Err(MembershipError::Promised { .. })));
        node.join("one").expect("joined");
        node.join("one").expect("the same again");

        let mut node = open(folder.path());
        assert_eq!((node.cluster_uuid(), node.is_founding(), node.promise()), (Some("one"), false, None));
        assert!(matches!(node.join("two"), Err(MembershipError::OtherCluster { .. })));
        assert!(matches!(node.found("two"), Err(MembershipError::OtherCluster { .. })));
        assert!(matches!(node.give(promise(1, "one")), Err(MembershipError::OtherCluster { .. })));
    }

    #[test]
    fn a_founder_that_finds_a_cluster_is_not_bound_by_its_own_word() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut node = open(folder.path());
        node.give(Promise { founder: node.node(), cluster_uuid: "own".to_owned() }).expect("given");

        node.join("other").expect("joined");

        assert_eq!((node.cluster_uuid(), node.promise()), (Some("other"), None));
    }

    #[test]
    fn a_founder_knows_that_it_is_one_until_it_is_done() {
        let folder = tempfile::tempdir().expect("a folder");
        open(folder.path()).found("one").expect("founded");
        let mut node = open(folder.path());
        assert!(node.is_founding());

        node.settle().expect("settled");

        assert!(!open(folder.path()).is_founding());
        assert_eq!(look(folder.path()), Neighbour::Of("one".to_owned()));
        fs_err::write(folder.path().join(FILE), "rubbish").expect("written");
        assert!(matches!(look(folder.path()), Neighbour::Unreadable(_)));
        assert!(matches!(
            Membership::open(HostDisk::shared(), folder.path()),
            Err(MembershipError::File(StateFileError::Corrupt { .. }))
        ));
    }
}
