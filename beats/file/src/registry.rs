//! The registry: how far each file was acked, kept over restarts and crashes.
//!
//! One append-only file holds a snapshot and the changes since; when it has grown it is written anew beside the old
//! one, synced, and renamed. The one before is kept, so that a file the disk has lost can be gone without.
//! The byte layout is in `docs/formats/registry.md`.
//!
//! # Invariants
//!
//! - A file's `generation` is synced before its first line is sent, so that ids repeat after any crash.
//! - `offset` grows only with acks.
//! - A damaged file never refuses a start: what can be read is used, the rest is set aside and named in the log.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::fingerprint::{Fingerprint, Place};

mod path_text;

const MAGIC: &[u8; 8] = b"WEIRREG1";
/// Frames longer than this are damage, not entries.
const FRAME_MAX: usize = 1 << 20;
/// A registry file is written anew beyond this and four times its snapshot.
const GROWTH_MIN: u64 = 1 << 20;

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// A number of its own in this registry.
    pub(crate) slot: u64,
    /// Random, new for each content: part of every event's id.
    pub(crate) generation: String,
    /// The path it was last seen at.
    #[serde(with = "path_text")]
    pub(crate) path: PathBuf,
    /// Its place on the disk.
    pub(crate) place: Place,
    /// The bytes that are acked.
    pub(crate) offset: u64,
    /// The first bytes.
    pub(crate) head: Fingerprint,
    /// The last bytes before `offset`.
    pub(crate) tail: Fingerprint,
    /// When it was last seen, in milliseconds since 1970.
    pub(crate) seen: i64,
    /// Whether its inode was taken over by other content, so that only a copy can continue it.
    #[serde(default)]
    pub(crate) detached: bool,
}

#[derive(Serialize, Deserialize)]
enum Record {
    Set(Entry),
    Drop(u64),
    /// Ends a snapshot; one without it is not used.
    Complete(usize),
}

/// The registry, open for writing.
#[derive(Debug)]
pub(crate) struct Registry {
    folder: PathBuf,
    number: u64,
    file: fs::File,
    bytes: u64,
    snapshot_bytes: u64,
    entries: BTreeMap<u64, Entry>,
    next_slot: u64,
    unsynced: bool,
}

impl Registry {
    /// Opens the registry in `folder`, or begins one.
    pub(crate) fn open(folder: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut numbers = numbers(folder)?;
        let newest = numbers.last().copied().unwrap_or(0);
        let mut entries = BTreeMap::new();
        while let Some(number) = numbers.pop() {
            let path = file_path(folder, number);
            let bytes = fs::read(&path)?;
            let (found, read) = decode(&bytes);
            if read < bytes.len() {
                set_aside(&path, &bytes, read);
            }
            if let Some(found) = found {
                entries = found;
                break;
            }
        }
        // Begun anew on every start: the torn tail of a crash is never appended to.
        let next_slot = entries.keys().next_back().map_or(1, |slot| slot + 1);
        let (file, bytes) = begin(folder, newest + 1, &entries)?;
        info!(files = entries.len(), "registry was read");
        let registry = Self {
            folder: folder.to_owned(),
            number: newest + 1,
            file,
            bytes,
            snapshot_bytes: bytes,
            entries,
            next_slot,
            unsynced: false,
        };
        registry.remove_old();
        Ok(registry)
    }

    /// Every entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry of a slot.
    pub(crate) fn get(&self, slot: u64) -> Option<&Entry> {
        self.entries.get(&slot)
    }

    /// A number for a new entry.
    pub(crate) fn new_slot(&mut self) -> u64 {
        self.next_slot += 1;
        self.next_slot - 1
    }

    /// Writes an entry; durable after [`Registry::sync`].
    pub(crate) fn set(&mut self, entry: Entry) -> std::io::Result<()> {
        let frame = encode(&Record::Set(entry.clone()));
        self.entries.insert(entry.slot, entry);
        self.append(&frame)
    }

