//! Why a copy may not be on a node.

use std::collections::{BTreeMap, BTreeSet};

use cluster::allocation::{Decision, DiskSpace, Watermark, flooded_indices, opinions};
use cluster::state::{Enable, IndexId, NodeId, Replicas};

use crate::fixture::{Fixture, entry, shard};

/// What is against a further copy of the first shard on a node.
fn against(fixture: &Fixture, node: u64) -> Vec<(&'static str, String)> {
    let said = opinions(&fixture.state, &shard("i", 0), NodeId(node), &fixture.settings, &fixture.observed);
    let said = said.expect("a shard and a node").into_iter();
    let against = said.filter(|opinion| opinion.decision != Decision::Yes);
    against.map(|opinion| (opinion.decider, opinion.explanation)).collect()
}

fn names(fixture: &Fixture, node: u64) -> Vec<&'static str> {
    against(fixture, node).into_iter().map(|(name, _)| name).collect()
}

fn with_an_index(nodes: u64) -> Fixture {
    let mut fixture = Fixture::with_nodes(nodes);
    fixture.create("i", 1, Replicas::Number(1));
    assert_eq!(fixture.primary_node("i", 0), Some(1));
    fixture
}

#[test]
fn a_node_is_told_why_it_gets_no_copy() {
    let mut fixture = with_an_index(3);
    fixture.index("i").filters = BTreeMap::from([("exclude._name".to_owned(), "n3, n9".to_owned())]);
    fixture.observed.disks = BTreeMap::from([(NodeId(2), DiskSpace { total: 1_000, free: 100 })]);

    assert_eq!(
        against(&fixture, 1),
        [("same_shard", "a copy of this shard is already allocated to this node".to_owned())]
    );
    assert_eq!(against(&fixture, 2), [("disk_threshold", "the node is above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%], actual free: [10.0%]".to_owned())]);
    assert_eq!(
        against(&fixture, 3),
        [(
            "filter",
            "node does not match index setting [index.routing.allocation.exclude._name: n3, n9]".to_owned()
        )]
    );
    assert_eq!(fixture.plan(), [], "nowhere to go");
}

#[test]
fn filters_ask_for_all_required_one_included_and_none_excluded() {
    let mut fixture = with_an_index(4);
    for (rules, fit) in [
        (&[("require.zone", "even")][..], vec![2, 4]),
        (&[("require.zone", "even"), ("require._name", "n*")], vec![2, 4]),
        (&[("require._name", "n2,n4")], vec![]),
        (&[("include._name", "n2"), ("include.zone", "odd")], vec![2, 3]),
        (&[("include._name", "n2,n3")], vec![2, 3]),
        (&[("exclude.zone", "odd"), ("exclude._ip", "10.0.0.4")], vec![2]),
        (&[("exclude._host", "10.0.*")], vec![]),
        (&[("include._id", "d3")], vec![3]),
        (&[("require.rack", "*")], vec![]),
    ] {
        let rules: BTreeMap<String, String> =
            rules.iter().map(|(rule, wanted)| ((*rule).to_owned(), (*wanted).to_owned())).collect();
        let found =
            |fixture: &Fixture| (2..=4).filter(|node| names(fixture, *node).is_empty()).collect::<Vec<u64>>();

        fixture.index("i").filters.clone_from(&rules);
        assert_eq!(found(&fixture), fit, "of the index: {rules:?}");
        fixture.index("i").filters.clear();
        fixture.settings.filters.clone_from(&rules);
        assert_eq!(found(&fixture), fit, "of the cluster: {rules:?}");
        fixture.settings.filters.clear();
    }
}

#[test]
fn copies_are_spread_over_the_values_of_an_attribute() {
    let mut fixture = with_an_index(3);
    fixture.settings.awareness = vec!["zone".to_owned()];
    assert_eq!((names(&fixture, 2), names(&fixture, 3)), (vec![], vec!["awareness"]));
    fixture.leave(2);
    assert_eq!(names(&fixture, 3), Vec::<&str>::new(), "all that are left are of one zone");

    let even = BTreeSet::from(["odd".to_owned(), "even".to_owned()]);
    fixture.settings.forced_values = BTreeMap::from([("zone".to_owned(), even)]);
    assert_eq!(names(&fixture, 3), ["awareness"], "the other one may come back");
    fixture.settings.awareness = vec!["rack".to_owned()];

    let (_, explanation) = against(&fixture, 3).remove(0);
    assert_eq!(
        explanation,
        "node does not contain the awareness attribute [rack]; required attributes cluster setting [cluster.routing.allocation.awareness.attributes=rack]"
    );
}

