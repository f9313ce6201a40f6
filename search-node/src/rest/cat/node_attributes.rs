//! `_cat/nodeattrs`: what operators say of nodes (`node.attr.*`).

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{View, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, port_of};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/_cat/nodeattrs", COMMON, |call| attributes(call).boxed())];

const COLUMNS: &[Column] = &[
    text("node", &["name"], "node name"),
    text("id", &["nodeId"], "unique node id").on_demand(),
    number("pid", &["p"], "process id").on_demand(),
    text("host", &["h"], "host name"),
    text("ip", &["i"], "ip address"),
    number("port", &["po"], "bound transport port").on_demand(),
    text("attr", &["attr.name"], "attribute description"),
    text("value", &["attr.value"], "attribute value"),
];

async fn attributes(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let survey = survey(&call.node, &view, |_| true).await?;
    let rows = view.map.nodes.iter().flat_map(|(node, entry)| {
        let process = survey.nodes.get(node).map(|figures| figures.process);
        let attributes = entry.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        // A node without attributes is a node all the same.
        let none = entry.attributes.is_empty().then_some(("-", "-"));
        attributes.chain(none).map(move |(name, value)| {
            let host = host_of(&entry.transport_address);
            vec![
                entry.name.as_str().into(),
                entry.data_id.as_str().into(),
                process.into(),
                host.into(),
                host.into(),
                port_of(&entry.transport_address).map(u32::from).into(),
                name.into(),
                Cell::from(value),
            ]
        })
    });
    Table { columns: COLUMNS, rows: rows.collect() }.show(&call)
}
