//! What any long-running program needs: a log, metrics, a clock, signals and an orderly end.
//!
//! The six programs share these, so that an operator learns them once. Settings arrive as plain values:
//! this crate reads no configuration and no environment.

pub mod append;
pub mod clock;
pub mod log;
pub mod metrics;
mod notice;
pub mod own_host;
mod shutdown;

pub use notice::{is_listening_taken, port_taken};
pub use shutdown::Shutdown;
pub use tokio_util::sync::CancellationToken;
