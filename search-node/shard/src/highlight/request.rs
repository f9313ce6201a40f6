//! What is asked for.

use crate::query::Query;

/// What is highlighted of each hit.
#[derive(Debug, Clone)]
pub struct Highlight {
    /// The fields, in the order in which they are asked for.
    pub fields: Vec<HighlightField>,
}

/// A field to highlight, or several.
#[derive(Debug, Clone)]
pub struct HighlightField {
    /// A name, or a pattern of names.
    pub pattern: String,
    /// How.
    pub options: HighlightOptions,
}

/// How passages are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HighlightKind {
    /// By the boundaries of sentences or words.
    Unified,
    /// Of a fixed size.
    Plain,
    /// Around what was found, up to boundaries.
    Vectors,
}

/// How fragments around what was found are chosen.
#[derive(Debug, Clone)]
pub struct VectorOptions {
    /// Where fragments may end; by letters if not said.
    pub scanner: Option<BoundaryScanner>,
    /// The letters that are boundaries.
    pub boundary_chars: String,
    /// So many letters are looked through for one.
    pub boundary_max_scan: usize,
    /// So many letters stand before what was found.
    pub fragment_offset: Option<usize>,
    /// So much is looked for in a text.
    pub phrase_limit: usize,
    /// The tags, by the number of what was found.
    pub pre_tags: Vec<String>,
    /// Those behind it.
    pub post_tags: Vec<String>,
}

impl Default for VectorOptions {
    fn default() -> Self {
        Self {
            scanner: None,
            boundary_chars: ".,!? \t\n".to_owned(),
            boundary_max_scan: 20,
            fragment_offset: None,
            phrase_limit: 256,
            pre_tags: Vec::new(),
            post_tags: Vec::new(),
        }
    }
}

impl VectorOptions {
    pub(super) fn pre_tag(&self, number: usize) -> Option<&str> {
        self.pre_tags.get(number.checked_rem(self.pre_tags.len())?).map(String::as_str)
    }

    pub(super) fn post_tag(&self, number: usize) -> Option<&str> {
        self.post_tags.get(number.checked_rem(self.post_tags.len())?).map(String::as_str)
    }
}

/// Where passages may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryScanner {
    /// Behind sentences.
    Sentence,
    /// Behind words.
    Word,
}

/// Where fragments of a fixed size may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragmenter {
    /// Anywhere behind a word.
    Simple,
    /// Not within what was found.
    Span,
}

/// How a field is highlighted.
#[derive(Debug, Clone)]
pub struct HighlightOptions {
    /// How passages are chosen.
    pub kind: HighlightKind,
    /// What stands before what was found.
    pub pre_tag: String,
    /// What stands behind it.
    pub post_tag: String,
    /// How many passages are shown; 0 for the whole texts.
    pub fragments: usize,
    /// How many letters a passage has, about; 0 for whole sentences.
    pub fragment_size: usize,
    /// How many letters are shown, about, where nothing was found.
    pub no_match_size: usize,
    /// Whether the best passage comes first.
    pub by_score: bool,
    /// Whether only what is looked for in the field counts.
    pub require_field_match: bool,
    /// The fields whose words count for this one.
    pub matched_fields: Vec<String>,
    /// What is looked for, if not what the search looks for.
    pub query: Option<Query>,
    /// Where passages may end.
    pub scanner: BoundaryScanner,
    /// Where fragments of a fixed size may end.
    pub fragmenter: Fragmenter,
    /// So many letters of each text are looked through; all if not said.
    pub max_analyzed_offset: Option<usize>,
    /// Whether the text is written as HTML has it.
    pub is_html: bool,
    /// What counts for fragments around what was found alone.
    pub vectors: VectorOptions,
}

impl Default for HighlightOptions {
    fn default() -> Self {
        Self {
            kind: HighlightKind::Unified,
            pre_tag: "<em>".to_owned(),
            post_tag: "</em>".to_owned(),
            fragments: 5,
            fragment_size: 100,
            no_match_size: 0,
            by_score: false,
            require_field_match: true,
            matched_fields: Vec::new(),
            query: None,
            scanner: BoundaryScanner::Sentence,
            fragmenter: Fragmenter::Span,
            max_analyzed_offset: None,
            is_html: false,
            vectors: VectorOptions::default(),
        }
    }
}
