//! What a node answers other nodes beside what is about the map.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use transport::Incoming;

use crate::coordination::{Action, Answers, Fault};
use crate::node::Node;
use crate::rest::answer_carried;

/// A node as others ask it.
pub(crate) struct Serving(pub(crate) Arc<Node>);

impl Answers for Serving {
    fn answer(&self, action: Action, call: Incoming) -> BoxFuture<'_, Result<Bytes, Fault>> {
        let node = Arc::clone(&self.0);
        async move {
            match action {
                Action::Rest => answer_carried(node, call.body).await,
                _ => Err(Fault::unknown(action)),
            }
        }
        .boxed()
    }
}
