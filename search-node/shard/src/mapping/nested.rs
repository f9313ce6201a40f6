//! Nested objects: each becomes a document of its own, which stands before that of what it is in.

use serde_json_borrow::ObjectAsVec;
use tantivy::schema::Field;

use super::document::{ObjectPlan, Reading};
use super::error::MappingError;

/// How the objects at a nested path are read.
pub(super) struct NestedPlan {
    /// Whether the document that the object is in gets its values, too.
    pub(super) includes_in_parent: bool,
    /// The same for the outermost document.
    pub(super) includes_in_root: bool,
    /// What every object at the path has.
    pub(super) constants: Vec<(Field, String)>,
}

/// A document, or a nested object of it, while it is read.
#[derive(Debug, Default)]
pub(super) struct OpenDocument<'p> {
    /// The path of the nested object with a dot behind; empty for the document itself.
    prefix: &'p str,
    /// The fields whose values the index does not show and that have one.
    pub(super) present: Vec<Field>,
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
    pub(super) fn nested(
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
        self.open.push(OpenDocument { prefix: &plan.prefix, present: Vec::new() });
        self.at = self.open.len() - 1;
        if let Some(field) = path_field {
            self.values.add_text(field, plan.prefix.trim_end_matches('.'));
        }
        members.iter().try_for_each(|(name, value)| self.member(plan, name, value))?;
        for (field, value) in &nested.constants {
            self.values.add_text(*field, value);
        }
        let parent = self.open.len() - 2;
        if nested.includes_in_parent {
            self.values.include(parent, path_field);
        }
        if nested.includes_in_root && !(nested.includes_in_parent && parent == 0) {
            self.values.include(0, path_field);
        }
        match path_field {
            Some(_) => self.values.end_nested(),
            None => self.values.discard_nested(),
        }
        self.open.pop();
        self.at = parent;
        Ok(())
    }

    /// Refuses one more nested object than a document may have.
    fn count_nested(&mut self) -> Result<(), MappingError> {
        self.nested_count += 1;
        match self.nested_max {
            Some(most) if self.nested_count > most => Err(MappingError::parsing(format!(
                "The number of nested documents has exceeded the allowed limit of [{most}]. This limit can be set by changing the [index.mapping.nested_objects.limit] index level setting."
            ))),
            _ => Ok(()),
        }
    }

    /// Does something to the innermost open document that a path belongs to, which may be one around the one that is read.
    pub(super) fn in_document_of<T>(&mut self, path: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        let innermost = self.open.iter().rposition(|open| path.starts_with(open.prefix)).unwrap_or_default();
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
