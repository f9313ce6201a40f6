//! With whom a node starts: the cluster of its data, one that it founds, or one that it joins.
//!
//! [`Membership`] is who the node is, kept with its data. [`start`] decides, given that, the [`Settings`] and, on loopback, the
//! [`Registry`] of the host. [`Founding`] is how nodes that are listed found a cluster together.
//!
//! # Invariants
//!
//! - A node whose data belongs to a cluster founds none and joins no other, whatever is set.
//! - Of the nodes that start on one host at the same time, with nothing set, one founds; the kernel's lock decides which.
//! - A cluster is founded only where every listed node has promised itself to it, once.
//! - What is decided is durable before anybody is told, so a crash at any moment leaves one cluster or none.
//!
//! How bytes travel, who answers at an address, and what is agreed on in a cluster, is the business of whoever uses this; so is
//! the environment, which it hands in. The files are in `docs/formats/registry-of-nodes.md` and `docs/formats/state-file.md`.
#![warn(missing_docs)]

mod error;
mod folder;
mod founding;
mod id;
mod lock;
mod membership;
mod record;
mod registry;
mod secret;
mod seed_host;
mod settings;
mod start;
#[cfg(test)]
mod suite;

pub use error::{DiscoveryError, RegistryError};
pub use folder::default_registry_folder;
pub use founding::{Founding, MessageError, Verdict, View, answer};
pub use membership::{Membership, MembershipError, Promise};
pub use registry::Registry;
pub use secret::{SECRET_BYTES, read_secret};
pub use seed_host::{SeedHost, SeedHostError};
pub use settings::{DiscoveryKind, Listed, Mode, Settings, SettingsError};
pub use start::{Start, start};
