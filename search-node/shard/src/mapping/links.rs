//! Fields that stand for others or give their values to them: aliases and `copy_to`.

use super::error::MappingError;
use super::fields::{FieldKind, Leaf, Mapping};

impl Mapping {
    /// Refuses aliases of what is no field, and copies to where none can go.
    pub fn check_links(&self) -> Result<(), MappingError> {
        self.leaves().iter().try_for_each(|leaf| self.check_links_of(leaf))
    }

    /// The same of a mapping that comes after another one: a field that had such a link before, by an older build, may keep it.
    pub fn check_links_after(&self, before: &Mapping) -> Result<(), MappingError> {
        let had = |path: &str| {
            let leaves = before.leaves();
            leaves.iter().any(|leaf| leaf.path == path && before.check_links_of(leaf).is_err())
        };
        self.leaves().iter().try_for_each(|leaf| {
            self.check_links_of(leaf).or_else(|error| if had(&leaf.path) { Ok(()) } else { Err(error) })
        })
    }

    fn check_links_of(&self, leaf: &Leaf<'_>) -> Result<(), MappingError> {
        self.check_alias(leaf)?;
        self.check_copies(leaf)
    }

    fn check_alias(&self, leaf: &Leaf<'_>) -> Result<(), MappingError> {
        let FieldKind::Alias { path } = &leaf.field.kind else { return Ok(()) };
        let invalid = format!("Invalid [path] value [{path}] for field alias [{}]: ", leaf.path);
        let reason = match self.root.leaf(path).map(|field| &field.kind) {
            _ if *path == leaf.path => "an alias cannot refer to itself",
            Some(FieldKind::Alias { .. }) => "an alias cannot refer to another alias",
            Some(_) => return self.check_scope(&leaf.path, path, &invalid),
            None => "an alias must refer to an existing field in the mappings",
        };
        Err(MappingError::parsing(format!("{invalid}{reason}.")))
    }

    /// An alias stands beside its field: in the same nested object, or in none.
    fn check_scope(&self, alias: &str, path: &str, invalid: &str) -> Result<(), MappingError> {
        let (own, target) = (self.nested_around(alias), self.nested_around(path));
        if own == target {
            return Ok(());
        }
        let own = own.map_or("The alias is not nested".to_owned(), |own| {
            format!("The alias's nested scope is [{own}]")
        });
        let target = target.map_or("the target is not nested".to_owned(), |target| {
            format!("the target's nested scope is [{target}]")
        });
        Err(MappingError::argument(format!(
            "{invalid}an alias must have the same nested scope as its target. {own}, but {target}."
        )))
    }

    fn check_copies(&self, leaf: &Leaf<'_>) -> Result<(), MappingError> {
        for target in &leaf.field.copy_to {
            if self.is_other_way(target) {
                return Err(MappingError::argument(format!(
                    "[copy_to] may not be used to copy to a multi-field: [{target}]"
                )));
            }
            if self.object(target).is_some() {
                return Err(MappingError::argument(format!(
                    "Cannot copy to field [{target}] since it is mapped as an object"
                )));
            }
            self.check_copy_scope(&leaf.path, target)?;
        }
        Ok(())
    }

    /// Whether a path is that of another way in which a field is read.
    fn is_other_way(&self, path: &str) -> bool {
        let parent = path.rsplit_once('.').map(|(parent, _)| parent);
        parent.is_some_and(|parent| self.root.leaf(parent).is_some())
    }

    /// A value is copied to a field of the same nested object, or of what that is in: which other object were meant could not be
    /// told.
    fn check_copy_scope(&self, path: &str, target: &str) -> Result<(), MappingError> {
        let (from, to) = (self.nested_around(path), self.nested_around(target));
        let Some(to) = to else { return Ok(()) };
        let is_around =
            |from: &str| from.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if from.is_some_and(is_around) {
            return Ok(());
        }
        let from = from.map_or_else(|| "null".to_owned(), |from| format!("nested object [{from}]"));
        Err(MappingError::argument(format!(
            "Illegal combination of [copy_to] and [nested] mappings: [copy_to] may only copy data to the current nested document or any of its parents, however one [copy_to] directive is trying to copy data from {from} to [{to}]"
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::{Mapping, parse_mapping};

    fn mapping(properties: &serde_json::Value) -> Mapping {
        parse_mapping(&json!({"properties": properties})).expect("valid alone")
    }

    #[test]
    fn an_alias_stands_beside_a_field_and_a_copy_goes_to_one() {
        let nested = json!({"type": "nested", "properties": {"x": {"type": "long"}, "a": {"type": "alias", "path": "n.x"}}});
        for (properties, reason) in [
            (json!({"n": nested}), None),
            (
                json!({"a": {"type": "alias", "path": "a"}}),
                Some("alias [a]: an alias cannot refer to itself."),
            ),
            (
                json!({"a": {"type": "alias", "path": "o"}, "o": {"properties": {"x": {"type": "long"}}}}),
                Some("alias [a]: an alias must refer to an existing field in the mappings."),
            ),
            (
                json!({"a": {"type": "alias", "path": "b"}, "b": {"type": "alias", "path": "c"}, "c": {"type": "long"}}),
                Some("alias [a]: an alias cannot refer to another alias."),
            ),
            (
                json!({"a": {"type": "alias", "path": "n.x"}, "n": nested}),
                Some("The alias is not nested, but the target's nested scope is [n]."),
            ),
            (
                json!({"k": {"type": "long"}, "m": {"type": "nested", "properties": {"a": {"type": "alias", "path": "k"}}}}),
                Some("The alias's nested scope is [m], but the target is not nested."),
            ),
            (
                json!({"f": {"type": "keyword", "copy_to": "f.a", "fields": {"a": {"type": "text"}}}}),
                Some("[copy_to] may not be used to copy to a multi-field: [f.a]"),
            ),
            (
                json!({"f": {"type": "keyword", "copy_to": "o"}, "o": {"properties": {"x": {"type": "long"}}}}),
                Some("Cannot copy to field [o] since it is mapped as an object"),
            ),
            (
                json!({"f": {"type": "keyword", "copy_to": "n.x"}, "n": nested}),
                Some("is trying to copy data from null to [n]"),
            ),
            (json!({"f": {"type": "keyword", "copy_to": ["g", "h"]}, "g": {"type": "text"}}), None),
        ] {
            let checked = mapping(&properties).check_links();
            let found = checked.err().map(|error| error.reason);
            match reason {
                None => assert_eq!(found, None, "{properties}"),
                Some(reason) => assert!(
                    found.as_ref().is_some_and(|found| found.ends_with(reason)),
                    "{properties}: {found:?}"
                ),
            }
        }
    }

    #[test]
    fn who_had_a_wrong_link_before_may_go_on() {
        let wrong = json!({"f": {"type": "keyword", "copy_to": "f.a", "fields": {"a": {"type": "text"}}}});
        let old = mapping(&wrong);
        let next = old.merge(&mapping(&json!({"g": {"type": "long"}}))).expect("merges");

        assert!(next.check_links_after(&old).is_ok());
        assert!(next.check_links_after(&Mapping::default()).is_err());
    }
}
