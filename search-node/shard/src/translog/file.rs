//! The files of a translog: their names, their headers, and reading the records of one in order.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::TranslogError;
use super::operation::{Operation, RECORD_BYTES_MAX, Seed, decode};
use disk::{Disk, DiskFile};

pub(super) const HEADER_BYTES: u64 = 64;
const MAGIC: &[u8; 8] = b"SNTLOG01";
const VERSION: u16 = 2;
/// The version before, whose headers say nothing of the generation before.
const VERSION_BEFORE: u16 = 1;
/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

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

/// What the header of a generation says beside what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The primary term under which it was begun.
    pub(super) term: u64,
    /// The highest number in the generation before, so that nobody has to read that one to know; -1 when there is none.
    pub(super) before: i64,
}

/// Creates a generation with its header, durable in content and name.
pub(super) fn create(
    disk: &dyn Disk,
    folder: &Path,
    seed: Seed,
    header: Header,
) -> Result<Arc<dyn DiskFile>, TranslogError> {
    let path = generation_path(folder, seed.generation);
    let made = disk.create(&path).and_then(|file| {
        file.write_at(&encode_header(seed, header), 0)?;
        file.sync()?;
        disk.sync_folder(folder)?;
        Ok(file)
    });
    made.map_err(TranslogError::io(&path))
}

fn encode_header(seed: Seed, header: Header) -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..28].copy_from_slice(&seed.translog_id);
    bytes[28..36].copy_from_slice(&seed.generation.to_le_bytes());
    bytes[36..44].copy_from_slice(&header.term.to_le_bytes());
    bytes[44..52].copy_from_slice(&header.before.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..60]);
    bytes[60..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The header of a generation, if it verifies.
pub(super) fn header_of(folder: &Path, seed: Seed) -> Option<Header> {
    check_header(&header_bytes(folder, seed.generation)?, seed).ok()
}

fn header_bytes(folder: &Path, generation: u64) -> Option<Vec<u8>> {
    let file = fs_err::File::open(generation_path(folder, generation)).ok()?;
    let mut header = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut header).ok()?;
    Some(header)
}

/// The id of the translog that a generation's file belongs to, if its header verifies.
pub(super) fn translog_id(folder: &Path, generation: u64) -> Option<[u8; 16]> {
    let header = header_bytes(folder, generation)?;
    let translog_id = *header.get(12..)?.first_chunk::<16>()?;
    check_header(&header, Seed { translog_id, generation }).ok()?;
    Some(translog_id)
}

/// The records of one generation, read in order up to the first that does not verify.
pub(super) struct Records {
    path: PathBuf,
    file: BufReader<fs_err::File>,
    seed: Seed,
    length: u64,
    offset: u64,
    buffer: Vec<u8>,
    stopped: Option<&'static str>,
    term: u64,
}

impl Records {
    /// Opens a generation and checks that it is the one that `seed` names.
    pub(super) fn open(folder: &Path, seed: Seed) -> Result<Self, TranslogError> {
        let path = generation_path(folder, seed.generation);
        let opened = fs_err::File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = match opened {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(TranslogError::corrupt(&path, 0, "the file is missing"));
            }
            opened => opened.map_err(TranslogError::io(&path))?,
        };
        let mut file = BufReader::with_capacity(READ_BYTES, file);
        let mut header = Vec::new();
        (&mut file).take(HEADER_BYTES).read_to_end(&mut header).map_err(TranslogError::io(&path))?;
        let header =
            check_header(&header, seed).map_err(|reason| TranslogError::corrupt(&path, 0, reason))?;
        let offset = HEADER_BYTES;
        Ok(Self { path, file, seed, length, offset, buffer: Vec::new(), stopped: None, term: header.term })
    }

    /// Reads no further than `end`.
    pub(super) fn until(mut self, end: u64) -> Self {
        self.length = self.length.min(end);
        self
    }

    /// The next operation. None at the end, and where a record does not verify: see [`Records::stopped`].
    pub(super) fn next(&mut self) -> Result<Option<Operation>, TranslogError> {
        if self.stopped.is_some() || self.offset >= self.length {
            return Ok(None);
        }
        match self.read_record() {
            Ok(Ok((operation, bytes))) => {
                self.offset += bytes as u64;
                Ok(Some(operation))
            }
            Ok(Err(reason)) => {
                self.stopped = Some(reason);
                Ok(None)
            }
            Err(error) => Err(TranslogError::io(&self.path)(error)),
        }
    }

    fn read_record(&mut self) -> std::io::Result<Result<(Operation, usize), &'static str>> {
        let left = self.length - self.offset;
        let mut word = [0; 4];
        if left < 4 {
            return Ok(Err("the length is cut off"));
        }
        self.file.read_exact(&mut word)?;
        // A foreign length is believed only as far as the file has bytes for it.
        let length = u32::from_le_bytes(word) as usize;
        if length > RECORD_BYTES_MAX {
            return Ok(Err("the length is impossible"));
        }
        if (length + 8) as u64 > left {
            return Ok(Err("the record is cut off"));
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&word);
        (&mut self.file).take(length as u64 + 4).read_to_end(&mut self.buffer)?;
        Ok(decode(&self.buffer, self.seed, self.offset))
    }

    /// The primary term under which the generation was begun.
    pub(super) fn term(&self) -> u64 {
        self.term
    }

    /// The end of the last record that verified.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why reading stopped before the end of the file, if it did.
    pub(super) fn stopped(&self) -> Option<&'static str> {
        self.stopped
    }
}

/// Whether it is the header of the generation that `seed` names; gives what else it says.
fn check_header(bytes: &[u8], seed: Seed) -> Result<Header, &'static str> {
    let header = bytes.get(..HEADER_BYTES as usize).ok_or("the header is cut off")?;
    if !header.starts_with(MAGIC) {
        return Err("the file is not a translog");
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if ![VERSION, VERSION_BEFORE].contains(&version) {
        return Err("the translog is of another version");
    }
    if crc32fast::hash(&header[..60]).to_le_bytes() != header[60..] {
        return Err("the header's checksum does not match");
    }
    if header[12..28] != seed.translog_id || header[28..36] != seed.generation.to_le_bytes() {
        return Err("the file belongs to another translog or generation");
    }
    let number = |at: usize| header[at..].first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let term = number(36).ok_or("the header is cut off")?;
    let before = if version == VERSION { number(44).map_or(-1, |before| before as i64) } else { -1 };
    Ok(Header { term, before })
}
