//! The snapshot: the whole state as one file, so that the log before it may go.
//!
//! There is one at a time, replaced as a whole. What is sent to another node are the bytes of the file.
//! The byte layout is in `docs/formats/raft-log.md`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::log_store::{Position, StoreError};
use crate::payload::Members;

const MAGIC: &[u8; 8] = b"SNSNAP01";
const VERSION: u16 = 1;
/// Magic, version, length of the manifest, checksum.
const HEAD_BYTES: usize = 8 + 2 + 4 + 4;
/// A state beyond this is damage or a foreign file: it is held in memory as a whole, more than once while it is written.
const STATE_BYTES_MAX: u64 = 1 << 30;
/// The level at which zstd costs little more than writing the bytes.
const COMPRESSION: i32 = 3;

/// What a snapshot says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The last entry that the state is made of.
    pub(crate) last: Option<Position>,
    pub(crate) members: Members,
    /// The entry that made these the members.
    pub(crate) members_at: Option<Position>,
    /// No other snapshot has this name.
    pub(crate) id: String,
    state_bytes: u64,
}

/// A snapshot that was read and verified.
pub(crate) struct Snapshot {
    pub(crate) manifest: Manifest,
    pub(crate) state: Vec<u8>,
}

impl Snapshot {
    pub(crate) fn new(
        last: Option<Position>,
        members: Members,
        members_at: Option<Position>,
        id: String,
        state: Vec<u8>,
    ) -> Self {
        let state_bytes = state.len() as u64;
        Self { manifest: Manifest { last, members, members_at, id, state_bytes }, state }
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
        if self.manifest.state_bytes > STATE_BYTES_MAX {
            return Err(format!(
                "a state of {} bytes is longer than {STATE_BYTES_MAX}",
                self.manifest.state_bytes
            ));
        }
        let manifest = postcard::to_allocvec(&self.manifest).map_err(|error| error.to_string())?;
        let state = zstd::stream::encode_all(self.state.as_slice(), COMPRESSION)
            .map_err(|error| error.to_string())?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(manifest.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&checksum(&bytes, &[&manifest, &state]).to_le_bytes());
        bytes.extend_from_slice(&manifest);
        bytes.extend_from_slice(&state);
        Ok(bytes)
    }

    /// Reads the bytes of a file; else what is wrong with them.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let short = "it ends in the middle of its head";
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(short)?;
        if &head[..8] != MAGIC || head[8..10] != VERSION.to_le_bytes() {
            return Err(format!("it is no snapshot of version {VERSION}"));
        }
        let number = |at: usize| head[at..at + 4].try_into().map(u32::from_le_bytes).map_err(|_| short);
        if number(14)? != checksum(&head[..14], &[rest]) {
            return Err("its checksum does not match".to_owned());
        }
        let (manifest, state) =
            rest.split_at_checked(number(10)? as usize).ok_or("its manifest is cut off")?;
        let manifest: Manifest = postcard::from_bytes(manifest).map_err(|error| error.to_string())?;
        if manifest.state_bytes > STATE_BYTES_MAX {
            return Err(format!("its state has {} bytes, more than {STATE_BYTES_MAX}", manifest.state_bytes));
        }
        let mut raw = Vec::new();
        let decoder = zstd::stream::Decoder::new(state).map_err(|error| error.to_string())?;
        // One byte more than there should be tells whether there are more.
        decoder.take(manifest.state_bytes + 1).read_to_end(&mut raw).map_err(|error| error.to_string())?;
        match raw.len() as u64 == manifest.state_bytes {
            true => Ok(Self { manifest, state: raw }),
            false => Err(format!("its state should have {} bytes", manifest.state_bytes)),
        }
    }
}

fn checksum(head: &[u8], rest: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    for bytes in rest {
        hasher.update(bytes);
    }
    hasher.finalize()
}

/// The file of the snapshot.
pub(crate) struct SnapshotFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    manifest: Option<Manifest>,
    covered: watch::Sender<Coverage>,
}

/// How far the snapshot on the disk reaches, and whether that may still change.
#[derive(Debug, Clone, Default)]
struct Coverage {
    index: Option<u64>,
    failure: Option<StoreError>,
}

/// Tells when the snapshot on the disk reaches an index.
#[derive(Clone)]
pub(crate) struct Covered(watch::Receiver<Coverage>);

