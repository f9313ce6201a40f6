//! The mapping as a tree of fields, and its leaves by path.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::date_detection::DynamicDateFormats;
use super::dates::DateFormats;
use super::join::Join;
use super::leniency::Leniency;
use super::runtime::RuntimeFields;
use super::structured::Structure;
use super::templates::DynamicTemplate;

/// What happens to a field that the mapping does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dynamic {
    /// It is added with the type its value suggests.
    True,
    /// It stays in `_source` only.
    False,
    /// The document is refused.
    Strict,
    /// It becomes a runtime field.
    Runtime,
}

/// The type of a leaf field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// Analyzed text, with positions and norms.
    Text,
    /// `match_only_text`: analyzed, without positions and norms; what needs places is checked against the document.
    MatchOnlyText,
    /// A value as a whole.
    Keyword {
        /// Longer values are kept in `_source` only.
        ignore_above: usize,
    },
    /// Whole numbers within these bounds; the name is `long`, `integer`, `short` or `byte`.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// `double`.
    Double,
    /// `float`, kept in single precision.
    Float,
    /// `half_float`, kept with eleven significant bits.
    HalfFloat,
    /// `scaled_float`, rounded to whole parts of one.
    ScaledFloat {
        /// How many parts one has.
        factor: f64,
    },
    /// `unsigned_long`.
    UnsignedLong,
    /// `boolean`.
    Boolean,
    /// `date`, in milliseconds.
    Date(DateFormats),
    /// `date_nanos`, in nanoseconds.
    DateNanos(DateFormats),
    /// `version`: in the order of releases.
    Version,
    /// `integer_range`, `date_range` and the like: spans of values.
    Range {
        /// The type of the values.
        of: Box<FieldKind>,
    },
    /// `flattened`: an object whose values are keywords, each by itself and with its key.
    Flattened {
        /// How deep objects may be in one another.
        depth_limit: usize,
        /// Longer values are kept in `_source` only.
        ignore_above: usize,
    },
    /// `token_count`: how many words a text has.
    TokenCount {
        /// Whether places that words were left out of count, too (`enable_position_increments`).
        with_holes: bool,
    },
    /// `ip`.
    Ip,
    /// `constant_keyword`: the same value in every document that was written since there is one.
    ConstantKeyword {
        /// The value; none until the first document gives it.
        value: Option<String>,
    },
    /// `alias`: another name of a field, which documents cannot have.
    Alias {
        /// The field.
        path: String,
    },
    /// `join`: what a document is among parents and children.
    Join(Join),
    /// `binary`: Base64, kept in `_source` only.
    Binary,
    /// A value with a shape of its own, which is checked and kept in `_source`; whether it is there can be asked.
    Structured(Structure),
}

/// What a field says of its analysis; nothing stands for what the index says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldAnalyzers {
    /// `analyzer`, for texts that are stored.
    pub analyzer: Option<String>,
    /// `search_analyzer`, for texts that are asked for.
    pub search_analyzer: Option<String>,
    /// `search_quote_analyzer`, for phrases that are asked for.
    pub search_quote_analyzer: Option<String>,
    /// How far one value is behind the one before.
    pub position_increment_gap: Option<u32>,
    /// `normalizer` of a keyword.
    pub normalizer: Option<String>,
}

/// A leaf field: its type, its parameters and its multi-fields.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMapping {
    /// The name of the type as the API shows it.
    pub type_name: String,
    /// The type.
    pub kind: FieldKind,
    /// Whether it can be searched.
    pub index: bool,
    /// Whether it can be sorted and aggregated.
    pub doc_values: bool,
    /// Whether a value that does not fit costs the field only, not the document.
    pub ignore_malformed: bool,
    /// What stands for an explicit null.
    pub null_value: Option<Value>,
    /// The fields that take the same values.
    pub copy_to: Vec<String>,
    /// How its texts are analyzed or its values normalized.
    pub analysis: FieldAnalyzers,
    /// The parameters as given, for showing the mapping.
    pub parameters: Map<String, Value>,
    /// The same value under other types: `message.keyword`.
    pub multi_fields: BTreeMap<String, FieldMapping>,
    /// Other ways in which the type itself keeps the value: `title._2gram`. The API does not show them.
    pub subfields: BTreeMap<String, FieldMapping>,
}

/// An object: fields below a name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectMapping {
    /// What happens to unknown fields below; inherited if not said.
    pub dynamic: Option<Dynamic>,
    /// Whether anything below is looked at.
    pub disabled: bool,
    /// Whether the mapping says so of either kind (`enabled`).
    pub says_enabled: bool,
    /// Of `nested`: its parameters as given. Its objects are documents of their own, which only a `nested` query finds.
    pub nested: Option<Map<String, Value>>,
    /// Leaf fields by name.
    pub fields: BTreeMap<String, FieldMapping>,
    /// Objects by name.
    pub objects: BTreeMap<String, ObjectMapping>,
}

