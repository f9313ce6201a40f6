//! What the copies of a shard do for one another: operations from the primary to the others, and whole copies filled.
//!
//! ```text
//!  roles       which copies here are primary or replica, for who asks by shard
//!  keeper      makes each copy here what the map says: begins, changes and ends its role
//!  leading     the primary: admits writers, registers operations, waits until they are everywhere
//!  delivery    operations of a request to the other copies, and letting go of those that do not take them
//!  feeding     what another copy lacks, from history; the global checkpoint when there is no traffic
//!  following   a replica: operations taken and put on the disk
//!  recovery    a copy that is filled: files first, if history does not reach back, then operations
//!  source      what a copy that is filled gets from here
//!  message     what copies say to one another
//!  outside     the map and the other nodes, as all of these see them
//! ```
//!
//! What counts and when is decided in `cluster::replication`; here it is carried out.

mod active_copies;
mod batch;
mod delivery;
mod digests;
mod feeding;
mod following;
mod keeper;
mod leading;
mod message;
mod outside;
mod pace;
mod progress;
mod recovery;
mod roles;
mod settings;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use active_copies::{ActiveCopies, ActiveWait};
pub(crate) use batch::Batch;
pub(crate) use digests::copies_of;
pub(crate) use keeper::Replication;
pub(crate) use leading::{Acknowledged, Leading};
pub(crate) use outside::Stored;
pub(crate) use progress::{Portion, Recovery, RecoveryStage};
pub(crate) use roles::Roles;
pub(crate) use settings::{REPLICATION, ReplicationSettings};
