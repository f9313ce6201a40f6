//! How a node comes to its cluster: who it is, with whom it starts, the transport, the consensus, and its place in the map.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use cluster::state::{Command, NodeEntry, NodeId};
use daemon::CancellationToken;
use discovery::{DiscoveryKind, Membership, Registry, SeedHost, Start};
use parking_lot::Mutex;
use shard::HostDisk;
use tokio::task::{JoinHandle, spawn_blocking};
use transport::{Bounds, Handler, NodeIdentity, Options, Secret, Transport};

use super::calls::Switchboard;
use super::coordinator::{Coordinator, Origin, Rules};
use super::entry::{enter, stay};
use super::founding::{Desk, Founded, found_together};
use super::lookout::Lookout;
use crate::planted::{Bug, is_planted};
use crate::settings::NodeSettings;

/// The share of `node.stop_timeout` that is left for calls of other nodes when everything else has come to its end.
const CALLS_SHARE: f64 = 0.2;

/// A node that listens to others and takes part in the consensus, and is not in the map yet.
pub(crate) struct Beginning {
    pub(crate) coordinator: Arc<Coordinator>,
    entry: NodeEntry,
    lookout: Arc<Lookout>,
    /// The cluster that this node founds, if it does.
    founds: Option<String>,
}

/// Listens to other nodes, and takes part in the consensus with what the data folder holds. `http` is where others reach the REST
/// API.
pub(crate) async fn begin(
    settings: &NodeSettings,
    http: SocketAddr,
    stopping: CancellationToken,
    disk_space: Box<dyn Fn() -> Option<(u64, u64)> + Send + Sync>,
) -> anyhow::Result<Beginning> {
    let disk = HostDisk::shared();
    let mut membership = Membership::open(Arc::clone(&disk), &settings.path_data)?;
    let raft_folder = settings.path_data.join("raft");
    forget_votes(&mut membership, &raft_folder)?;
    let registry = registry(settings)?;
    let process = NodeId(rand::random());
    let identity = Arc::new(ArcSwap::from_pointee(NodeIdentity {
        cluster_name: settings.cluster_name.clone(),
        cluster_uuid: membership.cluster_uuid().map(str::to_owned),
        node_name: settings.node_name.clone(),
        node_id: membership.node(),
        ephemeral_id: process.0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }));
    let switchboard = Arc::new(Switchboard::default());
    let options = Options {
        host: settings.host,
        port: settings.cluster.transport_port,
        identity: Arc::clone(&identity),
        bounds: Bounds { stop_within: settings.stop_timeout.mul_f64(CALLS_SHARE), ..Bounds::default() },
        ..Options::new(NodeIdentity::clone(&identity.load()), secret(settings, registry.as_ref())?)
    };
    let transport = Transport::start(options, Arc::clone(&switchboard) as Arc<dyn Handler>).await?;
    let port = settings.cluster.publish_port.unwrap_or_else(|| transport.address().port());
    let address = SocketAddr::new(http.ip(), port);
    let discovery = discovery_settings(settings, address)?;
    let (start, membership, registry, discovery) = spawn_blocking(move || {
        let mut membership = membership;
        let start = discovery::start(&discovery, &mut membership, registry.as_ref());
        start.map(|start| (start, membership, registry, discovery))
    })
    .await??;
    let (node, membership) = (membership.node(), Arc::new(Mutex::new(membership)));
    let mut seeds = discovery.seed_addresses();
    let desk = Arc::new(Desk { settings: discovery, membership: Arc::clone(&membership) });
    let founds = match start {
        Start::Found { cluster_uuid } => Some(cluster_uuid),
        Start::Known { cluster_uuid, is_founding, addresses } => {
            seeds = addresses;
            is_founding.then_some(cluster_uuid)
        }
        Start::Join { addresses, .. } => {
            seeds = addresses;
            is_planted(Bug::FoundedTwice).then(|| format!("{node:022x}"))
        }
        Start::FoundTogether(founding) => {
            match found_together(&founding, &desk, &transport, &stopping).await? {
                Founded::Here(cluster_uuid) => Some(cluster_uuid),
                Founded::Elsewhere => None,
            }
        }
    };
    let origin = Origin { process, node, address: address.to_string() };
    let entry = NodeEntry {
        name: settings.node_name.clone(),
        data_id: format!("{:016x}", origin.node),
        transport_address: origin.address.clone(),
        http_address: http.to_string(),
        roles: settings.cluster.roles.clone(),
        attributes: settings.cluster.attributes.clone(),
    };
    let raft = consensus::Options::new(origin.node, &origin.address, raft_folder, disk);
    let rules = Rules { within: settings.cluster.agreement_timeout, allocation: settings.allocation.clone() };
    let coordinator = Coordinator::start(origin, raft, transport, rules, stopping, disk_space, desk).await?;
    switchboard.connect(Arc::clone(&coordinator) as _);
    let lookout = Arc::new(Lookout {
        path_data: settings.path_data.clone(),
        own: address.to_string(),
        registry,
        seeds,
        membership,
        identity,
    });
    Ok(Beginning { coordinator, entry, lookout, founds })
}

