//! Templates put and deleted: what is refused, and the commands for the rest.

use std::collections::{BTreeMap, BTreeSet};

use cluster::state::{ClusterState, Command};
use serde_json::Value;

use super::built_in;
use super::patterns::{faults_of, overlap};
use super::{ComponentTemplate, IndexBody, IndexTemplate, LegacyTemplate, TemplateKind, Templates};
use crate::error::ApiError;
use crate::indices::data_stream::DataStream;
use crate::indices::guard::Guard;
use crate::indices::names::matches;

/// A template that is to be put.
#[derive(Debug, Clone)]
pub(crate) enum NewTemplate {
    Index(IndexTemplate),
    Component(ComponentTemplate),
    Legacy(LegacyTemplate),
}

impl NewTemplate {
    fn kind(&self) -> TemplateKind {
        match self {
            Self::Index(_) => TemplateKind::Index,
            Self::Component(_) => TemplateKind::Component,
            Self::Legacy(_) => TemplateKind::Legacy,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Index(template) => template.to_json(),
            Self::Component(template) => template.to_json(),
            Self::Legacy(template) => template.to_json(),
        }
    }
}

/// The commands that put a template; `is_new` refuses to replace one.
pub(crate) fn put(
    map: &ClusterState,
    name: &str,
    template: &NewTemplate,
    is_new: bool,
) -> Result<Vec<Command>, ApiError> {
    let (templates, kind) = (Templates::of(map), template.kind());
    let called = match kind {
        TemplateKind::Index => "index template",
        TemplateKind::Component => "component template",
        TemplateKind::Legacy => "index_template",
    };
    if is_new && templates.names(kind).contains(name) {
        return Err(ApiError::argument(format!("{called} [{name}] already exists")));
    }
    match template {
        NewTemplate::Index(template) => {
            templates.check_index(name, template)?;
            templates.check_streams_with(map, name, template)?;
        }
        NewTemplate::Component(template) => templates.check_component(name, template)?,
        NewTemplate::Legacy(template) => {
            check_names(name, &template.patterns, Some(&template.body))?;
            template.body.check_whole()?;
        }
    }
    let mut commands = vec![Guard::Templates.changed(map)];
    if kind == TemplateKind::Index {
        // Which streams there are was looked at.
        commands.push(Guard::Names.expected(map));
    }
    commands.push(text(map, kind, name, Some(template.to_json().to_string())));
    Ok(commands)
}

/// The commands that delete the templates of a kind that an expression names.
pub(crate) fn delete(
    map: &ClusterState,
    kind: TemplateKind,
    expression: &str,
) -> Result<Vec<Command>, ApiError> {
    let templates = Templates::of(map);
    let mut doomed = BTreeSet::new();
    for part in expression.split(',').map(str::trim) {
        let found: Vec<&str> = templates.names(kind).into_iter().filter(|name| matches(part, name)).collect();
        // All of none are none; a pattern is for some.
        let may_be_none = part == "*";
        if found.is_empty() && !may_be_none {
            let reason = format!("index_template [{part}] missing");
            return Err(ApiError::new(404, "index_template_missing_exception", reason));
        }
        doomed.extend(found.into_iter().map(str::to_owned));
    }
    match kind {
        TemplateKind::Component => templates.check_unused(&doomed)?,
        TemplateKind::Index => templates.check_streams(map, &doomed)?,
        TemplateKind::Legacy => {}
    }
    // The built-in ones are in no map; what took their place is.
    let is_kept = |name: &&String| map.metadata.get(kind.name(), name).is_some();
    let mut commands: Vec<Command> =
        doomed.iter().filter(is_kept).map(|name| text(map, kind, name, None)).collect();
    if !commands.is_empty() {
        commands.insert(0, Guard::Templates.changed(map));
        // Which streams there are was looked at.
        commands.insert(1, Guard::Names.expected(map));
    }
    Ok(commands)
}

fn text(map: &ClusterState, kind: TemplateKind, name: &str, text: Option<String>) -> Command {
    let seen = map.metadata.get(kind.name(), name).map(|known| known.version);
    Command::ChangeMetadata { kind: kind.name().to_owned(), name: name.to_owned(), seen, text }
}

fn invalid(name: &str, cause: &str) -> ApiError {
    ApiError::new(
        400,
        "invalid_index_template_exception",
        format!("index_template [{name}] invalid, cause [{cause}]"),
    )
}

