//! Templates: what new indices and data streams are made with, by their names.
//!
//! The map keeps a text for each, of the kinds `index_template`, `component_template` and `template`. What applies to a name is
//! decided here from all of them together, without asking anybody.

mod body;
mod built_in;
mod changes;
mod component;
mod composable;
mod legacy;
mod merging;
mod patterns;
mod simulated;

use std::collections::BTreeMap;

use cluster::state::ClusterState;
use serde_json::Value;
use shard::mapping::parse_new_mapping;

pub(crate) use self::body::IndexBody;
pub(crate) use self::changes::{NewTemplate, delete as delete_templates, put as put_template};
pub(crate) use self::component::ComponentTemplate;
pub(crate) use self::composable::{IndexTemplate, StreamTemplate};
pub(crate) use self::legacy::LegacyTemplate;
pub(crate) use self::merging::FieldMerge;
use self::merging::split_field;
pub(crate) use self::simulated::Simulated;
use super::creation::unparsed;
use super::streams::of_stream;
use crate::error::ApiError;

/// The kinds of templates, as the map names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TemplateKind {
    Index,
    Component,
    Legacy,
}

impl TemplateKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Index => "index_template",
            Self::Component => "component_template",
            Self::Legacy => "template",
        }
    }
}

/// All templates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Templates {
    pub indices: BTreeMap<String, IndexTemplate>,
    pub components: BTreeMap<String, ComponentTemplate>,
    pub legacy: BTreeMap<String, LegacyTemplate>,
}

/// What a new index, or stream, gets from templates.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Applied {
    pub body: IndexBody,
    /// The composable template, where one applies, and how it makes streams.
    pub template: Option<String>,
    pub stream: Option<StreamTemplate>,
    pub allow_auto_create: Option<bool>,
}

impl Templates {
    /// The templates of a map, and the built-in ones that nobody has replaced. A text of another build that cannot be read is
    /// none.
    pub(crate) fn of(map: &ClusterState) -> Self {
        let mut indices = built_in::index_templates();
        indices.extend(kept(map, TemplateKind::Index, IndexTemplate::read));
        let mut components = built_in::component_templates();
        components.extend(kept(map, TemplateKind::Component, ComponentTemplate::read));
        Self { indices, components, legacy: kept(map, TemplateKind::Legacy, LegacyTemplate::read).collect() }
    }

    /// The composable template for a name: of those that fit, the one of the highest priority; among equals the user's own.
    pub(crate) fn matching(&self, name: &str, is_hidden: bool) -> Option<(&str, &IndexTemplate)> {
        let fits = self.indices.iter().filter(|(_, template)| template.is_for(name, is_hidden));
        let best = fits.max_by_key(|(_, template)| (template.rank(), !built_in::is_managed(template)));
        best.map(|(name, template)| (name.as_str(), template))
    }

    /// What an index of a name gets before the request says anything.
    pub(crate) fn applied(&self, name: &str, is_hidden: bool) -> Result<Applied, ApiError> {
        let Some((template, found)) = self.matching(name, is_hidden) else {
            return Ok(Applied { body: self.legacy_body(name, is_hidden), ..Applied::default() });
        };
        Ok(Applied {
            body: self.composed(template, found)?,
            template: Some(template.to_owned()),
            stream: found.stream.clone(),
            allow_auto_create: found.allow_auto_create,
        })
    }

    /// Whether this build would refuse what templates say of a name: whoever put them did so when less was asked of them.
    pub(crate) fn are_of_older_build(&self, name: &str, is_hidden: bool) -> bool {
        let fault = match self.matching(name, is_hidden) {
            Some((template, found)) => self.check_composed(template, found).err(),
            None => {
                let fits = self.legacy.values();
                let mut fits = fits.filter(|one| composable::is_for(&one.patterns, name, is_hidden));
                fits.find_map(|one| one.body.check_whole().err())
            }
        };
        if let Some(fault) = &fault {
            let reason = fault.reason.as_str();
            tracing::warn!(
                name,
                reason,
                "templates say what no new one may; what cannot be read of them counts as not said"
            );
        }
        fault.is_some()
    }

