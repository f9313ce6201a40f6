//! Commands change the state as a whole or not at all, also when one is applied twice.

use std::collections::{BTreeMap, BTreeSet};

use cluster::state::{
    ClusterState, Command, CopyError, CopyId, Expectation, IndexAllocation, IndexEntry, IndexId,
    MetadataText, NodeEntry, NodeId, Refusal, Replicas, Role, ShardCopies, ShardId,
};

fn with_a_node() -> ClusterState {
    let entry = NodeEntry {
        name: "n1".to_owned(),
        data_id: "d1".to_owned(),
        transport_address: "127.0.0.1:9300".to_owned(),
        http_address: "127.0.0.1:9200".to_owned(),
        roles: BTreeSet::from([Role::Data]),
        attributes: BTreeMap::new(),
    };
    let mut state = ClusterState::default();
    state.apply(Command::Join { node: NodeId(1), entry }).expect("joins");
    state
}

fn create(state: &ClusterState, name: &str) -> Command {
    let entry = IndexEntry {
        name: name.to_owned(),
        version: 1,
        parts: BTreeMap::new(),
        replicas: Replicas::Number(0),
        filters: BTreeMap::new(),
        allocation: IndexAllocation::default(),
        shards: vec![ShardCopies::created(CopyId(state.last_copy + 1), NodeId(1))],
    };
    Command::CreateIndex { id: IndexId(name.to_owned()), entry }
}

fn once(request: u128, command: Command) -> Command {
    Command::Once { request, command: Box::new(command) }
}

fn text(seen: Option<u64>, text: Option<&str>) -> Command {
    Command::ChangeMetadata {
        kind: "template".to_owned(),
        name: "logs".to_owned(),
        seen,
        text: text.map(str::to_owned),
    }
}

#[test]
fn a_request_that_is_applied_twice_answers_as_the_first_time() {
    let mut state = with_a_node();
    let command = once(7, create(&state, "i"));
    let late = once(8, create(&state, "i"));
    assert_eq!(state.apply(command.clone()), Ok(()));
    let refused = Err(Refusal::NameTaken("i".to_owned()));
    assert_eq!(state.apply(late.clone()), refused);
    let before = state.clone();

    assert_eq!(state.apply(command.clone()), Ok(()));
    assert_eq!(state, before, "it was applied once");
    state.apply(Command::DeleteIndex { id: IndexId("i".to_owned()) }).expect("deleted");

    assert_eq!(state.apply(late), refused, "whoever asked was told so");
    assert_eq!(state.apply(command), Ok(()));
    assert!(state.indices.is_empty(), "what was deleted since does not come back");
}

#[test]
fn several_commands_are_applied_as_one_or_not_at_all() {
    let mut state = with_a_node();
    let before = state.clone();
    let good = create(&state, "i");

    let refused = state.apply(Command::Several(vec![good.clone(), text(Some(3), Some("{}"))]));

    assert!(
        matches!(refused, Err(Refusal::MetadataChanged { seen: Some(3), current: None, .. })),
        "{refused:?}"
    );
    assert_eq!(state, before);
    state.apply(once(1, Command::Several(vec![good, text(None, Some("{}"))]))).expect("both");
    assert_eq!((state.version, state.indices.len()), (before.version + 1, 1));
    let nested = Command::Several(vec![Command::Several(Vec::new())]);
    assert_eq!(state.apply(nested), Err(Refusal::Nested));
    assert_eq!(state.apply(once(2, once(3, text(None, None)))), Err(Refusal::Nested));
}

#[test]
fn a_text_is_changed_by_whoever_has_seen_the_newest() {
    let mut state = with_a_node();
    state.apply(text(None, Some("one"))).expect("new");
    let first = state.metadata.get("template", "logs").expect("there").version;
    assert_eq!(first, state.version);

    let again = state.apply(text(None, Some("two"))).expect_err("somebody was faster");
    assert_eq!(
        again.to_string(),
        "template [logs] is at version 2, and was not there when the change was decided; read it again"
    );
    state.apply(text(Some(first), Some("two"))).expect("changed");
    let second = state.version;
    assert_eq!(
        state.metadata.of_kind("template").collect::<Vec<_>>(),
        [("logs", &MetadataText { version: second, text: "two".to_owned() })]
    );
    state.apply(text(Some(second), None)).expect("deleted");
    state.apply(text(None, Some("three"))).expect("new");

    assert!(state.apply(text(Some(second), Some("four"))).is_err(), "that is another one");
    assert!(state.apply(text(Some(first), None)).is_err());
}

#[test]
fn an_index_changes_in_what_a_command_names_and_stays_in_the_rest() {
    let mut state = with_a_node();
    state.apply(create(&state, "i")).expect("created");
    let id = IndexId("i".to_owned());
    let change = |seen, filters, allocation| Command::ChangeIndex {
        id: IndexId("i".to_owned()),
        seen,
        parts: BTreeMap::new(),
        replicas: None,
        filters,
        allocation,
    };
    let filters = BTreeMap::from([("require.rack".to_owned(), "a".to_owned())]);
    let allocation = IndexAllocation { max_retries: 9, ..IndexAllocation::default() };

    state.apply(change(1, Some(filters.clone()), None)).expect("changed");
    state.apply(change(2, None, Some(allocation.clone()))).expect("changed");

    let index = &state.indices[&id];
    assert_eq!((&index.filters, &index.allocation, index.version), (&filters, &allocation, 3));
    assert_eq!(state.apply(change(2, None, None)), Err(Refusal::Changed { id, seen: 2, current: 3 }));
}

