//! The part of a node that agrees with the others on the map of the cluster, and follows it.
//!
//! ```text
//!  agreed        the map, as the consensus keeps it on every node
//!  coordinator   changes of the map: proposed from any node, carried to whoever leads
//!  calls         what nodes ask one another, and how it is written
//!  ways          where nodes are, and the way of the consensus to them
//!  entry         how a process gets into the map, and back into it
//!  leading       what the node does that leads: who is there, who votes, where copies go
//!  following     making the node what the map says
//! ```

mod agreed;
mod calls;
mod coordinator;
mod entry;
mod following;
mod leading;
mod ways;

pub(crate) use calls::{Action, Switchboard};
pub(crate) use coordinator::{Coordinator, Origin};
pub(crate) use entry::enter;
pub(crate) use following::follow;
pub(crate) use leading::lead;