fn check_names(name: &str, patterns: &[String], body: Option<&IndexBody>) -> Result<(), ApiError> {
    let mut faults = faults_of(name, patterns);
    let is_hidden = body.and_then(|body| body.settings.as_ref()?.get("hidden")).is_some();
    if is_hidden && patterns.iter().any(|pattern| pattern == "*") {
        faults.push("global templates may not specify the setting index.hidden".to_owned());
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(invalid(name, &ApiError::validations(&faults).reason))
}

impl Templates {
    fn names(&self, kind: TemplateKind) -> BTreeSet<&str> {
        match kind {
            TemplateKind::Index => self.indices.keys().map(String::as_str).collect(),
            TemplateKind::Component => self.components.keys().map(String::as_str).collect(),
            TemplateKind::Legacy => self.legacy.keys().map(String::as_str).collect(),
        }
    }

    /// Refuses an index template that could not be applied, or of which nobody could say whether it is.
    pub(super) fn check_index(&self, name: &str, template: &IndexTemplate) -> Result<(), ApiError> {
        check_names(name, &template.patterns, template.body.as_ref())?;
        let is_missing =
            |part: &&String| !self.components.contains_key(*part) && !template.ignore_missing.contains(part);
        let missing: Vec<&str> = template.composed_of.iter().filter(is_missing).map(String::as_str).collect();
        if !missing.is_empty() {
            let reason = format!(
                "index template [{name}] specifies component templates [{}] that do not exist",
                missing.join(", ")
            );
            return Err(invalid(name, &reason));
        }
        self.check_rank(name, template)?;
        let body = self.check_composed(name, template).map_err(|error| {
            let reason = format!("composable template [{name}] template after composition is invalid");
            ApiError::argument(reason).caused_by(&error.kind, error.reason)
        })?;
        if template.stream.is_some() && body.aliases.as_ref().is_some_and(|aliases| !aliases.is_empty()) {
            return Err(ApiError::argument(format!(
                "template [{name}] has alias and data stream definitions"
            )));
        }
        Ok(())
    }

    /// Of two templates that fit one name, one must count more.
    fn check_rank(&self, name: &str, template: &IndexTemplate) -> Result<(), ApiError> {
        let meets = |other: &IndexTemplate| {
            other.patterns.iter().any(|one| template.patterns.iter().any(|pattern| overlap(one, pattern)))
        };
        let is_rival = |(other, known): &(&String, &IndexTemplate)| {
            other.as_str() != name
                && known.rank() == template.rank()
                && !built_in::is_managed(known)
                && meets(known)
        };
        let rivals: BTreeMap<&String, &IndexTemplate> = self.indices.iter().filter(is_rival).collect();
        if rivals.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = rivals.keys().map(|name| name.as_str()).collect();
        let patterns: Vec<String> =
            rivals.iter().map(|(name, rival)| format!("{name} => [{}]", rival.patterns.join(", "))).collect();
        Err(ApiError::argument(format!(
            "index template [{name}] has index patterns [{}] matching patterns from existing templates [{}] with patterns ({}) that have the same priority [{}], multiple index templates may not match during index creation, please use a different priority",
            template.patterns.join(", "),
            names.join(","),
            patterns.join(","),
            template.rank()
        )))
    }

    /// Refuses a part with which a template that is made of it could not be applied.
    fn check_component(&self, name: &str, template: &ComponentTemplate) -> Result<(), ApiError> {
        check_names(name, &[], None)?;
        template.body.check()?;
        let mut next = self.clone();
        next.components.insert(name.to_owned(), template.clone());
        for (user, found) in &self.indices {
            if !found.composed_of.iter().any(|part| part == name) {
                continue;
            }
            if self.check_composed(user, found).is_err() {
                // An older build took it as it is; nobody has done that wrong now.
                continue;
            }
            next.check_composed(user, found).map_err(|error| {
                let reason = format!(
                    "updating component template [{name}] results in invalid composable template [{user}] after templates are merged"
                );
                ApiError::argument(reason).caused_by(&error.kind, error.reason)
            })?;
        }
        Ok(())
    }

    fn check_unused(&self, doomed: &BTreeSet<String>) -> Result<(), ApiError> {
        let is_needed = |part: &&String, template: &IndexTemplate| {
            template.composed_of.contains(part) && !template.ignore_missing.contains(part)
        };
        let mut parts = BTreeSet::new();
        let mut users = BTreeSet::new();
        for (name, template) in self.indices.iter().filter(|(_, template)| !built_in::is_managed(template)) {
            for part in doomed.iter().filter(|part| is_needed(part, template)) {
                parts.insert(part.as_str());
                users.insert(name.as_str());
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
        Err(ApiError::argument(format!(
            "component templates [{}] cannot be removed as they are still in use by index templates [{}]",
            list(parts),
            list(users)
        )))
    }

    /// Refuses a template with which a data stream would have none any more.
    fn check_streams_with(
        &self,
        map: &ClusterState,
        name: &str,
        template: &IndexTemplate,
    ) -> Result<(), ApiError> {
        let mut next = self.clone();
        next.indices.insert(name.to_owned(), template.clone());
        let has = |templates: &Self, stream: &str, is_hidden| {
            templates.matching(stream, is_hidden).is_some_and(|(_, found)| found.stream.is_some())
        };
        let streams = DataStream::all(map).into_iter();
        let lost = streams.filter(|(stream, about)| {
            has(self, stream, about.is_hidden) && !has(&next, stream, about.is_hidden)
        });
        let lost: Vec<String> = lost.map(|(stream, _)| stream).collect();
        if lost.is_empty() {
            return Ok(());
        }
        Err(ApiError::argument(format!(
            "composable template [{name}] with index patterns [{}], priority [{}] would cause data streams [{}] to no longer match a data stream template",
            template.patterns.join(", "),
            template.rank(),
            lost.join(", ")
        )))
    }

    /// Refuses to delete what a data stream would need for its next backing index.
    fn check_streams(&self, map: &ClusterState, doomed: &BTreeSet<String>) -> Result<(), ApiError> {
        let mut left = self.clone();
        let is_own = |name: &String| map.metadata.get(TemplateKind::Index.name(), name).is_some();
        left.indices.retain(|name, _| !doomed.contains(name) || !is_own(name));
        let mut templates = BTreeSet::new();
        let mut streams = BTreeSet::new();
        for (name, about) in DataStream::all(map) {
            let own =
                self.matching(&name, about.is_hidden).filter(|(template, _)| doomed.contains(*template));
            let Some((template, _)) = own.filter(|(template, _)| is_own(&(*template).to_owned())) else {
                continue;
            };
            let has_other =
                left.matching(&name, about.is_hidden).is_some_and(|(_, other)| other.stream.is_some());
            if !has_other {
                templates.insert(template.to_owned());
                streams.insert(name);
            }
        }
        if streams.is_empty() {
            return Ok(());
        }
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        Err(ApiError::argument(format!(
            "unable to remove composable templates [{}] as they are in use by a data streams [{}]",
            list(templates),
            list(streams)
        )))
    }
}

#[cfg(test)]
mod tests;
