//! `stemmer`, `snowball`, `porter_stem` and `stemmer_override`: words as their stems.

use std::collections::HashMap;
use std::fmt;

use frostem::{Algorithm, Stemmer};

use super::TokenFilter;
use super::brazilian::brazilian;
use super::caumanns;
use super::indonesian::indonesian;
use super::light_french::light_french;
use super::light_hungarian::light_hungarian;
use super::light_indic as indic;
use super::light_nordic as nordic;
use super::light_others as others;
use super::light_slavic as slavic;
use super::light_stemmers as light;
use super::minimal_stemmers as minimal;
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
        "brazilian_stem" => "brazilian",
        "czech_stem" => "czech",
        "german_stem" => "caumanns",
        "persian_stem" => "persian",
        _ => return None,
    })
}

impl Stem {
    /// By the names of `stemmer`.
    pub(crate) fn new(language: &str) -> Result<Self> {
        let name = language.to_lowercase();
        let way = match name.as_str() {
            // Lucene's own stemmer leaves short words alone, where Snowball's takes a lone `s` for an ending.
            "english" | "porter" => Way::Longer(2, Algorithm::Porter),
            "porter2" => Way::Snowball(Algorithm::English),
            "greek" => Way::Longer(3, Algorithm::Greek),
            other => match own(other) {
                Some(stem) => Way::Own(stem),
                None => Way::Snowball(algorithm(other).ok_or_else(|| unknown(language))?),
            },
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
            "greek" => Algorithm::Greek,
            "hindi" => Algorithm::Hindi,
            "indonesian" => Algorithm::Indonesian,
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

/// The stemmers that are no algorithms of Snowball's.
fn own(name: &str) -> Option<fn(&mut Vec<char>)> {
    Some(match name {
        "arabic" => light::arabic,
        "bengali" => indic::bengali,
        "brazilian" => brazilian,
        "bulgarian" => slavic::bulgarian,
        "caumanns" => caumanns::german,
        "czech" => slavic::czech,
        "hindi" => indic::hindi,
        "indonesian" => indonesian,
        "latvian" => others::latvian,
        "persian" => others::persian,
        "sorani" => others::sorani,
        "minimal_english" | "minimalenglish" => light::minimal_english,
        "possessive_english" | "possessiveenglish" => light::possessive_english,
        "light_finnish" | "lightfinish" => nordic::light_finnish,
        "light_french" | "lightfrench" => light_french,
        "minimal_french" | "minimalfrench" => minimal::minimal_french,
        "light_german" | "lightgerman" => light::light_german,
        "minimal_german" | "minimalgerman" => minimal::minimal_german,
        "light_hungarian" | "lighthungarian" => light_hungarian,
        "light_italian" | "lightitalian" => light::light_italian,
        "light_norwegian" | "lightnorwegian" => nordic::light_norwegian,
        "minimal_norwegian" | "minimalnorwegian" => nordic::minimal_norwegian,
        "light_nynorsk" | "lightnynorsk" => nordic::light_nynorsk,
        "minimal_nynorsk" | "minimalnynorsk" => nordic::minimal_nynorsk,
        "light_portuguese" | "lightportuguese" => light::light_portuguese,
        "minimal_portuguese" | "minimalportuguese" => minimal::minimal_portuguese,
        "light_russian" | "lightrussian" => slavic::light_russian,
        "light_spanish" | "lightspanish" => light::light_spanish,
        "light_swedish" | "lightswedish" => nordic::light_swedish,
        _ => return None,
    })
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
        "nepali" => Algorithm::Nepali,
        "serbian" => Algorithm::Serbian,
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
