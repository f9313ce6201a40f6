//! The settings of pools.

use settings::{Kind, Setting, Settings, setting};

/// The rows about pools.
pub(crate) const THREAD_POOLS: &[Setting] = &[
    setting(
        PROCESSORS,
        Kind::Integer(0, 1024),
        Some("0"),
        "How many processors the node works on; 0 for all that it may use. The sizes of pools come from it, and so does how many threads help a large search while others do nothing; with 1 none does.",
    ),
    setting(
        "thread_pool.write.size",
        Kind::Integer(0, 1024),
        Some("0"),
        "How many requests may write at the same time; 0 for the number of cores.",
    ),
    setting(
        "thread_pool.write.queue_size",
        Kind::Integer(1, 100_000),
        Some("200"),
        "How many writing requests may wait; more are answered 429.",
    ),
    setting(
        "thread_pool.search.size",
        Kind::Integer(0, 1024),
        Some("0"),
        "How many requests may search at the same time; 0 for one and a half times the number of cores, plus one.",
    ),
    setting(
        "thread_pool.search.queue_size",
        Kind::Integer(1, 100_000),
        Some("1000"),
        "How many searching requests may wait; more are answered 429.",
    ),
    setting(
        "thread_pool.get.size",
        Kind::Integer(0, 1024),
        Some("0"),
        "How many requests may read documents by their ids at the same time; 0 for one and a half times the number of cores, plus one.",
    ),
    setting(
        "thread_pool.get.queue_size",
        Kind::Integer(1, 100_000),
        Some("1000"),
        "How many requests that read documents by their ids may wait; more are answered 429.",
    ),
    setting(
        NICE,
        Kind::Integer(0, 19),
        Some("10"),
        "By how much the threads that search stand behind all others where processors are short (as `nice` of the system means it), so that documents come in as fast as they may while much is searched; 0 for not at all.",
    ),
    setting(
        ASIDE,
        Kind::Integer(0, 1000),
        Some("16"),
        "How many searches, and as many operations by query, may wait for values that another one reads without keeping their place among those that run; each of them keeps a thread. Those that come later wait in their place.",
    ),
    setting(
        "thread_pool.by_query.size",
        Kind::Integer(0, 1024),
        Some("0"),
        "How many batches of update by query, delete by query and reindex run at the same time; 0 for half the number of cores.",
    ),
    setting(
        "thread_pool.by_query.queue_size",
        Kind::Integer(1, 100_000),
        Some("50"),
        "How many operations by query may be under way beyond those that run; more are answered 429.",
    ),
    setting(
        "thread_pool.force_merge.size",
        Kind::Integer(0, 1024),
        Some("0"),
        "How many requests may force merges at the same time; 0 for one.",
    ),
    setting(
        "thread_pool.force_merge.queue_size",
        Kind::Integer(1, 100_000),
        Some("100"),
        "How many forced merges may wait; more are answered 429.",
    ),
];

const PROCESSORS: &str = "node.processors";
const NICE: &str = "thread_pool.search.nice";
const ASIDE: &str = "thread_pool.search.aside_size";

/// Threads for work that blocks, where none of it stands aside; far more than all pools have places.
pub(crate) const BLOCKING_THREADS: usize = 512;

/// How many processors the node works on.
pub(crate) fn processors(settings: &Settings) -> usize {
    match settings.count(PROCESSORS) {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        processors => processors,
    }
}

/// How much of one kind of work is done at once, and how much may wait.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    pub size: usize,
    pub queue: usize,
    /// How much may give its place away while it waits for other work.
    pub aside: usize,
    /// By how much its threads stand behind others.
    pub nice: i32,
}

impl PoolSettings {
    /// Those of a pool, which has this size where none is set.
    pub(crate) fn read(settings: &Settings, name: &str, usual: usize) -> Self {
        let size = settings.count(&format!("thread_pool.{name}.size"));
        Self {
            size: if size > 0 { size } else { usual },
            queue: settings.count(&format!("thread_pool.{name}.queue_size")),
            // What is written or merged waits for no values of others.
            aside: if matches!(name, "search" | "by_query") { settings.count(ASIDE) } else { 0 },
            nice: if name == "search" { i32::try_from(settings.count(NICE)).unwrap_or_default() } else { 0 },
        }
    }
}
