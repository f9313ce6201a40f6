//! The lines of a bulk body: an action with its metadata, then its source where it has one.

use std::collections::BTreeSet;
use std::sync::Arc;

use memchr::memchr;
use serde::{Deserialize, Serialize};
use serde_json_borrow::{ObjectAsVec, Value};
use shard::SourceFilter;

use super::named::Named;
use super::{ACTIONS_MAX, BulkOptions};
use crate::action::condition::Demands;
use crate::action::search::read_source;
use crate::action::target::Target;
use crate::action::weight::HEAVY_BYTES;
use crate::action::write::WriteOptions;
use crate::error::ApiError;
use crate::json::UTF8_MARK;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Op {
    Index,
    Create,
    Update,
    Delete,
}

impl Op {
    pub(super) fn name(self) -> &'static str {
        match self {
            Op::Index => "index",
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

/// One action, read.
pub(super) struct Action<'a> {
    pub head: Arc<Head>,
    pub source: &'a [u8],
}

/// What an action says beside its source.
#[derive(Clone)]
pub(super) struct Head {
    pub op: Op,
    pub target: Target,
    pub options: WriteOptions,
    pub(super) demands: Demands,
    pub retries: usize,
    pub update_source: Option<SourceFilter>,
    /// What is wrong with this action alone.
    pub fault: Option<ApiError>,
}

impl Head {
    /// Whether it only takes a document that is not there yet, which is what data streams take. An index action without an id is
    /// none, though its document is always new.
    pub(super) fn is_create(&self) -> bool {
        self.options.is_create
    }
}

/// The actions at the front of `bytes`, as many as are done together, and how many bytes and lines they take. An action whose source line has not
/// come yet is left for later, unless this is the end of the body. One with a large document is handed out by itself.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    first_line: usize,
    is_end: bool,
    options: &BulkOptions,
) -> Result<(Vec<Action<'a>>, usize, usize), ApiError> {
    if is_end && bytes.last().is_some_and(|last| *last != b'\n') {
        return Err(ApiError::argument("The bulk request must be terminated by a newline [\\n]"));
    }
    let mut actions = Vec::new();
    let mut lines = Lines { bytes, at: 0, number: first_line };
    let (mut taken, mut number) = (0, first_line);
    let mut heads = Heads { options, last: None };
    while actions.len() < ACTIONS_MAX
        && let Some((line, line_number)) = lines.next()
    {
        if !line.is_empty() {
            let mut action = Action { head: heads.read(line, line_number)?, source: &[] };
            if action.head.op != Op::Delete {
                match lines.next() {
                    Some((source, _)) => action.source = source,
                    None if is_end => {
                        return Err(ApiError::argument(format!(
                            "action on line [{line_number}] has no source line after it"
                        )));
                    }
                    None => break,
                }
            }
            let is_heavy = action.source.len() > HEAVY_BYTES;
            // What a large document takes is promised for it alone.
            if is_heavy && !actions.is_empty() {
                break;
            }
            actions.push(action);
            if is_heavy {
                (taken, number) = (lines.at, lines.number);
                break;
            }
        }
        (taken, number) = (lines.at, lines.number);
    }
    Ok((actions, taken, number - first_line))
}

/// What whole actions in `bytes` say of their indices, as far as they can be read.
pub(super) fn named(bytes: &[u8], options: &BulkOptions) -> BTreeSet<Named> {
    let (mut names, mut rest) = (BTreeSet::new(), bytes);
    while let Ok((actions, taken, _)) = read(rest, 0, false, options)
        && taken > 0
    {
        names.extend(actions.iter().filter_map(|action| Named::by(&action.head)));
        rest = &rest[taken..];
    }
    names
}

/// Whole lines, counted.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.at..];
        let end = memchr(b'\n', rest)?;
        self.at += end + 1;
        self.number += 1;
        let line = &rest[..end];
        let line = line.strip_prefix(UTF8_MARK).unwrap_or(line);
        Some((line.strip_suffix(b"\r").unwrap_or(line), self.number))
    }
}

/// Reads action lines. Lines of documents without ids are all the same, and are read once.
struct Heads<'a> {
    options: &'a BulkOptions,
    last: Option<(&'a [u8], Arc<Head>)>,
}

impl<'a> Heads<'a> {
    fn read(&mut self, line: &'a [u8], number: usize) -> Result<Arc<Head>, ApiError> {
        if let Some((last, head)) = &self.last
            && *last == line
        {
            return Ok(Arc::clone(head));
        }
        let known = self.last.take().map(|(_, head)| head);
        let head = Arc::new(read_head(line, number, self.options, known.as_deref())?);
        self.last = Some((line, Arc::clone(&head)));
        Ok(head)
    }
}

