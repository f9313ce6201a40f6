//! The source of packet-beat: interfaces until the stop, or a capture file to its end.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use beat_core::{Beat, Publisher};
use daemon::CancellationToken;
use event::{AckHandle, Event};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::analyzer::Analyzer;
use crate::capture_file::{Ending, read_capture};
use crate::interface::{self, InterfaceError};
use crate::readers::Readers;

/// How often events are handed on.
const TICK: Duration = Duration::from_millis(250);
/// How many events of a capture file are published at once.
const BATCH_EVENTS: usize = 512;

/// Reads the file if there is one, else the interfaces.
pub async fn start(beat: Beat, file: Option<PathBuf>) -> anyhow::Result<()> {
    let analyzer = Analyzer::of(&beat.settings, &beat.metrics)?;
    match file {
        Some(file) => replay(beat, analyzer, file).await,
        None => capture(beat, analyzer).await,
    }
}

async fn replay(beat: Beat, analyzer: Analyzer, file: PathBuf) -> anyhow::Result<()> {
    beat.ready(&file.display().to_string());
    let Beat { publisher, stop, .. } = beat;
    // Every ack holds a sender, so the receiver ends with the last of them.
    let (open, mut acks) = mpsc::channel::<()>(1);
    let handle = tokio::runtime::Handle::current();
    let reading = {
        let (file, stop) = (file.clone(), stop.clone());
        tokio::task::spawn_blocking(move || {
            let publish = |events: Vec<Event>| {
                let open = open.clone();
                let ack = AckHandle::new(move |_| drop(open.clone()));
                handle.block_on(async {
                    tokio::select! {
                        pushed = publisher.publish(events, Some(ack)) => pushed.is_ok(),
                        () = stop.cancelled() => false,
                    }
                })
            };
            read_all(&file, analyzer, &stop, publish)
        })
    };
    let ending = reading.await??;
    tokio::select! {
        _ = acks.recv() => {}
        () = stop.cancelled() => {}
    }
    if let Some(fault) = &ending.fault {
        warn!(file = %file.display(), packets = ending.packets, fault, "capture file ended early; what it held is reported");
    } else {
        info!(file = %file.display(), packets = ending.packets, "capture file is read");
    }
    Ok(())
}

fn read_all(
    file: &Path,
    mut analyzer: Analyzer,
    stop: &CancellationToken,
    publish: impl Fn(Vec<Event>) -> bool,
) -> anyhow::Result<Ending> {
    let ending = read_capture(file, |at, bytes, link, data| {
        analyzer.take(at, bytes, link, data);
        let goes_on = analyzer.waiting() < BATCH_EVENTS || publish(analyzer.events());
        goes_on && !stop.is_cancelled()
    })?;
    analyzer.finish();
    publish(analyzer.events());
    Ok(ending)
}

async fn capture(beat: Beat, analyzer: Analyzer) -> anyhow::Result<()> {
    let settings = &beat.settings;
    let snaplen = settings.count("packet-beat.interfaces.snaplen");
    let promiscuous = settings.bool("packet-beat.interfaces.promiscuous");
    let device = settings.text("packet-beat.interfaces.device");
    let retry = settings.span("packet-beat.interfaces.retry");
    let ignored = if settings.bool("packet-beat.ignore_output") { output_ends(settings) } else { Vec::new() };
    let analyzer = analyzer.ignoring(ignored).with_events_max(settings.count("packet-beat.events_max"));
    let analyzer = Arc::new(Mutex::new(analyzer));
    let mut readers = Readers::default();
    let begin = |device: &str| {
        let opened = interface::open(device, snaplen, promiscuous)?;
        Ok(interface::read(opened, Arc::clone(&analyzer), beat.clock.clone(), beat.stop.clone()))
    };
    // Whoever names an interface wants to hear at the start that it is not there; `any` takes what there is.
    let first = if device == "any" { interface::up(&device) } else { vec![device.clone()] };
    let trouble = readers.look(&first, begin);
    if readers.names().is_empty() {
        trouble?;
        return Err(InterfaceError::NoneUp.into());
    }
    beat.ready(&readers.names().join(", "));
    let mut looked = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let take = |finishes: bool| {
        let mut analyzer = analyzer.lock().unwrap_or_else(PoisonError::into_inner);
        analyzer.tick(beat.clock.now_nanos());
        if finishes {
            analyzer.finish();
        }
        analyzer.events()
    };
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = beat.stop.cancelled() => break,
        }
        if looked.elapsed() >= retry {
            // Trouble was told when it began, and what can be read is read.
            let _told = readers.look(&interface::up(&device), begin);
            looked = Instant::now();
        }
        let events = take(false);
        tokio::select! {
            pushed = hand_on(&beat.publisher, events) => if !pushed { break },
            () = beat.stop.cancelled() => break,
        }
    }
    hand_on_at_most(&beat.publisher, take(true), beat.settings.span("shutdown_timeout")).await;
    Ok(())
}

async fn hand_on(publisher: &Publisher, events: Vec<Event>) -> bool {
    events.is_empty() || publisher.publish(events, None).await.is_ok()
}

/// The last events of a stop, which must not wait for an output that is away.
async fn hand_on_at_most(publisher: &Publisher, events: Vec<Event>, patience: Duration) {
    let count = events.len();
    if !matches!(tokio::time::timeout(patience, hand_on(publisher, events)).await, Ok(true)) {
        warn!(events = count, "output did not take the last events in time; they are lost");
    }
}

/// The addresses that the output sends to; a name that cannot be looked up is left to be seen.
fn output_ends(settings: &settings::Settings) -> Vec<SocketAddr> {
    let mut hosts = Vec::new();
    if settings.is_set("output.logstash.hosts") {
        hosts.extend(settings.list("output.logstash.hosts").into_iter().map(|host| (host, 5044)));
    } else {
        hosts.extend(settings.list("output.elasticsearch.hosts").into_iter().map(|host| (host, 9200)));
    }
    hosts.iter().flat_map(|(host, port)| ends_of(host, *port)).collect()
}

fn ends_of(host: &str, default_port: u16) -> Vec<SocketAddr> {
    let rest = host.split_once("://").map_or(host, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let found = authority
        .to_socket_addrs()
        .or_else(|_| (authority.trim_matches(['[', ']']), default_port).to_socket_addrs());
    found.map(Iterator::collect).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outputs_own_ends_are_found_in_every_way_of_writing_them() {
        let end = |text: &str| vec![text.parse::<SocketAddr>().expect("an address")];

        assert_eq!(ends_of("http://127.0.0.1:9200", 9200), end("127.0.0.1:9200"));
        assert_eq!(ends_of("https://127.0.0.1/path", 9200), end("127.0.0.1:9200"));
        assert_eq!(ends_of("[::1]:5044", 5044), end("[::1]:5044"));
        assert_eq!(ends_of("[::1]", 5044), end("[::1]:5044"));
    }
}
