//! What is asked beside searches is the same through any node: answers that are kept on one, scripts that all know, words of
//! documents where they are, terms of all shards.

use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::Cluster;

const GREEN_WITHIN: Duration = Duration::from_secs(60);

async fn get(cluster: &Cluster, at: usize, method: Method, path: &str, body: &Value) -> Value {
    let body = (!body.is_null()).then_some(body);
    cluster.done(at, method, path, body).await.expect("done")
}

/// The routing of a document used to count in the address alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_looked_for_where_the_body_says_that_the_document_is() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let created = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "mappings": {"properties": {"t": {"type": "text"}}}});
    get(&cluster, 0, Method::PUT, "/i", &created).await;
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    for n in 0..9 {
        let path = format!("/i/_doc/same-{n}?routing=r{n}");
        get(&cluster, n % 3, Method::PUT, &path, &json!({"t": format!("word{n}")})).await;
    }
    for n in 0..9 {
        let (at, word) = ((n + 1) % 3, format!("word{n}"));
        for key in ["routing", "_routing"] {
            let asked = json!({"fields": ["t"], key: format!("r{n}")});
            let told = get(&cluster, at, Method::POST, &format!("/i/_termvectors/same-{n}"), &asked).await;
            assert_eq!(told["term_vectors"]["t"]["terms"][&word]["term_freq"], json!(1), "{n}: {told}");
            let item =
                json!({"_index": "i", "_id": format!("same-{n}"), "fields": ["t"], key: format!("r{n}")});
            let all = json!({"fields": ["t"], key: format!("r{n}")});
            for many in [json!({"docs": [item]}), json!({"ids": [format!("same-{n}")], "parameters": all})] {
                let told = get(&cluster, at, Method::POST, "/i/_mtermvectors", &many).await;
                let terms = &told["docs"][0]["term_vectors"]["t"]["terms"];
                assert_eq!(terms[&word]["term_freq"], json!(1), "{n}: {told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_answers_what_one_keeps_and_what_lies_on_several() {
    let cluster = Cluster::start(3, &[]).await.expect("a cluster");
    let created = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "mappings": {"properties": {"k": {"type": "keyword"}, "t": {"type": "text"}, "n": {"type": "long"}}}});
    get(&cluster, 0, Method::PUT, "/i", &created).await;
    cluster.wait_green(0, GREEN_WITHIN).await.expect("green");
    for n in 0..30 {
        let document = json!({"k": format!("k{n:02}"), "t": format!("word number{n}"), "n": n});
        get(&cluster, n % 3, Method::PUT, &format!("/i/_doc/{n}"), &document).await;
    }
    get(&cluster, 1, Method::POST, "/i/_refresh", &Value::Null).await;

    let submit = "/i/_async_search?keep_on_completion=true&wait_for_completion_timeout=30s";
    let answer = get(&cluster, 0, Method::POST, submit, &json!({"size": 0, "track_total_hits": true})).await;
    let id = answer["id"].as_str().expect("an id");
    for at in 0..3 {
        let kept = get(&cluster, at, Method::GET, &format!("/_async_search/{id}"), &Value::Null).await;
        assert_eq!(kept["response"]["hits"]["total"]["value"], json!(30), "node {at}: {kept}");
        let status =
            get(&cluster, at, Method::GET, &format!("/_async_search/status/{id}"), &Value::Null).await;
        assert_eq!(status["completion_status"], json!(200), "node {at}: {status}");
    }
    get(&cluster, 2, Method::DELETE, &format!("/_async_search/{id}"), &Value::Null).await;
    for at in 0..3 {
        let path = format!("/_async_search/{id}");
        let (status, answer) = cluster.ask(at, Method::GET, &path, None).await.expect("answered");
        assert_eq!(status, 404, "node {at}: {answer}");
    }

    // The same from any node however the client wants it shown.
    let submit = "/i/_async_search?keep_on_completion=true&wait_for_completion_timeout=30s&pretty";
    let answer = get(&cluster, 0, Method::POST, submit, &json!({"size": 0})).await;
    let id = answer["id"].as_str().expect("an id");
    for at in 0..3 {
        for (path, is_whole) in [("?pretty", true), ("?filter_path=response.hits.total.value", false)] {
            let path = format!("/_async_search/{id}{path}");
            let kept = get(&cluster, at, Method::GET, &path, &Value::Null).await;
            assert_eq!(kept["response"]["hits"]["total"]["value"], json!(30), "node {at}: {kept}");
            assert_eq!(kept.get("id").is_some(), is_whole, "node {at}: {kept}");
        }
        let path = format!("/_plugins/_asynchronous_search/{id}");
        let kept = get(&cluster, at, Method::GET, &path, &Value::Null).await;
        assert_eq!(
            (&kept["state"], &kept["response"]["hits"]["total"]["value"]),
            (&json!("STORE_RESIDENT"), &json!(30))
        );
    }

    let script = json!({"script": {"lang": "mustache", "source": {"query": {"term": {"n": "{{n}}"}}}}});
    get(&cluster, 1, Method::PUT, "/_scripts/by-number", &script).await;
    for at in 0..3 {
        let asked = json!({"id": "by-number", "params": {"n": at}});
        let found = get(&cluster, at, Method::POST, "/i/_search/template", &asked).await;
        assert_eq!(found["hits"]["hits"][0]["_id"], json!(at.to_string()), "node {at}: {found}");

        let told =
            get(&cluster, at, Method::GET, &format!("/i/_termvectors/{at}?fields=t"), &Value::Null).await;
        assert_eq!(
            told["term_vectors"]["t"]["terms"][format!("number{at}")]["term_freq"],
            json!(1),
            "{told}"
        );
        let many = json!({"ids": ["0", "1", "2", "3"], "parameters": {"fields": ["t"]}});
        let told = get(&cluster, at, Method::POST, "/i/_mtermvectors", &many).await;
        let found = told["docs"].as_array().into_iter().flatten().filter(|doc| doc["found"] == json!(true));
        assert_eq!(found.count(), 4, "node {at}: {told}");
        let artificial = json!({"doc": {"t": "word"}});
        let told = get(&cluster, at, Method::POST, "/i/_termvectors", &artificial).await;
        assert_eq!(told["term_vectors"]["t"]["terms"]["word"]["term_freq"], json!(1), "node {at}: {told}");

        let asked = json!({"field": "k", "string": "k0", "size": 20});
        let told = get(&cluster, at, Method::POST, "/i/_terms_enum", &asked).await;
        let terms: Vec<String> = (0..10).map(|n| format!("k0{n}")).collect();
        assert_eq!((&told["terms"], &told["complete"]), (&json!(terms), &json!(true)), "node {at}: {told}");
        assert_eq!(told["_shards"], json!({"total": 3, "successful": 3, "failed": 0}), "node {at}: {told}");

        let path = "/i/_validate/query?q=t:word&explain=true&all_shards=true";
        let told = get(&cluster, at, Method::GET, path, &Value::Null).await;
        assert_eq!((&told["valid"], &told["_shards"]["successful"]), (&json!(true), &json!(3)), "{told}");
        let explanations = told["explanations"].as_array().map(Vec::len);
        assert_eq!(explanations, Some(3), "node {at}: {told}");
    }
}
