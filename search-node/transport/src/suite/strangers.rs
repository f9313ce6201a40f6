//! Whoever connects and does not speak as a node does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{BufMut, Bytes, BytesMut};
use testkit::Chance;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{ECHO, PATIENCE, Raw, WAIT, impatient, options, start, under_way, until};
use crate::frame::{Frame, Outcome, PART_BYTES_MAX, encode};
use crate::handshake;
use crate::links::terms_of;
use crate::{Bounds, CallError, Lane, Options, Peer};

/// All that is read until the other side closes.
async fn rest_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await;
    bytes
}

fn call_frame(id: u64) -> Frame {
    Frame::Call { id, action: ECHO, total: 3, part: Bytes::from_static(b"abc") }
}

#[tokio::test]
async fn what_speaks_another_language_is_hung_up_on_and_named_to_whoever_calls_it() {
    let (node, desk) = start(impatient("a")).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0xff; 64], b"WEIRTRN2\x01\0\x01\0\0\0\0"] {
        let mut stream = TcpStream::connect(node.address()).await.expect("connects");
        stream.write_all(garbage).await.expect("sent");
        assert_eq!(rest_of(&mut stream).await, b"", "{garbage:?}");
    }
    assert_eq!(desk.done.load(Ordering::SeqCst), 0);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let peer = Peer::at(listener.local_addr().expect("an address"));
    let web = tokio::spawn(async move {
        let mut stream = listener.accept().await.expect("a connection").0;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("sent");
        rest_of(&mut stream).await;
    });
    let error = node.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE).await.expect_err("refused");
    assert!(matches!(&error, CallError::Refused { .. }), "{error}");
    assert!(
        error.to_string().contains("`HTTP/1.1`") && error.to_string().contains("transport.port"),
        "{error}"
    );
    web.await.expect("no panic");
}

/// A handshake and a call, cut off after each byte: the node goes on, and the call is handled only if it is whole.
#[tokio::test]
async fn a_caller_may_end_after_any_byte() {
    let (node, desk) = start(impatient("a")).await;
    let own = terms_of(&options("b"));
    // How long the hello is.
    let (mut here, mut there) = tokio::io::duplex(1 << 16);
    let mut head = [0; 14];
    let _unfinished = tokio::select! {
        met = handshake::call(&mut here, &own, Lane::Data) => met.is_ok(),
        read = there.read_exact(&mut head) => read.is_ok(),
    };
    let hello = 14 + usize::from(u16::from_le_bytes([head[12], head[13]]));
    for cut in 0..hello + 32 {
        let stream = TcpStream::connect(node.address()).await.expect("connects");
        let mut cut_off = CutOff { stream, left: cut };
        assert!(handshake::call(&mut cut_off, &own, Lane::Data).await.is_err(), "cut after {cut}");
    }
    let mut bytes = BytesMut::new();
    encode(&call_frame(1), &mut bytes);
    for cut in 0..=bytes.len() {
        let (mut raw, _) = Raw::call(&node, &options("b"), Lane::Data).await;
        raw.stream.write_all(&bytes[..cut]).await.expect("sent");
        if cut == bytes.len() {
            assert!(matches!(raw.next().await, Some(Frame::Answer { outcome: Outcome::Done, .. })));
        }
        raw.stream.shutdown().await.expect("shut");
        while raw.next().await.is_some() {}
    }

    assert_eq!(desk.done.load(Ordering::SeqCst), 1);
}

/// A stream whose writing ends after some bytes.
struct CutOff {
    stream: TcpStream,
    left: usize,
}

