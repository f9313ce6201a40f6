//! Nodes that start together, crash between any two steps, and start again.

mod crashes;
mod listed;
mod processes;
mod together;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, HostDisk};

use crate::settings::tests::settings;
use crate::{DiscoveryError, Membership, Registry, Settings, Start, start};

/// A host: a registry folder, and folders for the data of nodes.
struct Host {
    root: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self { root: tempfile::tempdir().expect("a folder") };
        fs_err::create_dir(host.root.path().join("data")).expect("made");
        host
    }

    fn path_data(&self, node: usize) -> PathBuf {
        self.root.path().join(format!("data/node{node}"))
    }

    fn registry(&self) -> PathBuf {
        self.root.path().join("registry")
    }

    /// Starts a node as the program does.
    fn start(&self, node: usize) -> Result<Start, DiscoveryError> {
        start_at(&self.registry(), &self.path_data(node), node, HostDisk::shared())
    }
}

fn settings_of(path_data: &Path, node: usize) -> Settings {
    Settings {
        node_name: format!("node{node}"),
        address: ([127, 0, 0, 1], 9300 + node as u16).into(),
        ..settings(path_data)
    }
}

/// A node's start: its folder, its secret, its decision, and if it founds, that this is done.
fn start_at(
    registry: &Path,
    path_data: &Path,
    node: usize,
    disk: Arc<dyn Disk>,
) -> Result<Start, DiscoveryError> {
    fs_err::create_dir_all(path_data).expect("made");
    let settings = settings_of(path_data, node);
    let registry = Registry::open(Arc::clone(&disk), registry, &settings.cluster_name)?;
    let secret = registry.secret()?;
    assert_eq!(registry.secret()?, secret, "it is made once");
    let mut membership = Membership::open(disk, path_data)?;
    start(&settings, &mut membership, Some(&registry))
}

/// The cluster that a node belongs to or is about to join.
fn cluster_of(start: &Start) -> String {
    match start {
        Start::Known { cluster_uuid, .. }
        | Start::Found { cluster_uuid }
        | Start::Join { cluster_uuid: Some(cluster_uuid), .. } => cluster_uuid.clone(),
        other => panic!("no cluster: {other:?}"),
    }
}
