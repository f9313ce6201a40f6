//! What operators ask for by hand (`_cluster/reroute`): the commands it takes, or why not.
//!
//! Nothing is done here, so a dry run is to leave it at [`Rerouted::ahead`]. What was asked for by hand is done also where no
//! allocation is enabled, and beside as many other recoveries as there are.

use super::deciders::{Decision, Opinion, Subject};
use super::plan::Planner;
use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, Command, Copy, CopyId, NodeId, ShardCopies, ShardId, Stage};

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RerouteCommand {
    Move {
        shard: ShardId,
        from: NodeId,
        to: NodeId,
    },
    /// Takes a copy away. A primary, with `allow_primary` only, hands over to another copy, and stays as a replica.
    Cancel {
        shard: ShardId,
        node: NodeId,
        allow_primary: bool,
    },
    AllocateReplica {
        shard: ShardId,
        node: NodeId,
    },
    /// Begins the shard anew; what it had is lost.
    AllocateEmptyPrimary {
        shard: ShardId,
        node: NodeId,
        accept_data_loss: bool,
    },
    /// Goes on with what a node has; what else was acknowledged is lost.
    AllocateStalePrimary {
        shard: ShardId,
        node: NodeId,
        accept_data_loss: bool,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Rerouted {
    pub commands: Vec<Command>,
    /// What the deciders say to each command, in their order; none where they are not asked.
    pub explanations: Vec<Vec<Opinion>>,
    /// The state once it is done.
    pub ahead: ClusterState,
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{}] {reason}", command.name())]
pub struct RerouteRefusal {
    /// What was asked for.
    pub command: RerouteCommand,
    /// Why not, and what to do.
    pub reason: String,
    /// What the deciders say, if they were asked.
    pub opinions: Vec<Opinion>,
}

impl RerouteCommand {
    /// Its name in requests.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Move { .. } => "move_allocation",
            Self::Cancel { .. } => "cancel_allocation",
            Self::AllocateReplica { .. } => "allocate_replica",
            Self::AllocateEmptyPrimary { .. } => "allocate_empty_primary",
            Self::AllocateStalePrimary { .. } => "allocate_stale_primary",
        }
    }
}

/// The commands for all that is asked for, or why one of it cannot be done, and then nothing is.
pub fn reroute(
    state: &ClusterState,
    commands: &[RerouteCommand],
    settings: &AllocationSettings,
    observed: &Observed,
) -> Result<Rerouted, RerouteRefusal> {
    let mut planner = Planner::new(state, settings, observed);
    let mut explanations = Vec::new();
    for command in commands {
        let refused = |(reason, opinions)| RerouteRefusal { command: command.clone(), reason, opinions };
        explanations.push(planner.asked(command).map_err(refused)?);
    }
    Ok(Rerouted { commands: planner.commands, explanations, ahead: planner.ahead })
}

/// In Elasticsearch's words.
const BY_HAND: &str =
    "explicitly ignoring any disabling of allocation due to manual allocation commands via the reroute API";

type Answer = Result<Vec<Opinion>, (String, Vec<Opinion>)>;

fn no(reason: String) -> (String, Vec<Opinion>) {
    (reason, Vec::new())
}

