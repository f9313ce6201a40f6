//! From text to tree, by recursive descent along Logstash's grammar.

use event::{FieldPath, Value};
use regex::Regex;

use super::ast::{Attribute, Branch, Comparison, Condition, Config, Join, Literal, Operand, Plugin, Stage};
use super::cursor::Cursor;
use super::fault::{Fault, Position};

/// How deep blocks, conditions and values may nest, so that no text overruns the stack.
const DEPTH_MAX: usize = 100;

/// Parses one text; `file` is its name in errors.
pub fn parse(file: &str, text: &str) -> Result<Config, Fault> {
    let mut cursor = Cursor::new(file, text);
    let mut config = Config::default();
    loop {
        cursor.skip();
        if cursor.peek().is_none() {
            return Ok(config);
        }
        let at = cursor.position();
        let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        if !matches!(name, "input" | "filter" | "output") {
            let hint = settings::nearest(name, ["input", "filter", "output"].into_iter());
            let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let found = if name.is_empty() { cursor.found() } else { format!("`{name}`") };
            return Err(
                cursor.fault_at(at, format!("expected `input`, `filter` or `output`, found {found}{hint}"))
            );
        }
        cursor.expect("{", &format!("`{name}`"))?;
        let stages = block(&mut cursor, 0)?;
        match name {
            "input" => config.inputs.extend(stages),
            "filter" => config.filters.extend(stages),
            _ => config.outputs.extend(stages),
        }
    }
}

fn deeper(cursor: &Cursor<'_>, depth: usize) -> Result<usize, Fault> {
    if depth >= DEPTH_MAX {
        return Err(cursor.fault(format!("nested more than {DEPTH_MAX} levels deep; split the pipeline")));
    }
    Ok(depth + 1)
}

