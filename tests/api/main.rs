//! The REST API against the real binary.
//!
//! `scenarios/*.json` are data: requests in order, and what each answer must hold. They can be held against any server
//! that speaks the API: `API_URL=http://127.0.0.1:9200 cargo test -p system-tests --test api`; `tests/peers` does so with a
//! real OpenSearch. What only we promise (crashes, locks, limits) is in the modules beside.

mod async_search;
mod bodies;
mod by_query_nodes;
mod callers;
mod clients;
mod crash;
mod damage;
mod full_disk;
mod long_searches;
mod memory;
mod multiplied;
mod replicas;
mod resting;
mod scenario;
mod sizes;
mod skipped;
mod slow_log;
mod start;
mod tasks;
