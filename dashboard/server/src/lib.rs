//! dashboard: the browser UI of Weir in one binary, with its web app inside.
//!
//! The browser speaks to `/api`; this program speaks to the search node, as a stranger would, through `search-client`.
//! It keeps nothing on disk and needs the node only to answer, not to start.
//!
//! # Invariants
//!
//! - The browser never makes query DSL from text: [`kql`] does, and says where a query is wrong.
//! - No answer holds a number that a browser could not hold exactly.
//! - A browser that goes away takes its requests to the node with it.

mod assets;
mod document;
mod error;
mod explore;
mod fields;
mod guard;
mod home;
pub mod kql;
mod node;
mod server;
pub mod settings;
mod source;
mod sources;
mod status;

pub use error::ApiError;
pub use server::Api;
