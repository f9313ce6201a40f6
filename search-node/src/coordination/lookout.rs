//! Where others may be, and what the node itself has been told of its cluster: the registry of the host, the seed hosts, and
//! the membership that is kept with the data.
//!
//! All of it reads and writes files, so it is done where waiting for a disk holds nobody up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use discovery::{Membership, Registry};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use transport::NodeIdentity;

use super::coordinator::Coordinator;

/// How often a node says again where it is: the system may have emptied the registry's folder.
const REGISTER_EVERY: Duration = Duration::from_secs(30);

/// Where others may be.
pub(super) struct Lookout {
    pub(super) path_data: PathBuf,
    /// Where this node listens.
    pub(super) own: String,
    pub(super) registry: Option<Registry>,
    pub(super) seeds: Vec<String>,
    pub(super) membership: Arc<Mutex<Membership>>,
    pub(super) identity: Arc<ArcSwap<NodeIdentity>>,
}

impl Lookout {
    /// Where others listen, as far as that is known. Of these, a node that belongs nowhere yet takes those only that are of the
    /// cluster that the registry names: another cluster of that name may run here as well.
    pub(super) async fn addresses(self: &Arc<Self>) -> Vec<String> {
        let at = Arc::clone(self);
        let registered = spawn_blocking(move || {
            if let Some(Ok(named)) = at.registry.as_ref().map(Registry::cluster_uuid)
                && at.membership.lock().cluster_uuid().is_none()
            {
                at.belongs(named);
            }
            at.registry.as_ref().map(Registry::addresses)
        });
        let registered = registered.await;
        let mut addresses = match registered {
            Ok(Some(Ok(addresses))) => addresses,
            // Said where the node registers.
            _ => Vec::new(),
        };
        addresses.extend(self.seeds.iter().cloned());
        addresses.retain(|address| *address != self.own);
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// What somebody can do if none of the others answers.
    pub(super) async fn remedy(self: &Arc<Self>) -> String {
        let at = Arc::clone(self);
        let folders = spawn_blocking(move || {
            let own = fs_err::canonicalize(&at.path_data).ok();
            let folders =
                at.registry.as_ref().and_then(|registry| registry.folders().ok()).unwrap_or_default();
            let others = folders.into_iter().filter(|folder| Some(folder) != own.as_ref());
            others.map(|folder| folder.display().to_string()).collect::<Vec<_>>()
        });
        match folders.await.unwrap_or_default().join(", ") {
            others if others.is_empty() => {
                "start the others, or see that [discovery.seed_hosts] says where they are".to_owned()
            }
            others => format!(
                "the nodes of the cluster [{}] on this host have their data in {others}: start one of them; or for a cluster apart from theirs give this node a [cluster.name] or a [discovery.registry] of its own",
                self.identity.load().cluster_name
            ),
        }
    }

    /// The data belongs to a cluster from now on.
    pub(super) async fn joined(self: &Arc<Self>, cluster_uuid: &str) -> anyhow::Result<()> {
        let (at, uuid) = (Arc::clone(self), cluster_uuid.to_owned());
        let joined = spawn_blocking(move || {
            let mut membership = at.membership.lock();
            if membership.cluster_uuid() == Some(&uuid) { Ok(()) } else { membership.join(&uuid) }
        });
        joined.await.context("joining a cluster broke")??;
        self.belongs(Some(cluster_uuid.to_owned()));
        Ok(())
    }

    /// Others are told so, and those of another cluster are neither asked nor answered.
    fn belongs(&self, cluster_uuid: Option<String>) {
        let identity = NodeIdentity::clone(&self.identity.load());
        if identity.cluster_uuid != cluster_uuid {
            self.identity.store(Arc::new(NodeIdentity { cluster_uuid, ..identity }));
        }
    }

    /// The cluster that this node founds is there.
    pub(super) async fn settled(self: &Arc<Self>) -> anyhow::Result<()> {
        let at = Arc::clone(self);
        Ok(spawn_blocking(move || at.membership.lock().settle())
            .await
            .context("founding a cluster broke")??)
    }

    /// Says where this node is, again and again until it stops, and then that it has stopped.
    pub(super) async fn register(self: Arc<Self>, coordinator: Arc<Coordinator>) {
        let stopping = coordinator.stopping.clone();
        while !stopping.is_cancelled() {
            let (at, map) = (Arc::clone(&self), coordinator.map());
            self.say(move |registry| registry.register(&at.path_data, &map.cluster_uuid, &at.own)).await;
            let _is_over = tokio::time::timeout(REGISTER_EVERY, stopping.cancelled()).await;
        }
        let at = Arc::clone(&self);
        self.say(move |registry| registry.withdraw(&at.path_data)).await;
    }

    async fn say(
        self: &Arc<Self>,
        what: impl FnOnce(&Registry) -> Result<(), discovery::RegistryError> + Send + 'static,
    ) {
        let at = Arc::clone(self);
        let said = spawn_blocking(move || at.registry.as_ref().map_or(Ok(()), what));
        if let Ok(Err(error)) = said.await {
            tracing::warn!(%error, "other nodes of this host may not find this one");
        }
    }
}
