//! Reading: the documents of a uid, and the uid of a document.

use std::ops::Range;
use std::sync::Arc;

use tantivy::DocId;
use tantivy::directory::{FileSlice, OwnedBytes};
use tantivy::index::Segment;

use super::file::{Parts, read};
use super::letters::{BLOCK_UIDS, LettersReader};
use super::{component, corrupt};

/// The uids of one segment. Its pages are the system's, so having it costs next to nothing.
#[derive(Clone)]
pub(crate) struct UidIndex {
    bytes: OwnedBytes,
    parts: Arc<Parts>,
}

impl UidIndex {
    pub(crate) fn open(segment: &Segment) -> tantivy::Result<Self> {
        Self::read(segment.open_read(component())?, segment.meta().max_doc())
    }

    fn read(file: FileSlice, documents: u32) -> tantivy::Result<Self> {
        let bytes = file.read_bytes()?;
        let parts = read(&bytes)?;
        if parts.documents != documents {
            let there = parts.documents;
            return Err(corrupt(&format!("the file has {there} documents, and the segment {documents}")));
        }
        Ok(Self { bytes, parts: Arc::new(parts) })
    }

    /// The documents with this uid, deleted ones and nested objects too, in their order.
    pub(crate) fn documents(&self, uid: &str) -> tantivy::Result<Vec<DocId>> {
        let (bucket, hash) = self.parts.hashing.place(uid.as_bytes());
        let hash = hash.to_le_bytes();
        let mut documents = Vec::new();
        // The entries of a bucket are in the order of their documents, and nested objects stand beside one another.
        let mut scan = self.scan();
        for entry in self.bucket(bucket)? {
            if self.number(&self.parts.hashes, entry, 2)? == hash {
                let document = self.entry(entry)?;
                if scan.seek(document)? == uid.as_bytes() {
                    documents.push(document);
                }
            }
        }
        Ok(documents)
    }

    /// The uid of a document.
    pub(crate) fn uid(&self, document: DocId) -> tantivy::Result<String> {
        let mut reader = self.reader_at(document)?;
        let uid = reader.next(self.letters()).and_then(|uid| std::str::from_utf8(uid).ok());
        uid.map(str::to_owned).ok_or_else(|| corrupt("a block of letters is broken"))
    }

    /// Reads the uids one after the other.
    pub(crate) fn scan(&self) -> UidScan<'_> {
        UidScan { index: self, reader: LettersReader::default(), next: 0 }
    }

    /// A reader whose next uid is that of a document.
    fn reader_at(&self, document: DocId) -> tantivy::Result<LettersReader> {
        let block = self.number(&self.parts.blocks, (document / BLOCK_UIDS) as usize, 8)?;
        let block = block.try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX);
        let mut reader = LettersReader::at(usize::try_from(block).unwrap_or(usize::MAX));
        for _ in 0..document % BLOCK_UIDS {
            reader.next(self.letters()).ok_or_else(|| corrupt("a block of letters is broken"))?;
        }
        Ok(reader)
    }

    /// The entries of a bucket.
    fn bucket(&self, bucket: usize) -> tantivy::Result<Range<usize>> {
        let end = |at| {
            let bytes = self.number(&self.parts.buckets, at, 4)?;
            Ok::<_, tantivy::TantivyError>(
                bytes.try_into().map_or(usize::MAX, |end| u32::from_le_bytes(end) as usize),
            )
        };
        Ok(end(bucket)?..end(bucket + 1)?)
    }

    fn entry(&self, entry: usize) -> tantivy::Result<DocId> {
        let mut document = [0; 4];
        let bytes = self.number(&self.parts.entries, entry, self.parts.width)?;
        document[..bytes.len()].copy_from_slice(bytes);
        Ok(DocId::from_le_bytes(document))
    }

    /// The number at a place of a part.
    fn number(&self, part: &Range<usize>, at: usize, width: usize) -> tantivy::Result<&[u8]> {
        let bytes = &self.bytes[part.clone()];
        let number = at.checked_mul(width).and_then(|from| bytes.get(from..from.checked_add(width)?));
        number.ok_or_else(|| corrupt("an entry points beyond the end"))
    }

    fn letters(&self) -> &[u8] {
        &self.bytes[self.parts.letters.clone()]
    }
}

