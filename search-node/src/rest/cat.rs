//! `_cat`: tables for people, or JSON for programs.

use std::fmt::Write;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::cluster::health_of;
use super::envelope::Reply;
use super::router::{Route, route};
use super::tasks::{Listed, every_task};
use crate::error::ApiError;
use crate::indices::{CopyState, Index};

const COMMON: &[&str] = &[
    "format",
    "h",
    "v",
    "s",
    "help",
    "bytes",
    "time",
    "health",
    "expand_wildcards",
    "local",
    "pri",
    "include_unloaded_segments",
    "ts",
    "master_timeout",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat", COMMON, |_| async { Ok(list()) }.boxed()),
    route(&[Method::GET], "/_cat/indices", COMMON, |call| blocking(call, indices).boxed()),
    route(&[Method::GET], "/_cat/indices/{index}", COMMON, |call| blocking(call, indices).boxed()),
    route(&[Method::GET], "/_cat/health", COMMON, |call| blocking(call, health).boxed()),
    route(&[Method::GET], "/_cat/tasks", TASKS, |call| tasks(call).boxed()),
];

const TASKS: &[&str] = &[
    "actions",
    "detailed",
    "nodes",
    "node_id",
    "parent_task_id",
    "format",
    "h",
    "v",
    "s",
    "help",
    "time",
    "master_timeout",
];

/// Looking at files may block.
async fn blocking(call: Call, make: fn(&Call) -> Result<Table, ApiError>) -> Result<Reply, ApiError> {
    let pool = call.node.search_pool.clone();
    pool.run(move || make(&call)?.show(&call)).await
}

fn list() -> Reply {
    let text = "=^.^=\n/_cat/indices\n/_cat/indices/{index}\n/_cat/health\n/_cat/tasks\n";
    Reply::Text(200, text.to_owned(), "text/plain; charset=UTF-8")
}

/// A table: its columns, which of them are shown unless asked otherwise, and its rows.
struct Table {
    columns: &'static [(&'static str, bool)],
    rows: Vec<Vec<String>>,
}

fn health_of_index(index: &Index) -> &'static str {
    if index.copy_states().any(|state| state == CopyState::Failed) { "red" } else { "green" }
}

fn indices(call: &Call) -> Result<Table, ApiError> {
    let expression = call.path.get("index").map_or("*", String::as_str);
    let mut options = call.name_options()?;
    // The list is for operators: backing indices of data streams belong to it.
    options.expand_hidden |= !call.query.contains_key("expand_wildcards");
    let meant = call.node.indices.meant(expression, options)?;
    let lost = meant.lost.iter().filter_map(|(lost, _)| lost.names.as_ref()).map(|names| {
        let known = ["red", "open", &names.name, &names.uuid, "", "0", "", "", "", ""];
        known.map(str::to_owned).to_vec()
    });
    let rows = meant.indices.into_iter().map(|index| {
        // A shard that cannot be refreshed is told by its health; its last figures are better than none.
        if let Err(error) = index.refresh_if_idle() {
            tracing::warn!(
                index = index.name,
                reason = error.reason,
                "index could not be refreshed for its figures"
            );
        }
        let stats = index.stats();
        let size = shown_bytes(stats.bytes, call.param("bytes"));
        vec![
            health_of_index(&index).to_owned(),
            "open".to_owned(),
            index.name.clone(),
            index.uuid.clone(),
            index.number_of_shards().to_string(),
            "0".to_owned(),
            stats.documents.to_string(),
            stats.deleted.to_string(),
            size.clone(),
            size,
        ]
    });
    Ok(Table {
        columns: &[
            ("health", true),
            ("status", true),
            ("index", true),
            ("uuid", true),
            ("pri", true),
            ("rep", true),
            ("docs.count", true),
            ("docs.deleted", true),
            ("store.size", true),
            ("pri.store.size", true),
        ],
        rows: rows.chain(lost).collect(),
    })
}

fn health(call: &Call) -> Result<Table, ApiError> {
    let health = health_of(call)?;
    let text = |key: &str| health[key].as_str().map_or_else(|| health[key].to_string(), str::to_owned);
    let now = call.node.clock.now_millis();
    let time = shard::mapping::dates::show(now);
    Ok(Table {
        columns: &[
            ("epoch", true),
            ("timestamp", true),
            ("cluster", true),
            ("status", true),
            ("node.total", true),
            ("node.data", true),
            ("shards", true),
            ("pri", true),
            ("relo", true),
            ("init", true),
            ("unassign", true),
            ("pending_tasks", true),
            ("max_task_wait_time", true),
            ("active_shards_percent", true),
        ],
        rows: vec![vec![
            (now / 1000).to_string(),
            time.get(11..19).unwrap_or_default().to_owned(),
            text("cluster_name"),
            text("status"),
            text("number_of_nodes"),
            text("number_of_data_nodes"),
            text("active_shards"),
            text("active_primary_shards"),
            text("relocating_shards"),
            text("initializing_shards"),
            text("unassigned_shards"),
            text("number_of_pending_tasks"),
            "-".to_owned(),
            "100.0%".to_owned(),
        ]],
    })
}

