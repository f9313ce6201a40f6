//! Values with a shape of their own while a document is read: what is checked and kept in the source alone, and spans.

use serde_json_borrow::Value as Json;

use super::document::{Reading, preview};
use super::error::MappingError;
use super::fields::FieldKind;
use super::plan::FieldPlan;
use super::ranges::{Ends, read_span};
use super::structured::Structure;

impl Reading<'_> {
    /// A value with a shape of its own, or several of them.
    pub(super) fn structured(
        &mut self,
        plan: &FieldPlan,
        structure: &Structure,
        value: &Json<'_>,
    ) -> Result<(), MappingError> {
        match value {
            Json::Null => return Ok(()),
            Json::Array(items) if !structure.is_array(items) => {
                return items.iter().try_for_each(|item| self.structured(plan, structure, item));
            }
            _ => {}
        }
        match structure.check(value) {
            Ok(()) => {
                let field = plan.targets.first().and_then(|target| target.field);
                field.into_iter().for_each(|field| self.values.add_bool(field, true));
                Ok(())
            }
            Err(_) if plan.ignores_malformed() => {
                self.ignore(&plan.path);
                Ok(())
            }
            Err(fault) => Err(self.fault(plan, &preview(value), fault)),
        }
    }

    /// A span of values, or several of them.
    pub(super) fn range(
        &mut self,
        plan: &FieldPlan,
        of: &FieldKind,
        value: &Json<'_>,
    ) -> Result<(), MappingError> {
        match value {
            Json::Null => return Ok(()),
            Json::Array(items) => return items.iter().try_for_each(|item| self.range(plan, of, item)),
            _ => {}
        }
        let name = plan.path.rsplit('.').next().unwrap_or(&plan.path);
        let ends = match read_span(of, name, value) {
            Ok(ends) => ends,
            Err(fault) => return Err(self.fault(plan, &preview(value), fault)),
        };
        let Some(target) = plan.targets.first() else { return Ok(()) };
        self.note_presence(target.field);
        let [Some(from), Some(to)] = target.parts[..] else { return Ok(()) };
        match ends {
            Ends::Whole(first, last) => {
                self.values.add_i64(from, first);
                self.values.add_i64(to, last);
            }
            Ends::Decimal(first, last) => {
                self.values.add_f64(from, first);
                self.values.add_f64(to, last);
            }
            Ends::Address(first, last) => {
                self.values.add_ip(from, first);
                self.values.add_ip(to, last);
            }
        }
        Ok(())
    }
}
