//! Flows: who exchanged how much with whom, per direction, from the first packet to the last.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use beat_core::stream::Stream;
use event::{Event, Timestamp, Value, json};
use sha1::{Digest, Sha1};

use crate::community_id::community_id;
use crate::packet::{Endpoint, Packet, TcpFlags, Transport};

/// What tells flows apart; the lower end stands first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct FlowKey {
    vlan: Vec<u16>,
    protocol: u8,
    low: Endpoint,
    high: Endpoint,
    id: u16,
}

#[derive(Debug, Clone, Copy, Default)]
struct Direction {
    packets: u64,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Flow {
    /// The order of arrival, so that reports have a fixed order.
    number: u64,
    source: Endpoint,
    destination: Endpoint,
    macs: Option<([u8; 6], [u8; 6])>,
    vlan: Vec<u16>,
    transport: Transport,
    start: i64,
    end: i64,
    /// The sequence number of the opening SYN.
    opened: Option<u32>,
    forth: Direction,
    back: Direction,
    is_changed: bool,
}

/// The flows that are going on.
#[derive(Debug)]
pub(crate) struct FlowTable {
    flows: HashMap<FlowKey, Flow>,
    stream: Stream,
    timeout: i64,
    period: i64,
    flows_max: usize,
    begun: u64,
    next_report: Option<i64>,
    next_expiry: Option<i64>,
}

impl FlowTable {
    pub(crate) fn new(stream: Stream, timeout: Duration, period: Duration, flows_max: usize) -> Self {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self {
            flows: HashMap::new(),
            stream,
            timeout: nanos(timeout),
            period: nanos(period),
            flows_max: flows_max.max(1),
            begun: 0,
            next_report: None,
            next_expiry: None,
        }
    }

    /// Counts a packet to its flow.
    pub(crate) fn take(&mut self, packet: &Packet<'_>, out: &mut Vec<Event>) {
        let key = FlowKey::of(packet);
        let opening = match packet.transport {
            Transport::Tcp(TcpFlags { syn: true, ack: false, sequence, .. }) => Some(sequence),
            _ => None,
        };
        if let Some(flow) = self.flows.get(&key)
            && opening.is_some()
            && flow.opened.is_some()
            && flow.opened != opening
            && let Some(ended) = self.flows.remove(&key)
        {
            out.push(ended.report(&self.stream, packet.at, true));
        }
        if !self.flows.contains_key(&key) && self.flows.len() >= self.flows_max {
            self.end_idlest(packet.at, out);
        }
        let begun = &mut self.begun;
        let flow = self.flows.entry(key).or_insert_with(|| {
            *begun += 1;
            Flow::begin(packet, *begun)
        });
        flow.count(packet, opening);
    }

    /// Reports what is due: flows that ended, and at the end of a period those that went on.
    pub(crate) fn tick(&mut self, now: i64, out: &mut Vec<Event>) {
        // Looking through the table costs, so once a second is enough.
        if self.next_expiry.is_none_or(|due| now >= due) {
            self.next_expiry = Some(now.saturating_add(1_000_000_000));
            let deadline = now.saturating_sub(self.timeout);
            let mut ended: Vec<Flow> =
                self.flows.extract_if(|_, flow| flow.end < deadline).map(|(_, flow)| flow).collect();
            ended.sort_by_key(|flow| flow.number);
            out.extend(ended.iter().map(|flow| flow.report(&self.stream, now, true)));
        }
        if self.period == 0 {
            return;
        }
        match self.next_report {
            None => self.next_report = Some(now.saturating_add(self.period)),
            Some(due) if now >= due => {
                self.next_report = Some(now.saturating_add(self.period));
                let mut changed: Vec<&mut Flow> =
                    self.flows.values_mut().filter(|flow| flow.is_changed).collect();
                changed.sort_by_key(|flow| flow.number);
                for flow in changed {
                    out.push(flow.report(&self.stream, now, false));
                    flow.is_changed = false;
                }
            }
            Some(_) => {}
        }
    }

