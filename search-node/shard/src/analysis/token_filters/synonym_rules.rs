//! The rules of synonyms: read in Solr's and WordNet's form, and analyzed as texts are before they reach the filter.

use std::collections::HashMap;

use super::{Context, InRules};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;

/// What one sequence of words stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Whether the words themselves stay.
    pub(super) keeps_words: bool,
    /// Other words for them, each a sequence.
    pub(super) outputs: Vec<Vec<String>>,
}

/// All rules, by their words.
#[derive(Debug, Default)]
pub(super) struct SynonymRules {
    meanings: HashMap<Vec<String>, Meaning>,
    /// The longest sequence that stands for something.
    pub(super) longest: usize,
}

impl SynonymRules {
    pub(super) fn read(params: Params<'_>, context: &Context<'_>) -> Result<Self> {
        params.refuse_files(&[("synonyms_path", "synonyms")])?;
        let lines = params.rules("synonyms").ok_or_else(|| {
            AnalysisError::argument("synonym requires either `synonyms` or `synonyms_path` to be configured")
        })?;
        for (name, filter) in &context.before.filters {
            if filter.in_rules() == InRules::Refused {
                return Err(AnalysisError::argument(format!(
                    "Token filter [{name}] cannot be used to parse synonyms"
                )));
            }
        }
        let mut reader = Reader {
            context,
            expands: params.flag("expand", true)?,
            is_lenient: params.flag("lenient", false)?,
            rules: Self::default(),
        };
        let is_wordnet = match params.text("format").as_deref() {
            Some("wordnet") => true,
            None | Some("" | "solr") => false,
            Some(other) => {
                return Err(AnalysisError::argument(format!(
                    "[format] of [{}] must be solr or wordnet, but was [{other}]",
                    params.name
                )));
            }
        };
        if is_wordnet {
            reader.wordnet(&lines)?
        } else {
            reader.solr(&lines)?
        }
        Ok(reader.rules)
    }

    /// What a sequence of words stands for.
    pub(super) fn meaning(&self, words: &[String]) -> Option<&Meaning> {
        self.meanings.get(words)
    }

    fn add(&mut self, from: &[String], to: &[String], keeps_words: bool) {
        self.longest = self.longest.max(from.len());
        let meaning = self.meanings.entry(from.to_vec()).or_default();
        meaning.keeps_words |= keeps_words;
        if !meaning.outputs.iter().any(|known| known == to) {
            meaning.outputs.push(to.to_vec());
        }
    }
}

struct Reader<'a, 'c> {
    context: &'a Context<'c>,
    expands: bool,
    is_lenient: bool,
    rules: SynonymRules,
}

impl Reader<'_, '_> {
    fn solr(&mut self, lines: &[String]) -> Result<()> {
        let lines = lines.iter().flat_map(|rule| rule.lines()).enumerate();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let invalid = |reason: &str| {
                AnalysisError::argument(format!(
                    "failed to build synonyms: Invalid synonym rule at line {}: {reason}",
                    number + 1
                ))
            };
            let sides = split(line, "=>");
            match sides.as_slice() {
                [one] => {
                    let words = self.sequences(one).map_err(|error| invalid(&error.reason))?;
                    self.add_equal(&words);
                }
                [from, to] => {
                    let from = self.sequences(from).map_err(|error| invalid(&error.reason))?;
                    let to = self.sequences(to).map_err(|error| invalid(&error.reason))?;
                    for from in &from {
                        to.iter().for_each(|to| self.rules.add(from, to, false));
                    }
                }
                _ => return Err(invalid("more than one explicit mapping specified on the same line")),
            }
        }
        Ok(())
    }

    /// Lines as `s(100000001,1,'abstain',v,1,0).`; those of one number mean the same.
    fn wordnet(&mut self, lines: &[String]) -> Result<()> {
        let mut group: Vec<Vec<String>> = Vec::new();
        let mut number = String::new();
        for line in lines.iter().flat_map(|rule| rule.lines()).filter(|line| !line.is_empty()) {
            let fault =
                || AnalysisError::argument(format!("failed to build synonyms: Invalid synonym rule: {line}"));
            let body = line.strip_prefix("s(").ok_or_else(fault)?;
            let (next, rest) = body.split_once(',').ok_or_else(fault)?;
            let word = rest.split_once('\'').and_then(|(_, rest)| Some(rest.rsplit_once('\'')?.0));
            let word = word.ok_or_else(fault)?.replace("''", "'");
            if next != number {
                self.add_equal(&std::mem::take(&mut group));
                next.clone_into(&mut number);
            }
            group.extend(self.analyzed(&word)?);
        }
        self.add_equal(&group);
        Ok(())
    }

    /// Each stands for the others, or all for the first.
    fn add_equal(&mut self, words: &[Vec<String>]) {
        if !self.expands {
            let Some(first) = words.first() else { return };
            words.iter().for_each(|from| self.rules.add(from, first, false));
            return;
        }
        for (at, from) in words.iter().enumerate() {
            let others = words.iter().enumerate().filter(|(other, _)| *other != at);
            others.for_each(|(_, to)| self.rules.add(from, to, true));
        }
    }

    fn sequences(&self, side: &str) -> Result<Vec<Vec<String>>> {
        let mut sequences = Vec::new();
        for term in split(side, ",") {
            sequences.extend(self.analyzed(unescaped(&term).trim())?);
        }
        Ok(sequences)
    }

    /// The words of a term; none where it has none and that is forgiven.
    fn analyzed(&self, term: &str) -> Result<Option<Vec<String>>> {
        let (mut words, mut fault) = (Vec::new(), None);
        let filtered = self.context.before.filtered(term);
        for token in self.context.before.tokens_for_rules(&filtered) {
            if token.increment != 1 && fault.is_none() {
                fault = Some(format!(
                    "term: {term} analyzed to a token ({}) with position increment != 1 (got: {})",
                    token.text, token.increment
                ));
            }
            words.push(token.text);
        }
        if words.is_empty() && fault.is_none() {
            fault = Some(format!("term: {term} was completely eliminated by analyzer"));
        }
        match fault {
            None => Ok(Some(words)),
            Some(_) if self.is_lenient => Ok(None),
            Some(reason) => Err(AnalysisError::argument(reason)),
        }
    }
}

/// The parts between signs that no `\` stands before.
fn split(text: &str, sign: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(sign) {
            parts.push(String::new());
            rest = after;
            continue;
        }
        let mut bytes = letter.len_utf8();
        if letter == '\\' {
            bytes += rest[bytes..].chars().next().map_or(0, char::len_utf8);
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(&rest[..bytes]);
        }
        rest = &rest[bytes..];
    }
    parts
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut made = String::new();
    while let Some(letter) = letters.next() {
        made.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    made
}
