//! Reading one document: from the translog while no refresh has shown it, else from the index.

use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};

use super::identities::identities_in;
use super::write::Numbers;
use super::{Engine, EngineError, Layout, View};
use crate::mapping::IGNORED;

/// A document as it is stored.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// Its type and id in one.
    pub uid: String,
    /// Its routing value.
    pub routing: Option<String>,
    /// Its JSON, as it came.
    pub source: Vec<u8>,
    /// The fields of which something was left out when it was stored.
    pub ignored: Vec<String>,
    /// The operation that wrote it.
    pub seq_no: u64,
    /// The primary term of that operation.
    pub term: u64,
    /// Its version.
    pub version: u64,
}

impl Engine {
    /// The document as the newest write left it, visible or not.
    pub(crate) fn get(&self, uid: &str) -> Result<Option<StoredDocument>, EngineError> {
        let Some(live) = self.versions.get(uid) else {
            return self.get_visible(uid);
        };
        let Some(location) = live.source else {
            return Ok(None);
        };
        match self.translog.read(location) {
            Ok(operation) => Ok(Some(StoredDocument {
                ignored: ignored_of(&self.layout(), &operation.uid, &operation.source),
                uid: operation.uid,
                routing: Some(operation.routing).filter(|routing| !routing.is_empty()),
                source: self.layout().shown_source(&operation.source).unwrap_or(operation.source),
                seq_no: operation.seq_no,
                term: operation.term,
                version: operation.version,
            })),
            // A flush trimmed the generation between the two steps: the index shows the document now.
            Err(error) => match self.versions.get(uid) {
                Some(again) if again == live => Err(error.into()),
                _ => self.get_visible(uid),
            },
        }
    }

    /// The document as the last refresh shows it.
    pub(crate) fn get_visible(&self, uid: &str) -> Result<Option<StoredDocument>, EngineError> {
        let view = self.view();
        view.find(uid)?.map(|(address, numbers)| view.document(address, numbers)).transpose()
    }
}

/// The fields of which something is left out of a document that no refresh has shown.
fn ignored_of(layout: &Layout, uid: &str, source: &[u8]) -> Vec<String> {
    let source = serde_json::from_slice(source);
    source.map_or_else(|_| Vec::new(), |source| layout.parser.ignored(uid, &source))
}

impl View {
    /// Where a document is, and the numbers of the operation that wrote it.
    pub(crate) fn find(&self, uid: &str) -> Result<Option<(DocAddress, Numbers)>, EngineError> {
        for (ordinal, reader) in self.searcher.segment_readers().iter().enumerate() {
            let identities = identities_in(&self.identities, reader)?;
            let documents = identities.uids.documents(uid)?;
            // Before the document itself its nested objects stand.
            if let Some(document) = documents.into_iter().rfind(|document| !reader.is_deleted(*document)) {
                let address = DocAddress::new(ordinal as u32, document);
                return Ok(Some((address, identities.numbers(reader, document)?)));
            }
        }
        Ok(None)
    }

    /// The numbers of the operation that wrote a document.
    pub(crate) fn numbers(&self, address: DocAddress) -> Result<Numbers, EngineError> {
        let reader = self.searcher.segment_reader(address.segment_ord);
        Ok(identities_in(&self.identities, reader)?.numbers(reader, address.doc_id)?)
    }

    /// The document at an address.
    pub(crate) fn document(
        &self,
        address: DocAddress,
        numbers: Numbers,
    ) -> Result<StoredDocument, EngineError> {
        let stored: TantivyDocument = self.searcher.doc(address)?;
        let meta = self.layout.meta;
        let text = |field| stored.get_first(field).and_then(|value| value.as_str().map(str::to_owned));
        let identities = identities_in(&self.identities, self.searcher.segment_reader(address.segment_ord))?;
        Ok(StoredDocument {
            uid: identities.uids.uid(address.doc_id)?,
            routing: text(meta.routing),
            ignored: self.layout.field(IGNORED).map_or_else(Vec::new, |field| {
                let values = stored.get_all(field);
                values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
            }),
            source: stored
                .get_first(meta.source)
                .and_then(|v| v.as_str().map(str::as_bytes).or(v.as_bytes()).map(<[u8]>::to_vec))
                .unwrap_or_default(),
            seq_no: numbers.seq_no,
            term: numbers.term,
            version: numbers.version,
        })
    }
}
