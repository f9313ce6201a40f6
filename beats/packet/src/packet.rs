//! One packet: what its headers say, down to the innermost addresses and the transport's payload.
//!
//! Decoding is lax: a length field that promises more than was captured is no reason to drop what is there.

use std::net::IpAddr;

use etherparse::{
    EtherType, Icmpv4Slice, Icmpv6Slice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TcpSlice, UdpSlice,
};

/// How many IP headers inside one another are followed.
const TUNNELS_MAX: usize = 4;
const ETHERTYPE_MPLS: u16 = 0x8847;
const PROTOCOL_IPV4: u8 = 4;
const PROTOCOL_IPV6: u8 = 41;
const PROTOCOL_GRE: u8 = 47;

/// One end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
}

/// The transport of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp(TcpFlags),
    Udp,
    /// Type, code and, for an echo, its identifier.
    Icmp {
        v6: bool,
        kind: u8,
        code: u8,
        id: u16,
    },
    Other(u8),
}

/// The parts of a TCP header that following a connection takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpFlags {
    pub(crate) sequence: u32,
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
}

/// A decoded packet.
#[derive(Debug, Clone)]
pub(crate) struct Packet<'a> {
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
    /// Its length on the wire, with the link's header.
    pub(crate) bytes: u64,
    pub(crate) vlan: Vec<u16>,
    pub(crate) macs: Option<([u8; 6], [u8; 6])>,
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) transport: Transport,
    /// Whether it is a later fragment, whose ports are unknown.
    pub(crate) is_later_fragment: bool,
    pub(crate) payload: &'a [u8],
}

/// What the link's header looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II.
    Ethernet,
    /// A payload of this ether type without a header.
    EtherType(u16),
    /// An IP header at once.
    Ip,
}

impl<'a> Packet<'a> {
    /// Decodes a frame; `None` if there is no IP in it.
    pub(crate) fn decode(at: i64, bytes: u64, link: Link, data: &'a [u8]) -> Option<Self> {
        let sliced = match link {
            Link::Ethernet => LaxSlicedPacket::from_ethernet(data).ok()?,
            Link::EtherType(ETHERTYPE_MPLS) => LaxSlicedPacket::from_ip(below_mpls(data)?).ok()?,
            Link::EtherType(kind) => LaxSlicedPacket::from_ether_type(EtherType(kind), data),
            Link::Ip => LaxSlicedPacket::from_ip(data).ok()?,
        };
        let vlan = sliced.vlan_ids().iter().map(|id| id.value()).collect();
        let macs = match &sliced.link {
            Some(LinkSlice::Ethernet2(header)) => Some((header.source(), header.destination())),
            _ => None,
        };
        let net = match sliced.net {
            Some(net) => net,
            None => {
                let inner = sliced.ether_payload()?;
                (inner.ether_type.0 == ETHERTYPE_MPLS).then_some(())?;
                LaxSlicedPacket::from_ip(below_mpls(inner.payload)?).ok()?.net?
            }
        };
        let inner = Inner::of(net, TUNNELS_MAX)?;
        let (source_port, destination_port, transport, payload) = inner.transport();
        Some(Self {
            at,
            bytes,
            vlan,
            macs,
            source: Endpoint { ip: inner.source, port: source_port },
            destination: Endpoint { ip: inner.destination, port: destination_port },
            transport,
            is_later_fragment: inner.is_later_fragment,
            payload,
        })
    }
}

/// The innermost IP header.
struct Inner<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    is_later_fragment: bool,
    payload: &'a [u8],
}

impl<'a> Inner<'a> {
    fn of(net: LaxNetSlice<'a>, depth: usize) -> Option<Self> {
        let this = match net {
            LaxNetSlice::Ipv4(ip) => Self {
                source: IpAddr::V4(ip.header().source_addr()),
                destination: IpAddr::V4(ip.header().destination_addr()),
                protocol: ip.payload().ip_number.0,
                is_later_fragment: ip.header().fragments_offset().value() != 0,
                payload: ip.payload().payload,
            },
            LaxNetSlice::Ipv6(ip) => Self {
                source: IpAddr::V6(ip.header().source_addr()),
                destination: IpAddr::V6(ip.header().destination_addr()),
                protocol: ip.payload().ip_number.0,
                is_later_fragment: ip.payload().fragmented && is_later_v6(&ip),
                payload: ip.payload().payload,
            },
            LaxNetSlice::Arp(_) => return None,
        };
        if depth == 0 || this.is_later_fragment {
            return Some(this);
        }
        let below = match this.protocol {
            PROTOCOL_IPV4 | PROTOCOL_IPV6 => Some(this.payload),
            PROTOCOL_GRE => below_gre(this.payload),
            _ => None,
        };
        let inner = below
            .and_then(|data| LaxSlicedPacket::from_ip(data).ok()?.net)
            .and_then(|net| Self::of(net, depth - 1));
        Some(inner.unwrap_or(this))
    }

    /// Ports (an echo's identifier stands for both), the transport and its payload.
    fn transport(&self) -> (u16, u16, Transport, &'a [u8]) {
        let other = (0, 0, Transport::Other(self.protocol), self.payload);
        if self.is_later_fragment {
            return match self.protocol {
                17 => (0, 0, Transport::Udp, self.payload),
                _ => other,
            };
        }
        match self.protocol {
            6 => TcpSlice::from_slice(self.payload).map_or(other, |tcp| {
                let flags = TcpFlags {
                    sequence: tcp.sequence_number(),
                    syn: tcp.syn(),
                    ack: tcp.ack(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                };
                (tcp.source_port(), tcp.destination_port(), Transport::Tcp(flags), tcp.payload())
            }),
            17 => UdpSlice::from_slice_lax(self.payload).map_or(other, |udp| {
                (udp.source_port(), udp.destination_port(), Transport::Udp, udp.payload())
            }),
            1 => Icmpv4Slice::from_slice(self.payload).map_or(other, |icmp| {
                icmp_of(false, icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8(), icmp.payload())
            }),
            58 => Icmpv6Slice::from_slice(self.payload).map_or(other, |icmp| {
                icmp_of(true, icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8(), icmp.payload())
            }),
            _ => other,
        }
    }
}

fn icmp_of(v6: bool, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> (u16, u16, Transport, &[u8]) {
    let is_echo = if v6 { matches!(kind, 128 | 129) } else { matches!(kind, 0 | 8) };
    let id = if is_echo { u16::from_be_bytes([rest[0], rest[1]]) } else { 0 };
    (0, 0, Transport::Icmp { v6, kind, code, id }, payload)
}

fn is_later_v6(ip: &etherparse::LaxIpv6Slice<'_>) -> bool {
    ip.extensions().clone().into_iter().any(|extension| {
        matches!(extension, etherparse::Ipv6ExtensionSlice::Fragment(fragment) if fragment.fragment_offset().value() != 0)
    })
}

/// What stands below a stack of MPLS labels.
fn below_mpls(mut data: &[u8]) -> Option<&[u8]> {
    loop {
        let (label, rest) = data.split_at_checked(4)?;
        data = rest;
        if label.get(2).is_some_and(|byte| byte & 1 == 1) {
            return Some(data);
        }
    }
}

/// What stands below a GRE header, if it is IP.
fn below_gre(data: &[u8]) -> Option<&[u8]> {
    let flags = *data.first()?;
    let kind = u16::from_be_bytes([*data.get(2)?, *data.get(3)?]);
    matches!(kind, 0x0800 | 0x86dd).then_some(())?;
    let optional = [0x80, 0x20, 0x10].iter().filter(|bit| flags & **bit != 0).count();
    data.get(4 + 4 * optional..)
}
