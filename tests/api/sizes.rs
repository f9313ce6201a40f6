//! Sizes that the node tells are those that its folders have.

use std::path::Path;
use std::time::Duration;

use search_client::Method;
use serde_json::{Value, json};
use system_tests::{AccessLog, SearchNode, access_log_mapping, bulk_bodies, bulk_load};

/// The lengths of the files of every shard's index, without its translog, as Elasticsearch counts a store.
fn store_bytes(data: &Path) -> u64 {
    let folders = |path: &Path| -> Vec<_> {
        fs_err::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
    };
    let indices = folders(&data.join("indices"));
    let shards = indices.iter().flat_map(|index| folders(index)).filter(|shard| shard.is_dir());
    let files = shards.flat_map(|shard| folders(&shard.join("index")));
    files.map(|file| fs_err::metadata(file).expect("a file").len()).sum()
}

async fn told_bytes(node: &SearchNode) -> u64 {
    let path = "/_cat/indices?format=json&bytes=b&h=store.size,pri.store.size";
    let rows = node.client.json(Method::GET, path, None).await.expect("listed");
    assert_eq!(rows[0]["store.size"], rows[0]["pri.store.size"], "there is one copy");
    let sizes = rows.as_array().expect("rows").iter().map(|row| row["store.size"].as_str());
    sizes.map(|size| size.and_then(|size| size.parse::<u64>().ok()).expect("a number")).sum()
}

async fn do_it(node: &SearchNode, method: Method, path: &str, body: Option<&Value>) {
    node.client.json(method, path, body).await.expect("done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_size_of_a_store_is_what_its_files_take() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut node = SearchNode::start(folder.path(), &data).await.expect("a node");
    // Nothing happens unless it is asked for, so that both figures are of the same moment.
    let index = json!({
        "settings": {"refresh_interval": "-1", "number_of_shards": 2},
        "mappings": access_log_mapping()
    });
    do_it(&node, Method::PUT, "/i", Some(&index)).await;
    let mut log = AccessLog::new(3);
    let documents: Vec<String> = (0..3_000).map(|_| log.document().to_string()).collect();
    bulk_load(&node.client, "i", &bulk_bodies(&documents, 500), 2).await.expect("loaded");

    do_it(&node, Method::POST, "/i/_refresh", None).await;
    assert_eq!(told_bytes(&node).await, store_bytes(&data), "refreshed");
    do_it(&node, Method::POST, "/i/_flush", None).await;
    let flushed = told_bytes(&node).await;
    assert_eq!(flushed, store_bytes(&data), "flushed");
    let raw: usize = documents.iter().map(String::len).sum();
    assert!(flushed > 0 && flushed < raw as u64, "{flushed} bytes of {raw}");

    assert_eq!(node.program.terminate(Duration::from_secs(20)).expect("stops"), Some(0));
    let node = SearchNode::start(folder.path(), &data).await.expect("a node");
    assert_eq!(told_bytes(&node).await, store_bytes(&data), "closed");
    do_it(&node, Method::GET, "/i/_count", None).await;
    assert_eq!(told_bytes(&node).await, store_bytes(&data), "opened again");
}
