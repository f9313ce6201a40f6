//! Copies and primaries are spread evenly.

use cluster::allocation::{AllowRebalance, RerouteCommand, check_room, reroute};
use cluster::state::{Command, CopyId, IndexAllocation, NodeId, RebalanceEnable, Replicas, ShardId, Stage};
use testkit::Chance;

use crate::fixture::{Fixture, shard};

fn spread(counts: impl Iterator<Item = usize> + Clone) -> usize {
    counts.clone().max().unwrap_or_default() - counts.min().unwrap_or_default()
}

/// `ALLOCATION_SEEDS` (default 150) is how many are tried.
#[test]
fn every_shard_gets_its_copies_whatever_comes_and_goes() {
    let seeds = std::env::var("ALLOCATION_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    for seed in 0..seeds {
        // What is printed last is the seed that failed.
        println!("seed {seed}");
        let mut chance = Chance::new(seed);
        let mut fixture = Fixture::with_nodes(3);
        let mut next_node = 4;
        for turn in 0..30 {
            match chance.below(10) {
                0 if fixture.state.indices.len() < 8 => {
                    let replicas =
                        [Replicas::Number(0), Replicas::Number(1), Replicas::Expand { least: 0, most: 3 }];
                    let replicas = *chance.pick(&replicas);
                    fixture.create(&format!("i{turn}"), 1 + chance.below(5) as u32, replicas);
                }
                1 if fixture.state.nodes.len() < 6 => {
                    fixture.join(next_node);
                    next_node += 1;
                }
                2 if fixture.state.nodes.len() > 1 => {
                    let nodes: Vec<NodeId> = fixture.state.nodes.keys().copied().collect();
                    fixture.leave(chance.pick(&nodes).0);
                }
                3 => fail_one(&mut fixture, &mut chance),
                4 => move_one(&mut fixture, &mut chance),
                5 => {
                    let rule = "exclude._name".to_owned();
                    if fixture.settings.filters.remove(&rule).is_none() {
                        fixture.settings.filters.insert(rule, format!("n{}", 1 + chance.below(6)));
                    }
                }
                6 => {
                    let node = NodeId(1 + chance.below(6) as u64);
                    if !fixture.observed.stopping.remove(&node) {
                        fixture.observed.stopping.insert(node);
                    }
                }
                7 => give_up_one(&mut fixture, &mut chance),
                _ => {
                    let rounds = chance.below(4);
                    for _ in 0..rounds {
                        fixture.round();
                    }
                    continue;
                }
            }
            if chance.one_in(2) {
                fixture.settle();
                fixture.check();
            }
        }
        fixture.settings.filters.clear();
        fixture.observed.stopping.clear();
        fixture.settle();
        fixture.check();
    }
}

/// Moves a copy anywhere, if that may be.
fn move_one(fixture: &mut Fixture, chance: &mut Chance) {
    let nodes: Vec<NodeId> = fixture.state.nodes.keys().copied().collect();
    let shards: Vec<ShardId> = fixture.state.shards().map(|(shard, _)| shard).collect();
    if nodes.is_empty() || shards.is_empty() {
        return;
    }
    let shard = chance.pick(&shards).clone();
    let command = RerouteCommand::Move { shard, from: *chance.pick(&nodes), to: *chance.pick(&nodes) };
    if let Ok(rerouted) = reroute(&fixture.state, &[command], &fixture.settings, &fixture.observed) {
        rerouted.commands.into_iter().for_each(|command| fixture.apply(command));
    }
}

fn fail_one(fixture: &mut Fixture, chance: &mut Chance) {
    let all: Vec<_> = fixture
        .state
        .shards()
        .flat_map(|(shard, copies)| {
            let present = copies.present().iter();
            present.map(|(id, copy)| (shard.clone(), *id, copy.node)).collect::<Vec<_>>()
        })
        .collect();
    if all.is_empty() {
        return;
    }
    let (shard, copy, node) = chance.pick(&all).clone();
    let failed = fixture.failed(&shard, copy);
    fixture.apply(failed);
    fixture.apply(Command::RetryFailed);
    // Its node finds it again some day.
    fixture.observed.found.insert((node, shard), copy);
}

