//! Many documents by id in one request; one that cannot be had costs that one only.

mod spread;

use serde_json::{Value, json};

pub(crate) use self::spread::{answer_multi_get, multi_get};
use super::condition::{ANY_VERSION, VersionType};
use super::get::{Found, GetOptions, Seen, get, show, show_missing};
use super::search::read_source;
use super::target::Target;
use crate::error::ApiError;
use crate::node::Node;

/// One document of the request.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    target: Target,
    options: GetOptions,
}

/// Reads the body: `{"docs": [{…}]}` or `{"ids": […]}`. `default` is what the path and the parameters say.
pub(crate) fn read(body: &Value, default: &Target, options: &GetOptions) -> Result<Vec<Wanted>, ApiError> {
    let object =
        body.as_object().ok_or_else(|| malformed("the body of mget must be an object".to_owned()))?;
    let mut wanted = Vec::new();
    for (key, value) in object {
        match (key.as_str(), value) {
            ("docs", Value::Array(docs)) => {
                for doc in docs {
                    wanted.push(read_doc(doc, default, options)?);
                }
            }
            ("ids", Value::Array(ids)) => {
                for id in ids {
                    let text = plain(id)
                        .ok_or_else(|| malformed(format!("ids must be texts or numbers, not {id}")))?;
                    let target = Target { id: Some(text), ..default.clone() };
                    wanted.push(Wanted { target, options: options.clone() });
                }
            }
            ("docs" | "ids", other) => {
                return Err(malformed(format!("[{key}] must be a list, not {other}")));
            }
            (other, _) => {
                return Err(malformed(format!("unknown key [{other}] in mget, expected [docs] or [ids]")));
            }
        }
    }
    check(&wanted)?;
    Ok(wanted)
}

fn malformed(reason: String) -> ApiError {
    ApiError::new(400, "parse_exception", reason)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn read_doc(doc: &Value, default: &Target, options: &GetOptions) -> Result<Wanted, ApiError> {
    let object = doc.as_object().ok_or_else(|| {
        ApiError::argument(format!("docs array element should include an object, not {doc}"))
    })?;
    let mut wanted = Wanted { target: default.clone(), options: options.clone() };
    for (key, value) in object {
        let text = || plain(value).ok_or_else(|| malformed(format!("[{key}] must be a text, not {value}")));
        match key.as_str() {
            "_index" => wanted.target.index = text()?.into(),
            "_type" => wanted.target.doc_type = text()?.into(),
            "_id" => wanted.target.id = Some(text()?),
            "routing" | "_routing" => wanted.target.routing = Some(text()?),
            "_source" => wanted.options.source = Some(read_source(value)?),
            "stored_fields" => wanted.options.stored_fields = names(value)?,
            "version" | "_version" => {
                let version = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                let version =
                    version.ok_or_else(|| malformed(format!("[{key}] must be a number, not {value}")))?;
                wanted.options.version = Some(version).filter(|version| *version != ANY_VERSION);
            }
            "version_type" | "_version_type" => {
                VersionType::read(Some(&text()?))?;
            }
            other => {
                return Err(malformed(format!("failed to parse multi get request. unknown field [{other}]")));
            }
        }
    }
    Ok(wanted)
}

fn names(value: &Value) -> Result<Vec<String>, ApiError> {
    match value {
        Value::String(text) => Ok(text.split(',').map(str::to_owned).collect()),
        Value::Array(items) => {
            let names = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>();
            names.ok_or_else(|| malformed(format!("[stored_fields] must hold texts, not {value}")))
        }
        other => Err(malformed(format!("[stored_fields] must be a list of names, not {other}"))),
    }
}

fn check(wanted: &[Wanted]) -> Result<(), ApiError> {
    let mut faults = Vec::new();
    if wanted.is_empty() {
        faults.push("no documents to get".to_owned());
    }
    for (number, one) in wanted.iter().enumerate() {
        if one.target.index.is_empty() {
            faults.push(format!("index is missing for doc {number}"));
        }
        if one.target.id.is_none() {
            faults.push(format!("id is missing for doc {number}"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(ApiError::validations(&faults)) }
}

impl Wanted {
    fn failed(&self, error: &ApiError) -> Value {
        let (target, body) = (&self.target, error.to_body());
        json!({"_index": &*target.index, "_type": &*target.doc_type, "_id": target.id, "error": body["error"]})
    }

    /// The document as it is shown, or what is wrong, with what has to be confirmed before; none if its primary has moved.
    fn read(&self, node: &Node) -> Option<(Value, Option<Seen>)> {
        let found = match get(node, &self.target, &self.options) {
            Ok(found) => found,
            Err(error) if error.is_not_primary() => return None,
            Err(error) => return Some((self.failed(&error), None)),
        };
        let shown = self.shown(node, &found).unwrap_or_else(|error| self.failed(&error));
        Some((shown, found.seen))
    }

    fn shown(&self, node: &Node, found: &Found) -> Result<Value, ApiError> {
        found.check_version(&self.target, &self.options)?;
        let reserved = found.reserve(node)?;
        let shown = match &found.document {
            Some(stored) => show(&found.index, stored, &self.options)?,
            None => show_missing(&found.index.name, &self.target),
        };
        // It stays in memory until the answer is sent.
        if let Some(mut reserved) = reserved {
            reserved.fill(reserved.bytes());
        }
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_faults_are_named() {
        let default = Target { index: "i".into(), doc_type: "_doc".into(), ..Target::default() };
        let none = Target { doc_type: "_doc".into(), ..Target::default() };
        let options = GetOptions::default();

        let wanted = read(&json!({"ids": ["a", 2]}), &default, &options).expect("ids");
        assert_eq!(wanted.iter().filter_map(|one| one.target.id.clone()).collect::<Vec<_>>(), ["a", "2"]);
        let docs =
            json!({"docs": [{"_id": "a", "_index": "j", "routing": "r", "_source": false, "version": 3}]});
        let one = read(&docs, &default, &options).expect("docs").remove(0);
        assert_eq!((&*one.target.index, one.target.routing.as_deref()), ("j", Some("r")));
        assert_eq!((one.options.source, one.options.version), (Some(shard::SourceFilter::None), Some(3)));

        for (body, reason) in [
            (json!({"docs": []}), "no documents to get"),
            (json!({"ids": 1}), "[ids] must be a list"),
            (json!({"docs": [1]}), "docs array element should include an object"),
            (json!({"docs": [{"_id": "1", "color": 1}]}), "unknown field [color]"),
            (json!({"docs": [{"_index": "i"}]}), "1: id is missing for doc 0;"),
            (json!({"ids": ["1"]}), "1: index is missing for doc 0;"),
            (json!({"keys": []}), "unknown key [keys]"),
        ] {
            let error = read(&body, &none, &options).expect_err("refused");
            assert!(error.status == 400 && error.reason.contains(reason), "{body}: {}", error.reason);
        }
    }
}
