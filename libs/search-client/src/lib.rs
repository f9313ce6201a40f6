//! The REST API of search-node as a client: what beats, shipper and dashboard use, as a stranger would.
//!
//! [`SearchClient`] keeps a pool of nodes and passes over those that do not answer. [`SearchClient::bulk`] tells the
//! fate of each item; [`SearchClient::deliver`] repeats what may be repeated until every item is stored or refused.
//!
//! # Invariants
//!
//! - An item is reported stored only when the node said so (2xx, or 409 for a `create` with an id of the sender's).
//! - An item is reported refused only when the node said so of this item, or of a request that held it alone.
//! - Everything else is repeated with a growing pause.

mod bulk;
mod client;
mod deliver;
mod error;
mod pause;

pub use bulk::{BulkAction, BulkOp, ItemOutcome, Rejection};
pub use client::{Answer, ClientOptions, SearchClient};
pub use error::ClientError;
pub use pause::Pause;
pub use reqwest::Method;
