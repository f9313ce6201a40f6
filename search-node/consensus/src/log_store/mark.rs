//! How far a segment was synced when this was last noted.

/// Two slots of a block each, after the header of the segment.
const SLOTS: [u64; 2] = [512, 1024];
/// Turn, end, whether it is sealed, checksum.
const MARK_BYTES: usize = 8 + 8 + 1 + 4;

/// Everything before `end` was synced. A mark is written after the sync that it tells of and becomes durable with the
/// next one, so it is never ahead of the disk, and at most one batch behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) turn: u64,
    pub(super) end: u64,
    /// Another segment follows: where it is missing, something was lost.
    pub(super) is_sealed: bool,
}

impl Mark {
    /// Where this mark is written.
    pub(super) fn offset(&self) -> u64 {
        SLOTS[(self.turn % 2) as usize]
    }

    pub(super) fn next(self, end: u64, is_sealed: bool) -> Self {
        Self { turn: self.turn + 1, end, is_sealed }
    }

    pub(super) fn encode(&self, segment: &[u8; 16]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MARK_BYTES);
        bytes.extend_from_slice(&self.turn.to_le_bytes());
        bytes.extend_from_slice(&self.end.to_le_bytes());
        bytes.push(u8::from(self.is_sealed));
        bytes.extend_from_slice(&checksum(segment, &bytes).to_le_bytes());
        bytes
    }

    /// The newest mark of a segment.
    pub(super) fn newest(segment: &[u8; 16], file: &[u8]) -> Option<Self> {
        let marks =
            SLOTS.iter().filter_map(|offset| Self::decode(segment, file.get(*offset as usize..)?, *offset));
        marks.max_by_key(|mark| mark.turn)
    }

    fn decode(segment: &[u8; 16], bytes: &[u8], offset: u64) -> Option<Self> {
        let (body, found) = bytes.get(..MARK_BYTES)?.split_at_checked(MARK_BYTES - 4)?;
        if checksum(segment, body) != u32::from_le_bytes(found.try_into().ok()?) {
            return None;
        }
        let number = |at: usize| body[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let mark = Self { turn: number(0)?, end: number(8)?, is_sealed: body[16] != 0 };
        (mark.offset() == offset).then_some(mark)
    }
}

fn checksum(segment: &[u8; 16], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(b"mark");
    hasher.update(segment);
    hasher.update(body);
    hasher.finalize()
}
