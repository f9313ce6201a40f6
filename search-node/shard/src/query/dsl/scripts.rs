//! Scripts in queries.

use std::sync::Arc;

use script::{Program, Purpose, SOURCE_BYTES_MAX};
use serde_json::{Value, json};

use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::ScoreScript;

/// `"…"` or `{"source": "…", "lang": "painless", "params": {…}}`.
pub(crate) fn parse_script(value: &Value) -> Result<ScoreScript, QueryError> {
    let mut params = json!({});
    let mut source = value.as_str();
    if let Value::Object(members) = value {
        for (key, value) in members {
            match (key.as_str(), value) {
                ("source" | "inline", Value::String(text)) => source = Some(text),
                ("lang", lang) if lang == "painless" => {}
                ("lang", lang) => {
                    return Err(QueryError::argument(format!("script_lang not supported [{}]", plain(lang))));
                }
                ("params", Value::Object(_)) => params = value.clone(),
                ("options", Value::Object(_)) => {}
                ("id" | "stored", id) => {
                    return Err(QueryError {
                        kind: "resource_not_found_exception",
                        reason: format!("unable to find script [{}] in cluster state", plain(id)),
                    });
                }
                (other, _) => return Err(QueryError::parsing(format!("[script] unknown field [{other}]"))),
            }
        }
    } else if source.is_none() {
        return Err(QueryError::parsing(format!("[script] must be a text or an object, not {value}")));
    }
    let source = source.ok_or_else(|| {
        QueryError::argument("must specify either [source] for an inline script or [id] for a stored script")
    })?;
    if source.len() > SOURCE_BYTES_MAX {
        return Err(QueryError::argument(format!(
            "exceeded max allowed inline script size in bytes [{SOURCE_BYTES_MAX}] with size [{}]",
            source.len()
        )));
    }
    let program = Program::read(source, Purpose::Score).map_err(|fault| QueryError {
        kind: "script_exception",
        reason: format!("compile error: {fault}, in script [{source}]"),
    })?;
    Ok(ScoreScript { source: source.into(), program: Arc::new(program), params: Arc::new(params) })
}
