//! The frames of a connection: what is said after the handshake.
//!
//! Pure: bytes in, frames out. Every byte comes from elsewhere: a length is checked before anything waits for it, and
//! nothing is allocated on its word. The bytes are in `docs/formats/transport.md`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The longest part of a body in one frame. A body that is longer is sent in turns with the others.
pub(crate) const PART_BYTES_MAX: usize = 64 << 10;
/// The longest text that says why.
pub(crate) const REASON_BYTES_MAX: usize = 1024;
/// Length, kind, id, checksum.
pub(crate) const HEADER_BYTES: usize = 4 + 1 + 8 + 4;
/// Action or outcome, and the length of the whole body.
const CALL_BYTES: usize = 2 + 8;
const ANSWER_BYTES: usize = 1 + 8;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A call begins. A body of at most one part comes with it, a longer one once it may proceed.
    Call { id: u64, action: u16, total: u64, part: Bytes },
    /// An answer begins, in the same way.
    Answer { id: u64, outcome: Outcome, total: u64, part: Bytes },
    /// More of the body.
    Part { id: u64, part: Bytes },
    /// There is room for the whole body.
    Proceed { id: u64 },
    /// Nobody waits for the answer any more.
    Cancel { id: u64 },
    /// Nothing is said, but the other side is alive.
    Alive,
    /// No more calls are taken over this connection, and why.
    Goodbye { reason: String },
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The body is the answer.
    Done,
    /// The body is the handler's error.
    Failed,
    /// The handler broke, or its answer cannot be sent: the body says why.
    Broken,
    /// It was not handed to the handler: the body says why.
    NotTaken,
    /// The caller gave up.
    Cancelled,
}

const OUTCOMES: [Outcome; 5] =
    [Outcome::Done, Outcome::Failed, Outcome::Broken, Outcome::NotTaken, Outcome::Cancelled];

mod kind {
    pub(super) const CALL: u8 = 1;
    pub(super) const ANSWER: u8 = 2;
    pub(super) const PART: u8 = 3;
    pub(super) const PROCEED: u8 = 4;
    pub(super) const CANCEL: u8 = 5;
    pub(super) const ALIVE: u8 = 6;
    pub(super) const GOODBYE: u8 = 7;
}

/// Why bytes are no frame. The connection cannot go on after one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {length} bytes is longer than {max}")]
    TooLong { length: usize, max: usize },
    #[error("the checksum of a frame does not match")]
    Checksum,
    #[error("there is no frame of kind {0}")]
    Kind(u8),
    #[error("a frame of kind {kind} cannot hold {length} bytes")]
    Length { kind: u8, length: usize },
    #[error("there is no outcome {0}")]
    Outcome(u8),
    #[error("a body of {total} bytes cannot begin with {part}")]
    Part { total: u64, part: usize },
}

