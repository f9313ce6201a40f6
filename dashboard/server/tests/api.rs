//! The API over a fake search node: what is asked of it, and what browsers are told when it answers, refuses, or is away.

mod fake_node;

use std::time::Duration;

use daemon::CancellationToken;
use daemon::clock::Clock;
use daemon::metrics::Metrics;
use dashboard_server::Api;
use dashboard_server::settings::{DashboardSettings, SCHEMA};
use fake_node::FakeNode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NOW_NANOS: i64 = 1_795_000_000_000_000_000;

/// A dashboard on a free port.
struct Dashboard {
    address: String,
    stop: CancellationToken,
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An answer as the wire has it.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn frames(&self) -> Vec<Value> {
        let lines = self.body.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

impl Dashboard {
    async fn start(node: &str, more: &[(&str, &str)]) -> Self {
        let mut overrides = vec![("elasticsearch.hosts".to_owned(), format!("[{node}]"))];
        overrides.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let settings = settings::load_text(SCHEMA, "dashboard.yml", "", &overrides).expect("good settings");
        let settings = DashboardSettings::read(&settings).expect("good settings");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let stop = CancellationToken::new();
        let api = Api::new(settings, Clock::fixed(NOW_NANOS), Metrics::default()).expect("an API");
        tokio::spawn(api.serve(listener, stop.clone()));
        Self { address, stop }
    }

    /// Sends a request as HTTP/1.0, whose answer ends with the connection.
    async fn open(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.expect("the dashboard listens");
        let host = if headers.to_lowercase().contains("host:") {
            String::new()
        } else {
            format!("host: {}\r\n", self.address)
        };
        let request = format!(
            "{method} {path} HTTP/1.0\r\n{host}{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.open(method, path, headers, body).await;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, POST, &body.to_string()).await
    }
}

const POST: &str = "content-type: application/json\r\nx-weir-request: 1\r\n";

fn search_of(query: &str) -> Value {
    json!({
        "scope": {"source": "logs-*", "query": query, "filters": [], "from": 1_000, "to": 901_000},
        "histogram": true,
    })
}

fn mapping() -> Value {
    json!({"logs-a": {"mappings": {"properties": {
        "@timestamp": {"type": "date"},
        "message": {"type": "text"},
        "log": {"properties": {"level": {"type": "keyword"}}},
        "host": {"properties": {"name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}},
        "status": {"type": "long"},
    }}}})
}

fn hit(id: &str, sort: &Value, source: &Value) -> Value {
    json!({"_index": "logs-a", "_id": id, "sort": sort, "_source": source})
}

fn hits(list: &[Value]) -> Value {
    json!({"hits": {"total": {"value": list.len(), "relation": "eq"}, "hits": list}})
}

#[tokio::test]
async fn a_search_answers_frames_with_columns_a_histogram_and_exact_numbers() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.on_search(|body| {
        if body["size"] == 0 {
            return json!({"hits": {"total": {"value": 7}}, "aggregations": {"time": {"buckets": [
                {"key": 1_000, "doc_count": 7, "by": {"buckets": [{"key": "error", "doc_count": 7}]}}]}}});
        }
        hits(&[hit("1", &json!([5]), &json!({
            "@timestamp": "2026-11-24T10:00:00Z", "message": "over", "big": 9_007_199_254_740_993_u64, "log": {"level": "ERROR"}, "tags": ["a", "b"]
        }))])
    });
    let dashboard = Dashboard::start(&node.url(), &[]).await;
    let mut request = search_of("log.level:error");
    request["columns"] = json!(["@timestamp", "big", "tags", "_summary"]);

    let answer = dashboard.post("/api/explore/search", &request).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.to_lowercase().contains("content-type: application/x-ndjson"), "{}", answer.head);
    let frames = answer.frames();
    assert_eq!(frames[0]["frame"], "plan");
    assert_eq!((&frames[0]["by"], &frames[0]["step"]), (&json!("log.level"), &json!(10_000)));
    assert_eq!(frames.last().map(|frame| &frame["frame"]), Some(&json!("done")));
    let of = |name: &str| frames.iter().find(|frame| frame["frame"] == name).cloned().unwrap_or_default();
    let rows = of("rows");
    assert_eq!(rows["cols"][1]["values"], json!(["9007199254740993"]));
    assert_eq!(rows["cols"][2]["values"], json!(["a, b"]));
    assert_eq!(rows["cols"][3]["values"], json!(["over"]));
    assert_eq!(
        (&rows["ids"], &rows["levels"], &rows["next"]),
        (&json!(["1"]), &json!(["error"]), &Value::Null)
    );
    let histogram = of("histogram");
    assert_eq!(
        (&histogram["total"], &histogram["series"]),
        (&json!(7), &json!([{"name": "error", "counts": [7]}]))
    );
    let asked = node.searches();
    assert_eq!(
        asked[0]["query"],
        json!({"bool": {"filter": [
            {"term": {"log.level": {"value": "error"}}},
            {"range": {"@timestamp": {"gte": "1970-01-01T00:00:01.000Z", "lte": "1970-01-01T00:15:01.000Z"}}},
        ]}})
    );
}

#[tokio::test]
async fn only_what_is_shown_is_fetched() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.on_search(|_| hits(&[hit("1", &json!([5]), &json!({}))]));
    let dashboard = Dashboard::start(&node.url(), &[]).await;
    let mut request = search_of("");
    request["columns"] = json!(["status"]);
    request["histogram"] = json!(false);

    dashboard.post("/api/explore/search", &request).await;

    assert_eq!(node.searches()[0]["_source"], json!(["status"]));
    assert_eq!(node.searches().len(), 1);
}

/// Rows with equal sort keys are never split: the page ends before them and the cursor has every digit.
#[tokio::test]
async fn pages_end_between_different_times_and_the_next_starts_there() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.on_search(|body| {
        let size = body["size"].as_u64().unwrap_or(0);
        let list: Vec<Value> = (0..size)
            .map(|at| {
                hit(
                    &at.to_string(),
                    &json!([if at + 2 < size { 9_007_199_254_740_995_u64 - at } else { 5 }]),
                    &json!({}),
                )
            })
            .collect();
        hits(&list)
    });
    let dashboard = Dashboard::start(&node.url(), &[("explore.page_rows", "10")]).await;
    let mut request = search_of("");
    request["histogram"] = json!(false);

    let frames = dashboard.post("/api/explore/search", &request).await.frames();
    let rows = &frames[1];
    assert_eq!(rows["ids"].as_array().map(Vec::len), Some(8));
    request["after"] = rows["next"].clone();
    dashboard.post("/api/explore/search", &request).await;

    assert_eq!(rows["next"], "[9007199254740988]");
    assert_eq!(node.searches()[1]["search_after"], json!([9_007_199_254_740_988_u64]));
}

#[tokio::test]
async fn nothing_found_tells_where_something_is() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.on_search(|body| match body["sort"][0]["@timestamp"]["order"].as_str() {
        Some("desc") if body["size"] == 1 => hits(&[hit("1", &json!([500]), &json!({}))]),
        _ => hits(&[]),
    });
    let dashboard = Dashboard::start(&node.url(), &[]).await;

