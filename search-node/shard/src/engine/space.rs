//! What each field takes on the disk.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tantivy::HasLen;
use tantivy::index::SegmentReader;
use tantivy::space_usage::{PerFieldSpaceUsage, SegmentSpaceUsage};

use super::{Engine, EngineError};
use crate::mapping::FieldKind;
use crate::uids::component;

/// The bytes of one field in the files of segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldBytes {
    /// Terms, the documents that have them, and where.
    pub terms: u64,
    /// Values by document.
    pub columns: u64,
    /// What finds the numbers, dates or addresses of a field beside its column.
    pub points: u64,
    /// How many words each document has.
    pub norms: u64,
    /// Documents as they came.
    pub stored: u64,
}

impl FieldBytes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.terms + self.columns + self.points + self.norms + self.stored
    }
}

impl std::ops::AddAssign for FieldBytes {
    fn add_assign(&mut self, other: Self) {
        self.terms += other.terms;
        self.columns += other.columns;
        self.points += other.points;
        self.norms += other.norms;
        self.stored += other.stored;
    }
}

/// One kind of what a field takes.
type Kind = fn(&mut FieldBytes) -> &mut u64;

impl Engine {
    /// What each field takes in the segments that a search sees, by its path. What is kept beside a field's own structure counts
    /// for the field.
    pub(crate) fn field_bytes(&self) -> Result<BTreeMap<String, FieldBytes>, EngineError> {
        let view = self.view();
        let paths = view.layout.paths_by_name();
        let mut fields = BTreeMap::<String, FieldBytes>::new();
        for segment in view.searcher.segment_readers() {
            add_segment(segment, &paths, &mut fields)?;
        }
        for (path, bytes) in &mut fields {
            let is_term = |kind: &FieldKind| {
                kind.has_terms() || matches!(kind, FieldKind::Boolean | FieldKind::Version)
            };
            if view.layout.mapping.leaf(path).is_some_and(|field| !is_term(&field.kind)) {
                bytes.points = std::mem::take(&mut bytes.terms);
            }
        }
        fields.retain(|_, bytes| bytes.total() > 0);
        Ok(fields)
    }
}

fn add_segment(
    segment: &SegmentReader,
    paths: &HashMap<String, String>,
    fields: &mut BTreeMap<String, FieldBytes>,
) -> Result<(), EngineError> {
    let usage: SegmentSpaceUsage = segment.space_usage()?;
    let parts: [(&PerFieldSpaceUsage, Kind); 5] = [
        (usage.termdict(), |bytes| &mut bytes.terms),
        (usage.postings(), |bytes| &mut bytes.terms),
        (usage.positions(), |bytes| &mut bytes.terms),
        (usage.fast_fields(), |bytes| &mut bytes.columns),
        (usage.fieldnorms(), |bytes| &mut bytes.norms),
    ];
    for (part, kind) in parts {
        for field in part.fields() {
            let path = paths.get(field.field_name()).map_or_else(|| field.field_name(), String::as_str);
            *kind(fields.entry(path.to_owned()).or_default()) += field.total().get_bytes();
        }
    }
    fields.entry("_source".to_owned()).or_default().stored += usage.store().total().get_bytes();
    // Segments of older builds have their ids among what is stored.
    if let Ok(uids) = segment.open_read(component()) {
        fields.entry("_id".to_owned()).or_default().terms += uids.len() as u64;
    }
    Ok(())
}
