//! What the copies on this node hold, one by one: for comparing them.

use std::sync::Arc;

use cluster::state::{IndexId, ShardId};
use serde_json::{Value, json};

use super::keeper::Replication;
use super::roles::Role;
use crate::error::ApiError;
use crate::indices::Index;

/// Each copy of an index on this node: where it stands, and one number for all that it holds, equal on copies with the same
/// documents. Reads every document.
pub(crate) fn copies_of(
    index: &Arc<Index>,
    replication: Option<&Arc<Replication>>,
    node: &str,
) -> Result<Vec<Value>, ApiError> {
    let mut shown = Vec::new();
    for (number, copy) in index.held() {
        let Some(shard) = index.shard_here(number)? else { continue };
        let name = ShardId { index: IndexId(index.uuid.clone()), number };
        let role = replication.and_then(|replication| replication.roles.get(&name));
        let (role, term) = match role {
            Some(Role::Leading(leading)) if !leading.is_over() => ("primary", leading.term),
            Some(Role::Following(following)) => ("replica", following.term()),
            _ => ("none", shard.term()),
        };
        let digest = shard.digest(index.now_millis())?;
        shown.push(json!({
            "node": node, "index": index.name, "shard": number, "copy": copy.to_string(), "role": role, "term": term,
            "docs": digest.documents, "max_seq_no": digest.max_seq_no, "local": shard.local(),
            "global": shard.global(), "digest": format!("{:032x}", digest.hash),
        }));
    }
    Ok(shown)
}
