//! Nodes that agree over real sockets: the consensus rides on the transport.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use consensus::{Consensus, PeerError, Peers, Place, RestoreError, SnapshotError, StateMachine};
use disk::HostDisk;
use futures::FutureExt;
use futures::future::BoxFuture;
use transport::{CallError, Handler, Incoming, Lane, NodeIdentity, Options, Peer, Secret, Transport};

const AGREE: u16 = 1;
/// How long a node may take to answer before its leader asks again.
const WITHIN: Duration = Duration::from_secs(2);
/// Longer than anything takes that is not broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bytes of all proposals, one after the other.
#[derive(Default)]
struct Tape(Vec<u8>);

impl StateMachine for Tape {
    fn apply(&mut self, _: Place, proposal: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(proposal);
        Vec::new()
    }

    fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        Ok(self.0.clone())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.0 = snapshot.to_vec();
        Ok(())
    }
}

/// Hands questions to the consensus, once there is one.
#[derive(Default)]
struct Desk(OnceLock<Arc<Consensus<Tape>>>);

impl Handler for Desk {
    fn handle(&self, call: Incoming) -> BoxFuture<'_, Result<Bytes, Bytes>> {
        async move {
            match self.0.get() {
                Some(consensus) if call.action == AGREE => Ok(consensus.answer(&call.body).await.into()),
                _ => Err(Bytes::from_static(b"nobody is here yet")),
            }
        }
        .boxed()
    }
}

struct Way(Transport);

impl Peers for Way {
    async fn call(&self, node: u64, address: &str, request: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        let answer = self.0.call(&Peer::at(address), Lane::Consensus, AGREE, request.into(), WITHIN).await;
        answer.map(Vec::from).map_err(|error| {
            let (address, reason) = (address.to_owned(), error.to_string());
            match error {
                CallError::NotSent { .. } => PeerError::Unreachable { node, address, reason },
                CallError::Unknown { .. } => PeerError::NoAnswer { node, reason },
                CallError::Refused { .. } | CallError::Failed(_) => PeerError::Refused { node, reason },
            }
        })
    }
}

struct Node {
    transport: Transport,
    consensus: Arc<Consensus<Tape>>,
    _folder: tempfile::TempDir,
}

async fn start(node: u64) -> Node {
    let folder = tempfile::tempdir().expect("a folder");
    let identity = NodeIdentity {
        cluster_name: "weir".to_owned(),
        cluster_uuid: Some("one".to_owned()),
        node_name: format!("node{node}"),
        node_id: node,
        ephemeral_id: node,
        version: "0.1.0".to_owned(),
    };
    let secret = Secret::new(&[9; 32]).expect("long enough");
    let desk = Arc::new(Desk::default());
    let handler: Arc<dyn Handler> = Arc::<Desk>::clone(&desk);
    let options = Options { port: Some(0), ..Options::new(identity, secret) };
    let transport = Transport::start(options, handler).await.expect("listens");
    let address = transport.address().to_string();
    let options = consensus::Options::new(node, address, folder.path(), HostDisk::shared());
    let consensus = Consensus::start(options, Tape::default(), Way(transport.clone())).await.expect("starts");
    let consensus = Arc::new(consensus);
    assert!(desk.0.set(Arc::clone(&consensus)).is_ok());
    Node { transport, consensus, _folder: folder }
}

/// Proposes to whoever leads, until it is agreed on.
async fn propose(nodes: &[Node], proposal: &[u8]) {
    let agreed = tokio::time::timeout(PATIENCE, async {
        loop {
            for node in nodes {
                if node.consensus.propose(proposal.to_vec(), PATIENCE).await.is_ok() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    agreed.await.expect("somebody leads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_agree_and_go_on_without_the_one_that_led() {
    let mut nodes = Vec::new();
    for node in 1..=3 {
        nodes.push(start(node).await);
    }
    nodes[0].consensus.bootstrap().await.expect("founded");
    propose(&nodes, b"a").await;
    for node in &nodes[1..] {
        let address = node.transport.address().to_string();
        let id = node.consensus.status().node;
        nodes[0].consensus.add_learner(id, &address, PATIENCE).await.expect("added");
    }
    nodes[0].consensus.change_voters(BTreeSet::from([1, 2, 3]), PATIENCE).await.expect("all vote");
    // Longer than one part of a body, so that it waits for room on its way.
    let long = vec![b'b'; 3 << 20];
    propose(&nodes, &long).await;

    let led = nodes.remove(0);
    led.transport.stop().await;
    led.consensus.stop().await.expect("stopped");
    propose(&nodes, b"c").await;

    for node in &nodes {
        let read = tokio::time::timeout(PATIENCE, async {
            while node.consensus.peek(|tape| tape.0.last() != Some(&b'c')) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            node.consensus.peek(|tape| tape.0.clone())
        });
        let tape = read.await.expect("it hears of everything");
        assert!(tape.len() == long.len() + 2 && tape[0] == b'a', "{} bytes", tape.len());
    }
}