    /// Forgets an entry.
    pub(crate) fn remove(&mut self, slot: u64) -> std::io::Result<()> {
        self.entries.remove(&slot);
        let frame = encode(&Record::Drop(slot));
        self.append(&frame)
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> std::io::Result<()> {
        if self.unsynced {
            if let Err(error) = self.file.sync_data() {
                // The kernel may have dropped the pages and call the next sync a success, so this file is given up
                // and everything is written anew.
                warn!(%error, "registry could not be synced and is written anew");
                return self.begin_anew();
            }
            self.unsynced = false;
        }
        Ok(())
    }

    fn append(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.unsynced = true;
        let written = self.file.write_all(frame);
        if written.is_err() || self.bytes > GROWTH_MIN.max(self.snapshot_bytes * 4) {
            // After a failed write the end of the file is unknown, so nothing may be appended there again.
            return self.begin_anew();
        }
        self.bytes += frame.len() as u64;
        Ok(())
    }

    fn begin_anew(&mut self) -> std::io::Result<()> {
        let (file, bytes) = begin(&self.folder, self.number + 1, &self.entries)?;
        self.number += 1;
        self.file = file;
        self.bytes = bytes;
        self.snapshot_bytes = bytes;
        self.unsynced = false;
        self.remove_old();
        Ok(())
    }

    /// Keeps the file in use and the one before.
    fn remove_old(&self) {
        for number in numbers(&self.folder).unwrap_or_default() {
            if number + 1 < self.number
                && let Err(error) = fs::remove_file(file_path(&self.folder, number))
            {
                warn!(%error, "an old registry file stays");
            }
        }
    }
}

fn file_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("registry-{number:012}.log"))
}

fn numbers(folder: &Path) -> std::io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = fs::read_dir(folder)?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            name.to_str()?.strip_prefix("registry-")?.strip_suffix(".log")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Writes a snapshot beside, syncs it, and gives it its name.
fn begin(folder: &Path, number: u64, entries: &BTreeMap<u64, Entry>) -> std::io::Result<(fs::File, u64)> {
    let mut bytes = MAGIC.to_vec();
    for entry in entries.values() {
        bytes.extend(encode(&Record::Set(entry.clone())));
    }
    bytes.extend(encode(&Record::Complete(entries.len())));
    let temporary = folder.join("registry.tmp");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let path = file_path(folder, number);
    fs::rename(&temporary, &path)?;
    fs::File::open(folder)?.sync_all()?;
    let file = fs::OpenOptions::new().append(true).open(&path)?;
    Ok((file, bytes.len() as u64))
}

/// Total, so that an error of writing is always the disk's, which may be waited for.
fn encode(record: &Record) -> Vec<u8> {
    let body = serde_json::to_vec(record).expect("numbers, texts and a path of any bytes always become JSON");
    let length = u32::try_from(body.len()).expect("the longest path the system knows is far below 4 GiB");
    let mut frame = Vec::with_capacity(body.len() + 8);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// The entries, if the snapshot is whole, and how many bytes could be read.
fn decode(bytes: &[u8]) -> (Option<BTreeMap<u64, Entry>>, usize) {
    if !bytes.starts_with(MAGIC) {
        return (None, 0);
    }
    let mut entries = BTreeMap::new();
    let mut complete = false;
    let mut at = MAGIC.len();
    while let Some((record, length)) = frame(&bytes[at..]) {
        at += length;
        match record {
            Record::Set(entry) => {
                entries.insert(entry.slot, entry);
            }
            Record::Drop(slot) => {
                entries.remove(&slot);
            }
            Record::Complete(_) => complete = true,
        }
    }
    (complete.then_some(entries), at)
}

fn frame(bytes: &[u8]) -> Option<(Record, usize)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    // Zero-fill after a power cut reads as length 0 with a right checksum; no record is empty.
    if length == 0 || length > FRAME_MAX {
        return None;
    }
    let body = bytes.get(8..8 + length)?;
    if crc32fast::hash(body) != sum {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, 8 + length))
}

/// Keeps the unreadable rest for whoever wants to look; failing at that must not stop the start.
fn set_aside(path: &Path, bytes: &[u8], read: usize) {
    let aside = path.with_extension("damaged");
    let kept = fs::write(&aside, &bytes[read..]).is_ok();
    warn!(path = %path.display(), offset = read, bytes = bytes.len() - read, kept, "the end of the registry could not be read and was set aside");
}

#[cfg(test)]
mod tests;
