//! `rescore`: the best hits of each shard in the order of another query.

use serde_json::{Map, Value};
use shard::{AskStop, Hit, Query, Reader, SearchError, parse_query};

use super::body::count;
use crate::error::ApiError;

const WINDOW_DEFAULT: usize = 10;

/// How the best hits are ordered anew.
#[derive(Debug, Clone)]
pub(super) struct Rescore {
    /// So many of the best hits of a shard.
    pub window: usize,
    query: Query,
    query_weight: f32,
    rescore_weight: f32,
    mode: Mode,
}

/// How both scores are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Total,
    Multiply,
    Avg,
    Max,
    Min,
}

impl Mode {
    fn join(self, first: f32, second: f32) -> f32 {
        match self {
            Self::Total => first + second,
            Self::Multiply => first * second,
            Self::Avg => (first + second) / 2.0,
            Self::Max => first.max(second),
            Self::Min => first.min(second),
        }
    }
}

impl Rescore {
    /// One, or several that are done one after the other.
    pub(super) fn read_all(value: &Value) -> Result<Vec<Self>, ApiError> {
        match value {
            Value::Array(items) => items.iter().map(Self::read).collect(),
            one => Ok(vec![Self::read(one)?]),
        }
    }

    fn read(value: &Value) -> Result<Self, ApiError> {
        let Value::Object(members) = value else {
            return Err(ApiError::parsing("[rescore] must be an object"));
        };
        let (mut window, mut read) = (None, None);
        for (key, value) in members {
            match (key.as_str(), value) {
                ("window_size", _) => window = Some(count(key, value)?),
                ("query", Value::Object(members)) => read = Some(Self::read_query(members)?),
                ("query", _) => return Err(ApiError::parsing("[rescore] [query] must be an object")),
                _ => {
                    let reason = format!("unknown field [{key}]");
                    return Err(ApiError::new(400, "named_object_not_found_exception", reason));
                }
            }
        }
        let read = read.ok_or_else(|| ApiError::parsing("missing rescore type"))?;
        Ok(Self { window: window.unwrap_or(WINDOW_DEFAULT), ..read })
    }

    fn read_query(members: &Map<String, Value>) -> Result<Self, ApiError> {
        let (mut query, mut query_weight, mut rescore_weight, mut mode) = (None, 1.0, 1.0, Mode::Total);
        for (key, value) in members {
            match key.as_str() {
                "rescore_query" => query = Some(parse_query(value)?),
                "query_weight" => query_weight = weight(key, value)?,
                "rescore_query_weight" => rescore_weight = weight(key, value)?,
                "score_mode" => mode = read_mode(value.as_str().unwrap_or_default())?,
                _ => return Err(ApiError::malformed(format!("[query] unknown field [{key}]"))),
            }
        }
        let query = query.ok_or_else(|| ApiError::argument("rescore_query cannot be null"))?;
        Ok(Self { window: WINDOW_DEFAULT, query, query_weight, rescore_weight, mode })
    }

    /// Orders the best hits of a shard anew, of which there are as many as asked for. The others keep their order among themselves. False where there is
    /// no time for it, and they are as they were.
    pub(super) fn apply(
        &self,
        hits: &mut [Hit],
        reader: &Reader,
        context: &shard::QueryContext<'_>,
        stop: AskStop<'_>,
    ) -> Result<bool, SearchError> {
        let window = self.window.min(hits.len());
        let Some(seconds) = reader.scores(&hits[..window], &self.query, context, stop)? else {
            return Ok(false);
        };
        let all = hits.iter_mut().zip(seconds.into_iter().chain(std::iter::repeat(None)));
        for (hit, second) in all {
            let first = hit.score.unwrap_or_default() * self.query_weight;
            let joined = second.map_or(first, |second| self.mode.join(first, second * self.rescore_weight));
            hit.score = Some(joined);
        }
        hits.sort_by(|a, b| shard::compare_hits(a, b, &[]));
        Ok(true)
    }
}

fn weight(key: &str, value: &Value) -> Result<f32, ApiError> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number
        .map(|number| number as f32)
        .ok_or_else(|| ApiError::malformed(format!("[query] failed to parse field [{key}]")))
}

fn read_mode(text: &str) -> Result<Mode, ApiError> {
    Ok(match text {
        "total" => Mode::Total,
        "multiply" => Mode::Multiply,
        "avg" => Mode::Avg,
        "max" => Mode::Max,
        "min" => Mode::Min,
        _ => {
            return Err(ApiError::malformed("[query] failed to parse field [score_mode]".to_owned())
                .caused_by("illegal_argument_exception", format!("illegal score_mode [{text}]")));
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_is_read_or_refused() {
        let read = Rescore::read_all(&json!([{"query": {"rescore_query": {"match_all": {}}}},
            {"window_size": 5, "query": {"rescore_query": {"match_all": {}}, "query_weight": 2, "score_mode": "max"}}]));
        let read = read.expect("read");
        assert_eq!((read[0].window, read[1].window), (10, 5));
        assert_eq!((read[1].query_weight, read[1].rescore_weight, read[1].mode), (2.0, 1.0, Mode::Max));
        for (rescore, reason) in [
            (json!({"query": {}}), "rescore_query cannot be null"),
            (json!({"window_size": 10}), "missing rescore type"),
            (json!({"foo": {}}), "unknown field [foo]"),
            (json!({"query": {"rescore_query": {"match_all": {}}, "foo": 1}}), "[query] unknown field [foo]"),
        ] {
            assert_eq!(Rescore::read_all(&rescore).expect_err("refused").reason, reason);
        }
    }

    #[test]
    fn scores_are_joined_in_all_ways() {
        let joined =
            [Mode::Total, Mode::Multiply, Mode::Avg, Mode::Max, Mode::Min].map(|mode| mode.join(2.0, 4.0));
        assert_eq!(joined, [6.0, 8.0, 3.0, 4.0, 2.0]);
    }
}
