//! Zero norms for text fields that a segment predates.
//!
//! tantivy merges segments only if each has norms for every normed field of the schema. A segment written before a
//! field was mapped has none, so its `.fieldnorm` file is shown with zeros appended for that field. Nothing is written:
//! the zeros are one shared buffer. After a merge the new segment has them for real.
//!
//! The layout read and shown here is tantivy 0.27's composite file: bodies, then
//! `VInt(count) (VInt(offset delta) u32(field) VInt(index))* u32(length of this list)`, then tantivy's own file footer.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use tantivy::HasLen;
use tantivy::directory::{FileHandle, OwnedBytes};

/// A `.fieldnorm` file with virtual zeros.
pub(super) struct PaddedNorms {
    original: Arc<dyn FileHandle>,
    /// Length of the original's bodies.
    bodies: usize,
    /// Zeros for one field, as long as the segment has documents.
    zeros: OwnedBytes,
    missing: usize,
    /// The new list of offsets and the original file footer.
    tail: OwnedBytes,
}

impl PaddedNorms {
    /// The file as it is, or padded if it lacks one of `fields`.
    pub(super) fn wrap(
        original: Arc<dyn FileHandle>,
        fields: &[u32],
        documents: usize,
    ) -> io::Result<Arc<dyn FileHandle>> {
        let length = original.len();
        let file_footer = file_footer_length(original.as_ref(), length)?;
        let end = length - file_footer;
        let list_length = read_u32(original.as_ref(), end.checked_sub(4).ok_or_else(corrupt)?)? as usize;
        let bodies = end.checked_sub(4 + list_length).ok_or_else(corrupt)?;
        let mut entries = read_list(&original.read_bytes(bodies..bodies + list_length)?)?;
        let missing: Vec<u32> =
            fields.iter().copied().filter(|field| entries.iter().all(|(_, known)| known != field)).collect();
        if missing.is_empty() {
            return Ok(original);
        }
        entries.extend(missing.iter().enumerate().map(|(at, field)| (bodies + at * documents, *field)));
        let mut tail = write_list(&entries);
        tail.extend_from_slice(&original.read_bytes(end..length)?);
        Ok(Arc::new(Self {
            original,
            bodies,
            zeros: OwnedBytes::new(vec![0; documents]),
            missing: missing.len(),
            tail: OwnedBytes::new(tail),
        }))
    }

    fn tail_start(&self) -> usize {
        self.bodies + self.missing * self.zeros.len()
    }
}

impl FileHandle for PaddedNorms {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let tail = self.tail_start();
        if range.end <= self.bodies {
            return self.original.read_bytes(range);
        }
        if range.start >= tail {
            return Ok(self.tail.slice(range.start - tail..range.end - tail));
        }
        if range.start >= self.bodies && range.end <= tail && range.len() <= self.zeros.len() {
            return Ok(self.zeros.slice(0..range.len()));
        }
        let mut bytes = Vec::with_capacity(range.len());
        if range.start < self.bodies {
            bytes.extend_from_slice(&self.original.read_bytes(range.start..self.bodies)?);
        }
        let zeros = range.end.min(tail) - range.start.max(self.bodies);
        bytes.resize(bytes.len() + zeros, 0);
        if range.end > tail {
            bytes.extend_from_slice(&self.tail[..range.end - tail]);
        }
        Ok(OwnedBytes::new(bytes))
    }
}

impl HasLen for PaddedNorms {
    fn len(&self) -> usize {
        self.tail_start() + self.tail.len()
    }
}

impl fmt::Debug for PaddedNorms {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PaddedNorms({} fields of {} zeros)", self.missing, self.zeros.len())
    }
}

fn corrupt() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a .fieldnorm file is too short for its own footer")
}

fn read_u32(file: &dyn FileHandle, at: usize) -> io::Result<u32> {
    let bytes = file.read_bytes(at..at + 4)?;
    bytes.as_slice().first_chunk::<4>().map(|four| u32::from_le_bytes(*four)).ok_or_else(corrupt)
}

/// tantivy's file footer: a JSON text, its length, and a magic number.
fn file_footer_length(file: &dyn FileHandle, length: usize) -> io::Result<usize> {
    let at = length.checked_sub(8).ok_or_else(corrupt)?;
    let footer = read_u32(file, at)? as usize + 8;
    if footer > length { Err(corrupt()) } else { Ok(footer) }
}

/// Offset and field of each body.
fn read_list(bytes: &[u8]) -> io::Result<Vec<(usize, u32)>> {
    let mut rest = bytes;
    let count = read_vint(&mut rest)?;
    let mut offset = 0;
    let mut entries = Vec::new();
    for _ in 0..count {
        offset += read_vint(&mut rest)? as usize;
        let (field, after) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
        rest = after;
        read_vint(&mut rest)?;
        entries.push((offset, u32::from_le_bytes(*field)));
    }
    Ok(entries)
}

fn write_list(entries: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_vint(&mut bytes, entries.len() as u64);
    let mut before = 0;
    for (offset, field) in entries {
        write_vint(&mut bytes, (offset - before) as u64);
        bytes.extend_from_slice(&field.to_le_bytes());
        write_vint(&mut bytes, 0);
        before = *offset;
    }
    let length = bytes.len() as u32;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

/// tantivy's VInt: seven bits a byte, lowest first, the top bit marks the last byte.
fn read_vint(bytes: &mut &[u8]) -> io::Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or_else(corrupt)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 != 0 {
            return Ok(value);
        }
    }
    Err(corrupt())
}

fn write_vint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8);
        value >>= 7;
    }
    bytes.push(value as u8 | 0x80);
}
