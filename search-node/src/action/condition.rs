//! What a request may demand of the document as it is: `if_seq_no`, `if_primary_term`, `version`, `version_type`.

use shard::Condition;

use crate::error::ApiError;
use crate::planted::{Bug, is_planted};

/// How "any version" is written in the versioning that a client does itself: as if nothing was said.
pub(crate) const ANY_VERSION: i64 = -3;
/// The same for sequence numbers.
const ANY_SEQ_NO: i64 = -2;
/// Higher ones are refused. Versions are signed numbers of 64 bits, and writes without one count on from it: there is room for so
/// many of them that nobody reaches the end, beyond which a document would begin again with negative versions.
const EXTERNAL_VERSION_MAX: i64 = i64::MAX - (1 << 32);

/// The demands as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Demands {
    pub seq_no: Option<i64>,
    pub term: Option<i64>,
    pub version: Option<i64>,
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

    /// The version that a document must have to be read, if any.
    pub(crate) fn check_to_read(self, version: Option<i64>) -> Result<Option<i64>, ApiError> {
        let Some(version) = version.filter(|version| *version != ANY_VERSION) else { return Ok(None) };
        let least = if self == Self::Internal { 1 } else { 0 };
        if version < least {
            return Err(ApiError::validation(self.illegal(version)));
        }
        Ok(Some(version))
    }

    fn illegal(self, version: i64) -> String {
        format!("illegal version value [{version}] for version type [{}]", self.name())
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
        let mut said = self.said()?;
        if is_planted(Bug::VersionsAreNotCompared) {
            (said.seq_no, said.term) = (None, None);
        }
        let version = said.version;
        let mut faults = Vec::new();
        if is_create {
            said.check_create(version_type, &mut faults);
        }
        if !has_id && (version.is_some() || version_type != VersionType::Internal) {
            faults.push("an id must be provided if version type or value are set".to_owned());
        }
        let is_legal = |version: i64| (0..=EXTERNAL_VERSION_MAX).contains(&version);
        match version {
            Some(version) if !is_legal(version) => faults.push(version_type.illegal(version)),
            None if version_type != VersionType::Internal => faults.push(version_type.illegal(ANY_VERSION)),
            _ => {}
        }
        said.check_sequence(version_type, &mut faults);
        if !faults.is_empty() {
            return Err(ApiError::validations(&faults));
        }
        Ok(match (said.seq_no, said.term, version) {
            (Some(seq_no), Some(term), _) => {
                Condition::SeqNo { seq_no: seq_no.unsigned_abs(), term: term.unsigned_abs() }
            }
            (_, _, Some(version)) => Condition::External {
                version: version.unsigned_abs(),
                or_equal: version_type == VersionType::ExternalGte,
            },
            _ if is_create => Condition::Absent,
            _ => Condition::None,
        })
    }

    /// The demands without those numbers that say nothing.
    fn said(&self) -> Result<Self, ApiError> {
        let seq_no = self.seq_no.filter(|seq_no| *seq_no != ANY_SEQ_NO);
        if let Some(seq_no) = seq_no.filter(|seq_no| *seq_no < 0) {
            return Err(ApiError::argument(format!(
                "sequence numbers must be non negative. got [{seq_no}]."
            )));
        }
        if let Some(term) = self.term.filter(|term| *term < 0) {
            return Err(ApiError::argument(format!("primary term must be non negative. got [{term}]")));
        }
        Ok(Self {
            seq_no,
            term: self.term.filter(|term| *term != 0),
            version: self.version.filter(|version| *version != ANY_VERSION),
            version_type: None,
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

    fn demands(seq_no: Option<i64>, term: Option<i64>, version: Option<i64>, kind: Option<&str>) -> Demands {
        Demands { seq_no, term, version, version_type: kind.map(str::to_owned) }
    }

    #[test]
    fn demands_that_hold_together_become_a_condition() {
        for (given, expected) in [
            (demands(None, None, None, None), Condition::None),
            (demands(Some(-2), Some(0), Some(-3), None), Condition::None),
            (demands(Some(3), Some(1), None, None), Condition::SeqNo { seq_no: 3, term: 1 }),
            (
                demands(None, None, Some(0), Some("external")),
                Condition::External { version: 0, or_equal: false },
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
    fn a_version_to_read_may_be_any() {
        for (kind, version, expected) in [
            (VersionType::Internal, None, Ok(None)),
            (VersionType::Internal, Some(-3), Ok(None)),
            (VersionType::Internal, Some(1), Ok(Some(1))),
            (VersionType::External, Some(0), Ok(Some(0))),
            (VersionType::Internal, Some(0), Err("illegal version value [0] for version type [INTERNAL]")),
            (
                VersionType::ExternalGte,
                Some(-1),
                Err("illegal version value [-1] for version type [EXTERNAL_GTE]"),
            ),
        ] {
            let read = kind.check_to_read(version).map_err(|error| error.reason);

            let expected = expected.map_err(|reason| format!("Validation Failed: 1: {reason};"));
            assert_eq!(read, expected, "{kind:?} {version:?}");
        }
    }

    #[test]
    fn demands_that_contradict_are_named() {
        for (given, is_create, reason) in [
            (demands(Some(3), None, None, None), false, "ifSeqNo is set, but primary term is [0]"),
            (demands(Some(3), Some(0), None, None), false, "ifSeqNo is set, but primary term is [0]"),
            (
                demands(Some(-1), Some(1), None, None),
                false,
                "sequence numbers must be non negative. got [-1].",
            ),
            (demands(Some(1), Some(-1), None, None), false, "primary term must be non negative. got [-1]"),
            (demands(None, None, Some(-1), Some("external")), false, "illegal version value [-1]"),
            (
                demands(None, None, Some(-1), None),
                false,
                "1: illegal version value [-1] for version type [INTERNAL];2: internal versioning",
            ),
            (
                demands(None, None, Some(EXTERNAL_VERSION_MAX + 1), Some("external")),
                false,
                "illegal version value [9223372032559808512] for version type [EXTERNAL]",
            ),
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
