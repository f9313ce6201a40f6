//! Update scripts: what a request says of one, and the document that it is run over.

use script::{Limits, Program, Purpose, SOURCE_BYTES_MAX};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::memory::Memory;

/// What memory is promised for.
const WHAT: &str = "update_script";

/// A script that was read.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    program: Program,
    params: Value,
}

/// What shall become of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Index,
    Delete,
    None,
}

/// The document as a script sees it: `ctx`.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub source: Value,
    pub op: Op,
    pub index: String,
    pub doc_type: String,
    pub id: String,
    pub routing: Option<String>,
    pub version: Option<u64>,
    /// Whether the document is to be made.
    pub is_new: bool,
    now_millis: i64,
}

impl Context {
    pub(crate) fn of(index: &str, doc_type: &str, id: &str, source: Value, now_millis: i64) -> Self {
        Self {
            source,
            op: Op::Index,
            index: index.to_owned(),
            doc_type: doc_type.to_owned(),
            id: id.to_owned(),
            routing: None,
            version: None,
            is_new: false,
            now_millis,
        }
    }

    fn take(&mut self) -> Value {
        let op = if self.is_new { "create" } else { "index" };
        json!({
            "_source": self.source.take(), "op": op, "_index": self.index, "_type": self.doc_type, "_id": self.id,
            "_routing": self.routing, "_version": self.version, "_now": self.now_millis
        })
    }

    fn put_back(&mut self, mut ctx: Value) -> Result<(), String> {
        self.op = match ctx["op"].as_str() {
            Some("index" | "create") => Op::Index,
            Some("delete") => Op::Delete,
            Some("none" | "noop") => Op::None,
            _ => {
                return Err(format!(
                    "Operation type [{}] not allowed, only [noop, index, delete] are allowed",
                    ctx["op"]
                ));
            }
        };
        if !ctx["_source"].is_object() {
            return Err("ctx._source must stay an object".to_owned());
        }
        self.source = ctx["_source"].take();
        let text = |name: &str| ctx[name].as_str().map(str::to_owned);
        self.index = text("_index").ok_or("ctx._index must stay a text")?;
        self.id = text("_id").ok_or("ctx._id must stay a text")?;
        self.routing = text("_routing");
        Ok(())
    }
}

impl Script {
    /// Reads `"…"` or `{"source": "…", "lang": "painless", "params": {…}}`.
    pub(crate) fn read(value: &Value) -> Result<Self, ApiError> {
        let empty = Map::new();
        let (source, members) = match value {
            Value::String(source) => (Some(source.as_str()), &empty),
            Value::Object(members) => (None, members),
            other => {
                return Err(ApiError::parsing(format!("[script] must be a text or an object, not {other}")));
            }
        };
        let mut source_text = source.unwrap_or_default().to_owned();
        let mut params = json!({});
        let mut has_source = source.is_some();
        for (key, value) in members {
            match (key.as_str(), value) {
                ("source" | "inline", Value::String(text)) => {
                    (source_text, has_source) = (text.clone(), true);
                }
                ("lang", Value::String(lang)) if lang == "painless" => {}
                ("lang", lang) => {
                    let lang = lang.as_str().map_or_else(|| lang.to_string(), str::to_owned);
                    return Err(ApiError::argument(format!("script_lang not supported [{lang}]")));
                }
                ("params", Value::Object(_)) => params = value.clone(),
                ("options", _) => {}
                ("id" | "stored", Value::String(id)) => {
                    return Err(ApiError::new(
                        404,
                        "resource_not_found_exception",
                        format!("unable to find script [{id}] in cluster state"),
                    ));
                }
                (other, _) => return Err(ApiError::parsing(format!("[script] unknown field [{other}]"))),
            }
        }
        if !has_source {
            return Err(ApiError::argument(
                "must specify either [source] for an inline script or [id] for a stored script",
            ));
        }
        if source_text.len() > SOURCE_BYTES_MAX {
            return Err(ApiError::argument(format!(
                "exceeded max allowed inline script size in bytes [{SOURCE_BYTES_MAX}] with size [{}]",
                source_text.len()
            )));
        }
        let program = Program::read(&source_text, Purpose::Update)
            .map_err(|reason| fault(&source_text, "compile error", reason))?;
        Ok(Self { program, params })
    }

    /// Runs it over a document, within what its index allows and the node has.
    pub(crate) fn run(&self, context: &mut Context, limits: Limits, memory: &Memory) -> Result<(), ApiError> {
        let fault = |reason: String| {
            let mut error = ApiError::argument("failed to execute script");
            error.cause = Some(("script_exception".to_owned(), format!("runtime error: {reason}")));
            error
        };
        let (mut lent, mut refusal) = (Vec::new(), None);
        let mut lend = |bytes: usize| match memory.reserve_now(bytes as u64, WHAT) {
            Ok(reserved) => {
                lent.push(reserved);
                true
            }
            Err(refused) => {
                refusal = Some(refused);
                false
            }
        };
        let changed = self.program.change(context.take(), &self.params, &mut lend, limits);
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        context.put_back(changed.map_err(fault)?).map_err(fault)
    }
}

