//! Frames: one version byte, one type byte, then numbers of 32 bits, big endian.
//!
//! ```text
//! 2W count             a window of that many events follows
//! 2J seq len json      one event
//! 1D seq pairs (len key len value)*   one event of version 1
//! 2C len zlib(frames)  frames, compressed
//! 2A seq               ack of all events up to seq; 0 keeps the connection alive
//! ```

use std::io::{Read, Write};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use event::{Map, Value};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::error::FrameError;

/// The bounds of what a peer may send.
#[derive(Debug, Clone, Copy)]
pub struct FrameLimits {
    /// The most bytes of one frame.
    pub frame_bytes_max: usize,
    /// The most bytes of one window's frames once inflated.
    pub inflated_bytes_max: usize,
    /// The most events of one window.
    pub window_events_max: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { frame_bytes_max: 16 << 20, inflated_bytes_max: 64 << 20, window_events_max: 16_384 }
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A window of so many events follows.
    Window(u32),
    /// One event as JSON.
    Json {
        /// Its number in the window, from 1.
        seq: u32,
        /// The JSON text, unchecked.
        payload: Bytes,
    },
    /// One event of version 1, its values all texts.
    Pairs {
        /// Its number in the window.
        seq: u32,
        /// Its fields.
        fields: Map<String, Value>,
    },
    /// Frames, compressed.
    Compressed(Bytes),
    /// An ack.
    Ack(u32),
}

/// Takes the next frame off `buffer`; none while it is incomplete. A wrong one is an error as soon as its head shows it.
pub fn decode(buffer: &mut BytesMut, limits: &FrameLimits) -> Result<Option<Frame>, FrameError> {
    let Some((&version, &kind)) = buffer.first().zip(buffer.get(1)) else {
        return match buffer.first() {
            Some(&version) if !matches!(version, b'1' | b'2') => Err(FrameError::Version(version)),
            _ => Ok(None),
        };
    };
    if !matches!(version, b'1' | b'2') {
        return Err(FrameError::Version(version));
    }
    let number = |at: usize| {
        let bytes = buffer.get(at..at + 4)?;
        Some(bytes.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte)))
    };
    let frame = match kind {
        b'W' => number(2).map(|count| (6, Frame::Window(count))),
        b'A' => number(2).map(|seq| (6, Frame::Ack(seq))),
        b'J' => match number(2).zip(number(6)) {
            Some((seq, len)) => {
                let end = 10 + bounded(len, limits)?;
                slice(buffer, 10, end).map(|payload| (end, Frame::Json { seq, payload }))
            }
            None => None,
        },
        b'C' => match number(2) {
            Some(len) => {
                let end = 6 + bounded(len, limits)?;
                slice(buffer, 6, end).map(|payload| (end, Frame::Compressed(payload)))
            }
            None => None,
        },
        b'D' => pairs(buffer, limits)?,
        other => return Err(FrameError::Type(other)),
    };
    Ok(frame.map(|(end, frame)| {
        buffer.advance(end);
        frame
    }))
}

fn bounded(len: u32, limits: &FrameLimits) -> Result<usize, FrameError> {
    let size = len as usize;
    if size > limits.frame_bytes_max {
        return Err(FrameError::TooLarge {
            what: "frame",
            size: size as u64,
            max: limits.frame_bytes_max as u64,
            setting: "frame_bytes_max",
        });
    }
    Ok(size)
}

fn slice(buffer: &BytesMut, start: usize, end: usize) -> Option<Bytes> {
    buffer.get(start..end).map(Bytes::copy_from_slice)
}

fn pairs(buffer: &BytesMut, limits: &FrameLimits) -> Result<Option<(usize, Frame)>, FrameError> {
    let mut head = &buffer[2..];
    if head.len() < 8 {
        return Ok(None);
    }
    let (seq, count) = (head.get_u32(), head.get_u32());
    let mut at = 10;
    let mut fields = Map::new();
    for _ in 0..count {
        let mut texts = [String::new(), String::new()];
        for text in &mut texts {
            let Some(mut len) = buffer.get(at..at + 4) else {
                return within(at, limits).map(|()| None);
            };
            let end = at + 4 + bounded(len.get_u32(), limits)?;
            within(end, limits)?;
            let Some(bytes) = buffer.get(at + 4..end) else {
                return Ok(None);
            };
            *text = String::from_utf8_lossy(bytes).into_owned();
            at = end;
        }
        let [key, value] = texts;
        fields.insert(key, Value::String(value));
    }
    Ok(Some((at, Frame::Pairs { seq, fields })))
}

fn within(end: usize, limits: &FrameLimits) -> Result<(), FrameError> {
    bounded(u32::try_from(end).unwrap_or(u32::MAX), limits).map(|_| ())
}