#[test]
fn a_copy_moves_when_another_zone_comes() {
    let mut fixture = Fixture::with_nodes(1);
    fixture.join(3);
    fixture.create("i", 4, Replicas::Number(1));
    fixture.settings.awareness = vec!["zone".to_owned()];
    fixture.settle();

    fixture.join(2);
    fixture.settle();

    fixture.check();
    assert!((0..4).all(|number| fixture.nodes_of("i", number).contains(&2)), "{:?}", fixture.loads());
}

#[test]
fn nodes_of_one_host_count_as_one_where_operators_say_so() {
    let mut fixture = with_an_index(2);
    let mut beside = entry(1);
    beside.data_id = "another".to_owned();
    fixture.apply(cluster::state::Command::Join { node: NodeId(8), entry: beside });
    assert_eq!(names(&fixture, 8), Vec::<&str>::new());

    fixture.settings.is_host_shared = true;

    assert_eq!((names(&fixture, 8), names(&fixture, 2)), (vec!["same_shard"], vec![]));
}

#[test]
fn operators_may_forbid_places() {
    let mut fixture = with_an_index(2);
    for (enable, is_let) in [
        (Enable::All, true),
        (Enable::Primaries, false),
        (Enable::NewPrimaries, false),
        (Enable::None, false),
    ] {
        fixture.settings.enable = enable;
        assert_eq!(names(&fixture, 2).is_empty(), is_let, "{enable:?}");
        fixture.index("i").allocation.enable = Some(Enable::All);
        assert!(names(&fixture, 2).is_empty(), "the index stands for itself");
        fixture.index("i").allocation.enable = None;
    }
    fixture.create("none", 1, Replicas::Number(0));
    assert_eq!(fixture.copies("none", 0).primary(), None);
    fixture.settings.enable = Enable::NewPrimaries;

    fixture.create("new", 1, Replicas::Number(1));
    fixture.settle();

    assert_eq!(
        [0, 1, 1],
        ["i", "none", "new"]
            .map(|name| usize::from(fixture.copies(name, 0).in_sync().len() == 1 && name != "i"))
    );
}

#[test]
fn a_node_holds_only_so_many_copies() {
    let mut fixture = Fixture::with_nodes(2);
    fixture.create("other", 3, Replicas::Number(0));
    fixture.create("i", 1, Replicas::Number(1));
    let other = 3 - fixture.primary_node("i", 0).expect("placed");
    let on_other = fixture.loads()[&other].0 as u32;
    fixture.settings.shards_per_node = Some(on_other);
    assert_eq!(names(&fixture, other), ["shards_limit"]);
    fixture.settings.shards_per_node = Some(on_other + 1);
    assert_eq!(names(&fixture, other), Vec::<&str>::new());

    fixture.index("i").allocation.shards_per_node = Some(0);

    assert_eq!(names(&fixture, other), ["shards_limit"]);
}

#[test]
fn what_is_coming_counts_on_the_disk_and_a_copy_must_fit() {
    let mut fixture = with_an_index(2);
    fixture.observed.disks = BTreeMap::from([(NodeId(2), DiskSpace { total: 1_000, free: 200 })]);
    assert_eq!(names(&fixture, 2), Vec::<&str>::new());
    fixture.observed.shard_bytes.insert(shard("i", 0), 101);
    assert_eq!(names(&fixture, 2), ["disk_threshold"], "with it there would be too little");

    fixture.settings.disk.low = Watermark::Free(50);
    fixture.settings.disk.high = Watermark::Free(50);
    assert_eq!(names(&fixture, 2), Vec::<&str>::new());

    fixture.observed.shard_bytes.clear();
    fixture.observed.disks.insert(NodeId(1), DiskSpace { total: 1_000, free: 40 });
    assert_eq!(
        flooded_indices(&fixture.state, &fixture.settings, &fixture.observed),
        BTreeSet::from([IndexId("i".to_owned())])
    );
}

/// As in Elasticsearch 7: the first copies of a new index are small, and one data node alone has no choice.
#[test]
fn new_indices_heed_the_high_mark_of_disks_and_a_lone_node_none() {
    for (nodes, free, is_placed) in
        [(2, 200, true), (2, 120, true), (2, 100, true), (2, 80, false), (1, 80, true)]
    {
        let mut fixture = Fixture::with_nodes(nodes);
        let space = DiskSpace { total: 1_000, free };
        fixture.observed.disks = (1..=nodes).map(|node| (NodeId(node), space)).collect();

        fixture.create("i", 1, Replicas::Number(0));

        assert_eq!(
            fixture.primary_node("i", 0).is_some(),
            is_placed,
            "{nodes} nodes with {free} of 1,000 free"
        );
    }
}
