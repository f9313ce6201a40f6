//! What goes wrong in a run: faults by chance from a seed, each of which ends after a while.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use search_client::Method;
use serde_json::json;
use system_tests::{Cluster, Flow, SmallDisk};
use tokio::time::{Instant, sleep};

/// How long the nodes may take to be one cluster again after a fault.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Processes end without warning, and are started again.
    Kill(Vec<usize>),
    /// A process stands still.
    Freeze(usize),
    /// A node reaches nobody, and nobody reaches it.
    Isolate(usize),
    /// Nothing arrives from one node at another; the other way all does.
    OneWay(usize, usize),
    /// Two nodes hear nothing of one another, and a third hears both.
    Bridge(usize, usize),
    /// Connections of a node break again and again.
    Flap(usize),
    /// Everything arrives up to so many milliseconds late, or, on a network, packets get lost accordingly.
    Poor(u64),
    /// Nodes are stopped in order and started again, one after another.
    Rolling,
    /// The disk of a node has no room.
    FullDisk(usize),
    /// Indices come and go, and mappings grow.
    Churn,
}

/// Chooses faults and lets them happen.
pub(crate) struct Nemesis {
    random: StdRng,
    /// The disk of each node, if they can be filled.
    disks: Vec<SmallDisk>,
    began: Instant,
    /// What happened, for whoever looks for the reason.
    told: Vec<String>,
    /// How many faults there were.
    pub(crate) faults: usize,
}

impl fmt::Display for Nemesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told.join("\n"))
    }
}

