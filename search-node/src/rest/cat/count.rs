//! `_cat/count`: how many documents there are.

use futures::FutureExt;
use http::Method;

use super::table::{COMMON, Column, Table, number, text};
use super::{chosen, moment};
use crate::action::cluster::survey;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/count", COMMON, |call| count(call).boxed()),
    route(&[Method::GET], "/_cat/count/{index}", COMMON, |call| count(call).boxed()),
];

const COLUMNS: &[Column] = &[
    number("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    text("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    number("count", &["dc", "docs.count", "docsCount"], "the document count"),
];

async fn count(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = chosen(&call)?;
    let survey = survey(&call.node, &view, |_| true).await?;
    let mut documents = 0;
    for (shard, _) in view.map.shards() {
        // Any copy that has everything will do; a number without a shard would look like any other.
        match survey.copies_of(&view.map, &shard).first() {
            Some((true, copy)) => documents += copy.documents,
            _ => {
                let name = view.map.indices.get(&shard.index).map_or("_na_", |entry| entry.name.as_str());
                return Err(ApiError::new(
                    503,
                    "no_shard_available_action_exception",
                    format!(
                        "the documents of shard [{}] of [{name}] cannot be counted: its primary is not there",
                        shard.number
                    ),
                )
                .with("index", name));
            }
        }
    }
    let (epoch, time) = moment(call.node.clock.now_millis());
    Table { columns: COLUMNS, rows: vec![vec![epoch.into(), time.into(), documents.into()]] }.show(&call)
}
