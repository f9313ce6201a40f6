//! The event: what happened once, as fields; and the batches and acks in which it travels.
//!
//! Every program between a log line and the index carries this noun. It becomes a *document* once it is stored.
//!
//! # Invariants
//!
//! - Data flows down, acks flow back up: whoever holds an event's [`AckHandle`] keeps its source from forgetting it.
//! - `@metadata` travels with an event and is never indexed.

mod ack;
mod field_path;
mod fields;
mod timestamp;

pub use ack::{AckHandle, Delivery};
pub use field_path::{FieldPath, PathError};
pub use fields::Event;
pub use serde_json::{Map, Value, json};
pub use timestamp::Timestamp;

/// Events that travel together; dropping the last handle tells their source how it went.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The acks of the sources that these events came from.
    pub acks: Vec<AckHandle>,
}

impl Batch {
    /// A batch whose source wants no ack.
    pub fn without_ack(events: Vec<Event>) -> Self {
        Self { events, acks: Vec::new() }
    }

    /// Tells every source that this batch reached its end safely.
    pub fn delivered(self) {
        for ack in self.acks {
            ack.delivered();
        }
    }
}
