//! What `index.analysis` defines: components by kind and name, each with its parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{AnalysisError, Result};
use super::limits::GramLimits;

/// Components of one kind by name.
pub(crate) type Named = BTreeMap<String, Map<String, Value>>;

/// All definitions of an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    pub(crate) analyzers: Named,
    pub(crate) tokenizers: Named,
    pub(crate) filters: Named,
    pub(crate) char_filters: Named,
    pub(crate) normalizers: Named,
    /// The bounds that hold for them.
    pub limits: GramLimits,
}

impl Definitions {
    /// Reads flat settings without `analysis.` in front, as `filter.my_stop.type`. Kinds that there are none of are passed over,
    /// as in Elasticsearch.
    pub fn read<'a>(flat: impl Iterator<Item = (&'a str, &'a Value)>, limits: GramLimits) -> Result<Self> {
        let mut definitions = Self { limits, ..Self::default() };
        for (key, value) in flat {
            let mut parts = key.splitn(3, '.');
            let (Some(kind), Some(name)) = (parts.next(), parts.next()) else { continue };
            let Some(parameter) = parts.next() else {
                return Err(AnalysisError::argument(format!(
                    "Settings [index.analysis.{key}] must be an object with the parameters of [{name}]"
                )));
            };
            let named = match kind {
                "analyzer" => &mut definitions.analyzers,
                "tokenizer" => &mut definitions.tokenizers,
                "filter" => &mut definitions.filters,
                "char_filter" => &mut definitions.char_filters,
                "normalizer" => &mut definitions.normalizers,
                _ => continue,
            };
            named.entry(name.to_owned()).or_default().insert(parameter.to_owned(), value.clone());
        }
        Ok(definitions)
    }
}
