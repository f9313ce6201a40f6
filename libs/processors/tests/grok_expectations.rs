//! The stock patterns against what logstash-patterns-core's own tests expect of them.

use std::path::Path;
use std::time::Duration;

use event::{Event, Timestamp, Value};
use processors::{GrokOptions, GrokProcessor, Outcome, Processor};

fn is_subset(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            want.iter().all(|(key, value)| got.get(key).is_some_and(|found| is_subset(value, found)))
        }
        (Value::Number(want), Value::Number(got)) => want.as_f64() == got.as_f64(),
        _ => want == got,
    }
}

fn agrees(row: &Value, mode: &str) -> bool {
    let pattern = row["pattern"].as_str().expect("a pattern");
    let exact = row["exact"] == true;
    let expression = if exact { format!("^%{{{pattern}}}$") } else { format!("%{{{pattern}}}") };
    let grok = GrokProcessor::new(GrokOptions {
        matches: vec![("message".into(), vec![expression])],
        ecs: mode == "ecs-v1",
        timeout: Duration::from_secs(5),
        ..GrokOptions::default()
    })
    .expect("stock patterns compile");
    let mut event = Event::at(Timestamp::from_nanos(0));
    event.set("message", row["message"].clone());
    let matched = grok.process(&mut event) == Outcome::Applied;
    if row["match"] == false {
        return !matched;
    }
    matched && row.get("expect").is_none_or(|want| is_subset(want, &Value::Object(event.to_document())))
}

#[test]
fn stock_patterns_agree_with_upstream() {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data/grok/expectations.jsonl"));
    let Some(file) = above.find(|file| file.is_file()) else {
        eprintln!("SKIPPED: no file shared/data/grok/expectations.jsonl above this crate");
        return;
    };
    let text = fs_err::read_to_string(file).expect("readable");
    let (mut agreed, mut total) = (0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        for mode in row["modes"].as_array().expect("modes") {
            total += 1;
            if agrees(&row, mode.as_str().expect("a mode")) {
                agreed += 1;
            } else {
                eprintln!("disagrees ({mode}): {line}");
            }
        }
    }
    eprintln!("grok expectations: {agreed} of {total} agree");
    assert!(total > 0 && agreed == total, "{agreed} of {total}");
}
