//! A small part of Painless, read and run here: what updates do with documents, and what scores are computed from.
//!
//! Assignments, `if`/`else`, loops, local variables, arithmetic, the common methods of texts, lists and maps, `Math`, and what a host lends: the
//! values of a document and its score. There are no functions of a script's own; whatever is beyond is refused when it is read, with the
//! place. A script ends: its loops share a bound, and so do the values that it makes.
//!
//! `lexer`, `parser` and `variables` read, `eval` runs, `held` counts what it holds, `operators`, `methods` and `functions` compute.

mod eval;
mod functions;
mod held;
mod lexer;
mod methods;
mod operators;
mod parser;
mod variables;

use serde_json::Value;

use self::eval::Frame;
pub use self::held::weight;
use self::parser::{Statement, parse};

/// Scripts longer than this many bytes are refused, as in Elasticsearch.
pub const SOURCE_BYTES_MAX: usize = 65_535;
/// How much one run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How often all its loops may go round together.
    pub loops: u32,
    /// What its values may take of memory.
    pub bytes: usize,
}

impl Limits {
    /// Unless somebody says otherwise; the loops as in Elasticsearch.
    pub const USUAL: Self = Self { loops: 1_000_000, bytes: 10 << 20 };
}

/// What a script may use beside `params`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `ctx`, which it changes.
    Update,
    /// `doc` and `_score`, of which it makes a number.
    Score,
}

impl Purpose {
    fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Update => &["ctx", "params"],
            Self::Score => &["doc", "params", "_score"],
        }
    }
}

/// A script that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    statements: Vec<Statement>,
    needs_score: bool,
}

/// What a script knows of the document that it runs for.
pub trait Host {
    /// Whether there is a field at a path.
    fn has_field(&self, path: &str) -> bool;
    /// The values of a field, in their order.
    fn values(&mut self, path: &str) -> Result<Vec<Value>, String>;
    /// The score of the query around.
    fn score(&mut self) -> f64;
    /// Whether anybody still wants what comes of it, asked now and then while loops go round.
    fn goes_on(&mut self) -> bool {
        true
    }
    /// Whether a run may hold so many bytes more, until they are taken back.
    fn lend(&mut self, _bytes: usize) -> bool {
        true
    }

    fn take_back(&mut self, _bytes: usize) {}

    /// What a function of the host's own says; none if there is none of that name.
    fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>>;
}

/// Knows no document.
struct Nobody<'l> {
    /// Whether a run may hold so many bytes more.
    lend: &'l mut dyn FnMut(usize) -> bool,
}

impl Host for Nobody<'_> {
    fn lend(&mut self, bytes: usize) -> bool {
        (self.lend)(bytes)
    }

    fn has_field(&self, _path: &str) -> bool {
        false
    }

    fn values(&mut self, path: &str) -> Result<Vec<Value>, String> {
        Err(format!("No field found for [{path}] in mapping"))
    }

    fn score(&mut self) -> f64 {
        0.0
    }

    fn call(&mut self, _name: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        None
    }
}

impl Program {
    /// Reads the text of a script; a fault says where it is.
    pub fn read(text: &str, purpose: Purpose) -> Result<Self, String> {
        let (statements, needs_score) = parse(text, purpose.roots())?;
        Ok(Self { statements, needs_score })
    }

    /// Runs it over `ctx`, and returns what that has become.
    pub fn change(
        &self,
        ctx: Value,
        params: &Value,
        lend: &mut dyn FnMut(usize) -> bool,
        limits: Limits,
    ) -> Result<Value, String> {
        let mut nobody = Nobody { lend };
        let mut frame = Frame::new(ctx, params, &mut nobody, limits);
        frame.result(&self.statements)?;
        Ok(frame.into_ctx())
    }

    /// Runs it for a document, and returns its value; none where it says nothing.
    pub fn value(&self, params: &Value, host: &mut dyn Host, limits: Limits) -> Result<Value, String> {
        Frame::new(Value::Null, params, host, limits).result(&self.statements)
    }

