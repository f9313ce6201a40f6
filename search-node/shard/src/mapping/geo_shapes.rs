//! `geo_shape` values: how a field has them read, and what is kept of them.

use serde_json::{Map, Value};
use serde_json_borrow::Value as Json;

use super::document::{Reading, preview};
use super::error::MappingError;
use super::fields::FieldMapping;
use super::plan::FieldPlan;
use super::values::{SHAPE_BYTES_MAX, ValueFault};
use crate::geometry::{self, Bounds, Geometry, Orientation, Part, Validity, pack, place};
use crate::json_values::plain;

/// What a field says of its shapes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ShapeRules {
    orientation: Orientation,
    reading: geometry::Reading,
}

impl ShapeRules {
    pub(crate) fn of(field: &FieldMapping) -> Self {
        let said = field.parameters.get("orientation").map(plain);
        let reading = geometry::Reading {
            closes_rings: field.says("coerce"),
            ignores_height: !field.parameters.contains_key("ignore_z_value") || field.says("ignore_z_value"),
        };
        Self { orientation: orientation(said.as_deref()).unwrap_or_default(), reading }
    }

    /// Refuses what a mapping says that means nothing.
    pub(super) fn check(body: &Map<String, Value>) -> Result<(), MappingError> {
        let said = body.get("orientation").map(plain);
        orientation(said.as_deref()).map(drop).map_err(|(_, reason)| MappingError::argument(reason))
    }

    /// The shape that a value is.
    pub(crate) fn read(self, value: &Json<'_>) -> Result<Geometry, ValueFault> {
        self.reading.read(value)
    }

    fn parts(self, value: &Json<'_>) -> Result<Vec<Part>, ValueFault> {
        place(&self.read(value)?, self.orientation, Validity::Kept)
    }
}

fn orientation(said: Option<&str>) -> Result<Orientation, ValueFault> {
    said.map_or_else(|| Ok(Orientation::default()), Orientation::parse)
}

impl Reading<'_> {
    /// One shape.
    pub(super) fn geo_shape(&mut self, plan: &FieldPlan, value: &Json<'_>) -> Result<(), MappingError> {
        let parts = match ShapeRules::of(&plan.mapping).parts(value) {
            Ok(parts) => parts,
            Err(_) if plan.ignores_malformed() => {
                self.ignore(&plan.path);
                return Ok(());
            }
            Err(fault) => {
                let fault = self.fault(plan, &preview(value), fault);
                return self.forgive(&plan.path, Err(fault));
            }
        };
        let Some(target) = plan.targets.first().filter(|_| !parts.is_empty()) else { return Ok(()) };
        target.field.into_iter().for_each(|field| self.values.add_bool(field, true));
        let [Some(shape), Some(south), Some(north), Some(west), Some(east)] = target.parts[..] else {
            return Ok(());
        };
        pack(&parts).chunks(SHAPE_BYTES_MAX).for_each(|piece| self.values.add_bytes(shape, piece));
        let around = parts.iter().map(Part::bounds).fold(Bounds::NONE, Bounds::and);
        let sides = [(south, around.south), (north, around.north), (west, around.west), (east, around.east)];
        sides.into_iter().for_each(|(field, side)| self.values.add_i64(field, side.into()));
        Ok(())
    }
}