impl tokio::io::AsyncRead for CutOff {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl tokio::io::AsyncWrite for CutOff {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let size = bytes.len().min(self.left);
        let written =
            std::task::ready!(std::pin::Pin::new(&mut self.stream).poll_write(context, &bytes[..size]))?;
        self.left -= written;
        // Zero is the end for whoever writes all of something.
        std::task::Poll::Ready(Ok(written))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_node_that_breaks_the_rules_is_told_which_and_hung_up_on() {
    let bounds = Bounds { calls_max: 3, ..Bounds::default() };
    let (node, desk) = start(Options { bounds, ..impatient("a") }).await;
    let long = |id| Frame::Call { id, action: ECHO, total: 1 << 20, part: Bytes::new() };
    let part = |id, size| Frame::Part { id, part: Bytes::from(vec![1; size]) };
    let waiting = |id| Frame::Call { id, action: WAIT, total: 0, part: Bytes::new() };
    let answer = Frame::Answer { id: 1, outcome: Outcome::Done, total: 0, part: Bytes::new() };
    let cases = [
        (vec![part(1, 1)], "a part of no call"),
        (vec![waiting(1), part(1, 1)], "a part of no call"),
        (vec![waiting(1), waiting(1)], "under the id of another"),
        (vec![long(1), long(1)], "under the id of another"),
        (vec![answer], "an answer to the one who answers"),
        ((1..=4).map(waiting).collect(), "more than 3 calls"),
        ((1..=4).map(long).collect(), "more than 3 calls"),
    ];
    for (frames, rule) in cases {
        let (mut raw, _) = Raw::call(&node, &options("b"), Lane::Data).await;
        raw.send(&frames).await;
        let mut word = String::new();
        while let Some(frame) = raw.next().await {
            if let Frame::Goodbye { reason } = frame {
                word = reason;
            }
        }
        assert!(word.contains(rule), "{rule}: {word}");
    }
    // Once there is room it may send what it said, and no more.
    let (mut raw, _) = Raw::call(&node, &options("b"), Lane::Data).await;
    raw.send(&[long(1)]).await;
    assert_eq!(raw.next().await, Some(Frame::Proceed { id: 1 }));
    for _ in 0..16 {
        raw.send(&[part(1, PART_BYTES_MAX)]).await;
    }
    assert!(matches!(raw.next().await, Some(Frame::Answer { total: 1_048_576, .. })));
    raw.send(&[long(2)]).await;
    assert_eq!(raw.next().await, Some(Frame::Proceed { id: 2 }));
    for _ in 0..15 {
        raw.send(&[part(2, PART_BYTES_MAX)]).await;
    }
    raw.send(&[part(2, PART_BYTES_MAX - 1), part(2, 2)]).await;
    assert_eq!(
        raw.next().await,
        Some(Frame::Goodbye { reason: "a body is longer than was said".to_owned() })
    );
    until("every handler is cancelled", || under_way(&desk) == 0).await;
}

/// The other side answers at length a call that was given up, again and again: it is told once that nobody wants it.
#[tokio::test]
async fn a_long_answer_that_nobody_wants_is_cancelled_once() {
    let (node, _) = start(impatient("a")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let peer = Peer::at(listener.local_addr().expect("an address"));
    let call = tokio::spawn({
        let (node, peer) = (node.clone(), peer.clone());
        async move { node.call(&peer, Lane::Data, ECHO, Bytes::new(), PATIENCE).await }
    });
    let mut raw = Raw::accept(listener.accept().await.expect("a connection").0, &options("b")).await;
    let Some(Frame::Call { id, .. }) = raw.next().await else {
        panic!("no call");
    };
    call.abort();
    assert_eq!(raw.next().await, Some(Frame::Cancel { id }));

    let long = Frame::Answer { id, outcome: Outcome::Done, total: 1 << 20, part: Bytes::new() };
    raw.send(std::slice::from_ref(&long)).await;
    assert_eq!(raw.next().await, Some(Frame::Cancel { id }));
    raw.send(&[long]).await;

    assert_eq!(
        raw.next().await,
        Some(Frame::Goodbye { reason: "it sent what has no place here: a second answer".to_owned() })
    );
}

/// What is said of a length is believed when the bytes are there.
#[tokio::test]
async fn a_length_makes_nobody_wait_or_allocate() {
    let (node, _) = start(impatient("a")).await;
    for (length, total) in [(u32::MAX, 0), (1 << 20, 0), (10, u64::MAX), (10, 1 << 40)] {
        let (mut raw, _) = Raw::call(&node, &options("b"), Lane::Data).await;
        if total > 0 {
            raw.send(&[Frame::Call { id: 1, action: ECHO, total, part: Bytes::new() }]).await;
            let Some(Frame::Answer { outcome: Outcome::NotTaken, part, .. }) = raw.next().await else {
                panic!("taken");
            };
            assert!(String::from_utf8_lossy(&part).contains("longer than"), "{part:?}");
        } else {
            let mut bytes = BytesMut::new();
            bytes.put_u32_le(length);
            raw.stream.write_all(&bytes).await.expect("sent");
            let Some(Frame::Goodbye { reason }) = raw.next().await else {
                panic!("no word");
            };
            assert!(reason.contains("is longer than"), "{reason}");
        }
    }
}

/// Seeded damage to what a node says: whatever comes of it, the node goes on and every connection ends.
#[tokio::test]
async fn damaged_words_cost_their_connection_alone() {
    let (node, desk) = start(impatient("a")).await;
    let mut bytes = BytesMut::new();
    let long = Frame::Call { id: 2, action: ECHO, total: 70_000, part: Bytes::new() };
    [call_frame(1), long, Frame::Cancel { id: 2 }, call_frame(3)]
        .iter()
        .for_each(|frame| encode(frame, &mut bytes));
    for seed in 0..150 {
        let (mut raw, _) = Raw::call(&node, &options("b"), Lane::Data).await;
        let damaged = Chance::new(seed).damage(bytes.to_vec());
        let _hung_up = raw.stream.write_all(&damaged).await;
        let _hung_up = raw.stream.shutdown().await;
        while raw.next().await.is_some() {}
    }

    let (other, _) = start(options("c")).await;
    let body = Bytes::from_static(b"still there");
    let peer = Peer::at(node.address());
    assert_eq!(other.call(&peer, Lane::Data, ECHO, body.clone(), PATIENCE).await, Ok(body));
    until("nothing is handled", || under_way(&desk) == 0).await;
}

#[tokio::test]
async fn a_thousand_connections_too_many_are_refused_and_cost_nobody_a_place() {
    const PLACES: usize = 8;
    let bounds = Bounds { connections_max: PLACES, ..impatient("a").bounds };
    let (node, _) = start(Options { bounds, ..options("a") }).await;
    let own = options("b");
    let mut kept = Vec::new();
    for _ in 0..PLACES {
        kept.push(Raw::call(&node, &own, Lane::Data).await.0);
    }

    for number in 0..1_000 {
        let mut stream = TcpStream::connect(node.address()).await.expect("connects");
        let refused = handshake::call(&mut stream, &terms_of(&own), Lane::Data).await;
        let Err(handshake::HandshakeError::Broken(reason)) = refused else {
            panic!("connection {number}: {refused:?}");
        };
        assert!(reason.contains("8 connections are open"), "{number}: {reason}");
    }
    for raw in &mut kept {
        raw.send(&[call_frame(1)]).await;
        assert!(matches!(raw.next().await, Some(Frame::Answer { .. })));
    }
    kept.pop();
    // One has left: its place is free as soon as that is noticed.
    let terms = Arc::new(terms_of(&own));
    loop {
        let mut stream = TcpStream::connect(node.address()).await.expect("connects");
        if handshake::call(&mut stream, &terms, Lane::Data).await.is_ok() {
            break;
        }
    }
}
