//! Queues between the parts of a program: bounded, in order, with acks.
//!
//! [`memory`] is the queue of this crate: a producer waits while the queue is full, and a place is free again only once
//! the events that held it are acked at the other end. A slow output so slows the reading of its source, and nothing is lost.
//!
//! # Invariants
//!
//! - At most `events_max` events are waiting or on their way; a single batch larger than that travels in parts.
//! - Acks of what was pushed reach their sources only when every event of it was acked by the consumer.
//!
//! The queue that survives a crash on disk is not here yet.

mod memory;

pub use memory::{Closed, Consumer, MemoryQueueOptions, Producer, memory};
