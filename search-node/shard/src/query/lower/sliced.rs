//! A part of all documents.

use std::sync::Arc;

use super::{Lowered, Lowering, constant};
use crate::query::QueryError;
use crate::query::ast::{SliceBy, Sliced};
use crate::query::doc_values::ValueField;
use crate::query::weights::sliced::{Decides, InSlice};

impl Lowering<'_> {
    pub(super) fn slice(&self, sliced: &Sliced) -> Lowered {
        let decides = match &sliced.by {
            SliceBy::Id => Decides::Id(Arc::clone(self.identities)),
            SliceBy::Document => Decides::Document,
            SliceBy::Field(path) => {
                if self.layout.mapping.leaf(path).is_none() {
                    return Err(QueryError::argument(format!("field {path} not found")));
                }
                let field = ValueField::of(self.layout, path)?.filter(ValueField::has_numbers);
                let no_numbers = || QueryError::argument(format!("cannot load numeric doc values on {path}"));
                Decides::Numbers(field.ok_or_else(no_numbers)?)
            }
        };
        let (slice, faults) = (sliced.slice, self.shared.faults.clone());
        Ok(constant(Box::new(InSlice { decides, slice, faults })))
    }
}
