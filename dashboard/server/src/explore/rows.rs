//! Rows of the table: one search, turned into columns.

use serde_json::{Map, Value, json};

use crate::document;
use crate::error::ApiError;
use crate::explore::cursor::{self, PageEnd};
use crate::explore::request::{SearchRequest, Sort, TIME_FIELD};
use crate::fields::Fields;
use crate::kql::FieldKind;
use crate::node::Node;
use crate::settings::ExploreBounds;

/// The column that tells any document in one line: its message, or its telling fields.
pub(crate) const SUMMARY: &str = "_summary";

/// How many log lines share one millisecond is not rare; their place in the file keeps their order.
const TIE_FIELD: &str = "log.offset";

/// A search for rows, ready to be sent.
#[derive(Debug)]
pub(crate) struct RowsPlan {
    query: Value,
    sort: Vec<Value>,
    after: Option<Value>,
    /// The columns, in order.
    pub(crate) columns: Vec<String>,
    /// The order in force.
    pub(crate) order: Sort,
}

impl RowsPlan {
    /// Plans the rows of `request`, whose documents are those of `query`.
    pub(crate) fn new(request: &SearchRequest, query: Value, fields: &Fields) -> Result<Self, ApiError> {
        let order = request.sort.clone().unwrap_or(Sort { field: TIME_FIELD.to_owned(), descending: true });
        let sort = sort_keys(&order, fields)?;
        let after = request.after.as_deref().map(|text| cursor::read(text, sort.len())).transpose()?;
        let columns =
            if request.columns.is_empty() { default_columns(fields) } else { request.columns.clone() };
        Ok(Self { query, sort, after, columns, order })
    }

    /// Asks the node and makes the `rows` frame.
    pub(crate) async fn run(
        &self,
        node: &Node,
        request: &SearchRequest,
        fields: &Fields,
        bounds: &ExploreBounds,
    ) -> Result<Value, ApiError> {
        let mut asked = bounds.page_rows;
        loop {
            let answer = node.search(&request.scope.source, &self.body(asked)).await?;
            let hits = answer
                .pointer("/hits/hits")
                .and_then(Value::as_array)
                .ok_or_else(|| ApiError::NodeOdd("the search node's answer has no `hits.hits`".to_owned()))?;
            match cursor::page_end(hits, asked) {
                PageEnd::Last => return Ok(self.frame(hits, None, false, fields, bounds)),
                PageEnd::Keep(rows) => {
                    return Ok(self.frame(&hits[..rows], next(&hits[..rows]), false, fields, bounds));
                }
                PageEnd::AllTied if asked < bounds.tied_rows_max => asked = bounds.tied_rows_max,
                PageEnd::AllTied => return Ok(self.frame(hits, next(hits), true, fields, bounds)),
            }
        }
    }

    fn body(&self, size: usize) -> Value {
        let mut body = json!({
            "query": self.query,
            "size": size,
            "sort": self.sort,
            "track_total_hits": false,
        });
        // A summary may need any field; otherwise only what is shown is fetched.
        if !self.columns.iter().any(|column| column == SUMMARY) {
            body["_source"] = json!(self.columns);
        }
        if let Some(after) = &self.after {
            body["search_after"] = after.clone();
        }
        body
    }

    fn frame(
        &self,
        hits: &[Value],
        next: Option<String>,
        cut: bool,
        fields: &Fields,
        bounds: &ExploreBounds,
    ) -> Value {
        let empty = Map::new();
        let sources: Vec<&Map<String, Value>> =
            hits.iter().map(|hit| hit.get("_source").and_then(Value::as_object).unwrap_or(&empty)).collect();
        let columns: Vec<Value> = self
            .columns
            .iter()
            .map(|name| {
                let values: Vec<Value> =
                    sources.iter().map(|source| column_value(source, name, bounds.cell_bytes_max)).collect();
                let kind = fields.get(name).map_or("unknown", |field| field.kind_name.as_str());
                json!({"name": name, "type": kind, "values": values})
            })
            .collect();
        let member = |name: &str| -> Vec<&Value> {
            hits.iter().map(|hit| hit.get(name).unwrap_or(&Value::Null)).collect()
        };
        let levels: Vec<Option<String>> = sources.iter().map(|source| level_of(source)).collect();
        json!({
            "frame": "rows",
            "cols": columns,
            "ids": member("_id"),
            "indices": member("_index"),
            "levels": levels,
            "next": next,
            "cut": cut,
        })
    }
}

fn column_value(source: &Map<String, Value>, name: &str, bytes_max: usize) -> Value {
    if name == SUMMARY {
        return Value::String(document::summary(source, bytes_max));
    }
    document::cell(document::at(source, name), bytes_max)
}

/// The level of a line, for its gutter; monitors speak of up and down instead.
fn level_of(source: &Map<String, Value>) -> Option<String> {
    ["log.level", "level", "severity"]
        .iter()
        .find_map(|name| document::text_at(source, name))
        .map(|level| level.to_lowercase())
}

fn next(rows: &[Value]) -> Option<String> {
    rows.last().and_then(|hit| hit.get("sort")).map(cursor::write)
}

fn default_columns(fields: &Fields) -> Vec<String> {
    let mut columns = vec![TIME_FIELD, "log.level", "event.dataset", "host.name"];
    columns.retain(|name| fields.get(name).is_some());
    columns.push(SUMMARY);
    columns.into_iter().map(str::to_owned).collect()
}

fn sort_keys(order: &Sort, fields: &Fields) -> Result<Vec<Value>, ApiError> {
    let direction = if order.descending { "desc" } else { "asc" };
    let mut keys = Vec::new();
    let mut push = |field: &str, name: String, direction: &str| {
        let kind = match fields.get(field).map(|field| field.kind) {
            Some(FieldKind::Keyword | FieldKind::Text | FieldKind::Ip) => "keyword",
            Some(FieldKind::Float) => "double",
            Some(FieldKind::Boolean) => "boolean",
            Some(FieldKind::Date) => "date",
            _ => "long",
        };
        let mut key = json!({name.clone(): {"order": direction, "unmapped_type": kind}});
        // Rows without the value come last in both directions.
        key[&name]["missing"] = json!("_last");
        keys.push(key);
    };
    if order.field != TIME_FIELD {
        let name = fields.countable(&order.field).ok_or_else(|| {
            ApiError::BadRequest(format!(
                "`{}` cannot be sorted by: it is analysed text without a keyword beside it, or no field of this source",
                order.field
            ))
        })?;
        push(&order.field, name, direction);
        push(TIME_FIELD, TIME_FIELD.to_owned(), "desc");
    } else {
        push(TIME_FIELD, TIME_FIELD.to_owned(), direction);
    }
    if fields.get(TIE_FIELD).is_some() {
        let tie = if order.field == TIME_FIELD { direction } else { "desc" };
        push(TIE_FIELD, TIE_FIELD.to_owned(), tie);
    }
    Ok(keys)
}
