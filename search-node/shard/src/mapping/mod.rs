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
mod binary;
mod canonical;
mod completion;
mod date_detection;
mod date_math;
pub mod dates;
mod decimals;
mod definition;
mod document;
mod dynamic;
mod error;
mod features;
mod field_values;
mod fields;
mod flattened;
mod geo_points;
mod geo_shapes;
mod join;
mod leniency;
mod links;
mod merge;
mod metadata_members;
mod names;
mod nested;
mod parameters;
mod plan;
mod proposed;
mod ranges;
mod repeats;
mod runtime;
mod shaped;
mod source_rules;
mod stream_time;
mod structured;
mod subfields;
mod templates;
mod text_options;
mod text_parameters;
mod values;
mod versions;

pub(crate) use completion::{
    CONTEXT_END, Completions, ContextKind, FORM_END, context_prefix, read_kept, read_precision,
};
pub(crate) use decimals::double;
pub use definition::{MappingLimits, parse_mapping};
pub use document::check_document;
pub(crate) use document::{DocumentParser, Strictness, in_column, scalar_text};
pub use error::MappingError;
pub(crate) use features::feature_of;
pub(crate) use field_values::SharedValues;
pub use fields::{Dynamic, FieldAnalyzers, FieldKind, FieldMapping, Leaf, Mapping, ObjectMapping};
pub(crate) use geo_points::{Point, geohash_cell, geohash_neighbours, geohash_of, read_point_text};
pub(crate) use geo_shapes::ShapeRules;
pub use join::Join;
pub use leniency::Leniency;
pub use names::IGNORED;
pub(crate) use names::NESTED_PATH;
pub(crate) use parameters::is_type;
pub use proposed::parse_new_mapping;
pub use repeats::check_repeats;
pub use runtime::RuntimeFields;
pub(crate) use source_rules::SourceRules;
pub use structured::Structure;
pub(crate) use subfields::{INDEX_PHRASE, INDEX_PREFIX, SEARCH_AS_YOU_TYPE};
pub(crate) use text_options::{IndexOptions, TextOptions};
pub(crate) use values::{
    EAST, FEATURE, FEATURES, FROM, INPUTS, KEYED, LATITUDE, LONGITUDE, NORTH, PRESENCE, Precision, SHAPE,
    SOUTH, Scalar, Storage, TO, WEST, WRITTEN, keyed_term, parse_ip, parse_network, show_ip, to_bool,
    to_float, to_integer, to_ip, to_unsigned,
};
pub(crate) use versions::{decode_version, encode_version};
