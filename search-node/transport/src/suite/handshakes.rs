//! Who may speak with whom.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{ECHO, PATIENCE, identity, impatient, options, secret, start};
use crate::handshake::{self, HandshakeError, Terms};
use crate::{CallError, Lane, NodeIdentity, Options, PROTOCOLS, Peer, Secret};

fn with(change: impl Fn(&mut NodeIdentity)) -> Options {
    let mut own = identity("stranger");
    change(&mut own);
    Options { identity: Arc::new(ArcSwap::from_pointee(own)), ..options("stranger") }
}

#[tokio::test]
async fn a_node_that_does_not_belong_is_refused_in_both_directions_with_the_remedy() {
    let uuid = |uuid: &str| {
        let uuid = uuid.to_owned();
        move |own: &mut NodeIdentity| own.cluster_uuid = Some(uuid.clone())
    };
    let other_secret = Secret::new(&[1; 32]).expect("long enough");
    let ours = || with(uuid("ours"));
    let cases = [
        (with(|own| own.cluster_name = "dam".to_owned()), "cluster.name"),
        (with(uuid("theirs")), "path.data"),
        (Options { secret: other_secret, ..ours() }, "secret"),
    ];
    for (stranger, remedy) in cases {
        let (node, desk) = start(ours()).await;
        let (stranger, strange_desk) = start(stranger).await;
        for (from, to) in [(&stranger, &node), (&node, &stranger)] {
            let error = from.call(&Peer::at(to.address()), Lane::Data, ECHO, Bytes::new(), PATIENCE).await;
            let error = error.expect_err("refused");
            assert!(matches!(&error, CallError::Refused { .. }), "{error}");
            assert!(error.to_string().contains(remedy) && error.is_not_done(), "{error}");
        }
        for desk in [desk, strange_desk] {
            assert_eq!(desk.done.load(std::sync::atomic::Ordering::SeqCst), 0);
        }
    }
}

fn terms(protocols: std::ops::RangeInclusive<u16>) -> Terms {
    Terms { identity: Arc::new(identity("b")), secret: secret(), protocols, calls_max: 1 }
}

async fn shake(caller: &Terms, acceptor: &Terms) -> (Result<(), HandshakeError>, Result<(), HandshakeError>) {
    let (mut here, mut there) = tokio::io::duplex(1 << 16);
    let (called, accepted) = tokio::join!(
        handshake::call(&mut here, caller, Lane::Data),
        handshake::accept(&mut there, acceptor),
    );
    (called.map(drop), accepted.map(drop))
}

#[tokio::test]
async fn the_versions_of_both_must_overlap() {
    for (caller, acceptor) in [(1..=1, 1..=2), (1..=2, 2..=3), (2..=3, 1..=2), (3..=3, 1..=9)] {
        let (called, accepted) = shake(&terms(caller), &terms(acceptor)).await;
        assert_eq!((called, accepted), (Ok(()), Ok(())));
    }
    for (caller, acceptor) in [(1..=1, 2..=3), (3..=4, 1..=2)] {
        let (called, accepted) = shake(&terms(caller), &terms(acceptor)).await;
        for error in [called, accepted] {
            let Err(HandshakeError::Refused(reason)) = error else {
                panic!("{error:?}");
            };
            assert!(reason.contains("start all of them with one build"), "{reason}");
        }
    }
    // What is behind the range that it understands is chosen by nobody.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let address = listener.local_addr().expect("an address");
    let newer = tokio::spawn(async move {
        let mut stream = listener.accept().await.expect("a connection").0;
        let next = PROTOCOLS.end() + 1;
        handshake::accept(&mut stream, &terms(next..=next)).await.map(drop)
    });
    let (a, _) = start(options("a")).await;
    let error = a.call(&Peer::at(address), Lane::State, ECHO, Bytes::new(), PATIENCE).await;
    assert!(matches!(error, Err(CallError::Refused { .. })), "{error:?}");
    assert!(newer.await.expect("no panic").is_err());
}

