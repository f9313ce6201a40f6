//! Client and server on one road: acks follow delivery, and only delivery.

use std::time::Duration;

use daemon::CancellationToken;
use event::{Batch, Event, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use wire::{FrameLimits, WireClient, WireError, WireOptions, WireServer, WireServerOptions};

struct Road {
    host: String,
    batches: mpsc::Receiver<Batch>,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

async fn road(options: WireServerOptions) -> Road {
    let (sender, batches) = mpsc::channel(4);
    let server = WireServer::bind(WireServerOptions { address: "127.0.0.1:0".into(), ..options })
        .await
        .expect("a port");
    let host = server.local_addr().expect("bound").to_string();
    let stop = CancellationToken::new();
    let sink = move |batch| {
        let sender = sender.clone();
        async move { sender.send(batch).await }
    };
    let server = tokio::spawn(server.run(sink, stop.clone()));
    Road { host, batches, stop, server }
}

fn events(count: usize) -> Vec<Event> {
    (0..count)
        .map(|n| {
            let mut event = Event::at(Timestamp::from_nanos(1_700_000_000_000_000_000));
            event.set("message", format!("line {n}")).set("@metadata._id", n.to_string());
            event
        })
        .collect()
}

async fn client(host: &str, level: u32) -> WireClient {
    WireClient::connect(WireOptions {
        host: host.to_owned(),
        timeout: Duration::from_secs(5),
        compression_level: level,
        window_max: 3,
        ..WireOptions::default()
    })
    .await
    .expect("connected")
}

#[tokio::test]
async fn events_arrive_whole_in_windows_with_and_without_compression() {
    for level in [0, 3] {
        let mut road = road(WireServerOptions::default()).await;
        let sent = events(7);

        let mut sender = client(&road.host, level).await;
        let copy = sent.clone();
        let sending = tokio::spawn(async move { sender.send(&copy).await });
        let mut got = Vec::new();
        for size in [3, 3, 1] {
            let batch = road.batches.recv().await.expect("a batch");
            assert_eq!(batch.events.len(), size);
            got.extend(batch.events.clone());
            batch.delivered();
        }

        sending.await.expect("no panic").expect("acked");
        assert_eq!(got, sent, "level {level}");
        road.stop.cancel();
        road.server.await.expect("ended");
    }
}

#[tokio::test]
async fn an_abandoned_batch_closes_the_connection_without_an_ack() {
    let mut road = road(WireServerOptions::default()).await;
    let mut sender = client(&road.host, 3).await;
    let sending = tokio::spawn(async move { (sender.send(&events(4)).await, sender.acked()) });

    road.batches.recv().await.expect("first window").delivered();
    drop(road.batches.recv().await.expect("second window"));

    let (result, acked) = sending.await.expect("no panic");
    assert!(matches!(result, Err(WireError::Broken { .. })), "{result:?}");
    assert_eq!(acked, 3);
}

#[tokio::test]
async fn keep_alive_acks_hold_a_slow_receiver_open_beyond_the_timeout() {
    let mut road =
        road(WireServerOptions { keep_alive: Duration::from_millis(20), ..WireServerOptions::default() })
            .await;
    let mut raw = TcpStream::connect(&road.host).await.expect("connected");
    raw.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x0d{\"message\":1}").await.expect("sent");
    let batch = road.batches.recv().await.expect("a batch");

    let mut seen = [0; 6];
    raw.read_exact(&mut seen).await.expect("an ack");
    assert_eq!(&seen, b"2A\0\0\0\0");
    batch.delivered();
    while &seen == b"2A\0\0\0\0" {
        raw.read_exact(&mut seen).await.expect("an ack");
    }

    assert_eq!(&seen, b"2A\0\0\0\x01");
}

#[tokio::test]
async fn a_client_that_hears_nothing_gives_up_and_one_that_hears_partial_acks_goes_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("bound").to_string();
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        for seq in [0, 1, 2] {
            stream.write_all(&wire::encode_ack(seq)).await.expect("sent");
        }
        stream
    });
    let mut sender = WireClient::connect(WireOptions {
        host,
        timeout: Duration::from_millis(200),
        ..WireOptions::default()
    })
    .await
    .expect("connected");

    let result = sender.send(&events(3)).await;

    assert!(matches!(result, Err(WireError::Timeout { .. })), "{result:?}");
    assert_eq!(sender.acked(), 2);
    drop(peer.await);
}

