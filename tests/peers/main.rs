//! Our node beside a real OpenSearch: the same requests to both, and what their answers have in common.
//!
//! `scenarios` runs the scenarios of `tests/api` on the other server too, `relevance` compares the ranking of a fixed set of
//! queries over real prose, and `random` compares thousands of seeded requests of every kind. What differs is told in tables,
//! and whole in `target/peers/`. Where the two are meant to differ, `known.json` says why, and so does
//! `docs/reference/compatibility.md`.
//!
//! The other server is started once, takes seconds to start and a gigabyte, and would lose its indices to the scenarios: so
//! this is one test, whose parts run one after the other. `PEERS_PARTS=random,relevance` runs some of them,
//! `PEERS_REQUESTS` and `PEERS_SEED` say how many random requests there are and which, `PEERS_SHOWN` how many differences of
//! each kind are printed whole, and of each cause are shrunk first, `PEERS_SCENARIOS=all` that every file of scenarios is run.
//! `make differential` is the long form.

mod answers;
mod known;
mod random;
mod relevance;
mod requests;
mod scenarios;
mod shrink;
mod sides;
mod tally;

use sides::{Sides, Started};

/// The parts, in their order: the scenarios delete every index.
const PARTS: [&str; 3] = ["relevance", "random", "scenarios"];

/// The parts that are asked for.
fn parts() -> Vec<&'static str> {
    let asked = std::env::var("PEERS_PARTS").unwrap_or_else(|_| PARTS.join(","));
    let unknown: Vec<&str> = asked.split(',').filter(|part| !PARTS.contains(part)).collect();
    assert!(unknown.is_empty(), "PEERS_PARTS names {unknown:?}; there are {PARTS:?}");
    PARTS.into_iter().filter(|part| asked.split(',').any(|asked| asked == *part)).collect()
}

#[tokio::test]
async fn the_node_answers_as_a_real_opensearch_does() {
    let parts = parts();
    let sides = match Sides::start().await.expect("both servers start") {
        Started::Both(sides) => *sides,
        Started::Absent(why) => {
            println!("SKIPPED: the node was not compared with OpenSearch: {why}");
            return;
        }
    };
    println!("compared with OpenSearch {}", sides.version());
    let mut faults = Vec::new();
    for part in parts {
        let started = std::time::Instant::now();
        let outcome = match part {
            "relevance" => relevance::compare(&sides).await,
            "random" => random::compare(&sides).await,
            _ => scenarios::compare(&sides).await,
        };
        println!("{part}: took {:.0} s", started.elapsed().as_secs_f64());
        match outcome {
            Ok(()) => {}
            Err(fault) => faults.push(format!("{part}: {fault:#}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
