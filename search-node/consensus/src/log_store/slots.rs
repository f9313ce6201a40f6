//! A small state in two slots, which are written one after the other: a write that is torn leaves the state before it, and
//! once both are written the loss of either costs nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskFile};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;

/// A slot is as long as a page of the memory, so that no write touches both.
const SLOT_BYTES: usize = 4096;
/// Magic, turn, length, checksum.
const HEAD_BYTES: usize = 8 + 8 + 2 + 4;

/// The file of a state; it is created with the state's first value and has one from then on.
pub(super) struct SlotFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    magic: &'static [u8; 8],
    turn: u64,
}

impl SlotFile {
    /// Makes the file with its first state, as a whole or not at all.
    pub(super) fn create(
        disk: &dyn Disk,
        path: &Path,
        magic: &'static [u8; 8],
        first: &impl Serialize,
    ) -> Result<Self, StoreError> {
        let mut bytes = vec![0; 2 * SLOT_BYTES];
        let slot = encode(magic, 0, first).map_err(|what| StoreError::damaged(path, what))?;
        for at in [0, SLOT_BYTES] {
            bytes[at..at + slot.len()].copy_from_slice(&slot);
        }
        disk::replace(disk, path, &bytes).map_err(StoreError::disk(path))?;
        let file = disk.open(path).map_err(StoreError::disk(path))?;
        Ok(Self { path: path.to_owned(), file, magic, turn: 0 })
    }

    /// Opens the file and gives the newest state. It is written again, to both slots: one may be older or damaged, and after
    /// a sync that failed the system may show what is not on the disk.
    pub(super) fn open<S: Serialize + DeserializeOwned>(
        disk: &dyn Disk,
        path: &Path,
        magic: &'static [u8; 8],
    ) -> Result<(Self, S), StoreError> {
        let bytes = fs_err::read(path).map_err(StoreError::disk(path))?;
        let (turn, state) = newest(magic, &bytes)
            .ok_or_else(|| StoreError::damaged(path, "neither of its slots verifies"))?;
        let file = disk.open(path).map_err(StoreError::disk(path))?;
        let opened = Self { path: path.to_owned(), file, magic, turn };
        opened.put(&state)?;
        Ok((opened, state))
    }

    /// Replaces the state, durably.
    pub(super) fn write(&mut self, state: &impl Serialize) -> Result<(), StoreError> {
        self.turn += 1;
        self.put(state)
    }

    /// The second slot is touched only once the first is on the disk.
    fn put(&self, state: &impl Serialize) -> Result<(), StoreError> {
        let slot =
            encode(self.magic, self.turn, state).map_err(|what| StoreError::damaged(&self.path, what))?;
        for offset in [0, SLOT_BYTES as u64] {
            let written = self.file.write_at(&slot, offset).and_then(|()| self.file.sync());
            written.map_err(StoreError::disk(&self.path))?;
        }
        Ok(())
    }
}

/// The newest state of a file, and its turn.
fn newest<S: DeserializeOwned>(magic: &[u8; 8], bytes: &[u8]) -> Option<(u64, S)> {
    let states = bytes.chunks(SLOT_BYTES).take(2).filter_map(|slot| decode(magic, slot));
    states.max_by_key(|(turn, _)| *turn)
}

fn encode(magic: &[u8; 8], turn: u64, state: &impl Serialize) -> Result<Vec<u8>, String> {
    let state = postcard::to_allocvec(state).map_err(|error| error.to_string())?;
    if HEAD_BYTES + state.len() > SLOT_BYTES {
        return Err(format!("a state of {} bytes does not fit into its slot", state.len()));
    }
    let mut slot = Vec::with_capacity(HEAD_BYTES + state.len());
    slot.extend_from_slice(magic);
    slot.extend_from_slice(&turn.to_le_bytes());
    slot.extend_from_slice(&(state.len() as u16).to_le_bytes());
    slot.extend_from_slice(&checksum(&slot, &state).to_le_bytes());
    slot.extend_from_slice(&state);
    Ok(slot)
}

fn decode<S: DeserializeOwned>(magic: &[u8; 8], slot: &[u8]) -> Option<(u64, S)> {
    let (head, rest) = slot.split_at_checked(HEAD_BYTES)?;
    if &head[..8] != magic {
        return None;
    }
    let turn = u64::from_le_bytes(head[8..16].try_into().ok()?);
    let length = u16::from_le_bytes(head[16..18].try_into().ok()?);
    let found = u32::from_le_bytes(head[18..22].try_into().ok()?);
    let state = rest.get(..usize::from(length))?;
    if checksum(&head[..18], state) != found {
        return None;
    }
    Some((turn, postcard::from_bytes(state).ok()?))
}

fn checksum(head: &[u8], state: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(state);
    hasher.finalize()
}
