//! One entry of `discovery.seed_hosts`.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// The ports that a transport tries when none is set.
const PORTS: RangeInclusive<u16> = 9300..=9399;

/// A host, and the ports at which nodes may listen there: `host`, `host:port` or `host:port-port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedHost {
    host: String,
    ports: RangeInclusive<u16>,
}

/// What is no such entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "[discovery.seed_hosts] holds `{0}`, but must hold hosts with a port or a range of ports, e.g. 10.0.0.2:9300, node-2:9300-9305 or [fd00::2]:9300"
)]
pub struct SeedHostError(String);

impl SeedHost {
    /// Reads an entry. Without a port it is 9300, or, on this host, each that is tried when none is set.
    pub fn read(text: &str) -> Result<Self, SeedHostError> {
        let wrong = || SeedHostError(text.to_owned());
        let trimmed = text.trim();
        let (host, ports) = match trimmed.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, rest))) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            Some(None) => return Err(wrong()),
            // More than one colon is an address of IPv6 without a port.
            None if trimmed.matches(':').count() > 1 => (trimmed, None),
            None => trimmed.split_once(':').map_or((trimmed, None), |(host, ports)| (host, Some(ports))),
        };
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_name = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !is_address && !is_name {
            return Err(wrong());
        }
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let ports = match ports {
            None if is_here => PORTS,
            None => *PORTS.start()..=*PORTS.start(),
            Some(ports) => range(ports).ok_or_else(wrong)?,
        };
        Ok(Self { host: host.to_owned(), ports })
    }

    /// This host, and each port that is tried when none is set.
    pub(crate) fn loopback(address: IpAddr) -> Self {
        Self { host: address.to_string(), ports: PORTS }
    }

    /// Each address that it means.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        let is_v6 = self.host.contains(':');
        self.ports.clone().map(move |port| match is_v6 {
            true => format!("[{}]:{port}", self.host),
            false => format!("{}:{port}", self.host),
        })
    }
}

/// The most ports of one host: more would be a search of the host, not an address.
const PORTS_MAX: usize = 1_000;

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let ports: RangeInclusive<u16> = first.parse().ok()?..=last.parse().ok()?;
    ((1..=PORTS_MAX).contains(&ports.len()) && *ports.start() > 0).then_some(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_mean_addresses() {
        for (text, first, count) in [
            ("10.0.0.2", "10.0.0.2:9300", 1),
            ("10.0.0.2:9305", "10.0.0.2:9305", 1),
            (" node-2.example:9300-9304 ", "node-2.example:9300", 5),
            ("localhost", "localhost:9300", 100),
            ("127.0.0.1", "127.0.0.1:9300", 100),
            ("[::1]", "[::1]:9300", 100),
            ("::1", "[::1]:9300", 100),
            ("[fd00::2]:9301", "[fd00::2]:9301", 1),
        ] {
            let addresses: Vec<String> = SeedHost::read(text).expect(text).addresses().collect();
            assert_eq!((addresses[0].as_str(), addresses.len()), (first, count), "{text}");
        }
        for text in [
            "",
            ":9300",
            "a b",
            "host:",
            "host:0",
            "host:x",
            "host:9-8",
            "host:1-65535",
            "[::1",
            "[::1]9300",
            "h/9300",
        ] {
            assert_eq!(SeedHost::read(text), Err(SeedHostError(text.to_owned())));
        }
    }
}
