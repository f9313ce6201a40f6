//! DNS over UDP and TCP: messages, the streams they come in, and query and response put together.

mod message;
mod names;
mod streams;
mod transactions;

pub(crate) use transactions::{Dns, DnsOptions};
