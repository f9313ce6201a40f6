//! How a path stands in the registry: as text, or as base64 of its bytes where they are no UTF-8.
//!
//! A name on the disk is any bytes but `/` and zero; whatever it is, it can be kept, and comes back the same.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes { base64: String },
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = path.as_os_str().as_bytes();
    let written = std::str::from_utf8(bytes).map_or_else(
        |_| Written::Bytes { base64: URL_SAFE_NO_PAD.encode(bytes) },
        |text| Written::Text(text.to_owned()),
    );
    written.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Text(text) => Ok(PathBuf::from(text)),
        Written::Bytes { base64 } => {
            let bytes = URL_SAFE_NO_PAD.decode(base64).map_err(serde::de::Error::custom)?;
            Ok(PathBuf::from(OsString::from_vec(bytes)))
        }
    }
}
