//! Allocation until it has nothing more to say, while nodes come and go.

use std::collections::{BTreeMap, BTreeSet};

use cluster::allocation::{AllocationSettings, Decision, Observed, opinions, plan};
use cluster::state::{
    ClusterState, Command, CopyId, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas, Role,
    ShardCopies, ShardId, Stage,
};
use testkit::Chance;

fn entry(name: &str) -> NodeEntry {
    NodeEntry {
        name: name.to_owned(),
        data_id: name.to_owned(),
        transport_address: String::new(),
        http_address: String::new(),
        roles: BTreeSet::from([Role::Master, Role::Data]),
        attributes: BTreeMap::from([("rack".to_owned(), format!("{}", name.len() % 2))]),
    }
}

fn join(state: &mut ClusterState, number: u64) {
    state.apply(Command::Join { node: NodeId(number), entry: entry(&format!("n{number}")) }).expect("joins");
}

fn create(state: &mut ClusterState, name: &str, shards: usize, replicas: Replicas) -> IndexId {
    let id = IndexId(format!("id-of-{name}"));
    let nodes: Vec<NodeId> = state.data_nodes().map(|(node, _)| node).collect();
    let last = state.last_copy;
    let first =
        |shard: usize| ShardCopies::created(CopyId(last + 1 + shard as u64), nodes[shard % nodes.len()]);
    let entry = IndexEntry {
        name: name.to_owned(),
        version: 1,
        parts: BTreeMap::new(),
        replicas,
        filters: BTreeMap::new(),
        allocation: IndexAllocation::default(),
        shards: (0..shards).map(first).collect(),
    };
    state.apply(Command::CreateIndex { id: id.clone(), entry }).expect("created");
    id
}

/// Does what is planned and fills what is begun, until nothing is left to do. Gives how many rounds it took.
fn settle(state: &mut ClusterState, observed: &Observed) -> usize {
    for round in 0..500 {
        let commands = plan(state, &AllocationSettings::default(), observed);
        for command in commands.clone() {
            state.apply(command).expect("what is planned can be done");
        }
        let recovering: Vec<(ShardId, CopyId, u64)> = state
            .shards()
            .filter(|(_, copies)| copies.primary().is_some())
            .flat_map(|(shard, copies)| {
                let begun = copies.present().iter().filter(|(_, copy)| copy.stage == Stage::Recovering);
                begun.map(|(copy, _)| (shard.clone(), *copy, copies.term())).collect::<Vec<_>>()
            })
            .collect();
        if commands.is_empty() && recovering.is_empty() {
            return round;
        }
        for (shard, copy, term) in recovering {
            state.apply(Command::MarkInSync { shard, copy, term }).expect("filled");
        }
    }
    panic!("it never ends");
}

fn check(state: &ClusterState) {
    let nodes = state.data_nodes().count();
    for (shard, copies) in state.shards() {
        let on: BTreeSet<NodeId> = copies.present().values().map(|copy| copy.node).collect();
        assert_eq!(on.len(), copies.present().len(), "{shard}: two copies on a node");
        assert!(on.iter().all(|node| state.nodes.contains_key(node)), "{shard}");
        let wanted = state.indices[&shard.index].replicas.wanted(nodes) as usize + 1;
        match copies.primary() {
            Some(primary) => {
                assert!(copies.in_sync().contains(&primary), "{shard}");
                assert_eq!(copies.present().len(), wanted.min(nodes), "{shard}: {copies:?}");
            }
            None => assert!(copies.candidates().is_empty(), "{shard} could have a primary"),
        }
    }
}

fn loads(state: &ClusterState) -> Vec<usize> {
    let count = |node| {
        state
            .shards()
            .flat_map(|(_, copies)| copies.present().values())
            .filter(|copy| copy.node == node)
            .count()
    };
    state.data_nodes().map(|(node, _)| count(node)).collect()
}

