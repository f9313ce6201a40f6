//! How texts are asked for: what `match` and its kin have in common.

use super::patterns::Rewrite;
use crate::query::QueryError;
use crate::query::minimum_should_match::MinimumShouldMatch;

/// How the terms of a text are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operator {
    /// All of them.
    And,
    /// Any of them.
    #[default]
    Or,
}

/// How a `multi_match` asks its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiMatchKind {
    /// The best field counts.
    #[default]
    Best,
    /// All fields add up.
    Most,
    /// As if all fields were one.
    Cross,
    /// The terms as a phrase, the best field counts.
    Phrase,
    /// As a phrase whose last word may go on.
    PhrasePrefix,
    /// Any of the terms, the last of which may go on; all fields add up.
    BoolPrefix,
}

impl MultiMatchKind {
    /// How much of the other fields' scores is added to that of the best one, where nothing is said.
    pub(in crate::query) fn tie_breaker(self) -> f32 {
        match self {
            Self::Most | Self::BoolPrefix => 1.0,
            Self::Best | Self::Cross | Self::Phrase | Self::PhrasePrefix => 0.0,
        }
    }
}

/// What a text finds that has no terms, as all of its words are stop words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZeroTerms {
    /// Nothing.
    #[default]
    None,
    /// Everything.
    All,
}

/// How many edits a word may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edits {
    /// So many.
    Count(u8),
    /// None for words shorter than the first length, one for words shorter than the second, else two.
    Auto(usize, usize),
}

impl Default for Edits {
    fn default() -> Self {
        Self::Auto(3, 6)
    }
}

impl Edits {
    /// Reads `AUTO`, `AUTO:3,6`, `0`, `1`, `2`.
    pub(in crate::query) fn parse(text: &str) -> Result<Self, QueryError> {
        let auto = text.get(..4).filter(|start| start.eq_ignore_ascii_case("auto"));
        let Some(rest) = auto.map(|_| &text[4..]) else {
            // As in Java: whatever a number has behind its point is cut off.
            let count = text.parse::<f32>().ok().filter(|count| (0.0..=2.0).contains(count));
            return count.map(|count| Self::Count(count as u8)).ok_or_else(|| {
                QueryError::argument(format!("Valid edit distances are [0, 1, 2] but was [{text}]"))
            });
        };
        if rest.is_empty() {
            return Ok(Self::default());
        }
        let lengths = rest.strip_prefix(':').and_then(|lengths| lengths.split_once(','));
        let lengths = lengths.and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
        match lengths {
            Some((low, high)) if low <= high => Ok(Self::Auto(low, high)),
            _ => Err(QueryError::argument(format!(
                "failed to find low and high distance values in [{text}]; write AUTO:[low],[high]"
            ))),
        }
    }

    /// For this word.
    pub(crate) fn of(self, word: &str) -> u8 {
        match self {
            Self::Count(count) => count,
            Self::Auto(low, high) => {
                let letters = word.chars().count();
                u8::from(letters >= low) + u8::from(letters >= high)
            }
        }
    }
}

/// How words are looked for that are not quite the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fuzziness {
    /// How many edits there may be.
    pub edits: Edits,
    /// So many letters at the beginning must be the same.
    pub prefix_length: usize,
    /// So many different terms count, the nearest ones.
    pub max_expansions: usize,
    /// Whether two letters that have changed places are one edit.
    pub transpositions: bool,
    /// How the terms count.
    pub rewrite: Rewrite,
}

impl Default for Fuzziness {
    fn default() -> Self {
        Self {
            edits: Edits::default(),
            prefix_length: 0,
            max_expansions: EXPANSIONS as usize,
            transpositions: true,
            rewrite: Rewrite::Usual,
        }
    }
}

/// How many terms a word that goes on, or has edits, may be, where nothing is said.
const EXPANSIONS: u32 = 50;

