//! Processors: an event in, an outcome out. Used by beats, shipper and (later) ingest pipelines; each is configured by
//! plain options, so that three configuration languages can share it.
//!
//! # Invariants
//!
//! - A processor that fails leaves the event as it was, apart from what its caller adds (tags, `error.message`).
//! - No event and no pattern can take more than its bound of time or memory.

use event::Event;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was changed, or there was nothing to change.
    Done,
    /// It shall not go on.
    Dropped,
    /// It could not be processed; its caller tags it.
    Failed {
        /// The tag that Logstash gives this failure, e.g. `_grokparsefailure`.
        tag: &'static str,
        /// What is wrong, naming the field and the value.
        reason: String,
    },
}

/// Options that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{option}`: {reason}")]
pub struct OptionError {
    /// The option.
    pub option: String,
    /// What is wrong with it, and the remedy.
    pub reason: String,
}

/// One step on an event's way.
pub trait Processor: Send + Sync {
    /// Changes the event.
    fn process(&self, event: &mut Event) -> Outcome;
}
