//! Operations by query over shards of several nodes, and their tasks as any node sees them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, free_port};

const COUNT: usize = 600;
/// How long a condition may take to hold. Only a test that fails waits that long.
const WITHIN: Duration = Duration::from_secs(60);

/// Nodes that are one cluster, and their folder.
struct Nodes {
    nodes: Vec<SearchNode>,
    _folder: tempfile::TempDir,
}

impl Nodes {
    async fn start(count: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = format!("discovery.registry={}", folder.path().join("registry").display());
        let mut nodes = Vec::new();
        for number in 0..count {
            let own = folder.path().join(format!("node-{number}"));
            fs_err::create_dir(&own).expect("made");
            let name = format!("node.name=node-{number}");
            let port = free_port().expect("a port");
            let node = SearchNode::start_with(&own, &own.join("data"), port, &[&registry, &name]).await;
            nodes.push(node.expect("a node"));
        }
        Self { nodes, _folder: folder }
    }

    async fn call(&self, at: usize, method: Method, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.nodes[at].client.send(method, path, "application/json", body).await;
        let answer = answer.expect("answered");
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn get(&self, at: usize, path: &str) -> Value {
        self.call(at, Method::GET, path, Value::Null).await.1
    }

    async fn post(&self, at: usize, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(at, Method::POST, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn make(&self, index: &str, shards: usize) {
        let settings = json!({"number_of_shards": shards, "number_of_replicas": 0, "refresh_interval": -1});
        let (status, answer) =
            self.call(0, Method::PUT, &format!("/{index}"), json!({"settings": settings})).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn write(&self, at: usize, path: &str, documents: impl Iterator<Item = usize>) {
        let lines: String = documents
            .map(|n| {
                let routing = if n.is_multiple_of(3) { ",\"routing\":\"r\"" } else { "" };
                format!("{{\"index\":{{\"_id\":\"{n}\"{routing}}}}}\n{{\"n\":{n},\"kind\":\"k{}\"}}\n", n % 4)
            })
            .collect();
        let answer = self.nodes[at].client.send(Method::POST, path, "application/x-ndjson", lines).await;
        let answer: Value = serde_json::from_slice(&answer.expect("answered").body).expect("JSON");
        assert_eq!(answer["errors"], json!(false), "{answer}");
    }

    /// How many shards of an index are on each node.
    async fn shards(&self, index: &str) -> Vec<usize> {
        let mut counts = Vec::new();
        for at in 0..self.nodes.len() {
            let shown = self.get(at, &format!("/{index}/_copies")).await;
            counts.push(shown["copies"].as_array().map_or(0, Vec::len));
        }
        counts
    }

    /// Every document with its version.
    async fn documents(&self, at: usize, index: &str) -> BTreeMap<String, Value> {
        let found = self.get(at, &format!("/{index}/_search?size=10000&version=true")).await;
        assert_eq!(found["_shards"]["failed"], json!(0), "{found}");
        let hits = found["hits"]["hits"].as_array().expect("hits").iter();
        hits.map(|hit| {
            let id = hit["_id"].as_str().expect("an id").to_owned();
            (id, json!([hit["_source"], hit["_version"], hit["_routing"]]))
        })
        .collect()
    }

    async fn start_task(&self, at: usize, path: &str, body: Value) -> String {
        let answer = self.post(at, path, body).await;
        answer["task"].as_str().expect("a task").to_owned()
    }

    /// Looks at a task until it is as far as that.
    async fn wait_for(&self, at: usize, task: &str, is_met: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let shown = self.get(at, &format!("/_tasks/{task}")).await;
            if is_met(&shown) {
                return shown;
            }
            assert!(begun.elapsed() < WITHIN, "{shown}");
        }
    }
}

/// The figures of an answer that do not tell how many nodes and slices there were.
fn figures(answer: &Value) -> Value {
    let names =
        ["timed_out", "total", "updated", "created", "deleted", "version_conflicts", "noops", "failures"];
    names.iter().map(|name| ((*name).to_owned(), answer[*name].clone())).collect()
}

/// The same operations, each through another node; what they answer, and what is there in the end.
async fn operate(nodes: &Nodes) -> (Vec<Value>, Vec<BTreeMap<String, Value>>) {
    let through = |step: usize| step % nodes.nodes.len();
    nodes.make("source", 5).await;
    nodes.make("copy", 3).await;
    nodes.write(through(0), "/source/_bulk?refresh=true", 0..COUNT).await;
    // What is not visible is a conflict for whoever has found the document as it was.
    nodes.write(through(1), "/source/_bulk", 0..10).await;
    let mut answers = Vec::new();
    let script = json!({"script": {"source": "if (ctx._source.n < 50) { ctx.op = 'delete' } else if (ctx._source.n < 100) { ctx.op = 'none' } else { ctx._source.twice = ctx._source.n * 2 }"}});
    let path = "/source/_update_by_query?slices=auto&conflicts=proceed&refresh=true&scroll_size=37";
    answers.push(nodes.post(through(2), path, script).await);
    let last =
        json!({"query": {"terms": {"kind.keyword": ["k1", "k2"]}}, "sort": [{"n": "desc"}], "max_docs": 70});
    answers.push(nodes.post(through(0), "/source/_delete_by_query?refresh=true&scroll_size=16", last).await);
    let routed = json!({"query": {"range": {"n": {"gte": 400}}}});
    answers.push(nodes.post(through(1), "/source/_delete_by_query?routing=r&refresh=true", routed).await);
    let copy = json!({
        "source": {"index": "source", "_source": ["n", "twice"], "sort": [{"n": "asc"}], "size": 50},
        "dest": {"index": "copy", "version_type": "external"},
        "max_docs": 300
    });
    answers.push(nodes.post(through(2), "/_reindex?slices=4&refresh=true", copy.clone()).await);
    let copy = json!({
        "conflicts": "proceed",
        "source": {"index": "source"},
        "dest": {"index": "copy", "op_type": "create"}
    });
    answers.push(nodes.post(through(0), "/_reindex?slices=auto&refresh=true", copy).await);
    let documents = [nodes.documents(0, "source").await, nodes.documents(0, "copy").await];
    (answers.iter().map(figures).collect(), documents.to_vec())
}

#[tokio::test]
async fn three_nodes_do_what_one_does() {
    let three = Nodes::start(3).await;
    let (answers, documents) = operate(&three).await;
    let shards = three.shards("source").await;
    assert!(shards.iter().all(|count| *count > 0) && shards.iter().sum::<usize>() == 5, "{shards:?}");
    let alone = Nodes::start(1).await;
    let (expected_answers, expected) = operate(&alone).await;

    assert_eq!(answers[0]["version_conflicts"], json!(10), "{}", answers[0]);
    assert_eq!((&answers[0]["deleted"], &answers[0]["noops"]), (&json!(40), &json!(50)), "{}", answers[0]);
    assert_eq!(answers[1]["deleted"], json!(70), "{}", answers[1]);
    for (number, (answer, expected)) in answers.iter().zip(&expected_answers).enumerate() {
        // Which of the sorted documents are in which slice depends on where they lie, and with it what was there already.
        if number < 3 {
            assert_eq!(answer, expected, "step {number}");
        }
        assert_eq!(answer["failures"], json!([]), "step {number}");
    }
    assert_eq!(answers[3]["created"], json!(300), "{}", answers[3]);
    assert_eq!(documents[0], expected[0]);
    let ids = |documents: &BTreeMap<String, Value>| documents.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&documents[1]), ids(&expected[1]));
    assert_eq!(ids(&documents[1]), ids(&documents[0]), "all were copied");

    three.write(1, "/source/_bulk", 500..510).await;
    let (status, answer) = three.call(2, Method::POST, "/source/_update_by_query", Value::Null).await;
    assert_eq!(status, 409, "{answer}");
    assert_eq!(
        answer["failures"][0]["cause"]["type"],
        json!("version_conflict_engine_exception"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_task_is_seen_hurried_and_ended_through_any_node() {
    let nodes = Nodes::start(3).await;
    nodes.make("i", 5).await;
    nodes.write(0, "/i/_bulk?refresh=true", 0..COUNT).await;
    let path = "/i/_update_by_query?wait_for_completion=false&scroll_size=10&requests_per_second=1";
    let task = nodes.start_task(0, path, Value::Null).await;

    let shown = nodes.wait_for(1, &task, |shown| shown["task"]["status"]["updated"] == json!(10)).await;
    assert_eq!(shown["completed"], json!(false), "{shown}");
    assert_eq!(shown["task"]["status"]["total"], json!(COUNT), "{shown}");
    let (node_id, _) = task.split_once(':').expect("an id with a node");
    let listed = nodes.get(2, "/_tasks?actions=*byquery&detailed").await;
    let own = &listed["nodes"][node_id];
    assert_eq!(own["name"], json!("node-0"), "{listed}");
    assert_eq!(own["tasks"][&task]["description"], json!("update-by-query [i]"), "{listed}");
    let by_name = nodes.get(2, "/_tasks?actions=*byquery&nodes=node-1,_local").await;
    assert_eq!(by_name["nodes"], json!({}), "{by_name}");
    let flat = nodes.get(1, "/_tasks?group_by=none&actions=*lists").await;
    assert_eq!(flat["tasks"].as_array().map(Vec::len), Some(3), "each node lists its own: {flat}");
    let rows = nodes.get(1, "/_cat/tasks?format=json&actions=*byquery").await;
    assert_eq!((&rows[0]["task_id"], &rows[0]["node"]), (&json!(task), &json!("node-0")), "{rows}");

    nodes.post(1, &format!("/_update_by_query/{task}/_rethrottle?requests_per_second=-1"), Value::Null).await;
    let done = nodes.get(2, &format!("/_tasks/{task}?wait_for_completion=true&timeout=60s")).await;
    assert_eq!((&done["completed"], &done["response"]["updated"]), (&json!(true), &json!(COUNT)), "{done}");
    assert_eq!(nodes.get(1, &format!("/_tasks/{task}")).await, done, "any node finds the outcome");

    nodes.post(0, "/i/_refresh", Value::Null).await;
    let path = "/i/_delete_by_query?wait_for_completion=false&scroll_size=5&requests_per_second=0.5&slices=2";
    let task = nodes.start_task(1, path, json!({"query": {"match_all": {}}})).await;
    let canceled =
        nodes.post(2, &format!("/_tasks/{task}/_cancel?wait_for_completion=true"), Value::Null).await;
    assert_eq!(canceled["nodes"].as_object().map(|nodes| nodes.len()), Some(1), "{canceled}");
    let done = nodes.get(0, &format!("/_tasks/{task}")).await;
    assert_eq!(done["response"]["canceled"], json!("by user request"), "{done}");
    assert!(done["response"]["deleted"].as_u64().is_some_and(|deleted| deleted <= 20), "{done}");
    let again = nodes.post(2, &format!("/_tasks/{task}/_cancel"), Value::Null).await;
    assert_eq!(
        again["node_failures"][0]["caused_by"]["type"],
        json!("resource_not_found_exception"),
        "{again}"
    );
    let (status, missing) = nodes.call(1, Method::GET, "/_tasks/0000000000000000:1", Value::Null).await;
    assert_eq!(
        (status, &missing["error"]["type"]),
        (404, &json!("resource_not_found_exception")),
        "{missing}"
    );
}

#[tokio::test]
async fn what_a_lost_node_had_fails_and_the_rest_is_done() {
    let mut nodes = Nodes::start(3).await;
    nodes.make("i", 5).await;
    nodes.write(0, "/i/_bulk?refresh=true", 0..COUNT).await;
    let shards = nodes.shards("i").await;
    // Shards of the node that is asked come first: it is with those when another one goes.
    let path = "/i/_update_by_query?wait_for_completion=false&scroll_size=10&requests_per_second=1";
    let task = nodes.start_task(0, path, Value::Null).await;
    nodes.wait_for(0, &task, |shown| shown["task"]["status"]["updated"] == json!(10)).await;

    nodes.nodes[2].program.kill().expect("ended");
    nodes.post(1, &format!("/_update_by_query/{task}/_rethrottle?requests_per_second=-1"), Value::Null).await;

    let done = nodes.wait_for(1, &task, |shown| shown["completed"] == json!(true)).await;
    let response = &done["response"];
    let failures = response["failures"].as_array().expect("failures");
    assert_eq!(failures.len(), shards[2], "{done}");
    for failure in failures {
        assert_eq!((&failure["index"], &failure["status"]), (&json!("i"), &json!(503)), "{failure}");
        assert_eq!(failure["reason"]["type"], json!("node_disconnected_exception"), "{failure}");
    }
    let (total, updated) = (response["total"].as_u64(), response["updated"].as_u64());
    assert!(total == Some(COUNT as u64) && updated > Some(10) && updated < total, "{done}");
    let (status, refused) = nodes.call(1, Method::POST, "/i/_update_by_query", Value::Null).await;
    assert_eq!(status, 503, "a task begins with all shards: {refused}");
}

#[tokio::test]
async fn an_index_that_is_deleted_meanwhile_ends_the_task_at_once() {
    let nodes = Nodes::start(2).await;
    nodes.make("i", 4).await;
    nodes.write(0, "/i/_bulk?refresh=true", 0..COUNT).await;
    let path = "/i/_update_by_query?wait_for_completion=false&scroll_size=10&requests_per_second=1";
    let task = nodes.start_task(0, path, Value::Null).await;
    nodes.wait_for(1, &task, |shown| shown["task"]["status"]["updated"] == json!(10)).await;

    let (status, answer) = nodes.call(1, Method::DELETE, "/i", Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    nodes.post(1, &format!("/_update_by_query/{task}/_rethrottle?requests_per_second=-1"), Value::Null).await;

    let begun = Instant::now();
    let done = nodes.wait_for(1, &task, |shown| shown["completed"] == json!(true)).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}: {done}", begun.elapsed());
    let failure = &done["response"]["failures"][0];
    assert_eq!(failure["cause"]["type"], json!("index_not_found_exception"), "{done}");
    assert_eq!(done["response"]["updated"], json!(10), "{done}");
}

/// Documents that it takes a while to read the values of a runtime field from.
const SLOW_COUNT: usize = 40_000;
const PARTS: &str = "/_tasks?actions=indices:data/read/scroll&detailed&group_by=none";

/// What another node read for a task went on to its end when the task was cancelled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_task_ends_what_other_nodes_read_for_it() {
    let nodes = Nodes::start(2).await;
    let index = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": -1},
        "mappings": {"dynamic": false, "runtime": {"slow": {"type": "keyword"}}}
    });
    let (status, answer) = nodes.call(0, Method::PUT, "/far", index).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(nodes.shards("far").await, [1, 1]);
    let fill = "x".repeat(500);
    for from in (0..SLOW_COUNT).step_by(10_000) {
        let lines: String = (from..from + 10_000)
            .map(|n| format!("{{\"index\":{{}}}}\n{{\"slow\":\"value {n}\",\"fill\":\"{fill}\"}}\n"))
            .collect();
        let sent = nodes.nodes[0].client.send(Method::POST, "/far/_bulk", "application/x-ndjson", lines);
        assert!(sent.await.expect("answered").is_success());
    }
    nodes.post(0, "/far/_refresh", Value::Null).await;

    let query = json!({"query": {"prefix": {"slow": "value"}}});
    let task = nodes.start_task(0, "/far/_update_by_query?wait_for_completion=false", query).await;
    let begun = Instant::now();
    let part = loop {
        let listed = nodes.get(1, PARTS).await;
        if let Some(part) = listed["tasks"].as_array().and_then(|tasks| tasks.first()) {
            break part.clone();
        }
        assert!(
            begun.elapsed() < WITHIN,
            "no part is listed: {}",
            nodes.get(0, &format!("/_tasks/{task}")).await
        );
    };
    assert_eq!(part["parent_task_id"], json!(task), "{part}");
    nodes.post(0, &format!("/_tasks/{task}/_cancel"), Value::Null).await;

    let ended = nodes.wait_for(0, &task, |shown| shown["completed"] == json!(true)).await;
    assert_eq!(ended["response"]["canceled"], json!("by user request"), "{ended}");
    assert_eq!(figures(&ended["response"])["updated"], json!(0), "{ended}");
    assert_eq!(ended["response"]["failures"], json!([]), "{ended}");
    let begun = Instant::now();
    while nodes.get(1, PARTS).await["tasks"].as_array().is_some_and(|tasks| !tasks.is_empty()) {
        assert!(begun.elapsed() < WITHIN, "the part goes on");
    }
    assert_eq!(nodes.get(1, "/_cat/fielddata?format=json").await, json!([]), "nothing was read to its end");
}
