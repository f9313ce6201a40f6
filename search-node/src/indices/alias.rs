//! What an alias says of one index beside its name: a filter, routing values, whether writes go there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shard::parse_query;

use super::names::check_alias_name;
use crate::error::ApiError;
use crate::indices::lenient::{text_of, truth_of};

/// One alias of one index, as it is kept and shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_routing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_routing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_write_index: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_hidden: Option<bool>,
}

impl Alias {
    /// Reads what a request says of an alias; members that `passes` are the request's own.
    pub(crate) fn read(name: &str, said: &Value, passes: impl Fn(&str) -> bool) -> Result<Self, ApiError> {
        let mut alias = Self::default();
        let members = match said {
            Value::Null => return Ok(alias),
            Value::Object(members) => members,
            other => {
                return Err(ApiError::parsing(format!("alias [{name}] must be an object, not [{other}]")));
            }
        };
        let (mut index_routing, mut search_routing) = (None, None);
        for (key, value) in members {
            let wrong =
                || ApiError::parsing(format!("[{key}] of alias [{name}] does not take the value [{value}]"));
            let text = || text_of(value).ok_or_else(wrong);
            let truth = || truth_of(value).ok_or_else(wrong);
            match key.as_str() {
                _ if value.is_null() => {}
                "filter" => alias.filter = read_filter(name, value)?,
                "routing" => {
                    alias.index_routing = Some(text()?);
                    alias.search_routing = Some(text()?);
                }
                "index_routing" | "indexRouting" | "index-routing" => index_routing = Some(text()?),
                "search_routing" | "searchRouting" | "search-routing" => search_routing = Some(text()?),
                "is_write_index" => alias.is_write_index = Some(truth()?),
                "is_hidden" => alias.is_hidden = Some(truth()?),
                other if passes(other) => {}
                other => {
                    return Err(ApiError::parsing(format!(
                        "Unknown field [{other}] in alias [{name}]; known: filter, routing, index_routing, search_routing, is_write_index, is_hidden"
                    )));
                }
            }
        }
        // What is said of one of both counts more than what is said of both.
        alias.index_routing = index_routing.or(alias.index_routing);
        alias.search_routing = search_routing.or(alias.search_routing);
        if alias.index_routing.as_deref().is_some_and(|values| values.contains(',')) {
            return Err(ApiError::argument(format!(
                "alias [{name}] has several index routing values associated with it"
            )));
        }
        Ok(alias)
    }

    /// Reads the aliases that an index or a template is to have, by their names.
    pub(crate) fn read_all(said: &Value) -> Result<Map<String, Value>, ApiError> {
        let members = match said {
            Value::Null => return Ok(Map::new()),
            Value::Object(members) => members,
            other => return Err(ApiError::parsing(format!("[aliases] must be an object, not [{other}]"))),
        };
        let read = |(name, said): (&String, &Value)| {
            check_alias_name(name)?;
            Ok((name.clone(), Self::read(name, said, |_| false)?.to_json()))
        };
        members.iter().map(read).collect()
    }

    /// What is kept of an alias. Whatever an older build wrote is read; it knew less.
    pub(crate) fn kept(value: &Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    /// As it is kept and shown.
    pub(crate) fn to_json(&self) -> Value {
        // Plain values always can be written.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The routing values that searches are led by; none if they are not.
    pub(crate) fn search_values(&self) -> BTreeSet<String> {
        let values = self.search_routing.iter().flat_map(|text| text.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }
}

/// A filter, which must be a query. An empty one is none.
fn read_filter(alias: &str, value: &Value) -> Result<Option<Value>, ApiError> {
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    };
    if parsed.as_object().is_some_and(Map::is_empty) {
        return Ok(None);
    }
    match parse_query(&parsed) {
        Ok(_) => Ok(Some(parsed)),
        Err(error) => Err(ApiError::argument(format!("failed to parse filter for alias [{alias}]"))
            .caused_by(error.kind, error.reason)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_routing_means_the_same_and_the_narrower_one_counts() {
        for (said, kept) in [
            (json!({}), json!({})),
            (json!({"routing": 1}), json!({"index_routing": "1", "search_routing": "1"})),
            (
                json!({"index_routing": "a", "routing": "b", "search_routing": "c,d"}),
                json!({"index_routing": "a", "search_routing": "c,d"}),
            ),
            (
                json!({"filter": {"term": {"a": 1}}, "is_write_index": "true", "is_hidden": false}),
                json!({"filter": {"term": {"a": 1}}, "is_write_index": true, "is_hidden": false}),
            ),
            (json!({"filter": {}, "routing": null}), json!({})),
        ] {
            let read = Alias::read("x", &said, |_| false).expect("read");

            assert_eq!(read.to_json(), kept, "{said}");
            assert_eq!(Alias::kept(&kept), read, "{said}");
        }
    }

    #[test]
    fn what_no_alias_says_is_refused_by_name() {
        for (said, reason) in [
            (json!([]), "alias [x] must be an object"),
            (json!({"color": 1}), "Unknown field [color] in alias [x]"),
            (json!({"routing": {}}), "[routing] of alias [x] does not take the value"),
            (
                json!({"routing": "a,b", "search_routing": "a"}),
                "alias [x] has several index routing values associated with it",
            ),
            (json!({"is_hidden": "maybe"}), "[is_hidden] of alias [x] does not take the value"),
            (json!({"filter": {"nonsense": {}}}), "failed to parse filter for alias [x]"),
        ] {
            let error = Alias::read("x", &said, |_| false).expect_err("refused");
            assert!(error.status == 400 && error.reason.starts_with(reason), "{said}: {}", error.reason);
        }
    }
}
