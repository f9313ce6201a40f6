//! The cases shared with the browser, and what only this side can be asked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::ast::WILDCARD;
use super::*;

const CASES: &str = include_str!("../../testdata/kql-cases.json");

#[derive(Deserialize)]
struct Case {
    query: String,
    #[serde(default)]
    tokens: Option<Vec<(String, usize, usize)>>,
    #[serde(default)]
    dsl: Option<Value>,
    #[serde(default)]
    fault: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: String,
    start: usize,
    end: usize,
    #[serde(default)]
    fixed: Option<String>,
}

#[derive(Deserialize)]
struct Cases {
    fields: BTreeMap<String, String>,
    cases: Vec<Case>,
}

struct Table(BTreeMap<String, String>);

impl FieldLookup for Table {
    fn kind(&self, name: &str) -> Option<FieldKind> {
        Some(match self.0.get(name)?.as_str() {
            "text" => FieldKind::Text,
            "keyword" => FieldKind::Keyword,
            "long" => FieldKind::Integer,
            "double" => FieldKind::Float,
            "date" => FieldKind::Date,
            "boolean" => FieldKind::Boolean,
            "ip" => FieldKind::Ip,
            _ => FieldKind::Other,
        })
    }

    fn exact(&self, name: &str) -> Option<String> {
        let below = format!("{name}.keyword");
        self.0.contains_key(&below).then_some(below)
    }

    fn matching(&self, pattern: &str, limit: usize) -> Vec<String> {
        let prefix = pattern.trim_end_matches(WILDCARD);
        let names = self.0.keys().filter(|name| name.starts_with(prefix));
        names.take(limit).cloned().collect()
    }
}

fn cases() -> Cases {
    serde_json::from_str(CASES).expect("testdata/kql-cases.json is JSON of this shape")
}

#[test]
fn every_shared_case_has_its_tokens() {
    for case in cases().cases {
        let Some(expected) = case.tokens else { continue };
        let found: Vec<(String, usize, usize)> = tokens(&case.query)
            .unwrap_or_else(|fault| panic!("{}: {fault:?}", case.query))
            .iter()
            .map(|token| {
                let at = |byte| diagnostic::utf16(&case.query, byte);
                (token.kind.name().to_owned(), at(token.span.start), at(token.span.end))
            })
            .collect();
        assert_eq!(found, expected, "{}", case.query);
    }
}

#[test]
fn every_shared_case_has_its_dsl_or_its_fault() {
    let Cases { fields, cases } = cases();
    let table = Table(fields);
    for case in cases {
        let made = parse(&case.query).and_then(|tree| lower(&case.query, &tree, &table));
        match (made, case.dsl, case.fault) {
            (Ok(made), Some(dsl), None) => {
                assert_eq!(made, dsl, "{}\nmade: {made}", case.query);
            }
            (Err(found), None, Some(fault)) => {
                assert_eq!(found.code, fault.code, "{}", case.query);
                assert_eq!((found.start, found.end), (fault.start, fault.end), "{}", case.query);
                let fixed = found.fix.map(|fix| apply(&case.query, &fix));
                assert_eq!(fixed, fault.fixed, "{}", case.query);
            }
            (made, dsl, _) => panic!("{}: made {made:?}, the case says dsl {dsl:?}", case.query),
        }
    }
}

/// What a fix offers must itself be a query.
#[test]
fn every_fix_gives_a_query_that_parses() {
    for case in cases().cases {
        let Err(fault) = parse(&case.query) else { continue };
        let Some(fix) = fault.fix else { continue };
        let fixed = apply(&case.query, &fix);
        assert!(parse(&fixed).is_ok(), "{} became {fixed}", case.query);
    }
}

#[test]
fn deep_nesting_is_refused_and_not_a_crash() {
    for query in ["(".repeat(100_000), "not ".repeat(100_000) + "a", "a:".to_owned() + &"(".repeat(100_000)] {
        let fault = parse(&query).expect_err("too deep");
        assert_eq!(fault.code, "too_deep");
    }
}

/// No text, however odd, panics: every prefix of every case, and odd bytes at every border.
#[test]
fn any_text_is_a_query_or_a_fault() {
    for case in cases().cases {
        for (at, _) in case.query.char_indices() {
            for odd in ["", "\\", "\"", "😀", ":", "("] {
                let text = format!("{}{odd}", &case.query[..at]);
                if let Err(fault) = parse(&text) {
                    let units = text.encode_utf16().count();
                    assert!(fault.start <= fault.end && fault.end <= units, "{text}: {fault:?}");
                    assert!(fault.message.ends_with('.'), "{fault:?}");
                }
            }
        }
    }
}

fn apply(query: &str, fix: &Fix) -> String {
    let units: Vec<u16> = query.encode_utf16().collect();
    let mut fixed = units[..fix.start].to_vec();
    fixed.extend(fix.text.encode_utf16());
    fixed.extend(&units[fix.end..]);
    String::from_utf16(&fixed).expect("a fix keeps characters whole")
}
