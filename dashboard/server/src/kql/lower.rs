//! The tree into the search node's query DSL, with the kinds of the fields at hand.
//!
//! Only queries that the node has are made: `match_all`, `term`, `match`, `match_phrase`, `range`, `exists`, `bool`,
//! `query_string`, `wildcard`. A value that cannot be of its field's kind is a fault here, not an error of the node.

use serde_json::{Value, json};

use crate::kql::ast::{Expr, Literal, Op, WILDCARD};
use crate::kql::diagnostic::Diagnostic;

/// What a field holds, as far as queries care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Analysed text.
    Text,
    /// Exact words.
    Keyword,
    /// Whole numbers.
    Integer,
    /// Decimal numbers.
    Float,
    /// Points in time.
    Date,
    /// `true` and `false`.
    Boolean,
    /// Addresses.
    Ip,
    /// Anything else, and fields that differ between indices.
    Other,
}

/// The fields of a source.
pub trait FieldLookup {
    /// What `name` holds; none if no document has it.
    fn kind(&self, name: &str) -> Option<FieldKind>;
    /// The name under which `name` is found by exact value: itself, or its keyword sub-field.
    fn exact(&self, name: &str) -> Option<String>;
    /// The fields that a pattern with [`WILDCARD`] means, at most `limit`.
    fn matching(&self, pattern: &str, limit: usize) -> Vec<String>;
}

/// How many fields a pattern such as `host.*` may mean: each becomes a clause.
const PATTERN_FIELDS_MAX: usize = 64;

/// Makes the DSL of `tree`, which was read from `query`.
pub fn lower(query: &str, tree: &Expr, fields: &dyn FieldLookup) -> Result<Value, Diagnostic> {
    Lowering { query, fields }.expr(tree)
}

struct Lowering<'a> {
    query: &'a str,
    fields: &'a dyn FieldLookup,
}

impl Lowering<'_> {
    fn expr(&self, tree: &Expr) -> Result<Value, Diagnostic> {
        match tree {
            Expr::All => Ok(json!({"match_all": {}})),
            Expr::And(parts) => Ok(json!({"bool": {"filter": self.each(parts)?}})),
            Expr::Or(parts) => Ok(either(self.each(parts)?)),
            Expr::Not(inner) => Ok(json!({"bool": {"must_not": [self.expr(inner)?]}})),
            Expr::Text(literal) => Ok(text_anywhere(literal)),
            Expr::Is { field, value } => self.is(field, value),
            Expr::Range { field, op, value } => self.range(field, *op, value),
        }
    }

    fn each(&self, parts: &[Expr]) -> Result<Vec<Value>, Diagnostic> {
        parts.iter().map(|part| self.expr(part)).collect()
    }

    fn is(&self, field: &Literal, value: &Literal) -> Result<Value, Diagnostic> {
        if field.is_any() {
            return Ok(text_anywhere(value));
        }
        if !field.has_wildcard() {
            return self.one(&field.text, value);
        }
        let names = self.fields.matching(&field.text, PATTERN_FIELDS_MAX);
        // A value that fits only some of the fields is asked of those alone.
        let clauses: Vec<Value> = names.iter().filter_map(|name| self.one(name, value).ok()).collect();
        if clauses.is_empty() {
            let pattern = field.plain();
            return Err(Diagnostic::new(
                self.query,
                field.span,
                "no_field_matches",
                &pattern,
                format!("No field of this source that could hold this value matches `{pattern}`."),
            ));
        }
        Ok(either(clauses))
    }

    fn one(&self, name: &str, value: &Literal) -> Result<Value, Diagnostic> {
        if value.is_any() && !value.quoted {
            return Ok(json!({"exists": {"field": name}}));
        }
        let kind = self.fields.kind(name);
        if value.has_wildcard() && !value.quoted {
            return self.wildcard(name, kind, value);
        }
        match kind {
            Some(FieldKind::Text) => Ok(in_text(name, value)),
            Some(FieldKind::Keyword) => Ok(json!({"term": {name: {"value": value.plain()}}})),
            Some(FieldKind::Integer | FieldKind::Float | FieldKind::Boolean | FieldKind::Ip) => {
                Ok(json!({"term": {name: {"value": self.typed(name, kind, value)?}}}))
            }
            Some(FieldKind::Date) => {
                let day = value.plain();
                Ok(json!({"range": {name: {"gte": day, "lte": day}}}))
            }
            Some(FieldKind::Other) | None if value.quoted => {
                Ok(json!({"match_phrase": {name: value.plain()}}))
            }
            Some(FieldKind::Other) | None => Ok(json!({"match": {name: value.plain()}})),
        }
    }

    fn wildcard(&self, name: &str, kind: Option<FieldKind>, value: &Literal) -> Result<Value, Diagnostic> {
        let pattern = wildcard_pattern(&value.text);
        match kind {
            Some(FieldKind::Text) => {
                // Analysed words are lower case; the keyword beside them holds the whole value as it was written.
                let words = json!({"wildcard": {name: {"value": pattern.to_lowercase()}}});
                Ok(match self.fields.exact(name) {
                    Some(exact) => either(vec![words, json!({"wildcard": {exact: {"value": pattern}}})]),
                    None => words,
                })
            }
            Some(FieldKind::Keyword | FieldKind::Other) | None => {
                Ok(json!({"wildcard": {name: {"value": pattern}}}))
            }
            Some(
                FieldKind::Integer | FieldKind::Float | FieldKind::Date | FieldKind::Boolean | FieldKind::Ip,
            ) => Err(Diagnostic::new(
                self.query,
                value.span,
                "wildcard_not_text",
                name,
                format!(
                    "`{name}` holds no text, so a wildcard cannot match it; use a comparison such as `{name} >= …`."
                ),
            )),
        }
    }

    fn range(&self, field: &Literal, op: Op, value: &Literal) -> Result<Value, Diagnostic> {
        if field.has_wildcard() {
            let pattern = field.plain();
            return Err(Diagnostic::new(
                self.query,
                field.span,
                "wildcard_in_range",
                &pattern,
                format!("`{pattern}` cannot be compared: a wildcard has no order."),
            ));
        }
        let kind = self.fields.kind(&field.text);
        let name = match kind {
            Some(FieldKind::Text) => self.fields.exact(&field.text).unwrap_or_else(|| field.text.clone()),
            _ => field.text.clone(),
        };
        let bound = self.typed(&field.text, kind, value)?;
        Ok(json!({"range": {name: {op.name(): bound}}}))
    }

    /// The value as JSON of the field's kind.
    fn typed(&self, name: &str, kind: Option<FieldKind>, value: &Literal) -> Result<Value, Diagnostic> {
        let text = value.plain();
        let read = match kind {
            Some(FieldKind::Integer | FieldKind::Float) => number(text.trim()),
            Some(FieldKind::Boolean) => text.trim().parse::<bool>().ok().map(Value::Bool),
            Some(FieldKind::Ip) => is_address(text.trim()).then(|| Value::from(text.trim())),
            _ => return Ok(Value::String(text)),
        };
        read.ok_or_else(|| {
            let (code, what) = match kind {
                Some(FieldKind::Boolean) => ("not_boolean", "`true` or `false`"),
                Some(FieldKind::Ip) => ("not_address", "an IP address or network"),
                _ => ("not_number", "a number"),
            };
            Diagnostic::new(
                self.query,
                value.span,
                code,
                name,
                format!("`{text}` is not {what}, which `{name}` holds."),
            )
        })
    }
}

