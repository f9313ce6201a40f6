//! `stemmer`, `snowball`, `porter_stem` and `stemmer_override`: words as their stems.

use std::collections::HashMap;
use std::fmt;

use frostem::{Algorithm, Stemmer};

use super::TokenFilter;
use super::light_french::light_french;
use super::light_stemmers as light;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::Tokens;

/// How stems are found.
#[derive(Clone, Copy)]
enum Way {
    Snowball(Algorithm),
    /// Words of more than so many letters.
    Longer(usize, Algorithm),
    Own(fn(&mut Vec<char>)),
}

/// Makes words their stems.
#[derive(Clone)]
pub(crate) struct Stem {
    way: Way,
    name: String,
}

impl fmt::Debug for Stem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Stem({})", self.name)
    }
}

/// Types of filters that are stemmers of one language.
pub(super) fn language_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "porter_stem" | "porterStem" => "porter",
        "arabic_stem" => "arabic",
        "russian_stem" => "russian",
        "dutch_stem" => "dutch",
        "french_stem" => "french",
        _ => return None,
    })
}

impl Stem {
    /// By the names of `stemmer`.
    pub(crate) fn new(language: &str) -> Result<Self> {
        let own = |stem: fn(&mut Vec<char>)| Way::Own(stem);
        let name = language.to_lowercase();
        let way = match name.as_str() {
            "arabic" => own(light::arabic),
            "minimal_english" | "minimalenglish" => own(light::minimal_english),
            "possessive_english" | "possessiveenglish" => own(light::possessive_english),
            "light_french" | "lightfrench" => own(light_french),
            "light_german" | "lightgerman" => own(light::light_german),
            "light_italian" | "lightitalian" => own(light::light_italian),
            "light_portuguese" | "lightportuguese" => own(light::light_portuguese),
            "light_spanish" | "lightspanish" => own(light::light_spanish),
            "english" | "porter" => Way::Snowball(Algorithm::Porter),
            "porter2" => Way::Snowball(Algorithm::English),
            "greek" => Way::Longer(3, Algorithm::Greek),
            other => Way::Snowball(algorithm(other).ok_or_else(|| unknown(language))?),
        };
        Ok(Self { way, name })
    }

    /// By the names of `snowball`.
    pub(crate) fn snowball(language: &str) -> Result<Self> {
        let name = language.to_lowercase();
        let way = match name.as_str() {
            "english" => Algorithm::English,
            "porter" => Algorithm::Porter,
            "kp" => Algorithm::Dutch,
            "arabic" => Algorithm::Arabic,
            other => algorithm(other).ok_or_else(|| unknown(language))?,
        };
        Ok(Self { way: Way::Snowball(way), name })
    }

    fn stem(&self, text: &mut String) {
        match self.way {
            Way::Longer(letters, _) if text.chars().count() <= letters => {}
            Way::Snowball(algorithm) | Way::Longer(_, algorithm) => {
                let stemmed = Stemmer::new(algorithm).stem(text).into_owned();
                *text = stemmed;
            }
            Way::Own(stem) => {
                let mut letters: Vec<char> = text.chars().collect();
                stem(&mut letters);
                *text = letters.into_iter().collect();
            }
        }
    }
}

fn unknown(language: &str) -> AnalysisError {
    AnalysisError::argument(format!("Invalid stemmer class specified: {language}"))
}

/// The algorithms that have the same name in both filters.
fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "armenian" => Algorithm::Armenian,
        "basque" => Algorithm::Basque,
        "catalan" => Algorithm::Catalan,
        "danish" => Algorithm::Danish,
        "dutch" => Algorithm::DutchPorter,
        "dutch_kp" => Algorithm::Dutch,
        "estonian" => Algorithm::Estonian,
        "finnish" => Algorithm::Finnish,
        "french" => Algorithm::French,
        "german" | "german2" => Algorithm::German,
        "hungarian" => Algorithm::Hungarian,
        "irish" => Algorithm::Irish,
        "italian" => Algorithm::Italian,
        "lithuanian" => Algorithm::Lithuanian,
        "lovins" => Algorithm::Lovins,
        "norwegian" => Algorithm::Norwegian,
        "portuguese" => Algorithm::Portuguese,
        "romanian" => Algorithm::Romanian,
        "russian" => Algorithm::Russian,
        "spanish" => Algorithm::Spanish,
        "swedish" => Algorithm::Swedish,
        "tamil" => Algorithm::Tamil,
        "turkish" => Algorithm::Turkish,
        "yiddish" => Algorithm::Yiddish,
        _ => return None,
    })
}

impl TokenFilter for Stem {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if !token.is_keyword {
                self.stem(&mut token.text);
            }
            token
        }))
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}

/// Stems that are said word by word; stemmers leave them as they are.
#[derive(Debug)]
pub(crate) struct Override {
    stems: HashMap<String, String>,
}

impl Override {
    pub(crate) fn of(stems: &[(&str, &str)]) -> Self {
        let owned = stems.iter().map(|(word, stem)| ((*word).to_owned(), (*stem).to_owned()));
        Self { stems: owned.collect() }
    }

    pub(super) fn read(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("rules_path", "rules")])?;
        let rules = params.rules("rules").ok_or_else(|| {
            AnalysisError::argument(
                "stemmer override filter requires either `rules` or `rules_path` to be configured",
            )
        })?;
        let mut stems = HashMap::new();
        for rule in rules {
            let fault = || AnalysisError::argument(format!("Invalid Keyword override Rule:{rule}"));
            let (words, stem) = rule.split_once("=>").ok_or_else(fault)?;
            let stem = stem.trim();
            if stem.is_empty() || stem.contains(',') {
                return Err(fault());
            }
            for word in words.split(',').map(str::trim) {
                if word.is_empty() {
                    return Err(fault());
                }
                stems.insert(word.to_owned(), stem.to_owned());
            }
        }
        Ok(Self { stems })
    }
}

impl TokenFilter for Override {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if !token.is_keyword
                && let Some(stem) = self.stems.get(&token.text)
            {
                token.text.clone_from(stem);
                token.is_keyword = true;
            }
            token
        }))
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}
