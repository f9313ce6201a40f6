//! What a request may demand of the document as it is: `if_seq_no`, `if_primary_term`, `version`, `version_type`.

use shard::Condition;

use crate::error::ApiError;

/// The demands as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Demands {
    pub seq_no: Option<u64>,
    pub term: Option<u64>,
    pub version: Option<u64>,
    pub version_type: Option<String>,
}

/// How a version is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionType {
    Internal,
    External,
    ExternalGte,
}

impl VersionType {
    pub(crate) fn read(text: Option<&str>) -> Result<Self, ApiError> {
        match text {
            None | Some("internal") => Ok(Self::Internal),
            Some("external" | "external_gt") => Ok(Self::External),
            Some("external_gte") => Ok(Self::ExternalGte),
            Some(other) => Err(ApiError::argument(format!("No version type match [{other}]"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Internal => "INTERNAL",
            Self::External => "EXTERNAL",
            Self::ExternalGte => "EXTERNAL_GTE",
        }
    }
}

impl Demands {
    /// What they come to for a write; `is_create` and `has_id` tell what kind of write.
    pub(crate) fn condition(&self, is_create: bool, has_id: bool) -> Result<Condition, ApiError> {
        let version_type = VersionType::read(self.version_type.as_deref())?;
        let mut faults = Vec::new();
        if is_create {
            self.check_create(version_type, &mut faults);
        }
        if !has_id && (self.version.is_some() || version_type != VersionType::Internal) {
            faults.push("an id must be provided if version type or value are set".to_owned());
        }
        self.check_sequence(version_type, &mut faults);
        if version_type != VersionType::Internal && self.version.is_none() {
            // -3 is how "any version" is written in the versioning that a client does itself.
            faults.push(format!("illegal version value [-3] for version type [{}]", version_type.name()));
        }
        // Versions are signed numbers of 64 bits, and the next one must be possible.
        if let Some(version) = self.version.filter(|version| *version >= i64::MAX as u64) {
            faults.push(format!(
                "illegal version value [{version}] for version type [{}]",
                version_type.name()
            ));
        }
        if !faults.is_empty() {
            return Err(ApiError::validations(&faults));
        }
        Ok(match (self.seq_no, self.term, self.version) {
            (Some(seq_no), Some(term), _) => Condition::SeqNo { seq_no, term },
            (_, _, Some(version)) => {
                Condition::External { version, or_equal: version_type == VersionType::ExternalGte }
            }
            _ if is_create => Condition::Absent,
            _ => Condition::None,
        })
    }

    fn check_create(&self, version_type: VersionType, faults: &mut Vec<String>) {
        if version_type != VersionType::Internal {
            faults.push("create operations only support internal versioning. use index instead".to_owned());
        }
        if self.version.is_some() {
            faults.push("create operations do not support explicit versions. use index instead".to_owned());
        }
        if self.seq_no.is_some() || self.term.is_some() {
            faults.push("create operations do not support compare and set. use index instead".to_owned());
        }
    }

    fn check_sequence(&self, version_type: VersionType, faults: &mut Vec<String>) {
        if version_type == VersionType::Internal && self.version.is_some() {
            faults.push("internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead".to_owned());
        }
        if self.seq_no.is_some() && (version_type != VersionType::Internal || self.version.is_some()) {
            faults.push("compare and write operations can not use versioning".to_owned());
        }
        match (self.seq_no, self.term) {
            (Some(_), None) => faults.push("ifSeqNo is set, but primary term is [0]".to_owned()),
            (None, Some(term)) => faults.push(format!("ifSeqNo is unassigned, but primary term is [{term}]")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demands(seq_no: Option<u64>, term: Option<u64>, version: Option<u64>, kind: Option<&str>) -> Demands {
        Demands { seq_no, term, version, version_type: kind.map(str::to_owned) }
    }

    #[test]
    fn demands_that_hold_together_become_a_condition() {
        for (given, expected) in [
            (demands(None, None, None, None), Condition::None),
            (demands(Some(3), Some(1), None, None), Condition::SeqNo { seq_no: 3, term: 1 }),
            (
                demands(None, None, Some(7), Some("external")),
                Condition::External { version: 7, or_equal: false },
            ),
            (
                demands(None, None, Some(7), Some("external_gte")),
                Condition::External { version: 7, or_equal: true },
            ),
        ] {
            assert_eq!(given.condition(false, true).expect("holds"), expected, "{given:?}");
        }
        assert_eq!(Demands::default().condition(true, true).expect("holds"), Condition::Absent);
    }

    #[test]
    fn demands_that_contradict_are_named() {
        for (given, is_create, reason) in [
            (demands(Some(3), None, None, None), false, "ifSeqNo is set, but primary term is [0]"),
            (demands(None, Some(2), None, None), false, "ifSeqNo is unassigned, but primary term is [2]"),
            (demands(None, None, Some(2), None), false, "internal versioning can not be used"),
            (demands(None, None, None, Some("external")), false, "illegal version value [-3]"),
            (demands(None, None, Some(2), Some("external")), true, "create operations only support internal"),
            (demands(None, None, None, Some("mine")), false, "No version type match [mine]"),
        ] {
            let error = given.condition(is_create, true).expect_err("refused");
            assert_eq!(error.status, 400, "{given:?}");
            assert!(error.reason.contains(reason), "{given:?}: {}", error.reason);
        }
        let error =
            demands(None, None, Some(2), Some("external")).condition(false, false).expect_err("refused");
        assert!(error.reason.contains("an id must be provided"), "{}", error.reason);
    }
}