/// `10.0.0.1`, `::1`, or a network such as `10.0.0.0/8`.
fn is_address(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "0"));
    address.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok_and(|bits| bits <= 128)
}

/// A number with all its digits: whole ones stay whole.
fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
}

/// A phrase, or words that must all be there.
fn in_text(name: &str, value: &Literal) -> Value {
    if value.quoted {
        return json!({"match_phrase": {name: value.plain()}});
    }
    let mut words: Vec<Value> =
        value.text.split_whitespace().map(|word| json!({"match": {name: word}})).collect();
    match words.len() {
        1 => words.remove(0),
        _ => json!({"bool": {"filter": words}}),
    }
}

fn text_anywhere(value: &Literal) -> Value {
    let query = if value.quoted {
        format!("\"{}\"", value.text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        escape_query_string(&value.text)
    };
    json!({"query_string": {"query": query, "default_operator": "AND", "lenient": true}})
}

/// Everything that the `query_string` syntax would read as its own is escaped; wildcards stay.
fn escape_query_string(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !escaped.is_empty() {
            escaped.push(' ');
        }
        // Upper-case AND, OR, NOT would be operators; the analyser lowers them anyway.
        if matches!(word, "AND" | "OR" | "NOT" | "TO") {
            escaped.push_str(&word.to_lowercase());
            continue;
        }
        for c in word.chars() {
            match c {
                WILDCARD => escaped.push('*'),
                // These two cannot be escaped, they separate words for the analyser anyway.
                '<' | '>' => escaped.push(' '),
                '+' | '-' | '=' | '&' | '|' | '!' | '(' | ')' | '{' | '}' | '[' | ']' | '^' | '"' | '~'
                | '*' | '?' | ':' | '\\' | '/' => {
                    escaped.push('\\');
                    escaped.push(c);
                }
                other => escaped.push(other),
            }
        }
    }
    escaped
}

fn wildcard_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            WILDCARD => pattern.push('*'),
            '*' | '?' | '\\' => {
                pattern.push('\\');
                pattern.push(c);
            }
            other => pattern.push(other),
        }
    }
    pattern
}

fn either(mut clauses: Vec<Value>) -> Value {
    match clauses.len() {
        1 => clauses.remove(0),
        _ => json!({"bool": {"should": clauses, "minimum_should_match": 1}}),
    }
}
