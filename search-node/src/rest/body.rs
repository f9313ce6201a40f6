//! The body of a request as it arrives: unpacked if it is packed, never more than `http.max_content_length`.

use std::io::Write;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt;

use crate::error::ApiError;
use crate::memory::{Memory, Reservation};

/// How much of a packed body is unpacked in one step. Deflate packs a thousandfold at best, so that a step makes a few
/// megabytes at most before the limit is looked at.
const STEP_BYTES: usize = 4 << 10;

/// What memory is reserved for.
pub(super) const WHAT: &str = "http_request";

/// A body, read piece by piece.
pub(super) struct BodyStream {
    body: Body,
    unpacking: Option<MultiGzDecoder<Vec<u8>>>,
    /// How long the body says it is, packed where it is packed.
    told: Option<u64>,
    /// Packed bytes that were unpacked.
    unpacked: u64,
    /// Bytes that were handed out.
    taken: usize,
    is_over: bool,
    bytes_max: usize,
    /// A packed piece that was not unpacked yet.
    packed: Bytes,
}

fn too_long(bytes_max: usize) -> ApiError {
    ApiError::new(
        413,
        "content_too_long_exception",
        format!(
            "the body is larger than {bytes_max} bytes; send less at once or raise http.max_content_length"
        ),
    )
}

