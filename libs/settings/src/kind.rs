//! The kinds of values a setting can have, and the check and meaning of each.

use std::time::Duration;

use crate::tree::{Node, Tree};

/// The kind of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, both ends included.
    Integer(i64, i64),
    /// A decimal number in a range, both ends included.
    Float(f64, f64),
    /// Any text.
    Text,
    /// One word of a list.
    OneOf(&'static [&'static str]),
    /// An amount of bytes: `64mb`, `1gb`, `1048576`.
    Bytes,
    /// An amount of bytes or a share of the whole: `64mb`, `10%`.
    BytesOrShare,
    /// A time span: `500ms`, `30s`, `5m`, `2h`, `7d`; a bare 0 is zero, `-1` is never.
    Duration,
    /// A file or folder.
    Path,
    /// A TCP or UDP port; 0 lets the system choose.
    Port,
    /// A list of texts; one text alone counts as a list of one.
    TextList,
    /// A list of names; in one text commas part them, as on the command line of Elasticsearch.
    Names,
    /// What is logged: a level, or levels per module, parted by commas.
    Levels,
    /// A list of maps, whose members are settings of their own (`key[].member`).
    Items,
    /// A tree that the component reads itself.
    Any,
}

/// An amount that is either absolute or a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// An absolute number of bytes.
    Bytes(u64),
    /// A share of the whole, 0 to 1.
    Of(f64),
}

impl Kind {
    /// What would be accepted, in words, with an example.
    pub fn expected(&self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer(low, i64::MAX) => format!("a whole number of at least {low}"),
            Kind::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Kind::Float(low, high) => format!("a number from {low} to {high}"),
            Kind::Text => "a text".to_owned(),
            Kind::OneOf(words) => format!("one of {}", words.join(", ")),
            Kind::Bytes => "an amount of bytes, e.g. 64mb or 1gb".to_owned(),
            Kind::BytesOrShare => "an amount of bytes or a share, e.g. 512mb or 25%".to_owned(),
            Kind::Duration => "a time span, e.g. 500ms, 30s or 5m".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Port => "a port from 0 to 65535".to_owned(),
            Kind::TextList => "a text or a list of texts, e.g. [a, b]".to_owned(),
            Kind::Names => "names parted by commas or a list of them, e.g. a,b or [a, b]".to_owned(),
            Kind::Levels => {
                format!(
                    "one of {}, or levels per module, e.g. info,search_node::rest=debug",
                    LEVELS.join(", ")
                )
            }
            Kind::Items => "a list of maps, each starting with `- `".to_owned(),
            Kind::Any => "any value".to_owned(),
        }
    }

    /// Whether `node` is of this kind.
    pub(crate) fn accepts(&self, node: &Node) -> bool {
        match (self, &node.tree) {
            (Kind::Any, _) | (_, Tree::Null) => true,
            (Kind::Items, Tree::List(nodes)) => nodes.iter().all(|n| matches!(n.tree, Tree::Map(_))),
            (Kind::TextList | Kind::Names, Tree::List(nodes)) => nodes.iter().all(|n| n.as_text().is_some()),
            (_, Tree::Scalar { text, .. }) => self.accepts_text(text),
            (_, Tree::List(_) | Tree::Map(_)) => false,
        }
    }

    fn accepts_text(&self, text: &str) -> bool {
        match self {
            Kind::Bool => matches!(text, "true" | "false"),
            Kind::Integer(low, high) => text.parse::<i64>().is_ok_and(|n| n >= *low && n <= *high),
            Kind::Float(low, high) => text.parse::<f64>().is_ok_and(|n| n >= *low && n <= *high),
            Kind::OneOf(words) => words.contains(&text),
            Kind::Bytes => parse_bytes(text).is_some(),
            Kind::BytesOrShare => parse_share(text).is_some(),
            Kind::Duration => text == "-1" || parse_duration(text).is_some(),
            Kind::Port => text.parse::<u16>().is_ok(),
            Kind::Levels => text.split(',').all(is_level),
            Kind::Text | Kind::Path | Kind::TextList | Kind::Names | Kind::Any => true,
            Kind::Items => false,
        }
    }
}

/// What a log may be limited to.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Whether a part of [`Kind::Levels`] is one: a word that is none of the levels would be taken for a module, and silence the rest.
fn is_level(part: &str) -> bool {
    let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
    LEVELS.contains(&level.trim().to_ascii_lowercase().as_str())
}

/// Reads `64mb`, `1.5gb`, `512` (bytes); units are powers of 1024, upper or lower case.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let amount: f64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    Some((amount * unit as f64) as u64)
}

/// Reads `500ms`, `30s`, `5m`, `1.5h`, `7d`, `100us`, `0`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let amount: f64 = text[..digits].parse().ok()?;
    let nanos: f64 = match &text[digits..] {
        "nanos" | "ns" => 1.0,
        "micros" | "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        _ => return None,
    };
    let total = amount * nanos;
    (total.is_finite() && total < u64::MAX as f64).then(|| Duration::from_nanos(total as u64))
}

pub(crate) fn parse_share(text: &str) -> Option<Share> {
    match text.trim().strip_suffix('%') {
        Some(number) => {
            number.parse::<f64>().ok().filter(|n| (0.0..=100.0).contains(n)).map(|n| Share::Of(n / 100.0))
        }
        None => parse_bytes(text).map(Share::Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_every_unit() {
        for (text, bytes) in
            [("0", 0), ("512", 512), ("1kb", 1024), ("1.5k", 1536), ("64MB", 64 << 20), ("2gb", 2 << 30)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "mb", "12parsecs", "-1"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_logged_is_a_level_or_levels_per_module() {
        for text in ["info", "WARN", "off", "info,search_node::rest=debug", "openraft=off, warn"] {
            assert!(Kind::Levels.accepts_text(text), "{text}");
        }
        for text in ["zz", "", "info,rest", "rest=loud"] {
            assert!(!Kind::Levels.accepts_text(text), "{text}");
        }
    }

    #[test]
    fn durations_are_read_with_every_unit() {
        for (text, millis) in [("0", 0), ("500ms", 500), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "5 fortnights"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
