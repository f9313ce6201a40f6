//! Aliases, templates and data streams are the same on every node once they are acknowledged, and after a restart of all nodes.

use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const GREEN_WITHIN: Duration = Duration::from_secs(60);

/// What is asked of every node; each has the same answer.
const PAGES: [&str; 8] = [
    "/_alias",
    "/_cat/aliases?format=json&s=alias,index",
    "/_index_template",
    "/_component_template",
    "/_template",
    "/_data_stream",
    "/_resolve/index/*?expand_wildcards=all",
    "/_cat/templates?format=json&s=name",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_templates_are_the_same_on_every_node_and_after_a_restart() {
    let mut cluster = Cluster::start(3, &[]).await.expect("a cluster");
    change(&cluster).await;

    // How well a stream is tells of its copies, which are on their way.
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    let before = look(&cluster).await;
    assert_eq!(before["/_alias"]["log-000002"]["aliases"]["log"], json!({"is_write_index": true}));
    assert_eq!(before["/_data_stream"]["data_streams"][0]["generation"], json!(2));
    find(&cluster).await;

    for at in 0..3 {
        assert_eq!(cluster.stop(at).expect("stops"), Some(0), "node {at}");
    }
    cluster.spawn_all().expect("start");
    cluster.wait_ready().await.expect("a cluster");
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");

    let after = look(&cluster).await;
    for page in PAGES {
        assert_eq!(after[page], before[page], "{page}");
    }
    find(&cluster).await;
}

/// Each change through another node, which has to know of the one before.
async fn change(cluster: &Cluster) {
    let part = json!({"template": {"settings": {"number_of_replicas": 1}}});
    let events = json!({"index_patterns": ["event*"], "data_stream": {}, "composed_of": ["part"]});
    let logs =
        json!({"index_patterns": ["log-*"], "composed_of": ["part"], "template": {"aliases": {"all": {}}}});
    let legacy = json!({"index_patterns": ["old*"], "order": 3});
    let filtered = json!({"actions": [
        {"add": {"index": "log-000001", "alias": "errors", "filter": {"term": {"level": "error"}}}},
        {"add": {"index": "log-000001", "alias": "log", "is_write_index": true}}
    ]});
    for (at, (method, path, body)) in [
        (Method::PUT, "/_component_template/part", Some(&part)),
        (Method::PUT, "/_index_template/events", Some(&events)),
        (Method::PUT, "/_index_template/logs-of-ours", Some(&logs)),
        (Method::PUT, "/_template/old", Some(&legacy)),
        (Method::PUT, "/log-000001", None),
        (Method::POST, "/_aliases", Some(&filtered)),
        (Method::PUT, "/_data_stream/events", None),
        (Method::POST, "/events/_rollover", None),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = cluster.done(at % 3, method, path, body).await.expect(path);
        assert_eq!(answer["acknowledged"], json!(true), "{path}: {answer}");
    }
    for (at, level) in ["error", "info", "error"].into_iter().enumerate() {
        let document = json!({"level": level, "@timestamp": at});
        let written = cluster.done(at, Method::POST, "/log/_doc?refresh=true", Some(&document)).await;
        assert_eq!(written.expect("written")["_index"], json!("log-000001"));
        cluster.done(at, Method::POST, "/events/_doc?refresh=true", Some(&document)).await.expect("written");
        let path = format!("/events/_create/{at}?refresh=true");
        cluster.done(at, Method::PUT, &path, Some(&document)).await.expect("created");
    }
    cluster.done(1, Method::POST, "/log/_rollover", None).await.expect("rolled over");
}

/// Nothing is made to be deleted from, on a node that would have to ask another one either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_makes_no_index() {
    let cluster = Cluster::start(2, &[]).await.expect("a cluster");

    for at in 0..2 {
        let (status, answer) = cluster.ask(at, Method::DELETE, "/none/_doc/1", None).await.expect("answered");
        assert_eq!((status, &answer["error"]["type"]), (404, &json!("index_not_found_exception")));
    }

    let (status, _) = cluster.ask(0, Method::HEAD, "/none", None).await.expect("answered");
    assert_eq!(status, 404);
}

/// What every node answers, which must be one thing.
async fn look(cluster: &Cluster) -> Value {
    let mut pages = json!({});
    for page in PAGES {
        for at in 0..3 {
            let (status, answer) = cluster.ask(at, Method::GET, page, None).await.expect("answered");
            assert_eq!(status, 200, "node {at}: {page}: {answer}");
            if at == 0 {
                pages[page] = answer;
            } else {
                assert_eq!(answer, pages[page], "node {at}: {page}");
            }
        }
    }
    pages
}

/// Documents are found through names by any node.
async fn find(cluster: &Cluster) {
    for (path, count) in
        [("/errors/_count", 2), ("/log*/_count", 3), ("/all/_count", 3), ("/events/_count", 6)]
    {
        for at in 0..3 {
            let (status, answer) = cluster.ask(at, Method::GET, path, None).await.expect("answered");
            assert_eq!((status, &answer["count"]), (200, &json!(count)), "node {at}: {path}: {answer}");
        }
    }
}

/// Programs that begin together write to an index, or into a data stream, that nobody has made yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_find_no_index_at_the_same_moment_are_all_done() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let template = json!({"index_patterns": ["event-*"], "data_stream": {}, "priority": 500});
    cluster.done(0, Method::PUT, "/_index_template/events", Some(&template)).await.expect("kept");
    let lines = "{\"create\":{}}\n{\"@timestamp\":\"2026-01-01T00:00:00Z\"}\n".repeat(5);
    for round in 0..10 {
        for name in [format!("new-{round}"), format!("event-{round}")] {
            let path = format!("/{name}/_bulk");
            let answers = (0..9).map(|number| cluster.bulk(number % 3, &path, lines.clone()));
            for answer in futures::future::join_all(answers).await {
                let (status, answer) = answer.expect("answered");
                assert!(status == 200 && answer["errors"] == json!(false), "{name}: {status} {answer}");
            }
        }
    }
}

/// Each of them rolls over from what the one before has made; none is told that a name is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollovers_at_the_same_moment_follow_one_another() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let first = json!({"aliases": {"log": {"is_write_index": true}}, "settings": {"number_of_replicas": 0}});
    cluster.done(0, Method::PUT, "/log-000001", Some(&first)).await.expect("made");
    let rollovers = (0..6).map(|number| cluster.ask(number % 3, Method::POST, "/log/_rollover", None));
    let mut made = Vec::new();
    for answer in futures::future::join_all(rollovers).await {
        let (status, answer) = answer.expect("answered");
        assert_eq!((status, &answer["rolled_over"]), (200, &json!(true)), "{answer}");
        made.push(answer["new_index"].as_str().expect("a name").to_owned());
    }
    made.sort();
    let expected: Vec<String> = (2..8).map(|number| format!("log-{number:06}")).collect();
    assert_eq!(made, expected);
}
