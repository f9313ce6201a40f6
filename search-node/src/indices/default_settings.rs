//! What settings of an index are where nobody sets them, as `include_defaults` shows them.

/// By their names without `index.`. What merges make of their settings, and what always is shown, is not here.
pub(crate) const DEFAULTS: [(&str, &str); 32] = [
    ("allocation.max_retries", "5"),
    ("analyze.max_token_count", "10000"),
    ("auto_expand_replicas", "false"),
    ("blocks.metadata", "false"),
    ("blocks.read", "false"),
    ("blocks.read_only", "false"),
    ("blocks.read_only_allow_delete", "false"),
    ("blocks.write", "false"),
    ("gc_deletes", "60s"),
    ("hidden", "false"),
    ("mapping.depth.limit", "20"),
    ("mapping.ignore_malformed", "false"),
    ("mapping.nested_fields.limit", "50"),
    ("mapping.nested_objects.limit", "10000"),
    ("mapping.total_fields.ignore_dynamic_beyond_limit", "false"),
    ("mapping.total_fields.limit", "1000"),
    ("max_inner_result_window", "100"),
    ("max_ngram_diff", "1"),
    ("max_refresh_listeners", "1000"),
    ("max_shingle_diff", "3"),
    ("recovery.file_based_threshold", "0.1"),
    ("refresh_interval", "1s"),
    ("routing.allocation.enable", "all"),
    ("routing.allocation.total_shards_per_node", "-1"),
    ("routing.rebalance.enable", "all"),
    ("search.idle.after", "30s"),
    // How files are read is not to be chosen.
    ("store.type", ""),
    ("translog.durability", "request"),
    ("translog.flush_threshold_size", "512mb"),
    ("translog.sync_interval", "5s"),
    ("unassigned.node_left.delayed_timeout", "1m"),
    ("write.min_in_sync", "1"),
];

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::super::replicas::CopySettings;
    use super::super::settings::IndexSettings;
    use super::*;

    #[test]
    fn who_sets_the_defaults_changes_nothing() {
        let set = DEFAULTS.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value)));
        // Who names an interval wants it kept, also while nobody searches.
        let set: Map<String, Value> = set.filter(|(key, _)| key != "refresh_interval").collect();

        let read = IndexSettings::read(&set).expect("read");

        assert_eq!(read, IndexSettings::read(&Map::new()).expect("read"));
        let copies = CopySettings::read(&set).expect("read");
        let (filters, replicas) = (copies.filters, copies.replicas);
        let unset = CopySettings::read(&Map::new()).expect("read");
        assert_eq!((filters, replicas), (unset.filters, unset.replicas));
        assert_eq!(copies.allocation.max_retries, unset.allocation.max_retries);
        assert_eq!(copies.allocation.delay_millis, unset.allocation.delay_millis);
    }
}
