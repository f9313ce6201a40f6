//! What must hold once all is healed: every acknowledged write is on every copy, copies are equal, and no register has a history
//! that could not be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

use super::INDEX;
use super::door::Doors;
use super::inserts::{Known, Ledger};
use super::linear::explain;
use super::registers::{Registers, is_register};

/// How long copies may take to be whole and equal after the last fault is healed. A debug build on two cores is slow.
const EQUAL_WITHIN: Duration = Duration::from_secs(90);
/// So many documents that are not as they should be are read by their ids too.
const TOLD_BY_ID: usize = 5;
/// Documents of one page while all are read.
const PAGE: usize = 1_000;

/// What a run was about.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) acknowledged: usize,
    pub(crate) open: usize,
    pub(crate) copies: usize,
    pub(crate) operations: usize,
}

/// Waits until each shard has all its copies in sync, with the same digest.
pub(crate) async fn wait_equal(cluster: &Cluster, copies: usize) -> anyhow::Result<usize> {
    let mut last = String::new();
    let equal = cluster.wait_for("all copies to be there and equal", EQUAL_WITHIN, async || {
        let looked = look_at_copies(cluster, copies).await;
        looked.map_err(|reason| last = reason).ok()
    });
    equal.await.map_err(|error| anyhow::anyhow!("{error}: {last}"))
}

async fn look_at_copies(cluster: &Cluster, wanted: usize) -> Result<usize, String> {
    let mut by_shard: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    let mut shards = Vec::new();
    for at in 0..cluster.len() {
        let asked = cluster.ask(at, Method::GET, &format!("/{INDEX}/_copies"), None).await;
        let (status, mut answer) = asked.map_err(|error| error.to_string())?;
        let copies = answer["copies"].take();
        let Value::Array(copies) = copies else { return Err(format!("node {at}: {status} {answer}")) };
        for copy in copies {
            by_shard.entry(copy["shard"].as_u64().unwrap_or(u64::MAX)).or_default().push(copy);
        }
        shards = answer["shards"].as_array().cloned().unwrap_or_default();
    }
    for shard in &shards {
        let map = &shard["map"];
        let is_whole = map["in_sync"].as_array().is_some_and(|copies| copies.len() == wanted)
            && map["present"].as_object().is_some_and(|copies| copies.len() == wanted)
            && map["primary"] != Value::Null;
        if !is_whole {
            return Err(format!("not {wanted} copies in sync: {map}"));
        }
    }
    for copies in by_shard.values() {
        let told: BTreeSet<String> = copies
            .iter()
            .map(|copy| json!([copy["docs"], copy["digest"], copy["max_seq_no"], copy["global"]]).to_string())
            .collect();
        if copies.len() != wanted || told.len() != 1 {
            return Err(format!("copies differ: {}", json!(copies)));
        }
        if copies[0]["global"] != copies[0]["max_seq_no"] {
            return Err(format!("not all is everywhere: {}", json!(copies)));
        }
    }
    if shards.is_empty() || by_shard.len() != shards.len() {
        return Err(format!("{} of {} shards have copies", by_shard.len(), shards.len()));
    }
    Ok(by_shard.values().map(Vec::len).sum())
}

/// Holds what one node's copies have against what clients know. `preference` chooses the copies.
pub(crate) async fn check_documents(
    cluster: &Cluster,
    preference: &str,
    ledgers: &[Ledger],
    counts: &mut Counts,
) -> anyhow::Result<Vec<String>> {
    let found = read_all(cluster, preference).await?;
    let mut faults = Vec::new();
    let mut known_ids = BTreeSet::new();
    for (id, (number, known)) in ledgers.iter().flatten() {
        known_ids.insert(id.as_str());
        let value = found.get(id);
        let is_right = match known {
            Known::There => value == Some(number),
            Known::Gone | Known::Never => value.is_none(),
            Known::Open => value.is_none_or(|value| value == number),
        };
        match known {
            Known::There | Known::Gone => counts.acknowledged += 1,
            Known::Open => counts.open += 1,
            Known::Never => {}
        }
        if !is_right {
            // Whether it is gone, or only not found.
            let path = format!("/{INDEX}/_doc/{id}?_source=false");
            let told = if faults.len() < TOLD_BY_ID {
                let (status, answer) = cluster.ask(0, Method::GET, &path, None).await?;
                format!("; by its id: {status} {answer}")
            } else {
                String::new()
            };
            faults
                .push(format!("{preference}: {id} is {known:?} with {number}, and found is {value:?}{told}"));
        }
    }
    let strangers = found.keys().filter(|id| !known_ids.contains(id.as_str()));
    faults.extend(strangers.map(|id| format!("{preference}: nobody wrote {id}")));
    Ok(faults)
}

