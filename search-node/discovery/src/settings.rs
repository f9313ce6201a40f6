//! What is set about whom a node starts with.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::seed_host::SeedHost;

/// What is set about whom a node starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `path.data`.
    pub path_data: PathBuf,
    /// `cluster.name`.
    pub cluster_name: String,
    /// `node.name`.
    pub node_name: String,
    /// `discovery.type`.
    pub kind: DiscoveryKind,
    /// `discovery.seed_hosts`.
    pub seed_hosts: Vec<SeedHost>,
    /// `cluster.initial_master_nodes`.
    pub initial_master_nodes: Vec<String>,
    /// Where the transport listens.
    pub address: SocketAddr,
    /// Whether the node's roles allow it to decide: only such a node may found a cluster.
    pub is_master_eligible: bool,
}

/// `discovery.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiscoveryKind {
    /// A node among others.
    #[default]
    MultiNode,
    /// A node that is a cluster by itself.
    SingleNode,
}

/// How a node without a cluster comes to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// It founds one for itself alone.
    Single,
    /// All is on loopback and nothing is set: the registry of the host decides.
    Loopback,
    /// Nodes that are listed found one together.
    Listed(Listed),
    /// It joins whatever the seed hosts belong to, and founds nothing.
    Seeded,
}

/// The nodes that found a cluster together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Their names.
    pub names: BTreeSet<String>,
    /// Whether this node is the first of them, which is the one that founds.
    pub is_first: bool,
}

/// Settings that do not fit one another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A single node has nobody to look for.
    #[error("[discovery.type] is `single-node`, and [{0}] names other nodes; leave out one of them")]
    SingleWithOthers(&'static str),
    /// Others may reach the node, and nothing says who they are.
    #[error(
        "[transport] listens on {0}, which other hosts reach, and nothing says which nodes make the cluster; set [discovery.seed_hosts] to their addresses and, for the first start, [cluster.initial_master_nodes] to the names of those that found it, or [discovery.type] to `single-node`"
    )]
    Undecided(SocketAddr),
    /// It is to found and may not decide.
    #[error(
        "[cluster.initial_master_nodes] names this node [{0}], and its [node.roles] lack `master`; add the role, or take it off the list"
    )]
    NoMaster(String),
    /// A single node that may not decide is no cluster.
    #[error("[discovery.type] is `single-node`, and [node.roles] lack `master`; add the role")]
    SingleNoMaster,
}

impl Settings {
    /// How a node without a cluster comes to one. Of no matter once it has one.
    pub fn mode(&self) -> Result<Mode, SettingsError> {
        if self.kind == DiscoveryKind::SingleNode {
            return match (self.seed_hosts.is_empty(), self.initial_master_nodes.is_empty()) {
                (false, _) => Err(SettingsError::SingleWithOthers("discovery.seed_hosts")),
                (_, false) => Err(SettingsError::SingleWithOthers("cluster.initial_master_nodes")),
                _ if !self.is_master_eligible => Err(SettingsError::SingleNoMaster),
                _ => Ok(Mode::Single),
            };
        }
        if !self.initial_master_nodes.is_empty() {
            let names: BTreeSet<String> = self.initial_master_nodes.iter().cloned().collect();
            if names.contains(&self.node_name) && !self.is_master_eligible {
                return Err(SettingsError::NoMaster(self.node_name.clone()));
            }
            let is_first = names.first() == Some(&self.node_name);
            return Ok(Mode::Listed(Listed { names, is_first }));
        }
        if !self.seed_hosts.is_empty() {
            return Ok(Mode::Seeded);
        }
        if self.address.ip().is_loopback() {
            return Ok(Mode::Loopback);
        }
        Err(SettingsError::Undecided(self.address))
    }

    /// The addresses to ask for nodes, but for those that the registry knows. A node on loopback without seed hosts looks at
    /// the ports that are tried when none is set.
    pub fn seed_addresses(&self) -> Vec<String> {
        let of_host = |host: &SeedHost| host.addresses().collect::<Vec<_>>();
        if self.seed_hosts.is_empty() && self.address.ip().is_loopback() {
            return of_host(&SeedHost::loopback(self.address.ip()));
        }
        self.seed_hosts.iter().flat_map(of_host).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings(path_data: impl Into<PathBuf>) -> Settings {
        Settings {
            path_data: path_data.into(),
            cluster_name: "weir".to_owned(),
            node_name: "a".to_owned(),
            kind: DiscoveryKind::MultiNode,
            seed_hosts: Vec::new(),
            initial_master_nodes: Vec::new(),
            address: ([127, 0, 0, 1], 9300).into(),
            is_master_eligible: true,
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_set_decides_how_a_cluster_comes_to_be() {
        let plain = || settings("data");
        let seeds = || vec![SeedHost::read("10.0.0.2").expect("a host")];
        let open = || SocketAddr::from(([10, 0, 0, 1], 9300));
        let listed =
            |list: &[&str]| Settings { initial_master_nodes: names(list), address: open(), ..plain() };
        let expected = |list: &[&str], is_first| {
            Ok(Mode::Listed(Listed { names: names(list).into_iter().collect(), is_first }))
        };
        let single = || Settings { kind: DiscoveryKind::SingleNode, address: open(), ..plain() };
        for (settings, mode) in [
            (plain(), Ok(Mode::Loopback)),
            (Settings { address: open(), ..plain() }, Err(SettingsError::Undecided(open()))),
            (Settings { seed_hosts: seeds(), ..plain() }, Ok(Mode::Seeded)),
            (listed(&["c", "a", "b", "a"]), expected(&["a", "b", "c"], true)),
            (listed(&["0", "a"]), expected(&["0", "a"], false)),
            (listed(&["b"]), expected(&["b"], false)),
            (
                Settings { is_master_eligible: false, ..listed(&["a"]) },
                Err(SettingsError::NoMaster("a".to_owned())),
            ),
            (Settings { is_master_eligible: false, ..listed(&["b"]) }, expected(&["b"], false)),
            (single(), Ok(Mode::Single)),
            (Settings { is_master_eligible: false, ..single() }, Err(SettingsError::SingleNoMaster)),
            (
                Settings { seed_hosts: seeds(), ..single() },
                Err(SettingsError::SingleWithOthers("discovery.seed_hosts")),
            ),
            (
                Settings { initial_master_nodes: names(&["a"]), ..single() },
                Err(SettingsError::SingleWithOthers("cluster.initial_master_nodes")),
            ),
        ] {
            assert_eq!(settings.mode(), mode, "{settings:?}");
        }
    }
}
