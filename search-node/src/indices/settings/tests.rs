//! What settings of an index are read as.

use serde_json::json;

use super::*;

#[test]
fn every_form_means_the_same() {
    for form in [
        json!({"index": {"number_of_shards": 3, "translog": {"durability": "async"}}}),
        json!({"index.number_of_shards": "3", "index.translog.durability": "async"}),
        json!({"number_of_shards": 3, "translog.durability": "async"}),
    ] {
        let flat = flatten(&form).expect("flat");
        let settings = IndexSettings::read(&flat).expect("valid");
        assert_eq!((settings.routing.shards(), settings.durability_request), (3, false), "{form}");
        assert_eq!(nest(&flat), json!({"number_of_shards": "3", "translog": {"durability": "async"}}));
    }
}

#[test]
fn how_segments_are_merged_can_be_said() {
    let flat = flatten(&json!({"merge": {
        "policy": {"segments_per_tier": "4", "max_merge_at_once": 10, "min_merge_docs": 1000,
            "max_merge_docs": 5_000_000, "deletes_pct_allowed": 20.5, "expunge_deletes_allowed": "15%"},
        "scheduler": {"max_merge_count": 3, "throttle_timeout": "250ms"}}}));

    let read = IndexSettings::read(&flat.expect("flat")).expect("valid").merge;

    let expected = MergeOptions {
        factor: 4,
        floor_documents: 1000,
        inputs_max: 10,
        documents_max: 5_000_000,
        deletes_max: 0.205,
        deletes_left: 0.15,
        merges_max: 3,
        throttle_max: Duration::from_millis(250),
    };
    assert_eq!(read, expected);
}

/// As templates that were written for Elasticsearch 7 have them.
#[test]
fn merge_settings_of_elasticsearch_without_a_meaning_here_are_kept_and_shown() {
    let merge = json!({
        "policy": {"segments_per_tier": "10.0", "max_merged_segment": "5gb", "floor_segment": "2mb",
            "max_merge_at_once_explicit": "30"},
        "scheduler": {"max_thread_count": "1", "auto_throttle": "true", "throttle_timeout": "60s"}});
    let flat = flatten(&json!({"merge": merge})).expect("flat");

    let read = IndexSettings::read(&flat).expect("valid").merge;

    let throttle_max = Duration::from_secs(60);
    assert_eq!(read, MergeOptions { factor: 10, throttle_max, ..MergeOptions::default() });
    assert_eq!(nest(&flat)["merge"], merge);
}

#[test]
fn who_gives_one_bound_of_merging_need_not_know_the_default_of_the_other() {
    for (flat, factor, inputs_max) in [
        (json!({"merge.policy.segments_per_tier": 64}), 64, 64),
        (json!({"merge.policy.segments_per_tier": 20}), 20, 32),
        (json!({"merge.policy.max_merge_at_once": 4}), 4, 4),
    ] {
        let read = IndexSettings::read(&flatten(&flat).expect("flat")).expect("valid").merge;
        assert_eq!((read.factor, read.inputs_max), (factor, inputs_max), "{flat}");
    }
}

#[test]
fn how_often_a_translog_is_synced_can_be_said() {
    let read = |text: &str| {
        let flat = flatten(&json!({"translog": {"durability": "async", "sync_interval": text}}));
        IndexSettings::read(&flat.expect("flat")).map(|settings| settings.sync_interval)
    };
    assert_eq!(read("30s"), Ok(Duration::from_secs(30)));
    assert_eq!(read("100ms"), Ok(Duration::from_millis(100)));
    for text in ["99ms", "0", "-1"] {
        let reason = format!(
            "failed to parse value [{text}] for setting [index.translog.sync_interval], must be >= [100ms]"
        );
        assert_eq!(read(text).expect_err(text).reason, reason);
    }
    assert!(read("soon").expect_err("no span").reason.contains("[soon] as a time value"));
}

#[test]
fn what_is_wrong_is_named() {
    for (flat, reason) in [
        (json!({"number_of_shards": 0}), "Failed to parse value [0] for setting [index.number_of_shards]"),
        (
            json!({"refresh_interval": "soon"}),
            "failed to parse setting [index.refresh_interval] with value [soon] as a time value: unit is missing or unrecognized",
        ),
        (
            json!({"number_of_shards": 2, "number_of_routing_shards": 1}),
            "index.number_of_routing_shards [1] must be >= index.number_of_shards [2]",
        ),
        (
            json!({"number_of_shards": 2, "number_of_routing_shards": 5}),
            "the number of source shards [2] must be a factor of [5]",
        ),
        (
            json!({"number_of_routing_shards": 0}),
            "Failed to parse value [0] for setting [index.number_of_routing_shards] must be >= 1",
        ),
        (
            json!({"number_of_routing_shards": "x"}),
            "Failed to parse value [x] for setting [index.number_of_routing_shards]",
        ),
        (json!({"foo": 1}), "unknown setting [index.foo]"),
        (json!({"merge.policy.foo": 1}), "unknown setting [index.merge.policy.foo]"),
        (
            json!({"merge": {"policy": {"segments_per_tier": 1}}}),
            "Failed to parse value [1] for setting [index.merge.policy.segments_per_tier]: it must be a number from 2 to 1000",
        ),
        (
            json!({"merge.policy.deletes_pct_allowed": "80%"}),
            "Failed to parse value [80%] for setting [index.merge.policy.deletes_pct_allowed]: it must be a percentage from 5 to 50",
        ),
        (
            json!({"merge.scheduler.throttle_timeout": "long"}),
            "Failed to parse value [long] for setting [index.merge.scheduler.throttle_timeout]: it must be a time span",
        ),
        (
            json!({"merge.scheduler.throttle_timeout": "1d"}),
            "Failed to parse value [1d] for setting [index.merge.scheduler.throttle_timeout]: it must be a time span up to 60s",
        ),
        (
            json!({"merge.scheduler.max_thread_count": "0"}),
            "Failed to parse value [0] for setting [index.merge.scheduler.max_thread_count]: it must be a number from 1 to 10000",
        ),
        (
            json!({"merge.scheduler.auto_throttle": "yes"}),
            "Failed to parse value [yes] for setting [index.merge.scheduler.auto_throttle]: it must be true or false",
        ),
        (
            json!({"merge.policy.floor_segment": "small"}),
            "Failed to parse value [small] for setting [index.merge.policy.floor_segment]: it must be an amount of bytes",
        ),
        (
            json!({"merge.policy": {"segments_per_tier": 64, "max_merge_at_once": 32}}),
            "[index.merge.policy.max_merge_at_once] is [32], less than the [64] of [index.merge.policy.segments_per_tier]",
        ),
    ] {
        let error = IndexSettings::read(&flatten(&flat).expect("flat")).expect_err("refused");
        assert!(error.reason.starts_with(reason), "{}", error.reason);
    }
}
