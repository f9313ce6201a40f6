//! The translog as its page in `docs/formats/` describes it, written a second time: what the product must be able to read.

use crc32fast::Hasher;

pub(crate) const HEADER_BYTES: usize = 64;
const SLOT_BYTES: usize = 512;
pub(crate) const ID: [u8; 16] = [7; 16];

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) uid: String,
    /// None for a delete.
    pub(crate) source: Option<Vec<u8>>,
}

/// The numbers of a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) generation: u64,
    pub(crate) durable_offset: u64,
    pub(crate) min_generation: u64,
    pub(crate) max_seq_no: i64,
    pub(crate) global: i64,
}

pub(crate) fn header(generation: u64) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..8].copy_from_slice(b"SNTLOG01");
    bytes[8] = 2;
    bytes[12..28].copy_from_slice(&ID);
    bytes[28..36].copy_from_slice(&generation.to_le_bytes());
    bytes[36..44].copy_from_slice(&1u64.to_le_bytes());
    bytes[44..52].copy_from_slice(&(-1i64).to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..60]);
    bytes[60..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Appends a record with this content behind its checksum.
pub(crate) fn push_record(file: &mut Vec<u8>, generation: u64, body: &[u8]) {
    let offset = file.len() as u64;
    let length = (body.len() as u32 + 4).to_le_bytes();
    let mut hasher = Hasher::new();
    hasher.update(&ID);
    hasher.update(&generation.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(body);
    file.extend_from_slice(&length);
    file.extend_from_slice(&hasher.finalize().to_le_bytes());
    file.extend_from_slice(body);
    file.extend_from_slice(&length);
}

/// The content of a record.
pub(crate) fn body(written: &Written, seq_no: u64) -> Vec<u8> {
    let source = written.source.as_deref().unwrap_or_default();
    let mut bytes = vec![if written.source.is_some() { 1 } else { 2 }, 0];
    for number in [seq_no, 1, 1] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&(written.uid.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(written.uid.as_bytes());
    bytes.extend_from_slice(source);
    bytes
}

/// The file of the checkpoint: the slot that opening the translog writes, and then that of the first sync.
pub(crate) fn checkpoint(newest: Checkpoint) -> Vec<u8> {
    let first = Checkpoint { durable_offset: HEADER_BYTES as u64, max_seq_no: -1, global: -1, ..newest };
    [slot(2, newest), slot(1, first)].concat()
}

fn slot(turn: u64, numbers: Checkpoint) -> Vec<u8> {
    let mut bytes = b"SNTCKP03".to_vec();
    bytes.extend_from_slice(&turn.to_le_bytes());
    bytes.extend_from_slice(&ID);
    for number in [numbers.generation, numbers.durable_offset, numbers.min_generation] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&numbers.max_seq_no.to_le_bytes());
    // Not closed, and no older generation is kept.
    bytes.extend_from_slice(&0u64.to_le_bytes());
    bytes.extend_from_slice(&numbers.global.to_le_bytes());
    bytes.extend_from_slice(&numbers.min_generation.to_le_bytes());
    bytes.extend_from_slice(&0u64.to_le_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.resize(SLOT_BYTES, 0);
    bytes
}