/// Reads the uids of a segment from the first on.
pub(crate) struct UidScan<'i> {
    index: &'i UidIndex,
    reader: LettersReader,
    next: DocId,
}

impl UidScan<'_> {
    /// The uid of a document, which must come after the one before.
    pub(crate) fn seek(&mut self, document: DocId) -> tantivy::Result<&[u8]> {
        let broken = || corrupt("the letters end too early");
        if document > self.next.saturating_add(BLOCK_UIDS) {
            self.reader = self.index.reader_at(document)?;
            self.next = document;
        }
        while self.next < document {
            self.reader.next(self.index.letters()).ok_or_else(broken)?;
            self.next += 1;
        }
        self.next += 1;
        self.reader.next(self.index.letters()).ok_or_else(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::write;
    use super::*;

    fn index_of(uids: &[String]) -> UidIndex {
        let mut bytes = Vec::new();
        write(&mut bytes, uids.len() as u32, &|visit| uids.iter().try_for_each(|uid| visit(uid.as_bytes())))
            .expect("written");
        opened(bytes, uids.len()).expect("read")
    }

    fn opened(bytes: Vec<u8>, documents: usize) -> tantivy::Result<UidIndex> {
        UidIndex::read(FileSlice::from(bytes), documents as u32)
    }

    #[test]
    fn every_document_is_found_by_its_uid_and_no_other_is() {
        for count in [0, 1, 15, 16, 17, 255, 256, 257, 5_000] {
            let uids: Vec<String> = (0..count).map(|number| format!("{}", number * 7)).collect();

            let index = index_of(&uids);

            for (document, uid) in uids.iter().enumerate() {
                assert_eq!(index.documents(uid).expect("found"), [document as DocId], "{count}");
                assert_eq!(index.uid(document as DocId).expect("a uid"), *uid);
            }
            for absent in ["", "1", "x", "35000"] {
                assert!(index.documents(absent).expect("looked for").is_empty(), "{count}: {absent}");
            }
            assert!(index.uid(count as DocId).is_err());
        }
    }

    #[test]
    fn a_scan_may_leave_documents_out() {
        let uids: Vec<String> = (0..5_000).map(|number| format!("{}", number * 7)).collect();
        let index = index_of(&uids);
        for step in [1, 2, 31, 32, 33, 34, 64, 65, 1_000] {
            let mut scan = index.scan();
            for document in (0..uids.len()).step_by(step) {
                let uid = scan.seek(document as DocId).expect("a uid");
                assert_eq!(uid, uids[document].as_bytes(), "{step}: {document}");
            }
        }
    }

    /// A document that was written twice before a refresh is there twice.
    #[test]
    fn copies_are_found_in_their_order() {
        let uids: Vec<String> = ["a", "b", "a", "c", "a"].map(str::to_owned).to_vec();

        assert_eq!(index_of(&uids).documents("a").expect("found"), [0, 2, 4]);
    }

    #[test]
    fn each_file_has_its_own_hashes() {
        let uids: Vec<String> = (0..1_000).map(|number| format!("{number}")).collect();
        let (one, other) = (index_of(&uids), index_of(&uids));

        let places = |index: &UidIndex| {
            uids.iter().map(|uid| index.parts.hashing.place(uid.as_bytes())).collect::<Vec<_>>()
        };

        assert_ne!(places(&one), places(&other));
    }

    /// Checksums tell of damage; what they have not been asked about must still not bring the node down.
    #[test]
    fn a_damaged_file_is_an_error_or_a_wrong_answer_and_never_a_panic() {
        let uids: Vec<String> = (0..100).map(|number| format!("document-{number}")).collect();
        let bytes = index_of(&uids).bytes.to_vec();
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                let Ok(index) = opened(damaged, uids.len()) else { continue };
                for (document, uid) in uids.iter().enumerate() {
                    let _answer = (index.documents(uid).is_ok(), index.uid(document as DocId).is_ok());
                }
            }
            assert!(opened(bytes[..at].to_vec(), uids.len()).is_err(), "cut at {at}");
        }
        assert!(opened(bytes, uids.len() + 1).is_err(), "of another segment");
    }
}
