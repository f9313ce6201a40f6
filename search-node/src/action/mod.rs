//! Use cases: what a request does, without HTTP. What blocks here runs in a pool.

pub(crate) mod analyze;
pub(crate) mod async_search;
pub(crate) mod at_primaries;
pub(crate) mod bulk;
pub(crate) mod by_query;
pub(crate) mod cluster;
pub(crate) mod condition;
pub(crate) mod get;
pub(crate) mod home;
pub(crate) mod multi_get;
pub(crate) mod rank_eval;
pub(crate) mod resize;
pub(crate) mod rollover;
pub(crate) mod search;
pub(crate) mod search_template;
pub(crate) mod target;
pub(crate) mod term_vectors;
pub(crate) mod terms_enum;
pub(crate) mod update;
pub(crate) mod validate_query;
pub(crate) mod visible;
pub(crate) mod weight;
pub(crate) mod write;
pub(crate) mod writes;
