//! The nodes, each on a disk that remembers every change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use consensus::{Consensus, Options};
use disk::DiskOperation;
use testkit::{CrashDisk, Fate, PowerCut, RecordedDisk, Survival, scratch};

use crate::ledger::Ledger;
use crate::network::{Network, Way};

/// The nodes as clients find them.
pub(crate) type Nodes = Arc<Mutex<BTreeMap<u64, Arc<Consensus<Ledger>>>>>;

pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) struct Cluster {
    pub(crate) network: Network,
    nodes: Nodes,
    disks: BTreeMap<u64, Disk>,
}

struct Disk {
    root: tempfile::TempDir,
    crash: CrashDisk,
    fuse: Fuse,
}

/// After so many changes nothing reaches the disk any more: as when the power goes in the middle of something.
#[derive(Clone)]
struct Fuse(Arc<AtomicI64>);

impl Fuse {
    /// So many changes never come.
    const NEVER: i64 = i64::MAX;

    fn burns(&self) -> Fate {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            left if left > 0 => Fate::Done,
            _ => Fate::Failed(std::io::Error::other("the power is gone")),
        }
    }

    fn has_blown(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= 0
    }
}

impl Disk {
    fn over(root: tempfile::TempDir) -> Self {
        let crash = CrashDisk::over(root.path()).expect("read");
        Self { root, crash, fuse: Fuse(Arc::new(AtomicI64::new(Fuse::NEVER))) }
    }

    /// What a power cut now leaves, on another disk.
    fn cut(&self, seed: u64) -> Self {
        let survival = match seed % 4 {
            0 => Survival::Nothing,
            1 => Survival::AllButTheTornLast,
            _ => Survival::Some { seed },
        };
        let root = scratch();
        PowerCut::after(&self.crash, self.crash.len(), survival).lay_out(root.path()).expect("laid out");
        Self::over(root)
    }
}

impl Cluster {
    /// One node that made the cluster.
    pub(crate) async fn alone(seed: u64) -> Self {
        let mut cluster =
            Self { network: Network::new(seed), nodes: Nodes::default(), disks: BTreeMap::new() };
        cluster.start(1, Disk::over(scratch())).await;
        cluster.node(1).bootstrap().await.expect("made");
        cluster.leader().await;
        cluster
    }

    /// Three nodes that vote.
    pub(crate) async fn new(seed: u64) -> Self {
        let mut cluster = Self::alone(seed).await;
        for node in [2, 3] {
            cluster.join(node).await;
        }
        let leader = cluster.leader().await;
        leader.change_voters(BTreeSet::from([1, 2, 3]), SOON).await.expect("agreed");
        cluster
    }

    /// Starts an empty node and adds it.
    pub(crate) async fn join(&mut self, node: u64) {
        self.start(node, Disk::over(scratch())).await;
        let leader = self.leader().await;
        leader.add_learner(node, &format!("node-{node}"), SOON).await.expect("agreed");
    }

    async fn start(&mut self, node: u64, disk: Disk) {
        let folder = disk.root.path().join("raft");
        let fuse = disk.fuse.clone();
        let recorded = RecordedDisk::deciding(&disk.crash, move |operation, _| match operation {
            DiskOperation::Read => Fate::Done,
            _ => fuse.burns(),
        });
        let recorded = recorded.shared();
        let mut options = Options::new(node, format!("node-{node}"), folder, recorded);
        (options.entries_per_snapshot, options.entries_kept) = (30, 5);
        let way = Way { network: self.network.clone(), from: node };
        let consensus = Consensus::start(options, Ledger::default(), way).await;
        let consensus = Arc::new(consensus.unwrap_or_else(|error| panic!("node {node}: {error}")));
        self.network.connect(node, Arc::clone(&consensus));
        self.nodes.lock().expect("no panic").insert(node, consensus);
        self.disks.insert(node, disk);
    }

    pub(crate) fn nodes(&self) -> Nodes {
        Arc::clone(&self.nodes)
    }

    pub(crate) fn node(&self, node: u64) -> Arc<Consensus<Ledger>> {
        Arc::clone(&self.nodes.lock().expect("no panic")[&node])
    }

    /// The power of a node is cut; it comes back with what its disk held.
    pub(crate) async fn restart(&mut self, node: u64, seed: u64) {
        let disk = self.cut_power(node, seed).await;
        self.start(node, disk).await;
    }

    /// The disk of a node takes so many changes and then no more. The node is to be restarted some time.
    pub(crate) fn blow_after(&self, node: u64, changes: i64) {
        let fuse = &self.disks[&node].fuse;
        if !fuse.has_blown() {
            fuse.0.store(changes, Ordering::Relaxed);
        }
    }

    /// Restarts the nodes whose disk takes nothing; that of the others will go on.
    pub(crate) async fn revive(&mut self, seed: u64) {
        for node in [1, 2, 3] {
            if self.disks[&node].fuse.has_blown() {
                self.restart(node, seed).await;
            }
            self.blow_after(node, Fuse::NEVER);
        }
    }

    /// The power of all nodes is cut at once.
    pub(crate) async fn restart_all(&mut self, seed: u64) {
        let mut disks = BTreeMap::new();
        for node in [1, 2, 3] {
            disks.insert(node, self.cut_power(node, seed + node).await);
        }
        for (node, disk) in disks {
            self.start(node, disk).await;
        }
    }

    async fn cut_power(&mut self, node: u64, seed: u64) -> Disk {
        self.network.disconnect(node);
        // What it does after this never happened.
        let left = self.disks[&node].cut(seed);
        let gone = self.nodes.lock().expect("no panic").remove(&node);
        if let Some(gone) = gone {
            drop(gone.stop().await);
        }
        left
    }

    /// Waits until there is a leader that leads indeed.
    pub(crate) async fn leader(&self) -> Arc<Consensus<Ledger>> {
        self.leader_and_index().await.0
    }

    /// A leader, and up to where everything is agreed on.
    async fn leader_and_index(&self) -> (Arc<Consensus<Ledger>>, u64) {
        for _ in 0..600 {
            let nodes: Vec<_> = self.nodes.lock().expect("no panic").values().cloned().collect();
            for node in nodes {
                if node.status().is_leader
                    && let Ok(index) = node.read_index().await
                {
                    return (node, index);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let nodes = self.nodes.lock().expect("no panic");
        let seen: Vec<_> = nodes.values().map(|node| node.status()).collect();
        panic!("no leader within a minute: {seen:#?}");
    }

    /// Waits until all nodes have all entries; gives what each has made of them.
    pub(crate) async fn settle(&self) -> Vec<Vec<u64>> {
        let (_, index) = self.leader_and_index().await;
        let nodes: Vec<_> = self.nodes.lock().expect("no panic").values().cloned().collect();
        for node in &nodes {
            let reached = tokio::time::timeout(SOON, node.wait_applied(index)).await;
            match reached {
                Ok(Ok(())) => {}
                other => panic!("node does not reach {index}: {other:?}, {:#?}", node.status()),
            }
        }
        nodes.iter().map(|node| node.peek(|ledger| ledger.0.clone())).collect()
    }

    pub(crate) async fn stop(&self) {
        let nodes: Vec<_> = self.nodes.lock().expect("no panic").values().cloned().collect();
        for node in nodes {
            self.network.disconnect(node.status().node);
            node.stop().await.expect("stopped");
        }
    }
}
