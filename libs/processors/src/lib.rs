//! Processors: what turns an event into a better one. Shipper, beats and ingest pipelines share them.
//!
//! Each kind is one file: options in, checked once; then [`Processor::process`] on every event.
//!
//! # Invariants
//!
//! - No event makes a processor panic or hold a core without bound.
//! - A failure leaves the event whole, with the tag that Logstash's filter of the same name would set.

mod convert;
mod date;
mod grok;
mod json;
mod mutate;
mod options;
mod outcome;
mod pattern;
mod stock;
mod template;

pub use convert::Conversion;
pub use date::{DateOptions, DateProcessor, JodaFormat};
pub use grok::{GrokOptions, GrokProcessor};
pub use json::{JsonOptions, JsonProcessor};
pub use mutate::{MutateOptions, MutateProcessor};
pub use options::{OptionError, reference};
pub use outcome::{Outcome, Processor};
pub use pattern::Grok;
pub use stock::Patterns;
pub use template::Template;
