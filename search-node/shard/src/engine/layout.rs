//! The layout: which tantivy field keeps which field of the mapping. It only ever grows.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tantivy::index::{IndexSettings, IndexSortByField, Order};
use tantivy::schema::{
    BytesOptions, Field, INDEXED, IndexRecordOption, IpAddrOptions, NumericOptions, STORED, Schema,
    SchemaBuilder, TextFieldIndexing, TextOptions, is_valid_field_name,
};
use tantivy::tokenizer::TokenizerManager;

use super::codec::Codec;
use super::runtime_layouts::RuntimeLayouts;
use crate::analysis::{
    Analysis, AnalysisError, Analyzer, POSITION_INCREMENT_GAP, RAW, STANDARD, indexing, standard, tokenizers,
};
use crate::mapping::{
    DocumentParser, FieldMapping, IGNORED, IndexOptions, KEYED, Mapping, NESTED_PATH, SourceRules, Storage,
    TextOptions as KeptOfText,
};
use crate::search::{SortMode, filter_source};

/// The fields that every document has, whatever its mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetaFields {
    /// Type and id in one, where segments have it that are older than the file of uids.
    pub(crate) uid: Field,
    /// The document as it came.
    pub(crate) source: Field,
    /// The routing value, if one was given.
    pub(crate) routing: Field,
    /// The type, for documents that are not of type `_doc`.
    pub(crate) doc_type: Field,
    pub(crate) seq_no: Field,
    pub(crate) version: Field,
    pub(crate) term: Field,
}

pub(crate) const UID: &str = "_uid";
pub(crate) const SEQ_NO: &str = "_seq_no";
pub(crate) const VERSION: &str = "_version";
pub(crate) const TERM: &str = "_primary_term";
/// The version and the primary term that most documents have; they are not written down.
pub(crate) const FIRST: u64 = 1;

/// A leaf of the mapping and how its values are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slot {
    path: String,
    /// tantivy's name of the field where it is not the path. It never changes: the slot's columns are found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    storage: Storage,
    index: bool,
    column: bool,
    /// What is kept of a text; all of it in a slot that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<KeptOfText>,
}

/// The order of documents inside each segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSort {
    /// The path of a field with a column.
    pub field: String,
    /// Whether the largest value comes first.
    pub is_descending: bool,
    /// Which of several values of a document counts.
    pub mode: SortMode,
}

/// A key of a flattened object.
#[derive(Clone, Copy)]
pub(crate) struct Keyed<'a> {
    /// The flattened field.
    pub(crate) root: &'a str,
    /// The path below it.
    pub(crate) key: &'a str,
    pub(crate) mapping: &'a FieldMapping,
    /// Where values are kept with their keys.
    pub(crate) field: Field,
}

/// A mapping together with the tantivy schema that keeps it.
pub(crate) struct Layout {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) schema: Schema,
    pub(crate) meta: MetaFields,
    pub(crate) parser: DocumentParser,
    pub(crate) sort: Option<IndexSort>,
    pub(crate) analysis: Arc<Analysis>,
    pub(crate) codec: Codec,
    /// Which parts of a document are kept to be shown; none where all are.
    source_rules: Option<SourceRules>,
    slots: Vec<Slot>,
    fields: HashMap<String, Field>,
    /// What runtime fields are read with; made when one is first asked for.
    runtime: OnceLock<RuntimeLayouts>,
}

