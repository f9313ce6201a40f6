//! How nodes that are listed found one cluster together: `cluster.initial_master_nodes`.
//!
//! The node whose name comes first in the list founds, the others only join. It founds once each of the others has promised
//! itself, durably, to this cluster and this node. A promise is given only by a node that has the identical list, that
//! knows of no cluster, and that has not promised itself before.
//!
//! # Why there are never two
//!
//! Whoever founds holds the promise of every other node of its list, and a node gives one. So two founders with one list would
//! need the word of the same node twice, also if two nodes bear the first name by mistake, and in whatever order they
//! start, stop and start again. What is left is a list of one name, which is the word of whoever wrote it that this
//! node founds alone, and a majority of empty folders, which is a new cluster. A founder that lost its data is another
//! node: it finds the cluster that the others know, or waits for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::DiscoveryError;
use crate::id::new_id;
use crate::membership::{Membership, MembershipError, Promise};
use crate::settings::{Listed, Settings};
use crate::start::{Start, merged};

/// The version of questions and answers; another one is refused.
const FORMAT: u8 = 1;

/// A cluster that this node founds once all that are listed have promised themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    promise: Promise,
    own_name: String,
    names: BTreeSet<String>,
    addresses: Vec<String>,
}

/// What the founder asks the others. Opaque to whoever carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    promise: Promise,
    founder_name: String,
    names: BTreeSet<String>,
    /// Whether it is to promise itself, or only to say how it stands.
    is_binding: bool,
}

/// How another node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its id.
    pub node: u64,
    /// Its name.
    pub name: String,
    /// The names that it lists.
    pub names: BTreeSet<String>,
    /// The cluster that its data belongs to.
    pub cluster_uuid: Option<String>,
    /// To which it has promised itself.
    pub promise: Option<Promise>,
}

/// What the founder does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All are there and agree: ask them again, bindingly.
    AskBindingly,
    /// All have promised themselves: [`Founding::found`].
    Found,
    /// There is a cluster: join it.
    Join {
        /// Which.
        cluster_uuid: String,
    },
    /// Not yet; for each node that is waited for, why.
    Wait(Vec<String>),
    /// Never, until somebody does as the reason says.
    Refuse(String),
}

/// What is no question, or no answer.
#[derive(Debug, thiserror::Error)]
#[error(
    "a question about founding a cluster cannot be read: {0}; run the same version on all nodes that found one"
)]
pub struct MessageError(String);

/// The first of the list: its own word is given before it asks for that of others, so that after a restart it asks for
/// the same.
pub(crate) fn found_together(
    settings: &Settings,
    membership: &mut Membership,
    listed: Listed,
) -> Result<Start, DiscoveryError> {
    let node = membership.node();
    let promise = match membership.promise() {
        Some(given) if given.founder == node => given.clone(),
        Some(given) => {
            let addresses = merged(Vec::new(), settings.seed_addresses(), &settings.address.to_string());
            return Ok(Start::Join { cluster_uuid: Some(given.cluster_uuid.clone()), addresses });
        }
        None => {
            let promise = Promise { founder: node, cluster_uuid: new_id() };
            membership.give(promise.clone())?;
            promise
        }
    };
    let addresses = merged(Vec::new(), settings.seed_addresses(), &settings.address.to_string());
    Ok(Start::FoundTogether(Founding {
        promise,
        own_name: settings.node_name.clone(),
        names: listed.names,
        addresses,
    }))
}

impl Founding {
    /// Where the others may be.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// What to ask each node that is reached.
    pub fn question(&self, is_binding: bool) -> Result<Vec<u8>, MessageError> {
        encode(&Question {
            promise: self.promise.clone(),
            founder_name: self.own_name.clone(),
            names: self.names.clone(),
            is_binding,
        })
    }