/// Reads an action line; names that are those of the line before are shared with it.
fn read_head(
    line: &[u8],
    number: usize,
    options: &BulkOptions,
    before: Option<&Head>,
) -> Result<Head, ApiError> {
    let malformed =
        |reason: String| ApiError::argument(format!("Malformed action/metadata line [{number}], {reason}"));
    let value: Value<'_> =
        serde_json::from_slice(line).map_err(|error| malformed(format!("it is not JSON: {error}")))?;
    shard::mapping::check_repeats(&value).map_err(|error| {
        let (kind, reason) = error.cause.unwrap_or((error.kind, error.reason));
        ApiError::new(400, kind, format!("{reason} in action/metadata line [{number}]"))
    })?;
    let object = value
        .as_object()
        .ok_or_else(|| malformed(format!("expected START_OBJECT but found [{}]", token(&value))))?;
    let mut entries = object.iter();
    let (Some((name, metadata)), None) = (entries.next(), entries.next()) else {
        return Err(malformed("expected one action and nothing else".to_owned()));
    };
    let op = match name {
        "index" => Op::Index,
        "create" => Op::Create,
        "update" => Op::Update,
        "delete" => Op::Delete,
        other => {
            return Err(malformed(format!(
                "expected field [create], [delete], [index] or [update] but found [{other}]"
            )));
        }
    };
    let metadata = metadata.as_object().ok_or_else(|| {
        malformed(format!("expected START_OBJECT after the action but found [{}]", token(metadata)))
    })?;
    let mut head = Head {
        op,
        target: Target {
            index: options.index.clone().unwrap_or_default(),
            doc_type: Arc::clone(&options.doc_type),
            id: None,
            routing: options.routing.clone(),
        },
        options: WriteOptions {
            require_alias: options.require_alias,
            pipeline: options.pipeline.clone(),
            ..WriteOptions::default()
        },
        demands: Demands::default(),
        retries: 0,
        update_source: options.source.clone(),
        fault: None,
    };
    read_metadata(metadata, number, &mut head, before)?;
    finish(&mut head)?;
    Ok(head)
}

fn token(value: &Value<'_>) -> &'static str {
    match value {
        Value::Object(_) => "START_OBJECT",
        Value::Array(_) => "START_ARRAY",
        Value::Str(_) => "VALUE_STRING",
        Value::Number(_) => "VALUE_NUMBER",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Null => "VALUE_NULL",
    }
}

fn owned(value: &Value<'_>) -> serde_json::Value {
    value.clone().into()
}

fn read_metadata(
    metadata: &ObjectAsVec<'_>,
    line: usize,
    head: &mut Head,
    before: Option<&Head>,
) -> Result<(), ApiError> {
    for (key, value) in metadata.iter() {
        let wrong = |expected: &str| {
            ApiError::argument(format!(
                "Malformed action/metadata line [{line}], [{key}] must be {expected}, not [{}]",
                owned(value)
            ))
        };
        if value.is_array() || value.is_object() && key != "_source" && key != "dynamic_templates" {
            return Err(ApiError::argument(format!(
                "Malformed action/metadata line [{line}], expected a simple value for field [{key}] but found [{}]",
                token(value)
            )));
        }
        let text = || value.as_str().map_or_else(|| owned(value).to_string(), str::to_owned);
        let number =
            || value.as_i64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| wrong("a number"));
        match key {
            "_index" => {
                let known = before.map(|before| &before.target.index);
                head.target.index = match known.filter(|known| value.as_str() == Some(&**known)) {
                    Some(known) => Arc::clone(known),
                    None => text().into(),
                };
            }
            "_type" => head.target.doc_type = text().into(),
            "_id" => head.target.id = (!value.is_null()).then(text),
            "routing" => head.target.routing = (!value.is_null()).then(text),
            "if_seq_no" => head.demands.seq_no = Some(number()?),
            "if_primary_term" => head.demands.term = Some(number()?),
            "version" => head.demands.version = Some(number()?),
            "version_type" => head.demands.version_type = Some(text()),
            "retry_on_conflict" => {
                head.retries = usize::try_from(number()?.max(0)).map_err(|_| wrong("a smaller number"))?;
            }
            "op_type" => match (head.op, text().as_str()) {
                (Op::Index, "create") => head.op = Op::Create,
                (Op::Index, "index") | (Op::Create, "create") => {}
                _ => return Err(wrong("create or index, in an index action")),
            },
            "_source" => head.update_source = Some(read_source(&owned(value))?),
            "require_alias" => {
                head.options.require_alias = match (value, text().as_str()) {
                    (Value::Bool(true), _) | (Value::Str(_), "true") => true,
                    (Value::Bool(false) | Value::Null, _) | (Value::Str(_), "false") => false,
                    (_, other) => {
                        return Err(ApiError::argument(format!(
                            "Failed to parse value [{other}] as only [true] or [false] are allowed."
                        )));
                    }
                };
            }
            "pipeline" => head.options.pipeline = Some(text()),
            "dynamic_templates" | "list_executed_pipelines" => {}
            other => {
                return Err(ApiError::argument(format!(
                    "Action/metadata line [{line}] contains an unknown parameter [{other}]"
                )));
            }
        }
    }
    Ok(())
}

