//! The analyzers of an index: those that everybody has, and those that its settings define.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tantivy::tokenizer::TextAnalyzer;

use super::analyzers;
use super::chain::{Analyzer, Before};
use super::char_filters::{self, CharFilter};
use super::definitions::{Definitions, Named};
use super::derived;
use super::error::{AnalysisError, Result};
use super::params::Params;
use super::token_filters::{self, Context, TokenFilter};
use super::tokenizers::{self, Tokenizer};

/// Filters that name others, which name others: no deeper.
const NESTING_MAX: usize = 8;

/// The analysis of an index.
#[derive(Debug, Default)]
pub struct Analysis {
    definitions: Definitions,
    /// Analyzers and normalizers that were asked for already.
    analyzers: Mutex<HashMap<String, Arc<Analyzer>>>,
    normalizers: Mutex<HashMap<String, Arc<Analyzer>>>,
    /// Whether it belongs to an index, which error messages tell.
    is_of_index: bool,
}

impl PartialEq for Analysis {
    fn eq(&self, other: &Self) -> bool {
        self.definitions == other.definitions && self.is_of_index == other.is_of_index
    }
}

/// The analysis of an index that defines nothing.
static PLAIN: LazyLock<Arc<Analysis>> =
    LazyLock::new(|| Arc::new(Analysis { is_of_index: true, ..Analysis::default() }));

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Analysis {
    /// Without an index.
    pub fn global() -> Self {
        Self::default()
    }

    /// Of an index that defines nothing.
    pub fn plain() -> Arc<Self> {
        Arc::clone(&PLAIN)
    }

    /// Of an index with these definitions, all of which are tried.
    pub fn of_index(definitions: Definitions) -> Result<Self> {
        let analysis = Self { definitions, is_of_index: true, ..Self::default() };
        analysis.check()?;
        Ok(analysis)
    }

    fn check(&self) -> Result<()> {
        let definitions = &self.definitions;
        for (name, values) in &definitions.char_filters {
            self.char_filter_of(name, type_of("char_filter", name, values)?, values)?;
        }
        for (name, values) in &definitions.tokenizers {
            self.tokenizer_of(name, type_of("tokenizer", name, values)?, values)?;
        }
        for (name, values) in &definitions.filters {
            // What needs more than itself is tried where it is used.
            let kind = type_of("filter", name, values)?;
            if !matches!(kind, "synonym" | "synonym_graph" | "multiplexer") {
                self.filter_of(name, kind, values, &Before::default(), 0)?;
            }
        }
        for name in definitions.analyzers.keys() {
            if name.starts_with('_') {
                return Err(AnalysisError::argument(format!(
                    "analyzer name must not start with '_'. got \"{name}\""
                )));
            }
            if name == "default_index" {
                return Err(AnalysisError::argument(
                    "setting [index.analysis.analyzer.default_index] is not supported anymore, use [index.analysis.analyzer.default] instead",
                ));
            }
            self.analyzer(name)?;
        }
        definitions.normalizers.keys().try_for_each(|name| self.normalizer(name).map(drop))
    }

    /// The analyzer of a name; none where nobody has it.
    pub(crate) fn find_analyzer(&self, name: &str) -> Result<Option<Arc<Analyzer>>> {
        if let Some(known) = self.analyzers.lock().get(name) {
            return Ok(Some(Arc::clone(known)));
        }
        let made = match self.definitions.analyzers.get(name) {
            Some(values) => Some(self.custom_analyzer(name, values)?),
            None => match derived::build(name, self)? {
                Some(made) => Some(made),
                None => analyzers::build(name, Params::new(name, &NOTHING))?,
            },
        };
        let Some(mut made) = made else { return Ok(None) };
        if self.is_of_index {
            made.position_increment_gap.get_or_insert(super::POSITION_INCREMENT_GAP);
        }
        let made = Arc::new(made);
        self.analyzers.lock().insert(name.to_owned(), Arc::clone(&made));
        Ok(Some(made))
    }

    /// The analyzer of a name.
    pub(crate) fn analyzer(&self, name: &str) -> Result<Arc<Analyzer>> {
        let what =
            if self.is_of_index { "failed to find analyzer" } else { "failed to find global analyzer" };
        self.find_analyzer(name)?.ok_or_else(|| AnalysisError::argument(format!("{what} [{name}]")))
    }

    /// The analyzer of a name as the index takes it.
    pub fn for_index(&self, name: &str) -> Result<TextAnalyzer> {
        Ok(super::indexing(&self.analyzer(name)?, super::POSITION_INCREMENT_GAP as usize))
    }

    /// Whether there is an analyzer of a name.
    pub fn has_analyzer(&self, name: &str) -> bool {
        self.find_analyzer(name).is_ok_and(|found| found.is_some())
    }

    /// Whether there is a normalizer of a name.
    pub fn has_normalizer(&self, name: &str) -> bool {
        self.normalizer(name).is_ok()
    }

    /// Whether the settings define an analyzer of this name.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.definitions.analyzers.contains_key(name)
    }

    fn custom_analyzer(&self, name: &str, values: &Map<String, Value>) -> Result<Analyzer> {
        let params = Params::new(name, values);
        let kind = params.text("type");
        let mut made = match kind.as_deref() {
            None if !params.has("tokenizer") => {
                return Err(AnalysisError::argument(format!(
                    "analyzer [{name}] must specify either an analyzer type, or a tokenizer"
                )));
            }
            None | Some("custom") => self.assembled(name, params)?,
            Some(kind) => analyzers::build(kind, params)?.ok_or_else(|| {
                AnalysisError::argument(format!("Unknown analyzer type [{kind}] for [{name}]"))
            })?,
        };
        if made.is_custom && params.has("position_increment_gap") {
            let gap = params.count("position_increment_gap", 0, 0)?;
            made.position_increment_gap = u32::try_from(gap).ok();
        }
        Ok(made)
    }

    fn assembled(&self, name: &str, params: Params<'_>) -> Result<Analyzer> {
        let missing = |what: &str, wanted: &str| {
            AnalysisError::argument(format!(
                "Custom Analyzer [{name}] failed to find {what} under name [{wanted}]"
            ))
        };
        let Some(tokenizer) = params.text("tokenizer") else {
            return Err(AnalysisError::argument(format!(
                "Custom Analyzer [{name}] must be configured with a tokenizer"
            )));
        };
        let found = self.find_tokenizer(&tokenizer)?.ok_or_else(|| missing("tokenizer", &tokenizer))?;
        let mut chain = Before { tokenizer: (tokenizer, found), ..Before::default() };
        for wanted in params.list("char_filter").unwrap_or_default() {
            let found = self.find_char_filter(&wanted)?.ok_or_else(|| missing("char_filter", &wanted))?;
            chain.char_filters.push((wanted, found));
        }
        for wanted in params.list("filter").unwrap_or_default() {
            let found = self.find_filter(&wanted, &chain, 0)?.ok_or_else(|| missing("filter", &wanted))?;
            chain.filters.push((wanted, found));
        }
        Ok(Analyzer { is_custom: true, ..Analyzer::new(name, chain) })
    }

    /// The normalizer of a name.
    pub(crate) fn normalizer(&self, name: &str) -> Result<Arc<Analyzer>> {
        if let Some(known) = self.normalizers.lock().get(name) {
            return Ok(Arc::clone(known));
        }
        let made = match self.definitions.normalizers.get(name) {
            Some(values) => self.custom_normalizer(name, values)?,
            None if name == "lowercase" => {
                let mut chain = Before::default();
                let filter = self.find_filter("lowercase", &chain, 0)?;
                chain.filters.extend(filter.map(|filter| ("lowercase".to_owned(), filter)));
                Analyzer::new(name, chain)
            }
            None => return Err(AnalysisError::argument(format!("failed to find normalizer under [{name}]"))),
        };
        let made = Arc::new(made);
        self.normalizers.lock().insert(name.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    fn custom_normalizer(&self, name: &str, values: &Map<String, Value>) -> Result<Analyzer> {
        let params = Params::new(name, values);
        let fault = |reason: String| AnalysisError::argument(format!("Custom normalizer [{name}] {reason}"));
        match params.text("type").as_deref() {
            None | Some("custom") => {}
            Some("lowercase") => return Ok(Analyzer::clone(self.normalizer("lowercase")?.as_ref())),
            Some(kind) => {
                return Err(AnalysisError::argument(format!(
                    "Unknown normalizer type [{kind}] for [{name}]"
                )));
            }
        }
        if params.has("tokenizer") {
            return Err(fault("cannot configure a tokenizer".to_owned()));
        }
        let mut chain = Before::default();
        for wanted in params.list("char_filter").unwrap_or_default() {
            let found = self
                .find_char_filter(&wanted)?
                .ok_or_else(|| fault(format!("failed to find char_filter under name [{wanted}]")))?;
            if !found.is_normalizing() {
                return Err(fault(format!("may not use char filter [{wanted}]")));
            }
            chain.char_filters.push((wanted, found));
        }
        for wanted in params.list("filter").unwrap_or_default() {
            let found = self
                .find_filter(&wanted, &chain, 0)?
                .ok_or_else(|| fault(format!("failed to find filter under name [{wanted}]")))?;
            if !found.is_normalizing() {
                return Err(fault(format!("may not use filter [{wanted}]")));
            }
            chain.filters.push((wanted, found));
        }
        Ok(Analyzer { is_custom: true, ..Analyzer::new(name, chain) })
    }

    /// The tokenizer of a name; none where nobody has it.
    pub(crate) fn find_tokenizer(&self, name: &str) -> Result<Option<Arc<dyn Tokenizer>>> {
        match self.definitions.tokenizers.get(name) {
            Some(values) => self.tokenizer_of(name, type_of("tokenizer", name, values)?, values).map(Some),
            None if tokenizers::needs_parameters(name) => Ok(None),
            None => tokenizers::build(name, Params::new(name, &NOTHING), &self.definitions.limits),
        }
    }

    /// The tokenizer of a type; none where there is no such type.
    pub(crate) fn made_tokenizer(
        &self,
        name: &str,
        kind: &str,
        values: &Map<String, Value>,
    ) -> Result<Option<Arc<dyn Tokenizer>>> {
        tokenizers::build(kind, Params::new(name, values), &self.definitions.limits)
    }

    fn tokenizer_of(
        &self,
        name: &str,
        kind: &str,
        values: &Map<String, Value>,
    ) -> Result<Arc<dyn Tokenizer>> {
        self.made_tokenizer(name, kind, values)?.ok_or_else(|| tokenizers::unknown_type(kind, name))
    }

    pub(crate) fn find_char_filter(&self, name: &str) -> Result<Option<Arc<dyn CharFilter>>> {
        match self.definitions.char_filters.get(name) {
            Some(values) => {
                self.char_filter_of(name, type_of("char_filter", name, values)?, values).map(Some)
            }
            None if char_filters::needs_parameters(name) => Ok(None),
            None => char_filters::build(name, Params::new(name, &NOTHING)),
        }
    }

    /// The character filter of a type; none where there is no such type.
    pub(crate) fn made_char_filter(
        &self,
        name: &str,
        kind: &str,
        values: &Map<String, Value>,
    ) -> Result<Option<Arc<dyn CharFilter>>> {
        char_filters::build(kind, Params::new(name, values))
    }

    fn char_filter_of(
        &self,
        name: &str,
        kind: &str,
        values: &Map<String, Value>,
    ) -> Result<Arc<dyn CharFilter>> {
        self.made_char_filter(name, kind, values)?.ok_or_else(|| char_filters::unknown_type(kind, name))
    }

    /// The token filter of a name behind others; none where nobody has it.
    pub(crate) fn find_filter(
        &self,
        name: &str,
        before: &Before,
        depth: usize,
    ) -> Result<Option<Arc<dyn TokenFilter>>> {
        let filters: &Named = &self.definitions.filters;
        match filters.get(name) {
            Some(values) => {
                self.filter_of(name, type_of("filter", name, values)?, values, before, depth).map(Some)
            }
            None => self.made_filter(name, name, token_filters::prebuilt(name), before, depth),
        }
    }

    fn filter_of(
        &self,
        name: &str,
        kind: &str,
        values: &Map<String, Value>,
        before: &Before,
        depth: usize,
    ) -> Result<Arc<dyn TokenFilter>> {
        self.made_filter(name, kind, values, before, depth)?
            .ok_or_else(|| token_filters::unknown_type(kind, name))
    }

    /// The token filter of a type; none where there is no such type.
    pub(crate) fn made_filter(
        &self,
        name: &str,
        kind: &str,
        values: &Map<String, Value>,
        before: &Before,
        depth: usize,
    ) -> Result<Option<Arc<dyn TokenFilter>>> {
        if depth > NESTING_MAX {
            return Err(AnalysisError::argument(format!(
                "filter [{name}] is named by filters that name one another, more than [{NESTING_MAX}] deep"
            )));
        }
        let named = |wanted: &str| {
            let found = self.find_filter(wanted, before, depth + 1)?;
            found.ok_or_else(|| {
                AnalysisError::argument(format!("filter [{name}] names [{wanted}], which is no filter"))
            })
        };
        let context = Context { limits: &self.definitions.limits, before, named: &named };
        token_filters::build(kind, Params::new(name, values), &context)
    }

    /// `global ` where there is no index, for messages.
    pub(crate) fn whose(&self) -> &'static str {
        if self.is_of_index { "" } else { "global " }
    }
}

fn type_of<'a>(kind: &str, name: &str, values: &'a Map<String, Value>) -> Result<&'a str> {
    values.get("type").and_then(Value::as_str).ok_or_else(|| {
        AnalysisError::argument(format!(
            "{kind} [{name}] must specify either an analyzer type, or a tokenizer"
        ))
    })
}