#[tokio::test]
async fn foreign_bytes_and_broken_bounds_cost_that_connection_only() {
    let mut road = road(WireServerOptions {
        limits: FrameLimits { window_events_max: 10, ..FrameLimits::default() },
        ..WireServerOptions::default()
    })
    .await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"2W\xff\xff\xff\xff",
        b"2J\0\0\0\x01\0\0\0\x02{}",
        b"2C\0\0\0\x02xx",
    ] {
        let mut raw = TcpStream::connect(&road.host).await.expect("connected");
        raw.write_all(bytes).await.expect("sent");
        // A reset is as good an end as a close.
        assert_eq!(raw.read(&mut [0; 8]).await.unwrap_or(0), 0, "{bytes:?}");
    }

    let mut sender = client(&road.host, 3).await;
    let sending = tokio::spawn(async move { sender.send(&events(1)).await });
    road.batches.recv().await.expect("a batch").delivered();

    sending.await.expect("no panic").expect("acked");
}

#[tokio::test]
async fn an_event_that_is_no_object_costs_only_itself() {
    let mut road = road(WireServerOptions::default()).await;
    let mut raw = TcpStream::connect(&road.host).await.expect("connected");
    raw.write_all(b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x01{2J\0\0\0\x02\0\0\0\x07{\"a\":1}").await.expect("sent");

    let batch = road.batches.recv().await.expect("a batch");

    assert_eq!(batch.events[0].fields["tags"][0], "_jsonparsefailure");
    assert_eq!(batch.events[1].fields["a"], 1);
}

#[tokio::test]
async fn too_many_connections_are_refused_and_idle_ones_end() {
    let road = road(WireServerOptions {
        connections_max: 1,
        idle_timeout: Duration::from_millis(300),
        ..WireServerOptions::default()
    })
    .await;
    let mut first = TcpStream::connect(&road.host).await.expect("connected");
    let mut second = TcpStream::connect(&road.host).await.expect("connected");

    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(first.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

/// A receiver closes the connection over a window that is too large, and would do so each time it is repeated.
#[tokio::test]
async fn large_events_go_in_windows_and_frames_that_a_receiver_takes() {
    for level in [0, 3] {
        let limits =
            FrameLimits { frame_bytes_max: 2 << 20, inflated_bytes_max: 3 << 20, ..FrameLimits::default() };
        let mut road = road(WireServerOptions { limits, ..WireServerOptions::default() }).await;
        let mut sent = events(12);
        for (n, event) in sent.iter_mut().enumerate() {
            // Hardly compressible, so that a frame is about as long as what is in it.
            let noise: String = (0..900_000_u64).map(|i| char::from(33 + noise(i * 31 + n as u64))).collect();
            event.set("message", noise);
        }
        let mut sender = WireClient::connect(WireOptions {
            host: road.host.clone(),
            timeout: Duration::from_secs(20),
            compression_level: level,
            window_bytes_max: 3 << 20,
            ..WireOptions::default()
        })
        .await
        .expect("connected");

        let copy = sent.clone();
        let sending = tokio::spawn(async move { sender.send(&copy).await });
        let mut got = Vec::new();
        while got.len() < sent.len() {
            let batch = tokio::time::timeout(Duration::from_secs(20), road.batches.recv()).await;
            let batch = batch.expect("in time").expect("a batch");
            got.extend(batch.events.clone());
            batch.delivered();
        }

        sending.await.expect("no panic").expect("acked");
        assert!(got == sent, "level {level}");
    }
}

/// One of 58 numbers, scattered.
fn noise(n: u64) -> u8 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as u8 % 58
}
