//! Forms of requests: how one is made, and which options it may have.
//!
//! Of each form one kind is made without options, one for each option, and one with several: so the table tells which option
//! is the matter.

use serde_json::{Value, json};

use super::dice::Dice;
use super::world::World;

/// What a form makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The value of `query`.
    Query,
    /// The body of a search.
    Search,
}

/// A kind of query or of search.
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) part: Part,
    pub(super) make: fn(&mut Dice, &World) -> Value,
    /// Where options go, by `/`; `*` is the only member.
    pub(super) place: &'static str,
    /// Options by name, each with pieces of JSON to choose from.
    pub(super) options: &'static [(&'static str, &'static [&'static str])],
}

/// A query.
pub(super) const fn query(
    name: &'static str,
    make: fn(&mut Dice, &World) -> Value,
    place: &'static str,
    options: &'static [(&'static str, &'static [&'static str])],
) -> Form {
    Form { name, part: Part::Query, make, place, options }
}

/// A search.
pub(super) const fn search(
    name: &'static str,
    make: fn(&mut Dice, &World) -> Value,
    place: &'static str,
    options: &'static [(&'static str, &'static [&'static str])],
) -> Form {
    Form { name, part: Part::Search, make, place, options }
}

/// Which options of a form are taken.
#[derive(Clone, Copy)]
pub(super) enum Chosen {
    None,
    One(usize),
    Several,
}

impl Form {
    /// Each choice of options that is a kind of its own, with its name.
    pub(super) fn kinds(&self) -> Vec<(String, Chosen)> {
        let mut kinds = vec![(self.name.to_owned(), Chosen::None)];
        for (at, (option, _)) in self.options.iter().enumerate() {
            kinds.push((format!("{} {option}", self.name), Chosen::One(at)));
        }
        if self.options.len() > 1 {
            kinds.push((format!("{} (several options)", self.name), Chosen::Several));
        }
        kinds
    }

    /// The query or the body with these options.
    pub(super) fn made(&self, chosen: Chosen, dice: &mut Dice, world: &World) -> Value {
        let mut value = (self.make)(dice, world);
        for (at, (option, choices)) in self.options.iter().enumerate() {
            let is_chosen = match chosen {
                Chosen::None => false,
                Chosen::One(one) => at == one,
                Chosen::Several => dice.chance(40),
            };
            if is_chosen {
                let choice = dice.json(choices);
                place_of(&mut value, self.place, self.name)[*option] = choice;
            }
        }
        value
    }
}

fn place_of<'a>(value: &'a mut Value, place: &str, form: &str) -> &'a mut Value {
    place.split('/').filter(|part| !part.is_empty()).fold(value, |value, part| {
        let found = match (part, value) {
            ("*", Value::Object(members)) => members.values_mut().next(),
            (part, Value::Array(items)) => part.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
            (part, value) => value.get_mut(part),
        };
        found.unwrap_or_else(|| panic!("{form} has no {place}"))
    })
}

/// So many hits that mostly all are seen.
const HITS: usize = 400;

/// A search for a query, mostly for all that it finds.
pub(super) fn search_for(query: Value, dice: &mut Dice) -> Value {
    let size = if dice.chance(75) { HITS } else { dice.below(12) };
    json!({"query": query, "size": size, "_source": false})
}
