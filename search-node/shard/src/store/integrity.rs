//! Whether the files of a segment are still what was written.
//!
//! Every file of tantivy's ends in a footer: a JSON text with the CRC-32 of what stands before, the text's length, and a
//! magic number. The manifest has each file's length. Files are read here by plain reads: a page that is only
//! looked at once has no business in the process's memory.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
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

/// Checks that every file is there with its length, and its content too where `reads_content` says so. As everywhere here, the outer
/// error says that a file could not be read now, which need not be its fault, and the inner one what is wrong with a file.
pub(crate) fn check_files(
    folder: &Path,
    files: &[SegmentFile],
    reads_content: impl Fn(&SegmentFile) -> bool,
) -> io::Result<Result<(), IntegrityError>> {
    for file in files {
        let path = folder.join(&file.name);
        let length = match told(&path, std::fs::metadata(&path).map(|metadata| metadata.len()))? {
            Ok(length) => length,
            Err(damage) => return Ok(Err(damage)),
        };
        if length != file.bytes {
            let reason = format!("the file has {length} bytes instead of {}", file.bytes);
            return Ok(Err(IntegrityError { path, reason }));
        }
        if reads_content(file)
            && let Some(damage) = damage_of(&path, &|| Ok(()))?
        {
            return Ok(Err(damage));
        }
    }
    Ok(Ok(()))
}

/// Reads a whole file and compares its checksum; what is wrong with it, if anything. `may_go_on` is asked now and then, and its error
/// ends the reading.
pub(crate) fn damage_of(
    path: &Path,
    may_go_on: &dyn Fn() -> io::Result<()>,
) -> io::Result<Option<IntegrityError>> {
    Ok(match told(path, read_whole(path, may_go_on))? {
        Ok(Some(_)) => None,
        Ok(None) => Some(damage(path, "its checksum or its footer does not match")),
        Err(damage) => Some(damage),
    })
}

/// The checksum that a file says it has, if it ends as it should.
pub(crate) fn stored_checksum(path: &Path) -> io::Result<Result<u32, IntegrityError>> {
    let read = open(path).and_then(|(file, length)| footer(&file, length));
    Ok(match told(path, read)? {
        Ok(Some((_, checksum))) => Ok(checksum),
        Ok(None) => Err(damage(path, "its footer does not match")),
        Err(damage) => Err(damage),
    })
}

/// Reads a part of a file.
pub(crate) fn read_part(path: &Path, part: &mut [u8], offset: u64) -> io::Result<Result<(), IntegrityError>> {
    told(path, open(path).and_then(|(file, _)| file.read_exact_at(part, offset)))
}

/// Whether a file that was just written has the content that its checksum tells of, and that is the one expected. Whatever keeps it
/// from being read says nothing about what was written.
pub(crate) fn has_checksum(path: &Path, expected: u32) -> io::Result<bool> {
    let found = read_whole(path, &|| Ok(())).map_err(|error| named(path, &error))?;
    Ok(found == Some(expected))
}

fn damage(path: &Path, reason: impl Into<String>) -> IntegrityError {
    IntegrityError { path: path.to_owned(), reason: reason.into() }
}

/// Tells what is wrong with a file from what is wrong with the moment: no memory, or too many open files.
fn told<T>(path: &Path, read: io::Result<T>) -> io::Result<Result<T, IntegrityError>> {
    match read {
        Ok(found) => Ok(Ok(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(damage(path, "the file is missing"))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Err(damage(path, "the file is cut off")))
        }
        Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
            Ok(Err(damage(path, format!("its disk cannot read it: {error}"))))
        }
        Err(error) => Err(named(path, &error)),
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// A file and its length.
#[expect(
    clippy::disallowed_methods,
    reason = "errors are told apart by their codes first, and then name the path"
)]
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// The checksum of a file, if its content is what that says.
fn read_whole(path: &Path, may_go_on: &dyn Fn() -> io::Result<()>) -> io::Result<Option<u32>> {
    let (mut file, length) = open(path)?;
    let Some((body, expected)) = footer(&file, length)? else { return Ok(None) };
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
    Ok((hasher.finalize() == expected).then_some(expected))
}

/// The length of what stands before the footer, and its checksum.
fn footer(file: &File, length: u64) -> io::Result<Option<(u64, u32)>> {
    let Some(at) = length.checked_sub(8) else { return Ok(None) };
    let mut tail = [0; 8];
    file.read_exact_at(&mut tail, at)?;
    let word = |at: usize| u32::from_le_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
    let (text_bytes, magic) = (u64::from(word(0)), word(4));
    let Some(body) = at.checked_sub(text_bytes).filter(|_| text_bytes <= FOOTER_BYTES_MAX) else {
        return Ok(None);
    };
    if magic != FOOTER_MAGIC {
        return Ok(None);
    }
    let mut text = vec![0; text_bytes as usize];
    file.read_exact_at(&mut text, body)?;
    // As strictly as tantivy reads it: what passes here must not fail there.
    let footer: Option<Footer> = serde_json::from_slice(&text).ok();
    Ok(footer.map(|footer| (body, footer.crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_now_is_not_called_damage() {
        let path = Path::new("segment.store");
        for (errno, is_damage) in [
            (Errno::IO, true),
            (Errno::NOENT, true),
            (Errno::MFILE, false),
            (Errno::NFILE, false),
            (Errno::NOMEM, false),
            (Errno::ACCESS, false),
            (Errno::INTR, false),
        ] {
            let error = || io::Error::from_raw_os_error(errno.raw_os_error());
            match told::<()>(path, Err(error())) {
                Ok(found) => assert!(is_damage && found.is_err(), "{errno:?}"),
                Err(unread) => {
                    assert!(!is_damage, "{errno:?}");
                    assert_eq!(unread.kind(), error().kind());
                    assert!(unread.to_string().contains("segment.store"), "{unread}");
                }
            }
        }
    }

    /// A link that leads to itself cannot be opened, and says nothing of the file that was there.
    #[test]
    fn files_are_checked_once_they_can_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.store");
        std::os::unix::fs::symlink("a.store", &path).expect("linked");
        let files = [SegmentFile { name: "a.store".to_owned(), bytes: 1 }];

        let checked = [
            check_files(folder.path(), &files, |_| true).is_err(),
            damage_of(&path, &|| Ok(())).is_err(),
            stored_checksum(&path).is_err(),
            read_part(&path, &mut [0], 0).is_err(),
        ];
        assert!(checked.iter().all(|is_unread| *is_unread), "{checked:?}");

        fs_err::remove_file(&path).expect("removed");
        assert!(check_files(folder.path(), &files, |_| true).expect("looked at").is_err(), "it is missing");
        fs_err::write(&path, b"x").expect("written");
        assert!(stored_checksum(&path).expect("read").is_err(), "it has no footer");
        assert!(read_part(&path, &mut [0; 2], 0).expect("read").is_err(), "it is cut off");
    }
}
