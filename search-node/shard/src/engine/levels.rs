//! Levels: which documents of a segment are documents, and which are the nested objects at a path.
//!
//! A document and its nested objects stand beside one another, each behind what is nested in it, and no merge tears them apart:
//!
//! ```text
//!  a.b  a.b   a   a.b   a   document │  a   document │ document
//!   └────┴────┘    └────┘       │
//!        └──────────────┴───────┘
//! ```

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tantivy::index::SegmentReader;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, TERMINATED, Term};

/// Some documents of a segment, deleted ones too. A bit for each takes less than looking them up again and again.
#[derive(Debug)]
pub(crate) struct Level {
    words: Vec<u64>,
    count: u32,
}

/// The levels of a segment that were asked for.
#[derive(Debug, Default)]
pub(super) struct SegmentLevels {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// None inside where every document is one.
    documents: Option<Option<Arc<Level>>>,
    nested: HashMap<String, Arc<Level>>,
}

impl SegmentLevels {
    /// The nested objects at a path, or the documents themselves. None if the segment has nothing but documents. `paths` is the
    /// field that has the paths.
    pub(super) fn get(
        &self,
        reader: &SegmentReader,
        paths: Field,
        path: Option<&str>,
    ) -> tantivy::Result<Option<Arc<Level>>> {
        let mut known = self.known.lock();
        let found = match path {
            None => known.documents.clone(),
            Some(path) => known.nested.get(path).map(|level| Some(Arc::clone(level))),
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let Some(path) = path else {
            let level = Level::documents(reader, paths)?.map(Arc::new);
            known.documents = Some(level.clone());
            return Ok(level);
        };
        let level = Arc::new(Level::nested(reader, paths, path)?);
        known.nested.insert(path.to_owned(), Arc::clone(&level));
        Ok(Some(level))
    }
}

impl Level {
    fn empty(reader: &SegmentReader) -> Self {
        Self { words: vec![0; (reader.max_doc() as usize).div_ceil(64)], count: 0 }
    }

    fn nested(reader: &SegmentReader, paths: Field, path: &str) -> tantivy::Result<Self> {
        let mut level = Self::empty(reader);
        let term = Term::from_field_text(paths, path);
        let postings = reader.inverted_index(paths)?.read_postings(&term, IndexRecordOption::Basic)?;
        postings.into_iter().for_each(|mut postings| level.insert_all(&mut postings));
        Ok(level)
    }

    fn documents(reader: &SegmentReader, paths: Field) -> tantivy::Result<Option<Self>> {
        let index = reader.inverted_index(paths)?;
        let mut nested = Self::empty(reader);
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            let mut postings = index.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            nested.insert_all(&mut postings);
        }
        Ok((nested.count > 0).then(|| nested.others(reader.max_doc())))
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
        Level { words, count: documents.len() as u32 }
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
