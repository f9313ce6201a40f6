//! Character filters: what happens to a text before it is cut into tokens.

mod cjk_width;
mod corrections;
mod entities;
mod html_strip;
mod iteration_mark;
mod mapping;
mod pattern_replace;

use std::fmt;
use std::sync::Arc;

pub(crate) use cjk_width::CjkWidth;
pub(crate) use corrections::{Corrections, Editor};

pub(crate) use mapping::Mappings;

use super::error::{AnalysisError, Result};
use super::not_here;
use super::params::Params;

/// Changes a text before it is cut.
pub(crate) trait CharFilter: Send + Sync + fmt::Debug {
    /// The changed text, and how its places are those of the text before.
    fn filter(&self, text: &str) -> (String, Corrections);

    /// Whether normalizers may use it.
    fn is_normalizing(&self) -> bool {
        false
    }
}

/// The character filter of a type.
pub(crate) fn build(kind: &str, params: Params<'_>) -> Result<Option<Arc<dyn CharFilter>>> {
    Ok(Some(match kind {
        "html_strip" | "htmlStrip" => Arc::new(html_strip::HtmlStrip::new(params)),
        "mapping" => Arc::new(mapping::Mappings::new(params)?),
        "kuromoji_iteration_mark" => Arc::new(iteration_mark::IterationMark::new(params)?),
        "pattern_replace" => Arc::new(pattern_replace::PatternReplace::new(params)?),
        _ => return not_here::refuse_char_filter(kind, params.name).map(|()| None),
    }))
}

/// Types that mean nothing without parameters.
pub(crate) fn needs_parameters(kind: &str) -> bool {
    matches!(kind, "mapping" | "pattern_replace")
}

pub(crate) fn unknown_type(kind: &str, name: &str) -> AnalysisError {
    AnalysisError::argument(format!("Unknown char_filter type [{kind}] for [{name}]"))
}
