//! Differences that are known and explained: data, with the reason of each.

use serde_json::Value;

use crate::answers::Difference;
use crate::requests::Request;

/// Which differences are excused, and why.
pub(crate) struct Known {
    rules: Vec<Value>,
}

/// What a rule may say; each that it says must hold.
const MEMBERS: [&str; 5] = ["family", "aspect", "body", "detail", "reason"];

impl Known {
    /// Reads `known.json`: a list of `{"family": …, "aspect": …, "body": "part of it", "detail": "part of it", "reason": …}`.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let rules: Vec<Value> = serde_json::from_str(include_str!("known.json"))?;
        for rule in &rules {
            let names: Vec<&String> = rule.as_object().into_iter().flatten().map(|(name, _)| name).collect();
            anyhow::ensure!(rule["reason"].is_string(), "a known difference has no reason: {rule}");
            anyhow::ensure!(names.len() >= 2, "a known difference excuses everything: {rule}");
            let unknown = names.iter().find(|name| !MEMBERS.contains(&name.as_str()));
            anyhow::ensure!(unknown.is_none(), "a known difference has a member that is not read: {rule}");
        }
        Ok(Self { rules })
    }

    /// Why a difference is excused, if it is.
    pub(crate) fn reason(&self, request: &Request, difference: &Difference) -> Option<&str> {
        let body = request.text();
        let rule = self.rules.iter().find(|rule| {
            let says = |member: &str| rule[member].as_str();
            says("family").is_none_or(|family| request.family == family)
                && says("aspect").is_none_or(|aspect| difference.aspect == aspect)
                && says("body").is_none_or(|part| body.contains(part))
                && says("detail").is_none_or(|part| difference.detail.contains(part))
        })?;
        rule["reason"].as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever looks for a difference looks there.
    #[test]
    fn every_reason_is_on_the_page_of_compatibility() {
        let page = include_str!("../../docs/reference/compatibility.md");
        for rule in Known::read().expect("rules").rules {
            let reason = rule["reason"].as_str().unwrap_or_default();
            assert!(page.contains(reason), "docs/reference/compatibility.md does not say: {reason}");
        }
    }
}
