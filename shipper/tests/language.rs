//! Pipelines as text: what parses, what is refused, and in which words.

use std::path::{Path, PathBuf};

use daemon::clock::Clock;
use shipper::config::{Source, join, read};
use shipper::language::parse;
use shipper::pipeline::Pipeline;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// The faults of a text, one a line.
fn faults(name: &str, text: &str) -> String {
    let sources = [Source { name: name.to_owned(), text: text.to_owned() }];
    let built = join(&sources).and_then(|config| {
        Pipeline::build(&config, &|_| None, &Clock::fixed(0)).map_err(|fault| vec![fault])
    });
    match built {
        Ok(_) => String::new(),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    }
}

#[test]
fn a_wrong_pipeline_is_told_its_place_and_remedy() {
    let mut found = String::new();
    for source in read(&folder("bad")).expect("testdata") {
        let name = Path::new(&source.name).file_name().expect("a name").to_string_lossy().into_owned();
        let faults = faults(&name, &source.text);
        assert!(!faults.is_empty(), "{name} was accepted");
        found.push_str(&faults);
    }
    let golden = folder("bad").join("expected.txt");
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs_err::write(&golden, &found).expect("written");
    }
    assert_eq!(found, fs_err::read_to_string(&golden).expect("testdata/bad/expected.txt"));
}

#[test]
fn a_slip_is_told_the_nearest_word() {
    let text = "input { stdin { } }\nfilter {\n  if [a] {\n  }\n}\nfilter {\n                 gork { } }";
    assert_eq!(faults("main.conf", text), "main.conf:7:18: unknown filter `gork`; did you mean `grok`?\n");
}

#[test]
fn a_right_pipeline_is_accepted() {
    for source in read(&folder("good")).expect("testdata") {
        assert_eq!(faults(&source.name, &source.text), "", "{}", source.name);
    }
}

#[test]
fn the_shipped_pipeline_is_the_tested_one() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/pipelines/access-logs.conf");
    assert_eq!(
        fs_err::read_to_string(shipped).expect("the shipped pipeline"),
        fs_err::read_to_string(folder("good").join("access-logs.conf")).expect("testdata")
    );
}

#[test]
fn several_files_are_one_pipeline_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("20-b.conf", "filter { mutate { id => \"second\" } }"),
        ("10-a.conf", "input { stdin { } } filter { mutate { id => \"first\" } }"),
        ("30-c.txt", "no pipeline"),
    ] {
        fs_err::write(folder.path().join(name), text).expect("written");
    }

    for path in [folder.path().to_owned(), folder.path().join("*.conf")] {
        let config = join(&read(&path).expect("two files")).expect("valid");
        let pipeline = Pipeline::build(&config, &|_| None, &Clock::fixed(0)).expect("valid");
        let filters: Vec<&str> = pipeline
            .plugins()
            .iter()
            .filter(|plugin| plugin.section == "filter")
            .map(|plugin| plugin.id.as_str())
            .collect();
        assert_eq!(filters, ["first", "second"], "{}", path.display());
    }
    let none = read(&folder.path().join("*.none")).expect_err("no file").to_string();
    assert!(none.contains("names no file") && none.contains("path.config"), "{none}");
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let text = format!("filter {{ {}", "if [a] { ".repeat(10_000));
    let fault = parse("deep.conf", &text).expect_err("too deep").to_string();
    assert!(fault.contains("nested more than 100 levels deep"), "{fault}");
}

#[test]
fn long_chains_of_conditions_are_no_deep_tree() {
    let chain = |join: &str| vec!["[a]"; 50_000].join(&format!(" {join} "));
    for join in ["and", "or", "xor", "nand"] {
        let text = format!("input {{ stdin {{ }} }} filter {{ if {} {{ drop {{ }} }} }}", chain(join));
        assert_eq!(faults("long.conf", &text), "");
    }
}

#[test]
fn variables_stand_in_options_and_conditions() {
    let text = "input { stdin { } }\nfilter {\n  if [a] in [\"${NAMED}\"] { drop { } }\n}";
    assert_eq!(
        faults("main.conf", text),
        "main.conf:3:3: `if`: ${NAMED} is not set; set it, or write ${NAMED:default}\n"
    );
    assert_eq!(faults("main.conf", &text.replace("NAMED", "NAMED:x")), "");
}

#[test]
fn real_pipelines_parse_and_name_the_plugins_that_are_missing() {
    let Some(samples) = samples() else {
        eprintln!("SKIPPED: no folder shared/data/logstash above this crate");
        return;
    };
    let mut seen = 0;
    for source in read(&samples).expect("samples") {
        seen += 1;
        parse(&source.name, &source.text).unwrap_or_else(|fault| panic!("{fault}"));
        for line in faults(&source.name, &source.text).lines() {
            let is_named = [
                "unknown input `",
                "unknown filter `",
                "unknown output `",
                "unknown codec `",
                "unknown option `",
            ];
            assert!(is_named.iter().any(|words| line.contains(words)), "{line}");
        }
    }
    assert!(seen >= 10, "{seen} samples");
}

/// `shared/data/logstash` beside the repository or one of its parents.
fn samples() -> Option<PathBuf> {
    let mut beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data/logstash"));
    beside.find(|folder| folder.is_dir())
}
