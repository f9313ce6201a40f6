//! heartbeat: asks hosts over ICMP, TCP and HTTP whether they are up.
//!
//! [`start`] gives each monitor a task of its own. A check asks every endpoint of a monitor and ends in one event per
//! endpoint and address, the last one with a summary. A check that cannot be made is a `down` with its reason.

mod check;
mod http;
mod icmp;
mod monitor;
mod settings_table;
mod tcp;

pub use monitor::start;
pub use settings_table::SCHEMA;

/// The program's name.
pub const PROGRAM: &str = "heartbeat";

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_configuration_and_the_reference_show_every_setting() {
        beat_core::shipped::is_current("heartbeat", super::SCHEMA);
    }
}
