//! `kuromoji_tokenizer`: Japanese words by a dictionary.

use std::sync::Arc;

use super::Tokenizer;
use crate::analysis::error::Result;
use crate::analysis::params::Params;

#[cfg(not(feature = "japanese-korean"))]
pub(super) fn build(params: Params<'_>) -> Result<Arc<dyn Tokenizer>> {
    Err(crate::analysis::morphology::not_built("kuromoji_tokenizer", params.name))
}

#[cfg(feature = "japanese-korean")]
pub(super) use with_dictionary::build;

#[cfg(feature = "japanese-korean")]
mod with_dictionary {
    use super::*;
    use crate::analysis::error::AnalysisError;
    use crate::analysis::morphology::{Kuromoji, Language, Mode, UserWords, dictionary};
    use crate::analysis::token::Tokens;

    /// Parameters of ways beside the best one, which are not followed.
    const OTHER_WAYS: [&str; 2] = ["nbest_cost", "nbest_examples"];

    pub(in super::super) fn build(params: Params<'_>) -> Result<Arc<dyn Tokenizer>> {
        params.refuse_files(&[("user_dictionary", "user_dictionary_rules")])?;
        for key in OTHER_WAYS.into_iter().filter(|key| params.has(key)) {
            if params.number(key, 0).ok() != Some(0) {
                return Err(AnalysisError::argument(format!(
                    "[{key}] of [{}] is not supported: only the best way to cut a text is followed",
                    params.name
                )));
            }
        }
        let mode = match params.text("mode").as_deref() {
            None | Some("search") => Mode::Search,
            Some("normal") => Mode::Normal,
            Some("extended") => Mode::Extended,
            // As in Elasticsearch, which takes what it does not know for the default.
            Some(_) => Mode::Search,
        };
        let rules = params.rules("user_dictionary_rules");
        let is_lenient = params.flag("lenient", false)?;
        Ok(Arc::new(Kuromoji {
            dictionary: dictionary(Language::Japanese, "kuromoji_tokenizer", params.name)?,
            user_words: rules.map(|rules| UserWords::japanese(&rules, is_lenient)).transpose()?,
            mode,
            discards_punctuation: params.flag("discard_punctuation", true)?,
            discards_compounds: params.flag("discard_compound_token", false)?,
        }))
    }

    impl Tokenizer for Kuromoji {
        fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
            Box::new(self.cut(text))
        }
    }
}
