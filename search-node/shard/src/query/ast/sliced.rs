//! A part of all documents, for who goes through them in several.

use crate::search::Slice;

/// One of several parts that share no document and miss none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sliced {
    /// What decides.
    pub by: SliceBy,
    /// Which part.
    pub slice: Slice,
}

/// What decides to which part a document belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliceBy {
    /// Its id: the same part at every point in time, and in every copy.
    Id,
    /// Its number, which is quicker told and the same at one point in time only.
    Document,
    /// The numbers that it has in a field.
    Field(String),
}
