//! Waiting queries, within their bounds.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn dns(transactions_bytes_max: usize) -> Dns {
    let options = DnsOptions {
        ports: HashSet::from([53]),
        includes_authorities: false,
        includes_additionals: false,
        timeout: Duration::from_secs(10),
        transactions_max: 16_384,
        transactions_bytes_max,
        streams_max: 16,
    };
    Dns::new(options, Stream::new("packets", "dns", "default").expect("a name"))
}

/// A query, or its response, for a name of 200 characters.
fn message(id: u16, is_response: bool) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let mut data = vec![high, low, if is_response { 0x80 } else { 0 }, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for _ in 0..4 {
        data.push(50);
        data.extend([b'a'; 50]);
    }
    data.extend([0, 0, 1, 0, 1]);
    data
}

fn packet(payload: &[u8], at: i64, is_response: bool) -> Packet<'_> {
    let end = |port| Endpoint { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
    let (source, destination) = if is_response { (end(53), end(4000)) } else { (end(4000), end(53)) };
    Packet {
        at,
        bytes: payload.len() as u64,
        vlan: Vec::new(),
        macs: None,
        source,
        destination,
        transport: Transport::Udp,
        is_later_fragment: false,
        payload,
    }
}

#[test]
fn queries_that_wait_stay_within_their_bytes_and_the_oldest_are_reported() {
    let bytes_max = 100_000;
    let mut dns = dns(bytes_max);
    let mut out = Vec::new();

    for id in 0..1000 {
        dns.take(&packet(&message(id, false), i64::from(id), false), &mut out);
        assert!(dns.bytes <= bytes_max, "{} bytes wait", dns.bytes);
    }

    let held: usize = dns.queries.values().map(|(_, query)| query.weight()).sum();
    assert_eq!((dns.bytes, dns.waiting.len()), (held, dns.queries.len()));
    assert_eq!(out.len() + dns.queries.len(), 1000);
    assert!(dns.queries.len() > 10, "{} wait", dns.queries.len());
    dns.finish(&mut out);
    assert_eq!((out.len(), dns.bytes), (1000, 0));
}

#[test]
fn a_response_at_the_other_end_of_time_has_a_duration() {
    let mut dns = dns(usize::MAX);
    let mut out = Vec::new();

    dns.take(&packet(&message(1, false), i64::MIN + 1, false), &mut out);
    dns.take(&packet(&message(1, true), i64::MAX, true), &mut out);

    assert_eq!(out[0].fields["event"]["duration"], i64::MAX);
}
