//! Explore: rows, histogram, fields, top values and single documents of a source.

pub(crate) mod cursor;
pub(crate) mod document;
pub(crate) mod field_values;
pub(crate) mod histogram;
pub(crate) mod request;
pub(crate) mod rows;
pub(crate) mod search;