impl Nemesis {
    pub(crate) fn new(seed: u64, disks: Vec<SmallDisk>) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            disks,
            began: Instant::now(),
            told: Vec::new(),
            faults: 0,
        }
    }

    /// Faults one after another for so long, and everything healed in the end.
    pub(crate) async fn run(&mut self, cluster: &mut Cluster, span: Duration) -> anyhow::Result<()> {
        while self.began.elapsed() < span {
            let fault = self.choose(cluster);
            self.tell(format!("{fault:?}"));
            self.faults += 1;
            self.strike(cluster, &fault).await?;
            self.heal(cluster)?;
            self.tell("healed".to_owned());
            // Sometimes the next one comes before all is well.
            if self.random.random_ratio(2, 3) {
                cluster.wait_whole(WHOLE_WITHIN).await?;
                self.tell("whole".to_owned());
                self.pause(200, 2_000).await;
            }
        }
        Ok(())
    }

    fn tell(&mut self, what: String) {
        self.told.push(format!("{:>6} ms: {what}", self.began.elapsed().as_millis()));
    }

    fn choose(&mut self, cluster: &Cluster) -> Fault {
        let count = cluster.len();
        // Whoever leads matters more than others.
        let leader = (0..count).find(|at| cluster.member(*at).leads());
        let one = match leader {
            Some(leader) if self.random.random_ratio(1, 2) => leader,
            _ => self.random.random_range(0..count),
        };
        let other = (one + self.random.random_range(1..count)) % count;
        // One kind alone, for whoever looks for what it does.
        match std::env::var("TORTURE_ONLY").as_deref() {
            Ok("rolling") => return Fault::Rolling,
            Ok("full-disk") if !self.disks.is_empty() => return Fault::FullDisk(one),
            _ => {}
        }
        match self.random.random_range(0..14) {
            0..3 => Fault::Kill(vec![one]),
            3 => Fault::Kill(vec![one, other]),
            4 => Fault::Kill((0..count).collect()),
            5 | 6 => Fault::Freeze(one),
            7 => Fault::Isolate(one),
            8 => Fault::OneWay(one, other),
            9 => Fault::Bridge(one, other),
            10 => Fault::Flap(one),
            11 => Fault::Poor(self.random.random_range(20..400)),
            12 if self.disks.is_empty() || self.random.random_ratio(1, 2) => Fault::Rolling,
            12 => Fault::FullDisk(one),
            _ => Fault::Churn,
        }
    }

    async fn strike(&mut self, cluster: &mut Cluster, fault: &Fault) -> anyhow::Result<()> {
        let all: Vec<usize> = (0..cluster.len()).collect();
        let others = |one: usize| -> Vec<usize> { all.iter().copied().filter(|at| *at != one).collect() };
        match fault {
            Fault::Kill(nodes) => {
                for at in nodes {
                    cluster.kill(*at)?;
                }
                self.pause(10, 8_000).await;
            }
            Fault::Freeze(at) => {
                cluster.freeze(*at)?;
                self.pause(1_000, 15_000).await;
            }
            Fault::Isolate(at) => {
                let flow = if self.random.random_ratio(1, 3) { Flow::Cut } else { Flow::Silent };
                cluster.ways().set_between(&[*at], &others(*at), flow);
                self.pause(500, 15_000).await;
            }
            Fault::OneWay(from, to) => {
                cluster.ways().set(*from, *to, Flow::Silent);
                self.pause(500, 10_000).await;
            }
            Fault::Bridge(one, other) => {
                cluster.ways().set_between(&[*one], &[*other], Flow::Silent);
                self.pause(500, 10_000).await;
            }
            Fault::Flap(at) => {
                for _ in 0..8 {
                    cluster.ways().set_between(&[*at], &others(*at), Flow::Cut);
                    self.pause(50, 600).await;
                    cluster.ways().heal();
                    self.pause(50, 600).await;
                }
            }
            Fault::Poor(millis) => {
                // On a network of hosts packets get lost instead, about one of three at most.
                let flow = match cluster.ways().are_of_hosts() {
                    true => Flow::Lossy((millis / 12) as u8),
                    false => Flow::Late(Duration::from_millis(*millis)),
                };
                cluster.ways().set_between(&all, &all, flow);
                self.pause(1_000, 5_000).await;
            }
            Fault::Rolling => self.roll(cluster).await?,
            Fault::FullDisk(at) => {
                if let Some(disk) = self.disks.get(*at) {
                    disk.fill()?;
                }
                self.pause(1_000, 5_000).await;
            }
            Fault::Churn => self.churn(cluster).await,
        }
        Ok(())
    }

    /// How long things stay as they are is what is varied.
    async fn pause(&mut self, least: u64, most: u64) {
        let millis = self.random.random_range(least..most);
        sleep(Duration::from_millis(millis)).await;
    }

    fn heal(&mut self, cluster: &mut Cluster) -> anyhow::Result<()> {
        cluster.ways().heal();
        for disk in &self.disks {
            disk.free()?;
        }
        for at in 0..cluster.len() {
            cluster.thaw(at)?;
            if !cluster.runs(at) {
                cluster.spawn(at)?;
            }
        }
        Ok(())
    }

    async fn roll(&mut self, cluster: &mut Cluster) -> anyhow::Result<()> {
        for at in 0..cluster.len() {
            if cluster.runs(at) {
                cluster.stop(at)?;
            }
            cluster.restart(at).await?;
            cluster.wait_whole(WHOLE_WITHIN).await?;
        }
        Ok(())
    }

    /// What comes of it is of no matter here: any of these may fail while other faults last.
    async fn churn(&mut self, cluster: &Cluster) {
        for turn in 0..6 {
            let at = self.random.random_range(0..cluster.len());
            let number: u32 = self.random.random_range(0..1_000);
            let field = json!({"properties": {format!("field-{number}"): {"type": "long"}}});
            let index = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 1}});
            let (method, path, body) = match turn % 3 {
                0 => (Method::PUT, "/churn".to_owned(), Some(index)),
                1 => (Method::PUT, format!("/{}/_mapping", super::INDEX), Some(field)),
                _ => (Method::DELETE, "/churn".to_owned(), None),
            };
            if let Ok((status @ 500.., answer)) = cluster.ask(at, method, &path, body.as_ref()).await {
                self.tell(format!("{path}: {status} {answer}"));
            }
        }
    }
}