#[test]
fn every_shard_gets_its_copies_whatever_comes_and_goes() {
    for seed in 0..100 {
        let mut chance = Chance::new(seed);
        let mut state = ClusterState::default();
        let mut next_node = 4;
        (1..4).for_each(|number| join(&mut state, number));
        for turn in 0..30 {
            match chance.below(4) {
                0 if state.indices.len() < 8 => {
                    let replicas =
                        [Replicas::Number(0), Replicas::Number(1), Replicas::Expand { least: 0, most: 3 }];
                    create(&mut state, &format!("i{turn}"), 1 + chance.below(5), *chance.pick(&replicas));
                }
                1 if state.nodes.len() < 6 => {
                    join(&mut state, next_node);
                    next_node += 1;
                }
                2 if state.nodes.len() > 1 => {
                    let nodes: Vec<NodeId> = state.nodes.keys().copied().collect();
                    state.apply(Command::Leave { node: *chance.pick(&nodes) }).expect("leaves");
                }
                _ => {}
            }
            settle(&mut state, &Observed::default());
            check(&state);
        }
    }
}

#[test]
fn copies_are_spread_evenly_and_move_to_a_node_that_joins() {
    let mut state = ClusterState::default();
    (1..4).for_each(|number| join(&mut state, number));
    for index in 0..10 {
        create(&mut state, &format!("i{index}"), 2, Replicas::Number(1));
    }
    settle(&mut state, &Observed::default());
    let before = loads(&state);
    assert!(before.iter().max().expect("nodes") - before.iter().min().expect("nodes") <= 1, "{before:?}");

    join(&mut state, 4);
    settle(&mut state, &Observed::default());

    check(&state);
    let after = loads(&state);
    assert!(after.iter().max().expect("nodes") - after.iter().min().expect("nodes") <= 1, "{after:?}");
}

#[test]
fn a_copy_that_may_come_back_is_waited_for() {
    let mut state = ClusterState::default();
    (1..4).for_each(|number| join(&mut state, number));
    create(&mut state, "i", 1, Replicas::Number(1));
    settle(&mut state, &Observed::default());
    let (shard, copies) = state.shards().next().expect("a shard");
    let replica = copies.present().iter().find(|(copy, _)| copies.primary() != Some(**copy));
    let gone = replica.expect("a replica").1.node;
    let lacking_since = BTreeMap::from([(shard, 1_000)]);
    state.apply(Command::Leave { node: gone }).expect("leaves");

    let soon = Observed { now_millis: 60_999, lacking_since: lacking_since.clone(), ..Observed::default() };
    assert_eq!(plan(&state, &AllocationSettings::default(), &soon), []);
    let later = Observed { now_millis: 61_000, lacking_since, ..Observed::default() };

    assert!(matches!(plan(&state, &AllocationSettings::default(), &later)[..], [Command::AddCopy { .. }]));
}

#[test]
fn a_node_is_told_why_it_gets_no_copy() {
    let mut state = ClusterState::default();
    (1..4).for_each(|number| join(&mut state, number));
    let id = create(&mut state, "i", 1, Replicas::Number(1));
    let index = state.indices.get_mut(&id).expect("the index");
    index.filters = BTreeMap::from([("exclude._name".to_owned(), "n3, n9".to_owned())]);
    let shard = ShardId { index: id, number: 0 };
    let observed = Observed { disk_used: BTreeMap::from([(NodeId(2), 0.9)]), ..Observed::default() };

    let no = |node: u64| {
        let said = opinions(&state, &shard, NodeId(node), &AllocationSettings::default(), &observed)
            .expect("a shard");
        let no = said.into_iter().filter(|opinion| opinion.decision == Decision::No);
        no.map(|opinion| (opinion.decider, opinion.explanation)).collect::<Vec<_>>()
    };

    assert_eq!(no(1), [("same_shard", "a copy of this shard is on this node already".to_owned())]);
    assert_eq!(no(2), [("disk_threshold", "the node's disk is used to 90.0%, above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%]".to_owned())]);
    assert_eq!(
        no(3),
        [(
            "filter",
            "node does not match index setting [index.routing.allocation.exclude._name: n3, n9]".to_owned()
        )]
    );
    assert_eq!(plan(&state, &AllocationSettings::default(), &observed), [], "nowhere to go");
}
