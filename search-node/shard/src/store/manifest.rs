//! The manifest: the last durable state of a shard, in one small checksummed file.
//!
//! It holds tantivy's `meta.json` of that state and how far it covers the translog. It is replaced as a whole:
//! written beside, synced, renamed, and the folder synced. The byte layout is in `docs/formats/manifest.md`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use disk::{Disk, replace};

use crate::mapping::NESTED_PATH;

const MAGIC: &[u8; 8] = b"WRMANIF5";
/// What a shard without nested objects is written as: an older build can go on with it.
const MAGIC_PLAIN: &[u8; 8] = b"WRMANIF4";
/// The versions before, which are read. Segments of the second have no files of uids; the third knows nothing of operations that came
/// out of order, and the fourth nothing of nested objects, which it would take for documents. A build that writes one of them would
/// lose documents of what this one writes, so it must not take such a shard for one of its own.
const MAGICS_BEFORE: [&[u8; 8]; 3] = [MAGIC_PLAIN, b"WRMANIF3", b"WRMANIF2"];
/// Its name in the folder of segments.
pub(crate) const NAME: &str = "manifest";
/// A manifest names segments and fields; even thousands of both stay far below.
pub(crate) const LENGTH_MAX: usize = 256 << 20;

/// The last durable state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// tantivy's `meta.json`, as text.
    pub(crate) meta: String,
    /// The mapping fields behind tantivy's schema: the slots of `engine::layout`.
    pub(crate) schema: serde_json::Value,
    /// Every operation with a sequence number up to this is in the segments; -1 when there is none.
    pub(crate) max_seq_no: i64,
    /// Beyond that, some operations up to this number are in the segments too: those that came before one that was still missing. A
    /// manifest of an older version has none.
    #[serde(default = "none")]
    pub(crate) some_up_to: i64,
    /// The first translog generation that recovery has to read.
    pub(crate) translog_generation: u64,
    /// The files of the segments, with their lengths, so that one that is missing or cut is noticed.
    pub(crate) files: Vec<SegmentFile>,
}

fn none() -> i64 {
    -1
}

/// A segment as the manifest describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentSummary {
    pub(crate) documents: u64,
    pub(crate) deleted: u64,
}

/// A file of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// Why a manifest cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what was written.
    #[error("{path}: {reason}; the shard is corrupt, restore it from a copy or a snapshot")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A format that this program does not know.
    #[error(
        "{path}: its format is [{format}], and this program knows up to [{known}]: a newer one may have written it. Start that one again, or a newer; the shard need not be damaged, so do not restore it"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: String,
        /// The newest that is known.
        known: String,
    },
}

impl ManifestError {
    /// Whether another program can read what this one cannot.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// Why bytes are no manifest.
#[derive(Debug, PartialEq)]
enum Fault {
    /// The format that they say they are of.
    Unknown(String),
    Damaged(String),
}

impl<T: Into<String>> From<T> for Fault {
    fn from(reason: T) -> Self {
        Self::Damaged(reason.into())
    }
}

impl Manifest {
    /// Whether segments may have nested objects beside documents.
    fn has_nested(&self) -> bool {
        let slots = self.schema.as_array().into_iter().flatten();
        slots.into_iter().any(|slot| slot.get("path").is_some_and(|path| path == NESTED_PATH))
    }

    /// The segments, as far as their sizes go.
    pub(crate) fn segments(&self) -> Vec<SegmentSummary> {
        let meta: serde_json::Value = serde_json::from_str(&self.meta).unwrap_or_default();
        let number =
            |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_u64).unwrap_or(0);
        let segments = meta.get("segments").and_then(serde_json::Value::as_array);
        segments
            .into_iter()
            .flatten()
            .map(|segment| SegmentSummary {
                documents: number(segment.get("max_doc")),
                deleted: number(segment.get("deletes").and_then(|deletes| deletes.get("num_deleted_docs"))),
            })
            .collect()
    }

