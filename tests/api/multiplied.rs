//! Requests that say much with few words: a template or a script that is kept, named again and again. What comes of it is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, free_port};

use super::memory::watch;

const LIMIT: u64 = 64 << 20;
/// What a node may take beyond its limit for a moment.
const PEAK: u64 = LIMIT / 2 * 3;
/// How long a template or a script is that is kept.
const LONG: usize = 60_000;
/// How often it is named: together that is several times the limit.
const TIMES: usize = 4_000;

/// How many documents are looked at with parameters of a megabyte, which is twice the limit.
const DOCUMENTS: usize = 128;

async fn start(folder: &std::path::Path) -> Arc<SearchNode> {
    let settings = ["memory.limit=64mb", "cluster.routing.allocation.disk.threshold_enabled=false"];
    let port = free_port().expect("a port");
    Arc::new(SearchNode::start_with(folder, &folder.join("data"), port, &settings).await.expect("a node"))
}

async fn call(node: &SearchNode, method: Method, path: &str, kind: &str, body: String) -> (u16, Value) {
    let answer = node.client.send(method, path, kind, body).await.expect("answered");
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

async fn done(node: &SearchNode, method: Method, path: &str, body: &Value) -> Value {
    let (status, answer) = call(node, method, path, "application/json", body.to_string()).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

fn is_refused(error: &Value) -> bool {
    error["type"] == "circuit_breaking_exception"
        && error["reason"].as_str().is_some_and(|reason| reason.contains("memory.limit"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_of_templates_and_scripts_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = start(folder.path()).await;
    let index = json!({"mappings": {"properties": {"k": {"type": "keyword"}, "t": {"type": "text"}}}});
    done(&node, Method::PUT, "/i", &index).await;
    done(&node, Method::PUT, "/i/_doc/1?refresh=true", &json!({"k": "a", "t": "one two"})).await;
    let long = "x".repeat(LONG);
    // What comes of it is no search, which is told at once where there is room for it.
    let template = json!({"nope": ["{{k}}", long]});
    let kept = json!({"script": {"lang": "mustache", "source": template}});
    done(&node, Method::PUT, "/_scripts/t", &kept).await;
    let kept = json!({"script": {"lang": "painless", "source": format!("1 /* {long} */")}});
    done(&node, Method::PUT, "/_scripts/s", &kept).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = watch(Arc::clone(&node), Arc::clone(&is_over));

    let item = "{\"index\":\"i\"}\n{\"id\":\"t\",\"params\":{\"k\":\"a\"}}\n";
    let path = "/_msearch/template?filter_path=responses.status,responses.error";
    let (status, many) = call(&node, Method::POST, path, "application/x-ndjson", item.repeat(TIMES)).await;
    let answers = many["responses"].as_array().expect("answers");
    let found = answers.iter().filter(|one| one["status"] == 400).count();
    let refused = answers.iter().filter(|one| one["status"] == 429 && is_refused(&one["error"])).count();
    assert_eq!((status, found + refused), (200, TIMES), "{found} {refused}");
    assert!(found > 100 && refused > 100, "{found} {refused}");

    let requests: Vec<Value> = (0..TIMES)
        .map(|at| json!({"id": at.to_string(), "template_id": "t", "params": {"k": "a"}, "ratings": []}))
        .collect();
    let body = json!({
        "templates": [{"id": "t", "template": {"source": template}}], "requests": requests,
        "metric": {"precision": {}}
    });
    let rated = done(&node, Method::POST, "/i/_rank_eval", &body).await;
    let failures = rated["failures"].as_object().expect("failures");
    let refused = failures.values().filter(|failure| is_refused(&failure["error"])).count();
    assert_eq!(failures.len(), TIMES);
    assert!(refused > 100 && refused < TIMES - 100, "{refused}");

    let scripts = vec![json!({"script": {"id": "s"}}); TIMES];
    let (status, answer) = call(
        &node,
        Method::POST,
        "/i/_search",
        "application/json",
        json!({"query": {"bool": {"filter": scripts}}}).to_string(),
    )
    .await;
    assert_eq!((status, is_refused(&answer["error"])), (429, true), "{answer}");
    let few = json!({"query": {"script_score": {"query": {"match_all": {}}, "script": {"id": "s"}}}});
    assert_eq!(done(&node, Method::POST, "/i/_search", &few).await["hits"]["total"]["value"], json!(1));

    let parameters = json!({"fields": ["t", "x".repeat(1 << 20)]});
    let many = json!({"ids": vec!["1"; DOCUMENTS], "parameters": parameters});
    let told = done(&node, Method::POST, "/i/_mtermvectors", &many).await;
    let docs = told["docs"].as_array().expect("documents");
    let found = docs.iter().filter(|doc| doc["term_vectors"]["t"]["terms"]["two"]["term_freq"] == 1).count();
    assert_eq!(found, DOCUMENTS);

    is_over.store(true, Ordering::Release);
    let peak = watching.join().expect("no panic");
    println!("{} MiB at most, with a limit of {} MiB", peak >> 20, LIMIT >> 20);
    assert!(peak <= PEAK, "{} MiB were held", peak >> 20);
}

/// The same where texts of megabytes come and go on every thread at once: what is free again is the process's own until the allocator gives it
/// back.
const PEAK_OF_TEXTS: u64 = LIMIT / 4 * 7;
/// What the values of a script of these tests take at most, where its index allows that.
const SCRIPT_MEMORY: &str = "40mb";

/// A text was doubled until it was ten million letters long, by each of the searches that came together, and nobody had promised any of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_scripts_make_is_bounded() {
    const TOGETHER: usize = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let node = start(folder.path()).await;
    let index =
        json!({"settings": {"number_of_shards": 2}, "mappings": {"properties": {"n": {"type": "long"}}}});
    done(&node, Method::PUT, "/i", &index).await;
    for n in 0..40 {
        done(&node, Method::PUT, &format!("/i/_doc/{n}"), &json!({"n": n})).await;
    }
    done(&node, Method::POST, "/i/_refresh", &json!({})).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = watch(Arc::clone(&node), Arc::clone(&is_over));
    // 2^`times` letters.
    let doubled =
        |times: u32| format!("def s = 'x'; for (int i = 0; i < {times}; i++) {{ s += s }} return s.length()");
    let scored = |times: u32| {
        let query =
            json!({"script_score": {"query": {"match_all": {}}, "script": {"source": doubled(times)}}});
        json!({"query": query, "size": 1}).to_string()
    };
    let search = async |body: String| call(&node, Method::POST, "/i/_search", "application/json", body).await;

    let (status, found) = search(scored(20)).await;
    assert_eq!((status, &found["hits"]["max_score"]), (200, &json!(1_048_576.0)), "{found}");
    let (status, refused) = search(scored(24)).await;
    let reason = refused.to_string();
    assert!(status == 400 && reason.contains("index.max_script_memory"), "{status} {refused}");
    let nested = json!({"script": "def m = [:]; while (true) { m.a = m } return 1"});
    let (status, refused) = search(
        json!({"query": {"script_score": {"query": {"match_all": {}}, "script": nested["script"]}}})
            .to_string(),
    )
    .await;
    assert!(status == 400 && refused.to_string().contains("nested deeper"), "{status} {refused}");

    done(&node, Method::PUT, "/i/_settings", &json!({"max_script_memory": SCRIPT_MEMORY})).await;
    let together = (0..TOGETHER).map(|_| search(scored(23)));
    let answers = futures::future::join_all(together).await;
    let found = answers.iter().filter(|(status, _)| *status == 200).count();
    let refused = answers
        .iter()
        .filter(|(status, answer)| *status == 429 && is_refused(&answer["error"]["root_cause"][0]))
        .count();
    assert!(found + refused == TOGETHER && refused > 0, "{found} {refused}: {answers:?}");

    // Each of the hits shows four million letters.
    let text = "def s = 'x'; for (int i = 0; i < 22; i++) { s += s } return s";
    let shown = json!({"size": 40, "script_fields": {"s": {"script": text}}}).to_string();
    let (status, refused) = search(shown).await;
    let reason = &refused["_shards"]["failures"][0]["reason"];
    let (failed, all) = (&refused["error"]["root_cause"][0], &refused["hits"]["hits"]);
    assert!(
        (status == 429 && is_refused(failed))
            || (is_refused(reason) && all.as_array().is_some_and(|all| all.len() < 40)),
        "{status}: {reason} {failed}"
    );

    // Each is a million letters long, and there is one for each of the best.
    let text = "def s = 'x'; for (int i = 0; i < 20; i++) { s += s } return s + doc['n'].value";
    let keyed =
        json!({"size": 40, "_source": false, "sort": [{"_script": {"type": "string", "script": text}}]});
    let keyed = (0..TOGETHER / 2).map(|_| search(keyed.to_string()));
    for (status, refused) in futures::future::join_all(keyed).await {
        assert!(status == 429 && is_refused(&refused["error"]["root_cause"][0]), "{status} {refused}");
    }

    let update = json!({"script": {"source": "def s = 'x'; for (int i = 0; i < 26; i++) { s += s } ctx._source.s = s"}});
    let (status, refused) =
        call(&node, Method::POST, "/i/_update/1", "application/json", update.to_string()).await;
    assert!(status == 400 && refused.to_string().contains("index.max_script_memory"), "{status} {refused}");
    is_over.store(true, Ordering::Release);
    let peak = watching.join().expect("no panic");

    println!("{} MiB at most, {found} found", peak >> 20);
    assert!(peak <= PEAK_OF_TEXTS, "{} MiB were held", peak >> 20);
    let (status, _) = search(scored(10)).await;
    assert_eq!(status, 200, "the node goes on");
}
