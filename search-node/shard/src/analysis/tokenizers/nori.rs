//! `nori_tokenizer`: Korean words by a dictionary.

use std::sync::Arc;

use super::Tokenizer;
use crate::analysis::error::Result;
use crate::analysis::params::Params;

#[cfg(not(feature = "japanese-korean"))]
pub(super) fn build(params: Params<'_>) -> Result<Arc<dyn Tokenizer>> {
    Err(crate::analysis::morphology::not_built("nori_tokenizer", params.name))
}

#[cfg(feature = "japanese-korean")]
pub(super) use with_dictionary::build;

#[cfg(feature = "japanese-korean")]
mod with_dictionary {
    use super::*;
    use crate::analysis::error::AnalysisError;
    use crate::analysis::morphology::{Decompound, Language, Nori, UserWords, dictionary};
    use crate::analysis::token::Tokens;

    pub(in super::super) fn build(params: Params<'_>) -> Result<Arc<dyn Tokenizer>> {
        params.refuse_files(&[("user_dictionary", "user_dictionary_rules")])?;
        let mode = match params.text("decompound_mode").map(|mode| mode.to_lowercase()).as_deref() {
            None | Some("discard") => Decompound::Discard,
            Some("none") => Decompound::None,
            Some("mixed") => Decompound::Mixed,
            Some(other) => {
                return Err(AnalysisError::argument(format!(
                    "Unknown [decompound_mode] [{other}] of [{}]: it is [none], [discard] or [mixed]",
                    params.name
                )));
            }
        };
        let rules = params.rules("user_dictionary_rules");
        let is_lenient = params.flag("lenient", false)?;
        Ok(Arc::new(Nori {
            dictionary: dictionary(Language::Korean, "nori_tokenizer", params.name)?,
            user_words: rules.map(|rules| UserWords::korean(&rules, is_lenient)).transpose()?,
            mode,
            discards_punctuation: params.flag("discard_punctuation", true)?,
        }))
    }

    impl Tokenizer for Nori {
        fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
            Box::new(self.cut(text))
        }
    }
}