fn give_up_one(fixture: &mut Fixture, chance: &mut Chance) {
    let under_way: Vec<_> = fixture
        .state
        .shards()
        .filter_map(|(shard, copies)| Some((shard, copies.term(), copies.hand_over_under_way()?.attempt)))
        .collect();
    if let Some((shard, term, attempt)) = (!under_way.is_empty()).then(|| chance.pick(&under_way).clone()) {
        fixture.apply(Command::AbortHandOver { shard, term, attempt });
    }
}

#[test]
fn copies_and_primaries_are_spread_evenly_and_move_to_a_node_that_joins() {
    let mut fixture = Fixture::with_nodes(3);
    for index in 0..10 {
        fixture.create(&format!("i{index}"), 2, Replicas::Number(1));
    }
    fixture.settle();
    let loads = fixture.loads();
    assert!(spread(loads.values().map(|load| load.0)) <= 1, "{loads:?}");
    assert!(spread(loads.values().map(|load| load.1)) <= 2, "{loads:?}");

    fixture.join(4);
    fixture.settle();

    fixture.check();
    let loads = fixture.loads();
    assert!(spread(loads.values().map(|load| load.0)) <= 1, "{loads:?}");
    assert!(spread(loads.values().map(|load| load.1)) <= 2, "primaries hand over: {loads:?}");
}

#[test]
fn the_shards_of_one_index_are_spread_and_so_are_its_primaries() {
    let mut fixture = Fixture::with_nodes(1);
    fixture.create("i", 6, Replicas::Number(1));
    fixture.settle();
    assert_eq!(fixture.loads()[&1], (6, 6));

    fixture.join(2);
    fixture.join(3);
    fixture.settle();

    fixture.check();
    let loads = fixture.loads();
    assert!(loads.values().all(|load| *load == (4, 2)), "{loads:?}");
}

#[test]
fn a_new_index_is_placed_where_the_fewest_copies_are() {
    let mut fixture = Fixture::with_nodes(4);
    fixture.create("first", 2, Replicas::Number(0));
    fixture.create("second", 6, Replicas::Number(0));

    let loads = fixture.loads();
    assert!(loads.values().all(|load| *load == (2, 2)), "{loads:?}");
    assert_eq!(fixture.plan(), []);
}

/// A plan is made with each change of a large cluster; counting anew for each question would make it quadratic.
#[test]
fn a_large_cluster_is_planned_in_one_go() {
    let mut fixture = Fixture::with_nodes(10);
    fixture.settings.outgoing_recoveries = Some(1_000);
    fixture.settings.incoming_recoveries = Some(1_000);
    for index in 0..150 {
        fixture.create(&format!("i{index}"), 2, Replicas::Number(1));
    }
    assert_eq!(fixture.plan().len(), 300);
    fixture.settle();
    assert!(spread(fixture.loads().values().map(|load| load.0)) <= 1);
    assert_eq!(fixture.plan(), []);
}

#[test]
fn a_shard_without_a_place_gets_one_when_there_is() {
    let mut fixture = Fixture::with_nodes(0);
    fixture.create("i", 2, Replicas::Number(0));
    fixture.settle();
    assert_eq!(fixture.copies("i", 0).primary(), None);

    fixture.join(1);
    fixture.settle();

    fixture.check();
    assert_eq!(fixture.loads()[&1], (2, 2));
    let again = Command::PlaceFirst { shard: shard("i", 0), copy: CopyId(9), node: NodeId(1) };
    assert!(fixture.state.apply(again).is_err(), "that would give up what it has");
}

