//! A copy that is filled from files: what it asks of its source, and what it says where something fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{ClusterState, Command, CopyId, IndexId, NodeId, ShardId};
use daemon::CancellationToken;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;
use shard::HostDisk;
use tempfile::TempDir;
use transport::{CallError, Lane};

use super::world::World;
use crate::coordination::{Action, Fault, read, write};
use crate::error::ApiError;
use crate::indices::{AutoCreate, Disagreement, Index, Indices, resources};
use crate::replication::message::{File, PieceRequest, Verified};
use crate::replication::outside::Outside;
use crate::replication::recovery::Target;
use crate::replication::settings::ReplicationSettings;
use crate::replication::{Replication, Roles};

const SESSION: u64 = 7;
const BYTES: u64 = 200;

type Answer = dyn Fn(Action, &Bytes) -> Result<Bytes, CallError> + Send + Sync;

/// The node of a primary, which answers as a test says.
struct Source {
    map: Arc<ClusterState>,
    answer: Box<Answer>,
    asked: Mutex<Vec<Action>>,
}

impl Outside for Source {
    fn own(&self) -> NodeId {
        NodeId(2)
    }

    fn map(&self) -> Arc<ClusterState> {
        Arc::clone(&self.map)
    }

    fn call(
        &self,
        _: NodeId,
        _: Lane,
        action: Action,
        body: Bytes,
        _: Duration,
    ) -> BoxFuture<'_, Result<Bytes, CallError>> {
        self.asked.lock().push(action);
        async move { (self.answer)(action, &body) }.boxed()
    }

    fn agree(&self, _: Command) -> BoxFuture<'_, Result<(), Disagreement>> {
        async { Ok(()) }.boxed()
    }

    fn note_damage(&self, _: &ShardId, _: CopyId, _: bool) -> bool {
        false
    }

    fn wait_may_tell(&self, _: Instant) -> BoxFuture<'_, Result<(), ApiError>> {
        async { Ok(()) }.boxed()
    }

    fn may_tell(&self) -> bool {
        true
    }
}

/// A node whose copy of a shard is to be filled from a source.
struct Node {
    replication: Arc<Replication>,
    source: Arc<Source>,
    index: Arc<Index>,
    shard: ShardId,
    _folder: TempDir,
}

impl Node {
    fn new(answer: impl Fn(Action, &Bytes) -> Result<Bytes, CallError> + Send + Sync + 'static) -> Self {
        Self::bounded(None, answer)
    }

    /// The same with a bound on the bytes that it may take in a second.
    fn bounded(
        bytes_per_second: Option<u64>,
        answer: impl Fn(Action, &Bytes) -> Result<Bytes, CallError> + Send + Sync + 'static,
    ) -> Self {
        let mut map = ClusterState::clone(&World::new(1).map());
        let shard = ShardId { index: IndexId("i".to_owned()), number: 0 };
        let (copy, node) = (CopyId(2), NodeId(2));
        map.apply(Command::AddCopy { shard: shard.clone(), copy, node, replaces: None }).expect("added");
        let map = Arc::new(map);
        let source =
            Arc::new(Source { map: Arc::clone(&map), answer: Box::new(answer), asked: Mutex::default() });
        let folder = tempfile::tempdir().expect("a folder");
        let disk = resources(HostDisk::shared());
        let indices = Arc::new(Indices::open(folder.path(), AutoCreate::All, disk).expect("opens"));
        let index = indices.create("logs", &Value::Null).expect("made");
        let settings =
            ReplicationSettings { timeout: Duration::from_secs(2), bytes_per_second, concurrent_pieces: 1 };
        let outside = Arc::clone(&source) as Arc<dyn Outside>;
        let replication = Replication::new(
            outside,
            map,
            indices,
            Arc::<Roles>::default(),
            settings,
            CancellationToken::new(),
        );
        Self { replication, source, index, shard, _folder: folder }
    }

