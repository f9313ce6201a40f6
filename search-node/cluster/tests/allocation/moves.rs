//! Copies are moved off nodes where they may not stay, and what is found again is used.

use std::collections::BTreeMap;

use cluster::allocation::{DiskSpace, Observed, to_hand_over};
use cluster::state::{Command, CopyId, NodeId, Replicas, ShardCopies, UnassignedReason};

use crate::fixture::{Fixture, shard};

fn exclude(fixture: &mut Fixture, name: &str) {
    fixture.settings.filters.insert("exclude._name".to_owned(), name.to_owned());
}

#[test]
fn a_node_that_is_excluded_is_emptied_and_its_primaries_hand_over() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("with", 3, Replicas::Number(1));
    fixture.create("without", 3, Replicas::Number(0));
    fixture.settle();
    let terms: Vec<u64> = (0..3).map(|number| fixture.copies("without", number).term()).collect();
    let on_the_first =
        (0..3).find(|number| fixture.primary_node("without", *number) == Some(1)).expect("one");

    exclude(&mut fixture, "n1");
    fixture.settle();

    fixture.check();
    let loads = fixture.loads();
    assert_eq!(loads[&1], (0, 0), "{loads:?}");
    assert_eq!(loads.values().map(|load| load.0).sum::<usize>(), 9, "nothing is lost on the way: {loads:?}");
    let moved = fixture.copies("without", on_the_first);
    assert_eq!(moved.term(), terms[on_the_first as usize] + 1, "its only copy handed over: {moved:?}");
}

/// A node that stops may be back soon: nothing is copied for that, and writes go on elsewhere.
#[test]
fn a_node_that_stops_hands_its_primaries_over_and_keeps_its_copies() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("with", 6, Replicas::Number(1));
    fixture.create("without", 3, Replicas::Number(0));
    fixture.settle();
    let before = fixture.loads();
    let waits = to_hand_over(&fixture.state, NodeId(1), &fixture.observed).len();
    assert!(waits > 0 && waits < before[&1].1, "those without a replica cannot go: {before:?}");

    fixture.observed.stopping.insert(NodeId(1));
    fixture.settle();

    assert_eq!(to_hand_over(&fixture.state, NodeId(1), &fixture.observed), []);
    let after = fixture.loads();
    assert_eq!(
        after.values().map(|load| load.0).collect::<Vec<_>>(),
        before.values().map(|load| load.0).collect::<Vec<_>>()
    );
    assert_eq!(after[&1].1, before[&1].1 - waits);
    fixture.create("new", 4, Replicas::Number(1));
    fixture.settle();
    assert_eq!(fixture.loads()[&1], after[&1], "it gets no new ones");
    fixture.observed.stopping.clear();
    fixture.settle();
    fixture.check();
    assert!(fixture.loads()[&1].1 > after[&1].1, "it is not about to stop any more");
}

/// It gives way to whoever is there and stays, and is left alone for a while where that comes to nothing.
#[test]
fn a_primary_with_a_damaged_file_hands_over_to_a_copy_that_is_well() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 1, Replicas::Number(2));
    fixture.settle();
    let id = shard("i", 0);
    let copies = fixture.copies("i", 0).clone();
    let damaged = copies.primary().expect("a primary");
    let others: Vec<(CopyId, NodeId)> = copies
        .present()
        .iter()
        .filter(|(copy, _)| **copy != damaged)
        .map(|(copy, found)| (*copy, found.node))
        .collect();
    let chosen = |fixture: &Fixture| match fixture.plan()[..] {
        [] => None,
        [Command::BeginHandOver { to, .. }] => Some(to),
        ref planned => panic!("{planned:?}"),
    };
    fixture.observed.damaged.insert((id.clone(), others[0].0));
    assert_eq!(chosen(&fixture), None, "a replica has nothing to hand over: its node fails it");
    fixture.observed.damaged.insert((id.clone(), damaged));
    assert_eq!(chosen(&fixture), Some(others[1].0), "the other one is damaged as well");
    fixture.observed.damaged.remove(&(id.clone(), others[0].0));

    for ((copy, node), (_, other)) in [(others[0], others[1]), (others[1], others[0])] {
        fixture.observed.stopping = [other].into();
        assert_eq!(chosen(&fixture), Some(copy), "the other node stops");
        fixture.observed.stopping.clear();
        fixture.observed.silent = [other].into();
        assert_eq!(chosen(&fixture), Some(copy), "the other node does not answer");
        fixture.observed.stopping = [node].into();
        assert_eq!(chosen(&fixture), None, "nobody is there who stays");
        (fixture.observed.silent, fixture.observed.stopping) = Default::default();
    }

    fixture.observed.hand_over_aborted(id);
    assert_eq!(chosen(&fixture), None, "writes stood still for nothing");
    fixture.observed.now_millis = fixture.observed.next_wait_ends(&fixture.state).expect("a pause");
    fixture.settle();
    let primary = fixture.copies("i", 0).primary();
    assert!(others.iter().any(|(copy, _)| primary == Some(*copy)), "{primary:?}");
}

