//! The translog: every acknowledged write of one shard, in order, until a durable state makes it redundant.
//!
//! `engine` appends here before it answers a write, and reads back after a crash. Nothing else opens these files.
//!
//! # Invariants
//!
//! - An operation is acknowledged only after the bytes that hold it, and a checkpoint that covers them, were synced.
//! - What the checkpoint covers must verify when it is read back; anything else is corruption, never a silent cut.
//! - What lies beyond the checkpoint was never acknowledged: it is kept as far as it verifies and cut there.
//! - A generation is deleted only when a durable state covers every operation in it.
//! - The last record of a sequence number counts: it was written under the newest primary that named it.
//! - The global checkpoint on the disk is never ahead of the operations there.
//! - After a failed sync nothing more is accepted: the kernel may have dropped what it could not write.
//!
//! The byte layout is in `docs/formats/translog.md`.

mod census;
mod checkpoint;
mod error;
mod fence;
mod file;
mod history;
mod inspection;
mod numbers;
mod opening;
mod operation;
mod recovery;
mod retention;
mod terms;
mod writer;

pub use error::TranslogError;
pub(crate) use history::HistoryReader;
pub use inspection::{Inspection, Salvage, inspect, salvage};
pub(crate) use opening::Opening;
pub(crate) use operation::Draft;
pub use operation::{NotAnOperation, Operation, OperationKind};
pub(crate) use recovery::{Recovered, has_operations};
pub(crate) use terms::Terms;
pub(crate) use writer::{Cut, Foreign, Location, Translog};