fn fault(source: &str, what: &str, reason: String) -> ApiError {
    let mut error = ApiError::new(400, "script_exception", what);
    error.cause = Some(("illegal_argument_exception".to_owned(), reason));
    error.with("script", source).with("lang", "painless")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: Value, source: Value) -> Result<(Value, Op), ApiError> {
        let mut context = Context::of("i", "_doc", "1", source, 1_000);
        Script::read(&script)?.run(&mut context, Limits::USUAL, &Memory::bounded(64 << 20))?;
        Ok((context.source, context.op))
    }

    #[test]
    fn scripts_do_to_documents_what_painless_would() {
        for (script, before, after) in [
            ("ctx._source.age++", json!({"age": 29}), json!({"age": 30})),
            (
                "ctx._source.year += 1900; ctx._source['a'] = 'b'",
                json!({"year": 91}),
                json!({"year": 1991, "a": "b"}),
            ),
            (
                "ctx._source.n = 7 / 2; ctx._source.d = 7 / 2.0; ctx._source.m = 7 % 4",
                json!({}),
                json!({"n": 3, "d": 3.5, "m": 3}),
            ),
            ("ctx._source.s = 'x' + 1 + (2 * 3)", json!({}), json!({"s": "x16"})),
            (
                "ctx._source.remove('a'); ctx._source.o.b = null",
                json!({"a": 1, "o": {}}),
                json!({"o": {"b": null}}),
            ),
            (
                "if (ctx._source.tags.contains('red')) { ctx._source.tags.add('blue') } else { ctx._source.x = 1 }",
                json!({"tags": ["red"]}),
                json!({"tags": ["red", "blue"]}),
            ),
            (
                "def n = ctx._source.n; if (n == null || n < 3 && !(n != 2)) ctx._source.n = -1; else ctx._source.n = n > 5 ? 1 : 0",
                json!({"n": 6}),
                json!({"n": 1}),
            ),
            (
                "ctx._source.l = [1, 2]; ctx._source.m = ['k': 1]; ctx._source.c = ctx._source.l.size()",
                json!({}),
                json!({"l": [1, 2], "m": {"k": 1}, "c": 2}),
            ),
            (
                "ctx._source.t = ctx._source.t.toUpperCase().substring(1) // a remark",
                json!({"t": "abc"}),
                json!({"t": "BC"}),
            ),
            (
                "ctx._source.i = ctx._index + '/' + ctx._id + '@' + ctx._now",
                json!({}),
                json!({"i": "i/1@1000"}),
            ),
        ] {
            let (source, op) =
                run(json!(script), before).unwrap_or_else(|error| panic!("{script}: {error:?}"));
            assert_eq!((source, op), (after, Op::Index), "{script}");
        }
        let with_params = json!({"source": "ctx._source.n += params.by; if (params.done) ctx.op = 'delete'", "params": {"by": 2, "done": true}});
        assert_eq!(run(with_params, json!({"n": 1})).expect("runs"), (json!({"n": 3}), Op::Delete));
        assert_eq!(run(json!("ctx.op = 'none'"), json!({})).expect("runs").1, Op::None);
    }

    #[test]
    fn what_is_beyond_is_refused_with_the_place() {
        for (script, reason) in [
            ("try { }", "[try] at 1"),
            ("ctx._source.a = ", "end of the script"),
            ("ctx._source.a = 'b", "text that begins at 17"),
            ("1 = 2", "cannot be assigned"),
            ("foo.bar = 1", "[foo] at 1"),
            ("ctx._source.a = #", "[#] at 17"),
        ] {
            let error = run(json!(script), json!({})).expect_err(script);
            assert_eq!((error.status, error.kind.as_str()), (400, "script_exception"), "{script}");
            let cause = error.cause.map(|(_, reason)| reason).unwrap_or_default();
            assert!(cause.contains(reason), "{script}: {cause}");
        }
        for (script, reason) in [
            ("ctx._source.a.b = 1", "null"),
            ("ctx._source.a = 1 / 0", "/ by zero"),
            ("ctx.op = 'sing'", "Operation type"),
            ("ctx._source = 1", "must stay an object"),
            ("ctx._source.n.frobnicate()", "frobnicate"),
        ] {
            let error = run(json!(script), json!({"n": 1})).expect_err(script);
            let cause = error.cause.map(|(_, reason)| reason).unwrap_or_default();
            assert!(error.status == 400 && cause.contains(reason), "{script}: {cause}");
        }
        let deep = format!("ctx._source.a = {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(run(json!(deep), json!({})).expect_err("too deep").kind, "script_exception");
        assert_eq!(run(json!({"id": "mine"}), json!({})).expect_err("stored").status, 404);
        assert_eq!(
            run(json!({"source": "", "lang": "lua"}), json!({})).expect_err("lang").reason,
            "script_lang not supported [lua]"
        );
    }
}
