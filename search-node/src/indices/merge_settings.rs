//! `index.merge.*`: when segments are merged, and when writers wait for that.

use std::time::Duration;

use shard::MergeOptions;

/// A write waits in a place of the write pool, and with it those behind it, whichever index is theirs.
const THROTTLE_MAX: Duration = Duration::from_secs(60);

/// The settings of `index.merge.*` as they are read, one after the other.
#[derive(Debug, Default)]
pub(super) struct MergeSettings {
    options: MergeOptions,
    is_factor_given: bool,
    is_inputs_max_given: bool,
}

impl MergeSettings {
    /// Takes what stands behind `index.merge.`; an error says what the value must be. None if there is no such setting.
    pub(super) fn read(&mut self, key: &str, text: &str) -> Option<Result<(), &'static str>> {
        let options = &mut self.options;
        let read = match key {
            "policy.segments_per_tier" => {
                self.is_factor_given = true;
                count(text, 2, 1_000, "a number from 2 to 1000").map(|number| options.factor = number)
            }
            "policy.max_merge_at_once" => {
                self.is_inputs_max_given = true;
                number(text, 2, 1_000, "a number from 2 to 1000")
                    .map(|number| options.inputs_max = number as usize)
            }
            "policy.min_merge_docs" => number(text, 1, DOCUMENTS_MAX, "a number from 1 to 2147483519")
                .map(|number| options.floor_documents = number),
            "policy.max_merge_docs" => number(text, 1, DOCUMENTS_MAX, "a number from 1 to 2147483519")
                .map(|number| options.documents_max = number),
            "policy.deletes_pct_allowed" => {
                percent(text, 5.0, 50.0, "a percentage from 5 to 50").map(|share| options.deletes_max = share)
            }
            "policy.expunge_deletes_allowed" => percent(text, 0.0, 100.0, "a percentage from 0 to 100")
                .map(|share| options.deletes_left = share),
            "scheduler.max_merge_count" => number(text, 1, 10_000, "a number from 1 to 10000")
                .map(|number| options.merges_max = number as usize),
            "scheduler.throttle_timeout" => settings::parse_duration(text)
                .filter(|span| *span <= THROTTLE_MAX)
                .map(|span| options.throttle_max = span)
                .ok_or("a time span up to 60s, such as 5s"),
            _ => return shown(key, text),
        };
        Some(read)
    }

    /// What they come to; an error names both settings that do not fit each other.
    pub(super) fn options(self) -> Result<MergeOptions, String> {
        let mut options = self.options;
        let (factor, inputs_max) = (options.factor, options.inputs_max);
        if inputs_max >= factor as usize {
            return Ok(options);
        }
        // Who gives one of them need not know the default of the other.
        match (self.is_factor_given, self.is_inputs_max_given) {
            (true, false) => options.inputs_max = factor as usize,
            (false, _) => options.factor = u32::try_from(inputs_max).unwrap_or(factor),
            (true, true) => {
                return Err(format!(
                    "[index.merge.policy.max_merge_at_once] is [{inputs_max}], less than the [{factor}] of [index.merge.policy.segments_per_tier], so that no merge would ever be large enough; raise the one or lower the other"
                ));
            }
        }
        Ok(options)
    }
}

/// Settings of Elasticsearch that are kept and shown again, and change nothing here: merges have threads of the node, are not
/// slowed down, and go by numbers of documents instead of bytes.
fn shown(key: &str, text: &str) -> Option<Result<(), &'static str>> {
    let is_right = |is_right: bool, expected| if is_right { Ok(()) } else { Err(expected) };
    Some(match key {
        "scheduler.max_thread_count" => number(text, 1, 10_000, "a number from 1 to 10000").map(drop),
        "scheduler.auto_throttle" => is_right(matches!(text, "true" | "false"), "true or false"),
        "policy.max_merge_at_once_explicit" => number(text, 2, u32::MAX, "a number from 2").map(drop),
        "policy.max_merged_segment" | "policy.floor_segment" => {
            is_right(settings::parse_bytes(text).is_some(), "an amount of bytes such as 5gb")
        }
        _ => return None,
    })
}

/// The most documents that a shard can hold, as in Lucene.
const DOCUMENTS_MAX: u32 = 2_147_483_519;

fn number(text: &str, least: u32, most: u32, expected: &'static str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(expected)
}

/// A number that Elasticsearch takes with a fraction too, to the nearest whole one.
fn count(text: &str, least: u32, most: u32, expected: &'static str) -> Result<u32, &'static str> {
    let number: Option<f64> = text.parse().ok();
    let whole = number.filter(|number| (f64::from(least)..=f64::from(most)).contains(number));
    whole.map(|number| number.round() as u32).ok_or(expected)
}

fn percent(text: &str, least: f64, most: f64, expected: &'static str) -> Result<f64, &'static str> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    number.filter(|number| (least..=most).contains(number)).map(|number| number / 100.0).ok_or(expected)
}
