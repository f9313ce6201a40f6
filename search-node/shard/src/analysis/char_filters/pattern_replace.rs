//! `pattern_replace`: what matches an expression replaced.

use super::{CharFilter, Corrections, Editor};
use crate::analysis::error::Result;
use crate::analysis::java_regex::{Pattern, Replacement};
use crate::analysis::params::Params;

#[derive(Debug)]
pub(super) struct PatternReplace {
    pattern: Pattern,
    replacement: Replacement,
}

impl PatternReplace {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        if !params.has("pattern") {
            return Err(crate::analysis::error::AnalysisError::argument(format!(
                "pattern is missing for [{}] char filter of type 'pattern_replace'",
                params.name
            )));
        }
        let pattern = params.pattern("pattern", None)?;
        let replacement = Replacement::new(&params.text("replacement").unwrap_or_default(), &pattern)?;
        Ok(Self { pattern, replacement })
    }
}

impl CharFilter for PatternReplace {
    fn filter(&self, text: &str) -> (String, Corrections) {
        let mut editor = Editor::default();
        let mut at = 0;
        for captures in self.pattern.captures(text) {
            let Some(whole) = captures.get(0) else { break };
            let mut replacement = String::new();
            self.replacement.expand(&captures, &mut replacement);
            editor.keep(&text[at..whole.start()]);
            editor.replace(whole.end() - whole.start(), &replacement);
            at = whole.end();
        }
        editor.keep(&text[at..]);
        editor.finish()
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}