/// What follows from the metadata as a whole. What is missing there cannot be blamed on one item.
fn finish(head: &mut Head) -> Result<(), ApiError> {
    if head.target.index.is_empty() {
        return Err(ApiError::validation("index is missing"));
    }
    if matches!(head.op, Op::Update | Op::Delete) && head.target.id.is_none() {
        return Err(ApiError::validation("id is missing"));
    }
    head.options.is_create = head.op == Op::Create;
    match head.demands.condition(head.options.is_create, head.target.id.is_some()) {
        Ok(condition) => head.options.condition = condition,
        Err(error) => head.fault = Some(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(body: &str, is_end: bool) -> Result<(usize, usize, usize), ApiError> {
        let options = BulkOptions::default();
        read(body.as_bytes(), 0, is_end, &options)
            .map(|(actions, bytes, lines)| (actions.len(), bytes, lines))
    }

    #[test]
    fn an_action_waits_for_its_source_line() {
        let action = "{\"index\":{\"_index\":\"i\"}}\n";
        let source = "{\"a\":1}\n";
        let both = format!("{action}{source}");
        for end in 0..both.len() {
            let (actions, bytes, lines) = read_all(&both[..end], false).expect("readable");
            assert_eq!((actions, bytes, lines), (0, 0, 0), "{end}");
        }
        assert_eq!(read_all(&both, false).expect("readable"), (1, both.len(), 2));
        let more = format!("{both}{{\"delete\":{{\"_index\":\"i\",\"_id\":\"1\"}}}}\n{action}");
        let (actions, bytes, lines) = read_all(&more, false).expect("readable");
        assert_eq!((actions, lines, &more[bytes..]), (2, 3, action));
    }

    #[test]
    fn more_actions_than_are_done_together_are_left_for_the_next_time() {
        let action = "{\"delete\":{\"_index\":\"i\",\"_id\":\"1\"}}\n";
        let body = action.repeat(ACTIONS_MAX + 1);

        let first = read_all(&body, true).expect("readable");

        assert_eq!(first, (ACTIONS_MAX, ACTIONS_MAX * action.len(), ACTIONS_MAX));
        assert_eq!(read_all(&body[first.1..], true).expect("readable"), (1, action.len(), 1));
    }

    #[test]
    fn a_large_document_is_done_by_itself() {
        let small = "{\"index\":{\"_index\":\"i\"}}\n{}\n";
        let large =
            format!("{{\"index\":{{\"_index\":\"i\"}}}}\n{{\"a\":\"{}\"}}\n", "x".repeat(HEAVY_BYTES));
        let body = format!("{small}{small}{large}{small}");

        let (mut rest, mut found) = (&body[..], Vec::new());
        while !rest.is_empty() {
            let (actions, bytes, lines) = read_all(rest, true).expect("readable");
            assert_eq!(lines, 2 * actions);
            found.push(actions);
            rest = &rest[bytes..];
        }

        assert_eq!(found, [2, 1, 1]);
    }

    #[test]
    fn lines_that_no_bulk_has_are_refused_with_their_number() {
        for (body, reason) in [
            ("{\"index\":{\"_index\":\"i\"}}\n{\"a\":1}", "must be terminated by a newline"),
            ("{\"index\":{\"_index\":\"i\"}}\n", "action on line [1] has no source line after it"),
            (
                "{\"index\":{\"_index\":\"i\"}}\n{}\n[]\n",
                "Malformed action/metadata line [3], expected START_OBJECT",
            ),
            ("nonsense\n", "Malformed action/metadata line [1], it is not JSON"),
            (
                "{\"del\":{}}\n",
                "Malformed action/metadata line [1], expected field [create], [delete], [index]",
            ),
            ("{\"index\":1}\n{}\n", "expected START_OBJECT after the action but found [VALUE_NUMBER]"),
            ("{\"index\":{\"_index\":[\"i\"]}}\n{}\n", "expected a simple value for field [_index]"),
            (
                "{\"index\":{\"_index\":\"i\",\"color\":1}}\n{}\n",
                "line [1] contains an unknown parameter [color]",
            ),
            ("{\"index\":{\"_index\":\"i\",\"if_seq_no\":\"x\"}}\n{}\n", "[if_seq_no] must be a number"),
            ("{\"index\":{}}\n{}\n", "index is missing"),
            ("{\"delete\":{\"_index\":\"i\"}}\n", "id is missing"),
            ("{\"index\":{\"_index\":\"i\"},\"create\":{}}\n{}\n", "expected one action and nothing else"),
        ] {
            let error = read_all(body, true).expect_err(body);
            assert!(error.status == 400 && error.reason.contains(reason), "{body}: {}", error.reason);
        }
    }
}