impl BodyStream {
    pub(super) fn new(body: Body, headers: &HeaderMap, bytes_max: usize) -> Result<Self, ApiError> {
        let unpacking = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
            None | Some(b"identity") => None,
            Some(b"gzip" | b"x-gzip") => Some(MultiGzDecoder::new(Vec::new())),
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                return Err(ApiError::new(
                    415,
                    "media_type_header_exception",
                    format!("Content-Encoding [{other}] is not supported; send gzip or none"),
                ));
            }
        };
        // Who says that it is too long is refused before anything of it is done.
        let told =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if told.is_some_and(|told| told > bytes_max as u64) {
            return Err(too_long(bytes_max));
        }
        Ok(Self {
            body,
            unpacking,
            told,
            unpacked: 0,
            taken: 0,
            is_over: false,
            bytes_max,
            packed: Bytes::new(),
        })
    }

    /// How many bytes were handed out.
    pub(super) fn taken(&self) -> u64 {
        self.taken as u64
    }

    /// How many bytes will be handed out in all, as far as it can be told: a packed body goes on as it began, and one that
    /// does not tell its length is taken for one of `untold` bytes until it is longer.
    pub(super) fn expected(&self, untold: usize) -> u64 {
        let expected = match self.told {
            _ if self.is_over => 0,
            None => untold as u64,
            Some(told) if self.unpacking.is_none() => told,
            Some(told) => {
                let bytes = u128::from(told) * self.taken as u128 / u128::from(self.unpacked.max(1));
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        };
        expected.min(self.bytes_max as u64).max(self.taken as u64)
    }

    /// The next piece; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            if !self.packed.is_empty() {
                let step = self.packed.split_to(self.packed.len().min(STEP_BYTES));
                let piece = self.unpack(&step)?;
                if !piece.is_empty() {
                    return self.counted(piece).map(Some);
                }
                continue;
            }
            let Some(frame) = self.body.frame().await else {
                return self.end();
            };
            let frame =
                frame.map_err(|error| ApiError::argument(format!("the body could not be read: {error}")))?;
            let Ok(piece) = frame.into_data() else { continue };
            if self.unpacking.is_some() {
                self.packed = piece;
            } else if !piece.is_empty() {
                return self.counted(piece).map(Some);
            }
        }
    }

    /// The first bytes: so many, if there are, or a piece more than that.
    pub(super) async fn first(&mut self, bytes: usize) -> Result<BytesMut, ApiError> {
        let mut first = BytesMut::new();
        while first.len() < bytes {
            let Some(piece) = self.next().await? else {
                self.is_over = true;
                break;
            };
            first.extend_from_slice(&piece);
        }
        Ok(first)
    }

    /// Reads what is left and keeps nothing of it: a client that is still sending would see a broken connection and not the
    /// answer that tells it to come later. A packed body that turns out to be too long is told so instead, for it always will be.
    pub(super) async fn pass_over(&mut self, refused: ApiError) -> ApiError {
        if self.unpacking.is_none() {
            self.skip().await;
            return refused;
        }
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return refused,
                Err(error) => {
                    self.skip().await;
                    return if error.status == 413 { error } else { refused };
                }
            }
        }
    }

    async fn skip(&mut self) {
        let mut left = self.bytes_max;
        while let Some(Ok(frame)) = self.body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(fewer) = left.checked_sub(bytes) else { return };
            left = fewer;
        }
    }

    /// The whole body, and the memory that is reserved for it while it is in use.
    pub(super) async fn whole(mut self, memory: &Memory) -> Result<(Bytes, Option<Reservation>), ApiError> {
        let Some(first) = self.next().await? else { return Ok((Bytes::new(), None)) };
        let expected = self.expected(first.len());
        // The promise stays for what is made of the body; the body itself counts with what the process holds.
        let mut reserved = match memory.reserve(expected, WHAT).await {
            Ok(reserved) => reserved,
            Err(refused) => {
                drop(first);
                return Err(self.pass_over(refused).await);
            }
        };
        let Some(second) = self.next().await? else { return Ok((first, Some(reserved))) };
        let mut all = BytesMut::with_capacity(usize::try_from(expected).unwrap_or_default());
        all.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(piece) = next {
            let bytes = (all.len() + piece.len()) as u64;
            if let Err(refused) = reserved.grow(bytes.saturating_sub(reserved.bytes())).await {
                drop((piece, all, reserved));
                return Err(self.pass_over(refused).await);
            }
            all.extend_from_slice(&piece);
            next = self.next().await?;
        }
        Ok((all.freeze(), Some(reserved)))
    }

    fn unpack(&mut self, packed: &[u8]) -> Result<Bytes, ApiError> {
        let Some(unpacking) = &mut self.unpacking else { return Ok(Bytes::new()) };
        self.unpacked += packed.len() as u64;
        unpacking.write_all(packed).and_then(|()| unpacking.flush()).map_err(damaged)?;
        Ok(Bytes::from(std::mem::take(unpacking.get_mut())))
    }

    /// A packed body that stops before its end has lost something.
    fn end(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some(mut unpacking) = self.unpacking.take() else { return Ok(None) };
        unpacking.try_finish().map_err(damaged)?;
        let rest = Bytes::from(std::mem::take(unpacking.get_mut()));
        if rest.is_empty() { Ok(None) } else { self.counted(rest).map(Some) }
    }

    fn counted(&mut self, piece: Bytes) -> Result<Bytes, ApiError> {
        self.taken = self.taken.saturating_add(piece.len());
        if self.taken <= self.bytes_max {
            return Ok(piece);
        }
        Err(too_long(self.bytes_max))
    }
}

