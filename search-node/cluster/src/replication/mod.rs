//! Replication of one shard: when an operation is done, and what a copy keeps when the primary changes.
//!
//! The primary's engine numbers operations, and the primary sends each to every copy in sync and to those that catch up. It is done
//! once all of them have it on their disks, or the map has been changed so that those that do not are no longer in sync. The *local
//! checkpoint* of a copy is the highest number up to which it has everything; the *global checkpoint* is the lowest of the local
//! ones of all copies in sync: up to there all of them are equal, for good.

mod checkpoint;
mod hand_over;
mod primary;
mod progress;
mod replica;

pub use checkpoint::LocalCheckpoint;
pub use hand_over::HandingOver;
pub use primary::{Primary, Settled};
pub use replica::{Heard, Replica, Take};

/// The number before the first operation.
pub const NONE: i64 = -1;
