//! Rollover: the figures of the index that is written to, and the next one if they ask for it.

use std::sync::Arc;

use cluster::state::{IndexId, ShardId};
use serde_json::{Map, Value, json};

use super::cluster::{View, survey};
use crate::error::ApiError;
use crate::indices::{Figures, Index, IndexBody, RolloverCondition, RolloverPlan, are_met};
use crate::node::Node;

/// How often a rollover is decided again because somebody else has rolled over meanwhile; more than this is no race.
const ROUNDS_MAX: usize = 16;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct RolloverWish {
    /// An alias or a data stream.
    pub target: String,
    /// What the new index is to be called; of an alias only.
    pub new_name: Option<String>,
    pub conditions: Vec<RolloverCondition>,
    /// What the new index is to have above what templates say.
    pub body: IndexBody,
    pub is_dry_run: bool,
    /// Whether the next write is to do it; of a data stream only.
    pub is_lazy: bool,
}

/// What came of it.
pub(crate) struct RolledOver {
    pub plan: RolloverPlan,
    pub conditions: Map<String, Value>,
    /// The new index, where there is one.
    pub made: Option<Arc<Index>>,
    /// Whether something has changed.
    pub is_done: bool,
}

/// Rolls over, if the conditions are met.
pub(crate) async fn roll_over(node: &Arc<Node>, wish: &RolloverWish) -> Result<RolledOver, ApiError> {
    for _ in 0..ROUNDS_MAX {
        let plan = node.indices.plan_rollover(&wish.target, wish.new_name.as_deref())?;
        if wish.is_lazy && !plan.is_stream {
            return Err(ApiError::argument("lazy rollover can be applied only on a data stream"));
        }
        if plan.is_stream && wish.body != IndexBody::default() {
            return Err(ApiError::argument(
                "aliases, mappings, and index settings may not be specified when rolling over a data stream",
            ));
        }
        let figures = figures(node, &plan, &wish.conditions).await?;
        let (is_asked, conditions) = are_met(&wish.conditions, &figures);
        if wish.is_dry_run || !is_asked {
            return Ok(RolledOver { plan, conditions, made: None, is_done: false });
        }
        let (worker, asked, planned) = (Arc::clone(node), wish.clone(), plan.clone());
        let is_lazy = wish.is_lazy;
        let made = node.write_pool.run(move || {
            if is_lazy {
                return worker.indices.roll_over_on_write(&asked.target).map(|()| None);
            }
            worker.indices.roll_over(&asked.target, &planned, &asked.body)
        });
        let made = made.await?;
        if is_lazy || made.is_some() {
            return Ok(RolledOver { plan, conditions, made, is_done: true });
        }
    }
    Err(ApiError::not_settled(format!("[{}] kept being rolled over meanwhile; try again", wish.target)))
}

/// The figures of the index that is written to, as far as the conditions are about them.
async fn figures(
    node: &Arc<Node>,
    plan: &RolloverPlan,
    conditions: &[RolloverCondition],
) -> Result<Figures, ApiError> {
    let age = node.clock.now_millis().saturating_sub(plan.created_millis);
    let mut figures = Figures { age_millis: u64::try_from(age).unwrap_or(0), ..Figures::default() };
    if conditions.is_empty() {
        return Ok(figures);
    }
    let view = View::of(node);
    let survey = survey(node, &view, |_| true).await?;
    let shards = view.map.indices.get(&plan.old).map_or(0, |entry| entry.shards.len());
    for number in 0..shards {
        let shard = ShardId { index: plan.old.clone(), number: number as u32 };
        // Of a shard whose primary does not tell nothing is known, and nothing is asked for because of it.
        let told = survey.copies_of(&view.map, &shard);
        let Some((true, primary)) = told.first() else { continue };
        figures.documents += primary.documents;
        figures.bytes += primary.bytes;
        figures.shard_documents = figures.shard_documents.max(primary.documents);
        figures.shard_bytes = figures.shard_bytes.max(primary.bytes);
    }
    Ok(figures)
}

impl RolledOver {
    /// As the API shows it; whether all nodes follow, and whether enough copies of the new index serve.
    pub(crate) fn to_json(
        &self,
        wish: &RolloverWish,
        acknowledged: bool,
        shards_acknowledged: bool,
    ) -> Value {
        json!({
            "acknowledged": acknowledged,
            "shards_acknowledged": shards_acknowledged,
            "old_index": self.plan.old_name,
            "new_index": self.plan.new_name,
            "rolled_over": self.made.is_some(),
            "dry_run": wish.is_dry_run,
            "lazy": wish.is_lazy,
            "conditions": self.conditions
        })
    }

    /// The id of the new index.
    pub(crate) fn made_id(&self) -> Option<IndexId> {
        self.made.as_ref().map(|made| IndexId(made.uuid.clone()))
    }
}
