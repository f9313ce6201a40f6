//! The members of a query's JSON, taken one by one; what is left at the end is refused.

use std::fmt::Display;

use serde_json::Value;

use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{Operator, Query, Rewrite};
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::rules::boosted_field;

/// The members of one query that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// What the query is called.
    pub query: &'static str,
    left: Vec<(&'a str, &'a Value)>,
}

impl<'a> Members<'a> {
    /// Those of a query's body.
    pub(super) fn of(query: &'static str, body: &'a Value) -> Result<Self, QueryError> {
        let members = body.as_object().ok_or_else(|| {
            QueryError::parsing(format!("[{query}] query malformed, no start_object after query name"))
        })?;
        let left = members.iter().map(|(key, value)| (key.as_str(), value)).collect();
        Ok(Self { query, left })
    }

    /// The one field of a query with its members: `{"field": value}` counts as `{"field": {short: value}}`.
    pub(super) fn of_field(
        query: &'static str,
        body: &'a Value,
        short: &'static str,
    ) -> Result<(String, Self), QueryError> {
        let mut around = Self::of(query, body)?;
        // They may stand beside the field.
        let beside = ["boost", "_name"].map(|key| around.take(key).map(|value| (key, value)));
        let mut fields = around.left.into_iter();
        let Some((field, value)) = fields.next() else {
            return Err(QueryError::argument(format!("field name is null or empty for [{query}]")));
        };
        if let Some((second, _)) = fields.next() {
            return Err(QueryError::parsing(format!(
                "[{query}] query doesn't support multiple fields, found [{field}] and [{second}]"
            )));
        }
        let mut inside = match value {
            Value::Object(_) => Self::of(query, value)?,
            Value::Array(_) => {
                return Err(QueryError::parsing(format!("[{query}] query does not support array of values")));
            }
            scalar => Self { query, left: vec![(short, scalar)] },
        };
        for (key, value) in beside.into_iter().flatten() {
            if !inside.left.iter().any(|(own, _)| *own == key) {
                inside.left.push((key, value));
            }
        }
        Ok((field.to_owned(), inside))
    }

