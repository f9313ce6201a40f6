//! Faults at one moment of a write, where a run in which much goes wrong would seldom meet it. Each scene is played once as it must
//! be, and most of them with the bug planted that they must find (`planted`).

use std::process::Command;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{Cluster, Flow};
use tokio::time::timeout;

/// The index that is written to, of one shard.
const INDEX: &str = "aimed";
/// How long anything here may take to come about.
const WITHIN: Duration = Duration::from_secs(90);
/// What is sent to a node that is reached is there by then, or was refused.
const ARRIVES_WITHIN: Duration = Duration::from_secs(8);
/// Documents that a primary writes which is over.
const OLD_WRITES: usize = 10;
/// Primaries of other indices, so that of two copies the one on another node is promoted.
const HEAVIER_BY: usize = 4;

/// Three nodes, each of which can be cut off from another, by what they are to the index.
struct Scene {
    cluster: Cluster,
    /// Where the primary is. It does not lead.
    primary: usize,
    leader: usize,
    third: usize,
}

/// What was seen of a scene; a fault says what must not be.
type Played = anyhow::Result<Option<String>>;

impl Scene {
    /// One replica is on the third node; two are on both others, of which the one that leads is the first to be promoted.
    async fn set(bug: Option<&str>, replicas: usize, patience: &str) -> anyhow::Result<Self> {
        let mut cluster = Cluster::plant(&[&format!("cluster.replication.timeout={patience}")], bug)?;
        for _ in 0..3 {
            cluster.add_linked()?;
        }
        cluster.spawn_all()?;
        cluster.wait_ready().await?;
        // One that votes alone could not be missed.
        cluster.wait_voters(3).await?;
        let leader = cluster.wait_leader().await?;
        let (primary, third) = ((leader + 1) % 3, (leader + 2) % 3);
        let scene = Self { cluster, primary, leader, third };
        scene.place(INDEX, primary).await?;
        let nodes = if replicas == 2 { vec![primary, third, leader] } else { vec![primary, third] };
        scene.spread(&nodes).await?;
        for number in 0..HEAVIER_BY {
            scene.place(&format!("heavy-{number}"), third).await?;
        }
        Ok(scene)
    }

    /// Makes an index whose one copy is on a node.
    async fn place(&self, index: &str, at: usize) -> anyhow::Result<()> {
        let body = json!({
            "settings": {
                "number_of_shards": 1, "number_of_replicas": 0,
                "routing.allocation.include._name": self.cluster.member(at).name
            },
            "mappings": {"properties": {"value": {"type": "long"}}}
        });
        self.cluster.done(self.leader, Method::PUT, &format!("/{index}"), Some(&body)).await.map(drop)
    }

    /// Has the index copied to nodes, and waits until all copies are in sync.
    async fn spread(&self, nodes: &[usize]) -> anyhow::Result<()> {
        let names: Vec<&str> = nodes.iter().map(|at| self.cluster.member(*at).name.as_str()).collect();
        let settings = json!({"index": {
            "number_of_replicas": nodes.len() - 1, "routing.allocation.include._name": names.join(",")
        }});
        let path = format!("/{INDEX}/_settings");
        self.cluster.done(self.leader, Method::PUT, &path, Some(&settings)).await?;
        self.wait_in_sync(nodes.len()).await
    }

    /// Waits until so many copies are in sync, and the primary has confirmed that all have the same.
    async fn wait_in_sync(&self, copies: usize) -> anyhow::Result<()> {
        let what = format!("{copies} equal copies in sync");
        let mut last = String::new();
        let equal = self.cluster.wait_for(&what, WITHIN, async || {
            let (mut found, mut in_sync) = (Vec::new(), 0);
            for at in self.cluster.up() {
                let (_, told) = self.copies(at).await?;
                in_sync = told["shards"][0]["map"]["in_sync"].as_array()?.len();
                found.extend(told["copies"].as_array()?.iter().cloned());
            }
            last = json!(found).to_string();
            let first = found.first()?;
            let is_equal =
                |copy: &Value| ["docs", "digest", "max_seq_no"].iter().all(|key| copy[key] == first[key]);
            (found.len() == copies && in_sync == copies && found.iter().all(is_equal)).then_some(())
        });
        equal.await.map_err(|error| anyhow::anyhow!("{error}: {last}"))
    }

    async fn copies(&self, at: usize) -> Option<(u16, Value)> {
        self.cluster.ask(at, Method::GET, &format!("/{INDEX}/_copies"), None).await.ok()
    }

    /// Waits until a node's copy is primary.
    async fn wait_primary(&self, at: usize) -> anyhow::Result<()> {
        let what = format!("{} to have the primary", self.cluster.member(at).name);
        self.cluster
            .wait_for(&what, WITHIN, async || {
                let (_, told) = self.copies(at).await?;
                (told["copies"][0]["role"] == json!("primary")).then_some(())
            })
            .await
    }

