//! Highlighting: where a hit's texts have what a query looks for.
//!
//! The texts are those of the document's JSON, cut into words again as they were when it was stored.
//!
//! ```text
//!  request   what is asked for
//!  needles   the words and phrases of a query, by the fields that they are looked for in
//!  spans     phrases and spans: where words stand as one
//!  content   the texts of a field, cut into words, and where these are found
//!  breaks    where passages may begin and end
//!  unified   the best passages, by sentences or words
//!  letters   texts one behind the other, and the boundaries in them
//!  vectors   fragments around what was found, up to boundaries
//!  plain     the best fragments of a fixed size
//!  mark      what was found between its tags
//! ```

mod boundaries;
mod breaks;
mod content;
mod letters;
mod mark;
mod needles;
mod plain;
mod request;
mod spans;
mod unified;
mod vectors;

use serde_json::{Map, Value, json};

use self::content::Content;
use self::needles::Needles;
pub use self::request::{
    BoundaryScanner, Fragmenter, Highlight, HighlightField, HighlightKind, HighlightOptions, VectorOptions,
};
use crate::engine::View;
use crate::json_values::{text_of, values_at};
use crate::mapping::{FieldKind, FieldMapping, INDEX_PHRASE, INDEX_PREFIX};
use crate::query::{Query, QueryContext, QueryError, wildcard_name_matches as name_matches};

/// How far texts are apart that no phrase goes over.
const APART: usize = 1 << 40;
/// The names of what texts keep for phrases and beginnings.
const HIDDEN: [&str; 2] = [INDEX_PHRASE, INDEX_PREFIX];

/// The fields of an index that are highlighted, and what is looked for in them; found once for many documents.
pub struct Highlighter<'a> {
    view: &'a View,
    index: &'a str,
    /// So many letters of a text are looked through.
    offset_max: usize,
    fields: Vec<Found<'a>>,
}

/// A field to highlight.
struct Found<'a> {
    path: String,
    mapping: &'a FieldMapping,
    options: &'a HighlightOptions,
    needles: Needles,
}

impl<'a> Highlighter<'a> {
    pub(crate) fn new(
        view: &'a View,
        asked: &'a Highlight,
        query: &Query,
        context: &QueryContext<'a>,
        offset_max: usize,
    ) -> Result<Self, QueryError> {
        let mapping = &view.layout.mapping;
        let mut fields: Vec<Found<'a>> = Vec::new();
        for field in &asked.fields {
            let leaves = mapping.leaves().into_iter().map(|leaf| leaf.path);
            // What a field keeps beside itself is shown to whoever names it.
            let is_hidden =
                |path: &str| field.pattern != path && HIDDEN.iter().any(|end| path.ends_with(end));
            let paths = leaves.filter(|path| name_matches(&field.pattern, path) && !is_hidden(path));
            for path in paths {
                let Some(mapping) = mapping.leaf(&path) else { continue };
                let is_shown = mapping.kind.is_text() || matches!(mapping.kind, FieldKind::Keyword { .. });
                if !is_shown || fields.iter().any(|known| known.path == path) {
                    continue;
                }
                let options = &field.options;
                let query = options.query.as_ref().unwrap_or(query);
                let needles = Needles::read(view, context, query, options.kind);
                let needles = match (options.require_field_match, options.kind) {
                    (false, _) => needles,
                    (true, HighlightKind::Plain) => needles.of_fields(&path, &[], options.kind),
                    // Of other fields the field itself is only one where it is named.
                    (true, HighlightKind::Vectors) if !options.matched_fields.is_empty() => {
                        needles.of_fields("", &options.matched_fields, options.kind)
                    }
                    (true, _) => needles.of_fields(&path, &options.matched_fields, options.kind),
                };
                if options.kind == HighlightKind::Vectors {
                    check_vectors(&path, mapping)?;
                }
                fields.push(Found { path, mapping, options, needles });
            }
        }
        Ok(Self { view, index: context.index, offset_max, fields })
    }

    /// What is highlighted of a document.
    pub fn of(&self, id: &str, source: &Value) -> Result<Map<String, Value>, QueryError> {
        let mut shown = Map::new();
        for field in &self.fields {
            let fragments = self.fragments(field, id, source)?;
            if !fragments.is_empty() {
                shown.insert(field.path.clone(), json!(fragments));
            }
        }
        Ok(shown)
    }

