//! What an index says about queries: how much they may ask for, and which fields are meant where none is named.

use super::QueryError;
use super::similarity::Similarities;

/// What an index says about queries.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryRules {
    /// The fields or patterns of a query text that names none, with their boosts; empty for every field (`index.query.default_field`).
    pub default_fields: Vec<(String, f32)>,
    /// How many values one `terms` may have (`index.max_terms_count`).
    pub terms_max: usize,
    /// How long a regular expression may be (`index.max_regex_length`).
    pub regex_max: usize,
    /// How often the loops of a script may go round for one document (`index.max_script_loops`), and what its values may take of memory
    /// (`index.max_script_memory`).
    pub script: script::Limits,
    /// How words count (`index.similarity.*`).
    pub similarities: Similarities,
    /// Whether the matches of filters that are asked again and again are kept (`index.queries.cache.enabled`).
    pub keeps_filters: bool,
}

static USUAL: QueryRules = QueryRules::USUAL;

impl QueryRules {
    /// Those of an index that says nothing, as in Elasticsearch.
    pub const USUAL: Self = Self {
        default_fields: Vec::new(),
        terms_max: 65_536,
        regex_max: 1000,
        script: script::Limits::USUAL,
        similarities: Similarities::NONE,
        keeps_filters: true,
    };

    /// The same, for who only looks at them.
    pub fn usual() -> &'static Self {
        &USUAL
    }

    pub(super) fn check_terms(&self, count: usize) -> Result<(), QueryError> {
        if count <= self.terms_max {
            return Ok(());
        }
        Err(QueryError::argument(format!(
            "The number of terms [{count}] used in the Terms Query request has exceeded the allowed maximum of [{}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
            self.terms_max
        )))
    }

    pub(crate) fn check_regex(&self, pattern: &str) -> Result<(), QueryError> {
        // Java counts so.
        let length = pattern.encode_utf16().count();
        if length <= self.regex_max {
            return Ok(());
        }
        Err(QueryError::argument(format!(
            "The length of regex [{length}] used in the Regexp Query request has exceeded the allowed maximum of [{}]. This maximum can be set by changing the [index.max_regex_length] index level setting.",
            self.regex_max
        )))
    }
}

impl Default for QueryRules {
    fn default() -> Self {
        Self::USUAL
    }
}

/// A field or a pattern with its boost: `title^2`.
pub fn boosted_field(text: &str) -> Option<(String, f32)> {
    match text.split_once('^') {
        Some((field, boost)) => Some((field.to_owned(), boost.parse().ok()?)),
        None => Some((text.to_owned(), 1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_an_index_allows_is_refused_and_named() {
        let rules = QueryRules { terms_max: 2, regex_max: 3, ..QueryRules::USUAL };

        assert!(rules.check_terms(2).is_ok() && rules.check_regex("a.ü").is_ok());
        let terms = rules.check_terms(3).expect_err("too many").reason;
        let regex = rules.check_regex("a.*b").expect_err("too long").reason;

        assert!(terms.starts_with("The number of terms [3] used in the Terms Query request"), "{terms}");
        assert!(regex.starts_with("The length of regex [4] used in the Regexp Query request"), "{regex}");
    }

    #[test]
    fn fields_have_boosts() {
        assert_eq!(boosted_field("title^2"), Some(("title".to_owned(), 2.0)));
        assert_eq!(boosted_field("body.*"), Some(("body.*".to_owned(), 1.0)));
        assert_eq!(boosted_field("body^x"), None);
    }
}
