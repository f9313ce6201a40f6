//! What a processor did to an event.

use event::Event;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did its work: common options such as `add_field` apply.
    Applied,
    /// There was nothing to do, as when the source field is missing.
    Skipped,
    /// It could not; the event was tagged and goes on.
    Failed,
    /// The event ends here, on purpose.
    Dropped,
}

/// One configured step; shared by all workers.
pub trait Processor: Send + Sync {
    /// Works on one event.
    fn process(&self, event: &mut Event) -> Outcome;
}