    /// A composable template with its parts: each one counts more than those before it, and its own body most.
    pub(super) fn composed(&self, name: &str, template: &IndexTemplate) -> Result<IndexBody, ApiError> {
        let mut body = IndexBody::default();
        for part in &template.composed_of {
            match self.components.get(part) {
                Some(part) => body.put_over(part.body.clone(), FieldMerge::Replaced),
                None if template.ignore_missing.contains(part) => {}
                None => {
                    return Err(ApiError::argument(format!(
                        "index template [{name}] specifies component template [{part}] that does not exist"
                    )));
                }
            }
        }
        if let Some(own) = &template.body {
            body.put_over(own.clone(), FieldMerge::Replaced);
        }
        Ok(body)
    }

    /// Refuses a composable template by which no index or stream could be made. Gives what it says with its parts.
    pub(super) fn check_composed(&self, name: &str, template: &IndexTemplate) -> Result<IndexBody, ApiError> {
        let parts = template.composed_of.iter().filter_map(|part| Some(&self.components.get(part)?.body));
        let mut before = IndexBody::default();
        for part in parts.chain(&template.body) {
            if let Some(field) = split_field(&before.mapping(), &part.mapping()) {
                return Err(ApiError::argument(format!(
                    "can't merge a non object mapping [{field}] with an object mapping"
                )));
            }
            before.put_over(part.clone(), FieldMerge::Replaced);
        }
        let body = self.composed(name, template)?;
        body.check_whole()?;
        if let Some(stream) = &template.stream {
            let mapping = of_stream(&body, stream.timestamp_field(), name)?;
            parse_new_mapping(&mapping).and_then(|mapping| mapping.check_time_field()).map_err(unparsed)?;
        }
        Ok(body)
    }

    /// All legacy templates for a name, those of a lower order first.
    fn legacy_body(&self, name: &str, is_hidden: bool) -> IndexBody {
        let fits =
            self.legacy.values().filter(|template| composable::is_for(&template.patterns, name, is_hidden));
        let mut fits: Vec<&LegacyTemplate> = fits.collect();
        fits.sort_by_key(|template| template.order);
        let mut body = IndexBody::default();
        for template in fits {
            body.put_over(template.body.clone(), FieldMerge::Deep);
        }
        // An alias may be named after its index.
        if let Some(aliases) = &mut body.aliases {
            *aliases = std::mem::take(aliases)
                .into_iter()
                .map(|(alias, said)| (alias.replace("{index}", name), said))
                .collect();
        }
        body
    }

    /// Those of a kind whose names fit any of some patterns, as they are shown.
    pub(crate) fn shown(&self, kind: TemplateKind, expression: Option<&str>) -> Vec<(String, Value)> {
        let is_wanted = |name: &str| {
            expression.is_none_or(|all| {
                all.split(',').any(|part| part == "_all" || crate::indices::matches(part.trim(), name))
            })
        };
        let all: Vec<(&String, Value)> = match kind {
            TemplateKind::Index => self.indices.iter().map(|(name, one)| (name, one.to_json())).collect(),
            TemplateKind::Component => {
                self.components.iter().map(|(name, one)| (name, one.to_json())).collect()
            }
            TemplateKind::Legacy => self.legacy.iter().map(|(name, one)| (name, one.to_json())).collect(),
        };
        let wanted = all.into_iter().filter(|(name, _)| is_wanted(name));
        wanted.map(|(name, shown)| (name.clone(), shown)).collect()
    }
}

