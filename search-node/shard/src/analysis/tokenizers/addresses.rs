//! Addresses in a text: of pages (RFC 3986, with a host of RFC 1123) and of mail (RFC 5321), each at a place, as long as it can be.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use fancy_regex::Regex;
use hashbrown::HashSet;

pub(super) const URL: &str = "<URL>";
pub(super) const EMAIL: &str = "<EMAIL>";

/// Names that a host without a scheme may end in.
static TOP_LEVEL_DOMAINS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("top_level_domains.txt").lines().filter(|line| !line.starts_with('#')).collect()
});

/// An address, by the bytes that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) bytes: usize,
    /// How far was looked: one sign further where an address must not go on, which makes it win over a word of the same length.
    pub(super) looked: usize,
    pub(super) kind: &'static str,
}

const SAFE: &str = r"-._~A-Za-z0-9";
const LABEL: &str = r"[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?";
const ESCAPE: &str = "%[0-9A-Fa-f]{2}";

/// Signs, or such with an escape, any number of them.
fn any(signs: &str) -> String {
    format!("(?:[{SAFE}{signs}]|{ESCAPE})*")
}

struct Grammar {
    http: Regex,
    ftp: Regex,
    file: Regex,
    host: Regex,
    /// What follows a host: a port, a path, a query, a fragment.
    rest: Regex,
    local_part: Regex,
    bracketed: Regex,
}

static GRAMMAR: LazyLock<Option<Grammar>> = LazyLock::new(|| {
    let labels = format!(r"{LABEL}(?:\.{LABEL})*");
    let host = format!(r"(?:\[(?<v6>[0-9A-Fa-f:.]{{2,45}})\]|{labels})");
    let login = format!("(?:{seg}(?::{seg})?@)?", seg = any("!$&'()*+,;="));
    let fragment = format!("(?:\\#{})?", any("!$&'()*+,;=:@/?"));
    let query = format!(r"(?:\?{})?", any("!$&'()*+,;=:@/?"));
    let rest = format!("(?::[0-9]{{1,5}})?(?:/{})*{query}{fragment}", any(";:@&="));
    let path = format!("(?:/{})+", any("?:@&="));
    // Lucene's set of signs has a range from plus to slash, and with it the comma.
    let atom = r"[A-Za-z0-9!\#$%&'*+-/=?^_`{|}~]+";
    let quoted = r#""(?:[\x01-\x08\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7e]|\\[\x00-\x7f])*""#;
    let local = format!("(?:{atom}|{quoted})");
    let regex = |pattern: String| Regex::new(&pattern).ok();
    Some(Grammar {
        http: regex(format!(r"\A(?i:https?)://{login}{host}{rest}"))?,
        ftp: regex(format!(
            r"\A(?i:ftp)://{login}{host}(?::[0-9]{{1,5}})?{path}(?:;(?i:type)=[aAiIdD])?{fragment}"
        ))?,
        file: regex(format!(r"\A(?i:file)://{host}?{path}{fragment}"))?,
        host: regex(format!(r"\A(?:\[(?<v6>[0-9A-Fa-f:.]{{2,45}})\]|(?<labels>{labels}))"))?,
        rest: regex(format!(r"\A{rest}"))?,
        local_part: regex(format!(r"\A{local}(?:\.{local})*@"))?,
        bracketed: regex(r"\A\[(?:[\x01-\x08\x0b\x0c\x0e-\x5a\x5e-\x7f]|\\[\x00-\x7f])*\]".to_owned())?,
    })
});

/// Where a match at the beginning of a text ends.
fn end(regex: &Regex, text: &str) -> Option<usize> {
    regex.find(text).ok().flatten().map(|found| found.end())
}

/// The address that a text begins with: the one for which most was looked at, of a page before one of mail.
pub(super) fn address(text: &str) -> Option<Address> {
    let grammar = GRAMMAR.as_ref()?;
    let page = grammar.page(text);
    let mail = grammar.mail(text);
    match (page, mail) {
        (Some(page), Some(mail)) if mail.looked > page.looked => Some(mail),
        (Some(page), _) => Some(page),
        (None, mail) => mail,
    }
}

/// Whether a text begins with an address of mail.
pub(super) fn is_mail(text: &str) -> bool {
    GRAMMAR.as_ref().is_some_and(|grammar| grammar.mail(text).is_some())
}

impl Grammar {
    fn page(&self, text: &str) -> Option<Address> {
        let whole = |bytes: usize| Address { bytes, looked: bytes, kind: URL };
        self.with_scheme(text).map(whole).or_else(|| self.without_scheme(text))
    }

    fn with_scheme(&self, text: &str) -> Option<usize> {
        let regex = match text.as_bytes().first()?.to_ascii_lowercase() {
            b'h' => &self.http,
            b'f' if text.as_bytes().get(1).is_some_and(|second| second.eq_ignore_ascii_case(&b't')) => {
                &self.ftp
            }
            b'f' => &self.file,
            _ => return None,
        };
        let found = regex.captures(text).ok().flatten()?;
        let is_address = found.name("v6").is_none_or(|place| place.as_str().parse::<Ipv6Addr>().is_ok());
        found.get(0).filter(|_| is_address).map(|whole| whole.end())
    }

