//! `flattened` while a document is read: every value of an object is a keyword, by itself and with its key.

use serde_json_borrow::Value as Json;

use super::document::{Reading, TERM_BYTES_MAX, immense_term, preview, scalar_text};
use super::error::MappingError;
use super::fields::FieldKind;
use super::plan::{FieldPlan, Target};
use super::values::{ValueFault, keyed_term};
use crate::json_values::plain;

const ARGUMENT: &str = "illegal_argument_exception";

/// What a flattened field is read by.
struct Flat<'p> {
    target: &'p Target,
    depth_limit: usize,
    ignore_above: usize,
    /// What stands for a null.
    null_value: Option<String>,
}

impl Reading<'_> {
    /// An object whose values are keywords, or several of them.
    pub(super) fn flattened(&mut self, plan: &FieldPlan, value: &Json<'_>) -> Result<(), MappingError> {
        let Some(target) = plan.targets.first() else { return Ok(()) };
        let FieldKind::Flattened { depth_limit, ignore_above } = target.kind else { return Ok(()) };
        let null_value = plan.mapping.null_value.as_ref();
        let null_value = null_value.map(plain);
        let flat = Flat { target, depth_limit, ignore_above, null_value };
        let read = match value {
            Json::Null => return Ok(()),
            Json::Array(items) => return items.iter().try_for_each(|item| self.flattened(plan, item)),
            Json::Object(_) => self.flat_value(&flat, "", 0, value),
            _ => Err((
                ARGUMENT,
                format!("Failed to parse object: expecting token of type [START_OBJECT] but found [{value}]"),
            )),
        };
        match read {
            Ok(()) => Ok(()),
            Err(fault) => {
                let fault = self.fault(plan, &preview(value), fault);
                self.forgive(&plan.path, Err(fault))
            }
        }
    }

    fn flat_value(
        &mut self,
        flat: &Flat<'_>,
        key: &str,
        depth: usize,
        value: &Json<'_>,
    ) -> Result<(), ValueFault> {
        match value {
            Json::Object(members) => {
                if depth >= flat.depth_limit {
                    return Err((
                        ARGUMENT,
                        format!(
                            "The provided [flattened] field [{}] exceeds the maximum depth limit of [{}].",
                            flat.target.path, flat.depth_limit
                        ),
                    ));
                }
                members.iter().try_for_each(|(name, value)| {
                    if name.contains('\0') {
                        let reason =
                            "Do not include the reserved separator [\\0] in keys of a [flattened] field";
                        return Err((ARGUMENT, format!("{reason}: [{}]", flat.target.path)));
                    }
                    if depth == 0 {
                        return self.flat_value(flat, name, depth + 1, value);
                    }
                    self.flat_value(flat, &format!("{key}.{name}"), depth + 1, value)
                })
            }
            Json::Array(items) => items.iter().try_for_each(|item| self.flat_value(flat, key, depth, item)),
            value => match (scalar_text(value), &flat.null_value) {
                (Some(text), _) => self.flat_text(flat, key, &text),
                (None, Some(text)) => self.flat_text(flat, key, text),
                (None, None) => Ok(()),
            },
        }
    }

    fn flat_text(&mut self, flat: &Flat<'_>, key: &str, text: &str) -> Result<(), ValueFault> {
        let target = flat.target;
        if text.len() > flat.ignore_above && text.chars().count() > flat.ignore_above {
            self.ignore(&target.path);
            return Ok(());
        }
        let keyed = keyed_term(key, text);
        if keyed.len() > TERM_BYTES_MAX {
            return Err(immense_term(&target.path));
        }
        target.field.iter().for_each(|field| self.values.add_text(*field, text));
        target.parts.iter().flatten().for_each(|field| self.values.add_text(*field, &keyed));
        Ok(())
    }
}
