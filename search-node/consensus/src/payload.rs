//! What stands in an entry of the log, in a form of our own: the disk outlives the library.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{BasicNode, Entry, EntryPayload, Membership, StoredMembership};
use serde::{Deserialize, Serialize};

use crate::log_store::{Position, Record};
use crate::types::{Bytes, Types};

/// The content of an entry.
#[derive(Debug, Serialize, Deserialize)]
enum Payload {
    /// The first entry of a leader: what was there before is agreed on once this is.
    Blank,
    Proposal(Bytes),
    Members(Members),
}

/// Who is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Members {
    /// The voters; while they change, those of before and those of after.
    voters: Vec<BTreeSet<u64>>,
    /// The address of every node, voters among them.
    addresses: BTreeMap<u64, String>,
}

impl Members {
    pub(crate) fn of(membership: &Membership<u64, BasicNode>) -> Self {
        let addresses = membership.nodes().map(|(node, basic)| (*node, basic.addr.clone())).collect();
        Self { voters: membership.get_joint_config().clone(), addresses }
    }

    fn membership(self) -> Membership<u64, BasicNode> {
        let nodes = self.addresses.into_iter().map(|(node, address)| (node, BasicNode::new(address)));
        Membership::new(self.voters, nodes.collect::<BTreeMap<u64, BasicNode>>())
    }

    /// As it was agreed on at a position.
    pub(crate) fn stored(self, at: Option<Position>) -> StoredMembership<u64, BasicNode> {
        StoredMembership::new(at.map(Into::into), self.membership())
    }
}

/// An entry as the store keeps it.
pub(crate) fn to_record(entry: Entry<Types>) -> Result<Record, postcard::Error> {
    let payload = match entry.payload {
        EntryPayload::Blank => Payload::Blank,
        EntryPayload::Normal(proposal) => Payload::Proposal(proposal),
        EntryPayload::Membership(membership) => Payload::Members(Members::of(&membership)),
    };
    Ok(Record { at: entry.log_id.into(), payload: postcard::to_allocvec(&payload)? })
}

/// The entry that a record holds.
pub(crate) fn to_entry(record: &Record) -> Result<Entry<Types>, postcard::Error> {
    let payload = match postcard::from_bytes(&record.payload)? {
        Payload::Blank => EntryPayload::Blank,
        Payload::Proposal(proposal) => EntryPayload::Normal(proposal),
        Payload::Members(members) => EntryPayload::Membership(members.membership()),
    };
    Ok(Entry { log_id: record.at.into(), payload })
}