/// Puts a frame behind what is in `out`.
pub(crate) fn encode(frame: &Frame, out: &mut BytesMut) {
    let begin = out.len();
    let (kind, id) = match frame {
        Frame::Call { id, .. } => (kind::CALL, *id),
        Frame::Answer { id, .. } => (kind::ANSWER, *id),
        Frame::Part { id, .. } => (kind::PART, *id),
        Frame::Proceed { id } => (kind::PROCEED, *id),
        Frame::Cancel { id } => (kind::CANCEL, *id),
        Frame::Alive => (kind::ALIVE, 0),
        Frame::Goodbye { .. } => (kind::GOODBYE, 0),
    };
    out.put_u32_le(0);
    out.put_u8(kind);
    out.put_u64_le(id);
    out.put_u32_le(0);
    match frame {
        Frame::Call { action, total, part, .. } => {
            out.put_u16_le(*action);
            out.put_u64_le(*total);
            out.put_slice(part);
        }
        Frame::Answer { outcome, total, part, .. } => {
            out.put_u8(outcome.number());
            out.put_u64_le(*total);
            out.put_slice(part);
        }
        Frame::Part { part, .. } => out.put_slice(part),
        Frame::Goodbye { reason } => out.put_slice(shortened(reason).as_bytes()),
        Frame::Proceed { .. } | Frame::Cancel { .. } | Frame::Alive => {}
    }
    let length = (out.len() - begin - HEADER_BYTES) as u32;
    out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(&out[begin..]);
    out[begin + HEADER_BYTES - 4..begin + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

/// Takes the next frame out of what has arrived; none if it is not whole yet.
pub(crate) fn decode(received: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let Some(length) = received.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length) as usize;
    let max = PART_BYTES_MAX + CALL_BYTES;
    if length > max {
        return Err(FrameError::TooLong { length, max });
    }
    if received.len() < HEADER_BYTES + length {
        return Ok(None);
    }
    let sum = checksum(&received[..HEADER_BYTES + length]);
    let mut header = received.split_to(HEADER_BYTES).freeze();
    let mut payload = received.split_to(length);
    header.advance(4);
    let (kind, id, expected) = (header.get_u8(), header.get_u64_le(), header.get_u32_le());
    if sum != expected {
        return Err(FrameError::Checksum);
    }
    let misfit = FrameError::Length { kind, length };
    let frame = match kind {
        kind::CALL if length >= CALL_BYTES => {
            let (action, total) = (payload.get_u16_le(), payload.get_u64_le());
            Frame::Call { id, action, total, part: first_part(total, &payload)? }
        }
        kind::ANSWER if length >= ANSWER_BYTES => {
            let outcome = payload.get_u8();
            let outcome = *OUTCOMES.get(usize::from(outcome)).ok_or(FrameError::Outcome(outcome))?;
            let total = payload.get_u64_le();
            Frame::Answer { id, outcome, total, part: first_part(total, &payload)? }
        }
        // It is put where the rest of its body is before anything more arrives, so that it need not be copied first.
        kind::PART if (1..=PART_BYTES_MAX).contains(&length) => Frame::Part { id, part: payload.freeze() },
        kind::PROCEED if length == 0 => Frame::Proceed { id },
        kind::CANCEL if length == 0 => Frame::Cancel { id },
        kind::ALIVE if length == 0 && id == 0 => Frame::Alive,
        kind::GOODBYE if length <= REASON_BYTES_MAX && id == 0 => {
            Frame::Goodbye { reason: readable(&payload) }
        }
        kind::CALL..=kind::GOODBYE => return Err(misfit),
        other => return Err(FrameError::Kind(other)),
    };
    Ok(Some(frame))
}

/// The part that a body begins with: all of it, or, if it is long, nothing yet.
fn first_part(total: u64, payload: &[u8]) -> Result<Bytes, FrameError> {
    let expected = if total <= PART_BYTES_MAX as u64 { total } else { 0 };
    if payload.len() as u64 != expected {
        return Err(FrameError::Part { total, part: payload.len() });
    }
    Ok(copy(payload))
}

/// In memory of its own: a slice would keep everything that arrived with it.
fn copy(payload: &[u8]) -> Bytes {
    Bytes::copy_from_slice(payload)
}

impl Outcome {
    pub(crate) fn number(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Broken => 2,
            Outcome::NotTaken => 3,
            Outcome::Cancelled => 4,
        }
    }
}

/// The checksum of a frame: of everything but itself.
fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..HEADER_BYTES - 4]);
    hasher.update(&frame[HEADER_BYTES..]);
    hasher.finalize()
}

/// As much of a text as a frame holds.
pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(REASON_BYTES_MAX)]
}

