//! `elision`: articles that end in an apostrophe, as in `l'avion`, left out.

use std::collections::HashSet;

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::Tokens;

/// Articles of French, as where nobody says which.
pub(crate) const FRENCH: [&str; 14] =
    ["l", "m", "t", "qu", "n", "s", "j", "d", "c", "jusqu", "quoiqu", "lorsqu", "puisqu", "presqu"];

/// Leaves articles out.
#[derive(Debug)]
pub(crate) struct Elision {
    articles: HashSet<String>,
    ignores_case: bool,
}

impl Elision {
    pub(crate) fn new(articles: &[&str]) -> Self {
        Self { articles: articles.iter().map(|article| (*article).to_owned()).collect(), ignores_case: true }
    }

    pub(super) fn read(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("articles_path", "articles")])?;
        let ignores_case = params.flag("articles_case", false)?;
        let Some(articles) = params.list("articles") else {
            return Err(AnalysisError::argument(
                "elision filter requires [articles] or [articles_path] setting",
            ));
        };
        let lowered = |article: String| if ignores_case { article.to_lowercase() } else { article };
        Ok(Self { articles: articles.into_iter().map(lowered).collect(), ignores_case })
    }

    fn is_article(&self, text: &str) -> bool {
        if self.ignores_case {
            self.articles.contains(&text.to_lowercase())
        } else {
            self.articles.contains(text)
        }
    }
}

impl TokenFilter for Elision {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if let Some(at) = token.text.find(['\'', '\u{2019}'])
                && self.is_article(&token.text[..at])
            {
                let behind = token.text[at..].chars().next().map_or(at, |sign| at + sign.len_utf8());
                token.text.drain(..behind);
            }
            token
        }))
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}
