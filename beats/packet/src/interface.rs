//! Live capture: one thread per interface that hands every packet to the analyzer.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use daemon::CancellationToken;
use daemon::clock::Clock;
use pnet::datalink::{self, Channel, Config, DataLinkReceiver, NetworkInterface};
use tracing::warn;

use crate::analyzer::Analyzer;
use crate::packet::Link;

/// How long a wait for a packet lasts before the stop is looked at.
const PATIENCE: Duration = Duration::from_millis(200);
const DEVICE_TYPES_WITHOUT_ETHERNET: [&str; 2] = ["tun", "wg"];

/// Why an interface cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InterfaceError {
    #[error(
        "capture on {device} needs CAP_NET_RAW; run `setcap cap_net_raw+ep {}`, or give a file with -I",
        own_path()
    )]
    NotPermitted { device: String },
    #[error("there is no interface `{device}`; set `packet-beat.interfaces.device` to any of {known}")]
    Unknown { device: String, known: String },
    #[error("no interface is up; set `packet-beat.interfaces.device` to one, or give a file with -I")]
    NoneUp,
    #[error("capture on {device} failed: {error}")]
    Failed { device: String, error: std::io::Error },
}

/// This program's file, since `setcap` looks up no name in PATH.
fn own_path() -> String {
    std::env::current_exe().map_or_else(|_| crate::PROGRAM.to_owned(), |path| path.display().to_string())
}

/// An interface that is open.
pub(crate) struct Opened {
    pub(crate) device: String,
    link: Link,
    is_loopback: bool,
    receiver: Box<dyn DataLinkReceiver>,
}

/// The names of the interfaces that are up and wanted: the one of this name, or every one for `any`.
pub(crate) fn up(device: &str) -> Vec<String> {
    let wanted =
        |interface: &NetworkInterface| interface.is_up() && (device == "any" || interface.name == device);
    datalink::interfaces().into_iter().filter(wanted).map(|interface| interface.name).collect()
}

/// Opens the interface of this name.
pub(crate) fn open(device: &str, snaplen: usize, promiscuous: bool) -> Result<Opened, InterfaceError> {
    let all = datalink::interfaces();
    let Some(interface) = all.iter().find(|interface| interface.name == device) else {
        let names: Vec<&str> = all.iter().map(|interface| interface.name.as_str()).collect();
        let known = format!("any, {}", names.join(", "));
        return Err(InterfaceError::Unknown { device: device.to_owned(), known });
    };
    open_one(interface, snaplen, promiscuous)
}

fn open_one(
    interface: &NetworkInterface,
    snaplen: usize,
    promiscuous: bool,
) -> Result<Opened, InterfaceError> {
    let device = interface.name.clone();
    let config = Config {
        read_buffer_size: snaplen,
        read_timeout: Some(PATIENCE),
        promiscuous: promiscuous && !interface.is_loopback(),
        ..Config::default()
    };
    let has_no_ethernet = DEVICE_TYPES_WITHOUT_ETHERNET.iter().any(|kind| device.starts_with(kind));
    match datalink::channel(interface, config) {
        Ok(Channel::Ethernet(_, receiver)) => Ok(Opened {
            device,
            link: if has_no_ethernet { Link::Ip } else { Link::Ethernet },
            is_loopback: interface.is_loopback(),
            receiver,
        }),
        Ok(_) => Err(InterfaceError::Failed { device, error: std::io::Error::from(ErrorKind::Unsupported) }),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(InterfaceError::NotPermitted { device })
        }
        Err(error) => Err(InterfaceError::Failed { device, error }),
    }
}

/// Reads until the stop; an interface that goes down ends its thread, and [`crate::readers`] begins another.
pub(crate) fn read(
    mut opened: Opened,
    analyzer: Arc<Mutex<Analyzer>>,
    clock: Clock,
    stop: CancellationToken,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        // The kernel shows a loopback packet as it leaves and as it arrives, so every second sight is skipped.
        let mut seen = Seen::default();
        while !stop.is_cancelled() {
            match opened.receiver.next() {
                Ok(data) => {
                    if opened.is_loopback && seen.is_repeat(data) {
                        continue;
                    }
                    let mut analyzer = analyzer.lock().unwrap_or_else(PoisonError::into_inner);
                    analyzer.take(clock.now_nanos(), data.len() as u64, opened.link, data);
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::TimedOut | ErrorKind::Interrupted | ErrorKind::WouldBlock
                    ) => {}
                Err(error) => {
                    warn!(device = opened.device, %error, "capture ended; it goes on once the interface can be read again");
                    return;
                }
            }
        }
    })
}

/// The packets of the loopback that were seen once and whose second sight is due.
#[derive(Debug, Default)]
struct Seen {
    recent: std::collections::VecDeque<u64>,
}

impl Seen {
    /// How many packets may be on their way through the loopback at once.
    const RECENT_MAX: usize = 256;

    fn is_repeat(&mut self, data: &[u8]) -> bool {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        let digest = hasher.finish();
        if let Some(at) = self.recent.iter().position(|known| *known == digest) {
            self.recent.remove(at);
            return true;
        }
        if self.recent.len() >= Self::RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(digest);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_sight_of_a_loopback_packet_is_skipped_and_a_third_is_new() {
        let mut seen = Seen::default();

        let sights: Vec<bool> =
            [b"a", b"b", b"a", b"b", b"a"].iter().map(|data| seen.is_repeat(*data)).collect();

        assert_eq!(sights, [false, false, true, true, false]);
        for number in 0..10_000_u32 {
            seen.is_repeat(&number.to_be_bytes());
        }
        assert!(seen.recent.len() <= Seen::RECENT_MAX);
    }

    #[test]
    fn what_may_not_be_captured_comes_with_a_command_that_can_be_pasted() {
        let error = InterfaceError::NotPermitted { device: "eth0".to_owned() };

        let own = std::env::current_exe().expect("known");
        assert!(own.is_absolute());
        assert_eq!(
            error.to_string(),
            format!(
                "capture on eth0 needs CAP_NET_RAW; run `setcap cap_net_raw+ep {}`, or give a file with -I",
                own.display()
            )
        );
    }

    #[test]
    fn an_unknown_interface_is_named_with_the_known_ones() {
        let error = open("nosuch0", 1024, false).map(|_| ()).expect_err("no such interface");

        assert!(
            error.to_string().starts_with(
                "there is no interface `nosuch0`; set `packet-beat.interfaces.device` to any of any, "
            ),
            "{error}"
        );
    }
}
