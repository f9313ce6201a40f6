//! Where an entry stands, and for whom a node has voted.

use serde::{Deserialize, Serialize};

/// The place of an entry in the log, and the leader that put it there. Of two logs the one with the later last position
/// is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) index: u64,
}

/// The vote of a node: for whom, and whether a majority gave the same. A node never goes back to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Ballot {
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) is_committed: bool,
}