impl Layout {
    /// The layout of `mapping`, keeping the slots that are there and adding those that it lacks.
    pub(crate) fn grow(
        slots: &[Slot],
        mapping: Arc<Mapping>,
        sort: Option<IndexSort>,
        analysis: Arc<Analysis>,
    ) -> Self {
        let mut slots = slots.to_vec();
        let known: HashSet<String> = slots.iter().map(|slot| slot.path.clone()).collect();
        let mut names: HashSet<String> = slots.iter().map(|slot| slot.name().into_owned()).collect();
        let mut add = |path: String, storage, index, column, text| {
            let name = free_name(&path, &names);
            names.insert(name.clone());
            slots.push(Slot { name: (name != path).then_some(name), path, storage, index, column, text });
        };
        for leaf in mapping.leaves() {
            let field = leaf.field;
            if known.contains(&leaf.path) || !(field.index || field.doc_values) {
                continue;
            }
            for part in field.parts() {
                add(format!("{}{}", leaf.path, part.suffix), part.storage, part.index, part.column, None);
            }
            let text = Some(field.text_options()).filter(|kept| *kept != KeptOfText::default());
            add(leaf.path, field.kind.storage(), field.index, field.doc_values, text);
        }
        // Shards of older builds get it behind what they have.
        if !known.contains(IGNORED) {
            slots.push(Slot::keyword(IGNORED));
        }
        // Sorting would tear documents away from their nested objects; an index that is sorted has been refused them since.
        if mapping.has_nested() && sort.is_none() && !known.contains(NESTED_PATH) {
            slots.push(Slot::keyword(NESTED_PATH));
        }
        let mut builder = Schema::builder();
        let meta = add_meta_fields(&mut builder);
        let fields: HashMap<String, Field> = slots
            .iter()
            .map(|slot| {
                let analyzer = indexed_by(slot, &mapping, &analysis);
                (slot.path.clone(), add_slot(&mut builder, slot, &analyzer.name()))
            })
            .collect();
        let parser = DocumentParser::new(Arc::clone(&mapping), &analysis, &|path| fields.get(path).copied());
        let source_rules = SourceRules::of(&mapping);
        Self {
            mapping,
            schema: builder.build(),
            meta,
            parser,
            sort,
            analysis,
            codec: Codec::Default,
            source_rules,
            slots,
            fields,
            runtime: OnceLock::new(),
        }
    }

    /// The layout of a mapping whose fields have columns alone, of documents that have nothing else.
    pub(super) fn of_columns(mapping: Arc<Mapping>, analysis: Arc<Analysis>) -> Self {
        let mut slots = Vec::new();
        for leaf in mapping.leaves() {
            slots.push(Slot {
                name: Some(stored_name(&leaf.path).into_owned()).filter(|name| *name != leaf.path),
                storage: leaf.field.kind.storage(),
                index: false,
                column: true,
                text: None,
                path: leaf.path,
            });
        }
        let mut builder = Schema::builder();
        let meta = add_unused_meta_fields(&mut builder);
        let fields: HashMap<String, Field> =
            slots.iter().map(|slot| (slot.path.clone(), add_slot(&mut builder, slot, RAW))).collect();
        let parser =
            DocumentParser::of_columns(Arc::clone(&mapping), &analysis, &|path| fields.get(path).copied());
        Self {
            mapping,
            schema: builder.build(),
            meta,
            parser,
            sort: None,
            analysis,
            codec: Codec::Default,
            source_rules: None,
            slots,
            fields,
            runtime: OnceLock::new(),
        }
    }

    /// What the runtime fields of the mapping are read with.
    pub(crate) fn runtime(&self) -> &RuntimeLayouts {
        self.runtime.get_or_init(|| RuntimeLayouts::new(&self.mapping))
    }

    /// With sources packed otherwise.
    pub(crate) fn packed(self, codec: Codec) -> Self {
        Self { codec, ..self }
    }

