//! `asciifolding`: letters with accents as the letters without.

use std::collections::HashMap;
use std::sync::LazyLock;

use tantivy::tokenizer::{AsciiFoldingFilter, RawTokenizer, TextAnalyzer, TokenStream};

use super::TokenFilter;
use crate::analysis::token::{Token, Tokens};

/// What each letter of the basic plane becomes, if not itself. The library's filter knows them; it is asked once for each.
static FOLDS: LazyLock<HashMap<char, String>> = LazyLock::new(|| {
    let mut folder = TextAnalyzer::builder(RawTokenizer::default()).filter(AsciiFoldingFilter).build();
    let mut folds = HashMap::new();
    for letter in ('\u{80}'..='\u{ffff}').filter(|letter| may_fold(*letter)) {
        let text = letter.to_string();
        let mut stream = folder.token_stream(&text);
        if stream.advance() && stream.token().text != text {
            folds.insert(letter, stream.token().text.clone());
        }
    }
    folds
});

/// The blocks of Latin letters and signs that fold.
fn may_fold(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{2af}' | '\u{1d00}'..='\u{1eff}' | '\u{2000}'..='\u{27bf}' | '\u{2c60}'..='\u{2e7f}' | '\u{a720}'..='\u{a7ff}' | '\u{fb00}'..='\u{fb06}' | '\u{ff00}'..='\u{ffef}')
}

#[derive(Debug)]
pub(crate) struct AsciiFolding {
    keeps_original: bool,
}

impl AsciiFolding {
    pub(crate) fn new(keeps_original: bool) -> Self {
        Self { keeps_original }
    }
}

/// A text with its letters folded, if any of them does.
pub(super) fn folded(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let mut made = String::with_capacity(text.len());
    for letter in text.chars() {
        match FOLDS.get(&letter) {
            Some(fold) => made.push_str(fold),
            None => made.push(letter),
        }
    }
    (made != text).then_some(made)
}

impl TokenFilter for AsciiFolding {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.flat_map(|mut token| {
            let mut original = None;
            if let Some(text) = folded(&token.text) {
                let before = std::mem::replace(&mut token.text, text);
                if self.keeps_original {
                    original = Some(Token { increment: 0, text: before, ..token.clone() });
                }
            }
            [Some(token), original].into_iter().flatten()
        }))
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}