    /// A host under a known domain, or an address of a host by numbers, and what follows.
    fn without_scheme(&self, text: &str) -> Option<Address> {
        let found = self.host.captures(text).ok().flatten()?;
        let mut best: Option<Address> = None;
        for bytes in host_ends(&found, text) {
            let rest = &text[bytes..];
            let behind = end(&self.rest, rest).unwrap_or_default();
            let address = match rest.chars().next() {
                _ if behind > 0 => Address { bytes: bytes + behind, looked: bytes + behind, kind: URL },
                None => Address { bytes, looked: bytes, kind: URL },
                Some(next) if next == '-' || next == '_' || next.is_alphanumeric() => continue,
                Some(_) => Address { bytes, looked: bytes + 1, kind: URL },
            };
            // Of two for which as much was looked at, the one that was not at the end of the text.
            if best.is_none_or(|best| {
                (address.looked, address.bytes != address.looked) > (best.looked, best.bytes != best.looked)
            }) {
                best = Some(address);
            }
        }
        best
    }

    fn mail(&self, text: &str) -> Option<Address> {
        let local = end(&self.local_part, text)?;
        let domain = &text[local..];
        let bytes = match domain.starts_with('[') {
            true => end(&self.bracketed, domain)?,
            false => {
                let found = self.host.captures(domain).ok().flatten()?;
                domain_of_mail(domain, found.name("labels")?.as_str())?
            }
        };
        Some(Address { bytes: local + bytes, looked: local + bytes, kind: EMAIL })
    }
}

fn is_top_level(label: &str) -> bool {
    TOP_LEVEL_DOMAINS.contains(label.to_ascii_lowercase().as_str())
}

/// Where a host may end, from the first place on.
fn host_ends(found: &fancy_regex::Captures<'_>, text: &str) -> Vec<usize> {
    if let Some(v6) = found.name("v6") {
        let is_address = v6.as_str().parse::<Ipv6Addr>().is_ok();
        return if is_address { vec![v6.end() + 1] } else { Vec::new() };
    }
    let Some(labels) = found.name("labels").map(|labels| labels.as_str()) else { return Vec::new() };
    let mut ends = Vec::new();
    let mut at = 0;
    let mut octets = 0;
    for (number, label) in labels.split('.').enumerate() {
        at += label.len() + usize::from(number > 0);
        let is_octet = label.len() <= 3 && label.parse::<u8>().is_ok();
        octets = if is_octet && octets == number { number + 1 } else { octets };
        if (number == 3 && octets == 4) || (number > 0 && is_top_level(label)) {
            ends.push(at);
        }
        // The root of all domains may be written, too.
        if number > 0 && is_top_level(label) && text[at..].starts_with('.') {
            ends.push(at + 1);
        }
    }
    ends
}

/// How much of a domain of mail is one: up to the last label that is, or begins with, a known top-level domain.
fn domain_of_mail(domain: &str, labels: &str) -> Option<usize> {
    let mut best = None;
    let mut at = 0;
    for (number, label) in labels.split('.').enumerate() {
        let start = at + usize::from(number > 0);
        at = start + label.len();
        if number == 0 {
            continue;
        }
        let known = (2..=label.len()).rev().find(|length| is_top_level(&label[..*length]));
        if let Some(length) = known {
            let root = usize::from(length == label.len() && domain[at..].starts_with('.'));
            best = Some(start + length + root);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_as_long_as_it_can_be() {
        for (text, expected) in [
            ("http://a", Some(("http://a", URL))),
            ("https://[2001:db8::1]:443/a b", Some(("https://[2001:db8::1]:443/a", URL))),
            ("https://[2001::db8::1]/", None),
            ("ftp://user:pass@host.example.com/f", Some(("ftp://user:pass@host.example.com/f", URL))),
            ("example.com/a%20b%zz", Some(("example.com/a%20b", URL))),
            ("example.community", Some(("example.community", URL))),
            ("example.nosuchdomain", None),
            ("10.0.0.0/8", Some(("10.0.0.0/8", URL))),
            ("10.0.0.256", None),
            ("example.co.uk", Some(("example.co.uk", URL))),
            ("example.org. The", Some(("example.org.", URL))),
            ("a@b.example.org, c", Some(("a@b.example.org", EMAIL))),
            ("\"a b\"@example.org", Some(("\"a b\"@example.org", EMAIL))),
            ("a@[10.0.0.1]", Some(("a@[10.0.0.1]", EMAIL))),
            ("a@b", None),
        ] {
            let found = address(text).map(|address| (&text[..address.bytes], address.kind));
            assert_eq!(found, expected, "{text}");
        }
    }
}
