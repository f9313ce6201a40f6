//! Runs of three nodes in which much goes wrong while clients write; what was acknowledged is held against what is there.
//!
//! A run is made of its seed: its faults, their lengths, and what clients ask. What the system makes of that differs from run to
//! run, so a seed that failed once is a hint, not a proof.

mod check;
mod door;
mod history;
mod inserts;
mod linear;
mod nemesis;
mod registers;

use std::time::Duration;

use search_client::Method;
use serde_json::json;
use system_tests::{Cluster, Hosts, SmallDisk};
use tokio::sync::watch;

use check::{Counts, check_documents, check_registers, wait_equal};
use door::Doors;
use inserts::Inserts;
use nemesis::Nemesis;
use registers::Registers;

/// The index that is written to.
const INDEX: &str = "torture";
const NODES: usize = 3;
const REGISTERS: usize = 5;
/// A disk that has room for all that a run writes.
const DISK_MEBIBYTES: u32 = 1024;
/// After a copy is cut off the write waits for it this long; clients are more patient.
const SETTINGS: &[&str] = &["cluster.replication.timeout=3s"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `TORTURE_RUNS` sets how many, `TORTURE_SEED` the first seed, `TORTURE_SECONDS` how long faults go on in each, and `TORTURE_ONLY` is
/// `rolling` or `full-disk` for one kind of fault alone; the short form is part of every run of the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whatever_goes_wrong() {
    let (runs, first) = (number("TORTURE_RUNS", 5), number("TORTURE_SEED", 1));
    let span = Duration::from_secs(number("TORTURE_SECONDS", 45));
    let mut failed = Vec::new();
    for seed in first..first + runs {
        let faults = run(seed, span, None).await;
        if !faults.is_empty() {
            println!("seed {seed}:\n{}", faults.join("\n"));
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "{} of {runs} runs failed, those of the seeds {failed:?}", failed.len());
}

/// One run, with a bug in the nodes if one is named; what was wrong in it.
pub(crate) async fn run(seed: u64, span: Duration, bug: Option<&str>) -> Vec<String> {
    let (mut cluster, disks) = start(seed, bug).await.expect("a cluster");
    let copies = 1 + create(&cluster, seed).await.expect("an index");
    wait_equal(&cluster, copies).await.expect("copies");
    let ports: Vec<u16> = (0..NODES).filter_map(|at| cluster.member(at).http_port()).collect();
    let (doors, registers) = (Doors::new(&ports), Registers::new(REGISTERS));
    let mut nemesis = Nemesis::new(seed, disks);
    let (stop, stopped) = watch::channel(false);
    let inserts = (0..2).map(|client| {
        let name = format!("client-{client}");
        Inserts::new(&name, &doors, seed * 100 + client, stopped.clone()).run()
    });
    let readers = (0..3).map(|client| registers.run(&doors, seed * 100 + 50 + client, stopped.clone()));
    let attack = async {
        let outcome = nemesis.run(&mut cluster, span).await;
        let whole = cluster.wait_whole(span).await;
        stop.send_replace(true);
        outcome.and(whole)
    };
    let (inserted, _, attacked) =
        tokio::join!(futures::future::join_all(inserts), futures::future::join_all(readers), attack);
    let (ledgers, complaints): (Vec<_>, Vec<_>) = inserted.into_iter().unzip();
    let mut faults: Vec<String> = complaints.into_iter().flatten().collect();
    faults.extend(attacked.err().map(|error| error.to_string()));
    let mut counts = Counts::default();
    match wait_equal(&cluster, copies).await {
        Ok(found) => counts.copies = found,
        Err(error) => faults.push(error.to_string()),
    }
    match look(&cluster, copies, &ledgers, &mut counts).await {
        Ok(found) => faults.extend(found),
        Err(error) => faults.push(error.to_string()),
    }
    faults.extend(check_registers(&registers, &doors, seed, &mut counts).await);
    println!(
        "seed {seed}, {}: {} faults; {} acknowledged documents, {} open, {} operations on registers, {} copies: {}",
        if cluster.ways().are_of_hosts() { "hosts" } else { "proxy" },
        nemesis.faults,
        counts.acknowledged,
        counts.open,
        counts.operations,
        counts.copies,
        if faults.is_empty() { "well" } else { "not well" }
    );
    if !faults.is_empty() {
        faults.push(format!("what went wrong, in order:\n{nemesis}"));
        keep_logs(&cluster, seed).expect("logs are kept");
    }
    faults
}

/// Where the logs and the data of runs that failed are kept (`TORTURE_LOGS`), if anywhere.
fn keep_logs(cluster: &Cluster, seed: u64) -> anyhow::Result<()> {
    let Some(folder) = std::env::var_os("TORTURE_LOGS") else { return Ok(()) };
    for at in 0..cluster.len() {
        let member = cluster.member(at);
        let path = std::path::Path::new(&folder).join(format!("seed-{seed}-{}.log", member.name));
        fs_err::create_dir_all(&folder)?;
        fs_err::write(path, member.output())?;
        let data = std::path::Path::new(&folder).join(format!("seed-{seed}-{}", member.name));
        // Nodes still write there, which is of no matter for whoever looks at what is on the disk.
        std::process::Command::new("cp").arg("-r").arg(&member.data).arg(&data).status()?;
    }
    Ok(())
}

/// The nodes are on hosts of their own in two of four runs, and in the others behind a proxy, which can have bytes come late.
async fn start(seed: u64, bug: Option<&str>) -> anyhow::Result<(Cluster, Vec<SmallDisk>)> {
    let refusal = Hosts::refusal();
    if let Some(reason) = &refusal {
        println!("SKIPPED: networks in runs of a cluster, through a proxy instead: {reason}");
    }
    let mut cluster = if refusal.is_none() && (seed / 2).is_multiple_of(2) {
        Cluster::on_hosts(NODES, SETTINGS, bug)?
    } else {
        let mut cluster = Cluster::plant(SETTINGS, bug)?;
        for _ in 0..NODES {
            cluster.add_linked()?;
        }
        cluster
    };
    let mut disks = Vec::new();
    for at in 0..NODES {
        disks.extend(SmallDisk::mount(&cluster.member(at).data, DISK_MEBIBYTES)?);
    }
    if disks.len() < NODES {
        println!("SKIPPED: full disks in runs of a cluster; this user may not mount");
        disks.clear();
    }
    cluster.spawn_all()?;
    cluster.wait_ready().await?;
    Ok((cluster, disks))
}

/// Makes the index; how many replicas it has.
async fn create(cluster: &Cluster, seed: u64) -> anyhow::Result<usize> {
    let replicas = 1 + (seed % 2) as usize;
    let index = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": replicas},
        "mappings": {"properties": {
            "kind": {"type": "keyword"}, "number": {"type": "long"}, "value": {"type": "long"}
        }}
    });
    cluster.done(0, Method::PUT, &format!("/{INDEX}"), Some(&index)).await?;
    Ok(replicas)
}

/// Looks for each document, on each node's copies where each node has all of them.
async fn look(
    cluster: &Cluster,
    copies: usize,
    ledgers: &[inserts::Ledger],
    counts: &mut Counts,
) -> anyhow::Result<Vec<String>> {
    cluster.done(0, Method::POST, &format!("/{INDEX}/_refresh"), None).await?;
    let mut faults = check_documents(cluster, "_local", ledgers, counts).await?;
    if copies == NODES {
        for at in 0..NODES {
            let preference = format!("_only_nodes:{}", cluster.member(at).name);
            faults.extend(check_documents(cluster, &preference, ledgers, &mut Counts::default()).await?);
        }
    }
    Ok(faults)
}
