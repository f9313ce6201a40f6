//! How the settings of an index change while it is there.

use serde_json::{Map, Value, json};

use super::known_settings;
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
    let changes = flatten_with_nulls(inner.unwrap_or(changes))?;
    let is_dynamic = |key: &str| {
        DYNAMIC_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
            || query_settings::NAMES.contains(&key)
            || known_settings::is_dynamic(key)
    };
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
    let mut next = flat.clone();
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

#[cfg(test)]
mod tests {
    use super::*;

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
