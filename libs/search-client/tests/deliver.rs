//! Delivery against a node that misbehaves in every way a node can.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use daemon::CancellationToken;
use search_client::{BulkAction, BulkOp, ClientError, ClientOptions, SearchClient};

fn action(id: &str) -> BulkAction {
    BulkAction {
        op: BulkOp::Create,
        index: "i".into(),
        id: Some(id.into()),
        pipeline: None,
        document: "{}".into(),
    }
}

async fn node(answers: &'static [(u16, &'static str)]) -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let app = Router::new().route(
        "/_bulk",
        post(move || {
            let at = seen.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            async move { (StatusCode::from_u16(answers[at].0).expect("a status"), answers[at].1) }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, calls)
}

fn client(host: String) -> SearchClient {
    let fast = Duration::from_millis(5);
    SearchClient::new(ClientOptions {
        hosts: vec![host],
        backoff_init: fast,
        backoff_max: fast,
        ..Default::default()
    })
    .expect("a client")
}

#[tokio::test]
async fn items_are_repeated_until_each_is_stored_or_refused() {
    let (host, calls) = node(&[
        (503, r#"{"error":{"type":"t","reason":"starting"},"status":503}"#),
        (429, r#"{"error":{"type":"t","reason":"busy"},"status":429}"#),
        (
            200,
            r#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429,"error":{"type":"x","reason":"full"}}},
                {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"bad"}}},{"create":{"status":409}}]}"#,
        ),
        (200, r#"{"errors":false,"items":[{"create":{"status":201}}]}"#),
    ])
    .await;
    let actions = ["a", "b", "c", "d"].map(action).to_vec();

    let refused = client(host).deliver(actions, &CancellationToken::new()).await.expect("delivered");

    assert_eq!(calls.load(Ordering::SeqCst), 4);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0.id.as_deref(), Some("c"));
    assert_eq!(refused[0].1.kind, "mapper_parsing_exception");
}

#[tokio::test]
async fn an_answer_that_counts_wrong_is_not_taken_for_success() {
    let (host, _) =
        node(&[(200, r#"{"errors":false,"items":[]}"#), (200, r#"{"items":[{"create":{"status":201}}]}"#)])
            .await;

    let once = client(host.clone()).bulk(&[action("a")]).await;

    assert!(matches!(once, Err(ClientError::Unexpected { .. })), "{once:?}");
}

#[tokio::test]
async fn stopping_ends_the_wait_for_a_dead_node() {
    let stop = CancellationToken::new();
    stop.cancel();

    let result = client("127.0.0.1:1".into()).deliver(vec![action("a")], &stop).await;

    assert!(matches!(result, Err(ClientError::Stopped)), "{result:?}");
}