    /// Ends every flow.
    pub(crate) fn finish(&mut self, now: i64, out: &mut Vec<Event>) {
        let mut ended: Vec<Flow> = self.flows.drain().map(|(_, flow)| flow).collect();
        ended.sort_by_key(|flow| flow.number);
        out.extend(ended.iter().map(|flow| flow.report(&self.stream, now, true)));
    }

    /// Ends the idlest sixteenth at once, so that a full table is not searched for every packet.
    fn end_idlest(&mut self, now: i64, out: &mut Vec<Event>) {
        let mut ages: Vec<(i64, u64)> = self.flows.values().map(|flow| (flow.end, flow.number)).collect();
        ages.sort_unstable();
        let Some(last) = ages.get(ages.len() / 16).copied() else {
            return;
        };
        let mut ended: Vec<Flow> =
            self.flows.extract_if(|_, flow| (flow.end, flow.number) <= last).map(|(_, flow)| flow).collect();
        ended.sort_by_key(|flow| flow.number);
        out.extend(ended.iter().map(|flow| flow.report(&self.stream, now, true)));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }
}

impl FlowKey {
    fn of(packet: &Packet<'_>) -> Self {
        let (protocol, id) = match packet.transport {
            Transport::Tcp(_) => (6, 0),
            Transport::Udp => (17, 0),
            Transport::Icmp { v6: false, id, .. } => (1, id),
            Transport::Icmp { v6: true, id, .. } => (58, id),
            Transport::Other(protocol) => (protocol, 0),
        };
        Self {
            vlan: packet.vlan.clone(),
            protocol,
            low: packet.source.min(packet.destination),
            high: packet.source.max(packet.destination),
            id,
        }
    }
}

impl Flow {
    fn begin(packet: &Packet<'_>, number: u64) -> Self {
        // The first packet seen may be the answer to one that was not.
        let is_answer = matches!(packet.transport, Transport::Tcp(flags) if flags.syn && flags.ack);
        let (source, destination, macs) = if is_answer {
            let macs = packet.macs.map(|(from, to)| (to, from));
            (packet.destination, packet.source, macs)
        } else {
            (packet.source, packet.destination, packet.macs)
        };
        Self {
            number,
            source,
            destination,
            macs,
            vlan: packet.vlan.clone(),
            transport: packet.transport,
            start: packet.at,
            end: packet.at,
            opened: None,
            forth: Direction::default(),
            back: Direction::default(),
            is_changed: true,
        }
    }

    fn count(&mut self, packet: &Packet<'_>, opening: Option<u32>) {
        self.start = self.start.min(packet.at);
        self.end = self.end.max(packet.at);
        self.opened = self.opened.or(opening);
        let direction = if packet.source == self.source { &mut self.forth } else { &mut self.back };
        direction.packets += 1;
        direction.bytes += packet.bytes;
        self.is_changed = true;
    }

    fn report(&self, stream: &Stream, now: i64, is_final: bool) -> Event {
        let mut event = Event::at(Timestamp::from_nanos(i128::from(now)));
        let mut flow = json!({"id": self.id(), "final": is_final});
        if !self.vlan.is_empty() {
            flow["vlan"] = json!(self.vlan);
        }
        event
            .set("type", "flow")
            .set("flow", flow)
            .set(
                "event",
                json!({
                    "kind": "event", "category": ["network"], "action": "network_flow",
                    "type": if is_final { json!(["connection", "end"]) } else { json!(["connection"]) },
                    "start": Timestamp::from_nanos(i128::from(self.start)).to_string(),
                    "end": Timestamp::from_nanos(i128::from(self.end)).to_string(),
                    "duration": self.end.saturating_sub(self.start),
                }),
            )
            .set(
                "network",
                json!({
                    "type": if self.source.ip.is_ipv4() { "ipv4" } else { "ipv6" },
                    "transport": transport_name(self.transport),
                    "bytes": self.forth.bytes + self.back.bytes,
                    "packets": self.forth.packets + self.back.packets,
                    "community_id": community_id(self.source, self.destination, self.transport),
                }),
            )
            .set("source", self.end_fields(self.source, self.macs.map(|macs| macs.0), self.forth))
            .set("destination", self.end_fields(self.destination, self.macs.map(|macs| macs.1), self.back));
        if let Transport::Icmp { kind, code, .. } = self.transport {
            event.set("icmp", json!({"type": kind, "code": code}));
        }
        stream.stamp(&mut event);
        event
    }

