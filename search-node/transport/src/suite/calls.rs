//! Calls between nodes that are well.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use tokio::net::TcpListener;

use super::{
    BREAK, ECHO, FAIL, LONG, MAKE, PATIENCE, Raw, WAIT, WHO, identity, options, start, under_way, until,
};
use crate::frame::{Frame, Outcome, PART_BYTES_MAX};
use crate::{Bounds, CallError, Handler, Lane, LinkState, Options, Peer, Transport};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_of_all_sizes_and_lanes_have_each_their_own_answer() {
    let (a, _) = start(options("a")).await;
    let (b, desk) = start(options("b")).await;
    let peer = Peer::at(b.address());

    let calls = (0..600usize).map(|number| {
        let size = [0, 1, 100, PART_BYTES_MAX, PART_BYTES_MAX + 1, 300_000][number % 6];
        let body: Bytes = (0..size).map(|at| (at * 7 + number) as u8).collect();
        let (a, peer, lane) = (&a, &peer, Lane::ALL[number % Lane::ALL.len()]);
        async move {
            let answer = a.call(peer, lane, ECHO, body.clone(), PATIENCE).await;
            assert!(answer == Ok(body), "call {number} of {size} bytes");
        }
    });
    join_all(calls).await;

    assert_eq!(desk.done.load(Ordering::SeqCst), 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_call_at_once_and_a_node_may_call_itself() {
    let (a, _) = start(options("a")).await;
    let (b, _) = start(options("b")).await;
    for (from, to) in [(&a, &b), (&b, &a), (&a, &a)] {
        let body = Bytes::from(vec![3; LONG]);
        let answer = from.call(&Peer::at(to.address()), Lane::Data, ECHO, body.clone(), PATIENCE).await;
        assert!(answer == Ok(body));
    }
}

#[tokio::test]
async fn errors_of_a_handler_arrive_and_one_that_breaks_costs_its_call_alone() {
    let (a, _) = start(options("a")).await;
    let (b, _) = start(options("b")).await;
    let peer = Peer::at(b.address());
    let call =
        |action, body: &'static [u8]| a.call(&peer, Lane::State, action, Bytes::from_static(body), PATIENCE);

    assert_eq!(call(FAIL, b"no").await, Err(CallError::Failed(Bytes::from_static(b"no"))));
    let broken = call(BREAK, b"").await;
    assert!(
        matches!(&broken, Err(CallError::Unknown { reason, .. }) if reason.contains("broke")),
        "{broken:?}"
    );
    assert_eq!(call(ECHO, b"on").await, Ok(Bytes::from_static(b"on")));
}

/// The other side never lets a long body proceed: short ones pass it, on its own lane and on others.
#[tokio::test]
async fn a_short_call_passes_a_long_one() {
    let (a, _) = start(options("a")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let peer = Peer::at(listener.local_addr().expect("an address"));
    let call = |body: Bytes| {
        let (a, peer) = (a.clone(), peer.clone());
        tokio::spawn(async move { a.call(&peer, Lane::Data, ECHO, body, PATIENCE).await })
    };

    let long = call(Bytes::from(vec![1; 20 * LONG]));
    let stream = listener.accept().await.expect("a connection").0;
    let mut raw = Raw::accept(stream, &options("b")).await;
    let Some(Frame::Call { id: first, part, .. }) = raw.next().await else {
        panic!("no call");
    };
    assert!(part.is_empty(), "nothing of a long body comes unasked");
    raw.send(&[Frame::Proceed { id: first }]).await;
    let Some(Frame::Part { .. }) = raw.next().await else {
        panic!("no part");
    };
    // Half of it is on its way, and the rest is not wanted yet: the reader stops here.
    let short = call(Bytes::from_static(b"short"));
    let mut parts = 1;
    let id = loop {
        match raw.next().await {
            Some(Frame::Part { .. }) => parts += 1,
            Some(Frame::Call { id, .. }) => break id,
            other => panic!("{other:?}"),
        }
    };
    assert!(parts < 20 * LONG / PART_BYTES_MAX, "the short call came behind all of the long one");
    let answer = |id, body: &'static [u8]| {
        let part = Bytes::from_static(body);
        Frame::Answer { id, outcome: Outcome::Done, total: part.len() as u64, part }
    };
    raw.send(&[answer(id, b"quick")]).await;
    assert_eq!(short.await.expect("no panic"), Ok(Bytes::from_static(b"quick")));
    assert!(!long.is_finished());
    // An answer may come before the call is whole.
    raw.send(&[answer(first, b"enough")]).await;
    assert_eq!(long.await.expect("no panic"), Ok(Bytes::from_static(b"enough")));
    // What is left of it is not sent: behind what is on its way there is nothing but the next calls.
    let mut after_first = None;
    for _ in 0..2 {
        let next = call(Bytes::from_static(b"next"));
        let mut parts = 0;
        let id = loop {
            match raw.next().await {
                Some(Frame::Part { .. }) => parts += 1,
                Some(Frame::Call { id, .. }) => break id,
                other => panic!("{other:?}"),
            }
        };
        assert!(after_first.is_none() || parts == 0, "{parts} parts of a body that nobody wants");
        after_first = Some(parts);
        raw.send(&[answer(id, b"well")]).await;
        assert_eq!(next.await.expect("no panic"), Ok(Bytes::from_static(b"well")));
    }
}

#[tokio::test]
async fn who_gives_up_cancels_the_handler_and_the_place_is_free_again() {
    let narrow = Options { bounds: Bounds { calls_max: 1, ..Bounds::default() }, ..options("b") };
    let (a, _) = start(options("a")).await;
    let (b, desk) = start(narrow).await;
    let peer = Peer::at(b.address());

    let dropped = tokio::spawn({
        let (a, peer) = (a.clone(), peer.clone());
        async move { a.call(&peer, Lane::Data, WAIT, Bytes::new(), PATIENCE).await }
    });
    until("the call is handled", || under_way(&desk) == 1).await;
    let full = a.call(&peer, Lane::Data, ECHO, Bytes::new(), Duration::from_millis(20)).await;
    assert!(matches!(full, Err(CallError::NotSent { .. })), "{full:?}");
    dropped.abort();
    until("the handler is cancelled", || desk.cancelled.load(Ordering::SeqCst) == 1).await;

    // With one place only, the next is taken because the first was answered.
    let late = a.call(&peer, Lane::Data, WAIT, Bytes::new(), Duration::from_millis(300)).await;
    assert!(matches!(late, Err(CallError::Unknown { .. })), "{late:?}");
    until("the handler is cancelled", || desk.cancelled.load(Ordering::SeqCst) == 2).await;
    assert_eq!(a.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE).await, Ok(Bytes::new()));
    assert_eq!(desk.most_under_way.load(Ordering::SeqCst), 1);
}

/// Calls are dropped at every moment of their way; nothing is left behind, and no place is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_dropped_at_any_moment_leave_nothing_behind() {
    let bounds = Bounds { calls_max: 4, arriving_bytes_max: LONG, ..Bounds::default() };
    let (a, _) = start(Options { bounds: bounds.clone(), ..options("a") }).await;
    let (b, desk) = start(Options { bounds, ..options("b") }).await;
    let peer = Peer::at(b.address());

    let calls = (0..400u64).map(|number| {
        let (a, peer) = (a.clone(), peer.clone());
        let within = Duration::from_micros(number * number / 2);
        let (action, body) = match number % 3 {
            0 => (ECHO, Bytes::from(vec![1; LONG / 8])),
            1 => (WAIT, Bytes::new()),
            _ => (MAKE, Bytes::copy_from_slice(&(LONG as u64 / 8).to_le_bytes())),
        };
        tokio::spawn(async move {
            let call = a.call(&peer, Lane::Recovery, action, body, PATIENCE);
            tokio::time::timeout(within, call).await.is_ok()
        })
    });
    join_all(calls).await;

    for _ in 0..8 {
        let body = Bytes::from(vec![2; LONG]);
        assert!(a.call(&peer, Lane::Recovery, ECHO, body.clone(), PATIENCE).await == Ok(body));
    }
    until("nothing is handled", || under_way(&desk) == 0).await;
    assert!(desk.most_under_way.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn what_is_too_long_is_refused_where_it_begins_or_where_it_arrives() {
    let narrow = |name: &str, max| Options {
        bounds: Bounds { body_bytes_max: max, ..Bounds::default() },
        ..options(name)
    };
    let (a, _) = start(narrow("a", 300_000)).await;
    let (b, desk) = start(narrow("b", 200_000)).await;
    let (a_at, b_at) = (Peer::at(a.address()), Peer::at(b.address()));
    let long = |size| Bytes::from(vec![0; size]);
    let make = |size: u64| Bytes::copy_from_slice(&size.to_le_bytes());

    for (from, to, action, body, certain, what) in [
        (&a, &b_at, ECHO, long(300_001), true, "longer than 300000"),
        (&a, &b_at, ECHO, long(200_001), true, "longer than 200000"),
        (&a, &b_at, MAKE, make(200_001), false, "longer than 200000"),
        (&b, &a_at, MAKE, make(200_001), false, "longer than 200000"),
    ] {
        let error = from.call(to, Lane::Data, action, body, PATIENCE).await.expect_err("too long");
        assert_eq!(error.is_not_done(), certain, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    assert_eq!(desk.done.load(Ordering::SeqCst), 1, "only the one whose answer was too long was handled");
    assert!(a.call(&b_at, Lane::Data, ECHO, long(200_000), PATIENCE).await.is_ok());
}

/// More long bodies than there is room for, one of them longer than all the room: each comes in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_bodies_wait_for_room_in_turn() {
    let bounds = Bounds { arriving_bytes_max: 200_000, ..Bounds::default() };
    let (a, _) = start(Options { bounds: bounds.clone(), ..options("a") }).await;
    let (b, desk) = start(Options { bounds, ..options("b") }).await;
    let peer = Peer::at(b.address());

    // They are handled until the gate opens, and keep their room.
    let call = |action, size| {
        let (a, peer) = (a.clone(), peer.clone());
        tokio::spawn(
            async move { a.call(&peer, Lane::Data, action, Bytes::from(vec![8; size]), PATIENCE).await },
        )
    };
    let waiting: Vec<_> = (0..5).map(|_| call(WAIT, 90_000)).collect();
    until("two of them are handled", || under_way(&desk) == 2).await;
    let short = a.call(&peer, Lane::Data, ECHO, Bytes::from_static(b"short"), PATIENCE).await;
    assert_eq!(short, Ok(Bytes::from_static(b"short")));
    assert_eq!(under_way(&desk), 2, "there is no room for a third");
    let giant = call(ECHO, 1_000_000);
    desk.gate.add_permits(5);

    for call in waiting {
        assert_eq!(call.await.expect("no panic"), Ok(Bytes::from_static(b"waited")));
    }
    assert_eq!(giant.await.expect("no panic").map(|body| body.len()), Ok(1_000_000));
}

#[tokio::test]
async fn an_orderly_end_answers_what_is_handled_and_takes_nothing_more() {
    let (a, _) = start(options("a")).await;
    let (b, desk) = start(options("b")).await;
    let peer = Peer::at(b.address());
    let under_way_call = tokio::spawn({
        let (a, peer) = (a.clone(), peer.clone());
        async move { a.call(&peer, Lane::Data, WAIT, Bytes::new(), PATIENCE).await }
    });
    until("the call is handled", || under_way(&desk) == 1).await;

    let stopping = tokio::spawn({
        let b = b.clone();
        async move { b.stop().await }
    });
    let refused = loop {
        match a.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(refused.is_not_done(), "{refused}");
    assert!(!stopping.is_finished());
    desk.gate.add_permits(1);

    assert_eq!(under_way_call.await.expect("no panic"), Ok(Bytes::from_static(b"waited")));
    stopping.await.expect("no panic");
    let own = b.call(&Peer::at(a.address()), Lane::Data, ECHO, Bytes::new(), PATIENCE).await;
    assert!(matches!(own, Err(CallError::NotSent { .. })), "{own:?}");
}

#[tokio::test]
async fn a_call_for_another_process_is_refused_and_a_kept_connection_follows_the_new_one() {
    let (a, _) = start(options("a")).await;
    let (b, _) = start(options("b")).await;
    let address = b.address();
    let kept = a.keep(address.to_string(), Lane::Consensus);
    let mut state = kept.state();
    let up = |state: &LinkState| matches!(state, LinkState::Up(_));
    let LinkState::Up(first) = state.wait_for(up).await.expect("kept").clone() else {
        panic!("not up");
    };
    let process = Peer::process(address, first.ephemeral_id);
    let call = |to: Peer| {
        let a = a.clone();
        async move { a.call(&to, Lane::Consensus, WHO, Bytes::new(), PATIENCE).await }
    };
    assert_eq!(call(process.clone()).await, Ok(Bytes::from_static(b"a None")));

    drop(b);
    state.wait_for(|state| matches!(state, LinkState::Down(_))).await.expect("kept");
    let again = Options { port: Some(address.port()), ..Options::new(identity("b2"), super::secret()) };
    let handler: std::sync::Arc<dyn Handler> = super::Desk::new();
    let mut second = None;
    until("the port is free again", || std::net::TcpListener::bind(address).is_ok()).await;
    second.replace(Transport::start(again, handler).await.expect("listens"));
    let LinkState::Up(other) = state.wait_for(up).await.expect("kept").clone() else {
        panic!("not up");
    };

    assert_eq!(other.node_name, "b2");
    let refused = call(process).await;
    assert!(
        matches!(&refused, Err(CallError::Refused { reason, .. }) if reason.contains("another process")),
        "{refused:?}"
    );
    assert!(call(Peer::process(address, other.ephemeral_id)).await.is_ok());
}

#[tokio::test]
async fn ports_are_tried_in_turn_and_one_that_was_asked_for_is_not_replaced() {
    let (a, _) = start(Options { port: None, ..options("a") }).await;
    let (b, _) = start(Options { port: None, ..options("b") }).await;
    assert!(crate::PORTS.contains(&a.address().port()) && crate::PORTS.contains(&b.address().port()));
    assert_ne!(a.address(), b.address());

    let handler: std::sync::Arc<dyn Handler> = super::Desk::new();
    let taken = Options { port: Some(a.address().port()), ..options("c") };
    let error = Transport::start(taken, handler).await.err().expect("taken").to_string();
    assert!(error.contains("transport.port"), "{error}");
}
