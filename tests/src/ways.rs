//! The ways between the nodes of a cluster, each of which can be slow, silent, broken or full of holes.
//!
//! Either a proxy on loopback carries them, which needs no rights ([`Links`]), or the nodes are on hosts of their own with a network
//! between them, whose packets are dropped ([`Hosts`]).

use std::time::Duration;

use crate::hosts::Hosts;
use crate::links::Links;

/// How bytes flow from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Open,
    /// Each piece arrives so much later. Only a proxy can do this here.
    Late(Duration),
    /// So many of a hundred packets get lost. Only a network has packets.
    Lossy(u8),
    /// Nothing arrives, and nobody is told.
    Silent,
    /// Connections break, and none can be made.
    Cut,
}

/// The ways between all nodes of one cluster.
pub enum Ways {
    Links(Links),
    Hosts(Hosts),
}

impl Ways {
    /// From now on bytes flow like this from one node to another.
    pub fn set(&self, from: usize, to: usize, flow: Flow) {
        match self {
            Self::Links(links) => links.set(from, to, flow),
            Self::Hosts(hosts) => hosts.set(&[(from, to)], flow).expect("the rules of a host"),
        }
    }

    /// The same in both directions between each of some nodes and each of the others.
    pub fn set_between(&self, some: &[usize], others: &[usize], flow: Flow) {
        let pairs = some.iter().flat_map(|one| others.iter().map(move |other| (*one, *other)));
        let pairs = pairs.filter(|(one, other)| one != other);
        let both: Vec<(usize, usize)> = pairs.flat_map(|(one, other)| [(one, other), (other, one)]).collect();
        match self {
            Self::Links(links) => both.iter().for_each(|(from, to)| links.set(*from, *to, flow)),
            Self::Hosts(hosts) => hosts.set(&both, flow).expect("the rules of a host"),
        }
    }

    /// Everything flows.
    pub fn heal(&self) {
        match self {
            Self::Links(links) => links.heal(),
            Self::Hosts(hosts) => hosts.heal().expect("the rules of a host"),
        }
    }

    /// Whether nodes are on hosts of their own.
    pub fn are_of_hosts(&self) -> bool {
        matches!(self, Self::Hosts(_))
    }
}
