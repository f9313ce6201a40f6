//! The icmp monitor: an echo request, through an unprivileged socket where the kernel permits it, else a raw one.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::check::{Down, Finding, micros};

const REMEDY: &str = "icmp needs a permission: widen `sysctl net.ipv4.ping_group_range`, or run `setcap cap_net_raw+ep heartbeat`";

/// Asks one address, again after every `wait`, until it answers; the caller bounds the whole.
pub(crate) async fn ask(ip: IpAddr, wait: Duration, finding: &mut Finding) -> Result<(), Down> {
    let (socket, is_raw) = open(ip)?;
    let id: u16 = rand::random();
    let mut requests: u16 = 0;
    loop {
        requests = requests.wrapping_add(1);
        let began = Instant::now();
        socket
            .send_to(&request(ip, id, requests), SocketAddr::new(ip, 0))
            .await
            .map_err(|error| Down::io(format!("cannot send an echo request to {ip}: {error}")))?;
        finding.event.set("icmp.requests", requests);
        let answered = tokio::time::timeout(wait, answer(&socket, ip, is_raw.then_some(id), requests)).await;
        match answered {
            Ok(Ok(())) => {
                finding.event.set("icmp.rtt.us", micros(began.elapsed()));
                return Ok(());
            }
            Ok(Err(error)) => return Err(Down::io(format!("no answer of {ip} can be read: {error}"))),
            Err(_) => {}
        }
    }
}

/// tokio's datagram socket serves any that sends and receives whole packets, these two as well.
fn open(ip: IpAddr) -> Result<(UdpSocket, bool), Down> {
    let (domain, protocol) = match ip {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let made = Socket::new(domain, Type::DGRAM, Some(protocol))
        .map(|socket| (socket, false))
        .or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)).map(|socket| (socket, true)));
    let (socket, is_raw) = made.map_err(|error| Down::io(format!("{REMEDY} ({error})")))?;
    socket.set_nonblocking(true).map_err(|error| Down::io(error.to_string()))?;
    let socket = UdpSocket::from_std(socket.into()).map_err(|error| Down::io(error.to_string()))?;
    Ok((socket, is_raw))
}

fn request(ip: IpAddr, id: u16, seq: u16) -> Vec<u8> {
    let kind = if ip.is_ipv4() { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&seq.to_be_bytes());
    packet.extend_from_slice(b"weir heartbeat..");
    // The kernel sums ICMPv6 itself; over unprivileged sockets it also replaces the id.
    if ip.is_ipv4() {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

fn checksum(packet: &[u8]) -> u16 {
    let mut sum: u32 =
        packet.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

async fn answer(socket: &UdpSocket, from: IpAddr, id: Option<u16>, seq: u16) -> std::io::Result<()> {
    let mut bytes = [0_u8; 2048];
    loop {
        let count = socket.recv(&mut bytes).await?;
        if is_reply(&bytes[..count], from, id, seq) {
            return Ok(());
        }
    }
}

/// A raw socket sees every echo of the host, with its IP header where it is IPv4; the id tells ours.
fn is_reply(packet: &[u8], from: IpAddr, id: Option<u16>, seq: u16) -> bool {
    let header = match (id, from, packet.first()) {
        (Some(_), IpAddr::V4(_), Some(first)) => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let Some(echo) = packet.get(header..) else {
        return false;
    };
    let kind = if from.is_ipv4() { 0 } else { 129 };
    let is_ours = id.is_none_or(|id| echo.get(4..6) == Some(&id.to_be_bytes()));
    echo.first() == Some(&kind) && is_ours && echo.get(6..8) == Some(&seq.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_ours_by_kind_id_and_number() {
        let ip: IpAddr = [127, 0, 0, 1].into();
        let mut reply = request(ip, 7, 3);
        assert_eq!(checksum(&reply), 0, "a right checksum sums to nothing");
        assert!(!is_reply(&reply, ip, None, 3), "a request is no reply");
        reply[0] = 0;

        assert!(is_reply(&reply, ip, None, 3));
        assert!(!is_reply(&reply, ip, None, 4));
        let mut raw = vec![0x45; 20];
        raw.extend_from_slice(&reply);
        assert!(is_reply(&raw, ip, Some(7), 3));
        assert!(!is_reply(&raw, ip, Some(8), 3));
        assert!(!is_reply(&raw[..3], ip, Some(7), 3));
    }
}
