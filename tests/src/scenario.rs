//! Scenarios: requests in order, as data, and what each answer must hold.
//!
//! A step is `{"do": "PUT /i/_doc/1", "body": …}`, or `"lines": […]` for a bulk body, or `"raw": "…"` for a body that is
//! no JSON; `"status"` (default 200); and `"is"`, paths of the answer with the values that they must have. A path goes
//! through objects and arrays by `.`; `\\.` is a dot in a name. Expectations: a value; `{"exists": false}`; `{"contains": "text"}`;
//! `{"near": 1.5}`; `{"above": 0}`; `{"length": 3}`.
//!
//! `"keep": {"name": path}` keeps a text of the answer, which stands for `${name}` in the requests that follow.
//!
//! A step with `"only": "weir"` promises its answer for our node alone, and says in `"why"` what another server does instead,
//! which is sent it all the same, so that both are in the same state. Without `do` it ends the scenario for the others.

use std::collections::BTreeMap;
use std::path::Path;

use search_client::{Method, SearchClient};
use serde_json::{Value, json};

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Our own node.
    Weir,
    /// Another one that speaks the same API.
    Other,
}

/// What came of all scenarios of a folder.
#[derive(Debug, Default)]
pub struct ScenarioOutcome {
    /// How many were run.
    pub count: usize,
    /// Each that failed: its file and name, and what was wrong first.
    pub faults: Vec<String>,
}

/// Runs every scenario of a folder whose file is wanted, each on a server without indices.
pub async fn run_scenarios(
    folder: &Path,
    client: &SearchClient,
    server: Server,
    is_wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<ScenarioOutcome> {
    let mut outcome = ScenarioOutcome::default();
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !is_wanted(&file) {
            continue;
        }
        let scenarios: Value = serde_json::from_str(&fs_err::read_to_string(&path)?)
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        for (name, steps) in scenarios.as_object().into_iter().flatten() {
            outcome.count += 1;
            let ran = match wipe(client, server).await {
                Ok(()) => run(client, server, steps).await,
                Err(error) => Err(error.to_string()),
            };
            if let Err(fault) = ran {
                outcome.faults.push(format!("{file} › {name}: {fault}"));
            }
        }
    }
    Ok(outcome)
}

/// Deletes every index, stream and template.
async fn wipe(client: &SearchClient, server: Server) -> anyhow::Result<()> {
    // OpenSearch refuses the parameter, and has no hidden streams.
    let streams = match server {
        Server::Weir => "/_data_stream/*?expand_wildcards=all",
        Server::Other => "/_data_stream/*",
    };
    let paths =
        [streams, "/*?expand_wildcards=all", "/_index_template/*", "/_component_template/*", "/_template/*"];
    if server == Server::Other {
        unlock(client).await?;
    }
    for path in paths {
        let answer = client.send(Method::DELETE, path, "application/json", "").await?;
        anyhow::ensure!(answer.is_success() || answer.status == 404, "{path}: {}", answer.status);
    }
    Ok(())
}

/// Where steps were left out, settings may be left that keep others from being done.
async fn unlock(client: &SearchClient) -> anyhow::Result<()> {
    let nothing = json!({"persistent": {"*": null}, "transient": {"*": null}});
    client.json(Method::PUT, "/_cluster/settings", Some(&nothing)).await?;
    let path = "/_all/_settings?expand_wildcards=all&allow_no_indices=true";
    // An index that is blocked lets one setting change, if it is one of these.
    for block in ["metadata", "read_only", "read_only_allow_delete"] {
        let body = json!({format!("index.blocks.{block}"): false});
        client.json(Method::PUT, path, Some(&body)).await?;
    }
    Ok(())
}

