//! From a document's JSON to typed values: one pass over a borrowed parse, nothing copied that need not be.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json_borrow::Value as Json;
use tantivy::schema::Field;

use super::binary::check_binary;
use super::dates::Resolution;
use super::definition::count;
use super::error::MappingError;
use super::field_values::FieldValues;
use super::fields::{Dynamic, FieldKind, Mapping};
use super::join::JoinPlan;
use super::names::{IGNORED, NESTED_PATH, check_name, is_metadata};
use super::nested::OpenDocument;
use super::plan::{FieldPlan, ObjectPlan, Planning, Target, constants, plan_object};
use super::stream_time::time_field_of;
use super::values::{
    Precision, Scalar, ValueFault, check_exact, to_bool, to_float, to_integer, to_ip, to_unsigned,
};
use super::versions::encode_version;
use crate::analysis::Analysis;
use crate::json_values::plain;

/// Lucene's and so Elasticsearch's bound on a single term.
pub(super) const TERM_BYTES_MAX: usize = 32_766;

/// What a column has of a term at most: it tells how long one is in two bytes.
const COLUMN_BYTES_MAX: usize = u16::MAX as usize;

/// A parsed document's JSON.
pub(crate) type SourceView<'a> = Json<'a>;

/// How a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// It was accepted once, perhaps when less was asked of documents: a value that does not fit any more costs itself alone. What comes
    /// from the translog or from a primary is read so, and all copies leave out the same.
    Accepted,
    New {
        /// Whether it has a routing value.
        is_routed: bool,
    },
}

/// A mapping with the tantivy field of each leaf: what a document is read with.
pub(crate) struct DocumentParser {
    pub(super) mapping: Arc<Mapping>,
    pub(super) root: ObjectPlan,
    /// What every document has.
    constants: Vec<(Field, String)>,
    /// Where the path of a nested object goes; none where nested objects are no documents.
    pub(super) nested_path: Option<Field>,
    /// The field of which every new document must have one value.
    pub(super) time_field: Option<String>,
    pub(super) join: Option<JoinPlan>,
    /// Where the names of ignored fields go.
    ignored: Option<Field>,
    /// How many fields the mapping may get before new ones are left out; none where nothing is left out.
    pub(super) room: Option<usize>,
    /// Whether terms are in columns alone, which have the beginning of a long one.
    cuts_terms: bool,
}

/// One document while it is read.
pub(super) struct Reading<'p> {
    pub(super) parser: &'p DocumentParser,
    pub(super) id: &'p str,
    pub(super) strictness: Strictness,
    pub(super) values: &'p mut FieldValues,
    /// The whole document.
    pub(super) source: &'p SourceView<'p>,
    /// What the mapping lacks of it.
    pub(super) added: Option<Box<Mapping>>,
    /// How many fields that is.
    pub(super) added_count: usize,
    /// The fields of which something was left out.
    ignored: Vec<String>,
    /// What of the document itself is noted.
    pub(super) document: OpenDocument<'p>,
    /// The nested objects in one another that are read just now.
    pub(super) nested: Vec<OpenDocument<'p>>,
    /// Which of them gets values, from 1; 0 is the document itself.
    pub(super) at: usize,
    /// How many nested objects there were so far.
    pub(super) nested_count: usize,
    /// Whether it has said what it is among parents and children.
    pub(super) is_joined: bool,
}

impl DocumentParser {
    /// `field_of` gives the tantivy field of a leaf's path; none for a leaf that is kept in no structure.
    pub(crate) fn new(
        mapping: Arc<Mapping>,
        analysis: &Analysis,
        field_of: &dyn Fn(&str) -> Option<Field>,
    ) -> Self {
        let time_field = time_field_of(&mapping);
        let root = plan_object(
            &mapping.root,
            "",
            Dynamic::True,
            &Planning {
                mapping: &mapping,
                analysis,
                field_of,
                time_field: time_field.as_deref(),
                is_in_root: true,
            },
        );
        let constants = constants(&mapping, None, field_of);
        let nested_path = field_of(NESTED_PATH);
        let fields_max = mapping.leniency.fields_max;
        let room = fields_max.map(|most| most.saturating_sub(count(&mapping.root) + mapping.runtime.count()));
        let ignored = field_of(IGNORED);
        let join = JoinPlan::new(&mapping, field_of);
        Self { mapping, root, constants, nested_path, time_field, join, ignored, room, cuts_terms: false }
    }