    /// Refuses to open where the dictionary of a field's language is missing: what others analyze by it must not be stored
    /// otherwise here.
    pub(super) fn check_dictionaries(&self) -> Result<(), AnalysisError> {
        for slot in self.slots.iter().filter(|slot| matches!(slot.storage, Storage::Text | Storage::Terms)) {
            let IndexedBy { analyzer, .. } = indexed_by(slot, &self.mapping, &self.analysis);
            if let Err(error) = self.analysis.analyzer(&analyzer)
                && error.lacks_dictionary
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The analyzers that the schema names.
    pub(super) fn tokenizers(&self) -> TokenizerManager {
        let manager = tokenizers();
        for slot in self.slots.iter().filter(|slot| matches!(slot.storage, Storage::Text | Storage::Terms)) {
            let IndexedBy { analyzer, gap } = indexed_by(slot, &self.mapping, &self.analysis);
            match self.analysis.analyzer(&analyzer) {
                Ok(found) => {
                    manager.register(&IndexedBy { analyzer, gap }.name(), indexing(&found, gap as usize))
                }
                // Mappings are checked before anything is stored under them; whatever else comes must not keep a shard shut.
                Err(error) => {
                    tracing::error!(field = slot.path, %error, "a field without its analyzer is indexed by standard");
                    manager.register(&IndexedBy { analyzer, gap }.name(), standard(gap as usize));
                }
            }
        }
        manager
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The tantivy field of a leaf, if it is kept in any structure.
    pub(crate) fn field(&self, path: &str) -> Option<Field> {
        self.fields.get(self.mapping.meant(path)).copied()
    }

    /// How the texts of a field are cut when they are stored; none of one whose values are whole.
    pub(crate) fn indexing(&self, path: &str, mapping: &FieldMapping) -> Option<Arc<Analyzer>> {
        let analysis = &self.analysis;
        match (mapping.kind.is_text(), &mapping.analysis.normalizer) {
            (true, _) => {
                let slot = self.slots.iter().find(|slot| slot.path == self.mapping.meant(path));
                let name = slot.map(|slot| indexed_by(slot, &self.mapping, analysis).analyzer);
                analysis.find_analyzer(&name?).ok().flatten()
            }
            (false, Some(normalizer)) => analysis.normalizer(normalizer).ok(),
            (false, None) => None,
        }
    }

    /// Where documents that are nested objects have their path; none where there are no such documents.
    pub(crate) fn nested_path(&self) -> Option<Field> {
        self.fields.get(NESTED_PATH).copied()
    }

    /// Whether the words of a text are in a column.
    pub(crate) fn has_words(&self, path: &str) -> bool {
        let slot = self.slots.iter().find(|slot| slot.path == path);
        slot.and_then(|slot| slot.text).is_some_and(|kept| kept.fielddata)
    }

    /// Whether the index knows where words stand.
    pub(crate) fn has_positions(&self, field: Field) -> bool {
        let kept = self.schema.get_field_entry(field).field_type().get_index_record_option();
        kept.is_some_and(|kept| kept.has_positions())
    }

    /// The tantivy field of what is kept beside the own structure of a leaf.
    pub(crate) fn part(&self, path: &str, suffix: &str) -> Option<Field> {
        self.fields.get(&format!("{}{suffix}", self.mapping.meant(path))).copied()
    }

    /// The key at a path below a flattened field.
    pub(crate) fn keyed<'a>(&'a self, path: &'a str) -> Option<Keyed<'a>> {
        if self.mapping.leaf(path).is_some() {
            return None;
        }
        path.match_indices('.').find_map(|(at, _)| {
            let (root, key) = (&path[..at], &path[at + 1..]);
            let mapping = self.mapping.leaf(root)?;
            let field = self.part(root, KEYED)?;
            Some(Keyed { root, key, mapping, field })
        })
    }

    /// tantivy's name of the field at a path, by which its column is found.
    pub(crate) fn stored_name<'a>(&'a self, path: &'a str) -> &'a str {
        self.field(path).map_or(path, |field| self.schema.get_field_name(field))
    }

    /// What of a document is kept to be shown; none where all of it is.
    pub(super) fn shown_source(&self, source: &[u8]) -> Option<Vec<u8>> {
        let rules = self.source_rules.as_ref()?;
        let json = serde_json::from_slice(source).ok()?;
        Some(filter_source(&json, &rules.includes, &rules.excludes).to_string().into_bytes())
    }

    /// The paths of the mapping's fields by the names that tantivy has for them and for what is kept beside them.
    pub(super) fn paths_by_name(&self) -> HashMap<String, String> {
        let of_field = |slot: &Slot| {
            let path = slot.path.split_once("..").map_or(slot.path.as_str(), |(path, _part)| path);
            (slot.name().into_owned(), path.to_owned())
        };
        self.slots.iter().map(of_field).collect()
    }

    /// The field that documents are ordered by, and which of its values counts.
    pub(super) fn leading(&self) -> Option<(Field, SortMode)> {
        let sort = self.sort.as_ref()?;
        Some((self.field(&sort.field)?, sort.mode))
    }

    /// How segments are written.
    pub(super) fn index_settings(&self) -> IndexSettings {
        let order = |sort: &IndexSort| if sort.is_descending { Order::Desc } else { Order::Asc };
        // A sort by a field that no document has had yet begins once the field has a column.
        let sort = self.sort.as_ref().filter(|sort| self.has_column(&sort.field));
        IndexSettings {
            sort_by_field: sort.map(|sort| IndexSortByField {
                field: self.stored_name(&sort.field).to_owned(),
                order: order(sort),
            }),
            docstore_compression: self.codec.compressor(),
            docstore_compress_dedicated_thread: false,
            docstore_blocksize: self.codec.block_bytes(),
            ..IndexSettings::default()
        }
    }

    fn has_column(&self, path: &str) -> bool {
        self.slots.iter().any(|slot| slot.path == path && slot.column)
    }

    /// The fields with norms, which a segment that predates them is shown to have.
    pub(crate) fn normed(&self) -> Vec<u32> {
        self.schema
            .fields()
            .filter(|(_, entry)| entry.has_fieldnorms())
            .map(|(field, _)| field.field_id())
            .collect()
    }
}

fn add_meta_fields(builder: &mut SchemaBuilder) -> MetaFields {
    let fast = || NumericOptions::default().set_fast();
    MetaFields {
        // Nothing is written to it any more. It keeps its number, by which older segments have their uids among the stored values.
        uid: builder.add_text_field(UID, TextOptions::default()),
        source: builder.add_bytes_field("_source", BytesOptions::from(STORED)),
        routing: builder.add_text_field("_routing", raw_text().set_stored()),
        doc_type: builder.add_text_field("_type", raw_text()),
        seq_no: builder.add_u64_field(SEQ_NO, fast()),
        version: builder.add_u64_field(VERSION, fast()),
        term: builder.add_u64_field(TERM, fast()),
    }
}

/// The same where no document has anything but fields: nothing is kept of them.
fn add_unused_meta_fields(builder: &mut SchemaBuilder) -> MetaFields {
    MetaFields {
        uid: builder.add_text_field(UID, TextOptions::default()),
        source: builder.add_bytes_field("_source", BytesOptions::default()),
        routing: builder.add_text_field("_routing", TextOptions::default()),
        doc_type: builder.add_text_field("_type", TextOptions::default()),
        seq_no: builder.add_u64_field(SEQ_NO, NumericOptions::default()),
        version: builder.add_u64_field(VERSION, NumericOptions::default()),
        term: builder.add_u64_field(TERM, NumericOptions::default()),
    }
}

/// One term, no positions, and no norms: tantivy's `STRING` would add a byte of norm for each document.
fn raw_text() -> TextOptions {
    TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(RAW)
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false),
    )
}

impl Slot {
    /// Terms that are no field of the mapping.
    fn keyword(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            name: None,
            storage: Storage::Keyword,
            index: true,
            column: false,
            text: None,
        }
    }

