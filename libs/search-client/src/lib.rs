//! The REST API of search-node as a client: what beats, shipper and dashboard use, as a stranger would.
//!
//! [`SearchClient`] keeps a pool of nodes and passes over those that do not answer. [`SearchClient::bulk`] tells the
//! fate of each item; [`SearchClient::deliver`] repeats what may be repeated until every item is stored or refused.
//!
//! # Invariants
//!
//! - An item is reported stored only when the node said so (2xx, or 409 for a `create` with an id of the sender's).
//! - 429, 5xx and broken connections are repeated with a growing pause; other 4xx are not.

mod bulk;
mod client;
mod error;
mod pause;

pub use bulk::{BulkAction, BulkOp, ItemOutcome, Rejection};
pub use client::{Answer, ClientOptions, SearchClient};
pub use error::ClientError;
pub use pause::Pause;
pub use reqwest::Method;
