//! Which plugins and options exist, and what is wrong with a tree that names others.

use super::ast::{Config, Literal, Plugin, Stage};
use super::fault::Fault;

/// A plugin that we have: section, name, options.
struct Known(&'static str, &'static str, &'static [&'static str]);

const COMMON_INPUT: &[&str] = &["id", "enable_metric", "codec", "add_field", "type", "tags"];
const COMMON_FILTER: &[&str] =
    &["id", "enable_metric", "add_field", "remove_field", "add_tag", "remove_tag", "periodic_flush"];
const COMMON_OUTPUT: &[&str] = &["id", "enable_metric", "codec"];

const PLUGINS: &[Known] = &[
    Known(
        "input",
        "beats",
        &[
            "port",
            "host",
            "client_inactivity_timeout",
            "frame_bytes_max",
            "inflated_bytes_max",
            "window_events_max",
            "connections_max",
            "add_hostname",
            "include_codec_tag",
            "ecs_compatibility",
        ],
    ),
    Known("input", "stdin", &["ecs_compatibility"]),
    Known("input", "generator", &["count", "message", "lines", "ecs_compatibility"]),
    Known(
        "filter",
        "grok",
        &[
            "match",
            "pattern_definitions",
            "break_on_match",
            "overwrite",
            "keep_empty_captures",
            "named_captures_only",
            "target",
            "tag_on_failure",
            "tag_on_timeout",
            "timeout_millis",
            "ecs_compatibility",
        ],
    ),
    Known("filter", "date", &["match", "locale", "timezone", "target", "tag_on_failure"]),
    Known(
        "filter",
        "json",
        &["source", "target", "skip_on_invalid_json", "tag_on_failure", "ecs_compatibility"],
    ),
    Known(
        "filter",
        "mutate",
        &[
            "coerce",
            "rename",
            "update",
            "replace",
            "convert",
            "gsub",
            "uppercase",
            "capitalize",
            "lowercase",
            "strip",
            "split",
            "join",
            "merge",
            "copy",
            "tag_on_failure",
        ],
    ),
    Known("filter", "drop", &[]),
    Known(
        "output",
        "elasticsearch",
        &[
            "hosts",
            "index",
            "data_stream",
            "data_stream_type",
            "data_stream_dataset",
            "data_stream_namespace",
            "action",
            "document_id",
            "pipeline",
            "retry_initial_interval",
            "retry_max_interval",
            "timeout",
            "user",
            "password",
            "api_key",
            "manage_template",
            "ecs_compatibility",
        ],
    ),
    Known("output", "stdout", &[]),
    Known("output", "null", &[]),
    Known("output", "sink", &[]),
    Known("codec", "plain", &[]),
    Known("codec", "line", &[]),
    Known("codec", "json", &[]),
    Known("codec", "json_lines", &[]),
    Known("codec", "rubydebug", &["metadata"]),
    Known("codec", "dots", &[]),
];

/// Every fault of a tree, in the order of the text.
pub fn check(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (section, stages) in
        [("input", &config.inputs), ("filter", &config.filters), ("output", &config.outputs)]
    {
        walk(section, stages, &mut faults);
    }
    faults
}

fn walk(section: &'static str, stages: &[Stage], faults: &mut Vec<Fault>) {
    for stage in stages {
        match stage {
            Stage::Plugin(plugin) => check_plugin(section, plugin, faults),
            Stage::Branch(branch) => {
                for (_, stages) in &branch.arms {
                    walk(section, stages, faults);
                }
                walk(section, &branch.otherwise, faults);
            }
        }
    }
}

fn check_plugin(section: &'static str, plugin: &Plugin, faults: &mut Vec<Fault>) {
    let known = PLUGINS.iter().filter(|known| known.0 == section);
    let Some(found) = known.clone().find(|known| known.1 == plugin.name) else {
        let hint = hint(&plugin.name, known.map(|known| known.1));
        let reason = format!("unknown {section} `{}`; {hint}", plugin.name);
        faults.push(Fault { file: plugin.file.clone(), at: plugin.at, reason });
        return;
    };
    let common = match section {
        "input" => COMMON_INPUT,
        "filter" => COMMON_FILTER,
        "output" => COMMON_OUTPUT,
        _ => &[],
    };
    for attribute in &plugin.attributes {
        let mut options = found.2.iter().chain(common).copied();
        if !options.clone().any(|option| option == attribute.name) {
            let hint = hint(&attribute.name, &mut options);
            let reason =
                format!("unknown option `{}` of {section} `{}`; {hint}", attribute.name, plugin.name);
            faults.push(Fault { file: plugin.file.clone(), at: attribute.at, reason });
        } else if attribute.name == "codec" {
            match &attribute.value {
                Literal::Plugin(codec) => check_plugin("codec", codec, faults),
                Literal::Text(name) => {
                    let codec = Plugin {
                        file: plugin.file.clone(),
                        at: attribute.at,
                        name: name.clone(),
                        attributes: Vec::new(),
                    };
                    check_plugin("codec", &codec, faults);
                }
                _ => faults.push(Fault {
                    file: plugin.file.clone(),
                    at: attribute.at,
                    reason: "`codec` must be a codec's name, e.g. json".to_owned(),
                }),
            }
        }
    }
}

fn hint<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match settings::nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    }
}
