//! The address that other nodes and clients are told: the one to listen on, or one of this host's where that is all of them
//! (`0.0.0.0`, `::`), unless another is set (`network.publish_host`).

use std::net::IpAddr;

use anyhow::Context;

use crate::settings::NodeSettings;

/// The address under which others reach this node.
pub(crate) fn published_host(settings: &NodeSettings) -> anyhow::Result<IpAddr> {
    if let Some(set) = settings.publish_host {
        return Ok(set);
    }
    if !settings.host.is_unspecified() {
        return Ok(settings.host);
    }
    let interfaces = if_addrs::get_if_addrs().context(
        "the addresses of this host cannot be read; set [network.publish_host] to the one that others reach",
    )?;
    let own = addresses_for(settings.host, interfaces.iter().map(if_addrs::Interface::ip));
    match own.first() {
        Some(first) => {
            if own.len() > 1 {
                tracing::info!(
                    address = %first,
                    all = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                    "of the addresses of this host others are told this one; network.publish_host chooses"
                );
            }
            Ok(*first)
        }
        // Nobody else has to reach it.
        None if settings.cluster.is_single => Ok(IpAddr::from([127, 0, 0, 1])),
        None => {
            tracing::warn!(
                host = %settings.host,
                "this host has no address that others could reach; network.publish_host says which one they shall use"
            );
            Ok(settings.host)
        }
    }
}

/// Those by which other hosts can reach whoever listens on all of a family, IPv4 first.
fn addresses_for(listens: IpAddr, own: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let is_reached = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => {
            !address.is_loopback() && !address.is_unicast_link_local() && listens.is_ipv6()
        }
    };
    let mut addresses: Vec<IpAddr> = own.filter(is_reached).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_an_address_that_they_can_reach() {
        let own = ["127.0.0.1", "::1", "fe80::1", "2001:db8::7", "169.254.3.4", "10.0.0.7", "192.0.2.1"];
        let own = own.map(|address| address.parse::<IpAddr>().expect("an address"));
        let of = |listens: &str| {
            let listens = listens.parse().expect("an address");
            addresses_for(listens, own.into_iter()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };

        assert_eq!(of("0.0.0.0"), ["10.0.0.7", "192.0.2.1"]);
        assert_eq!(of("::"), ["10.0.0.7", "192.0.2.1", "2001:db8::7"]);
    }
}
