//! CBOR (RFC 8949).

use ciborium::de::from_reader_with_recursion_limit;
use serde::de::{Deserialize, DeserializeSeed, Deserializer};
use serde_json::Value;

use super::DEPTH_MAX;
use crate::json::Strict;

/// What some writers put before a document to say that it is CBOR (tag 55799).
const SELF_DESCRIBED: &[u8] = &[0xd9, 0xd9, 0xf7];

pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A vector takes all that is written, and a value has nothing that CBOR has not.
    let _infallible = ciborium::into_writer(value, &mut bytes);
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes.strip_prefix(SELF_DESCRIBED).unwrap_or(bytes);
    // Each level takes two steps of the reader.
    let Read(value) = from_reader_with_recursion_limit(&mut rest, 2 * DEPTH_MAX)
        .map_err(|error: ciborium::de::Error<std::io::Error>| error.to_string())?;
    match rest.len() {
        0 => Ok(value),
        left => Err(format!("{left} bytes follow after the end of the document")),
    }
}

struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Strict.deserialize(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Examples of RFC 8949, Appendix A.
    #[test]
    fn it_is_the_form_of_the_rfc() {
        for (bytes, value) in [
            (&b"\x18\x64"[..], json!(100)),
            (b"\x39\x03\xe7", json!(-1000)),
            (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", json!(1.1)),
            (b"\xf9\x3e\x00", json!(1.5)),
            (b"\xf6", json!(null)),
            (b"\x63\xc3\xbc\x61", json!("üa")),
            (b"\x44\x01\x02\x03\x04", json!("AQIDBA==")),
            (b"\xbf\x61\x61\x01\x61\x62\x9f\x02\x03\xff\xff", json!({"a": 1, "b": [2, 3]})),
            (b"\x7f\x65\x73\x74\x72\x65\x61\x64\x6d\x69\x6e\x67\xff", json!("streaming")),
            (b"\xd9\xd9\xf7\xa1\x61\x61\x01", json!({"a": 1})),
        ] {
            assert_eq!(read(bytes), Ok(value), "{bytes:02x?}");
        }
        assert_eq!(write(&json!({"a": [1, "b"]})), b"\xa1\x61\x61\x82\x01\x61\x62");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (bytes, reason) in [
            (&b"\xa2\x61\x61\x01\x61\x61\x02"[..], "Duplicate field 'a'"),
            (b"\x01\x01", "1 bytes follow"),
            (b"\x62\xff\xfe", ""),
            (b"", ""),
        ] {
            let error = read(bytes).expect_err("refused");
            assert!(error.contains(reason), "{bytes:02x?}: {error}");
        }
    }
}
