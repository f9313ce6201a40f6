//! `_disk_usage`: what each field takes on the disk, and what for.
//!
//! One copy of each shard is counted, its primary's: what the last refresh showed.

use std::collections::{BTreeMap, BTreeSet};

use cluster::health::CopyRow;
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};
use shard::FieldBytes;

use super::{Told, meant};
use crate::action::cluster::FiguresWish;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cat::bytes_shown;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "flush", "ignore_unavailable", "run_expensive_tasks"];

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::POST], "/{index}/_disk_usage", PARAMS, |call| disk_usage(call).boxed())];

async fn disk_usage(call: Call) -> Result<Reply, ApiError> {
    if !call.flag("run_expensive_tasks")? {
        return Err(ApiError::argument(
            "analyzing the disk usage of an index is expensive and resource intensive, the parameter [run_expensive_tasks] must be set to [true] in order for the task to be performed.",
        ));
    }
    // Segments are files as soon as they can be searched.
    call.maybe_flag("flush")?;
    let fields_of: BTreeSet<String> = meant(&call)?.map.indices.keys().map(|id| id.0.clone()).collect();
    let told = Told::of(&call, FiguresWish { fields_of, ..FiguresWish::default() }).await?;
    let primaries: Vec<&CopyRow> = told.rows.iter().filter(|row| row.is_primary).collect();
    let counted = primaries.iter().filter(|row| told.figures(row).is_some()).count();
    let mut answer = Map::new();
    let shards =
        json!({"total": primaries.len(), "successful": counted, "failed": primaries.len() - counted});
    answer.insert("_shards".to_owned(), shards);
    for (id, entry) in &told.view.map.indices {
        let copies =
            primaries.iter().filter(|row| row.shard.index == *id).filter_map(|row| told.figures(row));
        let (mut fields, mut store) = (BTreeMap::<&str, FieldBytes>::new(), 0);
        for copy in copies {
            store += copy.bytes;
            for (path, bytes) in &copy.fields {
                *fields.entry(path).or_default() += *bytes;
            }
        }
        answer.insert(entry.name.clone(), index_shown(store, &fields));
    }
    Call::ok(Value::Object(answer))
}

fn index_shown(store: u64, fields: &BTreeMap<&str, FieldBytes>) -> Value {
    let mut all = FieldBytes::default();
    fields.values().for_each(|bytes| all += *bytes);
    let shown: Map<String, Value> =
        fields.iter().map(|(path, bytes)| ((*path).to_owned(), field_shown(bytes))).collect();
    json!({
        "store_size": bytes_shown(store),
        "store_size_in_bytes": store,
        "all_fields": field_shown(&all),
        "fields": shown
    })
}

/// There are no vectors of terms.
fn field_shown(bytes: &FieldBytes) -> Value {
    let mut shown = Map::new();
    let mut add = |name: &str, bytes: u64| {
        shown.insert(name.to_owned(), json!(bytes_shown(bytes)));
        shown.insert(format!("{name}_in_bytes"), json!(bytes));
    };
    add("total", bytes.total());
    add("stored_fields", bytes.stored);
    add("doc_values", bytes.columns);
    add("points", bytes.points);
    add("norms", bytes.norms);
    add("term_vectors", 0);
    let terms = json!({"total": bytes_shown(bytes.terms), "total_in_bytes": bytes.terms});
    shown.insert("inverted_index".to_owned(), terms);
    Value::Object(shown)
}
