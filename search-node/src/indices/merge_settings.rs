//! `index.merge.*`: when segments are merged, and when writers wait for that.

use shard::MergeOptions;

/// What stands behind `index.merge.` changes one option; an error says what the value must be. None if there is no such setting.
pub(super) fn read(key: &str, text: &str, options: &mut MergeOptions) -> Option<Result<(), &'static str>> {
    let read = match key {
        "policy.segments_per_tier" => {
            number(text, 2, 1_000, "a number from 2 to 1000").map(|number| options.factor = number)
        }
        "policy.max_merge_at_once" => number(text, 2, 1_000, "a number from 2 to 1000")
            .map(|number| options.inputs_max = number as usize),
        "policy.min_merge_docs" => number(text, 1, DOCUMENTS_MAX, "a number from 1 to 2147483519")
            .map(|number| options.floor_documents = number),
        "policy.max_merge_docs" => number(text, 1, DOCUMENTS_MAX, "a number from 1 to 2147483519")
            .map(|number| options.documents_max = number),
        "policy.deletes_pct_allowed" => {
            percent(text, 5.0, 50.0, "a percentage from 5 to 50").map(|share| options.deletes_max = share)
        }
        "policy.expunge_deletes_allowed" => {
            percent(text, 0.0, 100.0, "a percentage from 0 to 100").map(|share| options.deletes_left = share)
        }
        "scheduler.max_merge_count" => number(text, 1, 10_000, "a number from 1 to 10000")
            .map(|number| options.merges_max = number as usize),
        "scheduler.throttle_timeout" => settings::parse_duration(text)
            .map(|span| options.throttle_max = span)
            .ok_or("a time span such as 5s"),
        _ => return None,
    };
    Some(read)
}

/// What fits each other; an error names both settings.
pub(super) fn check(options: &MergeOptions) -> Result<(), String> {
    if options.inputs_max < options.factor as usize {
        return Err(format!(
            "[index.merge.policy.max_merge_at_once] is [{}], less than the [{}] of [index.merge.policy.segments_per_tier], so that no merge would ever be large enough; raise the one or lower the other",
            options.inputs_max, options.factor
        ));
    }
    Ok(())
}

/// The most documents that a shard can hold, as in Lucene.
const DOCUMENTS_MAX: u32 = 2_147_483_519;

fn number(text: &str, least: u32, most: u32, expected: &'static str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(expected)
}

fn percent(text: &str, least: f64, most: f64, expected: &'static str) -> Result<f64, &'static str> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    number.filter(|number| (least..=most).contains(number)).map(|number| number / 100.0).ok_or(expected)
}