    let frames = dashboard.post("/api/explore/search", &search_of("")).await.frames();

    let rows = frames.iter().find(|frame| frame["frame"] == "rows").expect("rows");
    assert_eq!(rows["nearest"], json!({"before": 500, "after": null}));
}

#[tokio::test]
async fn a_bad_query_is_told_where_and_why_and_reaches_no_node() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    let dashboard = Dashboard::start(&node.url(), &[]).await;

    for (query, code) in [("message:\"open", "unclosed_quote"), ("status:abc", "not_number")] {
        let answer = dashboard.post("/api/explore/search", &search_of(query)).await;

        assert_eq!(answer.status, 400, "{query}");
        let error = &answer.json()["error"];
        assert_eq!(
            (&error["kind"], &error["diagnostic"]["code"]),
            (&json!("bad_query"), &json!(code)),
            "{query}"
        );
    }
    assert!(node.searches().is_empty());
}

#[tokio::test]
async fn bad_requests_name_what_is_wrong() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    let dashboard = Dashboard::start(
        &node.url(),
        &[("explore.query_bytes_max", "100b"), ("server.request_bytes_max", "2kb")],
    )
    .await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut request = search_of("");
        change(&mut request);
        request
    };
    for (request, words) in [
        (with(&|r| r["scope"]["source"] = json!("a/_delete")), "is not a source"),
        (with(&|r| r["scope"]["to"] = json!(0)), "ends before it starts"),
        (with(&|r| r["scope"]["to"] = json!(i64::MAX)), "not a time"),
        (with(&|r| r["scope"]["query"] = json!("x".repeat(101))), "explore.query_bytes_max"),
        (with(&|r| r["scope"]["query"] = json!("x".repeat(5_000))), "length limit"),
        (with(&|r| r["sort"] = json!({"field": "message"})), "cannot be sorted by"),
        (with(&|r| r["after"] = json!("[1,2,3,4,5]")), "`after`"),
        (with(&|r| r["odd"] = json!(1)), "unknown field `odd`"),
        (json!({}), "missing field `scope`"),
    ] {
        let answer = dashboard.post("/api/explore/search", &request).await;
        assert_eq!(answer.status, 400, "{request}");
        assert!(answer.body.contains(words), "{words}: {}", answer.body);
    }
    let garbage = dashboard.send("POST", "/api/explore/search", POST, "{").await;
    assert_eq!(garbage.status, 400);
}

