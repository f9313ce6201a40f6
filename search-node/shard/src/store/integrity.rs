//! Whether the files of a segment are still what was written.
//!
//! Every file of tantivy's ends in a footer: a JSON text with the CRC-32 of what stands before, the text's length, and a
//! magic number. The manifest has each file's length. Files are read here by plain reads: a page that is only
//! looked at once has no business in the process's memory.

use std::io::Read;
use std::path::{Path, PathBuf};

use tantivy::directory::footer::Footer;

use super::manifest::SegmentFile;

const FOOTER_MAGIC: u32 = 1337;
/// tantivy's own bound on its footer.
const FOOTER_BYTES_MAX: u64 = 50_000;
const READ_BYTES: usize = 256 << 10;

/// A file that is not what was written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {reason}; the shard is corrupt, restore it from a copy or a snapshot")]
pub struct IntegrityError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Checks that every file is there with its length, and its content too where `reads_content` says so.
pub(crate) fn check_files(
    folder: &Path,
    files: &[SegmentFile],
    reads_content: impl Fn(&SegmentFile) -> bool,
) -> Result<(), IntegrityError> {
    for file in files {
        let path = folder.join(&file.name);
        let fault = |reason: String| IntegrityError { path: path.clone(), reason };
        let length = match fs_err::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(fault("the file is missing".to_owned()));
            }
            Err(error) => return Err(fault(error.to_string())),
        };
        if length != file.bytes {
            return Err(fault(format!("the file has {length} bytes instead of {}", file.bytes)));
        }
        if reads_content(file)
            && let Some(damage) = damage_of(&path, &|| Ok(())).map_err(|error| fault(error.to_string()))?
        {
            return Err(damage);
        }
    }
    Ok(())
}

/// Reads a whole file and compares its checksum; what is wrong with it, if anything. An error says that the file could not be
/// read now, which need not be its fault. `may_go_on` is asked now and then, and its error ends the reading.
pub(crate) fn damage_of(
    path: &Path,
    may_go_on: &dyn Fn() -> std::io::Result<()>,
) -> std::io::Result<Option<IntegrityError>> {
    let damage = |reason: &str| IntegrityError { path: path.to_owned(), reason: reason.to_owned() };
    match checksum_matches(path, may_go_on) {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(damage("its checksum or its footer does not match"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(damage("the file is missing"))),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Ok(Some(damage("the file is cut off")))
        }
        Err(error) => Err(error),
    }
}

/// The checksum that a file says it has, if it ends as it should.
pub(crate) fn stored_checksum(path: &Path) -> std::io::Result<Option<u32>> {
    let file = fs_err::File::open(path)?;
    let length = file.metadata()?.len();
    Ok(footer(&file, length)?.map(|(_, checksum)| checksum))
}

fn checksum_matches(path: &Path, may_go_on: &dyn Fn() -> std::io::Result<()>) -> std::io::Result<bool> {
    let mut file = fs_err::File::open(path)?;
    let length = file.metadata()?.len();
    let Some((body, expected)) = footer(&file, length)? else {
        return Ok(false);
    };
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut left = body;
    while left > 0 {
        may_go_on()?;
        let wanted = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
        file.read_exact(&mut buffer[..wanted])?;
        hasher.update(&buffer[..wanted]);
        left -= wanted as u64;
    }
    Ok(hasher.finalize() == expected)
}

/// The length of what stands before the footer, and its checksum.
fn footer(file: &fs_err::File, length: u64) -> std::io::Result<Option<(u64, u32)>> {
    use std::os::unix::fs::FileExt;
    let Some(at) = length.checked_sub(8) else { return Ok(None) };
    let mut tail = [0; 8];
    file.file().read_exact_at(&mut tail, at)?;
    let word = |at: usize| u32::from_le_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
    let (text_bytes, magic) = (u64::from(word(0)), word(4));
    let Some(body) = at.checked_sub(text_bytes).filter(|_| text_bytes <= FOOTER_BYTES_MAX) else {
        return Ok(None);
    };
    if magic != FOOTER_MAGIC {
        return Ok(None);
    }
    let mut text = vec![0; text_bytes as usize];
    file.file().read_exact_at(&mut text, body)?;
    // As strictly as tantivy reads it: what passes here must not fail there.
    let footer: Option<Footer> = serde_json::from_slice(&text).ok();
    Ok(footer.map(|footer| (body, footer.crc)))
}
