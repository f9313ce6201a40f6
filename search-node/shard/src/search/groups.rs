//! The best hit of each group (`collapse`): those with the same value of a field.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::segment::Entry;
use super::sort::{Place, SegmentKey};
use super::{Hit, SearchError, SortValue};
use crate::engine::Layout;
use crate::mapping::FieldKind;
use crate::query::QueryError;

/// The best groups of a segment, each with its best hit.
pub(super) struct Groups<'a> {
    values: SegmentKey<'a>,
    most: usize,
    /// The best first.
    best: BTreeSet<Entry>,
    /// Documents without a value are a group too.
    by_group: HashMap<Option<Place>, Entry>,
    /// Whether a document has several values.
    has_several: bool,
}

impl<'a> Groups<'a> {
    pub(super) fn new(values: SegmentKey<'a>, most: usize) -> Self {
        Self { values, most, best: BTreeSet::new(), by_group: HashMap::new(), has_several: false }
    }

    /// Takes a hit if it is the best of its group, and its group among the best.
    pub(super) fn offer(&mut self, entry: Entry) {
        self.has_several |= self.values.count(entry.document) > 1;
        let group = group_of(&self.values, entry.document);
        if let Some(known) = self.by_group.get(&group) {
            if entry >= *known {
                return;
            }
            self.best.remove(known);
        } else if self.best.len() >= self.most {
            if self.best.last().is_none_or(|worst| entry >= *worst) {
                return;
            }
            if let Some(worst) = self.best.pop_last() {
                self.by_group.remove(&group_of(&self.values, worst.document));
            }
        }
        self.best.insert(entry.clone());
        self.by_group.insert(group, entry);
    }

    /// The hits, and what gives the value of their group.
    pub(super) fn finish(self) -> Result<(BTreeSet<Entry>, SegmentKey<'a>), SearchError> {
        if self.has_several {
            return Err(QueryError {
                kind: "illegal_state_exception",
                reason: "failed to collapse, the collapse field must be single valued".to_owned(),
            }
            .into());
        }
        Ok((self.best, self.values))
    }
}

/// The place of a document's value.
fn group_of(values: &SegmentKey<'_>, document: u32) -> Option<Place> {
    (values.count(document) > 0).then(|| values.place(document, 0.0))
}

/// The value of a document's group; none where it has none.
pub(super) fn group_value(values: &SegmentKey<'_>, document: u32) -> Result<SortValue, SearchError> {
    group_of(values, document).map_or(Ok(SortValue::Null), |place| Ok(values.value(&[place])?.0))
}

/// Refuses a field that has no groups.
pub(super) fn check_group(path: &str, layout: &Layout) -> Result<(), QueryError> {
    let refused = |reason: String| Err(QueryError::argument(reason));
    let Some(mapping) = layout.mapping.searched(path) else {
        return refused(format!("no mapping found for `{path}` in order to collapse on"));
    };
    let is_known = match &mapping.kind {
        FieldKind::Keyword { .. } | FieldKind::Integer { .. } | FieldKind::UnsignedLong => true,
        kind => kind.precision().is_some(),
    };
    if !is_known {
        return refused(format!(
            "unknown type for collapse field `{path}`, only keywords and numbers are accepted"
        ));
    }
    if !mapping.doc_values {
        return refused(format!("cannot collapse on field `{path}` without `doc_values`"));
    }
    Ok(())
}

/// Of hits in their order the first of each group.
pub fn one_of_each_group(hits: &mut Vec<Hit>) {
    let mut known = HashSet::new();
    hits.retain(|hit| hit.group.as_ref().is_none_or(|group| known.insert(group.to_json().to_string())));
}
