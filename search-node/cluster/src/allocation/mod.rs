//! Allocation: which commands should come next, so that every shard has a primary and its copies, spread evenly.
//!
//! Decided by whoever leads, from the state and from what it has seen of the nodes. Nothing here changes anything: a decision that
//! was overtaken is refused when it is applied, and made anew. A copy is moved by filling another one in its place and then dropping
//! it; a primary hands over in between.
//!
//! ```text
//!  settings read  what operators say, by Elasticsearch's names
//!  deciders/      whether a copy may be on a node, stay there, or be moved: one opinion for each reason, in words
//!  tally          what is on which node
//!  plan           the next commands            new_index   the first copies of a new index
//!  reroute        what an operator asks for    explain     why a copy is where it is, or nowhere
//! ```

mod deciders;
mod explain;
mod explanation;
mod moves;
mod new_index;
mod observed;
mod plan;
mod read;
mod rebalance;
mod reroute;
mod settings;
mod tally;
mod watermark;

pub use deciders::{Decision, Opinion, opinions};
pub use explain::{explain, first_unassigned};
pub use explanation::{AllocationDecision, Explanation, NodeExplanation, NotExplained, Placed, Which};
pub use new_index::{TooManyShards, check_room, place_new};
pub use observed::{Lacking, Observed, flooded_indices, to_hand_over};
pub use plan::plan;
pub use read::SettingError;
pub use reroute::{RerouteCommand, RerouteRefusal, Rerouted, reroute};
pub use settings::{AllocationSettings, AllowRebalance, BalanceSettings, DiskSettings};
pub use watermark::{DiskSpace, Watermark};