/// The stages up to the closing brace.
fn block(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<Stage>, Fault> {
    let depth = deeper(cursor, depth)?;
    let mut stages = Vec::new();
    loop {
        cursor.skip();
        if cursor.take("}") {
            return Ok(stages);
        }
        if cursor.peek().is_none() {
            return Err(cursor.fault("a `}` is missing: a block is not closed"));
        }
        let at = cursor.position();
        stages.push(if cursor.take_word("if") {
            Stage::Branch(branch(cursor, at, depth)?)
        } else {
            Stage::Plugin(plugin(cursor, depth)?)
        });
    }
}

fn branch(cursor: &mut Cursor<'_>, at: Position, depth: usize) -> Result<Branch, Fault> {
    let mut arms = Vec::new();
    loop {
        let condition = condition(cursor, depth)?;
        cursor.expect("{", "the condition")?;
        arms.push((condition, block(cursor, depth)?));
        cursor.skip();
        if !cursor.take_word("else") {
            return Ok(Branch { file: cursor.file(), at, arms, otherwise: Vec::new() });
        }
        cursor.skip();
        if !cursor.take_word("if") {
            cursor.expect("{", "`else`")?;
            return Ok(Branch { file: cursor.file(), at, arms, otherwise: block(cursor, depth)? });
        }
    }
}

fn name(cursor: &mut Cursor<'_>, what: &str) -> Result<String, Fault> {
    if let Some(quote @ ('"' | '\'')) = cursor.peek() {
        return quoted(cursor, quote);
    }
    let name = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if name.is_empty() {
        return Err(cursor.fault(format!("expected {what}, found {}", cursor.found())));
    }
    Ok(name.to_owned())
}

fn plugin(cursor: &mut Cursor<'_>, depth: usize) -> Result<Plugin, Fault> {
    let at = cursor.position();
    let name = name(cursor, "a plugin's name, `if` or `}`")?;
    cursor.expect("{", &format!("`{name}`"))?;
    Ok(Plugin { file: cursor.file(), at, attributes: attributes(cursor, depth)?, name })
}

fn attributes(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<Attribute>, Fault> {
    let depth = deeper(cursor, depth)?;
    let mut attributes = Vec::new();
    loop {
        cursor.skip();
        if cursor.take("}") {
            return Ok(attributes);
        }
        let at = cursor.position();
        let name = name(cursor, "an option's name or `}`")?;
        cursor.expect("=>", &format!("`{name}`"))?;
        attributes.push(Attribute { at, value: literal(cursor, depth)?, name });
    }
}

fn quoted(cursor: &mut Cursor<'_>, quote: char) -> Result<String, Fault> {
    let at = cursor.position();
    cursor.take(&quote.to_string());
    let mut out = String::new();
    loop {
        out.push_str(cursor.take_while(|c| c != quote && c != '\\'));
        match cursor.peek() {
            None => {
                return Err(
                    cursor.fault_at(at, "this text is not closed; end it with the quote it began with")
                );
            }
            Some('\\') => {
                cursor.take("\\");
                // Only the own quote is escaped; every other backslash belongs to the text.
                if cursor.take(&quote.to_string()) {
                    out.push(quote);
                } else {
                    out.push('\\');
                    if cursor.take("\\") {
                        out.push('\\');
                    }
                }
            }
            Some(_) => {
                cursor.take(&quote.to_string());
                return Ok(out);
            }
        }
    }
}

fn number<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    let rest = cursor.rest();
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    cursor.take("-");
    cursor.take_while(|c| c.is_ascii_digit());
    if cursor.take(".") {
        cursor.take_while(|c| c.is_ascii_digit());
    }
    Some(&rest[..rest.len() - cursor.rest().len()])
}

fn literal(cursor: &mut Cursor<'_>, depth: usize) -> Result<Literal, Fault> {
    let depth = deeper(cursor, depth)?;
    cursor.skip();
    match cursor.peek() {
        Some(quote @ ('"' | '\'')) => return quoted(cursor, quote).map(Literal::Text),
        Some('[') => return array(cursor, depth),
        Some('{') => return hash(cursor, depth),
        _ => {}
    }
    if let Some(number) = number(cursor) {
        return Ok(Literal::Number(number.to_owned()));
    }
    let at = cursor.position();
    let word = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    if word.is_empty() {
        return Err(cursor.fault(format!("expected a value, found {}", cursor.found())));
    }
    cursor.skip();
    if cursor.take("{") {
        return Ok(Literal::Plugin(Plugin {
            file: cursor.file(),
            at,
            name: word.to_owned(),
            attributes: attributes(cursor, depth)?,
        }));
    }
    Ok(Literal::Text(word.to_owned()))
}

fn array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Literal, Fault> {
    cursor.take("[");
    let mut items = Vec::new();
    loop {
        cursor.skip();
        if cursor.take("]") {
            return Ok(Literal::Array(items));
        }
        if !items.is_empty() {
            cursor.expect(",", "a list's element")?;
        }
        items.push(literal(cursor, depth)?);
    }
}

fn hash(cursor: &mut Cursor<'_>, depth: usize) -> Result<Literal, Fault> {
    cursor.take("{");
    let mut entries = Vec::new();
    loop {
        cursor.skip();
        if cursor.take("}") {
            return Ok(Literal::Hash(entries));
        }
        let key = match number(cursor) {
            Some(number) => number.to_owned(),
            None => name(cursor, "a key or `}`")?,
        };
        cursor.expect("=>", &format!("`{key}`"))?;
        entries.push((key, literal(cursor, depth)?));
    }
}

/// `or`, `xor` and `nand` bind weaker than `and`.
fn condition(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, Fault> {
    let depth = deeper(cursor, depth)?;
    let first = conjunction(cursor, depth)?;
    let mut rest = Vec::new();
    loop {
        cursor.skip();
        let join = if cursor.take_word("or") {
            Join::Or
        } else if cursor.take_word("xor") {
            Join::Xor
        } else if cursor.take_word("nand") {
            Join::Nand
        } else if rest.is_empty() {
            return Ok(first);
        } else {
            return Ok(Condition::Chain(Box::new(first), rest));
        };
        rest.push((join, conjunction(cursor, depth)?));
    }
}

fn conjunction(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, Fault> {
    let first = term(cursor, depth)?;
    cursor.skip();
    if !cursor.take_word("and") {
        return Ok(first);
    }
    let mut all = vec![first, term(cursor, depth)?];
    loop {
        cursor.skip();
        if !cursor.take_word("and") {
            return Ok(Condition::And(all));
        }
        all.push(term(cursor, depth)?);
    }
}

fn term(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, Fault> {
    let depth = deeper(cursor, depth)?;
    cursor.skip();
    if cursor.take("!") {
        return Ok(Condition::Not(Box::new(term(cursor, depth)?)));
    }
    if cursor.take("(") {
        let inner = condition(cursor, depth)?;
        cursor.expect(")", "the condition in brackets")?;
        return Ok(inner);
    }
    let left = operand(cursor, depth)?;
    cursor.skip();
    if cursor.take_word("in") {
        return Ok(Condition::In(left, operand(cursor, depth)?));
    }
    if cursor.take_word("not") {
        cursor.skip();
        if !cursor.take_word("in") {
            return Err(cursor.fault(format!("expected `in` after `not`, found {}", cursor.found())));
        }
        return Ok(Condition::Not(Box::new(Condition::In(left, operand(cursor, depth)?))));
    }
    if cursor.take("=~") {
        return Ok(Condition::Match(left, expression(cursor)?));
    }
    if cursor.take("!~") {
        return Ok(Condition::Not(Box::new(Condition::Match(left, expression(cursor)?))));
    }
    for (sign, comparison) in [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ] {
        if cursor.take(sign) {
            return Ok(Condition::Compare(left, comparison, operand(cursor, depth)?));
        }
    }
    Ok(Condition::Truth(left))
}

fn expression(cursor: &mut Cursor<'_>) -> Result<Regex, Fault> {
    cursor.skip();
    let at = cursor.position();
    let text = match cursor.peek() {
        Some(quote @ ('"' | '\'')) => quoted(cursor, quote)?,
        Some('/') => quoted(cursor, '/')?,
        _ => {
            return Err(cursor
                .fault(format!("expected a regular expression such as /error/, found {}", cursor.found())));
        }
    };
    Regex::new(&text).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        cursor.fault_at(at, format!("`{text}` is not a regular expression: {last}"))
    })
}

fn operand(cursor: &mut Cursor<'_>, depth: usize) -> Result<Operand, Fault> {
    cursor.skip();
    let at = cursor.position();
    match cursor.peek() {
        Some(quote @ ('"' | '\'')) => quoted(cursor, quote).map(|text| Operand::Value(Value::String(text))),
        Some('[') if is_list(cursor.rest()) => {
            let Literal::Array(items) = array(cursor, depth)? else {
                return Err(cursor.fault_at(at, "expected a list"));
            };
            Ok(Operand::Value(Value::Array(items.into_iter().map(plain).collect())))
        }
        Some('[') => {
            let mut written = String::new();
            while cursor.take("[") {
                written
                    .push_str(&format!("[{}]", cursor.take_while(|c| !matches!(c, '[' | ']' | ',' | '\n'))));
                if !cursor.take("]") {
                    return Err(cursor.fault("a field's `]` is missing"));
                }
            }
            FieldPath::parse(&written)
                .map(Operand::Field)
                .map_err(|error| cursor.fault_at(at, error.to_string()))
        }
        _ => match number(cursor) {
            Some(number) => Ok(Operand::Value(numeric(number))),
            None => Err(cursor.fault(format!(
                "expected a field such as [message], a text, number or list, found {}",
                cursor.found()
            ))),
        },
    }
}

/// `["a"`, `[1`, `[]` and anything with a comma is a list; `[a]` is a field.
fn is_list(rest: &str) -> bool {
    let inside = rest[1..].trim_start();
    let first = inside.split([']', '[']).next().unwrap_or_default();
    inside.starts_with(['"', '\'', ']', '[']) || first.contains(',')
}

fn plain(literal: Literal) -> Value {
    match literal {
        Literal::Text(text) => Value::String(text),
        Literal::Number(number) => numeric(&number),
        Literal::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Literal::Hash(_) | Literal::Plugin(_) => Value::Null,
    }
}

fn numeric(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => text.parse::<f64>().map_or(Value::Null, Value::from),
    }
}
