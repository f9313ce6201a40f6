//! How well the cluster is, as `_cluster/health` and `_cat/shards` show it: counted from the map.

mod copy_rows;
mod counts;

pub use copy_rows::{CopyRow, CopyState, rows};
pub use counts::{ClusterHealth, Counts, IndexHealth, ShardHealth, Status, health};
