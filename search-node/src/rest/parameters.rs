//! What may stand after the `?`: names that the API knows, and values that can be read.
//!
//! A parameter that is passed over would be a wish that silently comes to nothing, and a time span that cannot be read is
//! refused also where the node has no use for it: the same request must not fail on the day that it has.

use std::collections::HashMap;

use crate::error::ApiError;
use crate::time_span::read_span;

/// Parameters that every API takes.
const COMMON: [&str; 7] =
    ["pretty", "human", "error_trace", "filter_path", "format", "source", "source_content_type"];

/// Those that are time spans wherever they are taken.
const SPANS: [&str; 4] = ["timeout", "master_timeout", "search_timeout", "scroll"];

/// Those that are true or false wherever they are taken; without a value they are true.
const FLAGS: [&str; 20] = [
    "pretty",
    "human",
    "error_trace",
    "explain",
    "request_cache",
    "allow_partial_search_results",
    "ccs_minimize_roundtrips",
    "ignore_throttled",
    "lenient",
    "analyze_wildcard",
    "rest_total_hits_as_int",
    "force",
    "wait_if_ongoing",
    "local",
    "include_type_name",
    "flat_settings",
    "include_defaults",
    "write_index_only",
    "ignore_unavailable",
    "allow_no_indices",
];

/// Those that are whole numbers with a least value, and what is said of less.
const NUMBERS: [(&str, i32, &str); 4] = [
    ("batched_reduce_size", 2, "batchedReduceSize must be >= 2"),
    ("max_concurrent_shard_requests", 1, "maxConcurrentShardRequests must be >= 1"),
    ("pre_filter_shard_size", 1, "preFilterShardSize must be >= 1"),
    ("terminate_after", 0, "terminateAfter must be > 0"),
];

const WILDCARDS: [&str; 5] = ["open", "closed", "hidden", "none", "all"];

/// Whether every API takes a parameter.
pub(super) fn is_common(name: &str) -> bool {
    COMMON.contains(&name)
}

