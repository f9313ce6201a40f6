//! DNS over TCP: segments in order, cut into messages by their two-byte length.
//!
//! A gap, a start in the middle and a wrong length cost the stream only; it begins anew at its next segment.

use std::collections::{BTreeMap, HashMap};

use crate::packet::{Endpoint, TcpFlags};

/// A message has at most 65,535 bytes, so twice that is room for one and what follows it.
const STREAM_BYTES_MAX: usize = 128 * 1024;
/// A header is this long, so a shorter message is none.
const MESSAGE_MIN: usize = 12;

#[derive(Debug, Default)]
struct TcpStream {
    next: Option<u32>,
    buffer: Vec<u8>,
    /// Segments that came early, by their distance from `next` when they came.
    early: BTreeMap<u32, Vec<u8>>,
    early_bytes: usize,
    touched: u64,
}

/// Every direction of a connection that is put together.
#[derive(Debug)]
pub(crate) struct Streams {
    streams: HashMap<(Endpoint, Endpoint), TcpStream>,
    streams_max: usize,
    clock: u64,
}

impl Streams {
    pub(crate) fn new(streams_max: usize) -> Self {
        Self { streams: HashMap::new(), streams_max: streams_max.max(1), clock: 0 }
    }

    /// Takes a segment and gives the messages that are whole now.
    pub(crate) fn take(
        &mut self,
        source: Endpoint,
        destination: Endpoint,
        flags: TcpFlags,
        payload: &[u8],
    ) -> Vec<Vec<u8>> {
        self.clock += 1;
        let key = (source, destination);
        if flags.rst {
            self.streams.remove(&key);
            self.streams.remove(&(destination, source));
            return Vec::new();
        }
        if flags.syn {
            self.streams.remove(&key);
        }
        if payload.is_empty() && !flags.syn {
            if flags.fin {
                self.streams.remove(&key);
            }
            return Vec::new();
        }
        if !self.streams.contains_key(&key) && self.streams.len() >= self.streams_max {
            self.drop_idlest();
        }
        let stream = self.streams.entry(key).or_default();
        stream.touched = self.clock;
        if flags.syn {
            stream.next = Some(flags.sequence.wrapping_add(1));
        }
        let sequence = flags.sequence.wrapping_add(u32::from(flags.syn));
        if !payload.is_empty() {
            stream.take(sequence, payload);
        }
        let messages = stream.messages();
        if flags.fin {
            self.streams.remove(&key);
        }
        messages
    }

    /// Gives up the idlest sixteenth at once, so that the table is not searched for every segment.
    fn drop_idlest(&mut self) {
        let mut ages: Vec<u64> = self.streams.values().map(|stream| stream.touched).collect();
        ages.sort_unstable();
        if let Some(last) = ages.get(ages.len() / 16).copied() {
            self.streams.retain(|_, stream| stream.touched > last);
        }
    }
}

impl TcpStream {
    fn take(&mut self, sequence: u32, payload: &[u8]) {
        let next = *self.next.get_or_insert(sequence);
        let distance = sequence.wrapping_sub(next);
        if distance == 0 {
            self.append(payload);
        } else if distance > u32::MAX / 2 {
            // Sent again, perhaps with something new at its end.
            let known = next.wrapping_sub(sequence) as usize;
            if let Some(new) = payload.get(known..).filter(|new| !new.is_empty()) {
                self.append(new);
            }
        } else if distance as usize > STREAM_BYTES_MAX || self.early_bytes + payload.len() > STREAM_BYTES_MAX
        {
            self.restart(sequence);
            self.append(payload);
            return;
        } else {
            self.early_bytes += payload.len();
            if let Some(same) = self.early.insert(sequence, payload.to_vec()) {
                self.early_bytes -= same.len();
            }
            return;
        }
        self.join_early();
    }

    fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.next = self.next.map(|next| next.wrapping_add(bytes.len() as u32));
    }

    /// Appends what came early and fits now.
    fn join_early(&mut self) {
        while let Some(next) = self.next {
            let fitting = self.early.iter().find_map(|(sequence, payload)| {
                let known = next.wrapping_sub(*sequence);
                (known <= u32::MAX / 2).then_some((*sequence, known as usize, payload.len()))
            });
            let Some((sequence, known, length)) = fitting else {
                return;
            };
            self.early_bytes -= length;
            if let Some(payload) = self.early.remove(&sequence)
                && let Some(new) = payload.get(known..)
            {
                let new = new.to_vec();
                self.append(&new);
            }
        }
    }

    fn restart(&mut self, sequence: u32) {
        self.buffer.clear();
        self.early.clear();
        self.early_bytes = 0;
        self.next = Some(sequence);
    }

    fn messages(&mut self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some([high, low]) = self.buffer.get(at..at + 2) {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length < MESSAGE_MIN {
                // No message is so short, so this is no boundary.
                at = self.buffer.len();
                break;
            }
            let Some(message) = self.buffer.get(at + 2..at + 2 + length) else {
                break;
            };
            found.push(message.to_vec());
            at += 2 + length;
        }
        self.buffer.drain(..at);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(port: u16) -> Endpoint {
        Endpoint { ip: std::net::IpAddr::from([10, 0, 0, 1]), port }
    }

    fn segment(streams: &mut Streams, sequence: u32, payload: &[u8]) -> Vec<Vec<u8>> {
        let flags = TcpFlags { sequence, syn: false, ack: true, fin: false, rst: false };
        streams.take(end(4000), end(53), flags, payload)
    }

    fn framed(byte: u8, length: u16) -> Vec<u8> {
        let mut data = length.to_be_bytes().to_vec();
        data.extend(vec![byte; usize::from(length)]);
        data
    }

    #[test]
    fn segments_out_of_order_and_sent_again_give_each_message_once() {
        let mut streams = Streams::new(16);
        let mut data = framed(1, 40);
        data.extend(framed(2, 30));
        // The numbers wrap within the stream.
        let begin = u32::MAX - 20;
        let at = |offset: usize| begin.wrapping_add(offset as u32);

        assert!(segment(&mut streams, at(0), &data[..10]).is_empty());
        assert!(segment(&mut streams, at(50), &data[50..]).is_empty());
        assert!(segment(&mut streams, at(0), &data[..10]).is_empty());
        let found = segment(&mut streams, at(8), &data[8..50]);

        assert_eq!(found, [vec![1; 40], vec![2; 30]]);
        assert!(segment(&mut streams, at(8), &data[8..50]).is_empty());
    }

    #[test]
    fn streams_and_what_came_early_are_bounded() {
        let mut streams = Streams::new(16);
        for port in 0..1000 {
            let flags = TcpFlags { sequence: 1, syn: false, ack: true, fin: false, rst: false };
            streams.take(end(port), end(53), flags, &[0, 200, 1]);
        }
        assert!(streams.streams.len() <= 16);

        segment(&mut streams, 0, &[0, 200]);
        for number in 1..1000 {
            segment(&mut streams, 10 + number * 1000, &[9; 900]);
        }
        let stream = &streams.streams[&(end(4000), end(53))];
        assert!(stream.early_bytes <= STREAM_BYTES_MAX);
        assert!(stream.buffer.len() <= STREAM_BYTES_MAX);
    }
}