/// The mapping of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The fields.
    pub root: ObjectMapping,
    /// The fields that no document is written with. At its path one hides any other field from who searches.
    pub runtime: RuntimeFields,
    /// Whether a text that looks like a date becomes one.
    pub date_detection: bool,
    /// In which formats.
    pub dynamic_date_formats: DynamicDateFormats,
    /// Whether a text that looks like a number becomes one.
    pub numeric_detection: bool,
    /// Which types unknown fields become.
    pub templates: Vec<DynamicTemplate>,
    /// Root parameters as given: those that are only shown again (`_meta`, `_source`, …), and those about unknown fields.
    pub parameters: Map<String, Value>,
    /// What documents are forgiven.
    pub leniency: Leniency,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            root: ObjectMapping::default(),
            runtime: RuntimeFields::default(),
            date_detection: true,
            dynamic_date_formats: DynamicDateFormats::default(),
            numeric_detection: false,
            templates: Vec::new(),
            parameters: Map::new(),
            leniency: Leniency::default(),
        }
    }
}

/// A leaf with its full path.
#[derive(Debug, Clone)]
pub struct Leaf<'a> {
    /// `host.name` or `message.keyword`.
    pub path: String,
    /// The field.
    pub field: &'a FieldMapping,
}

impl Mapping {
    /// The leaf at a full path, multi-fields included; for an alias, the field that it stands for.
    pub fn leaf(&self, path: &str) -> Option<&FieldMapping> {
        self.root.leaf(self.meant(path))
    }

    /// The field that a search means by a path: the runtime field there, else the leaf.
    pub fn searched(&self, path: &str) -> Option<&FieldMapping> {
        self.runtime.get(path).or_else(|| self.leaf(path))
    }

    /// The path that is meant by one: that of the field itself where it is an alias.
    pub fn meant<'a>(&'a self, path: &'a str) -> &'a str {
        match self.root.leaf(path).map(|field| &field.kind) {
            Some(FieldKind::Alias { path }) => path,
            _ => path,
        }
    }

    /// Whether there are nested objects.
    pub fn has_nested(&self) -> bool {
        self.root.count_nested() > 0
    }

    /// The mapping with what documents are forgiven.
    pub fn lenient(self, leniency: Leniency) -> Self {
        Self { leniency, ..self }
    }

    /// The object at a full path.
    pub fn object(&self, path: &str) -> Option<&ObjectMapping> {
        self.root.object(path)
    }

    /// The fields of a document whose values a field has: its own, that of which it is another way, and those copied to it.
    pub(crate) fn sources_of(&self, path: &str) -> Vec<String> {
        let mut own = path;
        while let Some((parent, _)) = own.rsplit_once('.')
            && self.root.leaf(parent).is_some()
        {
            own = parent;
        }
        let copied = self.leaves().into_iter().filter(|leaf| leaf.field.copy_to.iter().any(|to| to == own));
        std::iter::once(own.to_owned()).chain(copied.map(|leaf| leaf.path)).collect()
    }

    /// All leaves, multi-fields included, in the order of their paths.
    pub fn leaves(&self) -> Vec<Leaf<'_>> {
        let mut leaves = Vec::new();
        collect(&self.root, "", &mut leaves);
        leaves
    }

    /// The path of the nested object that a path is in; none for what is the document's own.
    pub(crate) fn nested_around<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (mut object, mut around) = (&self.root, None);
        for (at, _) in path.match_indices('.') {
            let name = path[..at].rsplit('.').next().unwrap_or_default();
            let Some(child) = object.objects.get(name) else { break };
            object = child;
            if object.nested.is_some() {
                around = Some(&path[..at]);
            }
        }
        around
    }

    /// The mapping as the API shows it.
    pub fn to_json(&self) -> Value {
        let mut json = self.parameters.clone();
        show_object(&self.root, &mut json);
        json.extend(self.runtime.to_json().map(|runtime| ("runtime".to_owned(), runtime)));
        Value::Object(json)
    }
}

impl FieldMapping {
    /// Whether documents are found by it: by its index, or by going over its column.
    pub(crate) fn is_searchable(&self) -> bool {
        self.index || self.doc_values && !self.kind.is_text()
    }

    /// Whether it says `true` of a parameter.
    pub(super) fn says(&self, parameter: &str) -> bool {
        match self.parameters.get(parameter) {
            Some(Value::String(text)) => text == "true",
            said => said == Some(&Value::Bool(true)),
        }
    }

