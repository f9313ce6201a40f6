//! The registry of a host: how the nodes of one user on loopback come to one cluster, and find one another.
//!
//! Three files for each cluster name: a lock, the record, and the secret that keeps other users of the host out. The record is
//! read and changed only under the lock. It is a memory of this host alone: what a node belongs to stands with its data.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;

use crate::error::RegistryError;
use crate::folder::{file_name, prepare};
use crate::lock::{Lock, PATIENCE};
use crate::membership::look;
use crate::record::{NODES_MAX, Record, VERSION};
use crate::secret::{self, read_secret};

/// The most bytes of a record: each node with the longest path there is.
const RECORD_BYTES_MAX: u64 = (NODES_MAX * 8192) as u64;

/// The registry of a host, for one cluster name.
#[derive(Clone)]
pub struct Registry {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    cluster_name: String,
}

/// The registry while nobody else can change it.
pub(crate) struct Locked<'a> {
    registry: &'a Registry,
    _lock: Lock,
}

impl Registry {
    /// The registry in a folder, which is made if it is not there, and must be this user's alone.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, cluster_name: &str) -> Result<Self, RegistryError> {
        prepare(folder)?;
        Ok(Self { disk, folder: folder.to_owned(), cluster_name: cluster_name.to_owned() })
    }

    /// The secret that the nodes of this user and cluster name share, made by whoever comes first.
    pub fn secret(&self) -> Result<Vec<u8>, RegistryError> {
        let _lock = self.lock()?;
        let path = self.path("secret");
        secret::make(self.disk.as_ref(), &path)
            .map_err(|source| RegistryError::File { path: path.clone(), source })?;
        read_secret(&path)
    }

    /// Says where a node of a cluster listens. It may be said again at any time, and should be once in a while: the system may
    /// have emptied the folder.
    pub fn register(&self, path_data: &Path, cluster_uuid: &str, address: &str) -> Result<(), RegistryError> {
        let locked = self.locked()?;
        match locked.record()? {
            Some(record) if record.cluster_uuid != cluster_uuid => Err(RegistryError::OtherCluster {
                cluster_name: self.cluster_name.clone(),
                registered: record.cluster_uuid,
                own: cluster_uuid.to_owned(),
            }),
            record => {
                let record = record.unwrap_or_else(|| Record::new(cluster_uuid));
                locked.put(record, path_data, Some(address))
            }
        }
    }

    /// Says that a node has stopped.
    pub fn withdraw(&self, path_data: &Path) -> Result<(), RegistryError> {
        let locked = self.locked()?;
        match locked.record()? {
            Some(record) if record.nodes.get(&text_of(path_data)?).is_some_and(Option::is_some) => {
                locked.put(record, path_data, None)
            }
            _ => Ok(()),
        }
    }

    /// Where the nodes of the cluster on this host listen, or did when they were last heard of.
    pub fn addresses(&self) -> Result<Vec<String>, RegistryError> {
        Ok(self.locked()?.record()?.map(|record| record.addresses()).unwrap_or_default())
    }

    /// The cluster that the nodes of this host take part in, if there is one.
    pub fn cluster_uuid(&self) -> Result<Option<String>, RegistryError> {
        Ok(self.locked()?.record()?.map(|record| record.cluster_uuid))
    }

    /// The data folders of the cluster's nodes on this host.
    pub fn folders(&self) -> Result<Vec<PathBuf>, RegistryError> {
        let record = self.locked()?.record()?;
        Ok(record.into_iter().flat_map(|record| record.nodes.into_keys()).map(PathBuf::from).collect())
    }

    pub(crate) fn locked(&self) -> Result<Locked<'_>, RegistryError> {
        Ok(Locked { registry: self, _lock: self.lock()? })
    }

    fn lock(&self) -> Result<Lock, RegistryError> {
        // The system may have emptied the folder above since.
        prepare(&self.folder)?;
        Lock::take(&self.path("lock"), PATIENCE)
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.folder.join(file_name(&self.cluster_name, kind))
    }
}

impl Locked<'_> {
    /// The record, as far as it is still true; none if there is none of a cluster that is there.
    pub(crate) fn record(&self) -> Result<Option<Record>, RegistryError> {
        let path = self.registry.path("json");
        let io = |source| RegistryError::File { path: path.clone(), source };
        let damaged = |reason: String| RegistryError::Damaged { path: path.clone(), reason };
        let mut bytes = Vec::new();
        match fs_err::File::open(&path) {
            Ok(file) => file.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io(source)),
        };
        if bytes.len() as u64 > RECORD_BYTES_MAX {
            return Err(damaged(format!("it is longer than {RECORD_BYTES_MAX} bytes")));
        }
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if record.version != VERSION {
            return Err(damaged(format!(
                "it has version {}, and this program writes {VERSION}",
                record.version
            )));
        }
        Ok(record.valid(|path_data| look(Path::new(path_data))))
    }

    /// Writes the record with a node in it.
    pub(crate) fn put(
        &self,
        mut record: Record,
        path_data: &Path,
        address: Option<&str>,
    ) -> Result<(), RegistryError> {
        record.nodes.insert(text_of(path_data)?, address.map(str::to_owned));
        if record.nodes.len() > NODES_MAX {
            return Err(RegistryError::Full(NODES_MAX));
        }
        let path = self.registry.path("json");
        let io = |source| RegistryError::File { path: path.clone(), source };
        let bytes = serde_json::to_vec_pretty(&record).map_err(|error| io(error.into()))?;
        disk::replace(self.registry.disk.as_ref(), &path, &bytes).map_err(io)
    }
}

/// A data folder as every node of the host names it.
fn text_of(path_data: &Path) -> Result<String, RegistryError> {
    let whole = fs_err::canonicalize(path_data)
        .map_err(|source| RegistryError::File { path: path_data.to_owned(), source })?;
    whole.into_os_string().into_string().map_err(|text| RegistryError::Path(text.into()))
}