    /// Reads the manifest of `folder`; none if the shard was never made durable.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(NAME);
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ManifestError::Io { path, source }),
        };
        Self::parse(&path, &bytes).map(Some)
    }

    /// Reads the bytes of a manifest, which may be another copy's; `path` is for messages.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ManifestError> {
        let path = path.to_owned();
        decode(bytes).map_err(|fault| match fault {
            Fault::Damaged(reason) => ManifestError::Corrupt { path, reason },
            Fault::Unknown(format) => {
                ManifestError::Unknown { path, format, known: MAGIC.escape_ascii().to_string() }
            }
        })
    }

    /// The bytes of the manifest's file.
    pub(crate) fn encoded(&self) -> Result<Vec<u8>, std::io::Error> {
        encode(self).map_err(std::io::Error::from)
    }

    /// What the manifest of `folder` itself takes.
    pub(crate) fn file_bytes(folder: &Path) -> u64 {
        fs_err::metadata(folder.join(NAME)).map_or(0, |metadata| metadata.len())
    }

    /// Replaces the manifest of `folder` so that it survives a power cut.
    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), ManifestError> {
        let path = folder.join(NAME);
        let written = self.encoded().and_then(|bytes| replace(disk, &path, &bytes));
        written.map_err(|source| ManifestError::Io { path, source })
    }
}

fn encode(manifest: &Manifest) -> Result<Vec<u8>, serde_json::Error> {
    let body = serde_json::to_vec(manifest)?;
    let mut bytes = Vec::with_capacity(body.len() + 20);
    bytes.extend_from_slice(if manifest.has_nested() { MAGIC } else { MAGIC_PLAIN });
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Manifest, Fault> {
    let known = bytes
        .strip_prefix(MAGIC)
        .or_else(|| MAGICS_BEFORE.into_iter().find_map(|magic| bytes.strip_prefix(magic)));
    let rest = match known {
        Some(rest) => rest,
        None if bytes.starts_with(&MAGIC[..7]) && bytes.len() >= MAGIC.len() => {
            return Err(Fault::Unknown(bytes[..MAGIC.len()].escape_ascii().to_string()));
        }
        None => return Err("it does not begin as a manifest".into()),
    };
    let (length, rest) = rest.split_first_chunk::<8>().ok_or("it is too short")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LENGTH_MAX || rest.len() != length + 4 {
        return Err(format!("its length {length} does not fit the file").into());
    }
    let (body, checksum) = rest.split_at(length);
    if crc32fast::hash(&bytes[..bytes.len() - 4]).to_le_bytes() != checksum {
        return Err("its checksum does not match".into());
    }
    serde_json::from_slice(body).map_err(|error| format!("its body cannot be read: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::HostDisk;

    fn manifest() -> Manifest {
        Manifest {
            meta: "{}".into(),
            schema: serde_json::json!([]),
            max_seq_no: 7,
            some_up_to: 9,
            translog_generation: 3,
            files: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Manifest::read(folder.path()).expect("none yet"), None);

        manifest().write(&HostDisk, folder.path()).expect("written");

        assert_eq!(Manifest::read(folder.path()).expect("read"), Some(manifest()));
    }

    /// An older build would take nested objects for documents, and may have any other shard.
    #[test]
    fn only_shards_with_nested_objects_are_of_the_newest_format() {
        let nested =
            Manifest { schema: serde_json::json!([{"path": "n"}, {"path": "_nested_path"}]), ..manifest() };
        for (manifest, magic) in [(manifest(), MAGIC_PLAIN), (nested, MAGIC)] {
            let bytes = encode(&manifest).expect("encoded");

            assert!(bytes.starts_with(magic));
            assert_eq!(decode(&bytes), Ok(manifest));
        }
    }

    /// Who goes back to an older program must not be told to throw the shard away.
    #[test]
    fn a_format_of_a_newer_program_is_not_called_damage() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bytes = encode(&manifest()).expect("encoded");
        bytes[7] = b'9';
        fs_err::write(folder.path().join(NAME), bytes).expect("written");

        let error = Manifest::read(folder.path()).expect_err("refused");

        assert!(error.is_unknown());
        let text = error.to_string();
        for part in ["[WRMANIF9]", "a newer one may have written it", "do not restore it"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("corrupt"), "{text}");
    }

    /// One flipped bit or one missing byte anywhere is noticed.
    #[test]
    fn any_damage_is_noticed() {
        let bytes = encode(&manifest()).expect("encoded");
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(decode(&flipped).is_err(), "flipped byte {at}");
            assert!(decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