    /// The other ways in which its values are kept, each with the name that it has below the field's.
    pub(super) fn other_ways(&self) -> Vec<(String, &FieldMapping)> {
        let mut ways = Vec::with_capacity(self.multi_fields.len() + self.subfields.len());
        for (name, field) in &self.multi_fields {
            ways.push((name.clone(), field));
            ways.extend(field.subfields.iter().map(|(below, field)| (format!("{name}.{below}"), field)));
        }
        ways.extend(self.subfields.iter().map(|(name, field)| (name.clone(), field)));
        ways
    }

    fn other_way(&self, name: &str) -> Option<&FieldMapping> {
        let below_multi = || {
            let (multi, below) = name.rsplit_once('.')?;
            self.multi_fields.get(multi)?.subfields.get(below)
        };
        self.multi_fields.get(name).or_else(|| self.subfields.get(name)).or_else(below_multi)
    }
}

impl ObjectMapping {
    /// Whether a nested object says `true` of a parameter.
    pub(super) fn says(&self, key: &str) -> bool {
        match self.nested.as_ref().and_then(|said| said.get(key)) {
            Some(Value::String(text)) => text == "true",
            Some(value) => value.as_bool() == Some(true),
            None => false,
        }
    }

    /// How many objects from here on are nested.
    pub(super) fn count_nested(&self) -> usize {
        let below: usize = self.objects.values().map(Self::count_nested).sum();
        usize::from(self.nested.is_some()) + below
    }

    /// The paths of the fields below it, without their other ways; `prefix` is its own with a dot behind.
    pub(super) fn field_paths(&self, prefix: &str) -> Vec<String> {
        let own = self.fields.keys().map(|name| format!("{prefix}{name}"));
        let below = self.objects.iter();
        own.chain(below.flat_map(|(name, object)| object.field_paths(&format!("{prefix}{name}.")))).collect()
    }

    pub(super) fn object(&self, path: &str) -> Option<&ObjectMapping> {
        path.split('.').try_fold(self, |object, name| object.objects.get(name))
    }

    pub(super) fn leaf(&self, path: &str) -> Option<&FieldMapping> {
        if let Some(field) = self.fields.get(path) {
            return Some(field);
        }
        if let Some((head, parent)) = path.split_once('#')
            && let Some(FieldKind::Join(join)) = self.fields.get(head).map(|field| &field.kind)
        {
            return join.ids_of(parent);
        }
        let (head, rest) = path.split_once('.')?;
        if let Some(field) = self.fields.get(head) {
            return field.other_way(rest);
        }
        self.objects.get(head)?.leaf(rest)
    }
}

fn collect<'a>(object: &'a ObjectMapping, prefix: &str, leaves: &mut Vec<Leaf<'a>>) {
    for (name, field) in &object.fields {
        let path = format!("{prefix}{name}");
        let leaf = |(way, field)| Leaf { path: format!("{path}.{way}"), field };
        leaves.extend(field.other_ways().into_iter().map(leaf));
        if let FieldKind::Join(join) = &field.kind {
            leaves.extend(
                join.parents().map(|(parent, field)| Leaf { path: format!("{path}#{parent}"), field }),
            );
        }
        leaves.push(Leaf { path, field });
    }
    for (name, object) in &object.objects {
        collect(object, &format!("{prefix}{name}."), leaves);
    }
}

fn show_object(object: &ObjectMapping, json: &mut Map<String, Value>) {
    if let Some(dynamic) = object.dynamic {
        let word = match dynamic {
            Dynamic::True => "true",
            Dynamic::False => "false",
            Dynamic::Strict => "strict",
            Dynamic::Runtime => "runtime",
        };
        json.insert("dynamic".to_owned(), json!(word));
    }
    if let Some(parameters) = &object.nested {
        json.insert("type".to_owned(), json!("nested"));
        json.extend(parameters.clone());
    }
    if object.disabled {
        json.insert("enabled".to_owned(), json!(false));
    }
    let fields = object.fields.iter().map(|(name, field)| (name, show_field(field)));
    let objects = object.objects.iter().map(|(name, object)| {
        let mut json = Map::new();
        show_object(object, &mut json);
        let is_bare = object.fields.is_empty() && object.objects.is_empty();
        if object.nested.is_none() && (is_bare || object.disabled) {
            json.insert("type".to_owned(), json!("object"));
        }
        (name, Value::Object(json))
    });
    let sorted: BTreeMap<&String, Value> = fields.chain(objects).collect();
    if !sorted.is_empty() {
        let properties = sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect();
        json.insert("properties".to_owned(), Value::Object(properties));
    }
}

fn show_field(field: &FieldMapping) -> Value {
    let mut json = Map::new();
    json.insert("type".to_owned(), json!(field.type_name));
    json.extend(field.parameters.clone());
    if !field.multi_fields.is_empty() {
        let multi =
            field.multi_fields.iter().map(|(name, field)| (name.clone(), show_field(field))).collect();
        json.insert("fields".to_owned(), Value::Object(multi));
    }
    Value::Object(json)
}
