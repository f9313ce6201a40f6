//! What all nodes agree on.

mod copies;
mod ids;

pub use copies::{Copy, CopyError, ShardCopies, Stage};
pub use ids::{CopyId, NodeId};