    /// The same where there is no index, which alone bounds what a keyword may be.
    pub(crate) fn of_columns(
        mapping: Arc<Mapping>,
        analysis: &Analysis,
        field_of: &dyn Fn(&str) -> Option<Field>,
    ) -> Self {
        Self { cuts_terms: true, ..Self::new(mapping, analysis, field_of) }
    }

    /// Reads a document's values. Gives what the mapping lacks of it: add that, then read again. Faults name the id and the
    /// field.
    pub(crate) fn parse(
        &self,
        id: &str,
        source: &SourceView<'_>,
        values: &mut FieldValues,
        strictness: Strictness,
    ) -> Result<Option<Box<Mapping>>, MappingError> {
        let Json::Object(object) = source else {
            return Err(MappingError::parsing("failed to parse").caused_by(
                "not_x_content_exception",
                "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes",
            ));
        };
        let mut reading = Reading {
            parser: self,
            id,
            strictness,
            values,
            source,
            added: None,
            added_count: 0,
            ignored: Vec::new(),
            document: OpenDocument::default(),
            nested: Vec::new(),
            at: 0,
            nested_count: 0,
            is_joined: false,
        };
        for (name, value) in object.iter() {
            if is_metadata(name) {
                reading.forgive(name, Err(metadata_fault(id, name, value)))?;
                continue;
            }
            reading.member(&self.root, name, value)?;
        }
        let Reading { added, ignored, .. } = reading;
        if let Some(field) = self.ignored {
            ignored.iter().for_each(|path| values.add_text(field, path));
        }
        for (field, value) in &self.constants {
            values.add_text(*field, value);
        }
        Ok(added)
    }

    /// Notes that the values of fields are left out which the mapping lacks.
    pub(crate) fn note_lacking(&self, lacking: &Mapping, values: &mut FieldValues) {
        if let Some(field) = self.ignored {
            lacking.root.field_paths("").iter().for_each(|path| values.add_text(field, path));
        }
    }

    /// The fields of which something is left out of a document that was taken.
    pub(crate) fn ignored(&self, id: &str, source: &SourceView<'_>) -> Vec<String> {
        let Some(field) = self.ignored else { return Vec::new() };
        let mut values = FieldValues::default();
        match self.parse(id, source, &mut values, Strictness::Accepted) {
            Ok(_) => values.texts_of(field).map(str::to_owned).collect(),
            // It is no object.
            Err(_) => Vec::new(),
        }
    }
}

/// Whether a document fits a mapping, before the mapping takes effect. Fields that the mapping lacks are passed over.
pub fn check_document(
    mapping: Arc<Mapping>,
    id: &str,
    is_routed: bool,
    source: &[u8],
) -> Result<(), MappingError> {
    let json: SourceView<'_> = serde_json::from_slice(source).map_err(|error| {
        MappingError::parsing("failed to parse").caused_by("json_parse_exception", error.to_string())
    })?;
    // Values are checked only for leaves that are kept somewhere; where does not matter here.
    let parser = DocumentParser::new(mapping, &Analysis::plain(), &|_| Some(Field::from_field_id(0)));
    parser.parse(id, &json, &mut FieldValues::default(), Strictness::New { is_routed }).map(drop)
}

impl<'p> Reading<'p> {
    /// Whether a value that does not fit costs itself alone, whatever its field says.
    fn is_accepted(&self) -> bool {
        self.strictness == Strictness::Accepted
    }

    /// Leaves out what does not fit of a document that was accepted once.
    pub(super) fn forgive(&mut self, path: &str, read: Result<(), MappingError>) -> Result<(), MappingError> {
        match read {
            Err(_) if self.is_accepted() => {
                self.ignore(path);
                Ok(())
            }
            read => read,
        }
    }

    pub(super) fn member(
        &mut self,
        plan: &'p ObjectPlan,
        name: &str,
        value: &Json<'_>,
    ) -> Result<(), MappingError> {
        match self.known_or_new(plan, name, value) {
            Ok(()) => Ok(()),
            fault => self.forgive(&format!("{}{name}", plan.prefix), fault),
        }
    }

