//! Use cases: what a request does, without HTTP. Everything here may block and runs in a pool.

pub(crate) mod bulk;
pub(crate) mod document;
pub(crate) mod search;
