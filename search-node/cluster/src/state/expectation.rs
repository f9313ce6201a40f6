//! What a row of commands was decided upon, where none of its commands says so itself.
//!
//! A new index is one of many, and must not make the others wait; yet it was decided with the aliases, data streams and templates
//! that there were. So whoever changes those changes a text besides, and whoever makes an index expects that text to be as it was.

use serde::{Deserialize, Serialize};

use super::{ClusterState, Refusal};

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expectation {
    /// A text that only nodes read is at the version that was seen; none if there was none.
    Metadata {
        /// What it is.
        kind: String,
        /// What it is called.
        name: String,
        /// Its version.
        seen: Option<u64>,
    },
    /// No index has this name.
    NoIndex(String),
}

impl Expectation {
    pub(super) fn check(self, state: &ClusterState) -> Result<(), Refusal> {
        match self {
            Self::Metadata { kind, name, seen } => {
                let current = state.metadata.get(&kind, &name).map(|known| known.version);
                if current == seen {
                    Ok(())
                } else {
                    Err(Refusal::MetadataChanged { kind, name, seen, current })
                }
            }
            Self::NoIndex(name) => match state.indices.values().any(|index| index.name == name) {
                true => Err(Refusal::NameTaken(name)),
                false => Ok(()),
            },
        }
    }
}