/// Everything that each side says, as bytes: a handshake whose caller and acceptor speak through whoever overhears them.
async fn overhear(caller: &Terms, acceptor: &Terms) -> (Vec<u8>, Vec<u8>) {
    let (mut here, mut near) = tokio::io::duplex(1 << 16);
    let (mut far, mut there) = tokio::io::duplex(1 << 16);
    let (mut said, mut answered) = (Vec::new(), Vec::new());
    let pass = async {
        let (mut left, mut right) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                size = near.read(&mut left) => {
                    let bytes = &left[..size.expect("read")];
                    said.extend_from_slice(bytes);
                    far.write_all(bytes).await.expect("passed on");
                }
                size = far.read(&mut right) => {
                    let bytes = &right[..size.expect("read")];
                    answered.extend_from_slice(bytes);
                    near.write_all(bytes).await.expect("passed on");
                }
            }
        }
    };
    let shaken = async {
        tokio::join!(handshake::call(&mut here, caller, Lane::Data), handshake::accept(&mut there, acceptor),)
    };
    tokio::select! {
        () = pass => unreachable!("passes on for ever"),
        (called, accepted) = shaken => assert!(called.is_ok() && accepted.is_ok()),
    }
    (said, answered)
}

#[tokio::test]
async fn what_was_overheard_opens_no_door() {
    let (caller, acceptor) = (terms(1..=1), terms(1..=1));
    let (said, answered) = overhear(&caller, &acceptor).await;
    assert_eq!(
        said.len(),
        14 + usize::from(u16::from_le_bytes([said[12], said[13]])) + 32,
        "hello and proof"
    );

    // Said again word for word: the acceptor's nonce is another one.
    let (mut here, mut there) = tokio::io::duplex(1 << 16);
    here.write_all(&said).await.expect("sent");
    let again = handshake::accept(&mut there, &acceptor).await.map(drop);
    assert!(matches!(&again, Err(HandshakeError::Refused(reason)) if reason.contains("secret")), "{again:?}");

    // Answered again word for word: the caller's nonce is another one.
    let (mut here, mut there) = tokio::io::duplex(1 << 16);
    there.write_all(&answered).await.expect("sent");
    let again = handshake::call(&mut here, &caller, Lane::Data).await.map(drop);
    assert!(matches!(&again, Err(HandshakeError::Refused(reason)) if reason.contains("secret")), "{again:?}");
}

/// Who knows no secret answers a node with the proof that the node itself gave.
#[tokio::test]
async fn a_proof_cannot_be_sent_back_to_its_maker() {
    let (mut here, mut there) = tokio::io::duplex(1 << 16);
    let acceptor = terms(1..=1);
    let mirror = async {
        let stranger = NodeIdentity::clone(&terms(1..=1).identity);
        let hello = postcard::to_allocvec(&(Lane::Data.number(), [0u8; 32], stranger)).expect("written");
        let mut bytes = b"WEIRTRN1\x01\0\x01\0".to_vec();
        bytes.extend_from_slice(&(hello.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&hello);
        here.write_all(&bytes).await.expect("sent");
        let mut head = [0; 11];
        here.read_exact(&mut head).await.expect("a reply");
        assert_eq!(head[8], 1, "a welcome");
        let mut rest = vec![0; usize::from(u16::from_le_bytes([head[9], head[10]])) + 32];
        here.read_exact(&mut rest).await.expect("welcome and proof");
        here.write_all(&rest[rest.len() - 32..]).await.expect("sent back");
    };

    let ((), accepted) = tokio::join!(mirror, handshake::accept(&mut there, &acceptor));

    let accepted = accepted.map(drop);
    assert!(
        matches!(&accepted, Err(HandshakeError::Refused(reason)) if reason.contains("secret")),
        "{accepted:?}"
    );
}

#[tokio::test]
async fn a_caller_that_says_nothing_more_does_not_keep_its_place() {
    let narrow =
        Options { bounds: crate::Bounds { handshakes_max: 1, ..impatient("a").bounds }, ..impatient("a") };
    let (node, _) = start(narrow).await;
    let mut silent = TcpStream::connect(node.address()).await.expect("connects");
    silent.write_all(b"WEIR").await.expect("sent");
    let (other, _) = start(options("b")).await;
    let peer = Peer::at(node.address());

    let mut was_busy = false;
    loop {
        match other.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE).await {
            Ok(_) => break,
            Err(CallError::NotSent { reason, .. }) => {
                assert!(reason.contains("1 handshakes are under way"), "{reason}");
                was_busy = true;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(was_busy);
    assert_eq!(silent.read(&mut [0; 8]).await.expect("closed"), 0);
}