    /// Waits until a node's copy has a document, whether or not anybody was told of it.
    async fn wait_has(&self, at: usize, id: &str) -> anyhow::Result<()> {
        let what = format!("{} to have [{id}]", self.cluster.member(at).name);
        self.cluster.wait_for(&what, WITHIN, async || self.has(at, id).await.then_some(())).await
    }

    /// Whether a node's copy has a document, whether or not anybody was told of it.
    async fn has(&self, at: usize, id: &str) -> bool {
        let path = format!("/{INDEX}/_doc/{id}?consistency=eventual");
        self.cluster.ask(at, Method::GET, &path, None).await.is_ok_and(|(status, _)| status == 200)
    }

    /// Writes a document through a node; whether that is acknowledged.
    async fn write(&self, at: usize, id: &str) -> bool {
        let path = format!("/{INDEX}/_doc/{id}?timeout=1s");
        let written = self.cluster.ask(at, Method::PUT, &path, Some(&json!({"value": 1}))).await;
        written.is_ok_and(|(status, _)| status < 300)
    }

    /// Writes documents in one request; whether any of them is acknowledged.
    async fn write_many(&self, at: usize, ids: &[String]) -> bool {
        let lines: String =
            ids.iter().map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"value\":1}}\n")).collect();
        let Ok((200, answer)) = self.cluster.bulk(at, &format!("/{INDEX}/_bulk"), lines).await else {
            return false;
        };
        let is_done = |item: &Value| item["index"]["status"].as_u64().is_some_and(|status| status < 300);
        answer["items"].as_array().is_some_and(|items| items.iter().any(is_done))
    }

    /// Writes until it is acknowledged.
    async fn write_surely(&self, at: usize, id: &str) -> anyhow::Result<()> {
        let what = format!("a write through {} to be acknowledged", self.cluster.member(at).name);
        self.cluster.wait_for(&what, WITHIN, async || self.write(at, id).await.then_some(())).await
    }

    /// The document as it is once everything is well; none if there is none.
    async fn read(&self, id: &str) -> anyhow::Result<Option<Value>> {
        let path = format!("/{INDEX}/_doc/{id}");
        self.cluster
            .wait_for("a read that is answered", WITHIN, async || {
                let (status, answer) = self.cluster.ask(self.leader, Method::GET, &path, None).await.ok()?;
                match status {
                    200 => Some(Some(answer["_source"].clone())),
                    404 => Some(None),
                    _ => None,
                }
            })
            .await
    }
}

/// A replica does not answer, and the primary dies after it has acknowledged a write: the replica must not become primary.
pub(crate) async fn a_late_copy(bug: Option<&str>) -> Played {
    let mut scene = Scene::set(bug, 1, "2s").await?;
    scene.cluster.ways().set_between(&[scene.primary], &[scene.third], Flow::Silent);
    scene.write_surely(scene.primary, "late").await?;

    scene.cluster.kill(scene.primary)?;
    scene.cluster.ways().heal();
    let map = scene.cluster.wait_for("the map to know that the primary is gone", WITHIN, async || {
        let health = scene.cluster.health(scene.leader).await?;
        (health["number_of_nodes"] == json!(2)).then_some(())
    });
    map.await?;
    scene.cluster.restart(scene.primary).await?;
    scene.wait_in_sync(2).await?;

    let found = scene.read("late").await?;
    Ok(found
        .is_none()
        .then(|| "an acknowledged document is gone: a copy that lacked it became primary".to_owned()))
}

/// A primary that is cut off learns that it is over while a write waits: the write must not be acknowledged.
pub(crate) async fn a_primary_that_is_over(bug: Option<&str>) -> Played {
    let scene = Scene::set(bug, 2, "60s").await?;
    scene.cluster.ways().set_between(&[scene.primary], &[scene.leader, scene.third], Flow::Silent);
    let waits = scene.write(scene.primary, "waits");
    let goes_on = async {
        scene.write_surely(scene.leader, "elsewhere").await?;
        scene.cluster.ways().heal();
        anyhow::Ok(())
    };
    let (is_acknowledged, went_on) = tokio::join!(waits, goes_on);
    went_on?;
    scene.wait_in_sync(3).await?;

    let is_lost = is_acknowledged && scene.read("waits").await?.is_none();
    Ok(is_lost.then(|| "an acknowledged document is gone: its primary was over".to_owned()))
}

