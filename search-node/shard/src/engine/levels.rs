//! Levels: which documents of a segment are documents, and which are the nested objects at a path.
//!
//! A document and its nested objects stand beside one another, each behind what is nested in it, and no merge tears them apart:
//!
//! ```text
//!  a.b  a.b   a   a.b   a   document │  a   document │ document
//!   └────┴────┘    └────┘       │
//!        └──────────────┴───────┘
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, TERMINATED, Term};

use super::fielddata::{Charge, Keepable, SegmentFielddata};

/// Some documents of a segment, deleted ones too. A bit for each takes less than looking them up again and again.
#[derive(Debug)]
pub(crate) struct Level {
    words: Vec<u64>,
    count: u32,
    /// Whether the segment has nothing but documents, which are not counted then.
    is_whole: bool,
    /// What it takes of the memory for such things; none while it is made.
    charge: Option<Charge>,
}

/// The nested objects at a path, or the documents themselves; none if the segment has nothing but documents. `paths` is the field that has the
/// paths.
pub(super) fn level(
    kept: &SegmentFielddata,
    reader: &SegmentReader,
    paths: Field,
    path: Option<&str>,
) -> tantivy::Result<Option<Arc<Level>>> {
    let name = path.map_or(Cow::Borrowed(DOCUMENTS), |path| Cow::Owned(format!("nested {path}")));
    let goes_on = || Ok(());
    let found = kept.get_or_make(&name, goes_on, |charge| -> tantivy::Result<_> {
        let level = match path {
            None => Level::documents(reader, paths)?,
            Some(path) => Level::nested(reader, paths, path)?,
        };
        Ok(level.charged(charge))
    })?;
    Ok(Some(found).filter(|level| !level.is_whole))
}

impl Keepable for Level {}

/// The name of the level of documents.
const DOCUMENTS: &str = "documents";

impl Level {
    fn empty(reader: &SegmentReader) -> Self {
        let words = vec![0; (reader.max_doc() as usize).div_ceil(64)];
        Self { words, count: 0, is_whole: false, charge: None }
    }

    fn charged(mut self, mut charge: Charge) -> Self {
        charge.set_in_any_case(self.words.len() * size_of::<u64>());
        self.charge = Some(charge);
        self
    }

    fn nested(reader: &SegmentReader, paths: Field, path: &str) -> tantivy::Result<Self> {
        let mut level = Self::empty(reader);
        let term = Term::from_field_text(paths, path);
        let postings = reader.inverted_index(paths)?.read_postings(&term, IndexRecordOption::Basic)?;
        postings.into_iter().for_each(|mut postings| level.insert_all(&mut postings));
        Ok(level)
    }

    fn documents(reader: &SegmentReader, paths: Field) -> tantivy::Result<Self> {
        let index = reader.inverted_index(paths)?;
        let mut nested = Self::empty(reader);
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            let mut postings = index.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            nested.insert_all(&mut postings);
        }
        if nested.count == 0 {
            return Ok(Self { words: Vec::new(), count: 0, is_whole: true, charge: None });
        }
        Ok(nested.others(reader.max_doc()))
    }

    /// Some documents of a segment that has so many.
    pub(crate) fn of(of: u32, documents: &mut impl DocSet) -> Self {
        let mut level =
            Self { words: vec![0; (of as usize).div_ceil(64)], count: 0, is_whole: false, charge: None };
        level.insert_all(documents);
        level
    }

    /// Those of them that are meant.
    pub(crate) fn only(&self, is_meant: impl Fn(DocId) -> bool) -> Self {
        let mut kept = Self { words: vec![0; self.words.len()], count: 0, is_whole: false, charge: None };
        let mut document = self.next(0);
        while document != TERMINATED {
            if is_meant(document) {
                kept.words[document as usize / 64] |= 1 << (document % 64);
                kept.count += 1;
            }
            document = self.next(document + 1);
        }
        kept
    }

    fn insert_all(&mut self, documents: &mut impl DocSet) {
        while documents.doc() != TERMINATED {
            let document = documents.doc();
            if let Some(word) = self.words.get_mut(document as usize / 64) {
                *word |= 1 << (document % 64);
                self.count += 1;
            }
            documents.advance();
        }
    }

    fn others(mut self, documents: u32) -> Self {
        self.words.iter_mut().for_each(|word| *word = !*word);
        if let Some(last) = self.words.last_mut()
            && !documents.is_multiple_of(64)
        {
            *last &= (1 << (documents % 64)) - 1;
        }
        self.count = documents - self.count;
        self
    }

    /// How many there are, deleted ones too.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn contains(&self, document: DocId) -> bool {
        self.words.get(document as usize / 64).is_some_and(|word| word >> (document % 64) & 1 == 1)
    }

    /// The first one from a document on.
    pub(crate) fn next(&self, from: DocId) -> DocId {
        let mut at = from as usize / 64;
        let Some(first) = self.words.get(at) else { return TERMINATED };
        let mut word = first & (u64::MAX << (from % 64));
        while word == 0 {
            at += 1;
            match self.words.get(at) {
                Some(next) => word = *next,
                None => return TERMINATED,
            }
        }
        at as DocId * 64 + word.trailing_zeros()
    }

    /// How many there are from a document on before another.
    pub(crate) fn count_between(&self, from: DocId, to: DocId) -> usize {
        let mut count = 0;
        let mut at = self.next(from);
        while at < to {
            count += 1;
            at = self.next(at + 1);
        }
        count
    }

    /// The last one before a document.
    pub(crate) fn before(&self, document: DocId) -> Option<DocId> {
        let all = (self.words.len() as DocId).saturating_mul(64);
        let last = document.min(all).checked_sub(1)?;
        let mut at = last as usize / 64;
        let mut word = self.words.get(at)? & (u64::MAX >> (63 - last % 64));
        while word == 0 {
            at = at.checked_sub(1)?;
            word = *self.words.get(at)?;
        }
        Some(at as DocId * 64 + 63 - word.leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(documents: &[DocId], of: u32) -> Level {
        let mut words = vec![0u64; (of as usize).div_ceil(64)];
        documents.iter().for_each(|document| words[*document as usize / 64] |= 1 << (document % 64));
        Level { words, count: documents.len() as u32, is_whole: false, charge: None }
    }

    #[test]
    fn neighbours_are_found_across_words() {
        let documents = [0, 3, 63, 64, 200];
        let level = level(&documents, 201);

        for document in 0..300 {
            let next = documents.iter().copied().find(|other| *other >= document).unwrap_or(TERMINATED);
            assert_eq!(level.next(document), next, "{document}");
            assert_eq!(level.contains(document), documents.contains(&document), "{document}");
        }
        for document in (0..=201).chain([1_000, TERMINATED]) {
            let before = documents.iter().copied().rfind(|other| *other < document);
            assert_eq!(level.before(document), before, "{document}");
        }
    }

    #[test]
    fn the_others_are_what_is_left() {
        for of in [1, 63, 64, 65, 130] {
            let others = level(&[0], of).others(of);

            assert_eq!(others.count(), of - 1);
            assert_eq!((0..200).filter(|document| others.contains(*document)).count() as u32, of - 1, "{of}");
            assert_eq!(others.next(0), if of == 1 { TERMINATED } else { 1 });
        }
    }
}