    /// Has the copy get files that never become a shard; why not, and what the source was asked.
    async fn receive(&self) -> (ApiError, BTreeMap<String, usize>) {
        let target =
            Target { index: &self.index, shard: &self.shard, copy: CopyId(2), term: 1, source: NodeId(1) };
        let file = |name: &str| File { name: name.to_owned(), bytes: BYTES, checksum: 0 };
        let files = vec![file("manifest"), file("0123456789abcdef0123456789abcdef.store")];
        let error = self.replication.receive(&target, SESSION, files).await.expect_err("no shard");
        let mut asked = BTreeMap::new();
        for action in self.source.asked.lock().iter() {
            *asked.entry(format!("{action:?}")).or_default() += 1;
        }
        (error, asked)
    }
}

fn piece(body: &Bytes) -> Bytes {
    let request: PieceRequest = read(body).expect("a request");
    vec![0; request.length as usize].into()
}

fn failed(error: ApiError) -> CallError {
    CallError::Failed(write(&Fault::Failed(error)))
}

#[tokio::test]
async fn a_source_whose_file_did_not_come_is_not_asked_to_read_it_all() {
    let lost = Node::new(|_, _| {
        Err(CallError::Unknown { to: "n1".to_owned(), reason: "the link is lost".to_owned() })
    });
    let (error, asked) = lost.receive().await;
    assert!(error.reason.contains("the link is lost"), "{}", error.reason);
    assert_eq!(asked, BTreeMap::from([("CopyPiece".to_owned(), 1)]));

    let refused = Node::new(|_, body| Ok(piece(body)));
    // The disk of the copy refuses: there is a folder where the file should be.
    let at = refused.index.shard_folder(0).join("index");
    fs_err::create_dir_all(at.join("0123456789abcdef0123456789abcdef.store")).expect("made");
    let (error, asked) = refused.receive().await;
    assert!(error.reason.contains(".store"), "{}", error.reason);
    assert!(!asked.contains_key("CopyVerify"), "{asked:?}");

    let damaged =
        Node::new(|_, _| Err(failed(ApiError::new(500, "corrupt_index_exception", "it is cut off"))));
    let (error, asked) = damaged.receive().await;
    assert_eq!(error.reason, "it is cut off");
    assert!(!asked.contains_key("CopyVerify"), "{asked:?}");
}

#[tokio::test]
async fn a_source_is_asked_where_what_came_is_wrong_and_that_is_said_if_it_cannot_tell() {
    let silent = Node::new(|action, body| match action {
        Action::CopyPiece => Ok(piece(body)),
        _ => Err(failed(ApiError::internal("too many open files"))),
    });
    let (error, asked) = silent.receive().await;
    assert!(error.reason.contains("does not match what was announced"), "{}", error.reason);
    assert_eq!(asked["CopyVerify"], 1);

    for (damage, told) in
        [(Some("cut".to_owned()), "is damaged: cut"), (None, "does not match what was announced")]
    {
        let source = Node::new(move |action, body| match action {
            Action::CopyPiece => Ok(piece(body)),
            _ => Ok(write(&Verified { damage: damage.clone() })),
        });
        let (error, asked) = source.receive().await;
        assert!(error.reason.contains(told), "{}", error.reason);
        assert_eq!(asked["CopyVerify"], 1);
    }
}

/// A byte in a second: the files are kept for as long as the second one waits for its turn, which is far beyond what they are kept
/// without a word.
#[tokio::test(start_paused = true)]
async fn files_are_kept_while_a_copy_waits_for_its_turn() {
    let slow = Node::bounded(Some(1), |action, body| match action {
        Action::CopyPiece => Ok(piece(body)),
        _ => Ok(write(&Verified { damage: None })),
    });
    let began = tokio::time::Instant::now();
    let (_, asked) = slow.receive().await;
    assert!(began.elapsed() >= Duration::from_secs(BYTES - 1), "{:?}", began.elapsed());
    assert!(asked["CopyPiece"] as u64 >= 2 + BYTES / 30, "{asked:?}");

    let gone = Node::bounded(Some(1), |_, body| match read::<PieceRequest>(body) {
        Ok(request) if request.length == 0 => Err(failed(ApiError::internal("they are not kept"))),
        _ => Ok(piece(body)),
    });
    let began = tokio::time::Instant::now();
    let (error, _) = gone.receive().await;
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "nobody waits for what cannot come: {:?}",
        began.elapsed()
    );
    assert!(error.reason.contains("keeps the files no longer"), "{}", error.reason);
}
