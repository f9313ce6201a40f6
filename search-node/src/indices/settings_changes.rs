//! How the settings of an index change while it is there.

use serde_json::{Map, Value, json};

use super::known_settings;
use super::names::matches;
use super::query_settings;
use super::replicas::{CopySettings, NUMBER, expands};
use super::settings::{IndexSettings, check_active, flatten_with_nulls, is_private};
use crate::error::ApiError;

/// What the names of those begin with that may be changed while an index is open, beside those with plain values.
const DYNAMIC_PREFIXES: [&str; 2] = ["routing.", "merge."];

/// What an index is made with for good.
const FINAL: [&str; 10] = [
    "index.number_of_shards",
    "index.number_of_routing_shards",
    "index.routing_num_shards",
    "index.sort.field",
    "index.sort.order",
    "index.sort.mode",
    "index.sort.missing",
    "index.soft_deletes.enabled",
    "index.resize.source.name",
    "index.resize.source.uuid",
];

/// What is asked of the settings of an index (`PUT /{index}/_settings`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettingsChange<'a> {
    pub(crate) changes: &'a Value,
    /// Whether what is set already stays (`preserve_existing`).
    pub(crate) keeps_existing: bool,
    /// How many replicas the map wants where the index leaves that to the nodes.
    pub(crate) expanded: Option<u32>,
}

/// Flat settings with changes; null takes a setting back. What an index is opened with changes only while it is closed. As many
/// replicas as there were stay where they expand no more and nobody says how many.
pub(super) fn changed(
    index: &str,
    flat: &Map<String, Value>,
    change: SettingsChange<'_>,
    is_closed: bool,
) -> Result<Map<String, Value>, ApiError> {
    let SettingsChange { changes, keeps_existing, expanded } = change;
    let inner = changes.get("settings").filter(|_| changes.as_object().is_some_and(|all| all.len() == 1));
    let mut changes = flatten_with_nulls(inner.unwrap_or(changes))?;
    let is_dynamic = |key: &str| {
        DYNAMIC_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
            || query_settings::NAMES.contains(&key)
            || known_settings::is_dynamic(key)
    };
    let patterns = taken_out(&mut changes, |key, value| value.is_null() && key.contains('*'));
    let fixed: Vec<String> =
        changes.keys().filter(|key| !is_dynamic(key)).map(|key| format!("index.{key}")).collect();
    if let Some(setting) = fixed.iter().find(|key| FINAL.contains(&key.as_str())) {
        return Err(ApiError::argument(format!("final {index} setting [{setting}], not updateable")));
    }
    if let Some(key) = changes.keys().find(|key| is_private(key)) {
        return Err(ApiError::new(
            400,
            "illegal_argument_exception",
            format!("can not update private setting [index.{key}]; this setting is managed by Elasticsearch"),
        ));
    }
    let mut known: Map<String, Value> = changes.clone();
    known.retain(|key, value| !value.is_null() && !is_dynamic(key));
    IndexSettings::check_known(&known)?;
    if !fixed.is_empty() && !is_closed {
        return Err(ApiError::argument(format!(
            "Can't update non dynamic settings [[{}]] for open indices [[{index}]]",
            fixed.join(", ")
        )));
    }
    let is_reset = |key: &str| {
        // It was given when the index was made, whoever said so.
        let is_given = is_private(key) || key == "creation_date" || FINAL.contains(&&*format!("index.{key}"));
        let may_change = is_dynamic(key) || is_closed && !is_given;
        may_change && patterns.keys().any(|pattern| matches(pattern, key))
    };
    let mut next = flat.clone();
    next.retain(|key, _| !is_reset(key));
    let is_counted = changes.contains_key(NUMBER);
    for (key, value) in changes {
        if value.is_null() {
            next.remove(&key);
        } else if !(keeps_existing && next.contains_key(&key)) {
            next.insert(key, value);
        }
    }
    if let (Some(number), false) = (expanded.filter(|_| expands(flat) && !expands(&next)), is_counted) {
        next.insert(NUMBER.to_owned(), json!(number.to_string()));
    }
    // What an older build has stored is nothing that whoever asks now has done wrong.
    let is_touched = |key: &str| flat.get(key) != next.get(key);
    let touched: Map<String, Value> = next.clone().into_iter().filter(|(key, _)| is_touched(key)).collect();
    known_settings::check(&touched)?;
    IndexSettings::read_stored(&next)?;
    if touched.contains_key(NUMBER) || touched.contains_key("write.wait_for_active_shards") {
        check_active(&next)?;
    }
    IndexSettings::check_codec(&touched)?;
    CopySettings::read(&touched)?;
    let (similarities, touched) = touched
        .into_iter()
        .partition::<Map<String, Value>, _>(|(key, _)| key.starts_with(query_settings::SIMILARITY));
    query_settings::read(&touched)?;
    if !similarities.is_empty() {
        // One is told by all that is said of it.
        query_settings::similarities(&next)?;
    }
    Ok(next)
}

