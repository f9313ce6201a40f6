//! Queries for points on the earth.

use super::{Lowered, Lowering, constant, none};
use crate::query::QueryError;
use crate::query::ast::{Area, GeoQuery};
use crate::query::doc_values::ValueField;
use crate::query::weights::located::Located;

impl Lowering<'_> {
    pub(super) fn geo(&self, asked: &GeoQuery) -> Lowered {
        let GeoQuery { name, field: path, .. } = asked;
        let Some(mapping) = self.layout.mapping.leaf(path) else {
            return if asked.ignore_unmapped {
                Ok(none())
            } else {
                Err(QueryError::shard(format!("failed to find geo field [{path}]")))
            };
        };
        let field = ValueField::of(self.layout, path)?.filter(ValueField::has_points);
        let Some(field) = field else {
            return Err(QueryError::shard(format!(
                "Field [{path}] is of unsupported type [{}] for [{name}] query",
                mapping.type_name
            )));
        };
        if let Area::Circle { center, .. } = &asked.area
            && !center.is_valid()
        {
            let (name, degrees, most) = if center.lat.abs() > 90.0 {
                ("latitude", center.lat, 90.0)
            } else {
                ("longitude", center.lon, 180.0)
            };
            return Err(QueryError::shard(format!(
                "failed to create query: invalid {name} {degrees:?}; must be between -{most:?} and {most:?}"
            )));
        }
        let (area, relation) = (asked.area.clone(), asked.relation);
        Ok(constant(Box::new(Located { field, area, relation, faults: self.shared.faults.clone() })))
    }
}
