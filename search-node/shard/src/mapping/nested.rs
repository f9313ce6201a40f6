//! Nested objects: each becomes a document of its own, which stands before that of what it is in.

use serde_json_borrow::{ObjectAsVec, Value as Json};
use tantivy::schema::Field;

use super::document::{Reading, Strictness};
use super::error::MappingError;
use super::fields::ObjectMapping;
use super::plan::ObjectPlan;
use super::values::Scalar;

/// How the objects at a nested path are read.
pub(super) struct NestedPlan {
    /// Whether the document that the object is in gets its values, too.
    pub(super) includes_in_parent: bool,
    /// The same for the outermost document.
    pub(super) includes_in_root: bool,
    /// What every object at the path has.
    pub(super) constants: Vec<(Field, String)>,
    /// Whether its values come to the outermost document, by itself or by way of what it is in.
    is_in_root: bool,
}

impl NestedPlan {
    /// `parent_is_in_root` says whether what the object is in is, or comes to, the outermost document. Values that come there by way of
    /// it must not come twice.
    pub(super) fn new(
        object: &ObjectMapping,
        parent_is_in_root: bool,
        constants: Vec<(Field, String)>,
    ) -> Self {
        let (in_parent, in_root) = (object.says("include_in_parent"), object.says("include_in_root"));
        let by_parent = parent_is_in_root && in_parent;
        Self {
            includes_in_parent: in_parent,
            includes_in_root: in_root && !by_parent,
            constants,
            is_in_root: by_parent || in_root,
        }
    }

    pub(super) fn is_in_root(&self) -> bool {
        self.is_in_root
    }
}

/// A document, or a nested object of it, while it is read.
#[derive(Debug, Default)]
pub(super) struct OpenDocument<'p> {
    /// The path of the nested object with a dot behind; empty for the document itself.
    prefix: &'p str,
    /// The fields whose values the index does not show and that have one.
    present: Vec<Field>,
    /// The features that it has, by their paths.
    features: Vec<String>,
}

impl OpenDocument<'_> {
    /// Notes that it has a feature; whether that is new.
    pub(super) fn note_feature(&mut self, path: String) -> bool {
        let is_new = !self.features.contains(&path);
        if is_new {
            self.features.push(path);
        }
        is_new
    }

    /// Notes that a field has a value; whether that is new.
    pub(super) fn note(&mut self, presence: Field) -> bool {
        let is_new = !self.present.contains(&presence);
        if is_new {
            self.present.push(presence);
        }
        is_new
    }
}

impl ObjectPlan {
    /// Refuses a name with dots that leads through a nested object: which of its objects was meant could not be told.
    pub(super) fn check_dotted(&self, name: &str) -> Result<(), MappingError> {
        if self.nested.is_none() {
            return Ok(());
        }
        Err(MappingError::parsing(format!(
            "Cannot add a value for field [{name}] since one of the intermediate objects is mapped as a nested object: [{}]",
            self.prefix.trim_end_matches('.')
        )))
    }
}

impl<'p> Reading<'p> {
    /// Reads a nested object.
    pub(super) fn nested_object(
        &mut self,
        plan: &'p ObjectPlan,
        nested: &'p NestedPlan,
        members: &ObjectAsVec<'_>,
    ) -> Result<(), MappingError> {
        if plan.disabled {
            return Ok(());
        }
        self.count_nested()?;
        let path_field = self.parser.nested_path;
        self.values.begin_nested();
        self.nested.push(OpenDocument { prefix: &plan.prefix, ..OpenDocument::default() });
        self.at = self.nested.len();
        if let Some(field) = path_field {
            self.values.add_text(field, plan.prefix.trim_end_matches('.'));
        }
        members.iter().try_for_each(|(name, value)| self.member(plan, name, value))?;
        for (field, value) in &nested.constants {
            self.values.add_text(*field, value);
        }
        let parent = self.at - 1;
        if nested.includes_in_parent {
            self.values.include(parent, path_field);
        }
        if nested.includes_in_root {
            self.values.include(0, path_field);
        }
        match path_field {
            Some(_) => self.values.end_nested(),
            None => self.values.discard_nested(),
        }
        self.nested.pop();
        self.at = parent;
        Ok(())
    }

    /// What of an open document is noted.
    pub(super) fn open_at(&mut self, at: usize) -> &mut OpenDocument<'p> {
        at.checked_sub(1).and_then(|at| self.nested.get_mut(at)).unwrap_or(&mut self.document)
    }

    /// Refuses one more nested object than a document may have.
    fn count_nested(&mut self) -> Result<(), MappingError> {
        self.nested_count += 1;
        match self.parser.mapping.leniency.nested_objects_max {
            Some(most) if self.nested_count > most && self.strictness != Strictness::Accepted => {
                Err(MappingError::parsing(format!(
                    "The number of nested documents has exceeded the allowed limit of [{most}]. This limit can be set by changing the [index.mapping.nested_objects.limit] index level setting."
                )))
            }
            _ => Ok(()),
        }
    }

    /// A value that another field gives this one.
    pub(super) fn copied(
        &mut self,
        path: &str,
        value: &Json<'_>,
        scalar: Scalar<'_>,
    ) -> Result<(), MappingError> {
        let parser = self.parser;
        let (mut plan, mut rest) = (&parser.root, path);
        while let Some((head, tail)) = rest.split_once('.')
            && let Some(object) = plan.objects.get(head)
        {
            (plan, rest) = (object, tail);
        }
        match plan.fields.get(rest) {
            Some(field) => self.in_document_of(path, |reading| reading.scalar(field, scalar)),
            None if plan.disabled => Ok(()),
            None => self.unknown(plan, rest, value),
        }
    }

    /// Does something to the innermost open document that a path belongs to, which may be one around the one that is read.
    fn in_document_of<T>(&mut self, path: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        let around = self.nested.iter().rposition(|open| path.starts_with(open.prefix));
        let innermost = around.map_or(0, |around| around + 1);
        let before = self.at;
        if innermost == before {
            return act(self);
        }
        self.values.go_over(innermost);
        self.at = innermost;
        let done = act(self);
        self.values.go_over(innermost);
        self.at = before;
        done
    }
}
