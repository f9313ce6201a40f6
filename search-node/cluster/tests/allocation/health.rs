//! Counts and rows of copies.

use cluster::health::{CopyState, Counts, Status, health, rows};
use cluster::state::{Command, CopyId, NodeId, Replicas};

use crate::fixture::{Fixture, shard};

fn counts(fixture: &Fixture) -> (Status, Counts) {
    let health = health(&fixture.state, &fixture.observed);
    let index = &health.indices.values().next().expect("an index");
    assert_eq!(
        (index.status, index.counts, index.shards.len()),
        (health.status, health.counts, 1),
        "it is the only one"
    );
    (health.status, health.counts)
}

/// State, node, where to, whether it is primary, and why it is on no node.
type Shown = (&'static str, Option<u64>, Option<u64>, bool, Option<&'static str>);

fn shown(fixture: &Fixture) -> Vec<Shown> {
    rows(&fixture.state, &fixture.observed)
        .into_iter()
        .map(|row| {
            let why = row.unassigned.map(|unassigned| unassigned.reason.as_str());
            (
                row.state.as_str(),
                row.node.map(|node| node.0),
                row.moves_to.map(|node| node.0),
                row.is_primary,
                why,
            )
        })
        .collect()
}

#[test]
fn a_shard_is_counted_through_its_life() {
    let mut fixture = Fixture::with_nodes(1);
    let none = Counts::default();
    fixture.create("i", 1, Replicas::Number(1));
    assert_eq!(
        counts(&fixture),
        (Status::Yellow, Counts { active_primaries: 1, active: 1, unassigned: 1, ..none })
    );
    assert_eq!(
        shown(&fixture),
        [("STARTED", Some(1), None, true, None), ("UNASSIGNED", None, None, false, Some("INDEX_CREATED"))]
    );

    fixture.join(2);
    fixture.plan().into_iter().for_each(|command| fixture.apply(command));
    assert_eq!(
        counts(&fixture),
        (Status::Yellow, Counts { active_primaries: 1, active: 1, initializing: 1, ..none })
    );
    assert_eq!(shown(&fixture)[1], ("INITIALIZING", Some(2), None, false, Some("INDEX_CREATED")));
    fixture.settle();
    assert_eq!(counts(&fixture), (Status::Green, Counts { active_primaries: 1, active: 2, ..none }));

    fixture.join(3);
    let replica =
        fixture.copies("i", 0).present().iter().find(|(_, copy)| copy.node == NodeId(2)).map(|(id, _)| *id);
    let copy = CopyId(fixture.state.last_copy + 1);
    fixture.apply(Command::AddCopy { shard: shard("i", 0), copy, node: NodeId(3), replaces: replica });
    assert_eq!(
        counts(&fixture),
        (Status::Green, Counts { active_primaries: 1, active: 2, relocating: 1, ..none })
    );
    assert_eq!(shown(&fixture)[1], ("RELOCATING", Some(2), Some(3), false, None));
    fixture.settle();
    assert_eq!(shown(&fixture)[1], ("STARTED", Some(3), None, false, None));

    fixture.leave(3);
    fixture.leave(2);
    fixture.observed.note_lacking(&fixture.state);
    let lacking = Counts { active_primaries: 1, active: 1, unassigned: 1, delayed_unassigned: 1, ..none };
    assert_eq!(counts(&fixture), (Status::Yellow, lacking));
    assert_eq!(shown(&fixture)[1], ("UNASSIGNED", None, None, false, Some("NODE_LEFT")));
    fixture.observed.now_millis = 60_000;
    assert_eq!(counts(&fixture).1.delayed_unassigned, 0, "no longer waited for");

    fixture.leave(1);
    let (status, counts) = counts(&fixture);
    assert_eq!((status, counts), (Status::Red, Counts { unassigned: 2, ..none }));
    assert_eq!(counts.active_percent(), 0.0);
    let rows = rows(&fixture.state, &fixture.observed);
    assert_eq!(
        rows.iter().map(|row| (row.state, row.is_primary)).collect::<Vec<_>>(),
        [(CopyState::Unassigned, true), (CopyState::Unassigned, false)]
    );
}

/// Nothing is lost while a new index is made.
#[test]
fn a_first_copy_that_is_being_made_is_no_loss() {
    let mut fixture = Fixture::with_nodes(0);
    fixture.create("i", 1, Replicas::Number(1));
    assert_eq!(counts(&fixture).0, Status::Red, "there is no place for it");
    (1..=2).for_each(|number| fixture.join(number));
    fixture.plan().into_iter().for_each(|command| fixture.apply(command));

    let begun = Counts { initializing: 1, unassigned: 1, ..Counts::default() };
    assert_eq!(counts(&fixture), (Status::Yellow, begun));
    assert_eq!(fixture.plan(), [], "there is nothing to fill another one from");
    let copy = fixture.copies("i", 0).primary().expect("begun");
    let failed = fixture.failed(&shard("i", 0), copy);
    fixture.apply(failed);
    assert_eq!(counts(&fixture).0, Status::Red);
    fixture.settle();

    assert_eq!(counts(&fixture).0, Status::Green);
}

#[test]
fn an_empty_cluster_is_well() {
    let health = health(&Fixture::with_nodes(2).state, &Fixture::default().observed);

    assert_eq!((health.status.as_str(), health.nodes, health.data_nodes), ("green", 2, 2));
    assert_eq!(health.counts.active_percent(), 100.0);
}

#[test]
fn replicas_that_are_asked_for_later_say_so() {
    let mut fixture = Fixture::with_nodes(1);
    fixture.create("i", 1, Replicas::Number(0));
    assert_eq!(shown(&fixture).len(), 1);
    let id = shard("i", 0).index;
    let replicas = Some(Replicas::Number(2));
    fixture.apply(Command::ChangeIndex {
        id,
        seen: 1,
        parts: Default::default(),
        replicas,
        filters: None,
        allocation: None,
    });

    assert_eq!(shown(&fixture)[1..], [("UNASSIGNED", None, None, false, Some("REPLICA_ADDED")); 2]);
}
