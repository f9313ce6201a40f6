//! `_cat/master`: who leads.

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, text};
use crate::action::cluster::View;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, wait_led};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/master", COMMON, |call| master(call).boxed()),
    route(&[Method::GET], "/_cat/cluster_manager", COMMON, |call| master(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("id", &[], "node id"),
    text("host", &["h"], "host name"),
    text("ip", &[], "ip address"),
    text("node", &["n"], "node name"),
];

async fn master(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    wait_led(&call).await?;
    let view = View::of(&call.node);
    let row: Vec<Cell> = match view.master.and_then(|master| view.node(master)) {
        Some(entry) => {
            let host = host_of(&entry.transport_address);
            vec![entry.data_id.as_str().into(), host.into(), host.into(), entry.name.as_str().into()]
        }
        None => vec!["-".into(); COLUMNS.len()],
    };
    Table { columns: COLUMNS, rows: vec![row] }.show(&call)
}
