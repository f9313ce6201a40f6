//! What a connection has to say, and in which order: short words first, then bodies in turns, a part of each.
//!
//! So a long body never keeps a short one waiting for more than one part of it. What is here is bounded by the calls that
//! may be under way: each has at most one body and few words.

use std::collections::{HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::frame::{Frame, Outcome, PART_BYTES_MAX, encode};

/// What a connection has to say.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    turns: Mutex<Turns>,
    news: Notify,
}

/// How a body begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Call { action: u16 },
    Answer { outcome: Outcome },
}

/// How far a body had come when it was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// The other side has not heard of it.
    NotBegun,
    /// The other side waits for the rest.
    Unfinished,
    /// It is not here: all of it was given to the network, or none of it was ever to be sent.
    Gone,
}

#[derive(Debug, Default)]
struct Turns {
    words: VecDeque<Frame>,
    ready: VecDeque<Sending>,
    /// Long bodies that the other side has no room for yet.
    waiting: HashMap<u64, Sending>,
    is_ended: bool,
}

#[derive(Debug)]
struct Sending {
    id: u64,
    /// None once it has begun.
    head: Option<Head>,
    rest: Bytes,
}

impl Outbox {
    /// Says a word before any body goes on.
    pub(crate) fn say(&self, frame: Frame) {
        self.turns.lock().words.push_back(frame);
        self.news.notify_one();
    }

    /// Sends a body when its turn comes.
    pub(crate) fn send(&self, id: u64, head: Head, body: Bytes) {
        self.turns.lock().ready.push_back(Sending { id, head: Some(head), rest: body });
        self.news.notify_one();
    }

    /// The other side has room for the body. If it was taken back meanwhile there is nothing to do.
    pub(crate) fn proceed(&self, id: u64) {
        let mut turns = self.turns.lock();
        if let Some(sending) = turns.waiting.remove(&id) {
            turns.ready.push_back(sending);
            self.news.notify_one();
        }
    }

    /// Takes a body back.
    pub(crate) fn withdraw(&self, id: u64) -> Withdrawn {
        self.turns.lock().withdraw(id)
    }

    /// How many bodies are not sent yet.
    pub(crate) fn len(&self) -> usize {
        let turns = self.turns.lock();
        turns.ready.len() + turns.waiting.len()
    }

    /// Nothing more will be said: the connection ends once all of it was.
    pub(crate) fn end(&self) {
        self.turns.lock().is_ended = true;
        self.news.notify_one();
    }

    /// Forgets all bodies, says one last word, and nothing more.
    pub(crate) fn abandon(&self, word: Frame) {
        let mut turns = self.turns.lock();
        *turns = Turns { words: VecDeque::from([word]), is_ended: true, ..Turns::default() };
        self.news.notify_one();
    }

    /// Puts what comes next into `out`, about as much as one part; false once all was said and nothing more will be.
    pub(crate) fn fill(&self, out: &mut BytesMut) -> bool {
        let mut turns = self.turns.lock();
        while out.len() < PART_BYTES_MAX
            && let Some(frame) = turns.next()
        {
            encode(&frame, out);
        }
        !out.is_empty() || !turns.is_ended || !turns.waiting.is_empty()
    }

    /// Waits until there is something to say.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}

impl Turns {
    fn withdraw(&mut self, id: u64) -> Withdrawn {
        if self.waiting.remove(&id).is_some() {
            return Withdrawn::Unfinished;
        }
        let place = self.ready.iter().position(|sending| sending.id == id);
        match place.and_then(|place| self.ready.remove(place)) {
            Some(sending) if sending.head.is_some() => Withdrawn::NotBegun,
            Some(_) => Withdrawn::Unfinished,
            None => Withdrawn::Gone,
        }
    }

    fn next(&mut self) -> Option<Frame> {
        if let Some(word) = self.words.pop_front() {
            return Some(word);
        }
        let mut sending = self.ready.pop_front()?;
        let id = sending.id;
        let Some(head) = sending.head.take() else {
            let part = sending.rest.split_to(sending.rest.len().min(PART_BYTES_MAX));
            if !sending.rest.is_empty() {
                self.ready.push_back(sending);
            }
            return Some(Frame::Part { id, part });
        };
        let total = sending.rest.len() as u64;
        let part = if sending.rest.len() <= PART_BYTES_MAX {
            sending.rest
        } else {
            self.waiting.insert(id, sending);
            Bytes::new()
        };
        Some(match head {
            Head::Call { action } => Frame::Call { id, action, total, part },
            Head::Answer { outcome } => Frame::Answer { id, outcome, total, part },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Head = Head::Call { action: 1 };

    fn drain(outbox: &Outbox) -> Vec<Frame> {
        std::iter::from_fn(|| outbox.turns.lock().next()).collect()
    }

    fn ids(frames: &[Frame]) -> Vec<u64> {
        frames
            .iter()
            .map(|frame| match frame {
                Frame::Call { id, .. } | Frame::Part { id, .. } | Frame::Cancel { id } => *id,
                _ => 0,
            })
            .collect()
    }

    #[test]
    fn a_short_body_waits_for_one_part_of_each_long_one() {
        let outbox = Outbox::default();
        for id in [1, 2] {
            outbox.send(id, CALL, Bytes::from(vec![0; 3 * PART_BYTES_MAX + 1]));
        }
        assert_eq!(ids(&drain(&outbox)), [1, 2], "long ones begin without a part, and wait");
        outbox.proceed(1);
        outbox.proceed(2);
        outbox.send(3, CALL, Bytes::from_static(b"short"));
        outbox.say(Frame::Cancel { id: 9 });

        let frames = drain(&outbox);

        assert_eq!(ids(&frames), [9, 1, 2, 3, 1, 2, 1, 2, 1, 2]);
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn what_was_taken_back_is_known_by_how_far_it_had_come() {
        let outbox = Outbox::default();
        let long = || Bytes::from(vec![0; 2 * PART_BYTES_MAX]);
        outbox.send(1, CALL, long());
        outbox.send(2, CALL, Bytes::new());
        assert_eq!(outbox.withdraw(1), Withdrawn::NotBegun);
        assert_eq!(ids(&drain(&outbox)), [2]);
        assert_eq!(outbox.withdraw(2), Withdrawn::Gone);

        outbox.send(3, CALL, long());
        drain(&outbox);
        assert_eq!(outbox.withdraw(3), Withdrawn::Unfinished, "it waits");
        outbox.proceed(3);
        assert!(drain(&outbox).is_empty(), "what was taken back does not proceed");

        outbox.send(4, CALL, long());
        drain(&outbox);
        outbox.proceed(4);
        outbox.turns.lock().next();
        assert_eq!(outbox.withdraw(4), Withdrawn::Unfinished, "half of it is sent");
        assert_eq!(outbox.withdraw(4), Withdrawn::Gone);
        assert!(drain(&outbox).is_empty());
    }

    #[test]
    fn it_ends_once_all_was_said() {
        let outbox = Outbox::default();
        outbox.send(1, CALL, Bytes::from(vec![0; PART_BYTES_MAX + 1]));
        outbox.end();

        let mut out = BytesMut::new();
        assert!(outbox.fill(&mut out));
        out.clear();
        assert!(outbox.fill(&mut out) && out.is_empty(), "the other side may still ask for the rest");
        outbox.proceed(1);
        for _ in 0..2 {
            assert!(outbox.fill(&mut out));
            out.clear();
        }
        assert!(!outbox.fill(&mut out));
    }
}
