//! Queries for documents that are like others, belong to others, or lie somewhere.

use serde_json::{Map, Value};

use super::scoring::ScoreScript;
use super::{Query, ScoreMode};
use crate::geometry::{Geometry, Relation};
use crate::mapping::Point;
use crate::query::minimum_should_match::MinimumShouldMatch;

/// Documents with some of several exact values.
#[derive(Debug, Clone, PartialEq)]
pub struct TermsSet {
    /// The field.
    pub field: String,
    /// The values.
    pub values: Vec<Value>,
    /// How many of them a document must have.
    pub least: LeastTerms,
}

/// Where it is said how many values a document must have.
#[derive(Debug, Clone, PartialEq)]
pub enum LeastTerms {
    /// In a field of the document.
    Field(String),
    /// A script tells.
    Script(ScoreScript),
    /// The request says so.
    Of(MinimumShouldMatch),
}

/// Documents that have much in common with texts.
#[derive(Debug, Clone, PartialEq)]
pub struct MoreLikeThis {
    /// The fields; empty for all texts.
    pub fields: Vec<String>,
    /// What documents shall be like.
    pub like: Vec<Liked>,
    /// What they shall not be like.
    pub unlike: Vec<Liked>,
    /// How many words are looked for.
    pub terms_max: usize,
    /// How often a word must be in what is liked.
    pub term_freq_min: u32,
    /// How many documents must have a word.
    pub doc_freq_min: u64,
    /// How many documents may have it.
    pub doc_freq_max: u64,
    /// How long words must be.
    pub length_min: usize,
    /// How long words may be; 0 for any length.
    pub length_max: usize,
    /// Words that are passed over.
    pub stop_words: Vec<String>,
    /// What texts are cut by, if not by what the field says.
    pub analyzer: Option<String>,
    /// How many of the words a document must have.
    pub minimum_should_match: MinimumShouldMatch,
    /// What words count by their weight; 0 where they do not.
    pub boost_terms: f32,
    /// Whether documents that are liked are found, too.
    pub include: bool,
    /// Whether a field that is no text is passed over.
    pub fail_on_unsupported_field: bool,
}

/// What documents shall be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Liked {
    /// A text.
    Text(String),
    /// A document, with what it has.
    Document {
        /// Its index, if it has one.
        index: Option<String>,
        /// Its id, if it has one.
        id: Option<String>,
        /// What it has.
        source: Value,
        /// Its fields to look at, if not those of the query.
        fields: Option<Vec<String>>,
    },
}

/// Documents by their children, or by their parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// Whether it is children that are looked at.
    pub by_children: bool,
    /// What they are, by the name that the join field gives them.
    pub name: String,
    /// Which of them.
    pub query: Query,
    /// What the scores of several come to; that of a parent counts or not.
    pub score_mode: ScoreMode,
    /// How many children there must be.
    pub least: u32,
    /// How many there may be.
    pub most: u32,
    /// Whether a name that is not mapped matches nothing instead of failing.
    pub ignore_unmapped: bool,
    /// What is to be shown of them, as it was asked.
    pub inner_hits: Option<Map<String, Value>>,
}

/// Points or shapes somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoQuery {
    /// The query's name, which errors tell.
    pub name: &'static str,
    /// The field.
    pub field: String,
    /// Where.
    pub area: Area,
    /// Whether a field that is not mapped matches nothing instead of failing.
    pub ignore_unmapped: bool,
    /// How what a document has lies to it.
    pub relation: Relation,
    /// Whether the request says how much a match counts.
    pub is_boosted: bool,
}

/// A part of the earth.
#[derive(Debug, Clone, PartialEq)]
pub enum Area {
    /// Around a point.
    Circle {
        /// The point.
        center: Point,
        /// How far, in metres.
        metres: f64,
    },
    /// Between two parallels and two meridians; where the left one is beyond the right one, over the date line.
    Box {
        /// The upper left corner.
        top_left: Point,
        /// The lower right one.
        bottom_right: Point,
    },
    /// Within lines; the first ring is the outer one, others are holes.
    Polygon(Vec<Vec<Point>>),
    /// In a shape, or so to it.
    Shape(Geometry),
    /// In a shape that a document has which nobody has read.
    Indexed,
}
