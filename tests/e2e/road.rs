//! file-beat, shipper, search-node, dashboard: from the disk to the screen.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use search_client::{Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{Program, SearchNode, free_port};

use crate::browser::look;

const LIMIT: Duration = Duration::from_secs(60);

fn overrides(pairs: &[(&str, String)]) -> Vec<String> {
    pairs.iter().flat_map(|(key, value)| ["-E".to_owned(), format!("{key}={value}")]).collect()
}

/// A file-beat that follows `path`.
pub(crate) fn file_beat(folder: &Path, output: &[(&str, String)], path: &Path, dataset: &str) -> Program {
    let mut pairs = vec![
        ("path.data", folder.join("beat").display().to_string()),
        (
            "file-beat.inputs",
            format!(
                "[{{id: e2e, paths: ['{}'], dataset: {dataset}, prospector.scanner.check_interval: 200ms}}]",
                path.display()
            ),
        ),
    ];
    pairs.extend_from_slice(output);
    Program::start("file-beat", folder, &overrides(&pairs)).expect("file-beat")
}

/// Searches until `wanted` holds of the answer.
async fn searched(client: &SearchClient, path: &str, body: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + LIMIT;
    let mut last = Value::Null;
    while std::time::Instant::now() < deadline {
        if let Ok(answer) = client.json(Method::POST, path, Some(body)).await {
            if wanted(&answer) {
                return answer;
            }
            last = answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} did not answer as wanted: {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_in_a_file_is_found_in_the_index_and_on_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let log = folder.path().join("app.log");
    let mut file = fs_err::File::create(&log).expect("a log");
    for n in 0..50 {
        writeln!(file, "INFO request {n} was served in {} ms", n * 3).expect("written");
    }
    let output = [("output.elasticsearch.hosts", node.url())];
    let mut beat = file_beat(folder.path(), &output, &log, "e2e.app");
    writeln!(file, "ERROR the capybara left the building").expect("written");

    let query = json!({"query": {"match_phrase": {"message": "capybara left"}}});
    let answer = searched(&node.client, "/logs-e2e.app-default/_search", &query, |answer| {
        answer["hits"]["total"]["value"] == 1
    })
    .await;

    let source = &answer["hits"]["hits"][0]["_source"];
    assert_eq!(source["log"]["file"]["path"], json!(log.display().to_string()), "{source}");
    assert_eq!(source["data_stream"]["dataset"], json!("e2e.app"), "{source}");
    assert!(source["host"]["name"].is_string() && source["agent"]["type"].is_string(), "{source}");
    let all = json!({"query": {"match_all": {}}});
    searched(&node.client, "/logs-e2e.app-default/_count", &all, |answer| answer["count"] == 51).await;
    on_the_page(folder.path(), &node, "capybara", "logs-*");
    assert_eq!(beat.terminate(LIMIT).expect("stops"), Some(0), "{}", beat.output());
}

fn on_the_page(folder: &Path, node: &SearchNode, text: &str, source: &str) {
    let port = free_port().expect("a port");
    let pairs = [("server.port", port.to_string()), ("elasticsearch.hosts", format!("[{}]", node.url()))];
    let mut dashboard = Program::start("dashboard", folder, &overrides(&pairs)).expect("dashboard");
    look(
        &format!("http://127.0.0.1:{port}"),
        &["--find", text, "--source", source, "--filled", "ingest,logs"],
    );
    assert_eq!(dashboard.terminate(LIMIT).expect("stops"), Some(0), "{}", dashboard.output());
}

/// The same road through the shipper, whose grok makes fields of an access log's line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_log_arrives_with_the_fields_that_grok_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
    let beats_port = free_port().expect("a port");
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("config").join("pipelines/access-logs.conf");
    let pipeline = fs_err::read_to_string(shipped)
        .expect("the shipped pipeline")
        .replace("5044", &beats_port.to_string())
        .replace("127.0.0.1:9200", &format!("127.0.0.1:{}", node.port));
    let conf = folder.path().join("access-logs.conf");
    fs_err::write(&conf, pipeline).expect("written");
    let mut arguments = overrides(&[
        ("path.data", folder.path().join("shipper").display().to_string()),
        ("api.http.port", free_port().expect("a port").to_string()),
    ]);
    arguments.extend(["-f".to_owned(), conf.display().to_string()]);
    let mut shipper = Program::start("shipper", folder.path(), &arguments).expect("shipper");
    let log = folder.path().join("access.log");
    fs_err::write(
        &log,
        "203.0.113.9 - frank [10/Oct/2026:13:55:36 +0200] \"GET /apache_pb.gif?x=1 HTTP/1.1\" 404 2326 \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"\nthis is no access log line\n",
    )
    .expect("written");
    let output = [
        ("output.logstash.hosts", format!("['127.0.0.1:{beats_port}']")),
        ("output.elasticsearch.enabled", "false".to_owned()),
    ];
    let beat = file_beat(folder.path(), &output, &log, "apache.access");

    let path = "/logs-apache.access-default/_search";
    let by_status = json!({"query": {"term": {"http.response.status_code": 404}}});
    let answer =
        searched(&node.client, path, &by_status, |answer| answer["hits"]["total"]["value"] == 1).await;

    let source = &answer["hits"]["hits"][0]["_source"];
    assert_eq!(source["@timestamp"], json!("2026-10-10T11:55:36.000Z"), "{source}");
    assert_eq!(source["http"]["request"]["method"], json!("GET"), "{source}");
    assert_eq!(source["url"]["original"], json!("/apache_pb.gif?x=1"), "{source}");
    assert_eq!(source["source"]["address"], json!("203.0.113.9"), "{source}");
    let failed = json!({"query": {"term": {"tags": "_grokparsefailure"}}});
    searched(&node.client, path, &failed, |answer| answer["hits"]["total"]["value"] == 1).await;
    drop(beat);
    assert_eq!(shipper.terminate(LIMIT).expect("stops"), Some(0), "{}", shipper.output());
}
