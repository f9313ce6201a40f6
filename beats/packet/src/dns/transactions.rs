//! A query and its response put together to one event; each without the other is reported too, with a note.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use beat_core::stream::Stream;
use event::{Event, Timestamp, Value, json};

use crate::community_id::community_id;
use crate::dns::message::{Message, Record};
use crate::dns::names::{class_name, op_code_name, response_code_name, type_name};
use crate::dns::streams::Streams;
use crate::flow::transport_name;
use crate::packet::{Endpoint, Packet, Transport};

/// What is followed and reported.
#[derive(Debug, Clone)]
pub(crate) struct DnsOptions {
    pub(crate) ports: HashSet<u16>,
    pub(crate) includes_authorities: bool,
    pub(crate) includes_additionals: bool,
    pub(crate) timeout: Duration,
    pub(crate) transactions_max: usize,
    pub(crate) transactions_bytes_max: usize,
    pub(crate) streams_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TransactionKey {
    client: Endpoint,
    server: Endpoint,
    is_tcp: bool,
    id: u16,
    /// Name and type asked for, so that another's answer is not taken for this one's.
    question: Option<(String, u16)>,
}

/// One message with when and between whom.
#[derive(Debug, Clone)]
struct Sent {
    at: i64,
    client: Endpoint,
    server: Endpoint,
    transport: Transport,
    bytes: usize,
    message: Message,
}

impl Sent {
    /// About how many bytes of memory it takes, its key in two tables included.
    fn weight(&self) -> usize {
        size_of::<Self>() + 3 * size_of::<TransactionKey>() + 2 * self.message.weight()
    }
}

/// The queries that wait for a response.
#[derive(Debug)]
pub(crate) struct Dns {
    options: DnsOptions,
    stream: Stream,
    /// Which query of a key waits.
    waiting: HashMap<TransactionKey, u64>,
    /// The queries by arrival, so that the oldest stands first.
    queries: BTreeMap<u64, (TransactionKey, Sent)>,
    /// What the queries weigh together.
    bytes: usize,
    arrived: u64,
    streams: Streams,
    /// Payloads on a DNS port that are no DNS.
    pub(crate) undecodable: u64,
}

impl Dns {
    pub(crate) fn new(options: DnsOptions, stream: Stream) -> Self {
        Self {
            streams: Streams::new(options.streams_max),
            options,
            stream,
            waiting: HashMap::new(),
            queries: BTreeMap::new(),
            bytes: 0,
            arrived: 0,
            undecodable: 0,
        }
    }

