//! Settings by Elasticsearch's names.

use std::collections::{BTreeMap, BTreeSet};

use cluster::allocation::{AllocationSettings, AllowRebalance, Watermark};
use cluster::state::{Enable, IndexAllocation, RebalanceEnable};

#[test]
fn every_setting_is_read_by_its_name() {
    let read = AllocationSettings::read([
        ("cluster.routing.allocation.enable", "new_primaries"),
        ("cluster.routing.rebalance.enable", "replicas"),
        ("cluster.routing.allocation.allow_rebalance", "always"),
        ("cluster.routing.allocation.cluster_concurrent_rebalance", "-1"),
        ("cluster.routing.allocation.node_concurrent_recoveries", "4"),
        ("cluster.routing.allocation.node_concurrent_incoming_recoveries", "3"),
        ("cluster.routing.allocation.node_concurrent_outgoing_recoveries", "5"),
        ("cluster.routing.allocation.node_initial_primaries_recoveries", "8"),
        ("cluster.routing.allocation.same_shard.host", "true"),
        ("cluster.routing.allocation.awareness.attributes", "zone, rack"),
        ("cluster.routing.allocation.awareness.force.zone.values", "a,b"),
        ("cluster.routing.allocation.total_shards_per_node", "7"),
        ("cluster.max_shards_per_node", "50"),
        ("cluster.routing.allocation.disk.threshold_enabled", "true"),
        ("cluster.routing.allocation.disk.watermark.low", "30gb"),
        ("cluster.routing.allocation.disk.watermark.high", "20gb"),
        ("cluster.routing.allocation.disk.watermark.flood_stage", "10gb"),
        ("cluster.routing.allocation.require.rack", "a"),
        ("cluster.routing.allocation.exclude._name", "n1,n2"),
        ("cluster.routing.allocation.include._ip", ""),
        ("cluster.routing.allocation.balance.index", "0.5"),
        ("cluster.routing.allocation.balance.shard", "0.25"),
        ("cluster.routing.allocation.balance.threshold", "2"),
    ])
    .expect("good");

    let mut expected = AllocationSettings {
        enable: Enable::NewPrimaries,
        rebalance: RebalanceEnable::Replicas,
        allow_rebalance: AllowRebalance::Always,
        rebalances: None,
        recoveries: 4,
        incoming_recoveries: Some(3),
        outgoing_recoveries: Some(5),
        initial_primaries: 8,
        is_host_shared: true,
        awareness: vec!["zone".to_owned(), "rack".to_owned()],
        forced_values: BTreeMap::from([(
            "zone".to_owned(),
            BTreeSet::from(["a".to_owned(), "b".to_owned()]),
        )]),
        shards_per_node: Some(7),
        max_shards_per_node: 50,
        filters: BTreeMap::from([
            ("require.rack".to_owned(), "a".to_owned()),
            ("exclude._name".to_owned(), "n1,n2".to_owned()),
        ]),
        ..AllocationSettings::default()
    };
    let [low, high, flood_stage] = [30, 20, 10].map(|gigabytes| Watermark::Free(gigabytes << 30));
    (expected.disk.low, expected.disk.high, expected.disk.flood_stage) = (low, high, flood_stage);
    (expected.balance.index, expected.balance.shard, expected.balance.threshold) = (0.5, 0.25, 2.0);
    assert_eq!(read, expected);
    assert!(AllocationSettings::knows("cluster.routing.allocation.require.rack"));
    assert!(!AllocationSettings::knows("cluster.name"));
}

#[test]
fn a_wrong_setting_is_named_with_what_may_be_given() {
    for (name, value, reason) in [
        (
            "cluster.routing.allocation.enable",
            "some",
            "failed to parse value [some] for setting [cluster.routing.allocation.enable]: expected all, primaries, new_primaries or none",
        ),
        (
            "cluster.routing.allocation.node_concurrent_recoveries",
            "-1",
            "failed to parse value [-1] for setting [cluster.routing.allocation.node_concurrent_recoveries]: expected a whole number from 0 on",
        ),
        (
            "cluster.routing.allocation.disk.watermark.low",
            "plenty",
            "failed to parse value [plenty] for setting [cluster.routing.allocation.disk.watermark.low]: expected a share that may be used, like 85%, or what must be free, like 20gb",
        ),
        (
            "cluster.routing.allocation.disk.watermark.low",
            "97%",
            "the disk watermarks low [97%], high [90%] and flood stage [95%] must be of one kind, shares or amounts, and must not fall; set all that change together",
        ),
        (
            "cluster.routing.allocation.balance.index",
            "NaN",
            "failed to parse value [NaN] for setting [cluster.routing.allocation.balance.index]: expected a number from 0 on, like 0.45",
        ),
        (
            "cluster.routing.allocation.requires.rack",
            "a",
            "unknown setting [cluster.routing.allocation.requires.rack]; see the reference of cluster settings",
        ),
        ("cluster.name", "c", "unknown setting [cluster.name]; see the reference of cluster settings"),
    ] {
        let refused = AllocationSettings::read([(name, value)]).expect_err(name);
        assert_eq!(refused.to_string(), reason);
    }
}

#[test]
fn an_index_has_settings_of_its_own() {
    let mut read = IndexAllocation::default();
    for (name, value) in [
        ("index.routing.allocation.enable", "none"),
        ("index.routing.rebalance.enable", "primaries"),
        ("index.routing.allocation.total_shards_per_node", "2"),
        ("index.allocation.max_retries", "7"),
        ("index.unassigned.node_left.delayed_timeout", "5m"),
    ] {
        assert_eq!(read.set(name, value), Ok(true), "{name}");
    }

    assert_eq!(
        read,
        IndexAllocation {
            enable: Some(Enable::None),
            rebalance: Some(RebalanceEnable::Primaries),
            shards_per_node: Some(2),
            max_retries: 7,
            delay_millis: 300_000,
        }
    );
    for none in ["0", "-1", "-5m"] {
        assert_eq!(read.set("index.unassigned.node_left.delayed_timeout", none), Ok(true), "{none}");
        assert_eq!(read.delay_millis, 0, "{none}");
    }
    assert_eq!(read.set("index.number_of_replicas", "1"), Ok(false));
    assert!(read.set("index.unassigned.node_left.delayed_timeout", "soon").is_err());
}