    /// Where documents have its values.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// tantivy's name of the field. A slot that was made before names were kept has its path, if tantivy takes that.
    fn name(&self) -> Cow<'_, str> {
        match &self.name {
            Some(name) => Cow::Borrowed(name),
            None if is_valid_field_name(&self.path) => Cow::Borrowed(&self.path),
            None => stored_name(&self.path),
        }
    }
}

/// A name for the field at a path that no other field has: one that was made before names were escaped may have this one.
fn free_name(path: &str, taken: &HashSet<String>) -> String {
    let mut name = stored_name(path).into_owned();
    while taken.contains(&name) {
        name.insert(0, '=');
    }
    name
}

/// The name for a path. tantivy takes no `-` in front, and no zero byte, which ends the name of a column; such a path is written
/// with a `=` in front, `==` for `=` and `=0` for zero.
fn stored_name(path: &str) -> Cow<'_, str> {
    if !path.starts_with(['-', '=']) && !path.contains('\0') {
        return Cow::Borrowed(path);
    }
    Cow::Owned(format!("={}", path.replace('=', "==").replace('\0', "=0")))
}

/// What the texts of a field are indexed by.
struct IndexedBy {
    analyzer: String,
    gap: u32,
}

impl IndexedBy {
    /// tantivy's name for it. Names of analyzers have no zero bytes, and the usual one keeps its own.
    fn name(&self) -> String {
        match (self.analyzer.as_str(), self.gap) {
            (STANDARD, POSITION_INCREMENT_GAP) => STANDARD.to_owned(),
            (analyzer, gap) => format!("{analyzer}\0{gap}"),
        }
    }
}

fn indexed_by(slot: &Slot, mapping: &Mapping, analysis: &Analysis) -> IndexedBy {
    let Some(field) = mapping.leaf(&slot.path) else {
        return IndexedBy { analyzer: STANDARD.to_owned(), gap: POSITION_INCREMENT_GAP };
    };
    let analyzer = field.analysis.indexing(analysis).to_owned();
    // The settings of an index may give the usual name to an analyzer of their own.
    IndexedBy { gap: field.analysis.gap(analysis), analyzer }
}

