//! The shared pieces of the black-box tests: real programs as child processes, scratch folders, waiting for conditions.
//!
//! Every program started here listens on loopback on a free port, and is ended by its process id when its handle goes.

mod documents;
mod program;
mod wait;

pub use documents::{AccessLog, access_log_mapping};
pub use program::{Program, SearchNode, binary, free_port};
pub use wait::wait_until;
