//! The part of a node that agrees with the others on the map of the cluster, and follows it.
//!
//! ```text
//!  agreed        the map, as the consensus keeps it on every node
//!  coordinator   changes of the map: proposed from any node, carried to whoever leads
//!  calls         what nodes ask one another, and how it is written
//!  ways          where nodes are, and the way of the consensus to them
//!  lookout       where others may be, as the host and the settings say
//!  start         how a node comes to its cluster
//!  founding      how nodes on several hosts found a cluster together
//!  entry         how a process gets into the map, and back into it
//!  leading       what the node does that leads: who is there, and where copies go
//!  voting        which nodes vote
//!  read_lease    for how long this node may tell what its primaries have
//!  asking        what pages of the API ask: who leads, what that has seen
//!  dynamic_settings  what operators set while the cluster runs
//!  following     making the node what the map says
//!  retiring      how a node leaves in order
//! ```

mod agreed;
mod asking;
mod calls;
mod coordinator;
mod dynamic_settings;
mod entry;
mod following;
mod founding;
mod leading;
mod lookout;
mod read_lease;
mod retiring;
mod start;
mod voting;
mod ways;

pub(crate) use calls::{Action, Answers, Fault, fault_of, pack, read, unpack, write};
pub(crate) use coordinator::Coordinator;
pub(crate) use dynamic_settings::{DynamicSettings, Lasting};
pub(crate) use following::follow;
pub(crate) use leading::{Patience, lead};
pub(crate) use start::begin;
