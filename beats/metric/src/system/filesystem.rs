//! The room of file systems that lie on a device.

use std::collections::BTreeSet;

use event::{Value, json};

use super::{SampleError, share};

struct Room {
    device: String,
    mount: String,
    kind: String,
    options: String,
    total: u64,
    free: u64,
    available: u64,
    files: u64,
    free_files: u64,
}

pub(super) fn each() -> Result<Vec<Value>, SampleError> {
    let events = rooms()?.into_iter().map(|room| {
        let used = room.total.saturating_sub(room.free);
        json!({"system": {"filesystem": {
            "available": room.available, "free": room.free, "total": room.total,
            "files": room.files, "free_files": room.free_files,
            "device_name": room.device, "type": room.kind, "mount_point": room.mount, "options": room.options,
            // As df has it: of what an ordinary user could have, so that 1 means full to them.
            "used": {"bytes": used, "pct": share(used, used.saturating_add(room.available))},
        }}})
    });
    Ok(events.collect())
}

pub(super) fn total() -> Result<Vec<Value>, SampleError> {
    let mut devices = BTreeSet::new();
    let rooms: Vec<Room> = rooms()?.into_iter().filter(|room| devices.insert(room.device.clone())).collect();
    let sum = |figure: fn(&Room) -> u64| rooms.iter().map(figure).fold(0_u64, u64::saturating_add);
    let (total, free) = (sum(|room| room.total), sum(|room| room.free));
    Ok(vec![json!({"system": {"fsstat": {
        "count": rooms.len(), "total_files": sum(|room| room.files),
        "total_size": {"total": total, "free": free, "used": total.saturating_sub(free)},
    }}})])
}

/// Mounted file systems with a size of their own; those of the kernel's own (proc, cgroup, tmpfs …) are left out.
fn rooms() -> Result<Vec<Room>, SampleError> {
    let virtual_kinds: BTreeSet<String> = virtual_kinds();
    let mut mounts = BTreeSet::new();
    let found = procfs::process::Process::myself()?.mountinfo()?.0.into_iter().filter_map(|mount| {
        // overlay is no device's, yet it is the root of every container.
        if virtual_kinds.contains(&mount.fs_type) && mount.fs_type != "overlay" {
            return None;
        }
        if !mount.mount_point.is_dir() || !mounts.insert(mount.mount_point.clone()) {
            return None;
        }
        // A mount that does not answer costs its own event only.
        let room = rustix::fs::statvfs(&mount.mount_point).ok()?;
        let options = mount.mount_options.iter().map(|(key, value)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.clone(),
        });
        (room.f_blocks > 0).then(|| Room {
            device: mount.mount_source.unwrap_or_default(),
            mount: mount.mount_point.display().to_string(),
            kind: mount.fs_type,
            options: options.collect::<Vec<_>>().join(","),
            total: room.f_blocks.saturating_mul(room.f_frsize),
            free: room.f_bfree.saturating_mul(room.f_frsize),
            available: room.f_bavail.saturating_mul(room.f_frsize),
            files: room.f_files,
            free_files: room.f_ffree,
        })
    });
    Ok(found.collect())
}

fn virtual_kinds() -> BTreeSet<String> {
    let text = fs_err::read_to_string("/proc/filesystems").unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix("nodev")).map(|kind| kind.trim().to_owned()).collect()
}