fn add_slot(builder: &mut SchemaBuilder, slot: &Slot, tokenizer: &str) -> Field {
    let name = slot.name();
    let name = name.as_ref();
    match slot.storage {
        Storage::Text | Storage::Terms => builder.add_text_field(name, analyzed_text(slot, tokenizer)),
        Storage::Presence => builder.add_bool_field(name, NumericOptions::default().set_fast()),
        Storage::Keyword => {
            let mut options = if slot.index { raw_text() } else { TextOptions::default() };
            if slot.column {
                options = options.set_fast(RAW);
            }
            if slot.path == IGNORED {
                options = options.set_stored();
            }
            builder.add_text_field(name, options)
        }
        Storage::Bytes => builder.add_bytes_field(name, BytesOptions::default().set_fast()),
        Storage::I64 => builder.add_i64_field(name, numeric(slot)),
        Storage::U64 => builder.add_u64_field(name, numeric(slot)),
        Storage::F64 => builder.add_f64_field(name, numeric(slot)),
        // Two terms cost little, and tantivy has no range over a column of flags.
        Storage::Bool => builder.add_bool_field(name, numeric(slot).set_indexed()),
        Storage::Ip => builder.add_ip_addr_field(
            name,
            if slot.column { IpAddrOptions::default().set_fast() } else { IpAddrOptions::from(INDEXED) },
        ),
    }
}

fn analyzed_text(slot: &Slot, tokenizer: &str) -> TextOptions {
    if !slot.index {
        return TextOptions::default();
    }
    let text = slot.text.unwrap_or_default();
    let (kept, with_norms) = match (slot.storage, text.index_options) {
        (Storage::Terms, _) => (IndexRecordOption::Basic, false),
        (_, IndexOptions::Docs) => (IndexRecordOption::Basic, text.norms),
        (_, IndexOptions::Freqs) => (IndexRecordOption::WithFreqs, text.norms),
        (_, IndexOptions::Positions) => (IndexRecordOption::WithFreqsAndPositions, text.norms),
    };
    let options = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(kept)
            .set_fieldnorms(with_norms),
    );
    if text.fielddata { options.set_fast(tokenizer) } else { options }
}

/// Numbers are searched through their column; without one, through an index.
fn numeric(slot: &Slot) -> NumericOptions {
    if slot.column { NumericOptions::default().set_fast() } else { NumericOptions::default().set_indexed() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::parse_mapping;

    /// Two paths never share a name, and no name is one that tantivy does not take.
    #[test]
    fn stored_names_differ_and_are_allowed() {
        let paths = ["a", "-a", "=a", "=-a", "a=", "==a", "a\0", "a=0", "-a\0", "-", "=", "\0"];
        let names: Vec<_> = paths.iter().map(|path| stored_name(path)).collect();

        for (at, name) in names.iter().enumerate() {
            assert!(!name.starts_with('-') && !name.contains('\0'), "{name}");
            assert!(!names[..at].contains(name), "{name}");
        }
        assert_eq!(stored_name("host.name"), "host.name");
    }

    fn slot(path: &str) -> Slot {
        let slot = json!({"path": path, "storage": "i64", "index": true, "column": true});
        serde_json::from_value(slot).expect("a slot as it was written before names were kept")
    }

    fn mapping(paths: &[&str]) -> Arc<Mapping> {
        let fields: serde_json::Map<_, _> =
            paths.iter().map(|path| ((*path).to_owned(), json!({"type": "long"}))).collect();
        Arc::new(parse_mapping(&json!({"properties": fields})).expect("valid"))
    }

    /// A slot of an older shard has columns under the path itself; they used to be looked for under another name.
    #[test]
    fn the_name_of_a_slot_never_changes() {
        let old = [slot("=a"), slot("b\0c"), slot("=-d"), slot("-e")];

        let layout =
            Layout::grow(&old, mapping(&["=a", "=-d", "-e", "=f", "-d", "g"]), None, Analysis::plain());

        for (path, name) in
            [("=a", "=a"), ("b\0c", "b\0c"), ("=-d", "=-d"), ("-e", "=-e"), ("=f", "===f"), ("g", "g")]
        {
            assert_eq!(layout.stored_name(path), name);
        }
        assert_eq!(layout.stored_name("-d"), "==-d", "its first name is another's");
        let slots = serde_json::to_value(layout.slots()).expect("JSON");
        let again: Vec<Slot> = serde_json::from_value(slots).expect("slots");
        let grown = Layout::grow(
            &again,
            mapping(&["=a", "=-d", "-e", "=f", "-d", "g", "h"]),
            None,
            Analysis::plain(),
        );
        assert_eq!(grown.schema.fields().count(), layout.schema.fields().count() + 1);
        for slot in &again {
            assert_eq!(grown.stored_name(&slot.path), layout.stored_name(&slot.path));
        }
    }
}
