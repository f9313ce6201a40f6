//! Why the registry of the host cannot be used.

use std::path::PathBuf;

use crate::membership::MembershipError;
use crate::settings::SettingsError;

/// Why the registry of the host cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The folder cannot be made or looked at.
    #[error(
        "the registry folder {folder} cannot be used: {source}; set [discovery.registry] to a folder that this user may write"
    )]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Someone else could read the secret of the cluster, or could have made it.
    #[error("the registry folder {folder} {what}; set [discovery.registry] to a folder of this user alone")]
    Foreign {
        /// Which.
        folder: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file in it cannot be read or written.
    #[error(
        "the registry file {path} cannot be used: {source}; make its folder writable, or set [discovery.registry] to another"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file in it is not what was written.
    #[error(
        "the registry file {path} is damaged: {reason}; stop the nodes of this cluster on this host, remove the file, and start first one that has data"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A secret is none.
    #[error("the secret {path} cannot be used: {reason}")]
    Secret {
        /// Which.
        path: PathBuf,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// Another process holds the lock and does not let go.
    #[error(
        "the registry file {path} has been locked for {seconds} s by process {holder}; a node holds it for a moment only, so look what that process does"
    )]
    Locked {
        /// Which.
        path: PathBuf,
        /// For how long this one has waited.
        seconds: u64,
        /// Who.
        holder: String,
    },
    /// The path of a data folder cannot be written down.
    #[error("path.data {0} is no text, so other nodes cannot be told of it; choose another")]
    Path(PathBuf),
    /// The registry knows another cluster of this name.
    #[error(
        "on this host the cluster name [{cluster_name}] stands for the cluster {registered}, and the data of this node belongs to {own}; set another cluster.name for one of them if both are to run here"
    )]
    OtherCluster {
        /// The name.
        cluster_name: String,
        /// The cluster that the registry knows.
        registered: String,
        /// That of the node.
        own: String,
    },
    /// More nodes than one host can have.
    #[error("the registry knows {0} nodes already; remove the data folders of those that are gone")]
    Full(usize),
}

/// Why it cannot be said with whom a node starts.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The settings do not fit.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The registry of the host.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The data folder.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// Both go on only after somebody has decided.
    #[error("{0}")]
    Refused(String),
}
