//! The analyzers of fields: whether there are those that a mapping names, and which one is meant where it names none.

use super::error::MappingError;
use super::fields::{FieldAnalyzers, Mapping};
use crate::analysis::{Analysis, POSITION_INCREMENT_GAP, STANDARD};

/// The names of analyzers of the index that stand for those that fields do not name.
const DEFAULT: &str = "default";
const DEFAULT_SEARCH: &str = "default_search";

impl Mapping {
    /// Refuses analyzers and normalizers that the index does not have.
    pub fn check_analysis(&self, analysis: &Analysis) -> Result<(), MappingError> {
        for leaf in self.leaves() {
            let FieldAnalyzers { analyzer, search_analyzer, search_quote_analyzer, normalizer, .. } =
                &leaf.field.analysis;
            for name in [analyzer, search_analyzer, search_quote_analyzer].into_iter().flatten() {
                if name == DEFAULT {
                    continue;
                }
                let found = analysis.find_analyzer(name);
                // What there would be with another build or a dictionary says what is missing.
                if let Err(error) = &found
                    && !name.contains('\0')
                {
                    return Err(MappingError::parsing(error.to_string()));
                }
                if !found.is_ok_and(|found| found.is_some()) {
                    // One that is made of another is not there because the other is not.
                    let name = name.split('\0').next().unwrap_or(name);
                    return Err(MappingError::parsing(format!(
                        "analyzer [{name}] has not been configured in mappings"
                    )));
                }
            }
            let name = leaf.path.rsplit('.').next().unwrap_or(&leaf.path);
            if let Some(normalizer) = normalizer.as_ref().filter(|wanted| !analysis.has_normalizer(wanted)) {
                return Err(MappingError::parsing(format!(
                    "normalizer [{normalizer}] not found for field [{name}]"
                )));
            }
        }
        Ok(())
    }
}

impl FieldAnalyzers {
    /// The analyzer of texts that are stored.
    pub(crate) fn indexing<'a>(&'a self, analysis: &Analysis) -> &'a str {
        let default = if analysis.defines(DEFAULT) { DEFAULT } else { STANDARD };
        self.analyzer.as_deref().filter(|name| *name != DEFAULT).unwrap_or(default)
    }

    /// The analyzer of texts that are asked for. As in Elasticsearch, the index's own for searches comes before the field's.
    pub(crate) fn searching<'a>(&'a self, analysis: &Analysis) -> &'a str {
        match &self.search_analyzer {
            Some(name) => name,
            None if analysis.defines(DEFAULT_SEARCH) => DEFAULT_SEARCH,
            None => self.indexing(analysis),
        }
    }

    /// The analyzer of phrases that are asked for.
    pub(crate) fn quoting<'a>(&'a self, analysis: &Analysis) -> &'a str {
        self.search_quote_analyzer.as_deref().unwrap_or_else(|| self.searching(analysis))
    }

    /// How far one value is behind the one before.
    pub(crate) fn gap(&self, analysis: &Analysis) -> u32 {
        let of_analyzer = || analysis.analyzer(self.indexing(analysis)).ok()?.position_increment_gap;
        self.position_increment_gap.or_else(of_analyzer).unwrap_or(POSITION_INCREMENT_GAP)
    }
}
