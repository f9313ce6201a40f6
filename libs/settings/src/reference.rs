//! The settings reference, made from the table, and the check that a shipped YAML file shows every setting.

use std::fmt::Write;

use crate::kind::Kind;
use crate::schema::{Schema, Setting};

/// The reference page of a program, in Markdown.
pub fn markdown(program: &str, schema: Schema) -> String {
    let mut page = format!(
        "# Settings of {program}\n\nMade from the program's own table by `{program} export reference`. \
         `[]` stands for the elements of a list.\n"
    );
    for (title, settings) in schema.tables {
        let _infallible =
            write!(page, "\n## {title}\n\n| setting | kind | default | meaning |\n|---|---|---|---|\n");
        for setting in *settings {
            let _infallible = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                setting.key,
                kind_name(setting.kind),
                setting.default.map_or("–".to_owned(), |default| format!("`{default}`")),
                setting.doc.replace('|', "\\|"),
            );
        }
    }
    page
}

fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer(low, i64::MAX) => format!("integer ≥ {low}"),
        Kind::Integer(low, high) => format!("integer {low}–{high}"),
        Kind::Float(low, high) => format!("number {low}–{high}"),
        Kind::Text => "text".to_owned(),
        Kind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Bytes => "bytes".to_owned(),
        Kind::BytesOrShare => "bytes or %".to_owned(),
        Kind::Duration => "duration".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Port => "port".to_owned(),
        Kind::TextList => "list of texts".to_owned(),
        Kind::Names => "list of names".to_owned(),
        Kind::Levels => "levels".to_owned(),
        Kind::Items => "list of maps".to_owned(),
        Kind::Any => "tree".to_owned(),
    }
}

/// What a shipped YAML file lacks: a setting that is not shown, or shown without its sentence.
///
/// A setting counts as shown when a line, commented out or not, starts with its last segment or its whole key
/// and a colon; the sentence must stand in a comment, whatever its line breaks.
pub fn missing_from_yaml(schema: Schema, yaml: &str) -> Vec<String> {
    let keys: Vec<&str> = yaml.lines().map(|line| line.trim_start_matches(['#', ' ', '-'])).collect();
    let comments = yaml
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('#'))
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ");
    schema.settings().filter_map(|setting| missing(setting, &keys, &comments)).collect()
}

fn missing(setting: &Setting, keys: &[&str], comments: &str) -> Option<String> {
    let last = setting.key.rsplit(['.', ']']).next().unwrap_or(setting.key);
    let shown = |name: &str| {
        keys.iter().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
    };
    let tail = setting.key.rsplit("[].").next().unwrap_or(setting.key);
    if !(shown(setting.key) || shown(tail) || (tail.contains('.') && shown(last))) {
        return Some(format!("{}: not shown", setting.key));
    }
    let sentence = setting.doc.split_whitespace().collect::<Vec<_>>().join(" ");
    (!comments.contains(&sentence)).then(|| format!("{}: without its sentence: {sentence}", setting.key))
}
