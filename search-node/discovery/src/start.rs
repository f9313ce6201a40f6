//! With whom a node starts.

use std::collections::BTreeSet;

use crate::error::DiscoveryError;
use crate::founding::{Founding, found_together};
use crate::id::new_id;
use crate::membership::Membership;
use crate::record::Record;
use crate::registry::Registry;
use crate::settings::{Mode, Settings};

/// With whom a node starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Its data belongs to a cluster: it looks for the others for as long as it takes, and never founds one. Only if it was
    /// about to found this one and has not said since that it is there, does it go on with that: a consensus whose
    /// folder is empty begins with this node as its first member.
    Known {
        /// The cluster.
        cluster_uuid: String,
        /// Whether it goes on founding it.
        is_founding: bool,
        /// Where to look for the others.
        addresses: Vec<String>,
    },
    /// It is the first of a new cluster: its consensus begins with it as the first member, then [`Membership::settle`]. That
    /// it founds is written down already.
    Found {
        /// The cluster.
        cluster_uuid: String,
    },
    /// It joins a cluster, which may not be there yet: it asks at these addresses until somebody takes it.
    Join {
        /// The cluster, if that is known.
        cluster_uuid: Option<String>,
        /// Where to ask. Those of the registry change, so it is worth looking again.
        addresses: Vec<String>,
    },
    /// It founds a cluster once all that are listed have promised themselves to it.
    FoundTogether(Founding),
}

/// Decides with whom a node starts, and writes down what must be known if it ends right after. `registry` is of this host;
/// there need not be one where the nodes are not all on loopback. Blocks on files for moments, and for half a minute at most
/// if another process does not let go of the registry.
pub fn start(
    settings: &Settings,
    membership: &mut Membership,
    registry: Option<&Registry>,
) -> Result<Start, DiscoveryError> {
    let address = settings.address.to_string();
    if let Some(cluster_uuid) = membership.cluster_uuid().map(str::to_owned) {
        let mut addresses = settings.seed_addresses();
        if let Some(registry) = registry {
            // The others of this host find it there. Its own data says where it belongs, so it starts without it too.
            let known = registry
                .register(&settings.path_data, &cluster_uuid, &address)
                .and_then(|()| registry.addresses())
                .unwrap_or_else(|error| {
                    tracing::warn!("{error}");
                    Vec::new()
                });
            addresses = merged(known, addresses, &address);
        }
        return Ok(Start::Known { cluster_uuid, is_founding: membership.is_founding(), addresses });
    }
    match settings.mode()? {
        Mode::Single => {
            let cluster_uuid = new_id();
            membership.found(&cluster_uuid)?;
            Ok(Start::Found { cluster_uuid })
        }
        Mode::Loopback => {
            let registry = registry.ok_or_else(|| {
                DiscoveryError::Refused(
                    "nodes on loopback find one another in the registry of the host, and there is none; set [discovery.registry], or [discovery.type] to `single-node`"
                        .to_owned(),
                )
            })?;
            on_loopback(settings, membership, registry, &address)
        }
        Mode::Listed(listed) if listed.is_first => found_together(settings, membership, listed),
        Mode::Listed(_) | Mode::Seeded => {
            let cluster_uuid = membership.promise().map(|promise| promise.cluster_uuid.clone());
            Ok(Start::Join {
                cluster_uuid,
                addresses: merged(Vec::new(), settings.seed_addresses(), &address),
            })
        }
    }
}

/// What the nodes of one host do where nothing is set.
#[derive(Debug, PartialEq, Eq)]
enum OnLoopback {
    /// A cluster is there.
    Join { cluster_uuid: String },
    /// None is there, and this node may found one.
    Found,
    /// None is there, and this node may not.
    Wait,
}

fn decide(record: Option<&Record>, is_master_eligible: bool) -> OnLoopback {
    match record {
        Some(record) => OnLoopback::Join { cluster_uuid: record.cluster_uuid.clone() },
        None if is_master_eligible => OnLoopback::Found,
        None => OnLoopback::Wait,
    }
}

/// The first to hold the lock founds; whoever comes later finds its record.
///
/// The record is written before the data says that it belongs to the cluster. So at any moment at which this may end there is
/// either a cluster and a record of it, or a record that no data bears out, which is void: the next to come founds, and
/// this node, when it comes again, joins.
fn on_loopback(
    settings: &Settings,
    membership: &mut Membership,
    registry: &Registry,
    address: &str,
) -> Result<Start, DiscoveryError> {
    let locked = registry.locked()?;
    let record = locked.record()?;
    let seeds = settings.seed_addresses();
    match decide(record.as_ref(), settings.is_master_eligible) {
        OnLoopback::Join { cluster_uuid } => {
            let known = record.map(|record| record.addresses()).unwrap_or_default();
            let addresses = merged(known, seeds, address);
            Ok(Start::Join { cluster_uuid: Some(cluster_uuid), addresses })
        }
        OnLoopback::Wait => {
            Ok(Start::Join { cluster_uuid: None, addresses: merged(Vec::new(), seeds, address) })
        }
        OnLoopback::Found => {
            let cluster_uuid = new_id();
            locked.put(Record::new(&cluster_uuid), &settings.path_data, Some(address))?;
            membership.found(&cluster_uuid)?;
            Ok(Start::Found { cluster_uuid })
        }
    }
}

/// First what is known, then what may be, each once, and not this node.
pub(crate) fn merged(known: Vec<String>, seeds: Vec<String>, own: &str) -> Vec<String> {
    let mut seen = BTreeSet::from([own.to_owned()]);
    known.into_iter().chain(seeds).filter(|address| seen.insert(address.clone())).collect()
}