/// Nothing can be copied from a damaged primary, so that a copy which should move goes on first.
#[test]
fn a_primary_with_a_damaged_file_hands_over_also_to_a_node_that_is_excluded() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 1, Replicas::Number(1));
    fixture.settle();
    let copies = fixture.copies("i", 0).clone();
    let damaged = copies.primary().expect("a primary");
    let (other, node) = a_replica(&copies);
    exclude(&mut fixture, &format!("n{}", node.0));
    assert_eq!(fixture.plan(), []);

    fixture.observed.damaged.insert((shard("i", 0), damaged));

    assert!(matches!(fixture.plan()[..], [Command::BeginHandOver { to, .. }] if to == other));
}

/// Without another place a copy stays where it is, and yet writes are led from elsewhere.
#[test]
fn a_copy_without_another_place_stays_but_not_as_primary() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 2, Replicas::Number(1));
    fixture.settle();

    exclude(&mut fixture, "n1");
    fixture.settle();

    fixture.check();
    assert_eq!(fixture.loads(), BTreeMap::from([(1, (2, 0)), (2, (2, 2))]));
}

#[test]
fn copies_leave_a_disk_beyond_the_high_mark_one_after_the_other() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 6, Replicas::Number(0));
    fixture.settle();
    let space = |free| DiskSpace { total: 1_000, free };
    fixture.observed.disks =
        BTreeMap::from([(NodeId(1), space(90)), (NodeId(2), space(500)), (NodeId(3), space(140))]);

    let planned = fixture.plan();
    assert!(
        matches!(planned[..], [Command::AddCopy { node: NodeId(2), replaces: Some(_), .. }]),
        "the third is beyond the low mark: {planned:?}"
    );
    for number in 0..6 {
        fixture.observed.shard_bytes.insert(shard("i", number), 8);
    }
    assert_eq!(fixture.plan().len(), 2, "it is known that two are needed");
    fixture.settings.disk.is_enabled = false;

    assert_eq!(fixture.plan(), []);
}

/// A copy that is not primary, and its node.
fn a_replica(copies: &ShardCopies) -> (CopyId, NodeId) {
    let mut others = copies.present().iter().filter(|(copy, _)| copies.primary() != Some(**copy));
    others.next().map(|(copy, found)| (*copy, found.node)).expect("a replica")
}

#[test]
fn a_copy_that_may_come_back_is_waited_for() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 1, Replicas::Number(1));
    fixture.settle();
    let (old, gone) = a_replica(fixture.copies("i", 0));
    fixture.leave(gone.0);
    fixture.observed.now_millis = 1_000;
    fixture.observed.note_lacking(&fixture.state);

    let (shard, term) = (shard("i", 0), fixture.copies("i", 0).term());
    fixture.apply(Command::DropCopy { shard: shard.clone(), copy: old, term });
    fixture.observed.now_millis = 60_999;
    fixture.observed.note_lacking(&fixture.state);
    assert_eq!(fixture.plan(), []);
    assert_eq!(fixture.observed.next_wait_ends(&fixture.state), Some(61_000));

    let mut back = Fixture { state: fixture.state.clone(), ..Fixture::default() };
    back.observed = fixture.observed.clone();
    back.join(9);
    back.observed.found.insert((NodeId(9), shard.clone()), old);
    let planned = back.plan();
    assert!(
        matches!(&planned[..], [Command::AddCopy { node: NodeId(9), .. }]),
        "it begins anew where it was: {planned:?}"
    );

    fixture.observed.now_millis = 61_000;
    assert!(matches!(fixture.plan()[..], [Command::AddCopy { .. }]));
    fixture.settle();
    fixture.observed.note_lacking(&fixture.state);
    assert!(fixture.observed.lacking.is_empty());
}

/// Nothing was written since: the older copy is in sync, and it may be all that is left, for the primary may turn out to be unreadable.
/// So it is that which lets go of it, once it fills another one.
#[test]
fn a_copy_in_sync_is_let_go_of_by_a_primary_that_serves_and_by_nobody_else() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 1, Replicas::Number(1));
    fixture.settle();
    let (old, gone) = a_replica(fixture.copies("i", 0));
    fixture.leave(gone.0);
    fixture.join(9);
    fixture.observed.found.insert((NodeId(9), shard("i", 0)), old);

    let planned = fixture.plan();

    assert!(matches!(planned[..], [Command::AddCopy { node: NodeId(9), .. }]), "{planned:?}");
    planned.into_iter().for_each(|command| fixture.apply(command));
    assert!(fixture.copies("i", 0).in_sync().contains(&old));
}

