//! The marks of this node's disk, as they are set for the cluster.

use std::sync::Arc;

use cluster::allocation::AllocationSettings;

use crate::coordination::Coordinator;
use crate::disk_watch::DiskWatch;
use crate::watermark::Watermarks;

/// Has the watch go by the marks that the map says, over this node's own, until the node stops.
pub(crate) async fn follow_marks(coordinator: Arc<Coordinator>, watch: Arc<DiskWatch>) {
    let mut changes = coordinator.changes();
    let stopping = coordinator.stopping();
    let mut last: Option<Option<Watermarks>> = None;
    loop {
        let map = Arc::clone(&changes.borrow_and_update());
        let marks = marks_of(&coordinator.allocation_settings(&map));
        if last != Some(marks) {
            watch.set_marks(marks);
            last = Some(marks);
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// The marks by which writes stop and go on; none if disks do not count.
fn marks_of(settings: &AllocationSettings) -> Option<Watermarks> {
    let disk = settings.disk;
    // What fits together was checked when it was set.
    if disk.is_enabled { Watermarks::new(disk.high, disk.flood_stage).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use cluster::allocation::Watermark;

    use super::*;

    #[test]
    fn marks_are_taken_from_what_is_set() {
        let read = |pairs: &[(&str, &str)]| {
            let full =
                pairs.iter().map(|(name, value)| (format!("cluster.routing.allocation.disk.{name}"), *value));
            let full: Vec<(String, &str)> = full.collect();
            AllocationSettings::read(full.iter().map(|(name, value)| (name.as_str(), *value))).expect("valid")
        };
        let shares = |high, flood| Watermarks::new(Watermark::Used(high), Watermark::Used(flood)).ok();
        assert_eq!(marks_of(&read(&[])), shares(0.9, 0.95));
        assert_eq!(marks_of(&read(&[("watermark.flood_stage", "99%")])), shares(0.9, 0.99));
        assert_eq!(marks_of(&read(&[("threshold_enabled", "false")])), None);
    }
}
