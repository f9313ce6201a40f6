//! The memory that there is: that of the host, or of the control group that the node runs in.

use std::path::{Path, PathBuf};

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
    fn the_host_tells_its_memory() {
        assert_eq!(meminfo_bytes("MemTotal:       24562384 kB\nMemFree: 1 kB\n"), Some(24_562_384 << 10));
        assert!(host_memory() > 64 << 20);
    }
}