/// Those of the changes that are of a kind, which are no changes any more.
fn taken_out(
    changes: &mut Map<String, Value>,
    is_taken: impl Fn(&str, &Value) -> bool,
) -> Map<String, Value> {
    let (taken, left) = std::mem::take(changes).into_iter().partition(|(key, value)| is_taken(key, value));
    *changes = left;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in Elasticsearch, a pattern passes over what may not change, and need not find anything.
    #[test]
    fn a_pattern_takes_back_all_settings_of_its_kind_that_may_change() {
        let flat = json!({"refresh_interval": "7s", "max_result_window": "5", "max_rescore_window": "6",
            "number_of_shards": "2", "sort.field": "a", "creation_date": "1", "codec": "best_compression"});
        for (changes, is_closed, gone) in [
            (json!({"index.refresh*": null}), false, vec!["refresh_interval"]),
            (json!({"index": {"max_*": null}}), false, vec!["max_result_window", "max_rescore_window"]),
            (json!({"none*": null, "creation*": null, "number_of_sh*": null}), false, vec![]),
            (json!({"*": null}), false, vec!["refresh_interval", "max_result_window", "max_rescore_window"]),
            (json!({"co*": null}), false, vec![]),
            (json!({"co*": null, "sort*": null, "creation*": null}), true, vec!["codec"]),
        ] {
            let next = change(&flat, &changes, is_closed).expect("changed");

            let is_left = |key: &&String| !gone.contains(&key.as_str());
            let left: Vec<&String> =
                flat.as_object().into_iter().flat_map(Map::keys).filter(is_left).collect();
            assert_eq!(next.keys().collect::<Vec<_>>(), left, "{changes}");
        }
        let set_again = json!({"max_*": null, "max_result_window": 9});
        assert_eq!(change(&flat, &set_again, false).expect("changed")["max_result_window"], json!("9"));
        let refused = change(&flat, &json!({"refresh*": "5s"}), false).expect_err("no setting");
        assert!(refused.reason.starts_with("unknown setting [index.refresh*]"), "{}", refused.reason);
    }

    #[test]
    fn a_similarity_changes_by_parts_while_the_index_is_closed() {
        let flat = json!({"similarity.mine.type": "BM25", "similarity.mine.k1": "2"});

        let next = change(&flat, &json!({"similarity.mine.k1": 3}), true).expect("closed");
        let open = change(&flat, &json!({"similarity.mine.k1": 3}), false).expect_err("open");
        let wrong = change(&flat, &json!({"similarity.mine.b": 3}), true).expect_err("wrong");

        assert_eq!(next["similarity.mine.k1"], json!("3"));
        assert!(open.reason.starts_with("Can't update non dynamic settings"), "{}", open.reason);
        assert_eq!(wrong.reason, "illegal b value: 3.0, must be between 0 and 1");
    }

    fn change(flat: &Value, changes: &Value, is_closed: bool) -> Result<Map<String, Value>, ApiError> {
        let flat = flat.as_object().cloned().unwrap_or_default();
        let change = SettingsChange { changes, keeps_existing: false, expanded: None };
        changed("logs", &flat, change, is_closed)
    }

    #[test]
    fn what_an_index_is_opened_with_changes_only_while_it_is_closed() {
        let flat = json!({"number_of_shards": "2"});
        let analysis =
            json!({"analysis": {"analyzer": {"mine": {"type": "custom", "tokenizer": "keyword"}}}});

        let refused = change(&flat, &analysis, false).expect_err("open");
        let next = change(&flat, &analysis, true).expect("closed");

        assert_eq!(
            refused.reason,
            "Can't update non dynamic settings [[index.analysis.analyzer.mine.type, index.analysis.analyzer.mine.tokenizer]] for open indices [[logs]]"
        );
        assert_eq!(next["analysis.analyzer.mine.tokenizer"], json!("keyword"));
        assert_eq!(next["number_of_shards"], json!("2"));
    }

    #[test]
    fn what_an_index_is_made_with_never_changes() {
        for setting in ["number_of_shards", "number_of_routing_shards", "sort.field", "soft_deletes.enabled"]
        {
            for is_closed in [false, true] {
                let refused = change(&json!({}), &json!({setting: "1"}), is_closed).expect_err(setting);
                let reason = format!("final logs setting [index.{setting}], not updateable");
                assert_eq!(refused.reason, reason, "closed: {is_closed}");
            }
        }
    }

    #[test]
    fn what_is_unknown_or_cannot_be_read_is_refused_closed_or_not() {
        for (changes, reason) in [
            (json!({"nonsense": 1}), "unknown setting [index.nonsense]"),
            (
                json!({"shard.check_on_startup": "perhaps"}),
                "unknown value for [index.shard.check_on_startup]",
            ),
            (
                json!({"max_result_window": 0}),
                "Failed to parse value [0] for setting [index.max_result_window] must be >= 1",
            ),
            (json!({"uuid": "x"}), "can not update private setting [index.uuid]"),
            (
                json!({"write.wait_for_active_shards": 3}),
                "invalid index.write.wait_for_active_shards[3]: cannot be greater than number of shard copies [2]",
            ),
            (json!({"analysis.analyzer.mine.type": "nonsense"}), ""),
            (json!({"codec": "nonsense"}), "unknown value for [index.codec]"),
        ] {
            let refused = change(&json!({}), &changes, true).expect_err("refused");
            assert!(refused.reason.starts_with(reason), "{}", refused.reason);
        }
    }
}