fn damaged(error: std::io::Error) -> ApiError {
    ApiError::argument(format!("the gzip body cannot be unpacked: {error}"))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packing = GzEncoder::new(Vec::new(), Compression::best());
        packing.write_all(bytes).expect("packed");
        packing.finish().expect("packed")
    }

    async fn read(bytes: Vec<u8>, encoding: &'static str, bytes_max: usize) -> Result<Bytes, ApiError> {
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
        let stream = BodyStream::new(Body::from(bytes), &headers, bytes_max)?;
        stream.whole(&Memory::bounded(1 << 40)).await.map(|(body, _)| body)
    }

    #[test]
    fn a_body_that_says_it_is_too_long_is_refused_before_it_is_read() {
        let mut headers = HeaderMap::new();
        for (told, is_refused) in [("2000", false), ("2001", true), ("99999999999999999999", false)] {
            headers.insert(header::CONTENT_LENGTH, told.parse().expect("a value"));

            let refused = BodyStream::new(Body::empty(), &headers, 2000).err().map(|error| error.status);

            assert_eq!(refused, is_refused.then_some(413), "{told}");
        }
    }

    #[tokio::test]
    async fn the_length_is_known_from_the_first_piece_on() {
        let lines = "{\"a\":\"a line like all others\"}\n".repeat(100_000).into_bytes();
        let packed = packed(&lines);
        let told = |bytes: &[u8]| HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.len().into())]);
        let mut gzip = told(&packed);
        gzip.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let untold = HeaderMap::new();
        for (name, body, headers, expected) in [
            ("plain", &lines, told(&lines), lines.len()),
            ("packed", &packed, gzip, lines.len()),
            ("untold", &lines, untold, lines.len()),
        ] {
            let mut stream = BodyStream::new(Body::from(body.clone()), &headers, 100 << 20).expect("known");
            stream.next().await.expect("read").expect("a piece");
            let found = stream.expected(1 << 20);
            assert!(found.abs_diff(expected as u64) < expected as u64 / 10, "{name}: {found} {expected}");
        }
        assert_eq!(BodyStream::new(Body::empty(), &HeaderMap::new(), 10).expect("plain").expected(100), 10);
    }

    #[tokio::test]
    async fn a_body_is_the_same_packed_and_plain() {
        let body: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(read(body.clone(), "identity", 1 << 20).await.expect("read"), body);
        assert_eq!(read(packed(&body), "gzip", 1 << 20).await.expect("read"), body);
        let twice = [packed(b"one "), packed(b"two")].concat();
        assert_eq!(read(twice, "gzip", 1 << 20).await.expect("read"), "one two");
        assert_eq!(read(Vec::new(), "identity", 0).await.expect("read"), "");
    }

    #[tokio::test]
    async fn what_cannot_be_unpacked_is_refused() {
        let whole = packed(b"{\"a\": 1}");
        for end in 1..whole.len() {
            let error = read(whole[..end].to_vec(), "gzip", 1 << 20).await.expect_err("cut short");
            assert_eq!((error.status, error.kind.as_str()), (400, "illegal_argument_exception"), "{end}");
        }
        let error = read(b"{\"a\": 1}".to_vec(), "gzip", 1 << 20).await.expect_err("not packed");
        assert!(error.reason.starts_with("the gzip body cannot be unpacked"), "{}", error.reason);
        assert_eq!(read(whole, "br", 1 << 20).await.expect_err("unknown").status, 415);
    }

    #[tokio::test]
    async fn a_body_beyond_the_memory_that_is_left_is_refused() {
        let stream =
            BodyStream::new(Body::from(vec![b' '; 2000]), &HeaderMap::new(), 1 << 20).expect("plain");
        let error = stream.whole(&Memory::bounded(1000)).await.expect_err("refused");
        assert_eq!((error.status, error.kind.as_str()), (429, "circuit_breaking_exception"));
    }

    /// It was told to come again later, for ever.
    #[tokio::test]
    async fn a_packed_body_that_is_too_long_is_told_so_though_there_is_no_memory() {
        let packed = packed(&vec![b' '; 4 << 20]);
        let headers = HeaderMap::from_iter([
            (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
            (header::CONTENT_LENGTH, packed.len().into()),
        ]);
        for (bytes_max, status) in [(1 << 20, 413), (8 << 20, 429)] {
            let stream = BodyStream::new(Body::from(packed.clone()), &headers, bytes_max).expect("gzip");

            let error = stream.whole(&Memory::bounded(1000)).await.expect_err("refused");

            assert_eq!(error.status, status, "{}", error.reason);
        }
    }

    #[tokio::test]
    async fn a_bomb_goes_off_at_the_limit_and_not_later() {
        let bomb = packed(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let mut stream = BodyStream::new(Body::from(bomb), &headers, 1 << 20).expect("gzip");
        let mut taken = 0;
        let error = loop {
            match stream.next().await {
                Ok(piece) => taken += piece.expect("more to come").len(),
                Err(error) => break error,
            }
        };
        assert_eq!((error.status, error.kind.as_str()), (413, "content_too_long_exception"));
        assert!(taken <= 1 << 20, "{taken}");
    }
}
