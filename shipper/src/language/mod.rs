//! The language of pipelines: Logstash's, so that its `.conf` files run unchanged where we have the plugins.
//!
//! Text → [`parse`] → [`ast`] → `check` (which plugins and options exist). Errors name file, line and column.

pub mod ast;
pub mod check;
mod cursor;
mod fault;
mod parser;

pub use fault::{Fault, Position};
pub use parser::parse;
