//! What a node answers other nodes beside what is about the map.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use transport::Incoming;

use crate::action::bulk::do_carried;
use crate::action::by_query::{answer_scan, answer_writes};
use crate::action::cluster::{answer_figures, answer_hot_threads, answer_sizes};
use crate::action::multi_get::answer_multi_get;
use crate::action::search::{answer_fetch, answer_held, answer_query};
use crate::action::visible::answer_visible;
use crate::coordination::{Action, Answers, Fault};
use crate::node::Node;
use crate::rest::answer_carried;

/// A node as others ask it.
pub(crate) struct Serving(pub(crate) Arc<Node>);

impl Answers for Serving {
    fn answer(&self, action: Action, call: Incoming) -> BoxFuture<'_, Result<Bytes, Fault>> {
        let (node, arrived) = (Arc::clone(&self.0), Instant::now());
        async move {
            match action {
                Action::Rest => answer_carried(node, call.body).await,
                Action::Bulk => {
                    let pool = node.carried_pool.clone();
                    let done = pool.go_on(move || do_carried(&node, &call.body)).await;
                    done.map_err(Fault::Failed)
                }
                Action::Query => {
                    let pool = node.carried_search_pool.clone();
                    let done =
                        pool.go_on(move || answer_query(&node, &call.body, arrived, &call.cancelled)).await;
                    done.map_err(Fault::Failed)
                }
                Action::Scan => {
                    let pool = node.carried_search_pool.clone();
                    let done = pool.go_on(move || answer_scan(&node, &call.body, &call.cancelled)).await;
                    done.map_err(Fault::Failed)
                }
                Action::ByQueryWrites => {
                    let pool = node.carried_pool.clone();
                    let done = pool.go_on(move || answer_writes(&node, &call.body)).await;
                    done.map_err(Fault::Failed)
                }
                Action::Held => {
                    let pool = node.carried_get_pool.clone();
                    let done = pool.go_on(move || answer_held(&node, &call.body, &call.cancelled)).await;
                    done.map_err(Fault::Failed)
                }
                Action::Fetch => {
                    let pool = node.carried_search_pool.clone();
                    let done = pool.go_on(move || answer_fetch(&node, &call.body, &call.cancelled)).await;
                    done.map_err(Fault::Failed)
                }
                Action::MultiGet => answer_multi_get(node, call.body).await.map_err(Fault::Failed),
                Action::Operations
                | Action::CopyPlan
                | Action::CopyPiece
                | Action::CopyCatchUp
                | Action::CopyVerify => match node.replication() {
                    Some(replication) => replication.answer(action, call).await,
                    None => Err(Fault::unknown(action)),
                },
                Action::Figures => {
                    let pool = node.carried_get_pool.clone();
                    let told = pool.go_on(move || Ok(answer_figures(&node, &call.body))).await;
                    told.map_err(Fault::Failed)
                }
                Action::HotThreads => answer_hot_threads(&call.body).await.map_err(Fault::Failed),
                Action::Sizes => {
                    let pool = node.carried_get_pool.clone();
                    pool.go_on(move || Ok(answer_sizes(&node))).await.map_err(Fault::Failed)
                }
                Action::Visible => answer_visible(node, &call.body).await.map_err(Fault::Failed),
                _ => Err(Fault::unknown(action)),
            }
        }
        .boxed()
    }
}
