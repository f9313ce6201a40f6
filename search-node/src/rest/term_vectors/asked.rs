//! What requests for term vectors say, in their bodies and their addresses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use shard::{TermFilter, TermVectorsAsked};

use crate::error::ApiError;
use crate::indices::{text_of, texts_of, truth_of};

/// A request for the words of one document.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    pub index: Option<String>,
    pub doc_type: Option<String>,
    pub id: Option<String>,
    /// A document that is in no index.
    pub doc: Option<Value>,
    pub routing: Option<String>,
    pub version: Option<i64>,
    pub realtime: Option<bool>,
    pub vectors: TermVectorsAsked,
}

fn parse_fault(reason: String) -> ApiError {
    ApiError::new(400, "parse_exception", format!("failed to parse term vectors request. {reason}"))
}

impl Asked {
    /// Takes over the members of a body, or the parameters of an address.
    pub(super) fn take(&mut self, members: &Map<String, Value>) -> Result<(), ApiError> {
        members.iter().try_for_each(|(key, value)| self.member(key, value))
    }

    fn member(&mut self, key: &str, value: &Value) -> Result<(), ApiError> {
        let wrong = || parse_fault(format!("[{key}] cannot be [{value}]"));
        let flag = || truth_of(value).ok_or_else(wrong);
        let text = || text_of(value).ok_or_else(wrong);
        let vectors = &mut self.vectors;
        match key {
            "fields" => vectors.fields = Some(names(value).ok_or_else(wrong)?),
            "offsets" => vectors.offsets = flag()?,
            "positions" => vectors.positions = flag()?,
            // There are none: no analyzer makes any.
            "payloads" => drop(flag()?),
            "term_statistics" | "termStatistics" => vectors.term_statistics = flag()?,
            "field_statistics" | "fieldStatistics" => vectors.field_statistics = flag()?,
            "per_field_analyzer" | "perFieldAnalyzer" => {
                vectors.analyzers = analyzers(value).ok_or_else(wrong)?
            }
            "filter" => vectors.filter = Some(filter(value)?),
            "_index" | "index" => self.index = Some(text()?),
            "_type" => self.doc_type = Some(text()?),
            "_id" => self.id = Some(text()?),
            "doc" if value.is_object() => self.doc = Some(value.clone()),
            "doc" => return Err(wrong()),
            "routing" | "_routing" => self.routing = Some(text()?),
            "version" | "_version" => self.version = Some(text()?.parse().map_err(|_| wrong())?),
            "version_type" | "_version_type" | "preference" => {}
            "realtime" => self.realtime = Some(flag()?),
            other => return Err(parse_fault(format!("unknown field [{other}]"))),
        }
        Ok(())
    }
}

/// Names as a list, or parted by commas.
fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(text.split(',').map(str::to_owned).collect()),
        other => texts_of(other),
    }
}

fn analyzers(value: &Value) -> Option<BTreeMap<String, String>> {
    let named = |(field, name): (&String, &Value)| Some((field.clone(), name.as_str()?.to_owned()));
    value.as_object()?.iter().map(named).collect()
}

fn filter(value: &Value) -> Result<TermFilter, ApiError> {
    let members =
        value.as_object().ok_or_else(|| parse_fault(format!("[filter] must be an object, not [{value}]")))?;
    let mut filter = TermFilter::default();
    for (key, value) in members {
        let number = || {
            let number = text_of(value).and_then(|text| text.parse::<u64>().ok());
            number.ok_or_else(|| parse_fault(format!("[{key}] of [filter] cannot be [{value}]")))
        };
        let count = || number().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        match key.as_str() {
            "max_num_terms" => filter.terms_max = count()?,
            "min_term_freq" => filter.term_freq.0 = number()?,
            "max_term_freq" => filter.term_freq.1 = number()?,
            "min_doc_freq" => filter.doc_freq.0 = number()?,
            "max_doc_freq" => filter.doc_freq.1 = number()?,
            "min_word_length" => filter.word_length.0 = count()?,
            "max_word_length" => filter.word_length.1 = count()?,
            other => {
                return Err(parse_fault(format!(
                    "the field [{other}] is not valid for filter parameter for term vector request"
                )));
            }
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_body_says_stands_above_what_is_usual() {
        let mut asked = Asked::default();
        let body = json!({"fields": "a,b*", "offsets": "false", "term_statistics": true, "doc": {"a": 1},
            "per_field_analyzer": {"a": "keyword"}, "filter": {"max_num_terms": 3, "min_word_length": "2"}});
        asked.take(body.as_object().expect("an object")).expect("well said");
        let vectors = asked.vectors;
        assert_eq!(vectors.fields.as_deref(), Some(&["a".to_owned(), "b*".to_owned()][..]));
        assert!(!vectors.offsets && vectors.positions && vectors.term_statistics && vectors.field_statistics);
        assert_eq!(vectors.analyzers["a"], "keyword");
        let filter = vectors.filter.expect("a filter");
        assert_eq!((filter.terms_max, filter.word_length, filter.term_freq.0), (3, (2, 0), 1));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (body, reason) in [
            (json!({"bad": 1}), "unknown field [bad]"),
            (json!({"offsets": "maybe"}), "[offsets] cannot be"),
            (json!({"doc": 1}), "[doc] cannot be [1]"),
            (json!({"filter": {"bad": 1}}), "the field [bad] is not valid for filter parameter"),
            (json!({"filter": {"max_num_terms": -1}}), "[max_num_terms] of [filter] cannot be"),
            (json!({"fields": [1, {}]}), "[fields] cannot be"),
        ] {
            let error = Asked::default().take(body.as_object().expect("an object")).expect_err("refused");
            assert!(error.reason.contains(reason), "{body}: {}", error.reason);
        }
    }
}
