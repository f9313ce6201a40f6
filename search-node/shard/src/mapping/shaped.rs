//! Values with a shape of their own while a document is read: what is checked and kept in the source alone, and spans.

use serde_json_borrow::Value as Json;

use super::document::{Reading, Strictness, preview};
use super::error::MappingError;
use super::features::kept_feature;
use super::fields::FieldKind;
use super::geo_points::Point;
use super::plan::FieldPlan;
use super::ranges::{Ends, read_span};
use super::structured::{Structure, has_positive_impact, number};
use super::values::{ValueFault, keyed_term};

const ARGUMENT: &str = "illegal_argument_exception";

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
        if *structure == Structure::GeoShape {
            return self.geo_shape(plan, value);
        }
        match structure.check(value) {
            Ok(()) => {
                let (is_any_empty, are_all_empty) = structure.empty_texts(value);
                if is_any_empty {
                    self.ignore(&plan.path);
                }
                if are_all_empty {
                    return Ok(());
                }
                self.note_features(plan, structure, value)?;
                if let Err(fault) = self.keep_inputs(plan, value) {
                    let fault = self.fault(plan, &preview(value), fault);
                    return self.forgive(&plan.path, Err(fault));
                }
                let field = plan.targets.first().and_then(|target| target.field);
                field.into_iter().for_each(|field| self.values.add_bool(field, true));
                self.keep_parts(plan, structure, value);
                Ok(())
            }
            Err(_) if plan.ignores_malformed() => {
                self.ignore(&plan.path);
                Ok(())
            }
            Err(fault) => {
                let fault = self.fault(plan, &preview(value), fault);
                self.forgive(&plan.path, Err(fault))
            }
        }
    }

    /// Keeps the inputs of completions.
    fn keep_inputs(&mut self, plan: &FieldPlan, value: &Json<'_>) -> Result<(), ValueFault> {
        for target in &plan.targets {
            let Some(completions) = &target.completions else { continue };
            let terms = completions.terms(value, self.source)?;
            if self.strictness != Strictness::Accepted {
                completions.check(&target.path, value, &terms)?;
            }
            if let [Some(field)] = target.parts[..] {
                terms.iter().for_each(|term| self.values.add_text(field, term));
            }
        }
        Ok(())
    }

    /// Keeps of a value what queries ask for.
    fn keep_parts(&mut self, plan: &FieldPlan, structure: &Structure, value: &Json<'_>) {
        let Some(target) = plan.targets.first() else { return };
        match (structure, &target.parts[..]) {
            (Structure::GeoPoint, [Some(lat), Some(lon)]) => {
                if let Some(point) = Point::of_json(value).map(Point::kept) {
                    self.values.add_f64(*lat, point.lat);
                    self.values.add_f64(*lon, point.lon);
                }
            }
            (Structure::RankFeature, [Some(field)]) => {
                if let Some(number) = number(value) {
                    let kept = kept_feature(number, has_positive_impact(&plan.mapping));
                    self.values.add_u64(*field, u64::from(kept));
                }
            }
            (Structure::RankFeatures, [Some(field)]) => {
                let Json::Object(members) = value else { return };
                let is_good = has_positive_impact(&plan.mapping);
                for (name, value) in members.iter() {
                    if let Some(number) = number(value) {
                        // As many digits for each, so that they are in order.
                        let kept = format!("{:05}", kept_feature(number, is_good));
                        self.values.add_text(*field, &keyed_term(name, &kept));
                    }
                }
            }
            _ => {}
        }
    }

    /// Refuses a second value of a feature: which of them counts could not be told. Older builds took several.
    fn note_features(
        &mut self,
        plan: &FieldPlan,
        structure: &Structure,
        value: &Json<'_>,
    ) -> Result<(), MappingError> {
        if self.strictness == Strictness::Accepted {
            return Ok(());
        }
        let path = &plan.path;
        let at = self.at;
        let (names, kind): (Vec<String>, _) = match (structure, value) {
            (Structure::RankFeature, _) => (vec![path.clone()], "field"),
            (Structure::RankFeatures, Json::Object(members)) => {
                let valued = members.iter().filter(|(_, value)| !matches!(value, Json::Null));
                (valued.map(|(name, _)| format!("{path}.{name}")).collect(), "rank feature")
            }
            _ => return Ok(()),
        };
        for name in names {
            if self.open_at(at).note_feature(name.clone()) {
                continue;
            }
            let reason = format!(
                "[{}] fields do not support indexing multiple values for the same {kind} [{name}] in the same document",
                plan.mapping.type_name
            );
            return Err(self.fault(plan, &preview(value), (ARGUMENT, reason)));
        }
        Ok(())
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
        let is_exact = self.strictness != Strictness::Accepted
            && plan.targets.first().is_some_and(|target| target.is_exact);
        let ends = match read_span(of, name, value, is_exact) {
            Ok(ends) => ends,
            Err(fault) => {
                let fault = self.fault(plan, &preview(value), fault);
                return self.forgive(&plan.path, Err(fault));
            }
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
