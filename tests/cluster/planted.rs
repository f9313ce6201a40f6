//! Bugs that are planted, so that the tests beside prove that they would find them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use system_tests::Cluster;

use crate::aimed;
use crate::anywhere::change_and_look;
use crate::cut_off;
use crate::races::race;
use crate::torture;

/// What finds a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hunt {
    /// Nodes started at once.
    Race,
    /// Changes through any node.
    Changes,
    /// Runs in which much goes wrong.
    Torture,
    /// A scene that is made for it.
    Aimed(Scene),
}

/// The scenes of `aimed` and `cut_off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    LateCopy,
    PrimaryThatIsOver,
    LostAnswer,
    LeftOver,
    CutOff,
}

/// Each bug of `search-node/src/planted.rs`.
const BUGS: &[(&str, Hunt)] = &[
    ("FoundedTwice", Hunt::Race),
    ("ChangesAreAcknowledgedEarly", Hunt::Changes),
    ("DeletesAreLost", Hunt::Torture),
    ("VersionsAreNotCompared", Hunt::Torture),
    ("ReadsAnywhere", Hunt::Torture),
    ("AcknowledgeAlone", Hunt::Torture),
    ("HistoryIsSkipped", Hunt::Torture),
    ("UnknownIsDone", Hunt::Aimed(Scene::PrimaryThatIsOver)),
    ("LateIsDone", Hunt::Aimed(Scene::LateCopy)),
    ("LeftOversStay", Hunt::Aimed(Scene::LeftOver)),
    ("LeaseIsNotLookedAt", Hunt::Aimed(Scene::CutOff)),
    ("TriedTwice", Hunt::Aimed(Scene::LostAnswer)),
];

/// How often it is tried to find one.
const TRIES: u64 = 20;
/// How long faults go on in a run.
const SPAN: Duration = Duration::from_secs(45);

/// `PLANTED_BUGS` names those to look for, with commas between; all if not set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs nodes with planted bugs: make planted"]
async fn every_planted_bug_is_found() {
    let named = std::env::var("PLANTED_BUGS").ok();
    let is_wanted = |bug: &str| named.as_ref().is_none_or(|named| named.split(',').any(|name| name == bug));
    let mut missed = Vec::new();
    for (bug, hunt) in BUGS.iter().filter(|(bug, _)| is_wanted(bug)) {
        match find(bug, *hunt).await {
            Some((tries, fault)) => println!("FOUND {bug}, try {tries}: {:.300}", fault),
            None => missed.push(*bug),
        }
    }
    assert!(missed.is_empty(), "not found in {TRIES} tries each: {missed:?}");
}

/// At which try a bug was found, and by what.
async fn find(bug: &str, hunt: Hunt) -> Option<(u64, String)> {
    for tries in 1..=TRIES {
        let hunting = async {
            match hunt {
                Hunt::Race => race(3, Some(bug)).await.err().map(|error| error.to_string()),
                Hunt::Changes => {
                    change_and_look(&three_nodes(bug).await.expect("a cluster")).await;
                    None
                }
                Hunt::Torture => torture::run(tries, SPAN, Some(bug)).await.into_iter().next(),
                // One that cannot be played has found nothing.
                Hunt::Aimed(scene) => play(scene, bug).await.unwrap_or_else(|error| {
                    println!("{bug}, try {tries}: {error}");
                    None
                }),
            }
        };
        // A test that breaks has found it too.
        match AssertUnwindSafe(hunting).catch_unwind().await {
            Ok(None) => {}
            Ok(Some(fault)) => return Some((tries, fault)),
            Err(_) => return Some((tries, "the test broke, as is said above".to_owned())),
        }
    }
    None
}

async fn play(scene: Scene, bug: &str) -> anyhow::Result<Option<String>> {
    match scene {
        Scene::LateCopy => aimed::a_late_copy(Some(bug)).await,
        Scene::PrimaryThatIsOver => aimed::a_primary_that_is_over(Some(bug)).await,
        Scene::LostAnswer => aimed::a_lost_answer(Some(bug)).await,
        Scene::LeftOver => aimed::a_left_over(Some(bug)).await,
        Scene::CutOff => Ok(cut_off::an_old_read(Some(bug)).await),
    }
}

async fn three_nodes(bug: &str) -> anyhow::Result<Cluster> {
    let mut cluster = Cluster::plant(&[], Some(bug))?;
    for _ in 0..3 {
        cluster.add()?;
    }
    cluster.spawn_all()?;
    cluster.wait_ready().await?;
    Ok(cluster)
}
