//! A node that ends between any two of its steps.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use disk::{Disk, HookedDisk, HostDisk};

use super::{Host, cluster_of, start_at};
use crate::Start;

/// A disk that does so many operations and then none: what a process leaves that is killed there.
fn dies_after(operations: usize) -> (Arc<dyn Disk>, Arc<AtomicUsize>) {
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    let disk = HookedDisk::over(HostDisk::shared(), move |_, _| {
        if counted.fetch_add(1, Ordering::SeqCst) < operations {
            Ok(())
        } else {
            Err(io::Error::other("killed"))
        }
    });
    (disk, done)
}

/// The founder is killed after each of its operations. Then it and another node start, in either order: there is one cluster,
/// with one founder, and the node that is no founder does not found.
#[test]
fn a_founder_that_is_killed_at_any_moment_leaves_one_cluster_or_none() {
    let mut is_whole = false;
    let mut operations = 0;
    while !is_whole {
        for is_other_first in [true, false] {
            let host = Host::new();
            let (disk, done) = dies_after(operations);
            let first = start_at(&host.registry(), &host.path_data(0), 0, disk);
            is_whole = done.load(Ordering::SeqCst) <= operations;
            assert_eq!(first.is_ok(), is_whole, "after {operations} operations: {first:?}");

            let order = if is_other_first { [1, 0] } else { [0, 1] };
            let starts: Vec<Start> = order.map(|node| host.start(node).expect("started")).into();

            let clusters: BTreeSet<String> = starts.iter().map(cluster_of).collect();
            assert_eq!(clusters.len(), 1, "after {operations} operations: {starts:?}");
            let founders = starts
                .iter()
                .filter(|start| matches!(start, Start::Found { .. } | Start::Known { is_founding: true, .. }))
                .count();
            assert_eq!(founders, 1, "after {operations} operations: {starts:?}");
        }
        operations += 1;
    }
    assert!(operations > 10, "only {operations} operations were tried");
}