/// What a search finds once it looks into every shard: a link that was just healed may break one more.
async fn search_all(cluster: &Cluster, path: &str, search: &Value) -> anyhow::Result<Value> {
    let mut last = Value::Null;
    let whole = cluster.wait_for("a search of every shard", EQUAL_WITHIN, async || {
        last = cluster.done(0, Method::POST, path, Some(search)).await.ok()?;
        let shards = &last["_shards"];
        (shards["successful"] == shards["total"] && last["timed_out"] == json!(false)).then(|| last.clone())
    });
    whole.await.map_err(|error| anyhow::anyhow!("{error}: {last}"))
}

/// Every document that was inserted, with its number.
async fn read_all(cluster: &Cluster, preference: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let path = format!("/{INDEX}/_search?preference={preference}");
    for remainder in 0.. {
        let search = json!({
            "size": PAGE, "track_total_hits": true, "sort": [{"number": "asc"}],
            "query": {"range": {"number": {"gte": remainder * PAGE / 10, "lt": (remainder + 1) * PAGE / 10}}}
        });
        let answer = search_all(cluster, &path, &search).await?;
        let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
        let total = answer["hits"]["total"]["value"].as_u64();
        anyhow::ensure!(total == Some(hits.len() as u64), "{} of {total:?} hits", hits.len());
        for hit in &hits {
            let source = &hit["_source"];
            if is_register(source) {
                continue;
            }
            let id = hit["_id"].as_str().unwrap_or_default().to_owned();
            let number = source["number"].as_u64().unwrap_or(u64::MAX);
            anyhow::ensure!(found.insert(id, number).is_none(), "a document twice: {hit}");
        }
        let greater =
            json!({"size": 0, "query": {"range": {"number": {"gte": (remainder + 1) * PAGE / 10}}}});
        let answer = search_all(cluster, &path, &greater).await?;
        if answer["hits"]["total"]["value"] == json!(0) {
            return Ok(found);
        }
    }
    Ok(found)
}

/// Reads each register once more, and looks for an order of everything that happened to it: one in which a read is old has none.
pub(crate) async fn check_registers(
    registers: &Registers,
    doors: &Doors,
    seed: u64,
    counts: &mut Counts,
) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut faults = Vec::new();
    for register in 0..registers.history.len() {
        for _ in 0..3 {
            if !registers.look(doors, &mut random, register).await {
                faults.push(format!("register {register} is not answered after all was healed"));
            }
        }
        let history = registers.history.of(register);
        counts.operations += history.len();
        if let Err(fault) = explain(&history) {
            let near = |began: u64| {
                let mut sorted = history.clone();
                sorted.sort_by_key(|operation| operation.began);
                let at = sorted.partition_point(|operation| operation.began < began);
                let shown = &sorted[at.saturating_sub(12)..(at + 6).min(sorted.len())];
                shown.iter().map(|operation| format!("    {operation:?}")).collect::<Vec<_>>().join("\n")
            };
            let around = match &fault {
                super::linear::Fault::Impossible(operation) => near(operation.began),
                super::linear::Fault::Undecided => String::new(),
            };
            faults.push(format!("register {register}: {fault:?}, around it\n{around}"));
        }
    }
    faults
}
