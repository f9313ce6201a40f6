//! `user_dictionary_rules`: words that an index adds to a dictionary.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Morpheme;
use crate::analysis::error::{AnalysisError, Result};

/// A word in parts: how many letters each has, and what is said of it.
pub(crate) type Parts = Vec<(usize, Arc<Morpheme>)>;

/// The words of an index.
#[derive(Debug, Default)]
pub(crate) struct UserWords {
    numbers: HashMap<Vec<char>, u32>,
    words: Vec<Parts>,
    /// The last letter of what was said of each.
    endings: Vec<Option<char>>,
    /// How many letters the longest has.
    longest: usize,
}

impl UserWords {
    /// Reads `text,text in parts,readings of the parts,part of speech`.
    pub(crate) fn japanese(rules: &[String], is_lenient: bool) -> Result<Self> {
        let mut made = Self::default();
        for (line, values) in lines(rules) {
            let [text, parts, readings, tag, ..] = values.as_slice() else {
                return Err(AnalysisError::argument(format!(
                    "Illegal user dictionary entry {line} - it must be [text,segmentation,readings,part of speech]"
                )));
            };
            let readings: Vec<&str> = readings.split_whitespace().collect();
            let segments: Vec<&str> = parts.split_whitespace().collect();
            if segments.len() != readings.len() {
                return Err(AnalysisError::argument(format!(
                    "Illegal user dictionary entry {text} - the number of segmentations ({}) does not match the number of readings ({})",
                    segments.len(),
                    readings.len()
                )));
            }
            let surface: String = text.split_whitespace().collect();
            if surface != segments.concat() {
                return Err(AnalysisError::argument(format!(
                    "Illegal user dictionary entry {text} - the concatenated segmentation ({}) does not match the surface form ({surface})",
                    segments.concat()
                )));
            }
            let tag: Arc<str> = tag.as_str().into();
            let parts = segments.iter().zip(readings).map(|(segment, reading)| {
                let morpheme = Morpheme {
                    part_of_speech: Arc::clone(&tag),
                    base_form: None,
                    reading: Some(reading.to_owned().into()),
                };
                (segment.chars().count(), Arc::new(morpheme))
            });
            made.insert(line, text, parts.collect(), is_lenient)?;
        }
        Ok(made)
    }

    /// Reads `text` or `text part part …`.
    pub(crate) fn korean(rules: &[String], is_lenient: bool) -> Result<Self> {
        let mut made = Self::default();
        let noun: Arc<str> = "NNG".into();
        for line in uncommented(rules) {
            let mut words = line.split_whitespace();
            let Some(text) = words.next() else { continue };
            let letters = text.chars().count();
            let mut parts: Vec<usize> = words.map(|part| part.chars().count()).collect();
            if parts.iter().sum::<usize>() > letters {
                return Err(AnalysisError::argument(format!(
                    "Illegal user dictionary entry {line} - the segmentation is bigger than the surface form ({text})"
                )));
            }
            if parts.is_empty() {
                parts.push(letters);
            }
            let morpheme =
                Arc::new(Morpheme { part_of_speech: Arc::clone(&noun), base_form: None, reading: None });
            made.insert(
                line,
                text,
                parts.into_iter().map(|letters| (letters, Arc::clone(&morpheme))).collect(),
                is_lenient,
            )?;
        }
        Ok(made)
    }

    fn insert(&mut self, line: &str, text: &str, parts: Parts, is_lenient: bool) -> Result<()> {
        let letters: Vec<char> = text.chars().collect();
        if self.numbers.contains_key(&letters) {
            return if is_lenient {
                Ok(())
            } else {
                Err(AnalysisError::argument(format!("Found duplicate term [{text}] in user dictionary")))
            };
        }
        self.longest = self.longest.max(letters.len());
        let number = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.push(parts);
        self.endings.push(line.trim_end().chars().next_back());
        self.numbers.insert(letters, number);
        Ok(())
    }

    pub(super) fn parts(&self, number: u32) -> &Parts {
        &self.words[number as usize]
    }

    pub(super) fn ending(&self, number: u32) -> Option<char> {
        self.endings.get(number as usize).copied().flatten()
    }

    /// The words that letters begin with, the short ones first: how long they are, and their numbers.
    pub(super) fn beginning(&self, letters: &[char]) -> impl Iterator<Item = (usize, u32)> {
        let longest = self.longest.min(letters.len());
        (1..=longest).filter_map(|length| Some((length, *self.numbers.get(&letters[..length])?)))
    }
}

/// Lines with what is between their commas; quotes hold a comma together.
fn lines(rules: &[String]) -> impl Iterator<Item = (&str, Vec<String>)> {
    uncommented(rules).map(|line| {
        let mut values = vec![String::new()];
        let mut is_quoted = false;
        for letter in line.chars() {
            match letter {
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => values.push(String::new()),
                other => values.iter_mut().last().into_iter().for_each(|value| value.push(other)),
            }
        }
        (line, values)
    })
}

/// Lines that say something.
fn uncommented(rules: &[String]) -> impl Iterator<Item = &str> {
    rules.iter().map(|line| line.trim()).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
