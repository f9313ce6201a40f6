//! What scripts are run for, by Elasticsearch's names, and in which languages.

use mustache::Template;
use script::{Program, Purpose};
use serde_json::Value;

use crate::error::ApiError;

pub(crate) const PAINLESS: &str = "painless";
pub(crate) const MUSTACHE: &str = "mustache";
pub(crate) const LANGUAGES: [&str; 2] = [MUSTACHE, PAINLESS];

/// What a script is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScriptContext {
    pub name: &'static str,
    /// The type of what it comes to, as Java calls it.
    pub result: &'static str,
    /// What it can ask of where it runs, beside its parameters: getters and their types.
    pub getters: &'static [(&'static str, &'static str)],
    /// None for templates.
    purpose: Option<Purpose>,
}

const DOC: (&str, &str) = ("getDoc", "java.util.Map");
const PARAMS: (&str, &str) = ("getParams", "java.util.Map");

/// Every context that there is.
pub(crate) const CONTEXTS: [ScriptContext; 4] = [
    ScriptContext {
        name: "score",
        result: "double",
        getters: &[DOC, PARAMS, ("get_score", "double")],
        purpose: Some(Purpose::Score),
    },
    ScriptContext { name: "template", result: "java.lang.String", getters: &[PARAMS], purpose: None },
    ScriptContext {
        name: "terms_set",
        result: "java.lang.Number",
        getters: &[DOC, PARAMS],
        purpose: Some(Purpose::Score),
    },
    ScriptContext {
        name: "update",
        result: "void",
        getters: &[("getCtx", "java.util.Map"), PARAMS],
        purpose: Some(Purpose::Update),
    },
];

impl ScriptContext {
    pub(crate) fn of(name: &str) -> Option<Self> {
        CONTEXTS.into_iter().find(|context| context.name == name)
    }

    /// Whether scripts of a language are run for it.
    pub(crate) fn takes(self, lang: &str) -> bool {
        lang == if self.purpose.is_some() { PAINLESS } else { MUSTACHE }
    }

    /// Refuses what is no script of its language, or not for this.
    pub(crate) fn check(self, lang: &str, source: &str) -> Result<(), ApiError> {
        if !self.takes(lang) {
            let name = self.name;
            return Err(ApiError::argument(format!(
                "{lang} engine does not know how to handle context [{name}]"
            )));
        }
        match self.purpose {
            None => read_template(source).map(drop),
            Some(purpose) => Program::read(source, purpose).map(drop).map_err(|reason| {
                not_compiled(PAINLESS, source, "compile error")
                    .caused_by("illegal_argument_exception", reason)
            }),
        }
    }
}

/// Reads a template in mustache.
pub(crate) fn read_template(source: &str) -> Result<Template, ApiError> {
    Template::read(source).map_err(|fault| {
        let reason = fault.to_string();
        not_compiled(MUSTACHE, source, &reason).caused_by("mustache_exception", reason.as_str())
    })
}

fn not_compiled(lang: &str, source: &str, reason: &str) -> ApiError {
    ApiError::new(400, "script_exception", reason)
        .with("script_stack", Vec::<Value>::new())
        .with("script", source)
        .with("lang", lang)
}
