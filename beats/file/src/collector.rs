//! The collector: one loop that looks for files, reads them in turn, publishes their lines, and takes the acks.
//!
//! One task owns every file and the registry, so none of this is locked. What it reads ahead of the acks is bounded
//! by `file-beat.in_flight_max` and by the queue.
//!
//! # Invariants
//!
//! - A line is published only after its file's generation was synced.
//! - The registry's offset follows acks, never reads.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use beat_core::{Beat, Publisher};
use daemon::CancellationToken;
use daemon::clock::Clock;
use daemon::metrics::{Counter, Gauge, Metrics};
use event::{AckHandle, Delivery, Event, Map, Timestamp, Value};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{info, warn};

use crate::fingerprint::{Fingerprint, Place};
use crate::harvester::Harvester;
use crate::hints::Hints;
use crate::input::Input;
use crate::lines::{Line, LineBuffer};
use crate::registry::Registry;
use crate::rotation::Copies;
use crate::scan::changed;

/// Hints come in floods; a look at the disk follows the last by at least this.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Open without blocking, should the path have become a FIFO since it was looked at.
const O_NONBLOCK: i32 = 0o4000;

/// An ack on its way back. Unbounded, but there are never more than batches in flight.
struct Ack {
    slot: u64,
    seq: u64,
    delivery: Delivery,
}

/// Everything file-beat knows and does.
pub(crate) struct Collector {
    pub(crate) inputs: Vec<Input>,
    pub(crate) harvesters: BTreeMap<u64, Harvester>,
    pub(crate) registry: Registry,
    pub(crate) clock: Clock,
    pub(crate) clean_after: Duration,
    pub(crate) copies: Copies,
    pub(crate) copy_wait: Duration,
    /// Slots whose entries must be written.
    pub(crate) dirty: BTreeSet<u64>,
    publisher: Option<Publisher>,
    stop: CancellationToken,
    source: [u8; 16],
    open_max: usize,
    open_count: usize,
    in_flight: usize,
    in_flight_max: usize,
    sync_every: Duration,
    synced: Instant,
    check: Duration,
    hints: Hints,
    is_hinted: bool,
    looked: Option<Instant>,
    acks: UnboundedReceiver<Ack>,
    ack_sender: Option<UnboundedSender<Ack>>,
    buffer: LineBuffer,
    counts: Counts,
    is_registry_failing: bool,
}

struct Counts {
    lines: Counter,
    bytes: Counter,
    truncated: Counter,
    filtered: Counter,
    open: Gauge,
    lag: Gauge,
}

impl Counts {
    fn new(metrics: &Metrics) -> Self {
        Self {
            lines: metrics.counter("file_lines_read", "Lines that were published"),
            bytes: metrics.counter("file_bytes_read", "Bytes of lines that were read"),
            truncated: metrics.counter("file_lines_truncated", "Lines whose rest was left out"),
            filtered: metrics
                .counter("file_lines_filtered", "Lines that include_lines or exclude_lines kept back"),
            open: metrics.gauge("file_open", "Files that are open"),
            lag: metrics.gauge("file_lag_bytes", "Bytes of open files that are not sent yet"),
        }
    }
}

/// What a turn at a file came to.
enum Turn {
    /// Lines were published; there may be more.
    Sent,
    /// Nothing new.
    Idle,
    /// The content is not the one that was being read.
    Replaced,
    /// The beat stops.
    Stopped,
}

impl Collector {
    /// Takes over the beat; reads the registry.
    pub(crate) fn new(beat: Beat, inputs: Vec<Input>, hints: Hints) -> anyhow::Result<Self> {
        let registry = Registry::open(&beat.identity.folder.join("registry"))?;
        let harvesters = registry
            .entries()
            .filter_map(Harvester::of)
            .map(|harvester| (harvester.slot, harvester))
            .collect();
        let (ack_sender, acks) = unbounded_channel();
        let settings = &beat.settings;
        Ok(Self {
            harvesters,
            registry,
            clock: beat.clock,
            clean_after: settings.span("file-beat.registry.clean_after"),
            copies: Copies::default(),
            copy_wait: settings.span("file-beat.copy_wait"),
            dirty: BTreeSet::new(),
            source: *uuid::Uuid::parse_str(&beat.identity.id)?.as_bytes(),
            open_max: settings.count("file-beat.harvester_limit"),
            open_count: 0,
            in_flight: 0,
            in_flight_max: usize::try_from(settings.bytes("file-beat.in_flight_max"))
                .unwrap_or(usize::MAX)
                .max(1),
            sync_every: settings.span("file-beat.registry.flush"),
            synced: Instant::now(),
            check: inputs.iter().map(|input| input.check_interval).min().unwrap_or(Duration::from_secs(10)),
            hints,
            is_hinted: true,
            looked: None,
            acks,
            ack_sender: Some(ack_sender),
            buffer: LineBuffer::default(),
            counts: Counts::new(&beat.metrics),
            is_registry_failing: false,
            publisher: Some(beat.publisher),
            stop: beat.stop,
            inputs,
        })
    }