    /// The same for every report of this flow, and for every reading of the same capture.
    fn id(&self) -> String {
        let mut digest = Sha1::new();
        let ends = format!("{:?} {:?} {:?} {}", self.vlan, self.source, self.destination, self.start);
        digest.update(ends);
        digest.update(transport_name(self.transport));
        STANDARD.encode(digest.finalize())
    }

    fn end_fields(&self, end: Endpoint, mac: Option<[u8; 6]>, sent: Direction) -> Value {
        let mut fields = json!({"ip": end.ip.to_string(), "bytes": sent.bytes, "packets": sent.packets});
        if matches!(self.transport, Transport::Tcp(_) | Transport::Udp) {
            fields["port"] = json!(end.port);
        }
        if let Some(mac) = mac {
            let parts: Vec<String> = mac.iter().map(|byte| format!("{byte:02X}")).collect();
            fields["mac"] = json!(parts.join("-"));
        }
        fields
    }
}

/// The transport's name in `network.transport`.
pub(crate) fn transport_name(transport: Transport) -> String {
    match transport {
        Transport::Tcp(_) => "tcp".to_owned(),
        Transport::Udp => "udp".to_owned(),
        Transport::Icmp { v6: false, .. } => "icmp".to_owned(),
        Transport::Icmp { v6: true, .. } => "ipv6-icmp".to_owned(),
        Transport::Other(2) => "igmp".to_owned(),
        Transport::Other(6) => "tcp".to_owned(),
        Transport::Other(17) => "udp".to_owned(),
        Transport::Other(47) => "gre".to_owned(),
        Transport::Other(132) => "sctp".to_owned(),
        Transport::Other(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn packet(at: i64, port: u16) -> Packet<'static> {
        let end = |last, port| Endpoint { ip: std::net::IpAddr::from([10, 0, 0, last]), port };
        Packet {
            at,
            bytes: 100,
            vlan: Vec::new(),
            macs: None,
            source: end(1, port),
            destination: end(2, 443),
            transport: Transport::Udp,
            is_later_fragment: false,
            payload: &[],
        }
    }

    fn table(flows_max: usize) -> FlowTable {
        let stream = Stream::new("packets", "flow", "default").expect("a good name");
        FlowTable::new(stream, Duration::from_secs(30), Duration::from_secs(10), flows_max)
    }

    #[test]
    fn a_flow_is_reported_each_period_while_it_changes_and_once_when_it_ends() {
        let mut table = table(16);
        let mut reports = Vec::new();
        for second in 0..60 {
            let mut out = Vec::new();
            table.tick(second * SECOND, &mut out);
            if second < 12 {
                table.take(&packet(second * SECOND, 1000), &mut out);
            }
            reports.extend(out.iter().map(|event| {
                (second, event.fields["flow"]["final"] == true, event.fields["network"]["packets"].clone())
            }));
        }

        assert_eq!(reports, [(10, false, json!(10)), (20, false, json!(12)), (42, true, json!(12))]);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn more_flows_than_fit_end_the_idlest_and_none_is_lost() {
        let mut table = table(64);
        let mut out = Vec::new();

        for port in 1..=1000 {
            table.take(&packet(i64::from(port), port), &mut out);
            assert!(table.len() <= 64);
        }
        table.finish(1001, &mut out);

        assert_eq!(out.len(), 1000);
        assert_eq!(out[0].fields["source"]["port"], 1);
    }
}
