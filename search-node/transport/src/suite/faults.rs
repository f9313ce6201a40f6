//! Nodes that die, freeze, or change who they are.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use super::{ECHO, LONG, PATIENCE, Raw, WAIT, WHO, impatient, options, start, under_way, until};
use crate::frame::Frame;
use crate::{CallError, Lane, NodeIdentity, Peer};

#[tokio::test]
async fn a_node_that_dies_fails_the_calls_under_way_at_once() {
    let (a, _) = start(options("a")).await;
    let (b, desk) = start(options("b")).await;
    let peer = Peer::at(b.address());
    let call = tokio::spawn({
        let (a, peer) = (a.clone(), peer.clone());
        async move { a.call(&peer, Lane::Data, WAIT, Bytes::new(), PATIENCE).await }
    });
    until("the call is handled", || under_way(&desk) == 1).await;

    drop(b);

    let error = call.await.expect("no panic").expect_err("dead");
    assert!(matches!(error, CallError::Unknown { .. }), "{error}");
    until("nobody waits for the handler", || under_way(&desk) == 0).await;
    let error = a.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE).await.expect_err("dead");
    assert!(matches!(error, CallError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn a_caller_that_dies_cancels_its_calls() {
    let (a, _) = start(options("a")).await;
    let (b, desk) = start(options("b")).await;
    let peer = Peer::at(b.address());
    let call = tokio::spawn(async move { a.call(&peer, Lane::Data, WAIT, Bytes::new(), PATIENCE).await });
    until("the call is handled", || under_way(&desk) == 1).await;

    call.abort();

    until("the handler is cancelled", || under_way(&desk) == 0).await;
}

/// It accepts, and never says anything: frozen before the handshake.
#[tokio::test]
async fn a_node_that_is_frozen_from_the_start_was_certainly_not_asked() {
    let (a, _) = start(impatient("a")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let peer = Peer::at(listener.local_addr().expect("an address"));

    let (short, long) = tokio::join!(
        a.call(&peer, Lane::Data, ECHO, Bytes::new(), Duration::from_millis(10)),
        a.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE),
    );

    for (error, what) in [(short, "time was over"), (long, "no handshake within 1000 ms")] {
        let error = error.expect_err("frozen");
        assert!(matches!(error, CallError::NotSent { .. }) && error.to_string().contains(what), "{error}");
    }
}

/// It freezes after the handshake, with one call whole and another half sent.
#[tokio::test]
async fn a_node_that_freezes_is_noticed_and_each_call_knows_whether_it_was_sent() {
    let (a, _) = start(impatient("a")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let peer = Peer::at(listener.local_addr().expect("an address"));
    let call = |body: Bytes| {
        let (a, peer) = (a.clone(), peer.clone());
        tokio::spawn(async move { a.call(&peer, Lane::Data, ECHO, body, PATIENCE).await })
    };
    let whole = call(Bytes::from_static(b"whole"));
    let stream = listener.accept().await.expect("a connection").0;
    let mut raw = Raw::accept(stream, &options("b")).await;
    assert!(matches!(raw.next().await, Some(Frame::Call { .. })));
    let half = call(Bytes::from(vec![1; 20 * LONG]));
    let Some(Frame::Call { id, .. }) = raw.next().await else {
        panic!("no call");
    };
    raw.send(&[Frame::Proceed { id }]).await;
    assert!(matches!(raw.next().await, Some(Frame::Part { .. })));

    let (whole, half) = (whole.await.expect("no panic"), half.await.expect("no panic"));

    let (whole, half) = (whole.expect_err("frozen"), half.expect_err("frozen"));
    assert!(matches!(whole, CallError::Unknown { .. }), "{whole}");
    assert!(matches!(half, CallError::NotSent { .. }), "{half}");
    for error in [whole, half] {
        assert!(error.to_string().contains("nothing was heard for 1000 ms"), "{error}");
    }
    drop(raw);
}

/// It waits longer than a dead node is waited for, and is not taken for one.
#[tokio::test]
async fn a_node_that_only_thinks_for_long_is_alive() {
    let (a, _) = start(impatient("a")).await;
    let (b, desk) = start(impatient("b")).await;
    let peer = Peer::at(b.address());

    let patience = Duration::from_millis(2_500);
    let slow = a.call(&peer, Lane::Data, WAIT, Bytes::new(), patience).await.expect_err("no gate");

    assert!(slow.to_string().contains("the time was over"), "{slow}");
    until("the handler is cancelled", || under_way(&desk) == 0).await;
    desk.gate.add_permits(1);
    assert!(a.call(&peer, Lane::Data, WAIT, Bytes::new(), PATIENCE).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_was_lost_before_the_call_is_replaced() {
    let (a, _) = start(options("a")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let peer = Peer::at(listener.local_addr().expect("an address"));
    let (greeted, ()) = tokio::join!(a.meet(&peer.address, PATIENCE), async {
        let stream = listener.accept().await.expect("a connection").0;
        drop(Raw::accept(stream, &options("b")).await);
    });
    assert_eq!(greeted.expect("met").node_name, "b");

    let call = tokio::spawn(async move { a.call(&peer, Lane::State, ECHO, Bytes::new(), PATIENCE).await });
    let stream = listener.accept().await.expect("a second connection").0;
    let mut raw = Raw::accept(stream, &options("b")).await;

    assert!(matches!(raw.next().await, Some(Frame::Call { action: ECHO, .. })));
    call.abort();
}

/// A node joins a cluster while it runs: it says so from the next call on, and one of another cluster is left.
#[tokio::test]
async fn a_cluster_that_is_joined_counts_for_connections_that_are_open() {
    let (a_options, b_options) = (options("a"), options("b"));
    let (a, _) = start(a_options.clone()).await;
    let (b, _) = start(b_options.clone()).await;
    let join = |options: &crate::Options, uuid: &str| {
        let identity = NodeIdentity::clone(&options.identity.load());
        options.identity.store(Arc::new(NodeIdentity { cluster_uuid: Some(uuid.to_owned()), ..identity }));
    };
    let peer = Peer::at(b.address());
    let who = || a.call(&peer, Lane::State, WHO, Bytes::new(), PATIENCE);
    assert_eq!(who().await, Ok(Bytes::from_static(b"a None")));

    join(&a_options, "one");
    assert_eq!(who().await, Ok(Bytes::from_static(b"a Some(\"one\")")));
    join(&b_options, "other");
    let error = loop {
        match who().await.expect_err("another cluster") {
            CallError::Refused { reason, .. } => break reason,
            // The connection that was open ends with the first call over it.
            error => assert!(error.to_string().contains("other"), "{error}"),
        }
    };

    assert!(error.contains("one") && error.contains("other") && error.contains("path.data"), "{error}");
}
