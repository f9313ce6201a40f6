//! The tree of a pipeline's text.

use event::FieldPath;

use super::fault::Position;

/// A parsed file.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Its stages by section, in order.
    pub inputs: Vec<Stage>,
    /// The filters.
    pub filters: Vec<Stage>,
    /// The outputs.
    pub outputs: Vec<Stage>,
}

/// One step of a section.
#[derive(Debug, Clone)]
pub enum Stage {
    /// A plugin.
    Plugin(Plugin),
    /// A choice.
    Branch(Branch),
}

/// `if … { } else if … { } else { }`.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The file.
    pub file: String,
    /// Where `if` stands.
    pub at: Position,
    /// The conditions in order, with what follows from each.
    pub arms: Vec<(Condition, Vec<Stage>)>,
    /// What follows when none holds.
    pub otherwise: Vec<Stage>,
}

/// A plugin and its options.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The file.
    pub file: String,
    /// Where its name stands.
    pub at: Position,
    /// Its name.
    pub name: String,
    /// Its options; one that stands twice is here twice.
    pub attributes: Vec<Attribute>,
}

/// `name => value`.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Where the name stands.
    pub at: Position,
    /// The name.
    pub name: String,
    /// The value.
    pub value: Literal,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Literal {
    /// A text in quotes, or a bare word.
    Text(String),
    /// A number as written.
    Number(String),
    /// `[a, b]`.
    Array(Vec<Literal>),
    /// `{ k => v }`.
    Hash(Vec<(String, Literal)>),
    /// A codec.
    Plugin(Plugin),
}

/// A condition.
#[derive(Debug, Clone)]
pub enum Condition {
    /// All of them. A list and not a pair, so that a long chain is not a deep tree.
    And(Vec<Condition>),
    /// A condition joined from the left with the next ones.
    Chain(Box<Condition>, Vec<(Join, Condition)>),
    /// The contrary.
    Not(Box<Condition>),
    /// A value that is neither missing nor false.
    Truth(Operand),
    /// A comparison.
    Compare(Operand, Comparison, Operand),
    /// An element of a list, part of a text, or key of a hash.
    In(Operand, Operand),
    /// A regular expression matches.
    Match(Operand, regex::Regex),
}

/// How a condition is joined with what stands left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// One at least.
    Or,
    /// One and only one.
    Xor,
    /// Not both.
    Nand,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    LessOrEqual,
    /// `>=`
    GreaterOrEqual,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub enum Operand {
    /// A field.
    Field(FieldPath),
    /// A text, number or list.
    Value(event::Value),
}
