//! What benchmarks share: their sizes, their medians, what a folder takes, when a server is done.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Program;

/// A server that used less CPU time than this in a second, and whose folder stayed as it was, has nothing left to do.
const QUIET_CPU_SECONDS: f64 = 0.1;
const QUIET_LIMIT: Duration = Duration::from_secs(180);

/// A size from the environment.
pub fn size_of(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The middle one; of an even number, the upper of the two.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What the files below a folder take on disk, as `du` counts. A file that goes while it is counted takes nothing.
pub fn bytes_on_disk(folder: &Path) -> anyhow::Result<u64> {
    const BLOCK: u64 = 512;
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_on_disk(&entry.path())?,
            Ok(metadata) => metadata.blocks() * BLOCK,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(bytes)
}

/// Waits until a server has nothing left to do; what the folder of its indices takes then.
pub async fn quiet(server: &Program, indices: &Path) -> anyhow::Result<u64> {
    let deadline = Instant::now() + QUIET_LIMIT;
    let mut seen = (server.cpu_seconds(), bytes_on_disk(indices)?);
    while Instant::now() < deadline {
        // The condition itself is about a second: little work in it, and no file that grew or went.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = (server.cpu_seconds(), bytes_on_disk(indices)?);
        if now.0 - seen.0 < QUIET_CPU_SECONDS && now.1 == seen.1 {
            return Ok(now.1);
        }
        seen = now;
    }
    anyhow::bail!("{} still works after {QUIET_LIMIT:?}", indices.display())
}