impl Planner<'_> {
    fn asked(&mut self, command: &RerouteCommand) -> Answer {
        match command {
            RerouteCommand::Move { shard, from, to } => self.asked_to_move(shard, *from, *to),
            RerouteCommand::Cancel { shard, node, allow_primary } => {
                self.asked_to_cancel(shard, *node, *allow_primary)
            }
            RerouteCommand::AllocateReplica { shard, node } => self.asked_for_replica(shard, *node),
            RerouteCommand::AllocateEmptyPrimary { shard, node, accept_data_loss } => {
                self.asked_for_empty(shard, *node, *accept_data_loss)
            }
            RerouteCommand::AllocateStalePrimary { shard, node, accept_data_loss } => {
                self.asked_for_stale(shard, *node, *accept_data_loss)
            }
        }
    }

    fn asks(&mut self, shard: &ShardId, command: Command, opinions: Vec<Opinion>) -> Answer {
        match self.try_command(shard, command) {
            Ok(()) => Ok(opinions),
            Err(refusal) => Err((refusal.to_string(), opinions)),
        }
    }

    /// The copy of a shard on a node.
    fn copy_on(&self, shard: &ShardId, node: NodeId) -> Result<CopyId, (String, Vec<Opinion>)> {
        let copies = self.ahead.shard(shard).ok_or_else(|| no(format!("there is no shard {shard}")))?;
        let mut there = copies.present().iter().filter(|(_, copy)| copy.node == node);
        let missing =
            || no(format!("no copy of shard {shard} is on node {node}; `_cat/shards` shows where they are"));
        there.next().map(|(id, _)| *id).ok_or_else(missing)
    }

    fn asked_to_move(&mut self, shard: &ShardId, from: NodeId, to: NodeId) -> Answer {
        let copy = self.copy_on(shard, from)?;
        let is_at_rest = self
            .ahead
            .shard(shard)
            .is_some_and(|copies| copies.in_sync().contains(&copy) && copies.replacement_of(copy).is_none());
        if !is_at_rest {
            return Err(no(format!(
                "the copy of shard {shard} on node {from} is being filled or moves already; cancel that first"
            )));
        }
        let opinions = self.let_by_hand(shard, Subject::There(copy), to)?;
        let copy =
            Command::AddCopy { shard: shard.clone(), copy: self.next_copy(), node: to, replaces: Some(copy) };
        self.asks(shard, copy, opinions)
    }

    /// What the deciders say, where none is against it that operators cannot overrule.
    fn let_by_hand(&self, shard: &ShardId, subject: Subject, node: NodeId) -> Answer {
        let question = self.board().question(shard, subject, node);
        let question = question.ok_or_else(|| no(format!("there is no node {node} or no shard {shard}")))?;
        let mut opinions = question.can_allocate();
        // Who asks by hand is let, also while nothing is by itself.
        for opinion in opinions.iter_mut().filter(|opinion| opinion.decider == "enable") {
            opinion.decision = Decision::Yes;
            opinion.explanation = BY_HAND.to_owned();
        }
        let is_against = |opinion: &&Opinion| opinion.decision == Decision::No;
        let against: Vec<&str> =
            opinions.iter().filter(is_against).map(|opinion| opinion.explanation.as_str()).collect();
        if against.is_empty() {
            return Ok(opinions);
        }
        let reason = format!("shard {shard} cannot be allocated to node {node}: {}", against.join("; "));
        Err((reason, opinions))
    }

    fn asked_to_cancel(&mut self, shard: &ShardId, node: NodeId, allow_primary: bool) -> Answer {
        let copy = self.copy_on(shard, node)?;
        let copies = self.ahead.shard(shard).ok_or_else(|| no(format!("there is no shard {shard}")))?;
        let (shard_id, term) = (shard.clone(), copies.term());
        let command = match copies.primary() {
            Some(primary) if primary != copy => Command::CancelCopy { shard: shard_id, copy, term },
            Some(_) if !allow_primary => {
                return Err(no(format!(
                    "the copy of shard {shard} on node {node} is its primary; set `allow_primary` to cancel it all the same"
                )));
            }
            // It serves, and would not know for a while that another one does: so it is asked to hand over.
            Some(_) if copies.in_sync().contains(&copy) => match self.successor(copies, copy) {
                Some(to) => Command::BeginHandOver { shard: shard_id, to, term },
                None => {
                    return Err(no(format!(
                        "no other copy of shard {shard} is in sync and there, so that it would be without a primary; wait until one is, or move the copy"
                    )));
                }
            },
            // It has never served, or waits to be found again.
            _ => {
                Command::FailCopy { shard: shard_id, copy, term, details: "primary was cancelled".to_owned() }
            }
        };
        self.asks(shard, command, Vec::new())
    }

    /// The copy that can be primary instead of one, on the node with the fewest primaries.
    fn successor(&self, copies: &ShardCopies, of: CopyId) -> Option<CopyId> {
        let is_fit = |id: &CopyId, copy: &Copy| {
            *id != of && copy.stage == Stage::Started && copies.in_sync().contains(id)
        };
        let fit = copies.present().iter().filter(|(id, copy)| is_fit(id, copy));
        fit.min_by_key(|(_, copy)| self.tally.load(copy.node).primaries).map(|(id, _)| *id)
    }

    fn asked_for_replica(&mut self, shard: &ShardId, node: NodeId) -> Answer {
        let copies = self.ahead.shard(shard).ok_or_else(|| no(format!("there is no shard {shard}")))?;
        if copies.primary().is_some() && copies.standing() >= self.ahead.wanted_copies(shard) {
            return Err(no(format!(
                "all copies of shard {shard} are already assigned; use the move allocation command instead"
            )));
        }
        let opinions = self.let_by_hand(shard, Subject::Replica, node)?;
        let copy = Command::AddCopy { shard: shard.clone(), copy: self.next_copy(), node, replaces: None };
        self.asks(shard, copy, opinions)
    }

    fn check_no_primary(&self, shard: &ShardId, node: NodeId) -> Result<u64, (String, Vec<Opinion>)> {
        let copies = self.ahead.shard(shard).ok_or_else(|| no(format!("there is no shard {shard}")))?;
        if copies.primary().is_some() {
            return Err(no(format!("primary of shard {shard} is already assigned")));
        }
        if !self.ahead.nodes.get(&node).is_some_and(crate::state::NodeEntry::holds_data) {
            return Err(no(format!("node {node} is not there or does not hold data")));
        }
        Ok(copies.term())
    }

    fn asked_for_empty(&mut self, shard: &ShardId, node: NodeId, accept_data_loss: bool) -> Answer {
        let seen_term = self.check_no_primary(shard, node)?;
        let copy = self.next_copy();
        let is_new = self.ahead.shard(shard).is_some_and(|copies| copies.in_sync().is_empty());
        let command = match (is_new, accept_data_loss) {
            (true, _) => Command::PlaceFirst { shard: shard.clone(), copy, node },
            (false, true) => Command::ForceEmptyPrimary { shard: shard.clone(), copy, node, seen_term },
            (false, false) => return Err(data_loss("an empty", shard)),
        };
        self.asks(shard, command, Vec::new())
    }

    fn asked_for_stale(&mut self, shard: &ShardId, node: NodeId, accept_data_loss: bool) -> Answer {
        let seen_term = self.check_no_primary(shard, node)?;
        let found = self.observed.found.get(&(node, shard.clone())).copied();
        let Some(made_of) = found.or_else(|| self.copy_on(shard, node).ok()) else {
            return Err(no(format!(
                "no data of shard {shard} was found on node {node}; name a node that has some, or allocate an empty primary"
            )));
        };
        let is_in_sync = self.ahead.shard(shard).is_some_and(|copies| copies.in_sync().contains(&made_of));
        let command = match (is_in_sync, accept_data_loss) {
            (true, _) => Command::Return { shard: shard.clone(), copy: made_of, node },
            (false, true) => {
                let copy = self.next_copy();
                Command::ForceStalePrimary { shard: shard.clone(), copy, node, made_of, seen_term }
            }
            (false, false) => return Err(data_loss("a stale", shard)),
        };
        self.asks(shard, command, Vec::new())
    }
}

fn data_loss(kind: &str, shard: &ShardId) -> (String, Vec<Opinion>) {
    no(format!(
        "allocating {kind} primary for shard {shard} can result in data loss; confirm by setting the accept_data_loss parameter to true"
    ))
}