async fn run(client: &SearchClient, server: Server, steps: &Value) -> Result<(), String> {
    let mut kept = BTreeMap::new();
    for step in steps.as_array().ok_or("steps must be a list")? {
        let is_ours_alone = step.get("only").is_some();
        if is_ours_alone {
            step["why"].as_str().ok_or("what only we promise says why")?;
            match (step.get("do"), server) {
                (None, Server::Other) => break,
                (None, Server::Weir) => continue,
                (Some(_), _) => {}
            }
        }
        let request = step["do"].as_str().ok_or("a step needs `do`")?;
        let request = filled(request, &kept);
        let (method, path) = request.split_once(' ').ok_or("`do` is METHOD /path")?;
        let method: Method = method.parse().map_err(|_| format!("no method: {method}"))?;
        let (body, kind) = body_of(step);
        let body = filled(&body, &kept);
        let answer = client.send(method, path, kind, body).await.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::String(text.clone()));
        let is_theirs = is_ours_alone && server == Server::Other;
        for (name, place) in step.get("keep").and_then(Value::as_object).into_iter().flatten() {
            let place = place.as_str().ok_or("what is kept is named by a path")?;
            let found = at(&json, place);
            if found.is_none() && !is_theirs {
                return Err(format!("{request}: `{place}` is not there: {text}"));
            }
            let found = found.map_or_else(String::new, |found| {
                found.as_str().map_or_else(|| found.to_string(), str::to_owned)
            });
            kept.insert(name.clone(), found);
        }
        if is_theirs {
            continue;
        }
        let wanted = step.get("status").and_then(Value::as_u64).unwrap_or(200);
        if u64::from(answer.status) != wanted {
            return Err(format!("{request}: answered {} instead of {wanted}: {text}", answer.status));
        }
        for (place, expected) in step.get("is").and_then(Value::as_object).into_iter().flatten() {
            let found = at(&json, place);
            if !agrees(found, expected) {
                return Err(format!(
                    "{request}: `{place}` is {}, not {expected}\n    {text}",
                    found.unwrap_or(&Value::Null)
                ));
            }
        }
    }
    Ok(())
}

/// A text with what was kept of answers.
fn filled(text: &str, kept: &BTreeMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

fn body_of(step: &Value) -> (String, &'static str) {
    if let Some(lines) = step.get("lines").and_then(Value::as_array) {
        let text = lines
            .iter()
            .map(|line| line.as_str().map_or_else(|| line.to_string(), str::to_owned) + "\n")
            .collect();
        return (text, "application/x-ndjson");
    }
    match (step.get("raw").and_then(Value::as_str), step.get("body")) {
        (Some(raw), _) => (raw.to_owned(), "application/json"),
        (None, Some(body)) => (body.to_string(), "application/json"),
        (None, None) => (String::new(), "application/json"),
    }
}

fn at<'a>(json: &'a Value, place: &str) -> Option<&'a Value> {
    if place.is_empty() {
        return Some(json);
    }
    let marked = place.replace("\\.", "\u{1}");
    marked.split('.').map(|part| part.replace('\u{1}', ".")).try_fold(json, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(&part),
    })
}

fn agrees(found: Option<&Value>, expected: &Value) -> bool {
    let rule =
        |name: &str| expected.as_object().filter(|rules| rules.len() == 1).and_then(|rules| rules.get(name));
    if let Some(exists) = rule("exists") {
        return found.is_some() == (exists == &Value::Bool(true));
    }
    let Some(found) = found else { return false };
    if let Some(part) = rule("contains").and_then(Value::as_str) {
        return found.as_str().map_or_else(|| found.to_string(), str::to_owned).contains(part);
    }
    if let Some(number) = rule("near").and_then(Value::as_f64) {
        return found.as_f64().is_some_and(|found| (found - number).abs() < 1e-4 * number.abs().max(1.0));
    }
    if let Some(number) = rule("above").and_then(Value::as_f64) {
        return found.as_f64().is_some_and(|found| found > number);
    }
    if let Some(length) = rule("length").and_then(Value::as_u64) {
        let found = found.as_array().map(Vec::len).or_else(|| found.as_object().map(serde_json::Map::len));
        return found.map(|found| found as u64) == Some(length);
    }
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => found == expected,
        _ => found == expected,
    }
}
