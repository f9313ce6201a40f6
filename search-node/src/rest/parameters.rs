//! What may stand after the `?`: names that the API knows, and values that can be read.
//!
//! A parameter that is passed over would be a wish that silently comes to nothing, and a time span that cannot be read is
//! refused also where the node has no use for it: the same request must not fail on the day that it has.

use std::collections::HashMap;

use crate::error::ApiError;
use crate::time_span::read_span;

/// Parameters that every API takes.
const COMMON: [&str; 6] = ["pretty", "human", "error_trace", "filter_path", "source", "source_content_type"];

/// Those that are time spans wherever they are taken.
const SPANS: [&str; 4] = ["timeout", "master_timeout", "search_timeout", "scroll"];

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
    query.get("wait_for_active_shards").map_or(Ok(()), |text| check_active_shards(text))
}

fn check_active_shards(text: &str) -> Result<(), ApiError> {
    match text.parse::<i32>() {
        _ if text == "all" => Ok(()),
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
