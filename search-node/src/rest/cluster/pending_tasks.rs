//! `_cluster/pending_tasks`: changes of the map that wait. There are none: a change is agreed on at once, or its request still
//! waits for that.

use futures::FutureExt;
use http::Method;
use serde_json::json;

use super::wait_led;
use crate::rest::call::Call;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/_cluster/pending_tasks", &["local", "master_timeout"], |call| {
        async move {
            wait_led(&call).await?;
            Call::ok(json!({"tasks": []}))
        }
        .boxed()
    })];
