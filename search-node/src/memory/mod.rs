//! Memory: what the node takes, what it may take, and 429 for what would not fit.
//!
//! There is no exception to catch when memory runs out, so a request reserves before it works. What the process holds
//! itself (not the pages of mapped files, which the system takes back as it likes) is looked at a few times a second, by a
//! thread of `relief`; what was reserved since counts on top.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ApiError;

/// The memory of the host, or of the control group if that is less.
pub(crate) fn host_memory() -> u64 {
    let host = meminfo_bytes(&fs_err::read_to_string("/proc/meminfo").unwrap_or_default());
    let groups = fs_err::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = limit_files(&groups)
        .into_iter()
        .filter_map(|path| fs_err::read_to_string(path).ok()?.trim().parse::<u64>().ok())
        .min();
    match (host, group) {
        (Some(host), Some(group)) => host.min(group),
        (Some(bytes), None) | (None, Some(bytes)) => bytes,
        // A host that does not tell is taken for a small one.
        (None, None) => 1 << 30,
    }
}

/// The files that bound the memory of a process in these control groups (`/proc/self/cgroup`), also those of the groups above:
/// `0::/a/b` in the one hierarchy of version 2, `4:memory:/a/b` in version 1.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            some if some.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let own = Path::new(root).join(group.trim_start_matches('/'));
        files.extend(own.ancestors().take_while(|folder| folder.starts_with(root)).map(|at| at.join(file)));
    }
    files
}

fn meminfo_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}

/// The node's memory.
#[derive(Debug, Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: u64,
    /// What the process held when it was last looked at.
    held: AtomicU64,
    /// What requests have reserved and not given back.
    reserved: AtomicU64,
}

/// Memory that a request has reserved; given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    memory: Memory,
    bytes: u64,
}

impl Memory {
    pub fn new(limit: u64) -> Self {
        let inner = Inner { limit, held: AtomicU64::new(0), reserved: AtomicU64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Looks at what the process holds now.
    pub fn look(&self) {
        let text = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let held = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        self.inner.held.store(held.unwrap_or(0) << 10, Ordering::Relaxed);
    }

    /// What the process held when it was last looked at.
    pub fn held(&self) -> u64 {
        self.inner.held.load(Ordering::Relaxed)
    }

    pub fn limit(&self) -> u64 {
        self.inner.limit
    }

    /// Reserves memory for a request, or refuses it. A part of what is reserved may be in what is held already: the sum
    /// errs on the side of refusing.
    pub fn reserve(&self, bytes: u64, what: &str) -> Result<Reservation, ApiError> {
        let mut reservation = Reservation { memory: self.clone(), bytes: 0 };
        reservation.grow(bytes, what)?;
        Ok(reservation)
    }
}

impl Reservation {
    /// Reserves more for the same request.
    pub fn grow(&mut self, bytes: u64, what: &str) -> Result<(), ApiError> {
        let inner = &self.memory.inner;
        let before = inner.reserved.fetch_add(bytes, Ordering::AcqRel);
        self.bytes += bytes;
        let wanted = inner.held.load(Ordering::Relaxed).saturating_add(before).saturating_add(bytes);
        if wanted <= inner.limit {
            return Ok(());
        }
        Err(ApiError::new(
            429,
            "circuit_breaking_exception",
            format!(
                "[parent] Data too large, data for [{what}] would be [{wanted}b], which is larger than the limit of [{}b] (memory.limit); send less at once, or later",
                inner.limit
            ),
        )
        .with("bytes_wanted", wanted)
        .with("bytes_limit", inner.limit)
        .with("durability", "TRANSIENT"))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.inner.reserved.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_bounded_by_itself_and_by_those_above() {
        let files = limit_files("0::/system.slice/weir.service\n");
        let expected = ["/system.slice/weir.service/", "/system.slice/", "/"];
        assert_eq!(files, expected.map(|group| PathBuf::from(format!("/sys/fs/cgroup{group}memory.max"))));

        let files = limit_files("5:cpu,cpuacct:/x\n4:memory:/x\n1:name=systemd:/\nnonsense\n");
        let expected = ["/x/", "/"].map(|group| format!("/sys/fs/cgroup/memory{group}memory.limit_in_bytes"));
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_was_given_back_fits_again() {
        let memory = Memory::new(100);
        let first = memory.reserve(70, "a").expect("fits");

        let error = memory.reserve(40, "bulk").expect_err("refused");
        drop(first);

        assert_eq!((error.status, error.kind.as_str()), (429, "circuit_breaking_exception"));
        assert!(error.reason.contains("[bulk]") && error.reason.contains("memory.limit"), "{}", error.reason);
        assert!(memory.reserve(40, "bulk").is_ok(), "a refused request gives back what it asked for");
    }

    #[test]
    fn what_the_process_holds_counts() {
        let memory = Memory::new(64 << 10);

        memory.look();

        assert!(memory.held() > 64 << 10, "{}", memory.held());
        assert!(memory.reserve(1, "a").is_err());
    }

    #[test]
    fn the_host_tells_its_memory() {
        assert_eq!(meminfo_bytes("MemTotal:       24562384 kB\nMemFree: 1 kB\n"), Some(24_562_384 << 10));
        assert!(host_memory() > 64 << 20);
    }
}
