//! Stored scripts: texts of the map that requests name by an id in place of sending them.

use std::collections::HashMap;

use cluster::state::{ClusterState, Command, MetadataText};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::lenient::text_of;
use super::registry::Indices;
use crate::error::ApiError;
use crate::script_contexts::{LANGUAGES, MUSTACHE};

/// What these are among the texts of the map.
const KIND: &str = "stored_script";
/// What a template is that was given as JSON.
const JSON: &str = "application/json; charset=UTF-8";
const CONTENT_TYPE: &str = "content_type";

/// A script that is kept under an id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredScript {
    pub lang: String,
    pub source: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}

impl StoredScript {
    /// Reads the body of a request that keeps one.
    pub(crate) fn read(body: &Value) -> Result<Self, ApiError> {
        let members = body.as_object().ok_or_else(|| expected("a script must be an object"))?;
        if let Some(other) = members.keys().find(|key| *key != "script") {
            return Err(expected(&format!("unexpected field [{other}], expected [script]")));
        }
        let script = members.get("script").and_then(Value::as_object);
        let script = script.ok_or_else(|| expected("[script] must be an object with [lang] and [source]"))?;
        let mut options = Map::new();
        for (key, value) in script.get("options").and_then(Value::as_object).into_iter().flatten() {
            if key != CONTENT_TYPE || !value.is_string() {
                return Err(ApiError::argument(format!(
                    "illegal compiler options [{{{key}={}}}] specified",
                    text_of(value).unwrap_or_else(|| value.to_string())
                )));
            }
            options.insert(key.clone(), value.clone());
        }
        let lang = script.get("lang").and_then(Value::as_str);
        let lang = lang.ok_or_else(|| ApiError::argument("must specify lang for stored script"))?;
        let source = match script.get("source") {
            Some(Value::String(source)) => source.clone(),
            Some(source @ Value::Object(_)) if lang == MUSTACHE => {
                options.insert(CONTENT_TYPE.to_owned(), json!(JSON));
                source.to_string()
            }
            _ => return Err(ApiError::argument("must specify source for stored script")),
        };
        if source.is_empty() {
            return Err(ApiError::argument("source cannot be empty"));
        }
        if !LANGUAGES.contains(&lang) {
            let reason = format!("unable to put stored script with unsupported lang [{lang}]");
            return Err(ApiError::argument(reason));
        }
        Ok(Self { lang: lang.to_owned(), source, options })
    }

    /// What kind of text a template makes.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.options.get(CONTENT_TYPE).and_then(Value::as_str)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!(self)
    }

    fn of(map: &ClusterState, id: &str) -> Option<Self> {
        map.metadata.get(KIND, id).and_then(|known| serde_json::from_str(&known.text).ok())
    }
}

fn expected(reason: &str) -> ApiError {
    ApiError::parsing(reason)
}

/// There is no script of an id.
pub(crate) fn no_script(id: &str) -> ApiError {
    let reason = format!("unable to find script [{id}] in cluster state");
    ApiError::new(404, "resource_not_found_exception", reason)
}

/// Whether a body may name stored scripts: few do, and the others need not be read twice.
pub(crate) fn may_name_scripts(body: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(body, name).is_some();
    has(b"script\"") && (has(b"\"id\"") || has(b"\"stored\""))
}

impl Indices {
    /// A script by its id.
    pub(crate) fn script(&self, id: &str) -> Option<StoredScript> {
        StoredScript::of(&self.agreement.map(), id)
    }

    /// All scripts by their ids.
    pub(crate) fn scripts(&self) -> Map<String, Value> {
        let map = self.agreement.map();
        let read = |(id, kept): (&str, &MetadataText)| {
            Some((id.to_owned(), serde_json::from_str::<StoredScript>(&kept.text).ok()?.to_json()))
        };
        map.metadata.of_kind(KIND).filter_map(read).collect()
    }

    /// Keeps a script in place of the one of its id.
    pub(crate) fn put_script(&self, id: &str, script: &StoredScript) -> Result<(), ApiError> {
        if id.contains('#') {
            return Err(ApiError::validation("id cannot contain '#' for stored script"));
        }
        self.agree_upon(None, |map| Ok((vec![change(map, id, Some(script.to_json().to_string()))], ())))
    }

    pub(crate) fn delete_script(&self, id: &str) -> Result<(), ApiError> {
        self.agree_upon(None, |map| {
            if map.metadata.get(KIND, id).is_none() {
                let reason = format!("stored script [{id}] does not exist and cannot be deleted");
                return Err(ApiError::new(404, "resource_not_found_exception", reason));
            }
            Ok((vec![change(map, id, None)], ()))
        })
    }

    /// Puts the texts of stored scripts where a body names them. What names none that there is stays as it is, so that whoever
    /// runs it says so.
    pub(crate) fn fill_scripts(&self, body: &mut Value) {
        visit(body, &mut |asked| fill(asked, &mut |id| self.script(id)));
    }

