//! Similarities: how much a word counts by how often it is in a text, how long the text is, and how rare it is. BM25 as
//! Elasticsearch has it, with the factor `k1 + 1`, is tantivy's own; here is which similarity a field has. `weighed` makes of it what a word counts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::QueryError;
use super::models::{self, Model};
use crate::json_values::plain;
use crate::mapping::{Mapping, MappingError};

/// How words count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Similarity {
    /// By how often and how rare they are.
    Bm25 {
        /// How soon it does not matter any more how often a word is there.
        k1: f32,
        /// How much the length of a text matters.
        b: f32,
    },
    /// Each one the same.
    Boolean,
    /// By another model.
    Modelled(Model),
}

impl Similarity {
    /// BM25 with Lucene's numbers, by which tantivy scores.
    pub const USUAL: Self = Self::Bm25 { k1: 1.2, b: 0.75 };
}

/// The name of the similarity of fields that name none.
const DEFAULT: &str = "default";

/// The similarities of an index by name (`index.similarity.*`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Similarities {
    named: BTreeMap<String, Similarity>,
}

fn built_in(name: &str) -> Option<Similarity> {
    match name {
        "BM25" => Some(Similarity::USUAL),
        "boolean" => Some(Similarity::Boolean),
        _ => None,
    }
}

fn fault(reason: impl Into<String>) -> QueryError {
    QueryError::argument(reason)
}

impl Similarities {
    /// None are defined.
    pub const NONE: Self = Self { named: BTreeMap::new() };

