//! From packets to events: decodes each packet once and hands it to the flow table and the protocols.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use beat_core::stream::{Stream, StreamError};
use daemon::metrics::{Counter, Metrics};
use event::Event;
use settings::{Settings, SettingsError};

use crate::dns::{Dns, DnsOptions};
use crate::flow::FlowTable;
use crate::packet::{Endpoint, Link, Packet};

/// What bounds the tables of flows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a flow is without packets before it ends.
    pub timeout: Duration,
    /// How often a flow that goes on is reported; zero for never.
    pub period: Duration,
    /// The most flows.
    pub flows_max: usize,
}

/// The counters of packets.
#[derive(Debug)]
struct Counts {
    packets: Counter,
    undecodable: Counter,
    ignored: Counter,
    dns_undecodable: Counter,
    dropped: Counter,
}

/// Turns packets into events.
#[derive(Debug)]
pub struct Analyzer {
    flows: Option<FlowTable>,
    dns: Option<Dns>,
    ignored: HashSet<Endpoint>,
    counts: Counts,
    now: i64,
    waiting: Vec<Event>,
    events_max: Option<usize>,
}

impl Analyzer {
    /// An analyzer as the settings want it.
    pub fn of(settings: &Settings, metrics: &Metrics) -> Result<Self, SettingsError> {
        let limits = Limits {
            timeout: settings.span("packet-beat.flows.timeout"),
            period: settings.span("packet-beat.flows.period"),
            flows_max: settings.count("packet-beat.flows.max"),
        };
        let mut ports = HashSet::new();
        for port in settings.list("packet-beat.protocols.dns.ports") {
            ports.insert(port.parse().map_err(|_| {
                settings.fault(
                    "packet-beat.protocols.dns.ports",
                    format!("`{port}` is no port; write numbers from 1 to 65535, e.g. [53]"),
                )
            })?);
        }
        let dns = DnsOptions {
            ports,
            includes_authorities: settings.bool("packet-beat.protocols.dns.include_authorities"),
            includes_additionals: settings.bool("packet-beat.protocols.dns.include_additionals"),
            timeout: settings.span("packet-beat.protocols.dns.transaction_timeout"),
            transactions_max: settings.count("packet-beat.protocols.dns.transactions_max"),
            transactions_bytes_max: usize::try_from(
                settings.bytes("packet-beat.protocols.dns.transactions_bytes_max"),
            )
            .unwrap_or(usize::MAX),
            streams_max: settings.count("packet-beat.protocols.dns.streams_max"),
        };
        let namespace = settings.text("data_stream.namespace");
        let mut this = Self::new(limits, dns, &namespace, metrics)
            .map_err(|error| settings.fault("data_stream.namespace", error.to_string()))?;
        if !settings.bool("packet-beat.flows.enabled") {
            this.flows = None;
        }
        if !settings.bool("packet-beat.protocols.dns.enabled") {
            this.dns = None;
        }
        Ok(this)
    }

    fn new(limits: Limits, dns: DnsOptions, namespace: &str, metrics: &Metrics) -> Result<Self, StreamError> {
        let flows = FlowTable::new(
            Stream::new("packets", "flow", namespace)?,
            limits.timeout,
            limits.period,
            limits.flows_max,
        );
        Ok(Self {
            flows: Some(flows),
            dns: Some(Dns::new(dns, Stream::new("packets", "dns", namespace)?)),
            ignored: HashSet::new(),
            counts: Counts {
                packets: metrics.counter("packets_read", "Packets that were read"),
                undecodable: metrics.counter("packets_undecodable", "Packets without a readable IP header"),
                ignored: metrics.counter("packets_ignored", "Packets of the beat's own output"),
                dns_undecodable: metrics
                    .counter("dns_undecodable", "Payloads on a port of DNS that are no DNS"),
                dropped: metrics.counter("events_dropped", "Events for which there was no room"),
            },
            now: i64::MIN,
            waiting: Vec::new(),
            events_max: None,
        })
    }

    /// Drops and counts events while so many wait.
    #[must_use]
    pub fn with_events_max(mut self, events_max: usize) -> Self {
        self.events_max = Some(events_max);
        self
    }

    /// Leaves out the packets from and to these ends.
    #[must_use]
    pub fn ignoring(mut self, ends: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.ignored = ends.into_iter().map(|end| Endpoint { ip: end.ip(), port: end.port() }).collect();
        self
    }

    /// Takes a packet that came at `at` nanoseconds.
    pub fn take(&mut self, at: i64, bytes: u64, link: Link, data: &[u8]) {
        self.counts.packets.inc();
        let Some(packet) = Packet::decode(at, bytes, link, data) else {
            self.counts.undecodable.inc();
            return;
        };
        if self.ignored.contains(&packet.source) || self.ignored.contains(&packet.destination) {
            self.counts.ignored.inc();
            return;
        }
        self.tick(at);
        if let Some(flows) = &mut self.flows {
            flows.take(&packet, &mut self.waiting);
        }
        if let Some(dns) = &mut self.dns {
            let before = dns.undecodable;
            dns.take(&packet, &mut self.waiting);
            self.counts.dns_undecodable.inc_by(dns.undecodable - before);
        }
        self.bound();
    }

    /// Reports what is due; time never goes back, whatever a capture says.
    pub fn tick(&mut self, now: i64) {
        self.now = self.now.max(now);
        if let Some(flows) = &mut self.flows {
            flows.tick(self.now, &mut self.waiting);
        }
        if let Some(dns) = &mut self.dns {
            dns.tick(self.now, &mut self.waiting);
        }
        self.bound();
    }

    /// Reports everything that is under way as ended.
    pub fn finish(&mut self) {
        let now = self.now.max(0);
        if let Some(dns) = &mut self.dns {
            dns.finish(&mut self.waiting);
        }
        if let Some(flows) = &mut self.flows {
            flows.finish(now, &mut self.waiting);
        }
    }

    /// How many events wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The events since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.waiting)
    }

    fn bound(&mut self) {
        if let Some(most) = self.events_max
            && self.waiting.len() > most
        {
            self.counts.dropped.inc_by((self.waiting.len() - most) as u64);
            self.waiting.truncate(most);
        }
    }
}