/// What another node says, as it may stand in a log: bounded, and without anything that moves the cursor.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(REASON_BYTES_MAX)];
    String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use testkit::Chance;

    use super::*;

    fn examples() -> Vec<Frame> {
        let part = Bytes::from_static(b"abc");
        let long = PART_BYTES_MAX as u64 + 1;
        vec![
            Frame::Call { id: 1, action: 7, total: 3, part: part.clone() },
            Frame::Call { id: 2, action: 7, total: long, part: Bytes::new() },
            Frame::Part { id: 2, part: Bytes::from(vec![9; PART_BYTES_MAX]) },
            Frame::Answer { id: u64::MAX, outcome: Outcome::Failed, total: 3, part },
            Frame::Answer { id: 4, outcome: Outcome::Cancelled, total: 0, part: Bytes::new() },
            Frame::Proceed { id: 5 },
            Frame::Cancel { id: 6 },
            Frame::Alive,
            Frame::Goodbye { reason: "stopping".to_owned() },
        ]
    }

    #[test]
    fn frames_are_read_as_they_were_written_however_they_arrive() {
        let mut bytes = BytesMut::new();
        examples().iter().for_each(|frame| encode(frame, &mut bytes));

        for step in [1, 2, 16, 17, 18, 1000, bytes.len()] {
            let mut received = BytesMut::new();
            let mut frames = Vec::new();
            for piece in bytes.chunks(step) {
                received.extend_from_slice(piece);
                while let Some(frame) = decode(&mut received).expect("frames") {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, examples(), "in pieces of {step}");
            assert!(received.is_empty());
        }
    }

    #[test]
    fn a_frame_that_is_cut_is_waited_for_and_a_changed_byte_is_noticed() {
        let short = |frame: &Frame| !matches!(frame, Frame::Part { .. });
        for frame in examples().into_iter().filter(short) {
            let mut bytes = BytesMut::new();
            encode(&frame, &mut bytes);
            for at in 0..bytes.len() {
                assert_eq!(decode(&mut BytesMut::from(&bytes[..at])), Ok(None), "{frame:?} cut at {at}");
                for bit in 0..8 {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << bit;
                    // A length that grew makes it wait for more; nothing is ever read as something else.
                    let read = decode(&mut changed);
                    assert!(!matches!(read, Ok(Some(_))), "{frame:?} byte {at} bit {bit}: {read:?}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_arrives() {
        for (length, kind, what) in [
            (u32::MAX, kind::PART, "longer"),
            ((PART_BYTES_MAX + CALL_BYTES + 1) as u32, kind::CALL, "longer"),
            (PART_BYTES_MAX as u32 + 1, kind::PART, "cannot hold"),
            (0, kind::PART, "cannot hold"),
            (CALL_BYTES as u32 - 1, kind::CALL, "cannot hold"),
            (1, kind::CANCEL, "cannot hold"),
            (REASON_BYTES_MAX as u32 + 1, kind::GOODBYE, "cannot hold"),
            (0, 0, "kind 0"),
            (0, 8, "kind 8"),
            (CALL_BYTES as u32 + 1, kind::CALL, "cannot begin with"),
        ] {
            let mut bytes = BytesMut::new();
            bytes.put_u32_le(length);
            bytes.put_u8(kind);
            bytes.put_u64_le(if kind == kind::GOODBYE { 0 } else { 1 });
            bytes.put_u32_le(0);
            bytes.resize(HEADER_BYTES + (length as usize).min(2 * PART_BYTES_MAX), 0);
            let sum = checksum(&bytes);
            bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
            let error = decode(&mut bytes).expect_err("refused").to_string();
            assert!(error.contains(what), "{length} {kind}: {error}");
        }
    }

    /// Whatever arrives, in whatever pieces, is a frame, not whole yet, or an error; and never more memory than arrived.
    #[test]
    fn any_bytes_are_survived() {
        for seed in 0..2_000 {
            let mut chance = Chance::new(seed);
            let mut bytes = BytesMut::new();
            let examples = examples();
            for _ in 0..chance.below(6) {
                encode(&examples[chance.below(examples.len())], &mut bytes);
            }
            for _ in 0..chance.below(4) {
                let at = chance.below(bytes.len() + 1);
                match chance.below(3) {
                    0 => bytes.truncate(at),
                    1 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
                    _ => {
                        let behind = bytes.split_off(at);
                        bytes.put_u32_le(chance.below(1 << 20) as u32);
                        bytes.extend_from_slice(&behind);
                    }
                }
            }
            let mut left = bytes.len();
            while let Ok(Some(_)) = decode(&mut bytes) {
                assert!(bytes.len() < left, "seed {seed}: a frame of nothing");
                left = bytes.len();
            }
        }
    }
}
