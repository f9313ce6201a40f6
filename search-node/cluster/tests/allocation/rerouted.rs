//! What operators ask for by hand.

use cluster::allocation::{Decision, RerouteCommand, RerouteRefusal, Rerouted, reroute};
use cluster::state::{Command, CopyId, Enable, NodeId, Replicas, UnassignedReason};

use crate::fixture::{Fixture, shard};

fn ask(fixture: &Fixture, command: RerouteCommand) -> Result<Rerouted, RerouteRefusal> {
    reroute(&fixture.state, &[command], &fixture.settings, &fixture.observed)
}

fn do_it(fixture: &mut Fixture, command: RerouteCommand) {
    let rerouted = ask(fixture, command).expect("it can be done");
    rerouted.commands.into_iter().for_each(|command| fixture.apply(command));
    assert_eq!(fixture.state, rerouted.ahead);
}

fn refused(fixture: &Fixture, command: RerouteCommand) -> String {
    ask(fixture, command).expect_err("it cannot be done").to_string()
}

#[test]
fn a_copy_is_moved_where_it_is_asked_to_be_and_its_primary_hands_over() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 1, Replicas::Number(0));
    fixture.settings.enable = Enable::None;
    let to = |to| RerouteCommand::Move { shard: shard("i", 0), from: NodeId(1), to: NodeId(to) };
    assert_eq!(
        refused(&fixture, to(1)),
        "[move_allocation] shard [i][0] cannot be allocated to node 0000000000000001: a copy of this shard is already allocated to this node"
    );
    assert!(refused(&fixture, to(9)).contains("there is no node"));
    assert!(ask(&fixture, to(1)).expect_err("no").opinions.len() > 5, "all deciders were asked");

    do_it(&mut fixture, to(3));
    assert!(refused(&fixture, to(2)).contains("moves already; cancel that first"));
    fixture.settle();

    fixture.check();
    assert_eq!((fixture.primary_node("i", 0), fixture.copies("i", 0).term()), (Some(3), 2));
}

#[test]
fn a_copy_is_cancelled_a_primary_only_where_that_is_meant() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 1, Replicas::Number(1));
    fixture.settle();
    let primary = fixture.primary_node("i", 0).expect("a primary");
    let cancel = |node, allow_primary| RerouteCommand::Cancel {
        shard: shard("i", 0),
        node: NodeId(node),
        allow_primary,
    };
    assert!(refused(&fixture, cancel(primary, false)).contains("set `allow_primary`"));
    assert!(refused(&fixture, cancel(9, true)).contains("no copy of shard [i][0] is on node"));

    let mut without_replica = Fixture { state: fixture.state.clone(), ..Fixture::default() };
    do_it(&mut without_replica, cancel(3 - primary, false));
    let copies = without_replica.copies("i", 0);
    assert_eq!((copies.in_sync().len(), copies.unassigned().reason), (1, UnassignedReason::RerouteCancelled));
    assert!(refused(&without_replica, cancel(primary, true)).contains("without a primary"));
    do_it(&mut fixture, cancel(primary, true));
    assert_eq!(fixture.copies("i", 0).hand_over_under_way().map(|under_way| under_way.attempt), Some(1));
    fixture.settle();

    fixture.check();
    assert_eq!((fixture.primary_node("i", 0), fixture.copies("i", 0).term()), (Some(3 - primary), 2));
}

#[test]
fn a_replica_is_allocated_where_one_is_lacking() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.settings.enable = Enable::NewPrimaries;
    fixture.create("i", 1, Replicas::Number(1));
    fixture.settle();
    let other = 3 - fixture.primary_node("i", 0).expect("a primary");
    let on = |node| RerouteCommand::AllocateReplica { shard: shard("i", 0), node: NodeId(node) };
    assert!(refused(&fixture, on(3 - other)).contains("already allocated to this node"));

    let explained = ask(&fixture, on(other)).expect("it can be done").explanations.concat();
    let said = explained.iter().find(|opinion| opinion.decider == "enable").expect("an opinion");
    assert_eq!(said.decision, Decision::Yes, "{said:?}");
    assert!(said.explanation.starts_with("explicitly ignoring"), "{said:?}");
    do_it(&mut fixture, on(other));

    assert!(refused(&fixture, on(other)).contains("use the move allocation command instead"));
    fixture.settle();
    fixture.check();
}

#[test]
fn data_is_given_up_only_by_who_says_so() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 1, Replicas::Number(0));
    let lost = fixture.copies("i", 0).primary().expect("placed");
    let empty = |accept_data_loss| RerouteCommand::AllocateEmptyPrimary {
        shard: shard("i", 0),
        node: NodeId(2),
        accept_data_loss,
    };
    let stale = |accept_data_loss| RerouteCommand::AllocateStalePrimary {
        shard: shard("i", 0),
        node: NodeId(2),
        accept_data_loss,
    };
    assert!(refused(&fixture, empty(true)).contains("is already assigned"));
    fixture.leave(1);
    assert!(
        refused(&fixture, empty(false)).contains("confirm by setting the accept_data_loss parameter to true")
    );
    assert!(refused(&fixture, stale(true)).contains("no data of shard [i][0] was found on node"));
    let before = CopyId(77);
    fixture.observed.found.insert((NodeId(2), shard("i", 0)), before);
    assert!(refused(&fixture, stale(false)).contains("confirm by setting"));

    let mut anew = Fixture { state: fixture.state.clone(), ..Fixture::default() };
    do_it(&mut anew, empty(true));
    do_it(&mut fixture, stale(true));

    for (fixture, made_of) in [(&anew, None), (&fixture, Some(before))] {
        let copies = fixture.copies("i", 0);
        let primary = copies.primary().expect("forced");
        assert_eq!((copies.term(), copies.in_sync().len()), (2, usize::from(made_of.is_some())));
        assert_eq!(copies.present()[&primary].made_of, made_of);
        assert!(!copies.is_of_this_history(lost) && copies.is_of_this_history(primary));
        let mut back = fixture.state.clone();
        back.apply(Command::Join { node: NodeId(3), entry: crate::fixture::entry(3) }).expect("joins");
        let returned = Command::Return { shard: shard("i", 0), copy: lost, node: NodeId(3) };
        assert!(back.apply(returned).is_err(), "what was given up does not come back");
    }
    let again =
        Command::ForceEmptyPrimary { shard: shard("i", 0), copy: CopyId(500), node: NodeId(2), seen_term: 1 };
    assert!(fixture.state.apply(again).is_err(), "there is a primary now");
}

#[test]
fn nothing_is_done_if_one_of_several_cannot_be() {
    let mut fixture = Fixture::with_nodes(3);
    fixture.create("i", 2, Replicas::Number(0));
    let moves = |number, to| RerouteCommand::Move {
        shard: shard("i", number),
        from: NodeId(1 + u64::from(number)),
        to: NodeId(to),
    };

    let refused = reroute(&fixture.state, &[moves(0, 3), moves(1, 2)], &fixture.settings, &fixture.observed);
    assert_eq!(refused.expect_err("the second").command, moves(1, 2));
    let both = reroute(&fixture.state, &[moves(0, 3), moves(1, 1)], &fixture.settings, &fixture.observed)
        .expect("both");

    assert_eq!((both.commands.len(), both.explanations.len()), (2, 2));
    assert_eq!(fixture.plan(), [], "it was only asked");
}
