//! Aliases added and removed, all that one request asks for or nothing: what is refused, and the commands for the rest.

use std::collections::{BTreeMap, BTreeSet};

use cluster::state::{ClusterState, Command, Expectation};
use serde_json::{Map, Value};

use super::agreed_names::AgreedNames;
use super::alias::Alias;
use super::guard::Guard;
use super::metadata::{aliases_of, aliases_part};
use super::names::{check_alias_name, matches};
use super::stream_changes::{deleted_indices, without_aliases};
use crate::error::ApiError;

/// One action of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AliasAction {
    Add {
        indices: Vec<String>,
        aliases: Vec<String>,
        said: Box<Alias>,
    },
    /// `aliases` may have wildcards.
    Remove {
        indices: Vec<String>,
        aliases: Vec<String>,
        must_exist: Option<bool>,
    },
    RemoveIndex {
        indices: Vec<String>,
        must_exist: Option<bool>,
    },
}

/// The commands that do all of the actions.
pub(crate) fn change_aliases(map: &ClusterState, actions: &[AliasAction]) -> Result<Vec<Command>, ApiError> {
    let mut names = AgreedNames::of(map);
    let doomed = doomed_indices(&names, actions)?;
    let mut next: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let (mut added, mut missing, mut has_effect) = (BTreeSet::new(), Vec::new(), !doomed.is_empty());
    for action in actions {
        match action {
            AliasAction::Add { indices, aliases, said } => {
                has_effect = true;
                for index in without_aliases(&names, indices)? {
                    let of_index = aliases_in(&mut next, &names, index);
                    for alias in aliases {
                        check_alias_name(alias)?;
                        added.insert(alias.clone());
                        of_index.insert(alias.clone(), said.to_json());
                    }
                }
            }
            AliasAction::Remove { indices, aliases, must_exist } => {
                let mut found = false;
                for index in names.concrete(indices)? {
                    let of_index = aliases_in(&mut next, &names, index);
                    let before = of_index.len();
                    of_index.retain(|alias, _| !aliases.iter().any(|pattern| is_meant(pattern, alias)));
                    found |= of_index.len() < before;
                }
                match must_exist {
                    Some(true) if !found => return Err(not_found(aliases)),
                    Some(false) => has_effect = true,
                    _ if found => has_effect = true,
                    _ => missing.extend(aliases.iter().cloned()),
                }
            }
            AliasAction::RemoveIndex { .. } => {}
        }
    }
    if !has_effect {
        return Err(not_found(&missing));
    }
    next.retain(|index, _| !doomed.contains(index.as_str()));
    check(&mut names, &doomed, &next, &added)?;
    commands(map, &doomed, &next, &added)
}

fn is_meant(pattern: &str, alias: &str) -> bool {
    pattern == "_all" || matches(pattern, alias)
}

fn not_found(aliases: &[String]) -> ApiError {
    let names = aliases.join(",");
    ApiError::new(404, "aliases_not_found_exception", format!("aliases [{names}] missing"))
        .with("resource.type", "aliases")
        .with("resource.id", names)
}

fn doomed_indices(names: &AgreedNames<'_>, actions: &[AliasAction]) -> Result<BTreeSet<String>, ApiError> {
    let mut doomed = BTreeSet::new();
    for action in actions {
        let AliasAction::RemoveIndex { indices, must_exist } = action else { continue };
        match names.concrete(indices) {
            Err(error) if error.status == 404 && *must_exist == Some(false) => {}
            found => doomed.extend(found?.into_iter().map(str::to_owned)),
        }
    }
    Ok(doomed)
}

/// The aliases of an index as they are after the actions so far.
fn aliases_in<'n>(
    next: &'n mut BTreeMap<String, Map<String, Value>>,
    names: &AgreedNames<'_>,
    index: &str,
) -> &'n mut Map<String, Value> {
    let known = || names.indices.get(index).map(|(_, entry)| aliases_of(entry)).unwrap_or_default();
    next.entry(index.to_owned()).or_insert_with(known)
}

/// Refuses aliases that could not be as they would be in the end.
fn check(
    names: &mut AgreedNames<'_>,
    doomed: &BTreeSet<String>,
    next: &BTreeMap<String, Map<String, Value>>,
    added: &BTreeSet<String>,
) -> Result<(), ApiError> {
    names.indices.retain(|index, _| !doomed.contains(*index));
    let changed = |index: &&str| next.contains_key(*index) || doomed.contains(*index);
    for members in names.aliases.values_mut() {
        members.retain(|index, _| !changed(index));
    }
    let indices: Vec<&str> = names.indices.keys().copied().collect();
    for index in indices {
        for (alias, said) in next.get(index).into_iter().flatten() {
            names.aliases.entry(alias.clone()).or_default().insert(index, Alias::kept(said));
        }
    }
    added.iter().try_for_each(|alias| names.check_alias(alias))
}

