//! What all beats share: the start, the way from a source's events to an output's ack, and the end.
//!
//! A beat declares its settings table beside [`tables`], and hands [`run`] a function that reads its source and
//! publishes events through [`Publisher`]; everything else is here.
//!
//! ```text
//!  source ─▶ Publisher ─▶ processors ─▶ queue ─▶ output worker ─▶ output
//!     ▲                                                             │
//!     └──────────────────────── ack ◀───────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - An event is acked only after its output said that it is safe, or after it was dropped on purpose and counted.
//! - An output that is away is asked again for ever, with a growing pause; a stop ends that wait.

mod beat;
mod conditions;
mod dead_letter;
mod enrichment;
#[cfg(any(test, feature = "testing"))]
pub mod fake_node;
mod identity;
mod monitoring;
mod outputs;
mod pipeline;
mod processing;
#[cfg(any(test, feature = "testing"))]
pub mod shipped;
pub mod stream;
pub mod tables;
mod values;

pub use beat::{Beat, run};
pub use enrichment::{Common, host_fields};
pub use identity::{Identity, IdentityError};
pub use outputs::{Outcome, Output, OutputError};
pub use pipeline::Publisher;
pub use values::to_json;

/// The commands every beat knows beside those of `settings`.
pub const COMMANDS: &[&str] = &["test output", "version"];
