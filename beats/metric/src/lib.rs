//! metric-beat: samples the host, one module's metricsets each by its own period.
//!
//! [`start`] gives every metricset a task of its own, so that one that hangs or fails does not hold up the others; a
//! failure is an event with `error.message`, so that a gap on the screen explains itself.

mod schedule;
mod settings_table;
mod system;

pub use schedule::start;
pub use settings_table::SCHEMA;
pub use system::{Metricset, Sample, SampleError};

/// The program's name.
pub const PROGRAM: &str = "metric-beat";

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_configuration_and_the_reference_show_every_setting() {
        beat_core::shipped::is_current("metric-beat", super::SCHEMA);
    }
}