    fn fragments(&self, field: &Found<'_>, id: &str, source: &Value) -> Result<Vec<String>, QueryError> {
        let options = field.options;
        let mut texts = self.texts(field, source);
        let length: usize = texts.iter().map(|text| text.chars().count()).sum();
        match options.max_analyzed_offset {
            Some(most) => texts.iter_mut().for_each(|text| *text = text.chars().take(most).collect()),
            None if length > self.offset_max => {
                return Err(self.too_long(&field.path, id));
            }
            None => {}
        }
        let layout = &self.view.layout;
        if options.kind == HighlightKind::Vectors {
            return self.by_vectors(field, &texts);
        }
        let analyzer = layout.indexing(&field.path, field.mapping);
        let gap = |mapping: &FieldMapping| match options.kind {
            // Each text is looked at for itself.
            HighlightKind::Plain => APART,
            HighlightKind::Unified | HighlightKind::Vectors => {
                mapping.analysis.gap(&layout.analysis) as usize
            }
        };
        let content = Content::new(texts.clone(), analyzer.as_deref(), gap(field.mapping));
        let needles = &field.needles;
        let mut found = content.find(needles, options.kind);
        // The words of another field are those that it makes of the same texts.
        let others = match options.kind {
            HighlightKind::Unified => &options.matched_fields[..],
            HighlightKind::Plain | HighlightKind::Vectors => &[],
        };
        for path in others.iter().filter(|path| **path != field.path) {
            let Some(mapping) = layout.mapping.leaf(path) else { continue };
            let analyzer = layout.indexing(path, mapping);
            let other = Content::new(texts.clone(), analyzer.as_deref(), gap(mapping));
            found.extend(content.like_in(&other, &other.find(needles, options.kind)));
        }
        found.sort_unstable();
        found.dedup();
        Ok(match options.kind {
            HighlightKind::Unified => unified::fragments(&content, &found, needles, options),
            HighlightKind::Plain | HighlightKind::Vectors => {
                plain::fragments(&content, &found, needles, options)
            }
        })
    }

    /// Fragments around what was found by the words of the field, or of those that count for it.
    fn by_vectors(&self, field: &Found<'_>, texts: &[String]) -> Result<Vec<String>, QueryError> {
        let (layout, options) = (&self.view.layout, field.options);
        let own = [field.path.clone()];
        let paths = if options.matched_fields.is_empty() { &own[..] } else { &options.matched_fields };
        let contents = paths.iter().filter_map(|path| {
            let mapping = layout.mapping.leaf(path)?;
            let analyzer = layout.indexing(path, mapping);
            let gap = mapping.analysis.gap(&layout.analysis) as usize;
            let content = Content::new(texts.to_vec(), analyzer.as_deref(), gap);
            Some((content, options.require_field_match.then_some(path.as_str())))
        });
        let contents: Vec<_> = contents.collect();
        vectors::fragments(texts, &contents, &field.needles, options)
    }

    fn texts(&self, field: &Found<'_>, source: &Value) -> Vec<String> {
        let mapping = &self.view.layout.mapping;
        let longest = match field.mapping.kind {
            FieldKind::Keyword { ignore_above } => ignore_above,
            _ => usize::MAX,
        };
        let Some(path) = mapping.sources_of(mapping.meant(&field.path)).into_iter().next() else {
            return Vec::new();
        };
        let mut texts = Vec::new();
        values_at(source, &path, &mut |value| add_texts(value, longest, &mut texts));
        texts
    }

    fn too_long(&self, path: &str, id: &str) -> QueryError {
        QueryError::argument(format!(
            "The length of [{path}] field of [{id}] doc of [{}] index has exceeded [{}] - maximum allowed to be analyzed for highlighting. This maximum can be set by changing the [index.highlight.max_analyzed_offset] index level setting. For large texts, indexing with offsets or term vectors is recommended!",
            self.index, self.offset_max
        ))
    }
}

/// Refuses a field of whose words it is not kept where they stand, as Elasticsearch does.
fn check_vectors(path: &str, mapping: &FieldMapping) -> Result<(), QueryError> {
    let kept = mapping.parameters.get("term_vector").and_then(Value::as_str).unwrap_or_default();
    match kept.starts_with("with_positions_offsets") {
        true => Ok(()),
        false => Err(QueryError::argument(format!(
            "the field [{path}] should be indexed with term vector with position offsets to be used with fast vector highlighter"
        ))),
    }
}

fn add_texts(value: &Value, longest: usize, texts: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, longest, texts)),
        one => texts.extend(text_of(one).filter(|text| text.chars().count() <= longest)),
    }
}