    /// Whether the script looks at the score of the query around.
    pub fn needs_score(&self) -> bool {
        self.needs_score
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Document;

    impl Host for Document {
        fn has_field(&self, path: &str) -> bool {
            matches!(path, "n" | "none")
        }

        fn values(&mut self, path: &str) -> Result<Vec<Value>, String> {
            match path {
                "n" => Ok(vec![json!(3), json!(5)]),
                "none" => Ok(vec![]),
                other => Err(format!("No field found for [{other}] in mapping")),
            }
        }

        fn score(&mut self) -> f64 {
            0.5
        }

        fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
            (name == "twice").then(|| Ok(json!(arguments[0].as_f64().unwrap_or_default() * 2.0)))
        }
    }

    fn value(text: &str) -> Result<Value, String> {
        let program = Program::read(text, Purpose::Score)?;
        program.value(
            &json!({"a": 2, "list": [1, 2, 3]}),
            &mut Document,
            Limits { loops: 1000, ..Limits::USUAL },
        )
    }

    #[test]
    fn a_variable_is_declared_once_and_is_there_in_its_block() {
        for (text, name) in [
            ("def a = 1; def a = 2; return a", "a"),
            ("def a = 1; if (params.a > 1) { def a = 2; } return a", "a"),
            ("int i = 0; for (int i = 0; i < 1; ++i) {} return i", "i"),
            ("for (def x : params.list) { def x = 2; } return 1", "x"),
            ("for (x in params.list) { for (x in params.list) {} } return 1", "x"),
            ("def params = 1; return 1", "params"),
            ("def doc = 1; return 1", "doc"),
            ("double _score = 1; return 1", "_score"),
        ] {
            let error = value(text).expect_err(text);
            assert!(error.starts_with(&format!("variable [{name}] is already defined")), "{text}: {error}");
        }
        let after = "if (params.a > 1) { def b = 2; } return b";
        assert!(value(after).expect_err(after).contains("found [b]"));
        for (text, wanted) in [
            (
                "for (int i = 0; i < 1; ++i) { def a = i; } for (int i = 0; i < 1; ++i) { def a = 4; } return 1",
                1,
            ),
            ("if (params.a > 1) { def b = 2; } def b = 3; return b", 3),
            ("int s = 0; for (x in params.list) { s += x; } for (x in params.list) { s += x; } return s", 12),
        ] {
            assert_eq!(value(text), Ok(json!(wanted)), "{text}");
        }
    }

