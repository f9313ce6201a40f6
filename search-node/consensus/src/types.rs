//! The types that the library of the consensus is told to use.

use std::fmt;
use std::io::Cursor;

use openraft::{CommittedLeaderId, LogId, Vote};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::log_store::{Ballot, Position};

openraft::declare_raft_types!(
    /// Proposals and answers are bytes; a node is a number and an address.
    pub(crate) Types:
        D = Bytes,
        R = Bytes,
        NodeId = u64,
        Node = openraft::BasicNode,
        SnapshotData = Cursor<Vec<u8>>,
);

/// Bytes that are written as a whole, not one by one.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            all.push(byte);
        }
        Ok(Bytes(all))
    }
}

impl From<LogId<u64>> for Position {
    fn from(id: LogId<u64>) -> Self {
        Self { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
    }
}

impl From<Position> for LogId<u64> {
    fn from(at: Position) -> Self {
        Self::new(CommittedLeaderId::new(at.term, at.node), at.index)
    }
}

impl From<&Vote<u64>> for Ballot {
    fn from(vote: &Vote<u64>) -> Self {
        let leader = vote.leader_id();
        Self { term: leader.term, node: leader.node_id, is_committed: vote.is_committed() }
    }
}

impl From<Ballot> for Vote<u64> {
    fn from(ballot: Ballot) -> Self {
        match ballot.is_committed {
            true => Self::new_committed(ballot.term, ballot.node),
            false => Self::new(ballot.term, ballot.node),
        }
    }
}