impl Covered {
    /// Waits until the snapshot on the disk reaches `index`; fails if it never will.
    pub(crate) async fn reaches(&mut self, index: u64) -> Result<(), StoreError> {
        let is_decided =
            |covered: &Coverage| covered.failure.is_some() || covered.index.is_some_and(|at| at >= index);
        // The file is gone when the node stops: nobody purges then.
        let Ok(covered) = self.0.wait_for(is_decided).await else {
            return Err(StoreError::Fenced { first: "the node stops".to_owned() });
        };
        covered.failure.clone().map_or(Ok(()), Err)
    }
}

impl SnapshotFile {
    /// The file in a folder that exists, and the snapshot in it, if there is one.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<(Self, Option<Snapshot>), StoreError> {
        let path = folder.join("snapshot");
        let mut file = Self { disk, path, manifest: None, covered: watch::Sender::default() };
        let Some(bytes) = file.read()? else { return Ok((file, None)) };
        let snapshot = Snapshot::decode(&bytes).map_err(|what| StoreError::damaged(&file.path, what))?;
        // After a sync that failed the system may show what is not on the disk.
        disk::replace(file.disk.as_ref(), &file.path, &bytes).map_err(StoreError::disk(&file.path))?;
        file.now_holds(snapshot.manifest.clone());
        Ok((file, Some(snapshot)))
    }

    /// What the snapshot on the disk says of itself.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Tells how far the snapshot on the disk reaches.
    pub(crate) fn covered(&self) -> Covered {
        Covered(self.covered.subscribe())
    }

    /// The bytes of the file, if it is there.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match fs_err::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::disk(&self.path)(error)),
        }
    }

    /// Replaces the snapshot, durably, unless the one that is there reaches further: one that was begun before a later one
    /// came from the leader must not take its place, for the log in between is gone.
    pub(crate) fn replace(&mut self, manifest: &Manifest, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(first) = self.covered.borrow().failure.as_ref() {
            return Err(StoreError::Fenced { first: first.to_string() });
        }
        if self.manifest.as_ref().is_some_and(|held| held.last > manifest.last) {
            return Ok(());
        }
        let replaced = disk::replace(self.disk.as_ref(), &self.path, bytes);
        if let Err(error) = replaced.map_err(StoreError::disk(&self.path)) {
            self.fail(error.clone());
            return Err(error);
        }
        self.now_holds(manifest.clone());
        Ok(())
    }

    /// No snapshot will come any more: whoever waits for one hears of it.
    pub(crate) fn fail(&self, failure: StoreError) {
        self.covered.send_modify(|covered| covered.failure = covered.failure.take().or(Some(failure)));
    }

    /// What is wrong with bytes that were to be a snapshot.
    pub(crate) fn refuse(&self, what: impl Into<String>) -> StoreError {
        StoreError::damaged(&self.path, what)
    }

    fn now_holds(&mut self, manifest: Manifest) {
        let index = manifest.last.map(|last| last.index);
        self.manifest = Some(manifest);
        self.covered.send_modify(|covered| covered.index = index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(index: u64) -> (Manifest, Vec<u8>) {
        let last = Position { term: 1, node: 1, index };
        let snapshot = Snapshot::new(Some(last), Members::default(), None, index.to_string(), vec![1; 99]);
        let bytes = snapshot.encode().expect("bytes");
        (snapshot.manifest, bytes)
    }

    fn open(folder: &Path) -> SnapshotFile {
        SnapshotFile::open(disk::HostDisk::shared(), folder).expect("opens").0
    }

    /// A node builds a snapshot while a later one comes from the leader, and is done after it.
    #[test]
    fn a_snapshot_never_takes_the_place_of_one_that_reaches_further() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = open(folder.path());
        for index in [20, 10] {
            let (manifest, bytes) = snapshot(index);
            file.replace(&manifest, &bytes).expect("done");
        }
        drop(file);

        let held = open(folder.path()).manifest().cloned();

        assert_eq!(held, Some(snapshot(20).0));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_snapshot_hears_of_it_or_of_its_failure() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = open(folder.path());
        let (mut early, mut late) = (file.covered(), file.covered());
        let waiting = tokio::spawn(async move { early.reaches(10).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());

        let (manifest, bytes) = snapshot(10);
        file.replace(&manifest, &bytes).expect("done");
        waiting.await.expect("no panic").expect("covered");
        file.fail(file.refuse("the disk is gone"));

        let error = late.reaches(11).await.expect_err("it never comes");
        assert!(error.to_string().contains("the disk is gone"));
        let (manifest, bytes) = snapshot(12);
        assert!(matches!(file.replace(&manifest, &bytes), Err(StoreError::Fenced { .. })));
    }
}