    fn known_or_new(
        &mut self,
        plan: &'p ObjectPlan,
        name: &str,
        value: &Json<'_>,
    ) -> Result<(), MappingError> {
        if plan.disabled {
            return Ok(());
        }
        if let Some(field) = plan.fields.get(name) {
            return self.field(field, value);
        }
        if let Some(object) = plan.objects.get(name) {
            return self.object(object, value);
        }
        check_name(&plan.prefix, name)?;
        if let Some((head, rest)) = name.split_once('.')
            && let Some(object) = plan.objects.get(head)
        {
            object.check_dotted(name)?;
            return self.member(object, rest, value);
        }
        // What has members of its own has them in this way too.
        if let Some((head, rest)) = name.split_once('.')
            && let Some(field) = plan
                .fields
                .get(head)
                .filter(|field| matches!(field.mapping.kind, FieldKind::Flattened { .. }))
        {
            return self.field(field, &Json::Object(vec![(rest, value.clone())].into()));
        }
        self.unknown(plan, name, value)
    }

    fn object(&mut self, plan: &'p ObjectPlan, value: &Json<'_>) -> Result<(), MappingError> {
        match value {
            Json::Null => Ok(()),
            Json::Object(members) => match &plan.nested {
                Some(nested) => self.nested_object(plan, nested, members),
                None => members.iter().try_for_each(|(name, value)| self.member(plan, name, value)),
            },
            Json::Array(items) => items.iter().try_for_each(|item| self.object(plan, item)),
            Json::Bool(_) | Json::Number(_) | Json::Str(_) if plan.disabled => Ok(()),
            Json::Bool(_) | Json::Number(_) | Json::Str(_) => {
                let path = plan.prefix.trim_end_matches('.');
                let name = path.rsplit('.').next().unwrap_or(path);
                let fault = MappingError::parsing(format!(
                    "object mapping for [{path}] tried to parse field [{name}] as object, but found a concrete value"
                ));
                self.forgive(path, Err(fault))
            }
        }
    }

    fn field(&mut self, plan: &FieldPlan, value: &Json<'_>) -> Result<(), MappingError> {
        match &plan.mapping.kind {
            FieldKind::Structured(structure) => return self.structured(plan, structure, value),
            FieldKind::Range { of } => return self.range(plan, of, value),
            FieldKind::Flattened { .. } => return self.flattened(plan, value),
            FieldKind::Join(_) => return self.joined(plan, value),
            FieldKind::Alias { .. } => {
                let reason = format!("Cannot write to a field alias [{}].", plan.path);
                return Err(self.fault(plan, &preview(value), ("illegal_argument_exception", reason)));
            }
            _ => {}
        }
        match value {
            Json::Null => match &plan.mapping.null_value {
                // What stands for a text that is not there is how many words it has.
                Some(value) if matches!(plan.mapping.kind, FieldKind::TokenCount { .. }) => {
                    let field = plan.targets.first().and_then(|target| target.field);
                    if let (Some(field), Some(count)) = (field, value.as_i64()) {
                        self.values.add_i64(field, count);
                    }
                    Ok(())
                }
                Some(value) => {
                    let text = plain(value);
                    self.scalar(plan, null_scalar(&plan.mapping.kind, &text))
                }
                None => Ok(()),
            },
            Json::Array(items) => items.iter().try_for_each(|item| self.field(plan, item)),
            Json::Object(_) if plan.ignores_malformed() || self.is_accepted() => {
                self.ignore(&plan.path);
                Ok(())
            }
            Json::Object(_) => Err(self.fault(
                plan,
                &preview(value),
                (
                    "illegal_state_exception",
                    format!("Can't get text on a START_OBJECT for field [{}]", plan.path),
                ),
            )),
            Json::Bool(_) | Json::Number(_) | Json::Str(_) => match scalar(value) {
                Some(scalar) => {
                    self.scalar(plan, scalar)?;
                    plan.mapping.copy_to.iter().try_for_each(|path| match self.copied(path, value, scalar) {
                        Ok(()) => Ok(()),
                        fault => self.forgive(path, fault),
                    })
                }
                None => Ok(()),
            },
        }
    }

    pub(super) fn scalar(&mut self, plan: &FieldPlan, scalar: Scalar<'_>) -> Result<(), MappingError> {
        for target in &plan.targets {
            if let Err(fault) = self.add(target, scalar) {
                if target.ignore_malformed || self.is_accepted() {
                    self.ignore(&target.path);
                    continue;
                }
                return Err(self.fault_of(&target.path, &target.type_name, &scalar.to_string(), fault));
            }
        }
        Ok(())
    }

