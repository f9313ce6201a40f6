//! Marks of how full a node's disk may get.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The space of a node's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpace {
    pub total: u64,
    /// What the node may still take of it.
    pub free: u64,
}

/// One mark: a share of the disk that may be used, or an amount that must be left free.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Watermark {
    Used(f64),
    Free(u64),
}

impl DiskSpace {
    /// As it will be with more, or less, on it.
    pub(super) fn with(self, more: u64, less: u64) -> Self {
        Self { total: self.total, free: self.free.saturating_add(less).min(self.total).saturating_sub(more) }
    }

    pub(super) fn free_percent(self) -> f64 {
        if self.total == 0 { 100.0 } else { self.free as f64 * 100.0 / self.total as f64 }
    }
}

impl Watermark {
    /// Reads `85%`, `0.85`, `20gb`. A bare number is a share, as in Elasticsearch.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text, 1.0),
        };
        match number.trim().parse::<f64>() {
            Ok(share) => (0.0..=whole).contains(&share).then(|| Self::Used(share / whole)),
            Err(_) if whole > 1.0 => None,
            Err(_) => bytes(text).map(Self::Free),
        }
    }

    /// Whether less is free than the mark asks for.
    pub fn is_exceeded(self, space: DiskSpace) -> bool {
        match self {
            Self::Used(share) => space.total.saturating_sub(space.free) as f64 > space.total as f64 * share,
            Self::Free(bytes) => space.free < bytes,
        }
    }

    /// Whether this one is above another of its kind; none if they are of different kinds.
    pub fn is_above(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Used(one), Self::Used(other)) => Some(one > other),
            (Self::Free(one), Self::Free(other)) => Some(one < other),
            _ => None,
        }
    }
}

fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

impl fmt::Display for Watermark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The share as it was written, without the last bits of its binary form.
            Self::Used(share) => write!(out, "{}%", (share * 1e8).round() / 1e6),
            Self::Free(bytes) => write!(out, "{bytes}b"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_shares_or_amounts() {
        let space = DiskSpace { total: 1 << 30, free: 100 << 20 };
        for (text, is_exceeded) in
            [("90%", true), ("0.91", false), ("91%", false), ("100mb", false), ("101mb", true), ("1gb", true)]
        {
            let mark = Watermark::read(text).expect(text);
            assert_eq!(mark.is_exceeded(space), is_exceeded, "{text}");
        }
        for text in ["", "101%", "1.5", "-1", "10 parsecs", "gb", "99999999999pb"] {
            assert_eq!(Watermark::read(text), None, "{text}");
        }
    }
}
