//! What Explore asks for: a source, a time range, a query and filters, and the DSL that they make together.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fields::Fields;
use crate::kql;
use crate::settings::ExploreBounds;
use crate::source::Source;

/// The field that time ranges and the histogram look at.
pub(crate) const TIME_FIELD: &str = "@timestamp";
/// How many filter pills a request may have.
const FILTERS_MAX: usize = 64;
/// How many values one pill may have.
const VALUES_MAX: usize = 64;
/// How many columns a table may have.
const COLUMNS_MAX: usize = 64;

/// Which documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    /// The indices.
    pub(crate) source: Source,
    /// The query bar's text.
    #[serde(default)]
    pub(crate) query: String,
    /// The filter pills.
    #[serde(default)]
    pub(crate) filters: Vec<Filter>,
    /// The first millisecond since 1970.
    pub(crate) from: i64,
    /// The last millisecond since 1970.
    pub(crate) to: i64,
}

/// A filter pill.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// The field.
    pub(crate) field: String,
    /// Any of these values; none asks whether the field exists.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// Whether the documents must not match.
    #[serde(default)]
    pub(crate) negate: bool,
}

/// A page of rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchRequest {
    /// Which documents.
    pub(crate) scope: Scope,
    /// The columns; none lets the server choose.
    #[serde(default)]
    pub(crate) columns: Vec<String>,
    /// The order; none is newest first.
    #[serde(default)]
    pub(crate) sort: Option<Sort>,
    /// Where the page before ended; none for the first.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Whether the histogram is wanted.
    #[serde(default)]
    pub(crate) histogram: bool,
}

/// The order of rows.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sort {
    /// The field.
    pub(crate) field: String,
    /// Whether the largest comes first.
    #[serde(default)]
    pub(crate) descending: bool,
}

impl Scope {
    /// Checks the bounds that do not need the fields.
    pub(crate) fn check(&self, bounds: &ExploreBounds) -> Result<(), ApiError> {
        if self.query.len() > bounds.query_bytes_max {
            return Err(ApiError::BadRequest(format!(
                "the query has {} bytes, more than `explore.query_bytes_max` ({})",
                self.query.len(),
                bounds.query_bytes_max
            )));
        }
        if self.filters.len() > FILTERS_MAX || self.filters.iter().any(|f| f.values.len() > VALUES_MAX) {
            return Err(ApiError::BadRequest(format!(
                "more than {FILTERS_MAX} filters or {VALUES_MAX} values in one; use the query bar"
            )));
        }
        if self.from > self.to {
            return Err(ApiError::BadRequest(
                "the time range ends before it starts; swap `from` and `to`".to_owned(),
            ));
        }
        instant(self.from)?;
        instant(self.to)?;
        Ok(())
    }

    /// The query and the filters as clauses of a `bool` filter, without the time range.
    pub(crate) fn clauses(&self, fields: &Fields) -> Result<Vec<Value>, ApiError> {
        let tree = kql::parse(&self.query)?;
        let mut clauses = Vec::with_capacity(self.filters.len() + 2);
        if tree != kql::Expr::All {
            clauses.push(kql::lower(&self.query, &tree, fields)?);
        }
        clauses.extend(self.filters.iter().map(|filter| filter.lower(fields)));
        Ok(clauses)
    }

    /// Everything together.
    pub(crate) fn dsl(&self, fields: &Fields) -> Result<Value, ApiError> {
        let mut clauses = self.clauses(fields)?;
        if fields.get(TIME_FIELD).is_some() {
            clauses.push(time_range(self.from, self.to)?);
        }
        Ok(all_of(clauses))
    }
}

impl Filter {
    fn lower(&self, fields: &Fields) -> Value {
        let clause = if self.values.is_empty() {
            json!({"exists": {"field": self.field}})
        } else {
            let clauses: Vec<Value> = self.values.iter().map(|value| self.one(value, fields)).collect();
            match <[Value; 1]>::try_from(clauses) {
                Ok([only]) => only,
                Err(clauses) => json!({"bool": {"should": clauses, "minimum_should_match": 1}}),
            }
        };
        if self.negate { json!({"bool": {"must_not": [clause]}}) } else { clause }
    }

    fn one(&self, value: &str, fields: &Fields) -> Value {
        match (fields.get(&self.field), fields.countable(&self.field)) {
            (Some(field), Some(exact)) if field.kind == kql::FieldKind::Date => {
                json!({"range": {exact: {"gte": value, "lte": value}}})
            }
            (_, Some(exact)) => json!({"term": {exact: {"value": value}}}),
            (_, None) => json!({"match_phrase": {self.field.clone(): value}}),
        }
    }
}

impl SearchRequest {
    /// Checks what does not need the fields.
    pub(crate) fn check(&self, bounds: &ExploreBounds) -> Result<(), ApiError> {
        self.scope.check(bounds)?;
        if self.columns.len() > COLUMNS_MAX {
            return Err(ApiError::BadRequest(format!("more than {COLUMNS_MAX} columns; remove some")));
        }
        Ok(())
    }
}

/// `[from, to]` as a range query on the time field.
pub(crate) fn time_range(from: i64, to: i64) -> Result<Value, ApiError> {
    Ok(json!({"range": {TIME_FIELD: {"gte": instant(from)?, "lte": instant(to)?}}}))
}

/// All clauses together; none is everything.
pub(crate) fn all_of(clauses: Vec<Value>) -> Value {
    if clauses.is_empty() { json!({"match_all": {}}) } else { json!({"bool": {"filter": clauses}}) }
}

/// Milliseconds since 1970 as every node reads them.
pub(crate) fn instant(millis: i64) -> Result<String, ApiError> {
    let timestamp = Timestamp::from_millisecond(millis).map_err(|_| {
        ApiError::BadRequest(format!(
            "{millis} is not a time in milliseconds since 1970 that can be searched"
        ))
    })?;
    Ok(format!("{timestamp:.3}"))
}
