//! Running the scenarios.
//!
//! A step is `{"do": "PUT /i/_doc/1", "body": …}`, or `"lines": […]` for a bulk body, or `"raw": "…"` for a body that is
//! no JSON; `"status"` (default 200); and `"is"`, paths of the answer with the values that they must have. A path goes
//! through objects and arrays by `.`; `\\.` is a dot in a name. Expectations: a value; `{"exists": false}`; `{"contains": "text"}`;
//! `{"near": 1.5}`; `{"above": 0}`; `{"length": 3}`.

use search_client::{ClientOptions, Method, SearchClient};
use serde_json::Value;
use system_tests::SearchNode;

#[tokio::test]
async fn every_scenario_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (client, _node) = match std::env::var("API_URL") {
        Ok(url) => {
            let options = ClientOptions { hosts: vec![url], ..ClientOptions::default() };
            (SearchClient::new(options).expect("an address"), None)
        }
        Err(_) => {
            let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
            let options = ClientOptions { hosts: vec![node.url()], ..ClientOptions::default() };
            (SearchClient::new(options).expect("an address"), Some(node))
        }
    };
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/api/scenarios");
    let mut names: Vec<_> =
        fs_err::read_dir(files).expect("scenarios").map(|entry| entry.expect("a file").path()).collect();
    names.sort();
    let mut faults = Vec::new();
    let mut count = 0;
    for path in names {
        let text = fs_err::read_to_string(&path).expect("a scenario");
        let scenarios: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (name, steps) in scenarios.as_object().expect("scenarios by name") {
            clean(&client).await;
            count += 1;
            if let Err(fault) = run(&client, steps).await {
                faults.push(format!(
                    "{} › {name}: {fault}",
                    path.file_name().unwrap_or_default().to_string_lossy()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {count} scenarios fail:\n{}", faults.len(), faults.join("\n"));
    assert!(count >= 130, "only {count} scenarios were found");
}

async fn clean(client: &SearchClient) {
    let paths = [
        "/_data_stream/*?expand_wildcards=all",
        "/*?expand_wildcards=all",
        "/_index_template/*",
        "/_component_template/*",
        "/_template/*",
    ];
    for path in paths {
        let answer = client.send(Method::DELETE, path, "application/json", "").await.expect("answered");
        assert!(answer.is_success() || answer.status == 404, "{path}: {}", answer.status);
    }
}

async fn run(client: &SearchClient, steps: &Value) -> Result<(), String> {
    for step in steps.as_array().ok_or("steps must be a list")? {
        let request = step["do"].as_str().ok_or("a step needs `do`")?;
        let (method, path) = request.split_once(' ').ok_or("`do` is METHOD /path")?;
        let method: Method = method.parse().map_err(|_| format!("no method: {method}"))?;
        let (body, kind) = body_of(step);
        let answer = client.send(method, path, kind, body).await.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let wanted = step.get("status").and_then(Value::as_u64).unwrap_or(200);
        if u64::from(answer.status) != wanted {
            return Err(format!("{request}: answered {} instead of {wanted}: {text}", answer.status));
        }
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::String(text.clone()));
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
