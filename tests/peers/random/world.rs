//! A random index: mappings, settings and documents.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::fields::FIELDS;
use super::words::text;
use crate::sides::{Document, Index, as_theirs};

/// Every index has so many documents; children of a join come on top.
const DOCUMENTS: usize = 150;

/// Fields whose types refuse an empty list, or nothing.
const NEVER_NULL: [&str; 4] = ["rank", "ranks", "complete", "site"];

/// Fields that every document has where documents are dense.
const ALWAYS: [&str; 9] = ["title", "body", "note", "plain", "typed", "tag", "code", "owner", "flag"];

/// One index with its documents.
pub(super) struct World {
    pub(super) index: Index,
    pub(super) documents: Vec<Document>,
}

impl World {
    /// The index of this number.
    pub(super) fn new(seed: u64, number: usize) -> Self {
        let mut dice = Dice::new(seed, 1_000_000 + number as u64);
        let properties: Map<String, Value> =
            FIELDS.iter().map(|field| (field.name.to_owned(), dice.json(field.forms))).collect();
        let properties = Value::Object(properties);
        let documents = documents(&mut dice, Density::of(number));
        let index = Index {
            name: format!("world-{number}"),
            ours: body(&properties, false),
            theirs: body(&as_theirs(&properties), true),
        };
        Self { index, documents }
    }

    pub(super) fn name(&self) -> &str {
        &self.index.name
    }

    /// The id of any document.
    pub(super) fn some_id(&self, dice: &mut Dice) -> String {
        self.documents[dice.below(self.documents.len())].id.clone()
    }

    /// A value that some document has in a field of its own, to be looked for.
    pub(super) fn some_value(&self, dice: &mut Dice, field: &str) -> Value {
        for _ in 0..20 {
            let source = &self.documents[dice.below(self.documents.len())].source;
            let found = field.split('.').try_fold(source, |value, part| value.get(part));
            match found {
                Some(Value::Array(values)) if !values.is_empty() => return values[0].clone(),
                Some(value) if !value.is_null() && !value.is_array() => return value.clone(),
                _ => {}
            }
        }
        Value::String("nothing".to_owned())
    }
}

fn body(properties: &Value, is_theirs: bool) -> Value {
    let mut settings = json!({
        "number_of_shards": 1,
        "number_of_replicas": 0,
        "analysis": {
            "analyzer": {
                "folded": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "asciifolding"]},
                "edges": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "edges"]}
            },
            "filter": {"edges": {"type": "edge_ngram", "min_gram": 1, "max_gram": 5}},
            "normalizer": {"low": {"type": "custom", "filter": ["lowercase"]}}
        }
    });
    if is_theirs {
        // Elasticsearch's BM25 has a factor that Lucene has dropped; over there it has this name.
        settings["similarity.default.type"] = json!("LegacyBM25");
    }
    json!({"settings": settings, "mappings": {"properties": properties}})
}

/// Whether documents lack fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Density {
    /// Most lack some.
    Sparse,
    /// Each has every field of words and every keyword, so that frequencies are the same by whichever count.
    Dense,
}

impl Density {
    fn of(number: usize) -> Self {
        if number.is_multiple_of(2) { Self::Dense } else { Self::Sparse }
    }
}

/// Documents, some of them questions with answers, remarks and votes.
fn documents(dice: &mut Dice, density: Density) -> Vec<Document> {
    let mut documents = Vec::new();
    for id in 0..DOCUMENTS {
        let mut source = source(dice, density, documents.len());
        let id = format!("d{id}");
        if !dice.chance(40) {
            documents.push(Document { id, routing: None, source });
            continue;
        }
        source["kin"] = json!("question");
        documents.push(Document { id: id.clone(), routing: None, source });
        for child in 0..dice.below(4) {
            let kind = dice.pick(&["answer", "remark"]);
            let name = format!("{id}-{child}");
            documents.push(relative(dice, density, &name, [kind, &id, &id], documents.len()));
            if kind == "answer" && dice.chance(40) {
                let vote = format!("{name}-v");
                documents.push(relative(dice, density, &vote, ["vote", &name, &id], documents.len()));
            }
        }
    }
    documents
}

/// A document below another one: its kind, its parent, and where both go.
fn relative(dice: &mut Dice, density: Density, id: &str, kin: [&str; 3], serial: usize) -> Document {
    let [kind, parent, routing] = kin;
    let mut source = match density {
        Density::Dense => source(dice, density, serial),
        Density::Sparse => {
            json!({"title": text(dice, 1, 4), "number": dice.between(0, 40), "serial": serial})
        }
    };
    source["kin"] = json!({"name": kind, "parent": parent});
    Document { id: id.to_owned(), routing: Some(routing.to_owned()), source }
}

fn source(dice: &mut Dice, density: Density, serial: usize) -> Value {
    let mut source = Map::new();
    for field in FIELDS {
        let is_always = density == Density::Dense && ALWAYS.contains(&field.name);
        if !is_always && !dice.chance(field.present) {
            // What is null or an empty list is not there either.
            if field.present > 0 && dice.chance(5) && !NEVER_NULL.contains(&field.name) {
                source.insert(field.name.to_owned(), dice.json(&["null", "[]"]));
            }
            continue;
        }
        let value = if dice.chance(field.several) {
            Value::Array(dice.several(2, 4, field.value))
        } else {
            (field.value)(dice)
        };
        source.insert(field.name.to_owned(), value);
    }
    // The order of the documents, without ties.
    source.insert("serial".to_owned(), json!(serial));
    Value::Object(source)
}
