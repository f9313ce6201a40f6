//! The mapping: which fields documents have, of which type, and how a document becomes typed values.
//!
//! A [`Mapping`] is an immutable value. `dynamic` infers what a document adds to it, [`Mapping::merge`] makes the next
//! one, and the index keeps that durable before a document is stored under it.
//!
//! # Invariants
//!
//! - A field never changes its type; a merge that would is refused and names the field.
//! - Every limit on the number and depth of fields is a setting of the index.

mod analyzers;
pub mod dates;
mod definition;
mod document;
mod dynamic;
mod error;
mod field_values;
mod fields;
mod merge;
mod names;
mod repeats;
mod structured;
mod templates;
mod values;

pub use definition::{MappingLimits, parse_mapping};
pub(crate) use document::DocumentParser;
pub use document::check_document;
pub use error::MappingError;
pub(crate) use field_values::SharedValues;
pub use fields::{Dynamic, FieldAnalyzers, FieldKind, FieldMapping, Leaf, Mapping, ObjectMapping};
pub use repeats::check_repeats;
pub use structured::Structure;
pub(crate) use values::{Precision, Storage, parse_ip, show_ip};