    /// How many bytes of texts that would put there.
    pub(crate) fn scripts_bytes(&self, body: &mut Value) -> u64 {
        let (mut bytes, mut known) = (0, HashMap::new());
        visit(body, &mut |asked| {
            let Some(id) = asked.as_object().and_then(named).map(|(_, id)| id) else { return };
            if !known.contains_key(id) {
                let length = self.script(id).map_or(0, |script| script.source.len() as u64);
                known.insert(id.to_owned(), length);
            }
            bytes += known.get(id).copied().unwrap_or(0);
        });
        bytes
    }

    /// The same for one script.
    pub(crate) fn fill_script(&self, asked: &mut Value) {
        fill(asked, &mut |id| self.script(id));
    }
}

fn change(map: &ClusterState, id: &str, text: Option<String>) -> Command {
    let seen = map.metadata.get(KIND, id).map(|known| known.version);
    Command::ChangeMetadata { kind: KIND.to_owned(), name: id.to_owned(), seen, text }
}

/// Shows every member that may hold a script.
fn visit(value: &mut Value, act: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, act)),
        Value::Object(members) => {
            for (name, member) in members {
                if SCRIPTS.contains(&name.as_str()) {
                    act(member);
                }
                // What a script is given is no request.
                if name != "params" {
                    visit(member, act);
                }
            }
        }
        _ => {}
    }
}

/// The members that hold a script.
const SCRIPTS: [&str; 6] =
    ["script", "minimum_should_match_script", "init_script", "map_script", "combine_script", "reduce_script"];

/// What a script that is named may have beside its name.
const BESIDE: [&str; 5] = ["id", "stored", "params", "lang", "options"];

/// The member by which a script that is kept is named, and its id.
fn named(members: &Map<String, Value>) -> Option<(&'static str, &str)> {
    if !members.keys().all(|key| BESIDE.contains(&key.as_str())) {
        return None;
    }
    ["id", "stored"].into_iter().find_map(|key| Some((key, members.get(key)?.as_str()?)))
}

fn fill(asked: &mut Value, find: &mut dyn FnMut(&str) -> Option<StoredScript>) {
    let Some(members) = asked.as_object_mut() else { return };
    let script = named(members).and_then(|(key, id)| Some((key, find(id)?)));
    let Some((key, script)) = script else { return };
    members.shift_remove(key);
    members.insert("lang".to_owned(), json!(script.lang));
    members.insert("source".to_owned(), json!(script.source));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_is_to_be_kept_is_read_or_refused() {
        let read = |body: Value| StoredScript::read(&body);
        let kept = read(json!({"script": {"lang": "mustache", "source": {"size": "{{n}}"}}})).expect("kept");
        assert_eq!(kept.source, r#"{"size":"{{n}}"}"#);
        assert_eq!(kept.content_type(), Some(JSON));
        for (body, reason) in [
            (json!({"bad": {}}), "unexpected field [bad], expected [script]"),
            (json!({"script": {"source": "1"}}), "must specify lang for stored script"),
            (json!({"script": {"lang": "painless"}}), "must specify source for stored script"),
            (json!({"script": {"lang": "painless", "source": ""}}), "source cannot be empty"),
            (
                json!({"script": {"lang": "lua", "source": "1"}}),
                "unable to put stored script with unsupported lang [lua]",
            ),
            (
                json!({"script": {"lang": "painless", "source": "1", "options": {"a": 1}}}),
                "illegal compiler options [{a=1}] specified",
            ),
        ] {
            assert_eq!(read(body.clone()).expect_err("refused").reason, reason, "{body}");
        }
    }

    #[test]
    fn scripts_are_put_where_a_body_names_them() {
        let mut body = json!({"query": {"script_score": {"script": {"id": "known", "params": {"a": 1}}}},
            "aggs": {"x": {"scripted_metric": {"map_script": {"id": "known"}, "reduce_script": {"id": "unknown"}}}}});

        let mut known = |id: &str| {
            (id == "known").then(|| StoredScript {
                lang: "painless".into(),
                source: "1".into(),
                options: Map::new(),
            })
        };
        let mut ids = Vec::new();
        visit(&mut body, &mut |asked| {
            let id = asked.as_object().and_then(named).map(|(_, id)| id.to_owned());
            ids.extend(id);
            fill(asked, &mut known);
        });

        assert_eq!(ids, ["known", "known", "unknown"]);

        assert_eq!(
            body,
            json!({"query": {"script_score": {"script": {"params": {"a": 1}, "lang": "painless", "source": "1"}}},
                "aggs": {"x": {"scripted_metric": {"map_script": {"lang": "painless", "source": "1"}, "reduce_script": {"id": "unknown"}}}}})
        );
    }
}