/// Refuses parameters that the API does not know, with what may have been meant.
pub(super) fn check_names(
    path: &str,
    query: &HashMap<String, String>,
    known: &[&'static str],
) -> Result<(), ApiError> {
    let mut unknown: Vec<&String> = query
        .keys()
        .filter(|key| !COMMON.contains(&key.as_str()) && !known.contains(&key.as_str()))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort_unstable();
    let named = unknown.iter().map(|name| {
        let hint = settings::nearest(name, known.iter().chain(&COMMON).copied())
            .map_or(String::new(), |near| format!(" -> did you mean [{near}]?"));
        format!("[{name}]{hint}")
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let plural = if unknown.len() > 1 { "s" } else { "" };
    Err(ApiError::argument(format!("request [{path}] contains unrecognized parameter{plural}: {named}")))
}

/// Refuses values that mean nothing in any API.
pub(super) fn check_values(query: &HashMap<String, String>) -> Result<(), ApiError> {
    for name in SPANS {
        query.get(name).map(|text| read_span(name, text)).transpose()?;
    }
    for name in FLAGS {
        query.get(name).map(|text| read_flag(text)).transpose()?;
    }
    for (name, least, fault) in NUMBERS {
        if let Some(text) = query.get(name)
            && read_int(name, text)? < least
        {
            return Err(ApiError::argument(fault));
        }
    }
    let text_of = |name: &str| query.get(name).map(String::as_str);
    text_of("search_type").map_or(Ok(()), check_search_type)?;
    text_of("expand_wildcards").map_or(Ok(()), check_wildcards)?;
    text_of("wait_for_active_shards").map_or(Ok(()), check_active_shards)
}

/// True or false; nothing at all is true.
pub(super) fn read_flag(text: &str) -> Result<bool, ApiError> {
    match text {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(ApiError::argument(format!(
            "Failed to parse value [{other}] as only [true] or [false] are allowed."
        ))),
    }
}

/// A whole number of 32 bits, as most of Elasticsearch's are.
pub(super) fn read_int(name: &str, text: &str) -> Result<i32, ApiError> {
    text.parse().map_err(|_| {
        ApiError::argument(format!("Failed to parse int parameter [{name}] with value [{text}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))
    })
}

fn check_search_type(text: &str) -> Result<(), ApiError> {
    match text {
        "query_then_fetch" | "dfs_query_then_fetch" => Ok(()),
        "query_and_fetch" | "dfs_query_and_fetch" => {
            Err(ApiError::argument(format!("Unsupported search type [{text}]")))
        }
        _ => Err(ApiError::argument(format!("No search type for [{text}]"))),
    }
}

fn check_wildcards(text: &str) -> Result<(), ApiError> {
    match text.split(',').find(|word| !word.is_empty() && !WILDCARDS.contains(word)) {
        None => Ok(()),
        Some(word) => Err(ApiError::argument(format!("No valid expand wildcard value [{word}]"))),
    }
}

fn check_active_shards(text: &str) -> Result<(), ApiError> {
    match text.parse::<i32>() {
        _ if text == "all" || text == "index-setting" => Ok(()),
        Ok(number) if number >= 0 => Ok(()),
        Ok(_) => Err(ApiError::argument("shard count cannot be a negative value")),
        Err(_) => Err(ApiError::argument(format!("cannot parse ActiveShardCount[{text}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn names_and_values_that_mean_nothing_are_refused() {
        let names = |pairs: &[(&str, &str)]| check_names("/i/_doc/1", &query(pairs), &["refresh", "timeout"]);
        assert_eq!(names(&[("pretty", ""), ("timeout", "1s")]), Ok(()));
        for (pairs, reason) in [
            (vec![("foo", "1")], "request [/i/_doc/1] contains unrecognized parameter: [foo]"),
            (
                vec![("tiemout", "1"), ("refersh", "1")],
                "request [/i/_doc/1] contains unrecognized parameters: [refersh] -> did you mean [refresh]?, [tiemout] -> did you mean [timeout]?",
            ),
        ] {
            assert_eq!(names(&pairs).expect_err("refused").reason, reason);
        }
        for (name, values) in [
            ("pretty", &["", "true", "false"][..]),
            ("search_type", &["query_then_fetch", "dfs_query_then_fetch"]),
            ("expand_wildcards", &["", "open", "open,hidden", "all", "none"]),
            ("pre_filter_shard_size", &["1", "128"]),
            ("terminate_after", &["0", "1"]),
        ] {
            for value in values {
                assert_eq!(check_values(&query(&[(name, value)])), Ok(()), "{name}={value}");
            }
        }
        for (name, value, reason) in [
            ("pretty", "maybe", "Failed to parse value [maybe] as only [true] or [false] are allowed."),
            ("request_cache", "TRUE", "Failed to parse value [TRUE] as only [true] or [false] are allowed."),
            ("search_type", "bogus", "No search type for [bogus]"),
            ("expand_wildcards", "open,bogus", "No valid expand wildcard value [bogus]"),
            ("pre_filter_shard_size", "0", "preFilterShardSize must be >= 1"),
            (
                "batched_reduce_size",
                "x",
                "Failed to parse int parameter [batched_reduce_size] with value [x]",
            ),
            ("terminate_after", "-1", "terminateAfter must be > 0"),
        ] {
            assert_eq!(check_values(&query(&[(name, value)])).expect_err(value).reason, reason);
        }
        for value in ["all", "0", "1"] {
            assert_eq!(check_values(&query(&[("wait_for_active_shards", value)])), Ok(()), "{value}");
        }
        for (value, reason) in [
            ("-1", "shard count cannot be a negative value"),
            ("some", "cannot parse ActiveShardCount[some]"),
        ] {
            let error = check_values(&query(&[("wait_for_active_shards", value)])).expect_err(value);
            assert_eq!(error.reason, reason);
        }
    }
}
