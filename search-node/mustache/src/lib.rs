//! Mustache: texts, mostly searches as JSON, made of a template and values.
//!
//! Variables (`{{x}}`, `{{{x}}}`, `{{&x}}`), sections and inverted ones, comments, other delimiters, and the functions that Elasticsearch
//! adds: `toJson`, `join`, `url`. A template has no partials, so that it can name no other one. Whatever it is made of, rendering ends:
//! its depth, its steps and its output are bounded.
//!
//! `parser` reads, `render` makes texts, `lookup` finds what a name means, `escape` puts values into a form.

mod escape;
mod lookup;
mod parser;
mod render;

use std::fmt;

use serde_json::Value;

pub use self::escape::Escape;
use self::parser::{Part, parse};
use self::render::Renderer;

/// Sections may stand in each other this deep: they are rendered by recursion.
pub const DEPTH_MAX: usize = 100;
/// So many parts may be rendered in one run: sections over lists in each other multiply, even where nothing comes of them.
pub const STEPS_MAX: usize = 100_000;

/// A template that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// Why a template is none, or no text comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not written as it must be.
    Syntax(String),
    /// More would come of it than is allowed.
    TooLong { bytes_max: usize },
    /// It goes on for too long.
    TooManySteps,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => f.write_str(reason),
            Self::TooLong { bytes_max } => {
                write!(f, "Mustache script result size limit exceeded: more than [{bytes_max}] bytes")
            }
            Self::TooManySteps => {
                write!(f, "the template has more than [{STEPS_MAX}] parts with its sections repeated")
            }
        }
    }
}

impl std::error::Error for Fault {}

impl Template {
    /// Reads a template; a fault says where it is.
    pub fn read(text: &str) -> Result<Self, Fault> {
        parse(text).map(|parts| Self { parts }).map_err(Fault::Syntax)
    }

    /// The text with values in it, not longer than `bytes_max`.
    pub fn render(&self, params: &Value, escape: Escape, bytes_max: usize) -> Result<String, Fault> {
        let mut renderer = Renderer::new(params, escape, bytes_max);
        renderer.parts(&self.parts)?;
        Ok(renderer.into_text())
    }
}

#[cfg(test)]
mod tests;
