//! Which queries are worth keeping as filters, and from which use on: those that cost more than their documents take to be looked up.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde_json::Value;

use super::ast::{Query, RangeBounds, Rewrite};

/// From so many uses on a filter is kept that has to look at many terms or values, as in Lucene.
const COSTLY: u32 = 2;
/// From so many uses on others are kept, and those of several clauses.
const USUAL: u32 = 5;
const COMPOUND: u32 = 4;
/// A filter that is said in more is not kept: to tell it from others would take too long.
const NAME_BYTES_MAX: usize = 16 << 10;

/// From how many uses on a query is kept; none if it never is, as it is quick, or depends on more than the segment that is asked.
/// `has_places` tells whether the index knows where the words of a field stand: else phrases are looked for in documents, and one that cannot
/// be read once would be missing for good.
pub(super) fn uses_until_kept(query: &Query, has_places: &dyn Fn(&str) -> bool) -> Option<u32> {
    match query {
        Query::Term { .. } | Query::Exists { .. } | Query::MatchAll | Query::MatchNone => None,
        _ if !is_of_segment(query, has_places) => None,
        Query::Prefix { .. }
        | Query::Wildcard { .. }
        | Query::Regexp { .. }
        | Query::Range { .. }
        | Query::Terms { .. }
        | Query::Geo(_)
        | Query::Nested { .. } => Some(COSTLY),
        Query::Bool { .. } => Some(COMPOUND),
        Query::Constant { query } | Query::Named { query, .. } | Query::Boost { query, .. } => {
            uses_until_kept(query, has_places)
        }
        _ => Some(USUAL),
    }
}

/// Whether what matches in a segment depends on nothing but the segment: not on other documents, the time of day, or chance.
fn is_of_segment(query: &Query, has_places: &dyn Fn(&str) -> bool) -> bool {
    let is_plain = |rewrite: &Rewrite| matches!(rewrite, Rewrite::Usual | Rewrite::Constant);
    match query {
        Query::MatchAll | Query::MatchNone | Query::Exists { .. } | Query::Geo(_) => true,
        Query::Term { value, .. } => !is_of_today(value),
        Query::Terms { values, .. } => !values.iter().any(is_of_today),
        Query::Match { value, matching, .. } => matching.fuzziness.is_none() && !is_of_today(value),
        Query::Phrase { field, value, prefix, .. } => !prefix && !is_of_today(value) && has_places(field),
        Query::Range { bounds: RangeBounds { lower, upper, .. }, .. } => {
            ![lower, upper].into_iter().flatten().any(|(value, _)| is_of_today(value))
        }
        Query::Prefix { rewrite, .. } | Query::Wildcard { rewrite, .. } | Query::Regexp { rewrite, .. } => {
            is_plain(rewrite)
        }
        Query::Constant { query }
        | Query::Nested { query, .. }
        | Query::Named { query, .. }
        | Query::Boost { query, .. } => is_of_segment(query, has_places),
        Query::Bool { must, filter, should, must_not, .. } => {
            let mut all = [must, filter, should, must_not].into_iter().flatten();
            all.all(|query| is_of_segment(query, has_places))
        }
        _ => false,
    }
}

/// Whether a value may be told by the time at which it is asked.
fn is_of_today(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("now"))
}

/// What a filter is kept under; none if that is too long to be worth it.
pub(super) fn name_of(query: &Query, of: impl fmt::Display) -> Option<Arc<str>> {
    let mut name = Bounded(String::new());
    write!(name, "{of} {query:?}").ok()?;
    Some(Arc::from(name.0))
}

/// A text that does not grow beyond what a name may have.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > NAME_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::parse_query;

    #[test]
    fn what_depends_on_the_segment_alone_and_costs_is_kept() {
        for (query, uses) in [
            (json!({"term": {"a": "x"}}), None),
            (json!({"exists": {"field": "a"}}), None),
            (json!({"regexp": {"a": "x.*"}}), Some(COSTLY)),
            (json!({"range": {"a": {"gte": 1}}}), Some(COSTLY)),
            (json!({"range": {"a": {"gte": "now-1d"}}}), None),
            (json!({"terms": {"a": ["x", "now/d"]}}), None),
            (json!({"match_phrase": {"a": "x y"}}), Some(USUAL)),
            (json!({"match_phrase": {"a": "now/d"}}), None),
            (json!({"match_phrase": {"without_places": "x y"}}), None),
            (json!({"match": {"a": "now-1d"}}), None),
            (json!({"bool": {"filter": [{"match": {"a": "now/d"}}]}}), None),
            (json!({"match": {"a": {"query": "x y", "fuzziness": 1}}}), None),
            (json!({"prefix": {"a": {"value": "x", "rewrite": "top_terms_5"}}}), None),
            (json!({"constant_score": {"filter": {"prefix": {"a": "x"}}, "boost": 2}}), Some(COSTLY)),
            (
                json!({"bool": {"filter": [{"term": {"a": 1}}], "must_not": [{"prefix": {"a": "x"}}]}}),
                Some(COMPOUND),
            ),
            (json!({"bool": {"filter": [{"script": {"script": "true"}}]}}), None),
            (json!({"nested": {"path": "a", "query": {"range": {"a.b": {"lt": "now"}}}}}), None),
            (json!({"has_child": {"type": "a", "query": {"match_all": {}}}}), None),
            (json!({"fuzzy": {"a": "x"}}), None),
        ] {
            let read = parse_query(&query).expect("a query");
            assert_eq!(uses_until_kept(&read, &|field| field == "a"), uses, "{query}");
        }
    }

    #[test]
    fn a_name_tells_queries_apart_and_is_not_longer_than_it_may_be() {
        let query = |value: &str| parse_query(&json!({"prefix": {"a": value}})).expect("a query");
        assert_ne!(name_of(&query("x"), "i"), name_of(&query("y"), "i"));
        assert_ne!(name_of(&query("x"), "i"), name_of(&query("x"), "j"));
        assert_eq!(name_of(&query(&"x".repeat(NAME_BYTES_MAX)), "i"), None);
    }
}
