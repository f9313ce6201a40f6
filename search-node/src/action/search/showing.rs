//! What is shown of a hit, or of an inner hit, beside where it is: values of its fields, what of its texts was looked for, and why it has
//! its score. What finds fields and texts is made ready with the first hit of a part.

use serde_json::{Map, Value, json};
use shard::{
    AskStop, Explanation, FieldsShown, Highlight, Highlighter, Hit, Query, ScriptFields, SearchError,
};

use super::answer::add_fields;
use super::query::Part;
use super::shows::Shows;
use crate::error::ApiError;

/// What shows the fields of the documents of a part, and what highlights them.
#[derive(Default)]
pub(super) struct Showing<'a> {
    fields: Option<FieldsShown<'a>>,
    highlighter: Option<Highlighter<'a>>,
    scripts: Option<ScriptFields<'a>>,
}

/// The document of a hit.
#[derive(Clone, Copy)]
pub(super) struct Shown<'s> {
    pub id: &'s str,
    /// Its JSON; of a nested object what leads to it, and nothing else.
    pub source: &'s Value,
    /// The path of a nested object, and the object.
    pub nested: Option<(&'s str, &'s Value)>,
}

impl<'a> Showing<'a> {
    /// Adds to a hit what is wanted of its values and texts; `query` is what found it.
    pub(super) fn add(
        &mut self,
        shown: &mut Map<String, Value>,
        (part, hit): (&'a Part, &Hit),
        (shows, query): (&'a Shows, &Query),
        document: Shown<'_>,
        stop: AskStop<'_>,
    ) -> Result<(), ApiError> {
        if !shows.doc_values.is_empty() {
            add_fields(shown, part.reader.doc_values(hit, &shows.doc_values, stop)?);
        }
        if !shows.fields.is_empty() {
            let fields = self.fields(part, shows)?;
            let values = match document.nested {
                Some((path, object)) => fields.of_nested(object, path),
                None => fields.of(document.source),
            };
            add_fields(shown, values);
        }
        if !shows.scripts.is_empty() {
            let made = || part.reader.script_fields(&shows.scripts, part.context());
            add_fields(shown, self.scripts.get_or_insert_with(made).of(hit, document.source, stop)?);
        }
        if let Some(asked) = &shows.highlight {
            let highlighter = self.highlighter(part, asked, query)?;
            let marked = highlighter.of(document.id, document.source).map_err(SearchError::from)?;
            if !marked.is_empty() {
                shown.insert("highlight".to_owned(), Value::Object(marked));
            }
        }
        Ok(())
    }

    fn fields(&mut self, part: &'a Part, shows: &'a Shows) -> Result<&FieldsShown<'a>, ApiError> {
        if self.fields.is_none() {
            let made = FieldsShown::new(part.reader.mapping(), &shows.fields);
            self.fields = Some(made.map_err(SearchError::from)?);
        }
        self.fields.as_ref().ok_or_else(|| ApiError::internal("no fields are shown"))
    }

    fn highlighter(
        &mut self,
        part: &'a Part,
        asked: &'a Highlight,
        query: &Query,
    ) -> Result<&Highlighter<'a>, ApiError> {
        if self.highlighter.is_none() {
            let most = part.index.settings().analyzed_offset_max;
            let made = part.reader.highlighter(asked, query, &part.context(), most)?;
            self.highlighter = Some(made);
        }
        self.highlighter.as_ref().ok_or_else(|| ApiError::internal("nothing is highlighted"))
    }
}

/// Adds why a hit has its score. One that was given another score since says so.
pub(super) fn add_explanation(
    shown: &mut Map<String, Value>,
    part: &Part,
    hit: &Hit,
    explained: Option<Explanation>,
) {
    let Some(explained) = explained else { return };
    let explained = match hit.score {
        Some(score) if explained.value != Some(score) => {
            Explanation::new(Some(score), "rescored, from:", vec![explained])
        }
        _ => explained,
    };
    shown.insert("_shard".to_owned(), json!(format!("[{}][{}]", part.index.name, part.number)));
    shown.insert("_node".to_owned(), json!(part.node()));
    shown.insert("_explanation".to_owned(), explained.to_json());
}
