//! One input of the settings: which files, which lines, and what their events carry.

use std::collections::HashSet;
use std::time::Duration;

use beat_core::stream::Stream;
use event::{Event, Map, Value};
use regex::bytes::RegexSet;
use settings::{Node, Settings, SettingsError, Tree};

use crate::paths::PathGlob;

/// An input, checked.
#[derive(Debug)]
pub(crate) struct Input {
    /// Its name.
    pub(crate) id: String,
    /// Where its files are.
    pub(crate) globs: Vec<PathGlob>,
    /// Whether symbolic links are followed.
    pub(crate) symlinks: bool,
    /// The longest line.
    pub(crate) message_max: usize,
    /// Files older than this are not begun.
    pub(crate) ignore_older: Option<Duration>,
    /// When an idle file is closed.
    pub(crate) close_inactive: Duration,
    /// How often the paths are looked up.
    pub(crate) check_interval: Duration,
    exclude_files: RegexSet,
    include_lines: RegexSet,
    exclude_lines: RegexSet,
    template: Event,
}

impl Input {
    /// Every enabled input. Duplicate ids and inputs without paths are refused.
    pub(crate) fn all(settings: &Settings) -> Result<Vec<Self>, SettingsError> {
        let mut ids = HashSet::new();
        let mut inputs = Vec::new();
        for view in settings.items("file-beat.inputs") {
            if !view.bool("enabled") {
                continue;
            }
            let input = Self::of(&view, &settings.text("data_stream.namespace"))?;
            if !ids.insert(input.id.clone()) {
                let reason = format!(
                    "two inputs have the `id` {}, so their files could not be told apart; give each its own",
                    input.id
                );
                return Err(view.fault("id", reason));
            }
            inputs.push(input);
        }
        if inputs.is_empty() {
            return Err(settings.fault(
                "file-beat.inputs",
                "`file-beat.inputs` has no enabled input, so nothing would be read; add `- paths: [/var/log/*.log]`",
            ));
        }
        Ok(inputs)
    }

    fn of(view: &Settings, namespace: &str) -> Result<Self, SettingsError> {
        let paths = view.list("paths");
        if paths.is_empty() {
            return Err(view.fault(
                "paths",
                "`paths` is empty, so nothing would be read; list at least one glob, e.g. /var/log/*.log",
            ));
        }
        for path in view.node("paths").map(Node::elements).unwrap_or_default() {
            if let Tree::Scalar { text, quoted: false } = &path.tree
                && (text.parse::<f64>().is_ok() || matches!(text.as_str(), "true" | "false"))
            {
                let reason = format!(
                    "`paths`: {text} is no path; write a glob, e.g. /var/log/*.log, or '{text}' in quotes for a file of that name"
                );
                return Err(SettingsError::Rule { origin: path.origin.clone(), reason });
            }
        }
        let globs = paths
            .iter()
            .map(|path| {
                PathGlob::parse(path)
                    .map_err(|reason| view.fault("paths", format!("`paths`: {path}: {reason}")))
            })
            .collect::<Result<_, _>>()?;
        let patterns = |key: &str| {
            RegexSet::new(view.list(key)).map_err(|error| view.fault(key, format!("`{key}`: {error}")))
        };
        let id = Some(view.text("id")).filter(|id| !id.is_empty()).unwrap_or_else(|| paths.join(","));
        let message_max = usize::try_from(view.bytes("message_max_bytes")).unwrap_or(usize::MAX);
        Ok(Self {
            id,
            globs,
            symlinks: view.bool("symlinks"),
            message_max: message_max.max(1),
            ignore_older: view.duration("ignore_older").filter(|span| !span.is_zero()),
            close_inactive: view.span("close.on_state_change.inactive"),
            check_interval: view.span("prospector.scanner.check_interval").max(Duration::from_millis(100)),
            exclude_files: patterns("exclude_files")?,
            include_lines: patterns("include_lines")?,
            exclude_lines: patterns("exclude_lines")?,
            template: template(view, namespace)?,
        })
    }

    /// Whether a file belongs to this input.
    pub(crate) fn takes_file(&self, path: &std::path::Path) -> bool {
        !self.exclude_files.is_match(path.as_os_str().as_encoded_bytes())
    }

    /// Whether a line is sent.
    pub(crate) fn takes_line(&self, line: &[u8]) -> bool {
        (self.include_lines.is_empty() || self.include_lines.is_match(line))
            && !self.exclude_lines.is_match(line)
    }

    /// An event with everything that is the same for all lines of this input.
    pub(crate) fn event(&self, timestamp: event::Timestamp) -> Event {
        Event { timestamp, ..self.template.clone() }
    }
}

fn template(view: &Settings, namespace: &str) -> Result<Event, SettingsError> {
    let stream = Stream::new("logs", &view.text("dataset"), namespace)
        .map_err(|error| view.fault("dataset", format!("`dataset`: {error}")))?;
    let mut event = Event::at(event::Timestamp::from_nanos(0));
    event.set("input.type", "filestream");
    stream.stamp(&mut event);
    for (key, name) in [("index", "raw_index"), ("pipeline", "pipeline")] {
        let text = view.text(key);
        if !text.is_empty() {
            event.metadata.insert(name.to_owned(), text.into());
        }
    }
    view.list("tags").iter().for_each(|tag| event.tag(tag));
    if let Some(Value::Object(fields)) = view.node("fields").map(beat_core::to_json) {
        if view.bool("fields_under_root") {
            event.fields.extend(fields);
        } else {
            event
                .fields
                .insert("fields".to_owned(), Value::Object(fields.into_iter().collect::<Map<_, _>>()));
        }
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(paths: &str) -> Option<String> {
        let text = format!("file-beat.inputs:\n  - id: one\n    paths: {paths}\n");
        let settings = settings::load_text(crate::SCHEMA, "t.yml", &text, &[]).expect("of its kind");
        Input::all(&settings).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_no_text_is_no_path() {
        for (paths, place, value) in [
            ("5", "t.yml:3", "5"),
            ("\n      - /var/log/a.log\n      - 4.2", "t.yml:5", "4.2"),
            ("true", "t.yml:3", "true"),
        ] {
            assert_eq!(
                refusal(paths),
                Some(format!(
                    "{place}: `paths`: {value} is no path; write a glob, e.g. /var/log/*.log, or '{value}' in quotes for a file of that name"
                )),
                "{paths}"
            );
        }
        for paths in ["'5'", "/var/log/5", "['5', a.log]"] {
            assert_eq!(refusal(paths), None, "{paths}");
        }
    }
}
