//! The lock that lets one node at a time look at the registry and change it.

use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::fs::{FlockOperation, flock};

use crate::error::RegistryError;

/// How long a lock is waited for. Who has it writes two small files; only a process that was stopped has it longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried. The system would wake us, but could not be told to give up.
const PAUSE: Duration = Duration::from_millis(5);

/// The lock; dropped, or with the end of the process, it is free.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: fs_err::File,
}

impl Lock {
    /// Waits for the lock.
    pub(crate) fn take(path: &Path, patience: Duration) -> Result<Self, RegistryError> {
        let io = |source| RegistryError::File { path: path.to_owned(), source };
        let mut options = fs_err::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(io)?;
        let began = Instant::now();
        loop {
            match flock(file.file(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if began.elapsed() < patience => std::thread::sleep(PAUSE),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).map_err(io)?;
                    return Err(RegistryError::Locked {
                        path: path.to_owned(),
                        seconds: patience.as_secs(),
                        holder: holder.trim().to_owned(),
                    });
                }
                Err(error) => return Err(io(error.into())),
            }
        }
        // For whoever waits too long.
        let noted = file
            .rewind()
            .and_then(|()| file.file().set_len(0))
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_it_at_a_time_and_its_holder_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("weir.lock");
        let lock = Lock::take(&path, PATIENCE).expect("free");

        let error = Lock::take(&path, Duration::ZERO).expect_err("taken").to_string();

        assert!(error.contains(&format!("by process {}", std::process::id())), "{error}");
        drop(lock);
        Lock::take(&path, Duration::ZERO).expect("free again");
    }
}
