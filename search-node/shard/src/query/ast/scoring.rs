//! Queries that change what documents score.

use std::sync::Arc;

use script::Program;
use serde_json::Value;

use super::Query;

/// The matches of a query with their scores computed anew.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionScore {
    /// Which documents.
    pub query: Query,
    /// What is computed of each.
    pub functions: Vec<ScoreFunction>,
    /// What several functions come to.
    pub score_mode: FunctionMode,
    /// What that and the query's own score come to.
    pub boost_mode: BoostMode,
    /// The most that functions come to.
    pub max_boost: f32,
    /// Documents below are no matches.
    pub min_score: Option<f32>,
}

/// A number for documents, or for some of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreFunction {
    /// Which documents have it; all without.
    pub filter: Option<Query>,
    /// What it is multiplied by.
    pub weight: Option<f32>,
    /// The number.
    pub kind: FunctionKind,
}

/// Where a number for a document comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum FunctionKind {
    /// It is 1.
    One,
    /// The value of a field.
    FieldValue {
        /// The field.
        field: String,
        /// What the value is multiplied by.
        factor: f32,
        /// What is made of that.
        modifier: Modifier,
        /// What stands for a value that is not there; without, a document that has none is an error.
        missing: Option<f64>,
    },
    /// Chance, which is the same whenever the seed is.
    Random {
        /// The seed; without, every search has its own.
        seed: Option<i32>,
        /// The field whose values tell documents apart.
        field: Option<String>,
    },
    /// How near the values of a field are.
    Decay(Box<Decay>),
    /// A script.
    Script(ScoreScript),
}

/// How scores fall with the distance of a field's values from an origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Decay {
    /// The field.
    pub field: String,
    /// How they fall.
    pub shape: DecayShape,
    /// From where on; of a date, now unless it is said.
    pub origin: Option<Value>,
    /// At which distance they have fallen to `decay`.
    pub scale: Value,
    /// Nearer values count as if they were at the origin.
    pub offset: Option<Value>,
    /// What they have fallen to at the scale.
    pub decay: f64,
    /// Which of several values counts.
    pub mode: DecayMode,
}

/// How scores fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecayShape {
    /// As a normal distribution.
    Gauss,
    /// By the same part for each unit.
    Exp,
    /// By the same amount for each unit.
    Linear,
}

/// Which distance of several values counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecayMode {
    /// The least.
    #[default]
    Min,
    /// The greatest.
    Max,
    /// Their average.
    Avg,
    /// Their sum.
    Sum,
}

/// What is made of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Modifier {
    /// Nothing.
    #[default]
    None,
    /// Its logarithm.
    Log,
    /// That of one more.
    Log1p,
    /// That of two more.
    Log2p,
    /// Its natural logarithm.
    Ln,
    /// That of one more.
    Ln1p,
    /// That of two more.
    Ln2p,
    /// Its square.
    Square,
    /// Its square root.
    Sqrt,
    /// One divided by it.
    Reciprocal,
}

/// What several functions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FunctionMode {
    /// Their product.
    #[default]
    Multiply,
    /// Their sum.
    Sum,
    /// Their average, by their weights.
    Avg,
    /// The first that a document has.
    First,
    /// The greatest.
    Max,
    /// The least.
    Min,
}

/// What functions and the query's own score come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoostMode {
    /// Their product.
    #[default]
    Multiply,
    /// The functions alone.
    Replace,
    /// Their sum.
    Sum,
    /// Their average.
    Avg,
    /// The greater one.
    Max,
    /// The lesser one.
    Min,
}

/// A script that makes a number of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreScript {
    /// Its text, which errors show.
    pub source: Arc<str>,
    /// What was read of it.
    pub program: Arc<Program>,
    /// Its parameters.
    pub params: Arc<Value>,
}

/// What a document scores by a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeatureFunction {
    /// The nearer to 1 the more there is of it; half at the pivot, which is about the average unless it is said.
    Saturation(Option<f32>),
    /// The logarithm of it and of this more.
    Log(f32),
    /// The same as saturation, with an exponent.
    Sigmoid {
        /// Where it is half.
        pivot: f32,
        /// How fast it grows there.
        exponent: f32,
    },
    /// As it is.
    Linear,
}