/// The answer to a request is lost on its way to the node that carries it: the request must not be done twice.
pub(crate) async fn a_lost_answer(bug: Option<&str>) -> Played {
    let scene = Scene::set(bug, 1, "10s").await?;
    let carrier = scene.leader;
    scene.write_surely(carrier, "counted").await?;
    scene.cluster.ways().set(scene.primary, carrier, Flow::Silent);
    let adds = json!({"script": {"source": "ctx._source.value += 1"}});
    let path = format!("/{INDEX}/_update/counted?timeout=30s");
    let asked = scene.cluster.ask(carrier, Method::POST, &path, Some(&adds));
    let breaks = async {
        let path = format!("/{INDEX}/_doc/counted?consistency=eventual");
        let done = scene.cluster.wait_for("the update to be done", WITHIN, async || {
            let (_, answer) = scene.cluster.ask(scene.primary, Method::GET, &path, None).await.ok()?;
            (answer["_source"]["value"] == json!(2)).then_some(())
        });
        done.await?;
        scene.cluster.ways().set_between(&[scene.primary], &[carrier], Flow::Cut);
        scene.cluster.ways().heal();
        anyhow::Ok(())
    };
    let (answered, broken) = tokio::join!(asked, breaks);
    broken?;
    let (status, _) = answered?;
    scene.wait_in_sync(2).await?;

    let value = scene.read("counted").await?.unwrap_or_default()["value"].take();
    Ok((value != json!(2)).then(|| format!("one update, answered {status}, has made [{value}] of [1]")))
}

/// A primary that was replaced reaches one replica still: that must take nothing of the old term.
async fn an_old_term(bug: Option<&str>) -> Played {
    let scene = Scene::set(bug, 2, "60s").await?;
    scene.cluster.ways().set_between(&[scene.primary], &[scene.leader], Flow::Silent);
    scene.wait_primary(scene.leader).await?;
    scene.write_surely(scene.third, "new").await?;

    // They are sent to the one that is reached, which takes or refuses them. Numbers that the new primary has given out too would be
    // replaced there in any case, so there are more of them than it has written.
    let ids: Vec<String> = (0..OLD_WRITES).map(|number| format!("old-{number}")).collect();
    let last = ids.last().map(String::as_str).unwrap_or_default();
    let all = scene.write_many(scene.primary, &ids);
    tokio::select! {
        // What is refused is not told here; it would have arrived by then.
        acknowledged = timeout(ARRIVES_WITHIN, all) => {
            anyhow::ensure!(acknowledged != Ok(true), "acknowledged by a primary that is over");
        }
        taken = scene.wait_has(scene.third, last) => taken?,
    }
    scene.cluster.ways().heal();

    if let Err(differ) = scene.wait_in_sync(3).await {
        return Ok(Some(format!("copies do not become equal: {differ}")));
    }
    let has = scene.has(scene.third, last).await;
    Ok(has.then(|| "a replica has what a primary wrote that was over".to_owned()))
}

/// A primary dies whose last operation only one of two replicas has, and the other becomes primary: the first must drop it.
pub(crate) async fn a_left_over(bug: Option<&str>) -> Played {
    let mut scene = Scene::set(bug, 2, "60s").await?;
    scene.cluster.ways().set(scene.primary, scene.leader, Flow::Silent);
    let process = scene.cluster.member(scene.primary).process().unwrap_or_default().to_string();
    // More than the new primary will write: numbers that it gives out are replaced in any case.
    let ids: Vec<String> = (0..OLD_WRITES).map(|number| format!("left-{number}")).collect();
    let waits = scene.write_many(scene.primary, &ids);
    let kills = async {
        for id in &ids {
            scene.wait_has(scene.third, id).await?;
        }
        // By hand, for the write still waits there.
        Command::new("kill").arg("-9").arg(process).status()?;
        anyhow::Ok(())
    };
    let (is_acknowledged, killed) = tokio::join!(waits, kills);
    killed?;
    anyhow::ensure!(!is_acknowledged, "acknowledged though one copy lacks it");
    scene.wait_primary(scene.leader).await?;
    scene.write_surely(scene.leader, "next").await?;
    scene.cluster.ways().heal();
    scene.cluster.kill(scene.primary)?;
    scene.cluster.restart(scene.primary).await?;

    if let Err(differ) = scene.wait_in_sync(3).await {
        return Ok(Some(format!("copies do not become equal: {differ}")));
    }
    for id in &ids {
        if scene.has(scene.third, id).await {
            return Ok(Some(format!("a replica has [{id}], which its primary has not")));
        }
    }
    Ok(None)
}

/// Plays a scene without a bug.
macro_rules! holds {
    ($($name:ident: $scene:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            assert_eq!($scene(None).await.expect("played"), None);
        }
    )*};
}

holds! {
    a_copy_that_does_not_answer_does_not_become_primary: a_late_copy;
    a_primary_that_is_over_acknowledges_nothing: a_primary_that_is_over;
    a_request_whose_answer_is_lost_is_not_done_twice: a_lost_answer;
    a_replica_takes_nothing_of_an_older_term: an_old_term;
    a_replica_drops_what_its_new_primary_has_not: a_left_over;
}