    /// The value of a member that is still to be taken.
    pub(super) fn peek(&self, key: &str) -> Option<&'a Value> {
        self.left.iter().find(|(own, _)| *own == key).map(|(_, value)| *value)
    }

    /// The value of a member, which is done with then.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a Value> {
        let at = self.left.iter().position(|(own, _)| *own == key)?;
        Some(self.left.remove(at).1)
    }

    /// The value of a member that has several names.
    pub(super) fn take_any(&mut self, keys: &[&str]) -> Option<&'a Value> {
        keys.iter().filter_map(|key| self.take(key)).last()
    }

    /// What is made of a member's value.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&'a Value) -> Result<T, QueryError>,
    ) -> Result<Option<T>, QueryError> {
        self.take(key).map(read).transpose()
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key).map(plain)
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, QueryError> {
        let query = self.query;
        self.read(key, |value| match plain(value).as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(QueryError::argument(format!(
                "[{key}] of [{query}] must be true or false, not [{other}]"
            ))),
        })
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, key: &str) -> Result<Option<f32>, QueryError> {
        let query = self.query;
        self.read(key, |value| {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            match number {
                Some(number) if number.is_finite() && number >= 0.0 => Ok(number as f32),
                None => Err(QueryError {
                    kind: "number_format_exception",
                    reason: format!(
                        "[{query}] failed to parse [{key}]: For input string: \"{}\"",
                        plain(value)
                    ),
                }),
                _ => Err(QueryError::argument(format!(
                    "[{key}] of [{query}] must be a number of at least 0, not [{}]",
                    plain(value)
                ))),
            }
        })
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, key: &str) -> Result<Option<u32>, QueryError> {
        let query = self.query;
        self.read(key, |value| {
            let whole = |value: &Value| {
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
                (number >= 0.0 && number <= f64::from(i32::MAX)).then_some(number as u32)
            };
            whole(value).ok_or_else(|| {
                QueryError::argument(format!(
                    "[{key}] of [{query}] must be a whole number of at least 0, not [{}]",
                    plain(value)
                ))
            })
        })
    }

    pub(super) fn operator(&mut self, key: &str) -> Result<Option<Operator>, QueryError> {
        let query = self.query;
        self.read(key, |value| match plain(value).to_ascii_lowercase().as_str() {
            "and" => Ok(Operator::And),
            "or" => Ok(Operator::Or),
            other => {
                Err(QueryError::argument(format!("[{query}] operator must be [and] or [or], not [{other}]")))
            }
        })
    }

    pub(super) fn rewrite(&mut self, key: &str) -> Result<Option<Rewrite>, QueryError> {
        self.read(
            key,
            |value| if value.is_null() { Ok(Rewrite::Usual) } else { Rewrite::parse(&plain(value)) },
        )
    }

    pub(super) fn minimum_should_match(&mut self) -> Result<Option<MinimumShouldMatch>, QueryError> {
        self.read("minimum_should_match", |value| MinimumShouldMatch::parse(&plain(value)))
    }

    /// `["title^2", "body.*"]`, or one of them.
    pub(super) fn fields(&mut self, key: &str) -> Result<Option<Vec<(String, f32)>>, QueryError> {
        let query = self.query;
        let boosted = |value: &Value| {
            let text = plain(value);
            boosted_field(&text)
                .ok_or_else(|| QueryError::parsing(format!("[{query}] cannot read the boost of [{text}]")))
        };
        self.read(key, |value| several(value).iter().map(boosted).collect())
    }

    /// The same where one that is in no list is refused.
    pub(super) fn listed_fields(&mut self, key: &str) -> Result<Option<Vec<(String, f32)>>, QueryError> {
        if self.peek(key).is_some_and(|value| !value.is_array() && !value.is_null()) {
            return Err(QueryError::parsing(match self.query {
                "simple_query_string" => format!("[simple_query_string] unsupported field [{key}]"),
                query => format!("[{query}] query does not support [{key}]"),
            }));
        }
        self.fields(key)
    }

    /// One plain value or several.
    pub(super) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, QueryError> {
        let query = self.query;
        self.read(key, |value| {
            let items = several(value);
            if items.iter().any(|item| item.is_null() || item.is_array() || item.is_object()) {
                return Err(QueryError::parsing(format!(
                    "[{query}] failed to parse field [{key}]: expected texts but found [{value}]"
                )));
            }
            Ok(items.iter().map(plain).collect())
        })
    }

    /// What there is beside the members that are known, and where more may stand under a name of its own.
    pub(super) fn next(&mut self) -> Option<(&'a str, &'a Value)> {
        (!self.left.is_empty()).then(|| self.left.remove(0))
    }

    /// Members that were taken and are still to be read.
    pub(super) fn put_back(&mut self, members: impl IntoIterator<Item = Option<(&'a str, &'a Value)>>) {
        self.left.extend(members.into_iter().flatten());
    }

    /// Members that change nothing here.
    pub(super) fn pass_over(&mut self, keys: &[&str]) {
        self.left.retain(|(key, _)| !keys.contains(key));
    }

    /// The query with its boost and name, where nothing else is left.
    pub(super) fn end(mut self, query: Query) -> Result<Query, QueryError> {
        let boost = self.number("boost")?.unwrap_or(1.0);
        let name = self.text("_name");
        match self.left.first() {
            Some((key, _)) => Err(self.unsupported(key)),
            None => Ok(query.boosted(boost).named(name)),
        }
    }

    /// The end of members that are no query of their own.
    pub(super) fn done(self) -> Result<(), QueryError> {
        self.left.first().map_or(Ok(()), |(key, _)| Err(self.unsupported(key)))
    }

    pub(super) fn unsupported(&self, key: impl Display) -> QueryError {
        QueryError::parsing(format!("[{}] query does not support [{key}]", self.query))
    }
}

/// One value or an array of them.
fn several(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}