fn kept<T>(
    map: &ClusterState,
    kind: TemplateKind,
    read: impl Fn(&Value) -> Result<T, ApiError>,
) -> impl Iterator<Item = (String, T)> {
    map.metadata.of_kind(kind.name()).filter_map(move |(name, text)| {
        let said: Value = serde_json::from_str(&text.text).ok()?;
        Some((name.to_owned(), read(&said).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn index(said: Value) -> IndexTemplate {
        IndexTemplate::read(&said).expect("a template")
    }

    fn templates() -> Templates {
        let component = |said| ComponentTemplate::read(&said).expect("a component");
        let legacy = |said| LegacyTemplate::read(&said).expect("a template");
        let of = |template: Value| json!({"template": template});
        Templates {
            indices: [
                ("low", json!({"index_patterns": ["a*"], "template": {"settings": {"number_of_shards": 9}}})),
                (
                    "high",
                    json!({
                        "index_patterns": ["ab*"], "priority": 5, "composed_of": ["one", "two"],
                        "template": {"settings": {"number_of_replicas": 3}, "aliases": {"own": {}}}
                    }),
                ),
                ("all", json!({"index_patterns": ["*"], "priority": 1, "composed_of": ["missing"]})),
            ]
            .map(|(name, said)| (name.to_owned(), index(said)))
            .into(),
            components: [
                ("one", of(json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}}))),
                ("two", of(json!({"settings": {"number_of_shards": 4}, "mappings": {"dynamic": false}}))),
            ]
            .map(|(name, said)| (name.to_owned(), component(said)))
            .into(),
            legacy: [
                ("second", json!({"index_patterns": "z*", "order": 2, "settings": {"number_of_shards": 7}})),
                (
                    "first",
                    json!({
                        "index_patterns": ["z*"], "order": 1, "aliases": {"{index}-all": {}},
                        "settings": {"number_of_shards": 1, "number_of_replicas": 8}
                    }),
                ),
            ]
            .map(|(name, said)| (name.to_owned(), legacy(said)))
            .into(),
        }
    }

    /// The one of the highest priority alone counts, with its parts in their order below its own body.
    #[test]
    fn the_template_of_the_highest_priority_applies_over_its_parts() {
        let mut templates = templates();
        templates.indices.remove("all");
        for (name, template, settings) in [
            ("abc", Some("high"), json!({"number_of_shards": "4", "number_of_replicas": "3"})),
            ("aa", Some("low"), json!({"number_of_shards": "9"})),
            ("zz", None, json!({"number_of_shards": "7", "number_of_replicas": "8"})),
        ] {
            let applied = templates.applied(name, false).expect(name);

            assert_eq!(applied.template.as_deref(), template, "{name}");
            assert_eq!(applied.body.settings.map(Value::Object), Some(settings), "{name}");
        }
        let legacy = templates.applied("zz", false).expect("applies").body;
        assert!(legacy.aliases.is_some_and(|aliases| aliases.contains_key("zz-all")));
        assert_eq!(templates.applied("other", false).expect("none"), Applied::default());
    }

    #[test]
    fn what_is_for_every_name_hides_legacy_templates_but_not_from_hidden_indices() {
        let mut templates = templates();

        let error = templates.applied("zz", false).expect_err("a part is missing");
        assert!(
            error.reason.contains("component template [missing] that does not exist"),
            "{}",
            error.reason
        );
        assert_eq!(templates.applied("zz", true).expect("applies").template, None);

        let all = templates.indices.get_mut("all").expect("there");
        all.ignore_missing = vec!["missing".to_owned()];
        let applied = templates.applied("zz", false).expect("applies");
        assert_eq!((applied.template.as_deref(), applied.body), (Some("all"), IndexBody::default()));
    }

    #[test]
    fn a_template_of_a_user_stands_above_a_built_in_one_of_the_same_priority() {
        let mut templates = Templates::of(&ClusterState::default());
        assert_eq!(templates.matching("logs-a-b", false).map(|(name, _)| name), Some("logs"));

        let own = json!({"index_patterns": ["logs-*"], "priority": 100, "data_stream": {}});
        templates.indices.insert("a-users".to_owned(), index(own));

        assert_eq!(templates.matching("logs-a-b", false).map(|(name, _)| name), Some("a-users"));
    }
}
