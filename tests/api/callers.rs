//! Who may call: a node on loopback answers programs of its host, and no page of the web.

use std::io::{Read, Write};
use std::net::TcpStream;

use system_tests::SearchNode;

/// The status of one request as a browser or a program would send it.
fn status(address: &str, request: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_the_web_cannot_reach_a_node_on_loopback() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let address = node.url().trim_start_matches("http://").to_owned();
    let get = |host: &str, more: &str| {
        format!("GET /_cluster/health HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n")
    };
    let post = |more: &str| {
        format!(
            "POST /a/_doc HTTP/1.1\r\nhost: {address}\r\n{more}content-length: 7\r\nconnection: close\r\n\r\n{{\"a\":1}}"
        )
    };

    for (request, expected) in [
        (get(&address, ""), 200),
        (get("localhost", ""), 200),
        // A name that a page has pointed at 127.0.0.1.
        (get("rebound.example:9200", ""), 403),
        (get(&address, "origin: http://evil.example\r\n"), 403),
        (get(&address, &format!("origin: http://{address}\r\n")), 200),
        (post("content-type: application/json\r\n"), 201),
        // What a page may send to anybody without asking.
        (post("content-type: text/plain\r\n"), 406),
        (post("content-type: application/x-www-form-urlencoded\r\n"), 406),
        (post(""), 406),
        (post("content-type: application/json\r\norigin: null\r\n"), 403),
    ] {
        assert_eq!(status(&address, &request), expected, "{request}");
    }
}

/// All of one answer, its head in small letters.
fn answer(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_calls_its_request_comes_back_and_stands_at_its_tasks() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let address = node.url().trim_start_matches("http://").to_owned();
    let get = |path: &str, more: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{more}connection: close\r\n\r\n");
        answer(&address, &request)
    };

    for (path, status) in
        [("/", "200"), ("/none", "404"), ("/_cat/indices?health=foo", "400"), ("/_nothing/a/b/c", "400")]
    {
        let told = get(path, "X-Opaque-Id: page-7\r\n");
        assert!(told.starts_with(&format!("HTTP/1.1 {status}")), "{told}");
        assert!(told.to_lowercase().contains("x-opaque-id: page-7\r\n"), "{told}");
    }
    assert!(!get("/", "").to_lowercase().contains("x-opaque-id"));
    let tasks = get("/_tasks?detailed", "x-opaque-id: page-8\r\n");
    assert!(tasks.contains(r#""headers":{"X-Opaque-Id":"page-8"}"#), "{tasks}");
    assert!(get("/_tasks", "").contains(r#""headers":{}"#));
    let table = get("/_cat/tasks?h=action,x", "x-opaque-id: page-9\r\n");
    assert!(table.contains("cluster:monitor/tasks/lists page-9"), "{table}");
}
