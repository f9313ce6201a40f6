//! Analysis: how a text becomes terms, the same way when it is stored and when it is asked for.

mod ascii_words;
mod standard;

use tantivy::tokenizer::{LowerCaser, RawTokenizer, TextAnalyzer, TokenizerManager};

use standard::StandardTokenizer;

/// The name of Elasticsearch's default analyzer: words by UAX #29, in lower case.
pub(crate) const STANDARD: &str = "standard";
/// The value as one term.
pub(crate) const RAW: &str = "raw";

/// The analyzers that a schema may name. They must be there before an index is opened.
pub(crate) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::new();
    // tantivy asks for its `default` for every field that is not text, though it never uses it there.
    manager.register("default", standard());
    manager.register(STANDARD, standard());
    manager.register(RAW, TextAnalyzer::builder(RawTokenizer::default()).build());
    manager
}

fn standard() -> TextAnalyzer {
    TextAnalyzer::builder(StandardTokenizer::default()).filter(LowerCaser).build()
}

/// The terms of a text under the standard analyzer, with their positions.
pub(crate) fn standard_terms(text: &str) -> Vec<(usize, String)> {
    let mut analyzer = standard();
    let mut terms = Vec::new();
    analyzer.token_stream(text).process(&mut |token| terms.push((token.position, token.text.clone())));
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        standard_terms(text).into_iter().map(|(_, term)| term).collect()
    }

    /// What a real Elasticsearch's `standard` analyzer gives for the same texts.
    #[test]
    fn words_are_cut_as_elasticsearch_cuts_them() {
        for (text, expected) in [
            ("The 2 QUICK Brown-Foxes", vec!["the", "2", "quick", "brown", "foxes"]),
            ("jumped over the lazy dog's bone.", vec!["jumped", "over", "the", "lazy", "dog's", "bone"]),
            ("192.168.0.1 - GET /index.html?a=b", vec!["192.168.0.1", "get", "index.html", "a", "b"]),
            ("user_name and e-mail", vec!["user_name", "and", "e", "mail"]),
            ("数据库", vec!["数", "据", "库"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_very_long_word_is_cut_at_the_maximum_token_length() {
        let terms = words(&"x".repeat(600));

        assert_eq!(terms.iter().map(String::len).collect::<Vec<_>>(), [255, 255, 90]);
    }
}