    /// Reads flat settings without `similarity.` in front, as `mine.type`.
    pub fn read<'a>(flat: impl Iterator<Item = (&'a str, &'a Value)>) -> Result<Self, QueryError> {
        let mut definitions: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (key, value) in flat {
            let Some((name, parameter)) = key.split_once('.') else {
                return Err(fault(format!("Similarity [{key}] must have an associated type")));
            };
            definitions.entry(name).or_default().insert(parameter.to_owned(), value.clone());
        }
        let made =
            definitions.into_iter().map(|(name, values)| Ok((name.to_owned(), defined(name, &values)?)));
        Ok(Self { named: made.collect::<Result<_, QueryError>>()? })
    }

    /// That of a name, if there is one.
    fn find(&self, name: &str) -> Option<Similarity> {
        self.named.get(name).copied().or_else(|| built_in(name))
    }

    /// That of a field that names one or none.
    pub(super) fn of(&self, named: Option<&str>) -> Similarity {
        let default = || self.find(DEFAULT).unwrap_or(Similarity::USUAL);
        named.filter(|name| *name != DEFAULT).and_then(|name| self.find(name)).unwrap_or_else(default)
    }

    /// Refuses a mapping with a field whose similarity nobody has defined.
    pub fn check(&self, mapping: &Mapping) -> Result<(), MappingError> {
        for leaf in mapping.leaves() {
            // Vectors have similarities of their own.
            if leaf.field.type_name == "dense_vector" {
                continue;
            }
            let Some(named) = leaf.field.parameters.get("similarity").filter(|named| !named.is_null()) else {
                continue;
            };
            let name = &plain(named);
            let field = leaf.path.rsplit('.').next().unwrap_or(&leaf.path);
            match name.as_str() {
                "classic" => {
                    return Err(MappingError::argument(
                        "The [classic] similarity may not be used anymore. Please use the [BM25] similarity or build a custom [scripted] similarity instead.",
                    ));
                }
                DEFAULT => {}
                _ if self.find(name).is_some() => {}
                _ => {
                    return Err(MappingError::parsing(format!(
                        "Unknown Similarity type [{name}] for field [{field}]"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The similarity that a definition makes.
fn defined(name: &str, values: &Map<String, Value>) -> Result<Similarity, QueryError> {
    if built_in(name).is_some() {
        return Err(fault(format!(
            "illegal value for [index.similarity.{name}] cannot redefine built-in similarity"
        )));
    }
    let text = |key: &str| values.get(key).map(plain);
    let kind =
        text("type").ok_or_else(|| fault(format!("Similarity [{name}] must have an associated type")))?;
    let known: &[&str] = match kind.as_str() {
        "BM25" | "LegacyBM25" => &["type", "k1", "b", "discount_overlaps"],
        "boolean" => &["type"],
        "classic" => {
            return Err(fault(
                "The [classic] similarity may not be used anymore. Please use the [BM25] similarity or build a custom [scripted] similarity instead.",
            ));
        }
        "scripted" => {
            return Err(fault(format!(
                "Similarity type [scripted] of [{name}] is not supported: take [BM25] with its parameters [k1] and [b], or a model such as [DFR]"
            )));
        }
        model if models::parameters(model).is_some() => models::parameters(model).unwrap_or_default(),
        _ => return Err(fault(format!("Unknown Similarity type [{kind}] for [{name}]"))),
    };
    let unknown: Vec<&str> = values.keys().map(String::as_str).filter(|key| !known.contains(key)).collect();
    if !unknown.is_empty() {
        return Err(fault(format!(
            "Unknown settings for similarity of type [{kind}]: [{}]",
            unknown.join(", ")
        )));
    }
    if kind == "boolean" {
        return Ok(Similarity::Boolean);
    }
    match text("discount_overlaps").as_deref() {
        None | Some("true" | "false") => {}
        Some(other) => {
            return Err(fault(format!(
                "Failed to parse value [{other}] as only [true] or [false] are allowed."
            )));
        }
    }
    if let Some(model) = models::read(&kind, &text)? {
        return Ok(Similarity::Modelled(model));
    }
    let number = |key: &str, usual: f32| match text(key) {
        None => Ok(usual),
        Some(said) => said.parse::<f32>().map_err(|_| {
            fault(format!("Failed to parse value [{said}] for setting [index.similarity.{name}.{key}]"))
        }),
    };
    let (k1, b) = (number("k1", 1.2)?, number("b", 0.75)?);
    if !k1.is_finite() || k1 < 0.0 {
        return Err(fault(format!("illegal k1 value: {k1:?}, must be a non-negative finite value")));
    }
    if !(0.0..=1.0).contains(&b) {
        return Err(fault(format!("illegal b value: {b:?}, must be between 0 and 1")));
    }
    Ok(Similarity::Bm25 { k1, b })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::parse_mapping;

    fn read(settings: &Value) -> Result<Similarities, String> {
        let settings = settings.as_object().expect("an object");
        Similarities::read(settings.iter().map(|(key, value)| (key.as_str(), value)))
            .map_err(|error| error.reason)
    }

    #[test]
    fn fields_have_what_they_name() {
        let made =
            read(&json!({"mine.type": "BM25", "mine.k1": "2.0", "mine.b": "0", "default.type": "boolean"}));
        let made = made.expect("valid");

        assert_eq!(made.of(Some("mine")), Similarity::Bm25 { k1: 2.0, b: 0.0 });
        assert_eq!(made.of(Some("BM25")), Similarity::USUAL);
        assert_eq!(made.of(None), Similarity::Boolean);
        assert_eq!(Similarities::NONE.of(None), Similarity::USUAL);
        let mapping = |name| {
            parse_mapping(
                &json!({"properties": {"o": {"properties": {"t": {"type": "text", "similarity": name}}}}}),
            )
            .expect("valid alone")
        };
        assert!(made.check(&mapping("mine")).is_ok() && made.check(&mapping("boolean")).is_ok());
        let refused = made.check(&mapping("yours")).expect_err("refused");
        assert_eq!(refused.reason, "Unknown Similarity type [yours] for field [t]");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (settings, reason) in [
            (json!({"mine.k1": "1"}), "Similarity [mine] must have an associated type"),
            (json!({"mine.type": "own"}), "Unknown Similarity type [own] for [mine]"),
            (
                json!({"BM25.type": "boolean"}),
                "illegal value for [index.similarity.BM25] cannot redefine built-in similarity",
            ),
            (
                json!({"mine.type": "BM25", "mine.k9": "1"}),
                "Unknown settings for similarity of type [BM25]: [k9]",
            ),
            (
                json!({"mine.type": "BM25", "mine.k1": "-1"}),
                "illegal k1 value: -1.0, must be a non-negative finite value",
            ),
            (json!({"mine.type": "BM25", "mine.b": "2"}), "illegal b value: 2.0, must be between 0 and 1"),
            (
                json!({"mine.type": "scripted"}),
                "Similarity type [scripted] of [mine] is not supported: take [BM25] with its parameters [k1] and [b], or a model such as [DFR]",
            ),
            (
                json!({"mine.type": "DFR", "mine.basic_model": "x"}),
                "Unsupported BasicModel [x], expected one of [g, if, in, ine]",
            ),
            (
                json!({"mine.type": "DFR", "mine.basic_model": "be"}),
                "Basic model [be] isn't supported anymore, please use another model.",
            ),
            (
                json!({"mine.type": "DFR", "mine.basic_model": "g", "mine.after_effect": "no"}),
                "After effect [no] isn't supported anymore, please use another effect.",
            ),
            (
                json!({"mine.type": "DFR", "mine.basic_model": "g", "mine.after_effect": "l", "mine.normalization": "h9"}),
                "Unsupported Normalization [h9]",
            ),
            (
                json!({"mine.type": "DFI"}),
                "Unsupported IndependenceMeasure [null], expected one of [standardized, saturated, chisquared]",
            ),
            (
                json!({"mine.type": "IB", "mine.distribution": "ll", "mine.lambda": "0.1"}),
                "Unsupported Lambda [0.1], expected one of [df, ttf]",
            ),
            (
                json!({"mine.type": "LMJelinekMercer", "mine.lambda": 0}),
                "lambda must be in the range (0 .. 1]",
            ),
            (
                json!({"mine.type": "LMDirichlet", "mine.lambda": 1}),
                "Unknown settings for similarity of type [LMDirichlet]: [lambda]",
            ),
        ] {
            assert_eq!(read(&settings).expect_err("refused"), reason);
        }
    }
}