    /// Reads until the beat stops, then waits for the last acks.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        while !self.stop.is_cancelled() {
            self.look_if_due();
            let progress = self.read_all().await;
            self.settle();
            if !progress {
                self.wait(self.sync_every.max(LOOK_PAUSE)).await;
            }
        }
        self.publisher = None;
        self.ack_sender = None;
        while let Some(ack) = self.acks.recv().await {
            self.take(Some(ack));
            self.settle();
        }
        self.settle();
        self.registry.sync()?;
        info!(files = self.harvesters.len(), "registry was saved");
        Ok(())
    }

    /// Waits for whatever comes first: an ack, a hint, the next look, the stop, or the end of `longest`.
    ///
    /// Everything that waits, waits here, so that files are found and opened however long an output is away: what
    /// is rotated out of the paths meanwhile could not be found later, but an open file stays readable.
    async fn wait(&mut self, longest: Duration) {
        let pause = longest.min(self.until_look());
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.hints.next(), if !self.is_hinted => self.is_hinted = true,
            ack = self.acks.recv() => self.take(ack),
            () = tokio::time::sleep(pause) => {}
        }
        self.look_if_due();
    }

    fn until_look(&self) -> Duration {
        let Some(looked) = self.looked else { return Duration::ZERO };
        let pause = if self.is_hinted { LOOK_PAUSE } else { self.check };
        pause.saturating_sub(looked.elapsed())
    }

    fn look_if_due(&mut self) {
        if self.until_look().is_zero() {
            self.scan();
            self.looked = Some(Instant::now());
            self.is_hinted = false;
        }
    }

    /// One turn at every file that may have lines, so that a large file does not hold up the others.
    async fn read_all(&mut self) -> bool {
        let mut progress = false;
        let mut lag = 0;
        self.open_count = self.harvesters.values().filter(|h| h.file.is_some()).count();
        self.counts.open.set(i64::try_from(self.open_count).unwrap_or(i64::MAX));
        let slots: Vec<u64> = self
            .harvesters
            .values()
            .filter(|h| !h.is_detached && h.input.is_some())
            .map(|h| h.slot)
            .collect();
        for slot in slots {
            while self.in_flight >= self.in_flight_max && !self.stop.is_cancelled() {
                self.wait(self.sync_every.max(LOOK_PAUSE)).await;
                self.settle();
            }
            match self.turn(slot).await {
                Ok(Turn::Sent) => progress = true,
                Ok(Turn::Idle) => self.close_if_done(slot),
                Ok(Turn::Replaced) => {
                    let now = self.clock.now_millis();
                    self.detach(slot, now);
                    self.looked = None;
                }
                Ok(Turn::Stopped) => break,
                Err(error) => {
                    warn!(%error, "file cannot be read now");
                    if let Some(harvester) = self.harvesters.get_mut(&slot) {
                        harvester.file = None;
                    }
                }
            }
            lag += self
                .harvesters
                .get(&slot)
                .and_then(|h| Some(h.settled?.0.saturating_sub(h.sent)))
                .unwrap_or(0);
        }
        self.counts.lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
        progress
    }

    async fn turn(&mut self, slot: u64) -> std::io::Result<Turn> {
        if !self.open(slot)? {
            return Ok(Turn::Idle);
        }
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return Ok(Turn::Idle);
        };
        let (Some(file), Some(input)) = (&harvester.file, harvester.input) else {
            return Ok(Turn::Idle);
        };
        let meta = file.metadata()?;
        let state = (meta.len(), changed(&meta));
        if harvester.settled == Some(state) {
            return Ok(Turn::Idle);
        }
        if state.0 < harvester.sent {
            return Ok(Turn::Replaced);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let lines =
            buffer.read(file.file(), harvester.sent, harvester.scanned, self.inputs[input].message_max)?;
        // The check comes after the read: what was read before a truncation is true, whatever came later is caught here.
        if !harvester.is_content_of(file) {
            self.buffer = buffer;
            return Ok(Turn::Replaced);
        }
        if lines.lines.is_empty() {
            harvester.scanned = lines.scanned;
            harvester.settled = Some(state);
            self.buffer = buffer;
            return Ok(Turn::Idle);
        }
        let events = self.events(slot, input, &lines.lines);
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return Ok(Turn::Idle);
        };
        let seq = harvester.sends(&lines);
        let bytes = lines.bytes.len();
        self.buffer = buffer;
        if !self.register(slot).await {
            return Ok(Turn::Stopped);
        }
        self.in_flight += bytes;
        self.counts.bytes.inc_by(bytes as u64);
        Ok(self.publish(slot, seq, events).await)
    }

    /// Makes the generation durable before the first line goes out, waiting for a disk that refuses.
    async fn register(&mut self, slot: u64) -> bool {
        let now = self.clock.now_millis();
        while let Some(harvester) = self.harvesters.get_mut(&slot)
            && !harvester.is_registered
        {
            let entry = harvester.entry(0, Fingerprint::default(), now);
            match self.registry.set(entry).and_then(|()| self.registry.sync()) {
                Ok(()) => harvester.is_registered = true,
                Err(error) => {
                    warn!(%error, "registry cannot be written, so nothing is sent; free space or repair permissions under `path.data`");
                    let again = Instant::now() + Duration::from_secs(1);
                    while let Some(rest) = again.checked_duration_since(Instant::now()) {
                        if self.stop.is_cancelled() {
                            return false;
                        }
                        self.wait(rest).await;
                    }
                }
            }
        }
        true
    }

    async fn publish(&mut self, slot: u64, seq: u64, events: Vec<Event>) -> Turn {
        let (Some(publisher), Some(sender)) = (&self.publisher, self.ack_sender.clone()) else {
            return Turn::Stopped;
        };
        let ack = AckHandle::new(move |delivery| {
            // The collector outlives every ack unless the process ends.
            let _gone = sender.send(Ack { slot, seq, delivery });
        });
        let publisher = publisher.clone();
        let mut pushing = Box::pin(publisher.publish(events, Some(ack)));
        loop {
            let stop = self.stop.clone();
            tokio::select! {
                pushed = &mut pushing => return if pushed.is_ok() { Turn::Sent } else { self.stop.cancel(); Turn::Stopped },
                () = stop.cancelled() => return Turn::Stopped,
                () = self.wait(self.sync_every.max(LOOK_PAUSE)) => self.settle(),
            }
        }
    }

    fn events(&self, slot: u64, input: usize, lines: &[Line<'_>]) -> Vec<Event> {
        let Some(harvester) = self.harvesters.get(&slot) else {
            return Vec::new();
        };
        let about = &self.inputs[input];
        let now = Timestamp::from_nanos(i128::from(self.clock.now_nanos()));
        let path = harvester.path.to_string_lossy();
        let inode = harvester.place.inode.to_string();
        let device = harvester.place.device.to_string();
        let mut events = Vec::with_capacity(lines.len());
        for line in lines {
            if !about.takes_line(line.text) {
                self.counts.filtered.inc();
                continue;
            }
            let mut file = Map::with_capacity(3);
            file.insert("path".to_owned(), path.as_ref().into());
            file.insert("inode".to_owned(), inode.as_str().into());
            file.insert("device_id".to_owned(), device.as_str().into());
            let mut log = Map::with_capacity(3);
            log.insert("offset".to_owned(), line.start.into());
            log.insert("file".to_owned(), Value::Object(file));
            if line.truncated {
                log.insert("flags".to_owned(), vec!["truncated"].into());
                self.counts.truncated.inc();
            }
            let mut event = about.event(now);
            event.fields.insert("message".to_owned(), String::from_utf8_lossy(line.text).into_owned().into());
            event.fields.insert("log".to_owned(), Value::Object(log));
            event
                .metadata
                .insert("_id".to_owned(), id(&self.source, &harvester.generation, line.start).into());
            events.push(event);
        }
        self.counts.lines.inc_by(events.len() as u64);
        events
    }

    /// Opens the file if it is not open; false if it is another one now, or too many are open.
    pub(crate) fn open(&mut self, slot: u64) -> std::io::Result<bool> {
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return Ok(false);
        };
        if harvester.file.is_some() {
            return Ok(true);
        }
        if !harvester.is_present {
            return Ok(false);
        }
        let meta = fs::metadata(&harvester.path)?;
        let state = (meta.len(), changed(&meta));
        if harvester.settled == Some(state) {
            return Ok(false);
        }
        if self.open_count >= self.open_max {
            return Ok(false);
        }
        let file = fs::OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(&harvester.path)?;
        let meta = file.metadata()?;
        if !meta.is_file() || !harvester.place.is_same(&Place::of(&meta)) {
            self.looked = None;
            return Ok(false);
        }
        harvester.file = Some(file);
        harvester.active = Instant::now();
        self.open_count += 1;
        Ok(true)
    }

    /// Closes a file without new lines when it is time, when others wait for its place, or when it is deleted and
    /// wholly acked, because only that gives its space on the disk back.
    fn close_if_done(&mut self, slot: u64) {
        let Some(harvester) = self.harvesters.get_mut(&slot) else {
            return;
        };
        let limit = harvester
            .input
            .and_then(|input| self.inputs.get(input))
            .map_or(Duration::ZERO, |i| i.close_inactive);
        let is_deleted = || {
            let meta = harvester.file.as_ref().and_then(|file| file.metadata().ok());
            !harvester.is_present && harvester.is_settled() && meta.is_some_and(|meta| meta.nlink() == 0)
        };
        if harvester.file.is_some()
            && (harvester.active.elapsed() > limit || self.open_count >= self.open_max || is_deleted())
        {
            harvester.file = None;
            self.open_count = self.open_count.saturating_sub(1);
        }
    }

    fn take(&mut self, ack: Option<Ack>) {
        let Some(ack) = ack else { return };
        let Some(harvester) = self.harvesters.get_mut(&ack.slot) else {
            return;
        };
        if ack.delivery == Delivery::Abandoned {
            // Only a stop abandons; the offset stays, and the next start sends these lines again under the same ids.
            return;
        }
        let (freed, grown) = harvester.acked(ack.seq);
        self.in_flight = self.in_flight.saturating_sub(freed);
        if let Some((offset, tail)) = grown {
            let entry = harvester.entry(offset, tail, self.clock.now_millis());
            let written = self.registry.set(entry);
            self.note_registry(written);
        }
    }

    /// Writes what changed without an ack, and syncs when it is time.
    fn settle(&mut self) {
        let now = self.clock.now_millis();
        while let Some(slot) = self.dirty.pop_first() {
            self.write_entry(slot, now);
        }
        if self.synced.elapsed() >= self.sync_every {
            let synced = self.registry.sync();
            self.note_registry(synced);
            self.synced = Instant::now();
        }
    }

    /// Writes a registered file's entry anew, its offset as acked.
    pub(crate) fn write_entry(&mut self, slot: u64, now: i64) {
        let (Some(harvester), Some(known)) = (self.harvesters.get(&slot), self.registry.get(slot)) else {
            return;
        };
        let entry = harvester.entry(known.offset, known.tail.clone(), now);
        let written = self.registry.set(entry);
        self.note_registry(written);
    }

    fn note_registry(&mut self, result: std::io::Result<()>) {
        match result {
            Ok(()) => self.is_registry_failing = false,
            Err(error) if !self.is_registry_failing => {
                self.is_registry_failing = true;
                warn!(%error, "registry cannot be written; a restart now would send lines again, under the same ids");
            }
            Err(_) => {}
        }
    }
}

/// The same line has the same id whenever it is sent; equal lines at other places have others.
fn id(source: &[u8; 16], generation: &[u8; 16], offset: u64) -> String {
    let mut bytes = [0_u8; 40];
    bytes[..16].copy_from_slice(source);
    bytes[16..32].copy_from_slice(generation);
    bytes[32..].copy_from_slice(&offset.to_le_bytes());
    URL_SAFE_NO_PAD.encode(&blake3::hash(&bytes).as_bytes()[..16])
}