impl Beginning {
    /// Founds the cluster, or is let into it; returns once this process is in the map, with what ends once it has told the
    /// host that it stopped. `found` gives the commands that put what the folder holds into a map that is new.
    pub(crate) async fn take_part(
        self,
        found: impl FnOnce() -> anyhow::Result<Vec<Command>>,
    ) -> anyhow::Result<JoinHandle<()>> {
        let Self { coordinator, entry, lookout, founds, .. } = self;
        if let Some(cluster_uuid) = founds {
            lookout.joined(&cluster_uuid).await?;
            if !coordinator.consensus.is_bootstrapped().await? {
                coordinator.consensus.bootstrap().await.context("the cluster cannot be founded")?;
            }
            coordinator.consensus.wait_status(|status| status.is_leader).await;
            if coordinator.map().cluster_uuid.is_empty() {
                // The process first: its copies are in the map with it.
                let join = Command::Join { node: coordinator.origin.process, entry: entry.clone() };
                let mut commands = vec![join, Command::Name { cluster_uuid }];
                commands.extend(found()?);
                coordinator.propose(commands).await.map_err(|error| anyhow::anyhow!(error.reason))?;
            }
            lookout.settled().await?;
        }
        enter(&coordinator, &entry, &lookout).await?;
        tokio::spawn(stay(Arc::clone(&coordinator), entry, Arc::clone(&lookout)));
        Ok(tokio::spawn(lookout.register(coordinator)))
    }
}

fn registry(settings: &NodeSettings) -> anyhow::Result<Option<Registry>> {
    if !settings.host.is_loopback() {
        return Ok(None);
    }
    let folder =
        settings.cluster.registry.clone().unwrap_or_else(|| {
            discovery::default_registry_folder(settings.cluster.runtime_folder.as_deref())
        });
    Ok(Some(Registry::open(HostDisk::shared(), &folder, &settings.cluster_name)?))
}

/// A member whose votes and entries are gone would vote twice, and agree to what it has agreed to the contrary of. So it goes on as
/// another node, which has no vote until it is given one.
fn forget_votes(membership: &mut Membership, raft_folder: &Path) -> anyhow::Result<()> {
    let is_member = membership.cluster_uuid().is_some() && !membership.is_founding();
    if !is_member || consensus::holds_promises(raft_folder)? {
        return Ok(());
    }
    let before = membership.node();
    membership.become_another()?;
    tracing::warn!(
        folder = %raft_folder.display(),
        before = format!("{before:016x}"),
        now = format!("{:016x}", membership.node()),
        "what this node has agreed on with others is gone, so it goes on as another one without a vote; if no other node of its cluster is left, put the folder back, or remove node.state to found a new cluster with the indices that are here"
    );
    Ok(())
}

/// What the nodes share. Beyond loopback nothing is secret as long as `security.enabled` is false, which had to be said.
fn secret(settings: &NodeSettings, registry: Option<&Registry>) -> anyhow::Result<Secret> {
    let material = match registry {
        Some(registry) => registry.secret()?.to_vec(),
        None => format!("no secret, for security.enabled is false: {}", settings.cluster_name).into_bytes(),
    };
    Ok(Secret::new(&material)?)
}

fn discovery_settings(settings: &NodeSettings, address: SocketAddr) -> anyhow::Result<discovery::Settings> {
    let seed_hosts: Result<Vec<SeedHost>, _> =
        settings.cluster.seed_hosts.iter().map(|host| SeedHost::read(host)).collect();
    Ok(discovery::Settings {
        path_data: settings.path_data.clone(),
        cluster_name: settings.cluster_name.clone(),
        node_name: settings.node_name.clone(),
        kind: if settings.cluster.is_single { DiscoveryKind::SingleNode } else { DiscoveryKind::MultiNode },
        seed_hosts: seed_hosts?,
        initial_master_nodes: settings.cluster.initial_master_nodes.clone(),
        address,
        is_master_eligible: settings.cluster.roles.contains(&cluster::state::Role::Master),
    })
}
