//! One entry as bytes in a segment.

use super::position::Position;

/// Length and checksum, then term, node and index.
pub(super) const HEAD_BYTES: usize = 4 + 4 + 8 + 8 + 8;
/// As long as a record of the translog: a change of the cluster's state is smaller by far, and a length beyond it is
/// damage that must not become an allocation.
pub(super) const PAYLOAD_BYTES_MAX: usize = 128 << 20;

/// An entry of the log: what is agreed on is opaque here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) at: Position,
    pub(crate) payload: Vec<u8>,
}

impl Record {
    /// Its length in a segment.
    pub(super) fn bytes(&self) -> usize {
        HEAD_BYTES + self.payload.len()
    }

    /// Appends the record as it stands at `offset` of the segment with this id. The checksum covers the place, so that a
    /// block that was moved or is left over from another file never verifies.
    pub(super) fn encode(&self, segment: &[u8; 16], offset: u64, into: &mut Vec<u8>) {
        let length = (self.payload.len() as u32).to_le_bytes();
        let mut body = Vec::with_capacity(HEAD_BYTES - 8);
        for number in [self.at.term, self.at.node, self.at.index] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        let checksum = checksum(segment, offset, &length, &[&body, &self.payload]);
        into.extend_from_slice(&length);
        into.extend_from_slice(&checksum.to_le_bytes());
        into.extend_from_slice(&body);
        into.extend_from_slice(&self.payload);
    }

    /// The record that `bytes` begins with, if it verifies.
    pub(super) fn decode(segment: &[u8; 16], offset: u64, bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let number = |at: usize| head[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let length: [u8; 4] = head[..4].try_into().ok()?;
        let payload_bytes = u32::from_le_bytes(length) as usize;
        if payload_bytes > PAYLOAD_BYTES_MAX {
            return None;
        }
        let payload = rest.get(..payload_bytes)?;
        let found = u32::from_le_bytes(head[4..8].try_into().ok()?);
        if checksum(segment, offset, &length, &[&head[8..], payload]) != found {
            return None;
        }
        let at = Position { term: number(8)?, node: number(16)?, index: number(24)? };
        Some(Self { at, payload: payload.to_owned() })
    }
}

fn checksum(segment: &[u8; 16], offset: u64, length: &[u8; 4], rest: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(segment);
    hasher.update(&offset.to_le_bytes());
    hasher.update(length);
    for bytes in rest {
        hasher.update(bytes);
    }
    hasher.finalize()
}
