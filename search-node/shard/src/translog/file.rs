//! The files of a translog: their names, headers, and reading all records of one.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::TranslogError;
use super::operation::{Operation, Seed, decode};

pub(super) const HEADER_BYTES: u64 = 64;
const MAGIC: &[u8; 8] = b"SNTLOG01";
const VERSION: u16 = 1;

/// `translog-<generation>.tlog`
pub(super) fn generation_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("translog-{generation}.tlog"))
}

/// The generations present in a folder.
pub(super) fn generations(folder: &Path) -> std::io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_prefix("translog-")?.strip_suffix(".tlog")?.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// Creates a generation with its header, durable in content and name.
pub(super) fn create(folder: &Path, seed: Seed, term: u64) -> Result<fs_err::File, TranslogError> {
    let path = generation_path(folder, seed.generation);
    let fault = TranslogError::io(&path);
    let made =
        fs_err::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).and_then(
            |mut file| {
                file.write_all(&header(seed, term))?;
                file.sync_all()?;
                fs_err::File::open(folder)?.sync_all()?;
                Ok(file)
            },
        );
    made.map_err(fault)
}

fn header(seed: Seed, term: u64) -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..28].copy_from_slice(&seed.translog_id);
    bytes[28..36].copy_from_slice(&seed.generation.to_le_bytes());
    bytes[36..44].copy_from_slice(&term.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..60]);
    bytes[60..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What one file holds, as far as it verifies.
pub(super) struct Contents {
    pub(super) operations: Vec<Operation>,
    /// The end of the last record that verifies.
    pub(super) end: u64,
    /// Why reading stopped there, if bytes follow.
    pub(super) stopped: Option<&'static str>,
}

/// Reads a generation up to the first record that does not verify.
pub(super) fn read(folder: &Path, seed: Seed) -> Result<Contents, TranslogError> {
    let path = generation_path(folder, seed.generation);
    let bytes = fs_err::read(&path).map_err(TranslogError::io(&path))?;
    check_header(&bytes, seed).map_err(|reason| TranslogError::corrupt(&path, 0, reason))?;
    let mut contents = Contents { operations: Vec::new(), end: HEADER_BYTES, stopped: None };
    while (contents.end as usize) < bytes.len() {
        match decode(&bytes[contents.end as usize..], seed, contents.end) {
            Ok((operation, length)) => {
                contents.operations.push(operation);
                contents.end += length as u64;
            }
            Err(reason) => {
                contents.stopped = Some(reason);
                break;
            }
        }
    }
    Ok(contents)
}

fn check_header(bytes: &[u8], seed: Seed) -> Result<(), &'static str> {
    let header = bytes.get(..HEADER_BYTES as usize).ok_or("the header is cut off")?;
    if !header.starts_with(MAGIC) {
        return Err("the file is not a translog");
    }
    if header[8..10] != VERSION.to_le_bytes() {
        return Err("the translog is of another version");
    }
    if crc32fast::hash(&header[..60]).to_le_bytes() != header[60..] {
        return Err("the header's checksum does not match");
    }
    if header[12..28] != seed.translog_id || header[28..36] != seed.generation.to_le_bytes() {
        return Err("the file belongs to another translog or generation");
    }
    Ok(())
}