    fn add(&mut self, target: &Target, scalar: Scalar<'_>) -> Result<(), (&'static str, String)> {
        if target.kind == FieldKind::Binary {
            return if target.is_read { check_binary(scalar) } else { Ok(()) };
        }
        if let FieldKind::ConstantKeyword { value } = &target.kind {
            return self.constant(target, value.as_deref(), &text_of(scalar));
        }
        let Some(field) = target.field else { return Ok(()) };
        // A number that came as a text was taken then. Where it costs the field only it was left out then.
        let is_exact = target.is_exact && (target.ignore_malformed || !self.is_accepted());
        let scalar = match (scalar, &target.null_text) {
            (Scalar::Text(""), None) if target.may_be_empty => return Ok(()),
            (Scalar::Text(""), Some(text)) if target.may_be_empty => Scalar::Text(text),
            (scalar, _) => scalar,
        };
        match &target.kind {
            FieldKind::Text | FieldKind::MatchOnlyText => {
                let text = text_of(scalar);
                if text.len() > TERM_BYTES_MAX
                    && let Some(analyzer) = &target.analyzer
                    && analyzer.has_term_beyond(&text, TERM_BYTES_MAX)
                {
                    return Err(immense_term(&target.path));
                }
                // A value that has nothing takes no place either.
                if !target.gapless.as_ref().is_some_and(|analyzer| analyzer.leaves_nothing(&text)) {
                    self.values.add_text(field, &text);
                }
                self.add_presence(target);
            }
            FieldKind::Version => {
                let text = text_of(scalar);
                let encoded = encode_version(&text);
                if encoded.len() > TERM_BYTES_MAX {
                    return Err(immense_term(&target.path));
                }
                self.values.add_text(field, &encoded);
                target.parts.iter().flatten().for_each(|written| self.values.add_text(*written, &text));
            }
            FieldKind::TokenCount { with_holes } => {
                let count = match (&target.analyzer, scalar) {
                    (Some(analyzer), scalar) => analyzer.count(&text_of(scalar), *with_holes) as i64,
                    (None, _) => return Ok(()),
                };
                self.values.add_i64(field, count);
            }
            FieldKind::Keyword { ignore_above } => {
                let text = text_of(scalar);
                if text.len() > *ignore_above && text.chars().count() > *ignore_above {
                    self.ignore(&target.path);
                    return Ok(());
                }
                let text = match &target.normalizer {
                    Some(normalizer) => Cow::Owned(normalizer.normalized(&text)),
                    None => text,
                };
                if self.parser.cuts_terms {
                    self.values.add_text(field, in_column(&text));
                    return Ok(());
                }
                if text.len() > TERM_BYTES_MAX {
                    return Err(immense_term(&target.path));
                }
                self.values.add_text(field, &text);
            }
            FieldKind::Integer { min, max } => {
                if is_exact {
                    check_exact(scalar, true, &target.type_name)?;
                }
                self.values.add_i64(field, to_integer(scalar, *min, *max, &target.type_name)?);
            }
            kind @ (FieldKind::Double
            | FieldKind::Float
            | FieldKind::HalfFloat
            | FieldKind::ScaledFloat { .. }) => {
                let precision = kind.precision().unwrap_or(Precision::Double);
                if is_exact {
                    check_exact(scalar, false, &target.type_name)?;
                }
                self.values.add_f64(field, to_float(scalar, precision, &target.type_name)?);
            }
            FieldKind::UnsignedLong => self.values.add_u64(field, to_unsigned(scalar)?),
            FieldKind::ConstantKeyword { .. }
            | FieldKind::Alias { .. }
            | FieldKind::Binary
            | FieldKind::Range { .. }
            | FieldKind::Flattened { .. }
            | FieldKind::Join(_)
            | FieldKind::Structured(_) => {}
            FieldKind::Boolean => self.values.add_bool(field, to_bool(scalar)?),
            FieldKind::Ip => self.values.add_ip(field, to_ip(scalar)?),
            FieldKind::Date(formats) | FieldKind::DateNanos(formats) => {
                let read = match scalar {
                    Scalar::Integer(number) => formats.read_number(number),
                    other => formats.read(&text_of(other)),
                };
                let Some(span) = read else {
                    let text = text_of(scalar);
                    let format = formats.text();
                    return Err((
                        "illegal_argument_exception",
                        format!("failed to parse date field [{text}] with format [{format}]"),
                    ));
                };
                let (resolution, _) = target.kind.dates().unwrap_or((Resolution::Millis, formats));
                let moment =
                    resolution.stored(span).map_err(|reason| ("illegal_argument_exception", reason))?;
                self.values.add_i64(field, moment);
            }
        }
        if !target.kind.is_text() && target.kind.parts().is_empty() {
            self.add_presence(target);
        }
        Ok(())
    }