#[test]
fn nothing_is_moved_for_balance_where_operators_say_so() {
    let moves = |change: fn(&mut Fixture)| {
        let mut fixture = Fixture::with_nodes(1);
        fixture.create("i", 4, Replicas::Number(0));
        fixture.create("lacking", 1, Replicas::Number(5));
        fixture.settle();
        fixture.join(2);
        // The copy that is lacking comes to the new node.
        fixture.settings.allow_rebalance = AllowRebalance::IndicesAllActive;
        fixture.settle();
        fixture.settings.allow_rebalance = AllowRebalance::Always;
        change(&mut fixture);
        fixture.plan().len()
    };

    assert_eq!(moves(|_| ()), 2);
    assert_eq!(moves(|fixture| fixture.settings.rebalance = RebalanceEnable::None), 0);
    assert_eq!(moves(|fixture| fixture.settings.rebalance = RebalanceEnable::Replicas), 0);
    assert_eq!(moves(|fixture| fixture.settings.rebalances = Some(0)), 0);
    assert_eq!(moves(|fixture| fixture.settings.allow_rebalance = AllowRebalance::IndicesAllActive), 0);
    assert_eq!(moves(|fixture| fixture.settings.allow_rebalance = AllowRebalance::IndicesPrimariesActive), 2);
    assert_eq!(moves(|fixture| fixture.settings.balance.threshold = 9.0), 0);
    assert_eq!(
        moves(|fixture| {
            let rebalance = Some(RebalanceEnable::None);
            fixture.index("i").allocation = IndexAllocation { rebalance, ..IndexAllocation::default() };
        }),
        1,
        "a primary of the other index hands over"
    );
}

#[test]
fn a_primary_that_gave_up_to_hand_over_is_left_alone_for_a_while() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("i", 4, Replicas::Number(1));
    while fixture
        .state
        .shards()
        .any(|(_, copies)| copies.present().values().any(|copy| copy.stage == Stage::Recovering))
        || fixture.copies("i", 0).present().len() < 2
    {
        fixture.round();
    }
    fixture.settle();
    fixture.settings.filters.insert("exclude._name".to_owned(), "n1".to_owned());
    let number = (0..4).find(|number| fixture.primary_node("i", *number) == Some(1)).expect("one");
    let begun = fixture.plan();
    assert!(
        begun.iter().any(
            |command| matches!(command, Command::BeginHandOver { shard: to, .. } if *to == shard("i", number))
        ),
        "{begun:?}"
    );

    fixture.observed.hand_over_aborted(shard("i", number));
    let later = fixture.plan();
    assert_eq!(later.len(), begun.len() - 1);
    assert_eq!(fixture.observed.next_wait_ends(&fixture.state), Some(30_000));
    fixture.observed.now_millis = 30_000;

    assert_eq!(fixture.plan(), begun);
}

#[test]
fn there_are_only_so_many_copies_for_each_node() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.settings.max_shards_per_node = 5;
    fixture.create("i", 3, Replicas::Number(1));

    assert_eq!(check_room(&fixture.state, &fixture.settings, 4), Ok(()));
    let refused = check_room(&fixture.state, &fixture.settings, 5).expect_err("too many");
    assert_eq!(
        refused.to_string(),
        "this action would add [5] total shards, but this cluster currently has [6]/[10] maximum shards open; delete indices, add nodes, or raise [cluster.max_shards_per_node]"
    );
}

/// What is placed well need not move: a new index is written to at once.
#[test]
fn a_new_index_is_placed_where_it_can_stay() {
    for (nodes, shards, replicas) in
        [(3, 3, 1), (3, 1, 1), (2, 2, 1), (2, 1, 1), (5, 5, 1), (3, 3, 2), (3, 6, 1), (4, 4, 1)]
    {
        let mut fixture = Fixture::with_nodes(nodes);
        for number in 0..12 {
            fixture.create(&format!("i{number}"), shards, Replicas::Number(replicas));
            while let planned = fixture.plan()
                && !planned.is_empty()
            {
                let moves = planned.iter().filter(|command| match command {
                    Command::AddCopy { replaces, .. } => replaces.is_some(),
                    command => matches!(command, Command::BeginHandOver { .. }),
                });
                assert_eq!(
                    moves.count(),
                    0,
                    "{nodes} nodes, index {number} of {shards} shards and {replicas} replicas: {planned:?}"
                );
                fixture.round();
            }
        }
    }
}
