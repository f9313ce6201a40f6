//! Capture files, pcap and pcapng: each packet with its own time; a file that is cut off gives what it has.

use std::path::{Path, PathBuf};

use fs_err as fs;
use pcap_parser::data::{PacketData, get_packetdata};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use crate::packet::Link;

const BUFFER_BYTES: usize = 64 * 1024;
/// A block larger than this is taken for damage.
const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;
const LINKTYPE_IPV4: i32 = 228;
const LINKTYPE_IPV6: i32 = 229;

/// Why a capture file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It could not be opened. Not a source of its own: the text says it whole, and a chain would say it again.
    #[error("{0}; give a file that can be read with -I")]
    Open(std::io::Error),
    /// It is something else.
    #[error("{path} is no capture: neither pcap nor pcapng; give one as tcpdump -w writes it")]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

/// How a capture's reading ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How many packets it held.
    pub packets: u64,
    /// Why it ended before its end, if it did.
    pub fault: Option<String>,
}

/// One interface of the capture.
#[derive(Debug, Clone, Copy)]
struct Origin {
    link: Linktype,
    /// Ticks per second of its time stamps, and seconds to add.
    resolution: u64,
    offset: i64,
}

/// Gives every packet to `each`, as time in nanoseconds, length on the wire, link and bytes, until it says no more.
pub fn read_capture(
    path: &Path,
    mut each: impl FnMut(i64, u64, Link, &[u8]) -> bool,
) -> Result<Ending, CaptureError> {
    let file = fs::File::open(path).map_err(CaptureError::Open)?;
    let mut reader =
        create_reader(BUFFER_BYTES, file).map_err(|_| CaptureError::Unknown { path: path.to_owned() })?;
    let mut origins: Vec<Origin> = Vec::new();
    let mut packets = 0;
    let mut capacity = BUFFER_BYTES;
    loop {
        let fault = match reader.next() {
            Ok((length, block)) => {
                let goes_on = take_block(&block, &mut origins, &mut packets, &mut each);
                drop(block);
                reader.consume(length);
                if goes_on {
                    continue;
                }
                None
            }
            Err(PcapError::Eof) => None,
            Err(PcapError::Incomplete(_)) => match more(&mut *reader, None) {
                None => continue,
                fault => fault,
            },
            Err(PcapError::BufferTooSmall) if capacity < BLOCK_BYTES_MAX => {
                capacity *= 2;
                match more(&mut *reader, Some(capacity)) {
                    None => continue,
                    fault => fault,
                }
            }
            Err(PcapError::UnexpectedEof) => Some("it is cut off".to_owned()),
            Err(PcapError::NomError(_, kind) | PcapError::OwnedNomError(_, kind)) => {
                Some(format!("a block is damaged ({kind:?})"))
            }
            Err(error) => Some(error.to_string()),
        };
        return Ok(Ending { packets, fault });
    }
}

/// Reads on; says why that is no use, if it is not.
fn more(reader: &mut dyn PcapReaderIterator, capacity: Option<usize>) -> Option<String> {
    if let Some(capacity) = capacity {
        reader.grow(capacity);
    }
    if reader.reader_exhausted() {
        return Some("it is cut off".to_owned());
    }
    reader.refill().err().map(|error| error.to_string())
}

fn take_block(
    block: &PcapBlockOwned<'_>,
    origins: &mut Vec<Origin>,
    packets: &mut u64,
    each: &mut impl FnMut(i64, u64, Link, &[u8]) -> bool,
) -> bool {
    let (origin, ticks, length, data) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            origins.push(Origin { link: header.network, resolution, offset: 0 });
            return true;
        }
        PcapBlockOwned::Legacy(frame) => {
            let Some(origin) = origins.first() else {
                return true;
            };
            let ticks = u64::from(frame.ts_sec)
                .saturating_mul(origin.resolution)
                .saturating_add(u64::from(frame.ts_usec));
            (*origin, ticks, frame.origlen, frame.data)
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            origins.clear();
            return true;
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            origins.push(Origin {
                link: interface.linktype,
                resolution: interface.ts_resolution().unwrap_or(1_000_000).max(1),
                offset: interface.if_tsoffset,
            });
            return true;
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let Some(origin) = origins.get(packet.if_id as usize) else {
                return true;
            };
            let ticks = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
            // The block is padded to four bytes.
            let captured = (packet.caplen as usize).min(packet.data.len());
            (*origin, ticks, packet.origlen, &packet.data[..captured])
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let Some(origin) = origins.first() else {
                return true;
            };
            let captured = (packet.origlen as usize).min(packet.data.len());
            (*origin, 0, packet.origlen, &packet.data[..captured])
        }
        PcapBlockOwned::NG(_) => return true,
    };
    *packets += 1;
    match link_of(origin.link, data) {
        Some((link, data)) => each(origin.nanos(ticks), u64::from(length), link, data),
        None => true,
    }
}

impl Origin {
    fn nanos(&self, ticks: u64) -> i64 {
        let nanos = i128::from(ticks) * 1_000_000_000 / i128::from(self.resolution)
            + i128::from(self.offset) * 1_000_000_000;
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }
}

fn link_of(link: Linktype, data: &[u8]) -> Option<(Link, &[u8])> {
    match link.0 {
        1 => return Some((Link::Ethernet, data)),
        LINKTYPE_IPV4 | LINKTYPE_IPV6 => return Some((Link::Ip, data)),
        // BSD loopback stands in the byte order of the host that captured it, so the IP header itself tells.
        0 | 108 => return Some((Link::Ip, data.get(4..)?)),
        _ => {}
    }
    match get_packetdata(data, link, data.len())? {
        PacketData::L2(data) => Some((Link::Ethernet, data)),
        PacketData::L3(kind, data) => Some((Link::EtherType(kind), data)),
        PacketData::L4(..) | PacketData::Unsupported(_) => None,
    }
}
