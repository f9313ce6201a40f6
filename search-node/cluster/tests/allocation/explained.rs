//! Why a copy is where it is, or nowhere.

use cluster::allocation::{
    AllocationDecision, Decision, Explanation, NotExplained, Placed, Which, explain, first_unassigned,
};
use cluster::health::CopyState;
use cluster::state::{NodeId, Replicas, UnassignedReason};

use crate::fixture::{Fixture, shard};

fn why(fixture: &Fixture, which: Which) -> Explanation {
    explain(&fixture.state, &shard("i", 0), which, &fixture.settings, &fixture.observed).expect("a copy")
}

/// What is decided about a copy that is on no node, and about each node.
fn nowhere(
    fixture: &Fixture,
    which: Which,
) -> (AllocationDecision, UnassignedReason, Vec<(u64, AllocationDecision)>) {
    let explanation = why(fixture, which);
    assert_eq!(explanation.state, CopyState::Unassigned);
    let Placed::Nowhere { can_allocate, unassigned, .. } = explanation.placed else {
        panic!("{:?}", explanation.placed)
    };
    let nodes = explanation.nodes.iter().map(|node| (node.node.0, node.decision)).collect();
    (can_allocate, unassigned.reason, nodes)
}

fn on(fixture: &Fixture, which: Which) -> (u64, Decision, Decision, AllocationDecision) {
    match why(fixture, which).placed {
        Placed::On { node, can_remain, can_rebalance_cluster, can_move, .. } => {
            (node.0, can_remain, can_rebalance_cluster, can_move)
        }
        placed => panic!("{placed:?}"),
    }
}

#[test]
fn a_replica_without_a_node_is_explained_for_every_node() {
    use AllocationDecision::{Delayed, No, Throttled, Yes};
    let mut fixture = Fixture::with_nodes(1);
    fixture.create("i", 1, Replicas::Number(1));
    assert_eq!(nowhere(&fixture, Which::Replica), (No, UnassignedReason::IndexCreated, vec![(1, No)]));
    assert_eq!(first_unassigned(&fixture.state), Some((shard("i", 0), Which::Replica)));

    fixture.join(2);
    assert_eq!(
        nowhere(&fixture, Which::Replica),
        (Yes, UnassignedReason::IndexCreated, vec![(2, Yes), (1, No)])
    );
    fixture.settings.recoveries = 0;
    assert_eq!(nowhere(&fixture, Which::Replica).0, Throttled);
    fixture.settings.recoveries = 2;
    fixture.settle();
    assert_eq!(first_unassigned(&fixture.state), None);
    let gone = 3 - fixture.primary_node("i", 0).expect("a primary");
    fixture.leave(gone);
    fixture.join(7);
    fixture.observed.note_lacking(&fixture.state);
    fixture.observed.now_millis = 10_000;

    assert_eq!(nowhere(&fixture, Which::Replica).0, Delayed);
    let Placed::Nowhere { delay_millis, unassigned, since_millis, .. } = why(&fixture, Which::Replica).placed
    else {
        panic!("it is on no node");
    };
    assert_eq!(
        (delay_millis, unassigned.reason, since_millis),
        (Some((60_000, 50_000)), UnassignedReason::NodeLeft, Some(0))
    );
}

#[test]
fn a_primary_without_a_copy_says_what_was_found() {
    let mut fixture = Fixture::with_nodes(1);
    fixture.create("i", 1, Replicas::Number(0));
    let copy = fixture.copies("i", 0).primary().expect("placed");
    fixture.leave(1);
    fixture.join(2);
    assert_eq!(first_unassigned(&fixture.state), Some((shard("i", 0), Which::Primary)));
    let explained = |fixture: &Fixture| match why(fixture, Which::Primary).placed {
        Placed::Nowhere { can_allocate, explanation, .. } => (can_allocate.as_str(), explanation),
        placed => panic!("{placed:?}"),
    };

    assert_eq!(
        explained(&fixture),
        (
            "no_valid_shard_copy",
            "cannot allocate because a previous copy of the primary shard existed but can no longer be found on the nodes in the cluster"
        )
    );
    fixture.observed.found.insert((NodeId(2), shard("i", 0)), cluster::state::CopyId(99));
    assert_eq!(
        explained(&fixture),
        (
            "no_valid_shard_copy",
            "cannot allocate because all found copies of the shard are either stale or corrupt"
        )
    );
    fixture.observed.found.insert((NodeId(2), shard("i", 0)), copy);

    assert_eq!(explained(&fixture), ("yes", "can allocate the shard"));
    assert_eq!(why(&fixture, Which::Primary).nodes[0].found, Some((copy, true)));

    // One that failed too often is left alone, and nobody is told that it could be placed.
    fixture.settle();
    let copy = fixture.copies("i", 0).primary().expect("placed again");
    for _ in 0..5 {
        let failed = fixture.failed(&shard("i", 0), copy);
        fixture.apply(failed);
        let again = fixture.plan();
        again.into_iter().for_each(|command| fixture.apply(command));
    }
    assert_eq!(fixture.copies("i", 0).unassigned().failures, 5);

    assert_eq!(explained(&fixture).0, "no");
    assert_eq!(why(&fixture, Which::Primary).nodes[0].decision, AllocationDecision::No);
}

#[test]
fn a_copy_on_a_node_is_explained_with_where_it_could_be() {
    use AllocationDecision::{No, Throttled, Yes};
    let mut fixture = Fixture::with_nodes(1);
    fixture.create("i", 4, Replicas::Number(0));
    assert_eq!(on(&fixture, Which::Primary), (1, Decision::Yes, Decision::Yes, No), "there is no other node");
    fixture.join(2);
    assert_eq!(on(&fixture, Which::On(NodeId(1))), (1, Decision::Yes, Decision::Yes, Yes));
    fixture.settings.rebalances = Some(0);
    assert_eq!(on(&fixture, Which::Primary), (1, Decision::Yes, Decision::Throttle, Throttled));
    fixture.settings.rebalances = Some(2);
    fixture.settings.filters.insert("exclude._name".to_owned(), "n1".to_owned());
    assert_eq!(on(&fixture, Which::Primary), (1, Decision::No, Decision::Yes, Yes));
    fixture.settings.filters.insert("exclude._name".to_owned(), "n*".to_owned());
    assert_eq!(on(&fixture, Which::Primary), (1, Decision::No, Decision::Yes, No));
    fixture.settings.filters.clear();
    fixture.settle();
    let number = (0..4).find(|number| fixture.primary_node("i", *number) == Some(1)).expect("two are left");

    let explanation =
        explain(&fixture.state, &shard("i", number), Which::Primary, &fixture.settings, &fixture.observed)
            .expect("a copy");

    assert_eq!((explanation.is_primary, explanation.state), (true, CopyState::Started));
    assert_eq!(explanation.nodes[0].decision, AllocationDecision::WorseBalance, "both have two");
}

#[test]
fn who_asks_about_nothing_is_told_so() {
    let mut fixture = Fixture::with_nodes(1);
    fixture.create("i", 1, Replicas::Number(0));
    let ask = |index, which| {
        explain(&fixture.state, &shard(index, 0), which, &fixture.settings, &fixture.observed)
            .expect_err("nothing")
    };

    assert_eq!(ask("j", Which::Primary), NotExplained::NoShard(shard("j", 0)));
    assert_eq!(ask("i", Which::Replica), NotExplained::NoReplica(shard("i", 0)));
    assert_eq!(ask("i", Which::On(NodeId(4))), NotExplained::NotThere(shard("i", 0), NodeId(4)));
}