    /// What to do, given how each node that was reached stands.
    pub fn decide(&self, views: &[View]) -> Verdict {
        let others = || views.iter().filter(|view| view.node != self.promise.founder);
        let mut by_name: BTreeMap<&str, &View> = BTreeMap::new();
        for view in others() {
            let twin = by_name.insert(&view.name, view).is_some_and(|twin| twin.node != view.node);
            if twin || view.name == self.own_name {
                return Verdict::Refuse(format!(
                    "two nodes are named [{}]; give each its own [node.name] before they found a cluster",
                    view.name
                ));
            }
        }
        let clusters: BTreeSet<&String> = others().filter_map(|view| view.cluster_uuid.as_ref()).collect();
        match clusters.into_iter().collect::<Vec<_>>()[..] {
            [] => {}
            [cluster_uuid] => return Verdict::Join { cluster_uuid: cluster_uuid.clone() },
            ref several => {
                return Verdict::Refuse(format!(
                    "the nodes of [discovery.seed_hosts] belong to {} clusters of this name ({several:?}); list the hosts of one",
                    several.len()
                ));
            }
        }
        let mut waits = Vec::new();
        let mut is_promised = true;
        for name in self.names.iter().filter(|name| **name != self.own_name) {
            match by_name.get(name.as_str()) {
                None => waits.push(format!("[{name}] is not reached; start it, and list its host in [discovery.seed_hosts]")),
                Some(view) if view.names != self.names => waits.push(format!(
                    "[{name}] lists {:?} as [cluster.initial_master_nodes] and this node {:?}; give all the same list",
                    view.names, self.names
                )),
                Some(view) => match &view.promise {
                    None => is_promised = false,
                    Some(promise) if *promise == self.promise => {}
                    Some(promise) => {
                        return Verdict::Refuse(format!(
                            "[{name}] has promised itself to a cluster that node {:016x} is about to found; start that node, or if it is gone for good empty the path.data of [{name}]",
                            promise.founder
                        ));
                    }
                },
            }
        }
        match (waits.is_empty(), is_promised) {
            (false, _) => Verdict::Wait(waits),
            (true, false) => Verdict::AskBindingly,
            (true, true) => Verdict::Found,
        }
    }

    /// Writes down that this node founds; then its consensus begins with it as the first member, then
    /// [`Membership::settle`]. Only after [`Verdict::Found`].
    pub fn found(&self, membership: &mut Membership) -> Result<String, MembershipError> {
        membership.found(&self.promise.cluster_uuid)?;
        Ok(self.promise.cluster_uuid.clone())
    }
}

/// Answers the question of a founder, and promises this node to its cluster if it asks for that and may.
pub fn answer(
    settings: &Settings,
    membership: &mut Membership,
    question: &[u8],
) -> Result<Vec<u8>, DiscoveryError> {
    let refused = |error: MessageError| DiscoveryError::Refused(error.to_string());
    let question: Question = decode(question).map_err(refused)?;
    let names: BTreeSet<String> = settings.initial_master_nodes.iter().cloned().collect();
    let is_asked = question.is_binding
        && membership.cluster_uuid().is_none()
        && membership.promise().is_none()
        && names == question.names
        && names.first() == Some(&question.founder_name)
        && question.founder_name != settings.node_name;
    if is_asked {
        membership.give(question.promise)?;
    }
    let view = View {
        node: membership.node(),
        name: settings.node_name.clone(),
        names,
        cluster_uuid: membership.cluster_uuid().map(str::to_owned),
        promise: membership.promise().cloned(),
    };
    encode(&view).map_err(refused)
}

impl View {
    /// Reads an answer.
    pub fn read(answer: &[u8]) -> Result<Self, MessageError> {
        decode(answer)
    }
}

fn encode(message: &impl Serialize) -> Result<Vec<u8>, MessageError> {
    postcard::to_extend(message, vec![FORMAT]).map_err(|error| MessageError(error.to_string()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MessageError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).map_err(|error| MessageError(error.to_string())),
        Some((other, _)) => {
            Err(MessageError(format!("it has version {other}, and this node speaks {FORMAT}")))
        }
        None => Err(MessageError("it is empty".to_owned())),
    }
}
