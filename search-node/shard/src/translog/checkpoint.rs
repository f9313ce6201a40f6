//! The checkpoint: how far the translog is durable. Two slots, written in turn, so that one is always whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::TranslogError;
use super::operation::SEQ_NO_MAX;
use disk::{Disk, DiskFile};

const MAGIC: &[u8; 8] = b"SNTCKP03";
const SLOT_BYTES: u64 = 512;
/// The versions that are read, with the lengths of their slots: the first did not tell whether the translog was closed, the second
/// nothing of other copies.
const VERSIONS: [(&[u8; 8], usize); 3] = [(b"SNTCKP01", 64), (b"SNTCKP02", 72), (MAGIC, BODY_BYTES)];
const BODY_BYTES: usize = 72 + 8 + 8 + 8;

/// How far the translog is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Identifies this translog; its files carry the same.
    pub(super) translog_id: [u8; 16],
    /// The generation being written.
    pub(super) generation: u64,
    /// Everything before this offset of that generation is synced.
    pub(super) durable_offset: u64,
    /// The oldest generation that is still needed.
    pub(super) min_generation: u64,
    /// The highest sequence number that is synced; -1 when there is none.
    pub(super) max_seq_no: i64,
    /// Whether the translog was closed with everything synced: no sequence number was given out beyond `max_seq_no`.
    pub(super) is_closed: bool,
    /// What concerns other copies; a slot of an older version does not tell.
    pub(super) shared: Option<SharedPart>,
}

/// What of a checkpoint concerns other copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SharedPart {
    /// Up to here all copies in sync are equal, and everything is synced here; -1 when there is nothing.
    pub(super) global: i64,
    /// The oldest generation that is kept for copies that return.
    pub(super) oldest_generation: u64,
    /// Every operation from this number on is in the generations that are kept.
    pub(super) history_from: u64,
}

/// More generations than any shard begins.
const GENERATION_MAX: u64 = u64::MAX / 2;

impl Checkpoint {
    /// Whether a translog can come to this: what is read may be counted on from here.
    fn is_possible(&self) -> bool {
        (1..=self.generation).contains(&self.min_generation)
            && self.generation <= GENERATION_MAX
            && (-1..=SEQ_NO_MAX as i64).contains(&self.max_seq_no)
            && self.shared.is_none_or(|shared| {
                (-1..=SEQ_NO_MAX as i64).contains(&shared.global)
                    && (1..=self.min_generation).contains(&shared.oldest_generation)
                    && shared.history_from <= SEQ_NO_MAX + 1
            })
    }
}

/// The open checkpoint file.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    turn: u64,
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join("translog.ckp")
}

impl CheckpointFile {
    /// The newest whole checkpoint of a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Checkpoint>, TranslogError> {
        Ok(Self::newest(folder)?.map(|(_, checkpoint)| checkpoint))
    }

    /// Opens the file for writing, making it if it is not there. The newest slot is written again: the sync of it may have
    /// failed, and the next write takes the place of the one before it.
    pub(super) fn open(disk: &dyn Disk, folder: &Path) -> Result<Self, TranslogError> {
        let path = path_in(folder);
        let newest = Self::newest(folder)?;
        let turn = newest.map_or(0, |(turn, _)| turn);
        let opened = disk.open(&path).and_then(|file| {
            file.set_length(2 * SLOT_BYTES)?;
            if let Some((turn, checkpoint)) = &newest {
                file.write_at(&encode(*turn, checkpoint), slot_of(*turn))?;
            }
            file.sync()?;
            disk.sync_folder(folder)?;
            Ok(file)
        });
        let file = opened.map_err(TranslogError::io(&path))?;
        Ok(Self { path, file, turn })
    }

    /// Writes the slot whose turn it is, and syncs it.
    pub(super) fn write(&mut self, checkpoint: &Checkpoint) -> Result<(), TranslogError> {
        self.turn += 1;
        let bytes = encode(self.turn, checkpoint);
        let written = self.file.write_at(&bytes, slot_of(self.turn)).and_then(|()| self.file.sync());
        written.map_err(TranslogError::io(&self.path))
    }

    /// The newest slot that verifies. None while nothing was ever acknowledged: then the file is missing, or no slot was
    /// written whole and one of them not at all. Two damaged slots are damage, and never taken for an empty translog.
    fn newest(folder: &Path) -> Result<Option<(u64, Checkpoint)>, TranslogError> {
        let path = path_in(folder);
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TranslogError::io(&path)(error)),
        };
        let slots = bytes.chunks(SLOT_BYTES as usize).filter_map(decode);
        let newest = slots.max_by_key(|(turn, _)| *turn);
        // The file has its whole length before a slot is written: a shorter one was cut, unless nothing is in it.
        let is_blank = |slot: usize| {
            let start = slot * SLOT_BYTES as usize;
            bytes
                .get(start..start + SLOT_BYTES as usize)
                .is_some_and(|slot| slot.iter().all(|byte| *byte == 0))
        };
        let was_written = bytes.iter().any(|byte| *byte != 0);
        if newest.is_none() && was_written && !is_blank(0) && !is_blank(1) {
            return Err(TranslogError::corrupt(&path, 0, "neither slot of the checkpoint verifies"));
        }
        Ok(newest)
    }
}

