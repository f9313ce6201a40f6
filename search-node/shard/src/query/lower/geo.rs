//! Queries for points and shapes on the earth.

use std::sync::Arc;

use tantivy::query::Query as TantivyQuery;

use super::{Lowered, Lowering, constant, none};
use crate::geometry::{Fault, Figure, Geometry, Orientation, Position, Relation, Validity, envelope, place};
use crate::mapping::{EAST, FieldKind, FieldMapping, NORTH, Point, SHAPE, SOUTH, Structure, WEST};
use crate::query::QueryError;
use crate::query::ast::{Area, GeoQuery};
use crate::query::doc_values::ValueField;
use crate::query::dsl::read_distance;
use crate::query::weights::constant::unscored;
use crate::query::weights::located::Located;
use crate::query::weights::shaped::{PointsShaped, Shaped, Sought};
use crate::query::weights::weighed::AllSegments;

impl Lowering<'_> {
    pub(super) fn geo(&self, asked: &GeoQuery) -> Lowered {
        let GeoQuery { name, field: path, .. } = asked;
        let Some(mapping) = self.layout.mapping.leaf(path) else {
            return match asked.ignore_unmapped {
                true => Ok(none()),
                false => Err(QueryError::shard(match asked.area {
                    Area::Shape(_) | Area::Indexed => format!("failed to find type for field [{path}]"),
                    _ => format!("failed to find geo field [{path}]"),
                })),
            };
        };
        if mapping.kind == FieldKind::Structured(Structure::GeoShape) {
            return self.geo_of_shapes(asked);
        }
        let is_point = mapping.kind == FieldKind::Structured(Structure::GeoPoint);
        let field = if is_point { ValueField::of(self.layout, path)? } else { None };
        let Some(field) = field.filter(ValueField::has_points) else {
            return Err(unsupported(path, mapping, name));
        };
        check_area(&asked.area)?;
        let faults = self.shared.faults.clone();
        Ok(constant(match &asked.area {
            Area::Shape(_) | Area::Indexed => {
                let sought = Arc::new(sought(asked, "LatLonPointQuery")?);
                Box::new(PointsShaped { field, sought, faults })
            }
            area => Box::new(Located { field, area: area.clone(), faults }),
        }))
    }

    fn geo_of_shapes(&self, asked: &GeoQuery) -> Lowered {
        let path = &asked.field;
        if let Area::Polygon(_) = asked.area {
            return Err(QueryError::shard(format!("field [{path}] is not a geo_point field")));
        }
        check_area(&asked.area)?;
        let sought = Arc::new(sought(asked, "LatLonShapeQuery")?);
        let name = |suffix| {
            let field = self.layout.part(path, suffix)?;
            Some(self.layout.schema.get_field_name(field).to_owned())
        };
        let sides = [SOUTH, NORTH, WEST, EAST].map(name);
        let ([Some(south), Some(north), Some(west), Some(east)], Some(shape)) = (sides, name(SHAPE)) else {
            return Ok(none());
        };
        let found: Box<dyn TantivyQuery> = Box::new(Shaped {
            path: path.clone(),
            shape,
            sides: [south, north, west, east],
            sought,
            segments: AllSegments(Arc::clone(self.identities)),
            faults: self.shared.faults.clone(),
        });
        // As in Elasticsearch, what lies to a shape counts nothing, unless the request says how much.
        let is_counted = asked.is_boosted || !matches!(asked.area, Area::Shape(_));
        Ok(if is_counted { constant(found) } else { unscored(found) })
    }
}

fn unsupported(path: &str, mapping: &FieldMapping, name: &str) -> QueryError {
    QueryError::shard(format!(
        "Field [{path}] is of unsupported type [{}] for [{name}] query",
        mapping.type_name
    ))
}

fn check_area(area: &Area) -> Result<(), QueryError> {
    match area {
        Area::Circle { center, .. } => check_center(*center),
        _ => Ok(()),
    }
}

fn check_center(center: Point) -> Result<(), QueryError> {
    if center.is_valid() {
        return Ok(());
    }
    let (name, degrees, most) = if center.lat.abs() > 90.0 {
        ("latitude", center.lat, 90.0)
    } else {
        ("longitude", center.lon, 180.0)
    };
    Err(QueryError::shard(format!(
        "failed to create query: invalid {name} {degrees:?}; must be between -{most:?} and {most:?}"
    )))
}

/// What is asked for, on the grid. `of` is what Lucene calls such a query.
fn sought(asked: &GeoQuery, of: &str) -> Result<Sought, QueryError> {
    let fault = |(_, reason): Fault| QueryError::shard(format!("failed to create query: {reason}"));
    let mut figures = Vec::new();
    match &asked.area {
        Area::Circle { center, metres } => figures.push(Figure::circle(*center, *metres)),
        Area::Box { top_left, bottom_right } => {
            let corner = |point: &Point| Position { lon: point.lon, lat: point.lat, height: None };
            let parts = envelope(corner(top_left), corner(bottom_right)).map_err(fault)?;
            figures.extend(parts.iter().map(Figure::of));
        }
        Area::Shape(geometry) => {
            if asked.relation == Relation::Within && geometry.has_lines() {
                return Err(QueryError::shard(format!(
                    "failed to create query: {of} does not support WITHIN queries with line geometries"
                )));
            }
            geometry.each(&mut |geometry| {
                match geometry {
                    Geometry::Circle { center, radius } => {
                        let center = Point { lat: center.lat, lon: center.lon };
                        check_center(center)?;
                        figures.push(Figure::circle(center, read_distance(radius, 1.0)?));
                    }
                    other => {
                        let parts = place(other, Orientation::Right, Validity::Asked).map_err(fault)?;
                        figures.extend(parts.iter().map(Figure::of));
                    }
                }
                Ok::<_, QueryError>(())
            })?;
        }
        // Fields of shapes are not asked for polygons of points.
        Area::Polygon(_) => {}
        Area::Indexed => {
            return Err(QueryError {
                kind: "unsupported_operation_exception",
                reason: format!(
                    "the shape that [{}] on [{}] names cannot be looked up here: query must be rewritten first",
                    asked.name, asked.field
                ),
            });
        }
    }
    Ok(Sought::new(figures, asked.relation))
}
