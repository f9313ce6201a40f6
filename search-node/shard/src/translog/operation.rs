//! One operation as a translog record.

use super::error::TranslogError;

/// The largest record; a bulk body is bounded far below.
pub(super) const RECORD_BYTES_MAX: usize = 128 << 20;
/// Sequence numbers are signed elsewhere, with -1 for none; and the next one must be possible.
pub(super) const SEQ_NO_MAX: u64 = i64::MAX as u64 - 1;
/// `crc u32, kind u8, flags u8, seq_no u64, term u64, version u64`.
const FIXED: usize = 4 + 1 + 1 + 8 + 8 + 8;
/// The length stands before and after the record, so that it can be read from either end.
const LENGTHS: usize = 4 + 4;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Stores a document.
    Index,
    /// Removes a document.
    Delete,
    /// Fills a gap in the sequence numbers.
    NoOp,
    /// Says that the operation of its number, written down before, does not count: the primary does not have it. It is a copy's own
    /// affair and goes to no other.
    Void,
}

/// One write, as it is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// Its place in the shard's order.
    pub seq_no: u64,
    /// The primary term under which it was accepted.
    pub term: u64,
    /// The document's version after it.
    pub version: u64,
    /// The document's unique id in the shard: its type and id.
    pub uid: String,
    /// The routing value, empty if none was given.
    pub routing: String,
    /// The document as it came; empty for a delete.
    pub source: Vec<u8>,
}

/// What makes a record belong to its place: the same bytes elsewhere do not verify.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed {
    pub(super) translog_id: [u8; 16],
    pub(super) generation: u64,
}

impl OperationKind {
    fn code(self) -> u8 {
        match self {
            OperationKind::Index => 1,
            OperationKind::Delete => 2,
            OperationKind::NoOp => 3,
            OperationKind::Void => 4,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [OperationKind::Index, OperationKind::Delete, OperationKind::NoOp, OperationKind::Void]
            .into_iter()
            .find(|k| k.code() == code)
    }
}

/// The parts of an operation that a writer has before its sequence number is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft<'a> {
    pub(crate) kind: OperationKind,
    pub(crate) term: u64,
    pub(crate) version: u64,
    pub(crate) uid: &'a str,
    pub(crate) routing: &'a str,
    pub(crate) source: &'a [u8],
}

impl Draft<'_> {
    pub(super) fn record_bytes(&self) -> usize {
        FIXED + 4 + self.uid.len() + self.routing.len() + self.source.len()
    }

    pub(super) fn check(&self) -> Result<(), TranslogError> {
        let bytes = self.record_bytes();
        let fits = bytes <= RECORD_BYTES_MAX
            && self.uid.len() <= usize::from(u16::MAX)
            && self.routing.len() <= usize::from(u16::MAX);
        if fits { Ok(()) } else { Err(TranslogError::TooLarge { bytes, max: RECORD_BYTES_MAX }) }
    }

    /// Appends the record to `buffer`; `offset` is where it will stand in the file. Returns its whole length.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>, seed: Seed, offset: u64, seq_no: u64) -> usize {
        let start = buffer.len();
        let length = self.record_bytes();
        buffer.reserve(length + LENGTHS);
        let word = (length as u32).to_le_bytes();
        buffer.extend_from_slice(&word);
        buffer.extend_from_slice(&[0; 4]);
        self.encode_body(buffer, seq_no);
        let checksum = checksum(seed, offset, &buffer[start + 8..]);
        buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
        buffer.extend_from_slice(&word);
        length + LENGTHS
    }

    /// Appends a message that [`Operation::decode`] reads: its length, then the operation.
    pub(crate) fn encode_message(&self, buffer: &mut Vec<u8>, seq_no: u64) -> Result<(), TranslogError> {
        self.check()?;
        let start = buffer.len();
        buffer.extend_from_slice(&[0; 4]);
        self.encode_body(buffer, seq_no);
        let length = (buffer.len() - start - 4) as u32;
        buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Appends what a record and a message both have: everything but lengths and checksum.
    fn encode_body(&self, buffer: &mut Vec<u8>, seq_no: u64) {
        buffer.push(self.kind.code());
        buffer.push(0);
        buffer.extend_from_slice(&seq_no.to_le_bytes());
        buffer.extend_from_slice(&self.term.to_le_bytes());
        buffer.extend_from_slice(&self.version.to_le_bytes());
        buffer.extend_from_slice(&(self.uid.len() as u16).to_le_bytes());
        buffer.extend_from_slice(&(self.routing.len() as u16).to_le_bytes());
        buffer.extend_from_slice(self.uid.as_bytes());
        buffer.extend_from_slice(self.routing.as_bytes());
        buffer.extend_from_slice(self.source);
    }
}

