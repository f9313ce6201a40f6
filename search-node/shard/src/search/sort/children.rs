//! The nested objects whose values count for a document.

use std::sync::Arc;

use tantivy::DocId;
use tantivy::index::SegmentReader;
use tantivy::query::EnableScoring;

use super::{NestedSort, Opening};
use crate::engine::Level;
use crate::query::{Asked, Levels, Prepared};
use crate::search::SearchError;

/// The nested objects of a segment that count.
pub(super) struct Children {
    objects: Arc<Level>,
    /// What they are nested in.
    around: Arc<Level>,
    most: usize,
}

impl Children {
    /// None where a segment has no nested objects.
    pub(super) fn open(
        nested: &NestedSort,
        reader: &SegmentReader,
        opening: &Opening<'_>,
    ) -> Result<Option<Self>, SearchError> {
        let Some(paths) = opening.view.layout.nested_path() else { return Ok(None) };
        let level = |path: Option<&str>| Levels::new(&opening.view.identities, paths, path).of(reader);
        let Some(around) = level(opening.nested_in)? else { return Ok(None) };
        let mut objects: Option<Arc<Level>> = None;
        for wanted in nested.levels() {
            let Some(all) = level(Some(&wanted.path))? else { return Ok(None) };
            let mut these = match &wanted.filter {
                None => all,
                Some(filter) => {
                    let asked = Asked::new(filter, opening.view, opening.context).until(opening.stop);
                    let asked = Asked { nested_in: Some(&wanted.path), ..asked };
                    let mut query = Prepared::new(asked)?;
                    query.join(asked, opening.stop)?;
                    let _held = query.hold(asked, reader, &[], opening.stop)?;
                    let unscored = EnableScoring::disabled_from_searcher(&opening.view.searcher);
                    let weight = query.query().weight(unscored)?;
                    let these = Level::of(reader.max_doc(), &mut weight.scorer(reader, 1.0)?);
                    query.faults().check()?;
                    Arc::new(these)
                }
            };
            // Those count that are in one that counts.
            if let Some(outer) = objects.take() {
                let Some(outer_path) =
                    nested.levels().zip(nested.levels().skip(1)).find_map(|(around, inside)| {
                        std::ptr::eq(inside, wanted).then_some(around.path.as_str())
                    })
                else {
                    return Ok(None);
                };
                let Some(every_outer) = level(Some(outer_path))? else { return Ok(None) };
                these = Arc::new(these.only(|object| outer.contains(every_outer.next(object))));
            }
            objects = Some(these);
        }
        Ok(objects.map(|objects| Self { objects, around, most: nested.max_children }))
    }

    /// Those of a document.
    pub(super) fn of(&self, document: DocId) -> impl Iterator<Item = DocId> + '_ {
        let first = self.around.before(document).map_or(0, |before| before + 1);
        let next = move |from: DocId| Some(self.objects.next(from)).filter(|object| *object < document);
        std::iter::successors(next(first), move |object| next(object + 1)).take(self.most)
    }
}
