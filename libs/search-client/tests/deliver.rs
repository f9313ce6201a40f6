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

/// A wrong `hosts` or `pipeline` must not cost an event: what is answered there says nothing about the items.
#[tokio::test]
async fn a_refusal_that_is_not_about_the_items_is_repeated() {
    let (host, calls) = node(&[
        (404, "<html>no such page</html>"),
        (405, r#"{"error":"Incorrect HTTP method","status":405}"#),
        (406, r#"{"error":{"type":"media_type_header_exception","reason":"no"},"status":406}"#),
        (400, "<html>plain HTTP request was sent to HTTPS port</html>"),
        (401, r#"{"error":{"type":"security_exception","reason":"who"},"status":401}"#),
        (200, r#"{"errors":false,"items":[{"create":{"status":201}}]}"#),
    ])
    .await;

    let refused =
        client(host).deliver(vec![action("a")], &CancellationToken::new()).await.expect("delivered");

    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 6);
}

/// A node that takes no request of more than 300 bytes, and none that holds the word `bad`.
async fn picky(body: String) -> (StatusCode, String) {
    if body.len() > 300 {
        return (StatusCode::PAYLOAD_TOO_LARGE, String::new());
    }
    if body.contains("bad") {
        let error = r#"{"error":{"type":"illegal_argument_exception","reason":"bad"},"status":400}"#;
        return (StatusCode::BAD_REQUEST, error.to_owned());
    }
    let stored = vec![r#"{"create":{"status":201}}"#; body.lines().count() / 2].join(",");
    (StatusCode::OK, format!(r#"{{"errors":false,"items":[{stored}]}}"#))
}

#[tokio::test]
async fn a_request_refused_as_a_whole_costs_only_the_items_that_are_the_reason() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/_bulk", post(picky))).await });
    let large = "l".repeat(400);
    let mut actions: Vec<BulkAction> = (0..50).map(|n| action(&n.to_string())).collect();
    actions.insert(7, action("bad"));
    actions.insert(31, action(&large));

    let refused = client(host).deliver(actions, &CancellationToken::new()).await.expect("delivered");

    let told: Vec<_> = refused.iter().map(|(action, why)| (action.id.as_deref(), why.status)).collect();
    assert_eq!(told, [(Some("bad"), 400), (Some(large.as_str()), 413)]);
}

#[tokio::test]
async fn a_wrong_host_is_passed_over_for_the_next_of_the_list() {
    let (stranger, _) = node(&[(404, "")]).await;
    let (right, _) = node(&[(200, r#"{"errors":false,"items":[{"create":{"status":201}}]}"#)]).await;
    let fast = Duration::from_millis(5);
    let options = ClientOptions {
        hosts: vec![stranger, right],
        backoff_init: fast,
        backoff_max: fast,
        ..Default::default()
    };

    let delivered = SearchClient::new(options)
        .expect("a client")
        .deliver(vec![action("a")], &CancellationToken::new())
        .await;

    assert!(delivered.expect("delivered").is_empty());
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
