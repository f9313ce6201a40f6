//! What is known of the cluster, for those who ask how it is.
//!
//! ```text
//!  view            the map as this node sees it, with what it cannot open taken off it
//!  alone           the map of a node that was opened for itself
//!  figures         what a node tells about itself
//!  hot_threads     which threads of a node work, looked at for a while
//!  survey          the same of all nodes; one that is slow costs its figures only
//!  observe         what decisions about copies go by
//!  sizes           how much the copies of shards take, for whoever leads
//!  health          what a request waits for
//!  active_copies   how many copies of each shard have to serve
//!  chosen_nodes    which nodes an expression means
//!  index_settings  settings of an index, with as many replicas as it has expanded to
//!  settings        settings of the cluster: which there are, how they change
//! ```

mod active_copies;
mod alone;
mod chosen_nodes;
mod figures;
mod health;
mod hot_threads;
mod index_settings;
mod observe;
mod settings;
mod sizes;
mod survey;
mod view;

pub(crate) use active_copies::{wait_active, wait_active_for};
pub(crate) use chosen_nodes::chosen_nodes;
pub(crate) use figures::{CopyFigures, FiguresWish, NodeFigures, SeenFigures, answer_figures};
pub(crate) use health::{HealthWishes, NodesWish, wait_for};
#[cfg(test)]
pub(crate) use hot_threads::HotThread;
pub(crate) use hot_threads::{HotThreads, HotThreadsWish, answer_hot_threads, hot_threads};
pub(crate) use index_settings::{expanded, settings_shown};
pub(crate) use observe::observe;
pub(crate) use settings::{change_settings, flat, nested, shown_defaults};
pub(crate) use sizes::{answer_sizes, follow_sizes};
pub(crate) use survey::{Survey, survey, survey_with};
pub(crate) use view::{View, part_of};