/// Why bytes are no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the bytes of an operation {0}; whoever sent them is of another version, or they were damaged on the way"
)]
pub struct NotAnOperation(&'static str);

impl Operation {
    /// The operation without its number.
    pub(crate) fn draft(&self) -> Draft<'_> {
        Draft {
            kind: self.kind,
            term: self.term,
            version: self.version,
            uid: &self.uid,
            routing: &self.routing,
            source: &self.source,
        }
    }

    /// How many bytes [`Operation::encode`] appends.
    pub fn encoded_bytes(&self) -> usize {
        4 + self.draft().record_bytes() - 4
    }

    /// Appends the operation to a message, so that [`Operation::decode`] reads it: its length, then the operation. Whoever carries the
    /// message sees to it that it arrives as it was sent.
    pub fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), TranslogError> {
        self.draft().encode_message(buffer, self.seq_no)
    }

    /// Reads the operation at the start of `bytes`, which are foreign; gives it and how many bytes it took.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), NotAnOperation> {
        let (word, rest) = bytes.split_first_chunk::<4>().ok_or(NotAnOperation("have no length"))?;
        let length = u32::from_le_bytes(*word) as usize;
        if !(FIXED..RECORD_BYTES_MAX).contains(&length) {
            return Err(NotAnOperation("have an impossible length"));
        }
        let body = rest.get(..length).ok_or(NotAnOperation("are cut off"))?;
        let operation = decode_body(body).ok_or(NotAnOperation("have parts that do not fit their length"))?;
        if operation.kind == OperationKind::Void || body[1] != 0 {
            return Err(NotAnOperation("are of a kind that no primary sends"));
        }
        Ok((operation, 4 + length))
    }
}

/// Reads the record at the start of `bytes`, which stands at `offset` of its file: the operation and its whole length.
pub(super) fn decode(bytes: &[u8], seed: Seed, offset: u64) -> Result<(Operation, usize), &'static str> {
    let (word, rest) = bytes.split_first_chunk::<4>().ok_or("the length is cut off")?;
    let length = u32::from_le_bytes(*word) as usize;
    if !(FIXED + 4..=RECORD_BYTES_MAX).contains(&length) {
        return Err("the length is impossible");
    }
    let record = rest.get(..length).ok_or("the record is cut off")?;
    let closing = rest.get(length..length + 4).ok_or("the closing length is cut off")?;
    let (stored, body) = record.split_first_chunk::<4>().ok_or("the checksum is cut off")?;
    if u32::from_le_bytes(*stored) != checksum(seed, offset, body) {
        return Err("the checksum does not match");
    }
    if closing != word {
        return Err("the closing length does not match");
    }
    let operation = decode_body(body).ok_or("the record's parts do not fit its length")?;
    Ok((operation, length + LENGTHS))
}

fn decode_body(body: &[u8]) -> Option<Operation> {
    let kind = OperationKind::from_code(*body.first()?)?;
    let number = |at: usize| body.get(at..at + 8)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let short = |at: usize| {
        body.get(at..at + 2)?.first_chunk::<2>().map(|bytes| usize::from(u16::from_le_bytes(*bytes)))
    };
    let (uid_length, routing_length) = (short(26)?, short(28)?);
    let rest = body.get(30..)?;
    let uid = std::str::from_utf8(rest.get(..uid_length)?).ok()?;
    let routing = std::str::from_utf8(rest.get(uid_length..uid_length + routing_length)?).ok()?;
    Some(Operation {
        kind,
        seq_no: number(2).filter(|seq_no| *seq_no <= SEQ_NO_MAX)?,
        term: number(10)?,
        version: number(18)?,
        uid: uid.to_owned(),
        routing: routing.to_owned(),
        source: rest.get(uid_length + routing_length..)?.to_vec(),
    })
}