    #[test]
    fn scripts_compute_what_painless_would() {
        for (text, wanted) in [
            ("1 + 2 * 3", json!(7)),
            ("doc['n'].value * params.a", json!(6)),
            ("doc['n'].size() + doc['n'].length", json!(4)),
            ("doc['none'].empty ? 1 : doc['none'].value", json!(1)),
            ("doc['n'].isEmpty() ? 1 : 2", json!(2)),
            ("doc.containsKey('n') && !doc.containsKey('m')", json!(true)),
            ("_score * 4", json!(2.0)),
            ("return Math.max(1, Math.pow(2, 3));", json!(8.0)),
            ("Math.abs(-3) + Math.min(4, 2)", json!(5)),
            ("saturation(1, 3)", json!(0.25)),
            ("sigmoid(2, 2, 1)", json!(0.5)),
            ("twice(4)", json!(8.0)),
            ("double x = 1; return x / 2", json!(0.5)),
            ("int s = 0; for (int i = 0; i < 4; i++) { if (i == 2) continue; s += i; } return s", json!(4)),
            ("int s = 0; for (def v : doc['n'].values) { s += v } s", json!(8)),
            ("int s = 0; for (v in params.list) { if (v > 2) { break; } s += v } s", json!(3)),
            ("int s = 0; for (int i = 0; i < 4; ++i) { s += i; } --s; s", json!(5)),
            ("int i = 10; while (i > 5) { i-- } return i", json!(5)),
            ("int i = 0; do { i++ } while (i < 3); return i", json!(3)),
            ("(int) 2.9 + (double) 1", json!(3.0)),
            ("params.b ?: 7", json!(7)),
            ("1e2 + 1.5e-1", json!(100.15)),
            ("if (doc['n'].value > 2) { return 1 } else { return 2 }", json!(1)),
            ("Math.log10(100) + Math.sqrt(4)", json!(4.0)),
        ] {
            assert_eq!(value(text).as_ref(), Ok(&wanted), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, wanted) in [
            ("doc['none'].value", "A document doesn't have a value for a field!"),
            ("doc['m'].value", "No field found for [m] in mapping"),
            ("while (true) { }", "maximum number of statements"),
            ("foo(1)", "Unknown call [foo] with [1] arguments."),
            ("bar", "[bar] at 1"),
            ("Math.frob(1)", "Math.frob"),
            ("break", "[break] at 1"),
        ] {
            let error = value(text).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    /// Lists and maps used to be copied for each change.
    #[test]
    fn lists_and_maps_grow_where_they_are() {
        for text in [
            "def l = []; for (int i = 0; i < 100000; i++) { l.add(i); } return l.size()",
            "def m = [:]; for (int i = 0; i < 100000; i++) { m.put('k' + i, i); } return m.size()",
        ] {
            let program = Program::read(text, Purpose::Score).expect(text);
            assert_eq!(
                program.value(&json!({}), &mut Document, Limits { bytes: 64 << 20, ..Limits::USUAL }),
                Ok(json!(100_000)),
                "{text}"
            );
        }
    }

    /// Lends so many bytes at most, and notes what is lent and how much that ever was.
    #[derive(Default)]
    struct Lender {
        most: usize,
        lent: usize,
        peak: usize,
    }

    impl Host for Lender {
        fn has_field(&self, _: &str) -> bool {
            false
        }

        fn values(&mut self, _: &str) -> Result<Vec<Value>, String> {
            Ok(Vec::new())
        }

        fn score(&mut self) -> f64 {
            0.0
        }

        fn lend(&mut self, bytes: usize) -> bool {
            self.lent += bytes;
            self.peak = self.peak.max(self.lent);
            self.lent <= self.most
        }

        fn take_back(&mut self, bytes: usize) {
            self.lent -= bytes;
        }

        fn call(&mut self, _: &str, _: &[Value]) -> Option<Result<Value, String>> {
            None
        }
    }

    /// What grows without an end, whatever grows: each of these would take all memory of a machine.
    const GROWING: [&str; 11] = [
        "def s = 'ab'; while (true) { s += s }",
        "def s = 'ab'; while (true) { s = s + s }",
        "def s = 'ab'; while (true) { s = s.replace('a', 'aaab') }",
        "def l = [1]; while (true) { l.add('some text') }",
        "def l = [1]; while (true) { l.addAll(l) }",
        "def l = [1]; while (true) { l = [l, l] }",
        "def m = ['a': 1]; while (true) { m = ['a': m, 'b': m] }",
        "def s = 'ab'; def l = []; while (true) { l.add(s + s); s += 'c' }",
        "def m = ['a': 'ab']; while (true) { m.a += m.a }",
        "def m = [:]; def i = 0; while (true) { m['some long key ' + i] = 1; i++ }",
        "def m = [:]; def l = []; while (true) { m['key'] = 1; m.remove('key'); l.add('some text') }",
    ];

    #[test]
    fn what_grows_without_end_is_stopped_before_it_has_memory() {
        for text in GROWING {
            let program = Program::read(text, Purpose::Score).expect(text);
            let limits = Limits { loops: u32::MAX, bytes: 1 << 20 };
            let mut host = Lender { most: usize::MAX, ..Lender::default() };
            let fault = program.value(&json!({}), &mut host, limits).expect_err(text);
            assert!(fault.contains("index.max_script_memory") && fault.len() < 400, "{text}: {fault}");
            assert!(host.peak <= 1 << 20 && host.peak > 256 << 10, "{text}: {}", host.peak);
            assert_eq!(host.lent, 0, "{text}: it is given back");

            let mut host = Lender { most: 100 << 10, ..Lender::default() };
            let fault = program.value(&json!({}), &mut host, limits).expect_err(text);
            assert!(fault.contains("no memory"), "{text}: {fault}");
        }
    }

    /// Such a value could be neither copied nor dropped.
    #[test]
    fn what_is_nested_without_end_is_stopped() {
        for text in [
            "def m = [:]; while (true) { m.b = m }",
            "def m = [:]; while (true) { m.put('b', m) }",
            "def l = []; while (true) { l = [l] }",
            "def l = []; while (true) { def n = []; n.add(l); l = n }",
            "def m = [:]; while (true) { m = ['a': m] }",
        ] {
            let program = Program::read(text, Purpose::Score).expect(text);
            let fault = program.value(&json!({}), &mut Document, Limits::USUAL).expect_err(text);
            assert!(fault.contains("nested deeper"), "{text}: {fault}");
        }
    }

    /// What a key or a root does would be done again for each look at what it leads to.
    #[test]
    fn what_a_place_does_is_done_once() {
        for (text, wanted) in [
            (
                "def l = [['n': 'a'], ['n': 'b'], ['n': 'c']]; def n = l.remove(0).n; return n + l.size()",
                json!("a2"),
            ),
            ("def q = ['a', 'b']; def m = ['a': 'A', 'b': 'B']; return m[q.remove(0)]", json!("A")),
            (
                "def q = ['a', 'b']; def m = ['a': 'A', 'b': 'BB']; return m[q.remove(0)].length() + q.size()",
                json!(2),
            ),
            (
                "def q = ['a', 'b', 'c']; def m = ['a': [], 'b': [], 'c': []]; m[q.remove(0)].add(1); return m.a.size() + q.size()",
                json!(3),
            ),
            (
                "def q = ['a', 'b']; def m = ['a': 1, 'b': 5]; m[q.remove(0)] += 1; return m.a * 10 + m.b",
                json!(25),
            ),
            ("def q = ['a', 'b']; def m = [:]; m[q.remove(0)] = 7; return m.a + q.size()", json!(8)),
        ] {
            assert_eq!(value(text).as_ref(), Ok(&wanted), "{text}");
        }
    }

    #[test]
    fn what_is_let_go_of_counts_no_more() {
        for text in [
            "def s = ''; for (int i = 0; i < 100000; i++) { s = 'some text of this round ' + i }",
            "def l = []; for (int i = 0; i < 100000; i++) { l.add('some text'); l.remove(0) }",
            "def m = [:]; for (int i = 0; i < 100000; i++) { m.put('a', 'some text'); m.b = 1; m.remove('b') }",
            "def l = []; for (int i = 0; i < 100000; i++) { l.add('some text'); if (l.size() > 20) { l.clear() } }",
            "for (int i = 0; i < 1000; i++) { for (v in params.list) { def x = v + 'some text' } }",
        ] {
            let program = Program::read(text, Purpose::Score).expect(text);
            let mut host = Lender { most: 0, ..Lender::default() };
            let done = program.value(&json!({"list": [1, 2, 3]}), &mut host, Limits::USUAL);
            assert!(done.is_ok() && host.peak == 0, "{text}: {done:?}, {}", host.peak);
        }
    }

    #[test]
    fn a_loop_ends_where_nobody_waits_for_it() {
        struct Hasty(u32);
        impl Host for Hasty {
            fn has_field(&self, _: &str) -> bool {
                false
            }
            fn values(&mut self, _: &str) -> Result<Vec<Value>, String> {
                Ok(Vec::new())
            }
            fn score(&mut self) -> f64 {
                0.0
            }
            fn goes_on(&mut self) -> bool {
                self.0 += 1;
                self.0 < 3
            }
            fn call(&mut self, _: &str, _: &[Value]) -> Option<Result<Value, String>> {
                None
            }
        }
        let program = Program::read("while (true) { }", Purpose::Score).expect("a script");
        let mut host = Hasty(0);

        let ended = program.value(&json!({}), &mut host, Limits { loops: u32::MAX, ..Limits::USUAL });

        assert!(ended.is_err_and(|reason| reason.contains("nobody waits")));
        assert_eq!(host.0, 3);
    }

    #[test]
    fn whether_it_needs_the_score_is_known() {
        for (text, needs) in [("_score + 1", true), ("doc['_score'].value", false), ("1", false)] {
            assert_eq!(Program::read(text, Purpose::Score).expect(text).needs_score(), needs, "{text}");
        }
    }
}
