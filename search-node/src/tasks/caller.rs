//! What the client calls its request (`X-Opaque-Id`): tasks that are begun for it say so.

use std::sync::Arc;

tokio::task_local! {
    static OPAQUE_ID: Option<Arc<str>>;
}

/// Does the work of a request that the client calls so.
pub(crate) async fn called<F: Future>(opaque_id: Option<Arc<str>>, work: F) -> F::Output {
    OPAQUE_ID.scope(opaque_id, work).await
}

/// What the client calls the request that is worked on here.
pub(super) fn opaque_id() -> Option<Arc<str>> {
    OPAQUE_ID.try_with(Clone::clone).ok().flatten()
}