    /// Takes a packet, if it is on a port of DNS.
    pub(crate) fn take(&mut self, packet: &Packet<'_>, out: &mut Vec<Event>) {
        let is_ours = self.options.ports.contains(&packet.source.port)
            || self.options.ports.contains(&packet.destination.port);
        if !is_ours || packet.is_later_fragment {
            return;
        }
        match packet.transport {
            Transport::Udp if !packet.payload.is_empty() => self.message(packet, packet.payload, out),
            Transport::Tcp(flags) => {
                let messages = self.streams.take(packet.source, packet.destination, flags, packet.payload);
                for message in messages {
                    self.message(packet, &message, out);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, packet: &Packet<'_>, data: &[u8], out: &mut Vec<Event>) {
        let Some(message) = Message::decode(data) else {
            self.undecodable += 1;
            return;
        };
        let is_response = message.is_response();
        let (client, server) = if is_response {
            (packet.destination, packet.source)
        } else {
            (packet.source, packet.destination)
        };
        let key = TransactionKey {
            client,
            server,
            is_tcp: matches!(packet.transport, Transport::Tcp(_)),
            id: message.id,
            question: message
                .question
                .as_ref()
                .map(|question| (question.name.to_ascii_lowercase(), question.kind)),
        };
        let sent =
            Sent { at: packet.at, client, server, transport: packet.transport, bytes: data.len(), message };
        let earlier = self.waiting.get(&key).copied().and_then(|number| self.forget(number));
        if is_response {
            out.push(self.report(earlier.as_ref(), Some(&sent), None));
            return;
        }
        if let Some(earlier) = earlier {
            let note = "the query was sent again before its response";
            out.push(self.report(Some(&earlier), None, Some(note)));
        }
        let weight = sent.weight();
        while (self.queries.len() >= self.options.transactions_max
            || self.bytes + weight > self.options.transactions_bytes_max)
            && let Some((number, _)) = self.queries.first_key_value()
            && let Some(oldest) = self.forget(*number)
        {
            let note = "too many queries wait for a response";
            out.push(self.report(Some(&oldest), None, Some(note)));
        }
        self.bytes += weight;
        self.arrived += 1;
        self.waiting.insert(key.clone(), self.arrived);
        self.queries.insert(self.arrived, (key, sent));
    }

    /// Takes a query out of both tables.
    fn forget(&mut self, number: u64) -> Option<Sent> {
        let (key, query) = self.queries.remove(&number)?;
        self.waiting.remove(&key);
        self.bytes = self.bytes.saturating_sub(query.weight());
        Some(query)
    }

    /// Reports the queries that have waited too long.
    pub(crate) fn tick(&mut self, now: i64, out: &mut Vec<Event>) {
        let timeout = i64::try_from(self.options.timeout.as_nanos()).unwrap_or(i64::MAX);
        let deadline = now.saturating_sub(timeout);
        while let Some((number, (_, oldest))) = self.queries.first_key_value() {
            if oldest.at >= deadline {
                return;
            }
            let Some(query) = self.forget(*number) else { return };
            out.push(self.report(Some(&query), None, Some("no response came in time")));
        }
    }

    /// Reports every query that still waits.
    pub(crate) fn finish(&mut self, out: &mut Vec<Event>) {
        self.waiting.clear();
        self.bytes = 0;
        for (_, (_, query)) in std::mem::take(&mut self.queries) {
            out.push(self.report(Some(&query), None, Some("no response came before the end")));
        }
    }

    fn report(&self, query: Option<&Sent>, response: Option<&Sent>, note: Option<&str>) -> Event {
        // Both missing does not happen: a report is made because one of them came.
        let Some(first) = query.or(response) else {
            return Event::at(Timestamp::from_nanos(0));
        };
        let asked = first.message.question.as_ref();
        let mut event = Event::at(Timestamp::from_nanos(i128::from(first.at)));
        let text = |at: i64| Timestamp::from_nanos(i128::from(at)).to_string();
        let mut about = json!({
            "kind": "event", "category": ["network"], "type": ["connection", "protocol"],
            "start": text(first.at),
        });
        if let (Some(query), Some(response)) = (query, response) {
            about["end"] = text(response.at).into();
            about["duration"] = json!(response.at.saturating_sub(query.at).max(0));
        }
        let code = response.map(|response| response.message.response_code());
        event
            .set("type", "dns")
            .set("event", about)
            .set("status", if code == Some(0) { "OK" } else { "Error" })
            .set("method", op_code_name(first.message.op_code()));
        if let Some(asked) = asked {
            let sentence =
                format!("class {}, type {}, {}", class_name(asked.class), type_name(asked.kind), asked.name);
            event.set("query", sentence).set("resource", asked.name.as_str());
        }
        self.ends(&mut event, query, response, first);
        event.set("dns", self.fields(query, response, first));
        let mut notes: Vec<&str> = note.into_iter().collect();
        if query.is_none() {
            notes.push("the response had no query");
        }
        notes.extend([query, response].into_iter().flatten().filter_map(|sent| sent.message.fault));
        if !notes.is_empty() {
            event.set("error.message", json!(notes));
        }
        self.stream.stamp(&mut event);
        event
    }

    fn ends(&self, event: &mut Event, query: Option<&Sent>, response: Option<&Sent>, first: &Sent) {
        let bytes = |sent: Option<&Sent>| sent.map_or(0, |sent| sent.bytes);
        let end = |end: Endpoint, sent: Option<&Sent>| {
            let mut fields = json!({"ip": end.ip.to_string(), "port": end.port});
            if let Some(sent) = sent {
                fields["bytes"] = json!(sent.bytes);
            }
            fields
        };
        let (client, server) = (end(first.client, query), end(first.server, response));
        let mut related = vec![first.client.ip.to_string(), first.server.ip.to_string()];
        related.dedup();
        event
            .set("client", client.clone())
            .set("source", client)
            .set("server", server.clone())
            .set("destination", server)
            .set("related.ip", json!(related))
            .set(
                "network",
                json!({
                    "type": if first.client.ip.is_ipv4() { "ipv4" } else { "ipv6" },
                    "transport": transport_name(first.transport), "protocol": "dns",
                    "bytes": bytes(query) + bytes(response),
                    "community_id": community_id(first.client, first.server, first.transport),
                }),
            );
    }

    fn fields(&self, query: Option<&Sent>, response: Option<&Sent>, first: &Sent) -> Value {
        let said = &response.unwrap_or(first).message;
        let mut dns = json!({
            "id": said.id,
            "type": if response.is_some() { "answer" } else { "query" },
            "op_code": op_code_name(said.op_code()),
            "header_flags": header_flags(said.flags),
            "flags": {
                "authoritative": said.flags & 0x0400 != 0, "truncated_response": said.flags & 0x0200 != 0,
                "recursion_desired": said.flags & 0x0100 != 0, "recursion_available": said.flags & 0x0080 != 0,
                "authentic_data": said.flags & 0x0020 != 0, "checking_disabled": said.flags & 0x0010 != 0,
            },
        });
        let question = query.and_then(|sent| sent.message.question.as_ref()).or(said.question.as_ref());
        if let Some(question) = question {
            dns["question"] = json!({"name": question.name, "type": type_name(question.kind), "class": class_name(question.class)});
        }
        if let Some(opt) = &said.opt {
            dns["opt"] = json!({
                "version": opt.version.to_string(), "do": opt.wants_dnssec,
                "ext_rcode": response_code_name(said.response_code()), "udp_size": opt.udp_size,
            });
        }
        if response.is_none() {
            return dns;
        }
        dns["response_code"] = response_code_name(said.response_code()).into();
        dns["answers_count"] = json!(said.counts[1]);
        dns["authorities_count"] = json!(said.counts[2]);
        dns["additionals_count"] = json!(said.counts[3]);
        if !said.answers.is_empty() {
            dns["answers"] = records(&said.answers);
            let resolved: Vec<&str> = said
                .answers
                .iter()
                .filter(|record| matches!(record.kind.as_str(), "A" | "AAAA") && !record.data.is_empty())
                .map(|record| record.data.as_str())
                .collect();
            if !resolved.is_empty() {
                dns["resolved_ip"] = json!(resolved);
            }
        }
        if self.options.includes_authorities && !said.authorities.is_empty() {
            dns["authorities"] = records(&said.authorities);
        }
        if self.options.includes_additionals && !said.additionals.is_empty() {
            dns["additionals"] = records(&said.additionals);
        }
        dns
    }
}

fn header_flags(flags: u16) -> Value {
    let known =
        [(0x0400, "AA"), (0x0200, "TC"), (0x0100, "RD"), (0x0080, "RA"), (0x0020, "AD"), (0x0010, "CD")];
    let set: Vec<&str> = known.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    json!(set)
}

fn records(list: &[Record]) -> Value {
    list.iter()
        .map(|record| {
            json!({
                "name": record.name, "type": record.kind, "class": record.class,
                "ttl": record.ttl.to_string(), "data": record.data,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
