//! `uax_url_email`: words as UAX #29 cuts them, with addresses of pages and of mail whole.

use std::sync::LazyLock;

use fancy_regex::Regex;

use super::Tokenizer;
use super::standard::Standard;
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(super) struct UaxUrlEmail {
    words: Standard,
    longest: usize,
}

/// Addresses of mail, and of pages with a scheme, or with a name of a host under a common top-level domain.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let host = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}";
    let v4 = r"(?:\d{1,3}\.){3}\d{1,3}";
    let rest = r"(?::\d{1,5})?(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)?(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?(?:\#[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?";
    let common = r"(?:com|org|net|edu|gov|mil|int|info|biz|io|dev|app|de|uk|fr|eu|at|ch|it|es|nl|pl|ru|cn|jp|us|ca|au|br|in|se|no|fi|dk|be|cz|pt|gr|hu|ro|tr|ua|kr|mx|ar)";
    let email = r"[A-Za-z0-9!\#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!\#$%&'*+\-/=?^_`{|}~]+)*@";
    let pattern = format!(
        r"(?<email>{email}{host})|(?<url>(?:https?|ftp|file)://(?:{host}|{v4}|[A-Za-z0-9-]+){rest}|(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+{common}\b(?![A-Za-z0-9_.-]*@){rest})"
    );
    Regex::new(&pattern).ok()
});

impl UaxUrlEmail {
    pub(super) fn new(longest: usize) -> Self {
        Self { words: Standard::new(longest), longest: longest.max(1) }
    }

    /// The next address from a place on, unless it is longer than a token may be.
    fn address(&self, text: &str, from: usize) -> Option<(usize, usize, &'static str)> {
        let mut from = from;
        loop {
            let found = ADDRESS.as_ref()?.captures_from_pos(text, from).ok()??;
            let (kind, place) = match found.name("email") {
                Some(place) => ("<EMAIL>", place),
                None => ("<URL>", found.name("url")?),
            };
            let trimmed = place.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'']);
            let end = place.start() + trimmed.len();
            if trimmed.chars().count() <= self.longest {
                return Some((place.start(), end, kind));
            }
            from = place.end();
        }
    }
}

impl Tokenizer for UaxUrlEmail {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let mut at = 0;
        let mut is_done = false;
        Box::new(
            std::iter::from_fn(move || {
                if is_done {
                    return None;
                }
                let from = at;
                let (to, address) = match self.address(text, from) {
                    Some((start, end, kind)) => {
                        at = end;
                        (start, Some(Token::new(&text[start..end], start, end, kind)))
                    }
                    None => {
                        is_done = true;
                        (text.len(), None)
                    }
                };
                let words = self.words.tokens(&text[from..to]).map(move |mut token| {
                    token.start += from;
                    token.end += from;
                    token
                });
                Some(words.chain(address))
            })
            .flatten(),
        )
    }
}
