//! packet-beat: reads packets from interfaces or a capture file and reports flows and DNS transactions.
//!
//! ```text
//!  interface (pnet) ─┐
//!                    ├─▶ packet ─▶ analyzer ─▶ flow table ─────────▶ packets-flow-*
//!  capture file ─────┘                    └──▶ dns transactions ──▶ packets-dns-*
//! ```
//!
//! # Invariants
//!
//! - Time is the packets' own for a capture file, so the same file gives the same events.
//! - Every table is bounded by a setting; what does not fit is ended early or counted, never kept.
//! - A packet that cannot be decoded costs that packet only.

mod analyzer;
mod capture_file;
mod community_id;
mod dns;
mod flow;
mod interface;
mod packet;
mod readers;
mod settings_table;
mod source;

pub use analyzer::{Analyzer, Limits};
pub use capture_file::{CaptureError, read_capture};
pub use settings_table::SCHEMA;
pub use source::start;

/// The program's name.
pub const PROGRAM: &str = "packet-beat";

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_configuration_and_the_reference_show_every_setting() {
        beat_core::shipped::is_current("packet-beat", super::SCHEMA);
    }
}
