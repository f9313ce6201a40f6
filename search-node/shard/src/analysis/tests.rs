//! Tests of what analyzers make of texts: tables of what a real Elasticsearch or OpenSearch makes of them.
//!
//! A line of a table is a body of `_analyze` and the tokens that the peer answered, or that its documentation shows. Where ours
//! differ on purpose, the line says what they are and why. `scripts/analysis-tables.py` asks the peer again.

use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// Tokens that no test needs more of.
const TOKENS_MAX: usize = 10_000;

fn analyzed(body: &Value) -> Result<Vec<Value>, AnalysisError> {
    let limits = GramLimits { ngram_diff: 10, shingle_diff: 10 };
    let definitions = Definitions { limits, ..Definitions::default() };
    let analysis = Analysis::of_index(definitions)?;
    let mut answer = AnalyzeRequest::read(body)?.answer(&analysis, None, TOKENS_MAX)?;
    Ok(answer["tokens"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// Tokens in the short form of the tables.
fn short(tokens: &[Value]) -> Value {
    let short = |token: &Value| {
        json!([
            token["token"],
            token["start_offset"],
            token["end_offset"],
            token["type"],
            token["position"],
            token.get("positionLength").unwrap_or(&json!(1))
        ])
    };
    tokens.iter().map(short).collect()
}

#[test]
fn tokens_are_those_that_elasticsearch_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/analysis");
    let (mut rows, mut faults) = (0, Vec::new());
    for entry in fs_err::read_dir(&folder).expect("tables") {
        let path = entry.expect("a table").path();
        let text = fs_err::read_to_string(&path).expect("read");
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).expect("a row");
            let expected = row.get("ours").unwrap_or(&row["tokens"]);
            assert_eq!(row.get("ours").is_some(), row.get("reason").is_some(), "{line}");
            let made = analyzed(&row["analyze"]);
            let made = made.map(|tokens| short(&tokens)).unwrap_or_else(|error| json!(error.reason));
            rows += 1;
            if made != *expected {
                let table = path.file_name().unwrap_or_default().to_string_lossy();
                faults.push(format!("{table}: {}\n  expected {expected}\n  made     {made}", row["analyze"]));
            }
        }
    }
    assert!(rows >= 300, "only {rows} rows");
    assert!(faults.is_empty(), "{} of {rows} rows:\n{}", faults.len(), faults.join("\n"));
}