/// All nodes were killed, and of one the translog is damaged: the other copy in sync is primary, whichever is found first.
#[test]
fn a_copy_in_sync_that_can_be_opened_is_primary_before_one_that_cannot() {
    for first in [true, false] {
        let mut fixture = Fixture::with_nodes(2);
        fixture.create("i", 1, Replicas::Number(1));
        fixture.settle();
        let id = shard("i", 0);
        let damaged = fixture.copies("i", 0).primary().expect("a primary");
        let (sound, _) = a_replica(fixture.copies("i", 0));
        (1..=2).for_each(|node| fixture.leave(node));
        (11..=12).for_each(|node| fixture.join(node));
        let mut found = vec![(NodeId(11), damaged), (NodeId(12), sound)];
        if first {
            // The other one comes only once this one has failed for good.
            found.truncate(1);
        }
        for _ in 0..20 {
            fixture.observed.found = found.iter().map(|(node, copy)| ((*node, id.clone()), *copy)).collect();
            fixture.plan().into_iter().for_each(|command| fixture.apply(command));
            if fixture.copies("i", 0).primary() == Some(damaged) {
                assert!(fixture.copies("i", 0).in_sync().contains(&sound), "it is let go of");
                let failed = fixture.failed(&id, damaged);
                fixture.apply(failed);
            }
        }
        if first {
            assert_eq!(fixture.copies("i", 0).primary(), None, "it is not tried for ever");
            fixture.observed.found.insert((NodeId(12), id.clone()), sound);
            fixture.plan().into_iter().for_each(|command| fixture.apply(command));
        }

        assert_eq!(fixture.copies("i", 0).primary(), Some(sound), "{first}");
    }
}

#[test]
fn another_copy_that_is_lost_is_waited_for_anew() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 1, Replicas::Number(2));
    fixture.settle();
    let primary = fixture.primary_node("i", 0).expect("a primary");
    let others: Vec<u64> = (1..=3).filter(|node| *node != primary).collect();
    let until = |fixture: &Fixture| {
        fixture.observed.delayed_until(&fixture.state, &shard("i", 0), fixture.copies("i", 0))
    };
    fixture.leave(others[0]);
    fixture.observed.note_lacking(&fixture.state);
    assert_eq!(until(&fixture), Some(60_000));
    fixture.observed.now_millis = 50_000;
    fixture.observed.note_lacking(&fixture.state);
    assert_eq!(until(&fixture), Some(60_000));

    fixture.leave(others[1]);
    fixture.observed.note_lacking(&fixture.state);

    assert_eq!(until(&fixture), Some(110_000));
}

#[test]
fn a_copy_in_sync_that_is_found_again_becomes_primary() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 1, Replicas::Number(0));
    let (node, copy) =
        (fixture.primary_node("i", 0).expect("placed"), fixture.copies("i", 0).primary().expect("placed"));
    fixture.leave(node);
    fixture.join(7);
    assert_eq!(fixture.plan(), [], "what is elsewhere is not what was acknowledged");
    fixture.observed.found.insert((NodeId(7), shard("i", 0)), copy);

    fixture.settle();

    fixture.check();
    assert_eq!((fixture.primary_node("i", 0), fixture.copies("i", 0).primary()), (Some(7), Some(copy)));
}

#[test]
fn a_shard_that_goes_on_failing_is_left_alone_until_it_is_asked_for() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 1, Replicas::Number(1));
    for failure in 1..=5 {
        let planned = fixture.plan();
        let [Command::AddCopy { copy, .. }] = planned[..] else { panic!("failure {failure}: {planned:?}") };
        fixture.apply(planned[0].clone());
        let failed = fixture.failed(&shard("i", 0), copy);
        fixture.apply(failed.clone());
        let again = failed;
        assert!(fixture.state.apply(again).is_err(), "told twice, counted once");
    }
    let unassigned = fixture.copies("i", 0).unassigned();
    assert_eq!((unassigned.failures, unassigned.reason), (5, UnassignedReason::AllocationFailed));
    assert_eq!(fixture.plan(), []);

    fixture.apply(Command::RetryFailed);
    fixture.settle();

    fixture.check();
    assert_eq!(fixture.copies("i", 0).unassigned().failures, 0);
}

#[test]
fn only_so_many_copies_are_filled_at_once() {
    let begun = |change: fn(&mut Fixture)| {
        let mut fixture = Fixture::with_nodes(1);
        fixture.create("i", 12, Replicas::Number(1));
        (2..=7).for_each(|number| fixture.join(number));
        change(&mut fixture);
        fixture.plan().len()
    };

    assert_eq!(begun(|_| ()), 2, "all come from one node");
    assert_eq!(begun(|fixture| fixture.settings.outgoing_recoveries = Some(100)), 12, "two on each");
    assert_eq!(begun(|fixture| fixture.settings.recoveries = 3), 3);
    assert_eq!(
        begun(|fixture| {
            fixture.settings.outgoing_recoveries = Some(100);
            fixture.settings.incoming_recoveries = Some(1);
        }),
        6
    );
}

#[test]
fn a_recovering_copy_that_is_not_wanted_any_more_is_dropped_first() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 1, Replicas::Number(1));
    fixture.settle();
    fixture.index("i").replicas = Replicas::Number(2);
    let planned = fixture.plan();
    let [Command::AddCopy { copy: begun, .. }] = planned[..] else { panic!("{planned:?}") };
    fixture.apply(planned[0].clone());
    fixture.index("i").replicas = Replicas::Number(1);

    let planned = fixture.plan();

    assert!(matches!(planned[..], [Command::DropCopy { copy, .. }] if copy == begun), "{planned:?}");
    assert_eq!(Observed::default().next_wait_ends(&fixture.state), None);
}
