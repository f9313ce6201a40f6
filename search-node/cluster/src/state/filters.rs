//! Rules of an index, or of the cluster, about which nodes get copies: `require.rack: a`, `include._name: n1,n2`, `exclude._ip: 10.*`.
//!
//! A node must fit every value of `require`, at least one of all the `include`s together, and none of `exclude`. In values `*` stands
//! for anything. Beside attributes of nodes there are `_name`, `_id`, `_ip` and `_host`; an `_ip` may be a network too: `10.0.0.0/8`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::NodeEntry;

/// The rule that a node breaks.
pub(crate) fn broken_rule(rules: &BTreeMap<String, String>, entry: &NodeEntry) -> Option<String> {
    let mut included = None;
    for (rule, wanted) in rules {
        let Some((kind, attribute)) = rule.split_once('.') else { continue };
        let fits = |wanted: &str| fits(entry, attribute, wanted);
        let is_kept = match kind {
            "require" => parts(wanted).all(fits),
            "exclude" => !parts(wanted).any(fits),
            "include" => {
                let is_one = parts(wanted).any(fits);
                let (one, _) = included.get_or_insert((false, format!("{rule}: {wanted}")));
                *one |= is_one;
                true
            }
            _ => true,
        };
        if !is_kept {
            return Some(format!("{rule}: {wanted}"));
        }
    }
    included.filter(|(is_one, _)| !is_one).map(|(_, rule)| rule)
}

/// What is expected of the value of a rule, if it is not that: an address that is none would fit no node, and a node that is to be
/// emptied would not be.
pub fn check_rule(rule: &str, value: &str) -> Result<(), &'static str> {
    let is_of_addresses = rule.split_once('.').is_some_and(|(_, attribute)| is_address(attribute));
    let is_one = |part: &str| part.contains('*') || part.parse::<IpAddr>().is_ok() || network(part).is_some();
    if !is_of_addresses || (parts(value).next().is_some() && parts(value).all(is_one)) {
        return Ok(());
    }
    Err("addresses like 10.0.0.1, networks like 10.0.0.0/8 or patterns like 10.*")
}

/// What commas part; nothing between two of them, or after the last, is none, as in Elasticsearch.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Whether an attribute is the address of a node.
fn is_address(attribute: &str) -> bool {
    matches!(attribute, "_ip" | "_host_ip" | "_publish_ip")
}

/// The first address of `10.0.0.0/8`, and how many bits of it count.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    (bits <= width(address)).then_some((address, bits))
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether an address is in a network.
fn is_within(address: &str, (base, bits): (IpAddr, u32)) -> bool {
    let leading = |address: IpAddr| {
        let number = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        number.checked_shr(width(address) - bits).unwrap_or_default()
    };
    address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_ipv4() == base.is_ipv4() && leading(address) == leading(base))
}

fn fits(entry: &NodeEntry, attribute: &str, wanted: &str) -> bool {
    let of_network = network(wanted).filter(|_| is_address(attribute));
    let is = |value: &str| match of_network {
        Some(network) => is_within(value, network),
        None => matches(wanted, value),
    };
    match attribute {
        "_name" => is(&entry.name),
        "_id" => is(&entry.data_id),
        "_host" => is(address_host(&entry.transport_address)),
        address if is_address(address) => {
            is(address_host(&entry.transport_address)) || is(address_host(&entry.http_address))
        }
        _ => entry.attributes.get(attribute).is_some_and(|value| is(value)),
    }
}

/// The host of `host:port`; of `[::1]:9300` what is in the brackets.
pub(crate) fn address_host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a value is as a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, value: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == value };
    let Some(mut left) = value.strip_prefix(start) else { return false };
    let Some((middle, end)) = rest.rsplit_once('*') else { return left.ends_with(rest) };
    for part in middle.split('*') {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, value, is_fit) in [
            ("node", "node", true),
            ("node", "node1", false),
            ("*", "", true),
            ("node*", "node-1", true),
            ("*-1", "node-1", true),
            ("n*e*1", "node-1", true),
            ("n*e*1", "node-2", false),
            ("ab*ba", "aba", false),
            ("*a*a", "a", false),
            ("10.*", "10.0.0.1", true),
        ] {
            assert_eq!(matches(pattern, value), is_fit, "{pattern} {value}");
        }
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_as_it_does() {
        for (wanted, address, is_fit) in [
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1/32", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("0.0.0.0/0", "192.168.1.1", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "fe80::1", true),
        ] {
            let network = network(wanted).expect("a network");
            assert_eq!(is_within(address, network), is_fit, "{address} in {wanted}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (rule, value, is_taken) in [
            ("exclude._ip", "10.0.0.1, 10.0.0.0/8, 10.*, ::1", true),
            ("exclude._ip", "bogus", false),
            ("include._host_ip", "10.0.0.1,", true),
            ("include._host_ip", "10.0.0.1,bogus,", false),
            ("include._host_ip", ",", false),
            ("require._publish_ip", "10.0.0.0/33", false),
            ("exclude._name", "bogus", true),
            ("exclude.rack", "a", true),
        ] {
            assert_eq!(check_rule(rule, value).is_ok(), is_taken, "{rule}: {value}");
        }
    }

    #[test]
    fn a_host_is_what_stands_before_the_port() {
        for (address, host) in [("10.0.0.1:9300", "10.0.0.1"), ("[::1]:9300", "::1"), ("alpha", "alpha")] {
            assert_eq!(address_host(address), host);
        }
    }
}
