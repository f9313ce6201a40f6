//! What is done with foreign bytes: by the fuzzers in `fuzz/`, and by the short form of them that `make test` runs.
//!
//! A target takes any bytes and breaks (panics) when the product breaks one of its promises for them. Every input begins from
//! the same state, so that an input which broke one does so again.
//!
//! # Invariants, beside those of each target
//!
//! - No panic, in any thread.
//! - Memory is bounded by the input: no more than [`ALLOWANCE_BYTES`], and a thousand bytes for each of the input's.
//! - What a search is said in ([`TIMED`]) is answered or refused within 50 ms for 64 kB of it, on the few documents that there are.
//!
//! How libFuzzer is built and started is the business of `fuzz/`; nothing of it is here.

mod allocation;
mod analysis;
mod bulk;
mod dates;
mod document;
mod formats;
mod in_process;
mod mustache;
mod mutation;
mod pace;
mod query;
mod scratch;
mod shard_files;
mod state_files;
mod texts;
mod translog;
mod translog_format;

pub use allocation::Counted;
pub use mutation::{mutated, stretched};

/// What any input may take: an open segment and its first tables, a searched one's readers.
pub const ALLOWANCE_BYTES: usize = 64 << 20;
const BYTES_FOR_EACH: usize = 1000;

/// The names of the targets.
pub const TARGETS: [&str; 12] = [
    "analysis",
    "bulk",
    "dates",
    "document",
    "formats",
    "mustache",
    "query",
    "query_string",
    "regexp",
    "wildcard",
    "translog",
    "state_files",
];

/// Those that promise not to take long for an input.
pub const TIMED: [&str; 5] = ["mustache", "query", "query_string", "regexp", "wildcard"];

/// Takes foreign bytes.
pub trait Target {
    /// Does with the bytes what the product does, and panics when it breaks a promise.
    fn run(&mut self, input: &[u8]);
}

/// Makes the target of a name ready.
pub fn open(name: &str) -> Box<dyn Target> {
    match name {
        "analysis" => Box::new(analysis::Analyzers::open()),
        "bulk" => Box::new(bulk::Bulk::open()),
        "dates" => Box::new(dates::Dates::open()),
        "document" => Box::new(document::Documents),
        "formats" => Box::new(formats::Formats::open()),
        "mustache" => Box::new(mustache::Templates),
        "query" => Box::new(query::Queries::open()),
        "query_string" => Box::new(texts::Texts::query_strings()),
        "regexp" => Box::new(texts::Texts::regular_expressions()),
        "wildcard" => Box::new(texts::Texts::wildcards()),
        "translog" => Box::new(translog::Translogs),
        "state_files" => Box::new(state_files::StateFiles::open()),
        _ => panic!("no target is called {name}; there are {TARGETS:?}"),
    }
}

/// Gives a target one input, and holds it to the bounds of time and memory. The bound is checked where [`Counted`] allocates.
pub fn run(target: &mut dyn Target, input: &[u8]) {
    let before = allocation::begin();
    pace::hold(input.len(), || target.run(input));
    let taken = allocation::highest().saturating_sub(before);
    let allowed = ALLOWANCE_BYTES + BYTES_FOR_EACH * input.len();
    assert!(taken <= allowed, "{taken} bytes of memory for {} bytes of input", input.len());
}

/// Small inputs that the product's own encodings make, by target: the part of the corpus that is not written by hand.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let of = |target: &'static str, seeds: Vec<(&'static str, Vec<u8>)>| {
        seeds.into_iter().map(move |(name, bytes)| (target, name, bytes))
    };
    of("translog", translog::seeds()).chain(of("state_files", state_files::seeds())).collect()
}