#[tokio::test]
async fn a_node_that_is_away_is_named_and_the_pages_stay() {
    let dashboard = Dashboard::start("http://127.0.0.1:1", &[]).await;

    let status = dashboard.get("/api/status").await;
    let home = dashboard.get("/api/home").await;
    let search = dashboard.post("/api/explore/search", &search_of("")).await;
    let page = dashboard.get("/explore?q=x").await;

    assert_eq!(status.status, 200);
    assert_eq!(status.json()["node"]["reachable"], false);
    assert_eq!(status.json()["node"]["address"], "http://127.0.0.1:1");
    for answer in [home, search] {
        assert_eq!(answer.status, 502);
        let error = &answer.json()["error"];
        assert_eq!(error["kind"], "node_away");
        assert!(error["cause"].as_str().is_some_and(|cause| cause.contains("refused")), "{error}");
    }
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_refusal_of_the_node_keeps_its_type_and_reason() {
    let node = FakeNode::start().await;
    let refusal =
        json!({"error": {"type": "parsing_exception", "reason": "unknown query [odd]"}, "status": 400});
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.answer("POST", "/logs-*/_search", 400, refusal);
    let dashboard = Dashboard::start(&node.url(), &[]).await;

    let answer = dashboard.post("/api/explore/search", &search_of("")).await;

    assert_eq!(answer.status, 200);
    let frames = answer.frames();
    let error = frames.iter().find(|frame| frame["frame"] == "error").expect("an error frame");
    assert_eq!(error["error"]["type"], "parsing_exception");
    assert!(error["error"]["reason"].as_str().is_some_and(|reason| reason.contains("unknown query [odd]")));
    assert_eq!(frames.last().map(|frame| &frame["frame"]), Some(&json!("done")));
}

#[tokio::test]
async fn something_that_is_no_search_node_is_told_so() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.on_search(|_| json!({"hello": "world"}));
    let dashboard = Dashboard::start(&node.url(), &[]).await;

    let frames = dashboard.post("/api/explore/search", &search_of("")).await.frames();

    let error = frames.iter().find(|frame| frame["frame"] == "error").expect("an error frame");
    assert_eq!(error["error"]["kind"], "node_odd");
}

#[tokio::test]
async fn only_our_own_pages_may_call() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    let dashboard = Dashboard::start(&node.url(), &[("server.allowed_hosts", "[logs.example]")]).await;
    let body = search_of("").to_string();
    let json = "content-type: application/json\r\n";

    for (method, headers, status) in [
        ("POST", json.to_owned(), 403),
        ("POST", format!("{POST}origin: http://evil.example\r\n"), 403),
        ("POST", format!("{POST}sec-fetch-site: cross-site\r\n"), 403),
        ("POST", format!("{POST}origin: http://{}\r\n", dashboard.address), 200),
        ("GET", "host: evil.example\r\n".to_owned(), 403),
        ("GET", "host: logs.example\r\n".to_owned(), 404),
    ] {
        let answer = dashboard.send(method, "/api/explore/search", &headers, &body).await;
        assert_eq!(answer.status, status, "{method} {headers}: {}", answer.body);
    }
}