    /// Notes that there is a value where the index does not show it, once.
    fn add_presence(&mut self, target: &Target) {
        target.parts.iter().for_each(|presence| self.note_presence(*presence));
    }

    /// The same for one field.
    pub(super) fn note_presence(&mut self, field: Option<Field>) {
        if let Some(presence) = field
            && self.open_at(self.at).note(presence)
        {
            self.values.add_bool(presence, true);
        }
    }

    /// Notes that something of a field is left out.
    pub(super) fn ignore(&mut self, path: &str) {
        if !self.ignored.iter().any(|known| known == path) {
            self.ignored.push(path.to_owned());
        }
    }

    pub(super) fn fault(&self, plan: &FieldPlan, value: &str, cause: ValueFault) -> MappingError {
        self.fault_of(&plan.path, &plan.mapping.type_name, value, cause)
    }

    fn fault_of(&self, path: &str, type_name: &str, value: &str, cause: ValueFault) -> MappingError {
        MappingError::parsing(format!(
            "failed to parse field [{path}] of type [{type_name}] in document with id '{}'. Preview of field's value: '{value}'",
            self.id
        ))
        .caused_by(cause.0, cause.1)
    }
}

/// What stands for a null is a number where the field has numbers, however it was written.
fn null_scalar<'t>(kind: &FieldKind, text: &'t str) -> Scalar<'t> {
    let number = || {
        let whole = text.parse().map(Scalar::Integer).or_else(|_| text.parse().map(Scalar::Unsigned));
        whole.ok().or_else(|| text.parse().map(Scalar::Float).ok())
    };
    Some(kind).filter(|kind| kind.may_be_empty()).and_then(|_| number()).unwrap_or(Scalar::Text(text))
}

/// What a column has of a term. It would cut a longer one between any two bytes, which need not leave a text.
pub(crate) fn in_column(term: &str) -> &str {
    &term[..term.floor_char_boundary(COLUMN_BYTES_MAX)]
}

pub(super) fn immense_term(path: &str) -> (&'static str, String) {
    let reason = format!(
        "Document contains at least one immense term in field=\"{path}\" (whose UTF8 encoding is longer than the max length {TERM_BYTES_MAX}), all of which were skipped."
    );
    ("illegal_argument_exception", reason)
}

fn metadata_fault(id: &str, name: &str, value: &Json<'_>) -> MappingError {
    let shown = preview(value);
    MappingError::parsing(format!(
        "failed to parse field [{name}] of type [{name}] in document with id '{id}'. Preview of field's value: '{shown}'"
    ))
    .caused_by(
        "mapper_parsing_exception",
        format!("Field [{name}] is a metadata field and cannot be added inside a document. Use the index API request parameters."),
    )
}

/// The value of a JSON value that is no object and no list.
pub(super) fn scalar<'a>(value: &'a Json<'_>) -> Option<Scalar<'a>> {
    match value {
        Json::Bool(flag) => Some(Scalar::Bool(*flag)),
        Json::Str(text) => Some(Scalar::Text(text)),
        Json::Number(number) => number
            .as_i64()
            .map(Scalar::Integer)
            .or_else(|| number.as_u64().map(Scalar::Unsigned))
            .or_else(|| number.as_f64().map(Scalar::Float)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A value of a document that is no object and no list, as a text; none for a null.
pub(crate) fn scalar_text<'a>(value: &'a Json<'_>) -> Option<Cow<'a, str>> {
    scalar(value).map(text_of)
}

fn text_of(scalar: Scalar<'_>) -> Cow<'_, str> {
    match scalar {
        Scalar::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

pub(super) fn preview(value: &Json<'_>) -> String {
    serde_json::to_string(value).unwrap_or_default().chars().take(100).collect()
}