/// What runs on all nodes, this request included.
async fn tasks(call: Call) -> Result<Reply, ApiError> {
    let rows = every_task(&call).await?.into_iter().map(|Listed { node_name, ip, task }| {
        let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
        let started = task["start_time_in_millis"].as_i64().unwrap_or_default();
        let time = shard::mapping::dates::show(started);
        vec![
            text("action"),
            format!("{}:{}", text("node"), task["id"]),
            task["parent_task_id"].as_str().unwrap_or("-").to_owned(),
            text("type"),
            started.to_string(),
            time.get(11..19).unwrap_or_default().to_owned(),
            format!("{:.1}ms", task["running_time_in_nanos"].as_f64().unwrap_or_default() / 1e6),
            ip,
            node_name,
            text("description"),
        ]
    });
    let table = Table {
        columns: &[
            ("action", true),
            ("task_id", true),
            ("parent_task_id", true),
            ("type", true),
            ("start_time", true),
            ("timestamp", true),
            ("running_time", true),
            ("ip", true),
            ("node", true),
            ("description", false),
        ],
        rows: rows.collect(),
    };
    table.show(&call)
}

/// `12.3kb`, or a plain number in the unit asked for.
fn shown_bytes(bytes: u64, unit: Option<&str>) -> String {
    const UNITS: [(&str, u64); 4] = [("tb", 1 << 40), ("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
    if let Some(unit) = unit {
        let size = UNITS.iter().find(|(name, _)| name.starts_with(unit)).map_or(1, |(_, size)| *size);
        return (bytes / size).to_string();
    }
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((name, size)) => format!("{:.1}{name}", bytes as f64 / *size as f64),
        None => format!("{bytes}b"),
    }
}

impl Table {
    fn show(mut self, call: &Call) -> Result<Reply, ApiError> {
        if call.flag("help")? {
            let text = self.columns.iter().map(|(name, _)| format!("{name}\n")).collect();
            return Ok(Reply::Text(200, text, "text/plain; charset=UTF-8"));
        }
        if let Some(order) = call.param("s") {
            self.sort(order);
        }
        let columns = self.chosen(call.param("h"));
        match call.param("format") {
            None | Some("text") => {
                Ok(Reply::Text(200, self.text(&columns, call.flag("v")?), "text/plain; charset=UTF-8"))
            }
            Some("json") => Ok(Reply::Json(200, self.json(&columns))),
            Some(other) => {
                Err(ApiError::argument(format!("format [{other}] is not supported; use text or json")))
            }
        }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| *column == name)
    }

    fn sort(&mut self, order: &str) {
        for part in order.split(',').rev() {
            let (name, descending) =
                part.split_once(':').map_or((part, false), |(name, way)| (name, way == "desc"));
            let Some(at) = self.column(name) else { continue };
            self.rows.sort_by(|a, b| {
                let numbers = a[at].parse::<f64>().ok().zip(b[at].parse::<f64>().ok());
                let order = numbers.map_or_else(|| a[at].cmp(&b[at]), |(a, b)| a.total_cmp(&b));
                if descending { order.reverse() } else { order }
            });
        }
    }

    fn chosen(&self, asked: Option<&str>) -> Vec<usize> {
        match asked {
            Some(names) => names.split(',').filter_map(|name| self.column(name)).collect(),
            None => (0..self.columns.len()).filter(|at| self.columns[*at].1).collect(),
        }
    }

    fn json(&self, columns: &[usize]) -> Value {
        let rows = self.rows.iter().map(|row| {
            let members: Map<String, Value> =
                columns.iter().map(|at| (self.columns[*at].0.to_owned(), json!(row[*at]))).collect();
            Value::Object(members)
        });
        Value::Array(rows.collect())
    }

    fn text(&self, columns: &[usize], titles: bool) -> String {
        let title = |at: &usize| self.columns[*at].0.to_owned();
        let mut lines: Vec<Vec<String>> = Vec::new();
        if titles {
            lines.push(columns.iter().map(title).collect());
        }
        lines.extend(self.rows.iter().map(|row| columns.iter().map(|at| row[*at].clone()).collect()));
        let widths: Vec<usize> = (0..columns.len())
            .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let _infallible = writeln!(text, "{}", cells.collect::<Vec<_>>().join(" ").trim_end());
        }
        text
    }
}