#[tokio::test]
async fn unknown_calls_are_json_and_never_the_page() {
    let dashboard = Dashboard::start("http://127.0.0.1:1", &[]).await;
    for path in ["/api/nothing", "/api/", "/api/explore"] {
        let answer = dashboard.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["kind"], "not_found", "{path}");
    }
    let missing = dashboard.get("/assets/none.js").await;
    assert_eq!(missing.status, 404);
    let metrics = dashboard.get("/metrics").await;
    assert!(metrics.body.contains("dashboard_requests_total"), "{}", metrics.body);
}

/// A browser that goes away takes its searches with it.
#[tokio::test]
async fn a_closed_connection_ends_the_search_on_the_node() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    let hung = node.hang_searches();
    let dashboard = Dashboard::start(&node.url(), &[]).await;
    let stream = dashboard.open("POST", "/api/explore/search", POST, &search_of("").to_string()).await;
    within(hung.started(2)).await;

    drop(stream);

    within(hung.dropped(2)).await;
}

#[tokio::test]
async fn more_than_may_wait_is_answered_429() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    let hung = node.hang_searches();
    let bounds = [("elasticsearch.requests_max", "2"), ("elasticsearch.requests_waiting_max", "0")];
    let dashboard = Dashboard::start(&node.url(), &bounds).await;
    let _first = dashboard.open("POST", "/api/explore/search", POST, &search_of("").to_string()).await;
    within(hung.started(2)).await;

    let answer = dashboard.get("/api/sources").await;

    assert_eq!(answer.status, 429, "{}", answer.body);
    assert!(answer.body.contains("elasticsearch.requests_waiting_max"), "{}", answer.body);
}

#[tokio::test]
async fn home_of_an_empty_node_says_what_is_missing() {
    let node = FakeNode::start().await;
    node.answer("GET", "/_data_stream/*", 200, json!({"data_streams": []}));
    node.answer("GET", "/_cat/indices", 200, json!([]));
    node.on_search(|_| hits(&[]));
    let dashboard = Dashboard::start(&node.url(), &[]).await;

    let home = dashboard.get("/api/home").await.json();

    assert_eq!(home["now"], NOW_NANOS / 1_000_000);
    assert_eq!(home["ingest"]["sources"], json!([]));
    for part in ["hosts", "monitors", "network", "logs"] {
        assert_eq!(home[part]["present"], false, "{part}");
    }
}

#[tokio::test]
async fn top_values_have_exact_counts_and_text_is_counted_by_its_keyword() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-*/_mapping", 200, mapping());
    node.on_search(|body| {
        if body.get("aggs").is_none() {
            return json!({"hits": {"total": {"value": 10}, "hits": []}});
        }
        json!({"hits": {"total": {"value": 4}, "hits": []}, "aggregations": {"top": {"buckets": [{"key": "web-1", "doc_count": 4}]}}})
    });
    let dashboard = Dashboard::start(&node.url(), &[]).await;
    let scope = search_of("")["scope"].clone();

    let answer =
        dashboard.post("/api/fields/values", &json!({"scope": scope, "field": "host.name"})).await.json();
    let missing = dashboard.post("/api/fields/values", &json!({"scope": scope, "field": "none"})).await;

    assert_eq!((&answer["total"], &answer["present"]), (&json!(10), &json!(4)));
    assert_eq!(answer["values"], json!([{"value": "web-1", "count": 4}]));
    assert!(node.searches().iter().any(|body| body["aggs"]["top"]["terms"]["field"] == "host.name.keyword"));
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_document_keeps_every_digit_and_any_id() {
    let node = FakeNode::start().await;
    node.answer("GET", "/logs-a/_mapping", 200, mapping());
    node.on_search(|body| {
        let id = body["query"]["ids"]["values"][0].as_str().unwrap_or_default();
        if id == "gone" {
            return hits(&[]);
        }
        hits(&[hit(
            id,
            &Value::Null,
            &json!({"status": 18_446_744_073_709_551_615_u64, "host": {"name": "a"}}),
        )])
    });
    let dashboard = Dashboard::start(&node.url(), &[]).await;

    let found = dashboard.get("/api/document?index=logs-a&id=..%2F_x%20%E4%BA%A7").await.json();
    let gone = dashboard.get("/api/document?index=logs-a&id=gone").await;

    assert_eq!(found["id"], "../_x 产");
    assert!(found["json"].as_str().is_some_and(|text| text.contains("18446744073709551615")));
    assert_eq!(found["fields"][1]["value"], "18446744073709551615");
    assert_eq!(gone.status, 404);
}

async fn within(future: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("within ten seconds");
}
