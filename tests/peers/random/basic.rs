//! Queries that stand within others, and beside options of a search: simple ones, so that a difference is not theirs.

use serde_json::{Value, json};

use super::dice::Dice;
use super::fields::{DATES, KEYWORDS, NUMBERS};
use super::words::{search, tag, word};
use super::world::World;

/// One that scores.
pub(super) fn scoring(dice: &mut Dice, _: &World) -> Value {
    match dice.below(4) {
        0 => json!({"term": {"title": word(dice).to_lowercase()}}),
        1 => json!({"term": {"tag": tag(dice)}}),
        _ => json!({"match": {"title": search(dice, 1, 3)}}),
    }
}

/// One that matches or does not.
pub(super) fn filter(dice: &mut Dice, world: &World) -> Value {
    match dice.below(5) {
        0 => json!({"range": {dice.pick(&NUMBERS): {"gte": dice.between(0, 20)}}}),
        1 => json!({"range": {dice.pick(&DATES): {"lt": format!("2024-0{}-10", dice.between(2, 4))}}}),
        2 => json!({"exists": {"field": dice.pick(&["title", "number", "tag", "flag", "address"])}}),
        3 => {
            let field = dice.pick(&KEYWORDS[..2]);
            json!({"term": {field: world.some_value(dice, field)}})
        }
        _ => json!({"terms": {"tag": dice.several(1, 3, tag)}}),
    }
}

/// Either.
pub(super) fn any(dice: &mut Dice, world: &World) -> Value {
    if dice.chance(70) { scoring(dice, world) } else { filter(dice, world) }
}

/// Either, or everything: for options of a search.
pub(super) fn any_or_all(dice: &mut Dice, world: &World) -> Value {
    if dice.chance(40) { json!({"match_all": {}}) } else { any(dice, world) }
}
