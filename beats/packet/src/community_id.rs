//! The Community ID of a flow, version 1: the same for both directions and in every tool that knows it.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::packet::{Endpoint, Transport};

/// `1:` and the digest, with seed 0.
pub(crate) fn community_id(source: Endpoint, destination: Endpoint, transport: Transport) -> String {
    let (protocol, ports, is_one_way) = match transport {
        Transport::Tcp(_) => (6, Some((source.port, destination.port)), false),
        Transport::Udp => (17, Some((source.port, destination.port)), false),
        Transport::Icmp { v6, kind, code, .. } => {
            let answer = if v6 { counterpart_v6(kind) } else { counterpart_v4(kind) };
            let ports = (u16::from(kind), u16::from(answer.unwrap_or(code)));
            (if v6 { 58 } else { 1 }, Some(ports), answer.is_none())
        }
        Transport::Other(protocol) => (protocol, None, false),
    };
    let (from, to) = ports.unwrap_or((0, 0));
    let mut low = (source.ip, from);
    let mut high = (destination.ip, to);
    if !is_one_way && high < low {
        std::mem::swap(&mut low, &mut high);
    }
    let mut digest = Sha1::new();
    digest.update([0, 0]);
    for ip in [low.0, high.0] {
        match ip {
            IpAddr::V4(ip) => digest.update(ip.octets()),
            IpAddr::V6(ip) => digest.update(ip.octets()),
        }
    }
    digest.update([protocol, 0]);
    if ports.is_some() {
        digest.update(low.1.to_be_bytes());
        digest.update(high.1.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(digest.finalize()))
}

fn counterpart_v4(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

fn counterpart_v6(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::TcpFlags;

    fn end(ip: &str, port: u16) -> Endpoint {
        Endpoint { ip: ip.parse().expect("an address"), port }
    }

    const TCP: Transport =
        Transport::Tcp(TcpFlags { sequence: 0, syn: false, ack: false, fin: false, rst: false });

    #[test]
    fn the_published_examples_come_out() {
        let (a, b) = (end("128.232.110.120", 34855), end("66.35.250.204", 80));

        assert_eq!(community_id(a, b, TCP), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(b, a, TCP), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        let (a, b) = (end("192.168.1.52", 54585), end("8.8.8.8", 53));
        assert_eq!(community_id(a, b, Transport::Udp), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
        let echo = |kind| Transport::Icmp { v6: false, kind, code: 0, id: 1 };
        let (a, b) = (end("192.168.0.89", 0), end("192.168.0.1", 0));
        assert_eq!(community_id(a, b, echo(8)), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        assert_eq!(community_id(b, a, echo(0)), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    }
}
