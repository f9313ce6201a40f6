//! What a node holds for clients is let go of as soon as nobody can ask for it.

use std::time::Duration;

use daemon::CancellationToken;
use daemon::clock::Clock;
use serde_json::{Value, json};

use super::super::query::ShardAsked;
use super::message::{OpenAsked, Opened, answer};
use super::*;
use crate::tasks::{TaskKind, Tasks};
use crate::{Node, NodeSettings, SCHEMA, SilentHeap};

/// How long what is done in the background may take.
const WITHIN: Duration = Duration::from_secs(30);

/// A node with an index of two shards.
async fn node(folder: &std::path::Path) -> Arc<Node> {
    let text = format!(
        "path.data: {0}/data\ndiscovery.registry: {0}/registry\ntransport.port: 0\nhttp.port: 0\n\
         cluster.routing.allocation.disk.threshold_enabled: false\nsearch.max_open_scroll_size: 1kb\n",
        folder.display()
    );
    let settings = settings::load_text(SCHEMA, "search-node.yml", &text, &[]).expect("loads");
    let settings = NodeSettings::read(&settings).expect("valid");
    let running = Node::start(settings, Clock::system(), Arc::new(SilentHeap)).await.expect("started");
    let node = Arc::clone(&running.node);
    let index = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
    tokio::task::block_in_place(|| node.indices.create("i", &index)).expect("made");
    node
}

fn asked(node: &Node, number: u64, kind: Kind, body: &[u8]) -> Ask {
    let index = node.indices.get("i").expect("there");
    let shard =
        |place| ShardAsked { place, index: index.uuid.clone(), number: place, copy: None, filter: None };
    let scroll =
        (kind == Kind::Scroll).then(|| ScrollAsked { body: body.to_vec(), doc_type: None, now_millis: 0 });
    Ask::Open(OpenAsked { number, kind, keep_millis: 60_000, scroll, shards: vec![shard(0), shard(1)] })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scrolls_take_is_bounded_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    let open = |number, bytes: usize| {
        let ask = asked(&node, number, Kind::Scroll, &vec![b' '; bytes]);
        read_answer::<Opened>(&answer(&node, ask, &CancellationToken::new()).expect("answered"))
            .expect("read")
    };
    let bytes = || node.held.bytes(&HeldLimits::of(&node));
    assert_eq!(open(1, 600).places, [0, 1], "the body is held once for all shards");
    assert_eq!(bytes(), HeldBytes { held: 600, limit: 1024, refused: 0 });

    let refused = open(2, 425);
    assert_eq!((refused.places.len(), refused.failures.len()), (0, 2));
    let error: ApiError = serde_json::from_slice(&refused.failures[0].1).expect("an error");
    assert_eq!((error.status, error.kind.as_str()), (429, "too_many_scroll_contexts_exception"));
    assert_eq!((bytes().held, bytes().refused), (600, 2));

    assert_eq!(open(3, 424).places, [0, 1]);
    node.held.close(&[1], 0);
    assert_eq!(bytes().held, 424);
    assert_eq!(open(4, 600).places, [0, 1], "there is room again");
}

fn held(node: &Node) -> usize {
    node.held.figures().values().map(|figures| figures.open() as usize).sum()
}

async fn wait_nothing_is_held(node: &Node) {
    let begun = std::time::Instant::now();
    while held(node) > 0 {
        assert!(begun.elapsed() < WITHIN, "it is held");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_opened_for_nobody_is_not_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    let gone = CancellationToken::new();
    let opened = answer(&node, asked(&node, 1, Kind::PointInTime, b""), &gone).expect("opened");
    assert_eq!(read_answer::<Opened>(&opened).expect("read").places, [0, 1]);
    assert_eq!(held(&node), 2);

    gone.cancel();
    let late = answer(&node, asked(&node, 2, Kind::PointInTime, b""), &gone).expect_err("nobody waits");
    assert_eq!((late.kind.as_str(), held(&node)), (ApiError::TASK_CANCELLED, 2));

    let wanted = CancellationToken::new();
    let part = answer(&node, Ask::LetGo(1, vec![1, 7]), &wanted).expect("done");
    assert_eq!((read_answer::<usize>(&part), held(&node)), (Ok(1), 1), "the other shard is still held");
    let closed = answer(&node, Ask::Close(vec![3, 1]), &wanted).expect("done");
    assert_eq!((read_answer::<Vec<usize>>(&closed), held(&node)), (Ok(vec![0, 1]), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_client_is_told_of_is_let_go_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node(folder.path()).await;
    let tasks = Arc::new(Tasks::new(Clock::system(), 1));
    let registered = tasks.register(TaskKind::Search, String::new(), None, Vec::new());
    let scope = super::super::Scope { indices: "i".to_owned(), ..Default::default() };
    let manner = super::super::Manner { allows_partial: true, ..Default::default() };
    let open = |node: &Arc<Node>| {
        let keep = Some(Duration::from_secs(60));
        super::super::open_point(node, &scope, &manner, keep, &registered.task)
    };
    let (untold, opened) = tokio::task::block_in_place(|| open(&node)).expect("opened");
    untold.tell();
    assert_eq!(held(&node), 2, "its client knows it");
    let closed =
        tokio::task::block_in_place(|| super::super::close_points(&node, &[opened.id.clone(), opened.id]));
    assert_eq!(closed.expect("closed"), [(2, true), (0, true)]);

    let (untold, _) = tokio::task::block_in_place(|| open(&node)).expect("opened");
    drop(untold);
    wait_nothing_is_held(&node).await;

    let scrolling = super::super::Manner { scroll: Some(Duration::from_secs(60)), ..manner.clone() };
    let search =
        |node: &Node| super::super::search(node, &scope, &json!({}), &scrolling, false, &registered.task);
    let found: Value = tokio::task::block_in_place(|| search(&node)).expect("found");
    assert_eq!(held(&node), 2);
    let untold = Untold::of_search(&node, &found);
    // Whoever was to tell it is gone: it is dropped where the work was done, which may be of no runtime.
    std::thread::spawn(move || drop(untold)).join().expect("dropped");
    wait_nothing_is_held(&node).await;

    registered.task.cancel("its client is gone");
    let refused = tokio::task::block_in_place(|| open(&node)).err().expect("refused");
    assert_eq!((refused.kind.as_str(), held(&node)), (ApiError::TASK_CANCELLED, 0));
    let refused = tokio::task::block_in_place(|| search(&node)).expect_err("refused");
    assert_eq!((refused.kind.as_str(), held(&node)), (ApiError::TASK_CANCELLED, 0));
}