/// Whoever keeps the state writes it down as it likes, also as JSON.
#[test]
fn the_state_is_the_same_after_it_was_written_down() {
    let mut state = with_a_node();
    let shard = ShardId { index: IndexId("i".to_owned()), number: 0 };
    state.apply(once(u128::MAX, create(&state, "i"))).expect("created");
    state.apply(text(None, Some("{}"))).expect("new");
    state.apply(once(5, text(Some(99), None))).expect_err("not as it was seen");
    let fail = |term| Command::FailCopy {
        shard: shard.clone(),
        copy: CopyId(1),
        term,
        details: "no disk".to_owned(),
    };
    assert_eq!(state.apply(fail(0)), Err(Refusal::Overtaken(shard.clone())), "it failed in an older term");
    state.apply(fail(1)).expect("failed");

    let written = serde_json::to_string(&state).expect("JSON");
    let read: ClusterState = serde_json::from_str(&written).expect("the same");

    assert_eq!(read, state);
}

/// Copies expand over the nodes that may have them, by the rules of the index and of the cluster.
#[test]
fn copies_expand_over_the_nodes_that_may_have_them() {
    let mut state = with_a_node();
    let first = state.nodes[&NodeId(1)].clone();
    for number in 2..=4 {
        let (name, data_id) = (format!("n{number}"), format!("d{number}"));
        let entry = NodeEntry { name, data_id, ..first.clone() };
        state.apply(Command::Join { node: NodeId(number), entry }).expect("joins");
    }
    state.apply(create(&state, "i")).expect("created");
    let rules = |rules: &[(&str, &str)]| -> BTreeMap<String, String> {
        rules.iter().map(|(rule, nodes)| ((*rule).to_owned(), (*nodes).to_owned())).collect()
    };
    let change = |seen, filters: Option<BTreeMap<String, String>>| Command::ChangeIndex {
        id: IndexId("i".to_owned()),
        seen,
        parts: BTreeMap::new(),
        replicas: Some(Replicas::Expand { least: 0, most: 9 }),
        filters,
        allocation: None,
    };
    let shard = ShardId { index: IndexId("i".to_owned()), number: 0 };

    state.apply(change(1, None)).expect("expands");
    assert_eq!(state.wanted_copies(&shard), 4);
    state.apply(change(2, Some(rules(&[("exclude._name", "n2")])))).expect("changed");
    assert_eq!(state.wanted_copies(&shard), 3);
    let filters = rules(&[("include._name", "n1,n2,n3")]);
    state.apply(Command::SetFilters { filters }).expect("set");

    assert_eq!(state.wanted_copies(&shard), 2, "n1 and n3 pass both");
    state.apply(Command::SetFilters { filters: BTreeMap::new() }).expect("set");
    assert_eq!(state.wanted_copies(&shard), 3);
}

/// A copy in sync may be all that is left, as long as nobody knows whether the primary can open what it has.
#[test]
fn no_copy_in_sync_is_cancelled_before_the_primary_serves() {
    let mut copies = ShardCopies::created(CopyId(1), NodeId(1));
    copies.mark_in_sync(CopyId(1), copies.term()).expect("it serves");
    for other in [2, 3] {
        copies.add(CopyId(other), NodeId(other), None).expect("added");
        copies.mark_in_sync(CopyId(other), copies.term()).expect("in sync");
    }
    copies.node_left(NodeId(1), "a node");
    copies.promote(CopyId(2)).expect("promoted");
    let before = copies.clone();

    assert_eq!(copies.cancel(CopyId(3), copies.term()), Err(CopyError::Needed(CopyId(3))));

    assert_eq!(copies, before);
    copies.mark_in_sync(CopyId(2), copies.term()).expect("it serves");
    assert_eq!(copies.cancel(CopyId(3), copies.term()), Ok(()));
}

/// Nobody would ever make a copy on a node that has left since it was placed.
#[test]
fn an_index_is_not_made_on_nodes_that_have_left() {
    let mut state = with_a_node();
    let command = create(&state, "i");
    state.apply(Command::Leave { node: NodeId(1) }).expect("left");

    assert_eq!(state.apply(command), Err(Refusal::NoNode(NodeId(1))));

    assert!(state.indices.is_empty());
}

#[test]
fn a_row_is_refused_where_things_are_not_as_they_were_when_it_was_decided() {
    let mut state = with_a_node();
    state.apply(text(None, Some("one"))).expect("kept");
    let version = state.metadata.get("template", "logs").map(|text| text.version);
    let expect = |name: &str, seen| {
        let (kind, name) = ("template".to_owned(), name.to_owned());
        Command::Expect(Expectation::Metadata { kind, name, seen })
    };
    let free = |name: &str| Command::Expect(Expectation::NoIndex(name.to_owned()));

    let first = create(&state, "i");
    assert_eq!(state.apply(Command::Several(vec![expect("logs", version), free("i"), first])), Ok(()));

    for (expectation, refusal) in [
        (
            expect("logs", None),
            Refusal::MetadataChanged {
                kind: "template".to_owned(),
                name: "logs".to_owned(),
                seen: None,
                current: version,
            },
        ),
        (free("i"), Refusal::NameTaken("i".to_owned())),
    ] {
        let (before, next) = (state.clone(), create(&state, "j"));
        assert_eq!(state.apply(Command::Several(vec![next, expectation])), Err(refusal));
        assert_eq!(state, before, "no command of the row has changed anything");
    }
    assert_eq!(state.apply(expect("other", None)), Ok(()), "what is not there is as it was");
}