/// How a text is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// How its terms are joined.
    pub operator: Operator,
    /// How many terms must match.
    pub minimum_should_match: Option<MinimumShouldMatch>,
    /// Whether terms may have edits.
    pub fuzziness: Option<Fuzziness>,
    /// How far the terms of a phrase may be moved.
    pub slop: u32,
    /// How many terms the last word of a phrase may be that goes on.
    pub max_expansions: u32,
    /// Whether a value that does not fit the field matches nothing instead of failing. Not said, it does so where every field is asked.
    pub lenient: Option<bool>,
    /// What a text without terms finds.
    pub zero_terms: ZeroTerms,
    /// Whether synonyms of several words are phrases.
    pub synonyms_as_phrases: bool,
    /// The name of the analyzer; none for that of the field.
    pub analyzer: Option<String>,
}

impl Matching {
    /// Whether a value that does not fit the one field that is asked matches nothing.
    pub(in crate::query) fn is_lenient(&self) -> bool {
        self.lenient.unwrap_or(false)
    }
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            operator: Operator::Or,
            minimum_should_match: None,
            fuzziness: None,
            slop: 0,
            max_expansions: EXPANSIONS,
            lenient: None,
            zero_terms: ZeroTerms::None,
            synonyms_as_phrases: true,
            analyzer: None,
        }
    }
}

/// A text in the language of `simple_query_string`.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleQueryString {
    /// The text.
    pub text: String,
    /// Field names or patterns with their boosts; empty for the fields that an index says.
    pub fields: Vec<(String, f32)>,
    /// The signs that mean something, as `flags` names them.
    pub signs: Vec<Sign>,
    /// How words with edits are looked for; how many edits is said in the text.
    pub fuzziness: Fuzziness,
    /// How its texts are asked for, and how words without an operator are joined.
    pub matching: Matching,
    /// Whether beginnings are cut into words.
    pub analyze_wildcard: bool,
    /// What the names of fields end with that phrases are looked for in.
    pub quote_field_suffix: Option<String>,
}

/// What may mean something in a `simple_query_string`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    And,
    /// `-`
    Not,
    /// `|`
    Or,
    /// `*` behind a word.
    Prefix,
    /// `"`
    Phrase,
    /// `(` and `)`
    Precedence,
    /// `\\`
    Escape,
    /// White space.
    Whitespace,
    /// `~` behind a word.
    Fuzzy,
    /// `~` behind a phrase.
    Slop,
}

impl Sign {
    /// All of them.
    pub(in crate::query) const ALL: [Self; 10] = [
        Self::And,
        Self::Not,
        Self::Or,
        Self::Prefix,
        Self::Phrase,
        Self::Precedence,
        Self::Escape,
        Self::Whitespace,
        Self::Fuzzy,
        Self::Slop,
    ];

    /// By their names.
    pub(in crate::query) const NAMED: [(&str, Self); 11] = [
        ("AND", Self::And),
        ("NOT", Self::Not),
        ("OR", Self::Or),
        ("PREFIX", Self::Prefix),
        ("PHRASE", Self::Phrase),
        ("PRECEDENCE", Self::Precedence),
        ("ESCAPE", Self::Escape),
        ("WHITESPACE", Self::Whitespace),
        ("FUZZY", Self::Fuzzy),
        ("NEAR", Self::Slop),
        ("SLOP", Self::Slop),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_by_length_or_so_many() {
        for (text, word, expected) in [
            ("AUTO", "ab", 0),
            ("AUTO", "abc", 1),
            ("auto", "abcdef", 2),
            ("AUTO:1,2", "a", 1),
            ("AUTO:4,9", "abc", 0),
            ("2", "a", 2),
            ("1.0", "a", 1),
            ("0", "abcdefgh", 0),
        ] {
            assert_eq!(Edits::parse(text).expect("valid").of(word), expected, "{text} {word}");
        }
        for wrong in ["3", "-1", "AUTO:", "AUTO:5", "AUTO:6,3", "much"] {
            assert!(Edits::parse(wrong).is_err(), "{wrong}");
        }
    }
}
