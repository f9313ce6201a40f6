//! A harvester: one content of one file, read line by line, and what of it is on its way.
//!
//! ```text
//!  DISCOVERED ──first line──▶ REGISTERED (generation synced) ──▶ READING ⇄ IDLE ──▶ CLOSED
//!                                      │ truncated, inode reused
//!                                      ▼
//!                              DETACHED: acks still come; a copy may continue it
//! ```

use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Instant;

use fs_err as fs;

use crate::fingerprint::{Fingerprint, LENGTH_MAX, Place};
use crate::lines::Lines;
use crate::registry::Entry;

/// A file's content in memory.
#[derive(Debug)]
pub(crate) struct Harvester {
    /// Its number in the registry.
    pub(crate) slot: u64,
    /// The input it belongs to; none while no input's path matches.
    pub(crate) input: Option<usize>,
    /// The random part of its events' ids.
    pub(crate) generation: [u8; 16],
    /// Where it was last seen.
    pub(crate) path: PathBuf,
    /// Its place on the disk.
    pub(crate) place: Place,
    /// The open file.
    pub(crate) file: Option<fs::File>,
    /// Up to where lines were sent.
    pub(crate) sent: u64,
    /// Up to where no newline was found beyond `sent`.
    pub(crate) scanned: u64,
    /// The first bytes, as far as they were sent.
    pub(crate) head: Fingerprint,
    /// The last bytes before `sent`.
    pub(crate) tail: Fingerprint,
    /// Size and change time when it was last read to its end.
    pub(crate) settled: Option<(u64, i128)>,
    /// When it last had lines.
    pub(crate) active: Instant,
    /// Whether the registry knows it.
    pub(crate) is_registered: bool,
    /// Whether its inode holds other content now.
    pub(crate) is_detached: bool,
    /// Whether its path was there at the last look.
    pub(crate) is_present: bool,
    in_flight: VecDeque<InFlight>,
    next_seq: u64,
}

#[derive(Debug)]
struct InFlight {
    seq: u64,
    end: u64,
    bytes: usize,
    tail: Fingerprint,
    done: bool,
}

impl Harvester {
    /// For a file never seen.
    pub(crate) fn new(slot: u64, input: usize, path: PathBuf, place: Place) -> Self {
        let mut harvester = Self::blank(slot, *uuid::Uuid::new_v4().as_bytes(), path, place);
        harvester.input = Some(input);
        harvester.is_present = true;
        harvester
    }

    /// For a file of the registry; none if its generation is not one.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let generation = u128::from_str_radix(&entry.generation, 16).ok()?.to_be_bytes();
        let mut harvester = Self::blank(entry.slot, generation, entry.path.clone(), entry.place);
        harvester.sent = entry.offset;
        harvester.head = entry.head.clone();
        harvester.tail = entry.tail.clone();
        harvester.is_registered = true;
        harvester.is_detached = entry.detached;
        Some(harvester)
    }

    fn blank(slot: u64, generation: [u8; 16], path: PathBuf, place: Place) -> Self {
        Self {
            slot,
            input: None,
            generation,
            path,
            place,
            file: None,
            sent: 0,
            scanned: 0,
            head: Fingerprint::default(),
            tail: Fingerprint::default(),
            settled: None,
            active: Instant::now(),
            is_registered: false,
            is_detached: false,
            is_present: false,
            in_flight: VecDeque::new(),
            next_seq: 0,
        }
    }

    /// Its entry with `offset` acked.
    pub(crate) fn entry(&self, offset: u64, tail: Fingerprint, now_millis: i64) -> Entry {
        Entry {
            slot: self.slot,
            generation: format!("{:032x}", u128::from_be_bytes(self.generation)),
            path: self.path.clone(),
            place: self.place,
            offset,
            head: self.head.clone(),
            tail,
            seen: now_millis,
            detached: self.is_detached,
        }
    }

    /// Whether `file` still begins with, and has before `sent`, the bytes that were sent.
    pub(crate) fn is_content_of(&self, file: &fs::File) -> bool {
        self.head.matches(file.file()) && self.tail.matches(file.file())
    }

    /// Notes that the lines were sent; returns the sequence number under which their ack will come.
    pub(crate) fn sends(&mut self, lines: &Lines<'_>) -> u64 {
        let start = self.sent;
        if start == 0 {
            self.head = first(lines.bytes);
        }
        self.tail = last(start, lines.bytes);
        self.sent = lines.end;
        self.grow_head();
        self.scanned = 0;
        self.active = Instant::now();
        let seq = self.next_seq;
        self.next_seq += 1;
        let bytes = lines.bytes.len();
        self.in_flight.push_back(InFlight {
            seq,
            end: lines.end,
            bytes,
            tail: self.tail.clone(),
            done: false,
        });
        seq
    }

    /// A short file's head grows with what was sent; bytes that cannot be read now leave it as it is.
    fn grow_head(&mut self) {
        let wanted = self.sent.min(LENGTH_MAX);
        if self.head.length() < wanted
            && let Some(file) = &self.file
        {
            let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(0)];
            if file.file().read_exact_at(&mut bytes, 0).is_ok() && self.head.matches(file.file()) {
                self.head = Fingerprint::of(0, &bytes);
            }
        }
    }

    /// Takes an ack. The bytes it frees, and, if the acked part grew, its end and last bytes.
    pub(crate) fn acked(&mut self, seq: u64) -> (usize, Option<(u64, Fingerprint)>) {
        let mut freed = 0;
        if let Some(flight) = self.in_flight.iter_mut().find(|flight| flight.seq == seq) {
            flight.done = true;
            freed = flight.bytes;
        }
        let mut grown = None;
        while self.in_flight.front().is_some_and(|flight| flight.done) {
            grown = self.in_flight.pop_front().map(|flight| (flight.end, flight.tail));
        }
        (freed, grown)
    }

    /// Whether everything sent is acked.
    pub(crate) fn is_settled(&self) -> bool {
        self.in_flight.is_empty()
    }
}

/// The head: as much of the first lines as a fingerprint covers.
fn first(bytes: &[u8]) -> Fingerprint {
    Fingerprint::of(0, &bytes[..bytes.len().min(LENGTH_MAX as usize)])
}

fn last(start: u64, bytes: &[u8]) -> Fingerprint {
    let from = bytes.len().saturating_sub(LENGTH_MAX as usize);
    Fingerprint::of(start + from as u64, &bytes[from..])
}
