//! The four ways in which a body can be written: JSON, YAML, CBOR and SMILE.
//!
//! ```text
//!  media_type  what a client says of them: `Accept`, `Content-Type`, `format`
//!  yaml        events of a YAML document -> values; values -> YAML
//!  cbor        the same for CBOR
//!  smile       the same for SMILE, the binary JSON of Jackson
//! ```
//!
//! Handlers see JSON alone: a body that comes otherwise is read into a value and written as JSON before, an answer is written
//! otherwise at the very end.

mod cbor;
mod media_type;
mod smile;
mod yaml;

use bytes::Bytes;
use serde_json::Value;

pub(super) use media_type::{Format, MediaType};

use crate::error::ApiError;

/// Deeper than any body that means something; the same bound that JSON has here.
const DEPTH_MAX: usize = 128;

impl Format {
    /// A value as bytes.
    pub(super) fn write(self, value: &Value, is_pretty: bool) -> Vec<u8> {
        match self {
            Self::Json if is_pretty => {
                let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
                bytes.push(b'\n');
                bytes
            }
            Self::Json => value.to_string().into_bytes(),
            Self::Yaml => yaml::write(value).into_bytes(),
            Self::Cbor => cbor::write(value),
            Self::Smile => smile::write(value),
        }
    }

    /// What bytes say. JSON is read where it is needed, and how strictly.
    fn read(self, bytes: &[u8]) -> Result<Value, String> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
            Self::Yaml => yaml::read(bytes),
            Self::Cbor => cbor::read(bytes),
            Self::Smile => smile::read(bytes),
        }
    }

    /// A body in this form as JSON.
    pub(super) fn to_json(self, body: Bytes) -> Result<Bytes, ApiError> {
        if self == Self::Json || body.is_empty() {
            return Ok(body);
        }
        let value = self.read(&body).map_err(|reason| {
            let reason = format!("the body is not valid {}: {reason}", self.name().to_uppercase());
            ApiError::malformed(reason)
        })?;
        Ok(Bytes::from(value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is written in any form is read as it was.
    #[test]
    fn every_form_gives_back_what_was_written() {
        let long = "ä".repeat(200);
        let deep = (0..50).fold(json!(1), |inner, _| json!({"a": [inner]}));
        for value in [
            json!(null),
            json!(true),
            json!("null"),
            json!(""),
            json!("yes: no # \"quoted\" \\ \u{1} \n\t"),
            json!([0, -1, 15, -16, 16, -17, 63, 64, i32::MAX, i32::MIN, i64::MAX, i64::MIN, u64::MAX]),
            json!([
                0.5,
                -1.25,
                1e300,
                f64::MIN_POSITIVE,
                16_777_217.5,
                1.2e24,
                0.1 + 0.2,
                1.1999999999999999e24
            ]),
            json!({"": {"a.b": [], "~": {}, "- x": "1", "1": 1}, "long": long, "x".repeat(64): 1, "x".repeat(65): 2}),
            json!([{"took": 1, "name": "a"}, {"took": 2, "name": "b"}, ["é", "日本", "🦀"]]),
            deep,
        ] {
            for format in [Format::Json, Format::Yaml, Format::Cbor, Format::Smile] {
                let bytes = format.write(&value, false);
                let read = format.read(&bytes);
                assert_eq!(read.as_ref(), Ok(&value), "{format:?}: {}", String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[test]
    fn what_is_cut_short_is_refused_and_never_taken_for_something_else() {
        let value = json!({"query": {"term": {"a": "some words"}}, "size": 1000, "min_score": 0.25});
        for format in [Format::Cbor, Format::Smile] {
            let bytes = format.write(&value, false);
            for end in 1..bytes.len() {
                assert!(format.read(&bytes[..end]).is_err(), "{format:?} {end}");
            }
        }
        let error = Format::Cbor.to_json(Bytes::from_static(b"\x00\x01")).expect_err("refused");
        assert_eq!((error.status, error.kind.as_str()), (400, "x_content_parse_exception"));
    }

    #[test]
    fn depth_has_a_bound_in_every_form() {
        let yaml = "[".repeat(100_000);
        let cbor = vec![0x81; 100_000];
        let smile = [b":)\n\x00".to_vec(), vec![0xf8; 100_000]].concat();
        for (format, bytes) in
            [(Format::Yaml, yaml.into_bytes()), (Format::Cbor, cbor), (Format::Smile, smile)]
        {
            assert!(format.read(&bytes).is_err(), "{format:?}");
        }
    }
}