/// The frames inside a compressed one, of which at most `room` bytes may come out. None of them is compressed itself.
pub fn inflate(
    compressed: &[u8],
    room: usize,
    limits: &FrameLimits,
) -> Result<(Vec<Frame>, usize), FrameError> {
    let mut plain = Vec::new();
    let mut reader = ZlibDecoder::new(compressed).take(room as u64 + 1);
    reader.read_to_end(&mut plain).map_err(FrameError::Inflate)?;
    if plain.len() > room {
        return Err(FrameError::TooLarge {
            what: "window once inflated",
            size: plain.len() as u64,
            max: limits.inflated_bytes_max as u64,
            setting: "inflated_bytes_max",
        });
    }
    let size = plain.len();
    let mut buffer = BytesMut::from(&plain[..]);
    let mut frames = Vec::new();
    while let Some(frame) = decode(&mut buffer, limits)? {
        if matches!(frame, Frame::Compressed(_)) {
            return Err(FrameError::Nested("another compressed frame"));
        }
        frames.push(frame);
        if frames.len() > limits.window_events_max.saturating_add(1) {
            return Err(FrameError::TooLarge {
                what: "number of frames",
                size: frames.len() as u64,
                max: limits.window_events_max as u64,
                setting: "window_events_max",
            });
        }
    }
    if !buffer.is_empty() {
        return Err(FrameError::Nested("half a frame"));
    }
    Ok((frames, size))
}

/// Writes a window frame.
pub fn encode_window(out: &mut Vec<u8>, count: u32) {
    out.put_slice(b"2W");
    out.put_u32(count);
}

/// Writes an event frame.
pub fn encode_json(out: &mut Vec<u8>, seq: u32, json: &[u8]) {
    out.put_slice(b"2J");
    out.put_u32(seq);
    out.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    out.put_slice(json);
}

/// An ack frame.
pub fn encode_ack(seq: u32) -> [u8; 6] {
    let [a, b, c, d] = seq.to_be_bytes();
    [b'2', b'A', a, b, c, d]
}

/// Writes `frames` as one compressed frame.
pub(crate) fn encode_compressed(out: &mut Vec<u8>, frames: &[u8], level: u32) -> std::io::Result<()> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(frames.len() / 4), Compression::new(level.min(9)));
    encoder.write_all(frames)?;
    let compressed = encoder.finish()?;
    out.put_slice(b"2C");
    out.put_u32(u32::try_from(compressed.len()).unwrap_or(u32::MAX));
    out.put_slice(&compressed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: FrameLimits =
        FrameLimits { frame_bytes_max: 1 << 10, inflated_bytes_max: 1 << 12, window_events_max: 16 };

    fn buffer(bytes: &[u8]) -> BytesMut {
        BytesMut::from(bytes)
    }

    #[test]
    fn bytes_of_the_public_protocol_are_read() {
        let mut bytes = buffer(b"2W\x00\x00\x00\x012J\x00\x00\x00\x01\x00\x00\x00\x02{}1D\0\0\0\x02\0\0\0\x01\0\0\0\x01k\0\0\0\x01v2A\0\0\0\x09");

        let mut frames = Vec::new();
        while let Some(frame) = decode(&mut bytes, &SMALL).expect("valid") {
            frames.push(frame);
        }

        let mut fields = Map::new();
        fields.insert("k".into(), "v".into());
        assert_eq!(
            frames,
            [
                Frame::Window(1),
                Frame::Json { seq: 1, payload: Bytes::from_static(b"{}") },
                Frame::Pairs { seq: 2, fields },
                Frame::Ack(9),
            ]
        );
    }

    #[test]
    fn what_is_too_large_or_foreign_is_refused_by_its_head() {
        for (bytes, want) in [
            (&b"GET / HTTP/1.1"[..], "not the lumberjack protocol"),
            (b"2X", "unknown frame type"),
            (b"2J\0\0\0\x01\xff\xff\xff\xff", "above the bound"),
            (b"2C\xff\xff\xff\xff", "above the bound"),
            (b"1D\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff", "above the bound"),
        ] {
            let error = decode(&mut buffer(bytes), &SMALL).expect_err("wrong").to_string();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn a_zip_bomb_is_refused() {
        let mut out = Vec::new();
        encode_compressed(&mut out, &vec![b'2'; 1 << 20], 9).expect("compressed");
        let Ok(Some(Frame::Compressed(bytes))) = decode(&mut buffer(&out), &FrameLimits::default()) else {
            panic!("a compressed frame")
        };

        let error = inflate(&bytes, SMALL.inflated_bytes_max, &SMALL).expect_err("too much");

        assert!(error.to_string().contains("inflated_bytes_max"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_usize..5) {
            let mut framed = vec![b'2', b"WJCAD"[kind]];
            framed.extend_from_slice(&bytes);
            for input in [&bytes, &framed] {
                let mut left = buffer(input);
                while let Ok(Some(frame)) = decode(&mut left, &SMALL) {
                    if let Frame::Compressed(inner) = frame {
                        let _any = inflate(&inner, SMALL.inflated_bytes_max, &SMALL);
                    }
                }
                prop_assert!(left.len() <= input.len());
            }
        }

        #[test]
        fn what_is_written_is_read(seq: u32, json in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..300) {
            let mut plain = Vec::new();
            encode_json(&mut plain, seq, &json);
            let mut out = Vec::new();
            encode_compressed(&mut out, &plain, 3).expect("compressed");

            let mut partial = buffer(&out[..cut.min(out.len() - 1)]);
            prop_assert_eq!(decode(&mut partial, &SMALL).expect("no error"), None);
            let Some(Frame::Compressed(inner)) = decode(&mut buffer(&out), &SMALL).expect("whole") else { panic!("compressed") };
            let (frames, _) = inflate(&inner, SMALL.inflated_bytes_max, &SMALL).expect("inflated");
            prop_assert_eq!(frames, vec![Frame::Json { seq, payload: Bytes::from(json) }]);
        }
    }
}
