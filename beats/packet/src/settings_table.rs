//! The settings of packet-beat, as tables.

use beat_core::tables::{GENERAL, HTTP, OUTPUT, QUEUE};
use settings::{Kind, LOGGING, Schema, Setting, setting};

/// Every setting of packet-beat.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Packets", PACKETS),
        ("General", GENERAL),
        ("Queue", QUEUE),
        ("Outputs", OUTPUT),
        ("Monitoring", HTTP),
        ("Log", LOGGING),
    ],
};

const PACKETS: &[Setting] = &[
    setting(
        "packet-beat.interfaces.device",
        Kind::Text,
        Some("any"),
        "The interface that is read, e.g. lo or eth0; any for every one that is up.",
    ),
    setting(
        "packet-beat.interfaces.snaplen",
        Kind::Integer(128, 262_144),
        Some("65535"),
        "The most bytes of a packet that are read.",
    ),
    setting(
        "packet-beat.interfaces.promiscuous",
        Kind::Bool,
        Some("false"),
        "Whether packets for other hosts are read too.",
    ),
    setting(
        "packet-beat.interfaces.retry",
        Kind::Duration,
        Some("5s"),
        "How often an interface that is down is tried again, and how often `any` looks for new ones.",
    ),
    setting(
        "packet-beat.ignore_output",
        Kind::Bool,
        Some("true"),
        "Whether packets from and to the output's own hosts and ports are left out, so that reports cause no reports.",
    ),
    setting(
        "packet-beat.events_max",
        Kind::Integer(100, 1_000_000),
        Some("10000"),
        "The most events that wait for the queue; further ones are dropped and counted.",
    ),
    setting("packet-beat.flows.enabled", Kind::Bool, Some("true"), "Whether flows are reported."),
    setting(
        "packet-beat.flows.timeout",
        Kind::Duration,
        Some("30s"),
        "How long a flow is without packets before it ends.",
    ),
    setting(
        "packet-beat.flows.period",
        Kind::Duration,
        Some("10s"),
        "How often a flow that goes on is reported; 0 for its end only.",
    ),
    setting(
        "packet-beat.flows.max",
        Kind::Integer(16, 10_000_000),
        Some("65536"),
        "The most flows that are remembered; the longest idle ones end when there are more.",
    ),
    setting(
        "packet-beat.protocols.dns.enabled",
        Kind::Bool,
        Some("true"),
        "Whether DNS transactions are reported.",
    ),
    setting(
        "packet-beat.protocols.dns.ports",
        Kind::TextList,
        Some("[53]"),
        "The ports of DNS, over UDP and TCP.",
    ),
    setting(
        "packet-beat.protocols.dns.include_authorities",
        Kind::Bool,
        Some("false"),
        "Whether the authority records are reported.",
    ),
    setting(
        "packet-beat.protocols.dns.include_additionals",
        Kind::Bool,
        Some("false"),
        "Whether the additional records are reported.",
    ),
    setting(
        "packet-beat.protocols.dns.transaction_timeout",
        Kind::Duration,
        Some("10s"),
        "How long a query waits for its response.",
    ),
    setting(
        "packet-beat.protocols.dns.transactions_max",
        Kind::Integer(16, 10_000_000),
        Some("16384"),
        "The most queries that wait for a response; the oldest are reported without one when there are more.",
    ),
    setting(
        "packet-beat.protocols.dns.transactions_bytes_max",
        Kind::Bytes,
        Some("32mb"),
        "The most memory of queries that wait for a response; the oldest are reported without one when they need more.",
    ),
    setting(
        "packet-beat.protocols.dns.streams_max",
        Kind::Integer(16, 1_000_000),
        Some("1024"),
        "The most directions of TCP connections that are put together, each at most 128 KiB.",
    ),
    setting(
        "path.data",
        Kind::Path,
        Some("data/packet-beat"),
        "The folder of the beat's identity; one process at a time may use it.",
    ),
];