fn commands(
    map: &ClusterState,
    doomed: &BTreeSet<String>,
    next: &BTreeMap<String, Map<String, Value>>,
    added: &BTreeSet<String>,
) -> Result<Vec<Command>, ApiError> {
    let names = AgreedNames::of(map);
    let ids = doomed.iter().filter_map(|index| names.indices.get(index.as_str()).map(|(id, _)| *id));
    let mut commands = deleted_indices(map, &names, ids)?;
    commands.extend(added.iter().map(|alias| Command::Expect(Expectation::NoIndex(alias.clone()))));
    for (index, aliases) in next {
        let Some((id, entry)) = names.indices.get(index.as_str()) else { continue };
        if *aliases != aliases_of(entry) {
            commands.push(Command::ChangeIndex {
                id: (*id).clone(),
                seen: entry.version,
                parts: aliases_part(aliases),
                replicas: None,
                filters: None,
                allocation: None,
            });
        }
    }
    let is_change = |command: &Command| !matches!(command, Command::Expect(_));
    if !commands.iter().any(is_change) {
        return Ok(Vec::new());
    }
    commands.insert(0, Guard::Names.changed(map));
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_map::{aliases_in_map, map_of};
    use super::*;

    fn add(index: &str, alias: &str, said: Value) -> AliasAction {
        let said = Box::new(Alias::read(alias, &said, |_| false).expect("an alias"));
        AliasAction::Add { indices: vec![index.to_owned()], aliases: vec![alias.to_owned()], said }
    }

    fn remove(index: &str, alias: &str, must_exist: Option<bool>) -> AliasAction {
        AliasAction::Remove { indices: vec![index.to_owned()], aliases: vec![alias.to_owned()], must_exist }
    }

    fn remove_index(index: &str) -> AliasAction {
        AliasAction::RemoveIndex { indices: vec![index.to_owned()], must_exist: None }
    }

    fn map() -> ClusterState {
        map_of(&[
            ("a", json!({"all": {}, "write": {"is_write_index": true}, "hid": {"is_hidden": true}})),
            ("b", json!({"all": {}})),
            ("c", json!({})),
        ])
    }

    #[test]
    fn actions_of_one_request_count_together() {
        for (actions, expected) in [
            (
                vec![add("b", "new", json!({"routing": "1"}))],
                json!({
                    "a": ["all", "hid", "write"], "b": ["all", "new"], "c": []
                }),
            ),
            (
                vec![add("*", "every", json!({})), remove("*", "a*", None)],
                json!({
                    "a": ["every", "hid", "write"], "b": ["every"], "c": ["every"]
                }),
            ),
            // The write index moves, which is two of them in between.
            (
                vec![add("b", "write", json!({"is_write_index": true})), add("a", "write", json!({}))],
                json!({
                    "a": ["all", "hid", "write"], "b": ["all", "write"], "c": []
                }),
            ),
            // An alias takes the name of an index that goes.
            (
                vec![add("b", "c", json!({})), remove_index("c")],
                json!({
                    "a": ["all", "hid", "write"], "b": ["all", "c"]
                }),
            ),
            (
                vec![remove("a", "no", Some(false)), remove("a", "_all", None)],
                json!({
                    "a": [], "b": ["all"], "c": []
                }),
            ),
        ] {
            let mut map = map();

            let commands = change_aliases(&map, &actions).expect("decided");
            map.apply(Command::Several(commands)).expect("agreed");

            assert_eq!(aliases_in_map(&map), expected, "{actions:?}");
        }
        assert!(change_aliases(&map(), &[add("b", "all", json!({}))]).expect("it is so").is_empty());
    }

    #[test]
    fn what_cannot_be_done_is_refused_as_a_whole() {
        for (actions, status, reason) in [
            (vec![remove("a", "no", None)], 404, "aliases [no] missing"),
            (vec![add("b", "x", json!({})), remove("a", "no", Some(true))], 404, "aliases [no] missing"),
            (vec![add("no", "x", json!({}))], 404, "no such index [no]"),
            (vec![add("no*", "x", json!({}))], 404, "no such index [no*]"),
            (
                vec![add("all", "x", json!({}))],
                400,
                "The provided expression [all] matches an alias, specify the corresponding concrete indices instead.",
            ),
            (
                vec![add("a", "b", json!({}))],
                400,
                "Invalid alias name [b], an index exists with the same name as the alias",
            ),
            (
                vec![add("a", "x y", json!({}))],
                400,
                "Invalid alias name [x y]: must not contain the following",
            ),
            (
                vec![add("b", "write", json!({"is_write_index": true}))],
                500,
                "alias [write] has more than one write index [a,b]",
            ),
            (
                vec![add("b", "hid", json!({}))],
                500,
                "alias [hid] has is_hidden set to true on indices [a] but does not have is_hidden set to true on indices [b];",
            ),
        ] {
            let error = change_aliases(&map(), &actions).expect_err(reason);
            assert!(error.status == status && error.reason.starts_with(reason), "{}", error.reason);
        }
    }

    #[test]
    fn of_two_changes_at_once_the_later_one_is_decided_again() {
        let mut map = map();
        let one = change_aliases(&map, &[add("b", "x", json!({"is_write_index": true}))]).expect("decided");
        let other = change_aliases(&map, &[add("c", "x", json!({"is_write_index": true}))]).expect("decided");

        map.apply(Command::Several(one)).expect("agreed");

        assert!(map.apply(Command::Several(other)).is_err());
    }
}
