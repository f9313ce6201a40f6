//! `phonetic`: words as they sound.

use std::borrow::Cow;
use std::fmt;

use rphonetic::{
    Caverphone1, Caverphone2, Cologne, DoubleMetaphone, Encoder, Metaphone, Nysiis, RefinedSoundex, Soundex,
};

use super::ascii_folding::folded;
use super::{InRules, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

/// How a word sounds.
enum Sound {
    One(Box<dyn Encoder + Send + Sync>),
    Two(DoubleMetaphone),
}

pub(super) struct Phonetic {
    sound: Sound,
    name: String,
    replaces: bool,
}

impl fmt::Debug for Phonetic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Phonetic({}, {})", self.name, self.replaces)
    }
}

impl Phonetic {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let name = params.text("encoder").unwrap_or_else(|| "metaphone".to_owned()).to_ascii_lowercase();
        let code_length = params.count("max_code_len", 4, 1)?;
        let sound = match name.as_str() {
            "metaphone" => Sound::One(Box::new(Metaphone::default())),
            "soundex" => Sound::One(Box::new(Soundex::default())),
            "refined_soundex" | "refinedsoundex" => Sound::One(Box::new(RefinedSoundex::default())),
            "caverphone1" => Sound::One(Box::new(Caverphone1)),
            "caverphone2" | "caverphone" => Sound::One(Box::new(Caverphone2)),
            "cologne" => Sound::One(Box::new(Cologne)),
            "nysiis" => Sound::One(Box::new(Nysiis::default())),
            "double_metaphone" | "doublemetaphone" => Sound::Two(DoubleMetaphone::new(Some(code_length))),
            _ => {
                return Err(AnalysisError::argument(format!(
                    "unknown encoder [{name}] for phonetic token filter; known: metaphone, double_metaphone, soundex, refined_soundex, caverphone1, caverphone2, cologne, nysiis"
                )));
            }
        };
        Ok(Self { sound, name, replaces: params.flag("replace", true)? })
    }

    /// A word as the encoders read it; none where it has letters that they do not know.
    fn readable<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        if text.is_ascii() {
            return Some(Cow::Borrowed(text));
        }
        // Cologne's knows umlauts, which it reads itself.
        if self.name == "cologne"
            && text.chars().all(|letter| letter.is_ascii() || "äöüÄÖÜß".contains(letter))
        {
            return Some(Cow::Borrowed(text));
        }
        let folded = folded(text)?;
        folded.is_ascii().then_some(Cow::Owned(folded))
    }

    fn codes(&self, text: &str) -> Vec<String> {
        let Some(text) = self.readable(text) else { return Vec::new() };
        let text = text.as_ref();
        let codes = match &self.sound {
            Sound::One(encoder) => vec![encoder.encode(text)],
            Sound::Two(encoder) => {
                let both = encoder.double_metaphone(text);
                vec![both.primary(), both.alternate()]
            }
        };
        let mut different: Vec<String> = Vec::new();
        for code in codes {
            if !code.is_empty() && code != text && !different.contains(&code) {
                different.push(code);
            }
        }
        different
    }

    fn sounds(&self, token: Token) -> Vec<Token> {
        let codes = self.codes(&token.text);
        if codes.is_empty() {
            return vec![token];
        }
        let mut texts = codes;
        if !self.replaces {
            // Lucene gives the one code before the word, and several behind it.
            let place = if matches!(self.sound, Sound::One(_)) { texts.len() } else { 0 };
            texts.insert(place, token.text.clone());
        }
        let places = texts.into_iter().enumerate();
        places
            .map(|(at, text)| Token {
                increment: if at == 0 { token.increment } else { 0 },
                ..token.with_text(text)
            })
            .collect()
    }
}

impl TokenFilter for Phonetic {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.flat_map(|token| self.sounds(token)))
    }

    fn in_rules(&self) -> InRules {
        if self.replaces { InRules::Applied } else { InRules::Refused }
    }
}
