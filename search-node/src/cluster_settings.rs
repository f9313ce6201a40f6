//! The settings about the other nodes: who they are, where, and how patient one is with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use cluster::state::Role;
use settings::{Kind, Setting, Settings, SettingsError, Tree, setting};

/// The rows about the cluster.
pub(crate) const CLUSTER: &[Setting] = &[
    setting(
        "transport.port",
        Kind::Port,
        None,
        "The port for other nodes; if not set, the first free one from 9300 to 9399.",
    ),
    setting(
        "transport.publish_port",
        Kind::Port,
        None,
        "The port under which other nodes reach this one, if something between them passes connections on; if not set, the one that it listens on.",
    ),
    setting(
        "discovery.type",
        Kind::OneOf(&["multi-node", "single-node"]),
        Some("multi-node"),
        "Whether this node is one of several, or a cluster by itself that looks for nobody.",
    ),
    setting(
        "discovery.seed_hosts",
        Kind::Names,
        Some("[]"),
        "Where other nodes may be, as host, host:port or host:from-to; nodes on loopback find one another without.",
    ),
    setting(
        "discovery.registry",
        Kind::Path,
        None,
        "The folder in which the nodes of one user on one host find one another and their shared secret; if not set, below XDG_RUNTIME_DIR, or else in the folder for temporary files.",
    ),
    setting(
        "cluster.initial_master_nodes",
        Kind::Names,
        Some("[]"),
        "The names of the nodes that found a new cluster on several hosts, the same list on each; of no matter once the cluster is there.",
    ),
    setting(
        ROLES,
        Kind::Names,
        Some("[master, data, ingest]"),
        "What this node does: `master` to vote and lead, `data` to hold shards, `ingest` to run pipelines; none of them for a node that only passes requests on.",
    ),
    setting(
        ATTRIBUTES,
        Kind::Any,
        None,
        "Attributes of this node for allocation, e.g. `node.attr.rack: r1`.",
    ),
    setting(
        "cluster.agreement.timeout",
        Kind::Duration,
        Some("30s"),
        "How long a change of an index or of the cluster may wait for the agreement of the nodes that vote.",
    ),
    setting(
        "cluster.fault_detection.follower_check.interval",
        Kind::Duration,
        Some("1s"),
        "How often the node that leads asks each other one whether it is there.",
    ),
    setting(
        "cluster.fault_detection.follower_check.timeout",
        Kind::Duration,
        Some("2s"),
        "How long it waits for the answer.",
    ),
    setting(
        "cluster.fault_detection.follower_check.retry_count",
        Kind::Integer(1, 100),
        Some("3"),
        "After how many answers missed in a row a node is taken out of the cluster.",
    ),
    setting(
        "cluster.info.update.interval",
        Kind::Duration,
        Some("30s"),
        "How often the node that leads asks how much the copies of shards take, so that what is to move fits where it goes.",
    ),
];

const ROLES: &str = "node.roles";
const ATTRIBUTES: &str = "node.attr";

/// What is set about the other nodes.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// A port that was asked for; none to take the first free one.
    pub transport_port: Option<u16>,
    /// The port that others are told; none for the one that it listens on.
    pub publish_port: Option<u16>,
    pub is_single: bool,
    pub seed_hosts: Vec<String>,
    pub registry: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, below which the registry is if nothing is set.
    pub runtime_folder: Option<PathBuf>,
    pub initial_master_nodes: Vec<String>,
    pub roles: BTreeSet<Role>,
    pub attributes: BTreeMap<String, String>,
    pub agreement_timeout: Duration,
    pub check_interval: Duration,
    pub check_timeout: Duration,
    pub check_retries: u32,
    pub info_interval: Duration,
}

impl ClusterSettings {
    /// Reads and checks what only a program can check.
    pub(crate) fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let roles: Option<BTreeSet<Role>> = settings.list(ROLES).iter().map(|name| role(name)).collect();
        let roles = roles.ok_or_else(|| {
            settings.fault(
                ROLES,
                format!(
                    "[{ROLES}] is [{}], but takes master, data and ingest only",
                    settings.list(ROLES).join(", ")
                ),
            )
        })?;
        Ok(Self {
            transport_port: settings.is_set("transport.port").then(|| settings.port("transport.port")),
            publish_port: settings
                .is_set("transport.publish_port")
                .then(|| settings.port("transport.publish_port")),
            is_single: settings.text("discovery.type") == "single-node",
            seed_hosts: settings.list("discovery.seed_hosts"),
            registry: settings.is_set("discovery.registry").then(|| settings.path("discovery.registry")),
            runtime_folder: settings::runtime_folder(),
            initial_master_nodes: settings.list("cluster.initial_master_nodes"),
            roles,
            attributes: attributes(settings),
            agreement_timeout: settings.span("cluster.agreement.timeout"),
            check_interval: settings.span("cluster.fault_detection.follower_check.interval"),
            check_timeout: settings.span("cluster.fault_detection.follower_check.timeout"),
            check_retries: u32::try_from(
                settings.count("cluster.fault_detection.follower_check.retry_count"),
            )
            .unwrap_or(u32::MAX),
            info_interval: settings.span("cluster.info.update.interval"),
        })
    }
}

fn role(name: &str) -> Option<Role> {
    match name {
        "master" | "cluster_manager" => Some(Role::Master),
        "data" => Some(Role::Data),
        "ingest" => Some(Role::Ingest),
        _ => None,
    }
}

fn attributes(settings: &Settings) -> BTreeMap<String, String> {
    let members = settings.node(ATTRIBUTES).map(|node| &node.tree);
    let Some(Tree::Map(members)) = members else { return BTreeMap::new() };
    members.iter().filter_map(|(name, value)| Some((name.clone(), value.as_text()?.to_owned()))).collect()
}