fn slot_of(turn: u64) -> u64 {
    (turn % 2) * SLOT_BYTES
}

fn encode(turn: u64, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BODY_BYTES + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&turn.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.translog_id);
    bytes.extend_from_slice(&checkpoint.generation.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.durable_offset.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.min_generation.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.max_seq_no.to_le_bytes());
    bytes.extend_from_slice(&u64::from(checkpoint.is_closed).to_le_bytes());
    // Nobody writes a checkpoint without; what is read of an older version is completed when the translog is opened.
    let unknown =
        SharedPart { global: -1, oldest_generation: checkpoint.min_generation, history_from: SEQ_NO_MAX + 1 };
    let shared = checkpoint.shared.unwrap_or(unknown);
    bytes.extend_from_slice(&shared.global.to_le_bytes());
    bytes.extend_from_slice(&shared.oldest_generation.to_le_bytes());
    bytes.extend_from_slice(&shared.history_from.to_le_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn decode(slot: &[u8]) -> Option<(u64, Checkpoint)> {
    let (magic, length) = VERSIONS.into_iter().find(|(magic, _)| slot.starts_with(*magic))?;
    let (body, rest) = slot.split_at_checked(length)?;
    if crc32fast::hash(body).to_le_bytes() != rest.get(..4)? {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(*body.get(at..)?.first_chunk::<8>()?));
    let shared = match magic == MAGIC {
        true => Some(SharedPart {
            global: number(72)? as i64,
            oldest_generation: number(80)?,
            history_from: number(88)?,
        }),
        false => None,
    };
    let checkpoint = Checkpoint {
        translog_id: *body[16..].first_chunk::<16>()?,
        generation: number(32)?,
        durable_offset: number(40)?,
        min_generation: number(48)?,
        max_seq_no: number(56)? as i64,
        is_closed: number(64).is_some_and(|closed| closed == 1),
        shared,
    };
    checkpoint.is_possible().then_some((number(8)?, checkpoint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::HostDisk;

    fn checkpoint(generation: u64) -> Checkpoint {
        Checkpoint {
            translog_id: [1; 16],
            generation,
            durable_offset: 64,
            min_generation: 1,
            max_seq_no: -1,
            is_closed: false,
            shared: Some(SharedPart { global: -1, oldest_generation: 1, history_from: 0 }),
        }
    }

    /// Whatever a crash leaves of the slot being written, the one before it is still read.
    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = CheckpointFile::open(&HostDisk, folder.path()).expect("opens");
        file.write(&checkpoint(1)).expect("written");
        file.write(&checkpoint(2)).expect("written");
        let whole = fs_err::read(path_in(folder.path())).expect("read");
        // The second write has turn 2, which is the slot at the front.
        let slot = 0;

        for cut in 0..BODY_BYTES + 4 {
            let mut torn = whole.clone();
            torn[slot + cut] ^= 0xff;
            fs_err::write(path_in(folder.path()), &torn).expect("torn");

            assert_eq!(CheckpointFile::read(folder.path()).expect("read"), Some(checkpoint(1)), "byte {cut}");
        }
    }

    /// Shards of older builds are opened: what their slots do not tell is not known.
    #[test]
    fn slots_of_every_version_are_read() {
        let shared = SharedPart { global: 5, oldest_generation: 1, history_from: 4 };
        let newest = Checkpoint { is_closed: true, shared: Some(shared), ..checkpoint(3) };
        assert_eq!(decode(&encode(7, &newest)), Some((7, newest)));

        let of_version = |version: usize| {
            let (magic, length) = VERSIONS[version];
            let mut slot = encode(7, &newest);
            slot.truncate(length);
            slot[..8].copy_from_slice(magic);
            let checksum = crc32fast::hash(&slot);
            slot.extend_from_slice(&checksum.to_le_bytes());
            decode(&slot)
        };

        assert_eq!(of_version(0), Some((7, Checkpoint { shared: None, ..checkpoint(3) })));
        assert_eq!(of_version(1), Some((7, Checkpoint { is_closed: true, shared: None, ..checkpoint(3) })));
    }

    /// A translog whose checkpoint is damaged as a whole is never opened as an empty one.
    #[test]
    fn two_damaged_slots_are_damage_and_not_a_new_translog() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = CheckpointFile::open(&HostDisk, folder.path()).expect("opens");
        assert_eq!(CheckpointFile::read(folder.path()).expect("read"), None, "nothing was written yet");
        file.write(&checkpoint(1)).expect("written");
        file.write(&checkpoint(2)).expect("written");
        let mut bytes = fs_err::read(path_in(folder.path())).expect("read");
        bytes[20] ^= 1;
        bytes[SLOT_BYTES as usize + 20] ^= 1;
        fs_err::write(path_in(folder.path()), &bytes).expect("damaged");

        let error = CheckpointFile::read(folder.path()).expect_err("refused");

        assert!(matches!(error, TranslogError::Corrupt { .. }), "{error}");
    }

    /// The file has its whole length before anything is acknowledged: what is shorter was cut, and is no new translog.
    #[test]
    fn a_cut_checkpoint_is_damage_and_not_a_new_translog() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = CheckpointFile::open(&HostDisk, folder.path()).expect("opens");
        file.write(&checkpoint(1)).expect("written");
        file.write(&checkpoint(2)).expect("written");
        let bytes = fs_err::read(path_in(folder.path())).expect("read");

        for length in 1..BODY_BYTES + 4 {
            fs_err::write(path_in(folder.path()), &bytes[..length]).expect("cut");
            assert!(CheckpointFile::read(folder.path()).is_err(), "{length} bytes");
        }
        fs_err::write(path_in(folder.path()), b"").expect("empty");
        assert_eq!(CheckpointFile::read(folder.path()).expect("nothing was written yet"), None);
    }

    /// Numbers that no translog comes to are not counted on from, whatever their checksum says.
    #[test]
    fn impossible_numbers_do_not_verify() {
        let possible = SharedPart { global: -1, oldest_generation: 1, history_from: 0 };
        let with = |shared| Checkpoint { shared: Some(shared), ..checkpoint(1) };
        for wrong in [
            Checkpoint { generation: u64::MAX, ..checkpoint(1) },
            Checkpoint { min_generation: 0, ..checkpoint(1) },
            Checkpoint { min_generation: 3, ..checkpoint(2) },
            Checkpoint { max_seq_no: i64::MAX, ..checkpoint(1) },
            Checkpoint { max_seq_no: -2, ..checkpoint(1) },
            with(SharedPart { global: -2, ..possible }),
            with(SharedPart { oldest_generation: 0, ..possible }),
            with(SharedPart { oldest_generation: 2, ..possible }),
            with(SharedPart { history_from: u64::MAX, ..possible }),
        ] {
            assert_eq!(decode(&encode(1, &wrong)), None, "{wrong:?}");
        }
    }
}
