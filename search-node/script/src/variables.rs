//! The variables of a script, and what their types make of numbers.

use super::parser::Expression;

/// What a declared type makes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Whole,
    Decimal,
}

impl Kind {
    pub(super) fn of(type_name: &str) -> Self {
        match type_name {
            "int" | "long" | "short" | "byte" => Self::Whole,
            "double" | "float" => Self::Decimal,
            _ => Self::Any,
        }
    }

    pub(super) fn cast(self, value: Expression) -> Expression {
        if self == Self::Any { value } else { Expression::Cast(self, Box::new(value)) }
    }
}

/// What names mean at a place of a script.
pub(super) struct Variables {
    /// What is there before any variable.
    roots: &'static [&'static str],
    declared: Vec<(String, Kind)>,
}

impl Variables {
    pub(super) fn beside(roots: &'static [&'static str]) -> Self {
        Self { roots, declared: Vec::new() }
    }

    pub(super) fn is_root(&self, name: &str) -> bool {
        self.roots.contains(&name)
    }

    /// What is there before any variable, for people.
    pub(super) fn roots(&self) -> String {
        self.roots.join(", ")
    }

    /// The type of a variable; none if there is none of this name.
    pub(super) fn kind_of(&self, name: &str) -> Option<Kind> {
        self.declared.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind)
    }

    /// A name that is there already cannot be declared again, not even in a block within.
    pub(super) fn check_free(&self, name: &str, at: Option<usize>) -> Result<(), String> {
        if !self.is_root(name) && self.kind_of(name).is_none() {
            return Ok(());
        }
        let place = at.map(|at| format!(" at {at}")).unwrap_or_default();
        Err(format!("variable [{name}] is already defined{place}"))
    }

    pub(super) fn declare(&mut self, name: &str, kind: Kind) {
        self.declared.push((name.to_owned(), kind));
    }

    pub(super) fn count(&self) -> usize {
        self.declared.len()
    }

    /// Only so many of them are there any more.
    pub(super) fn forget_behind(&mut self, count: usize) {
        self.declared.truncate(count);
    }
}