fn checksum(seed: Seed, offset: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seed.translog_id);
    hasher.update(&seed.generation.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEED: Seed = Seed { translog_id: [7; 16], generation: 3 };

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(uid in ".{0,40}", routing in ".{0,9}", source in proptest::collection::vec(any::<u8>(), 0..200), seq_no in 0..=SEQ_NO_MAX, version: u64) {
            let draft = Draft { kind: OperationKind::Index, term: 1, version, uid: &uid, routing: &routing, source: &source };
            let mut buffer = vec![9; 5];

            let length = draft.encode(&mut buffer, SEED, 64, seq_no);

            let (operation, read) = decode(&buffer[5..], SEED, 64).expect("decodes");
            prop_assert_eq!(read, length);
            prop_assert_eq!((operation.uid, operation.routing, operation.source), (uid, routing, source));
            prop_assert_eq!((operation.seq_no, operation.version), (seq_no, version));
        }

        #[test]
        fn a_message_holds_what_was_sent(uid in ".{0,40}", routing in ".{0,9}", source in proptest::collection::vec(any::<u8>(), 0..200), seq_no in 0..=SEQ_NO_MAX, term: u64, version: u64, tail in proptest::collection::vec(any::<u8>(), 0..9)) {
            let operation = Operation { kind: OperationKind::Index, seq_no, term, version, uid, routing, source };
            let mut bytes = Vec::new();
            operation.encode(&mut bytes).expect("fits");
            prop_assert_eq!(bytes.len(), operation.encoded_bytes());
            let length = bytes.len();
            bytes.extend(tail);

            prop_assert_eq!(Operation::decode(&bytes), Ok((operation, length)));
            for cut in 0..length {
                prop_assert!(Operation::decode(&bytes[..cut]).is_err(), "cut at {}", cut);
            }
        }

        /// Whatever bytes come, reading them ends with an operation within bounds or an error.
        #[test]
        fn foreign_bytes_are_an_operation_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), length in 0..310u32, kind in 0..6u8, uid in 0..60u16) {
            // As they are, and made to look likely: a right length, a kind, a short id.
            for is_likely in [false, true] {
                if is_likely && bytes.len() > 36 {
                    bytes[..4].copy_from_slice(&length.to_le_bytes());
                    bytes[4..6].copy_from_slice(&[kind, 0]);
                    bytes[13] = 0;
                    bytes[30..32].copy_from_slice(&uid.to_le_bytes());
                    bytes[32..34].copy_from_slice(&[0, 0]);
                }
                if let Ok((operation, read)) = Operation::decode(&bytes) {
                    prop_assert!(read <= bytes.len() && operation.seq_no <= SEQ_NO_MAX);
                    prop_assert!(operation.kind != OperationKind::Void);
                    let mut again = Vec::new();
                    operation.encode(&mut again).expect("fits");
                    prop_assert_eq!(&again[..], &bytes[..read]);
                }
            }
        }

        #[test]
        fn arbitrary_bytes_never_verify(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes, SEED, 64).is_err());
        }
    }

    #[test]
    fn a_record_belongs_to_its_place() {
        let draft =
            Draft { kind: OperationKind::Delete, term: 1, version: 2, uid: "a", routing: "", source: b"" };
        let mut buffer = Vec::new();
        draft.encode(&mut buffer, SEED, 64, 1);

        assert!(decode(&buffer, SEED, 64).is_ok());
        assert!(decode(&buffer, SEED, 65).is_err(), "another offset");
        assert!(decode(&buffer, Seed { generation: 4, ..SEED }, 64).is_err(), "another generation");
        for at in 0..buffer.len() {
            let mut damaged = buffer.clone();
            damaged[at] ^= 0x10;
            assert!(decode(&damaged, SEED, 64).is_err(), "flipped byte {at}");
        }
    }
}
