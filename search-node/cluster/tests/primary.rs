//! The primary's count of what is done, where writers come back in any order.

use cluster::replication::{HandingOver, NONE, Primary, Settled};
use cluster::state::{CopyId, NodeId, ShardCopies};

const OWN: CopyId = CopyId(1);
const OTHER: CopyId = CopyId(2);

fn map() -> ShardCopies {
    let mut map = ShardCopies::created(OWN, NodeId(1));
    map.add(OTHER, NodeId(2), None).expect("a further copy");
    map
}

fn in_sync() -> ShardCopies {
    let mut map = map();
    map.mark_in_sync(OTHER, 1).expect("in sync");
    map
}

fn begun(primary: &mut Primary, seq_nos: impl IntoIterator<Item = i64>) -> Settled {
    let seq_nos: Vec<i64> = seq_nos.into_iter().collect();
    primary.admit(seq_nos.len()).expect("open");
    primary.begun(seq_nos)
}

fn done(seq_nos: impl IntoIterator<Item = i64>) -> Settled {
    Settled { done: seq_nos.into_iter().collect() }
}

/// The writer of a lower number comes back after that of a higher one, and after the copies have told that they have it.
#[test]
fn what_a_copy_told_before_an_operation_was_registered_counts() {
    let mut primary = Primary::new(OWN, &in_sync(), NONE, NONE);
    assert_eq!(begun(&mut primary, [1]), done([]));
    assert_eq!(primary.told(OWN, 1), done([]));

    assert_eq!(primary.acknowledged(OTHER, [0, 1], 1), done([1]));
    assert_eq!(begun(&mut primary, [0]), done([0]), "both have it");
    assert_eq!(primary.acknowledged(OTHER, [3], 1), done([]), "it has read that from the history");
    assert_eq!(primary.told(OWN, 3), done([]));

    assert_eq!(begun(&mut primary, [3]), done([3]));
    assert_eq!(primary.global(), 1);
}

/// A number below the highest is registered after a copy has begun to catch up: the copy is sent it, and does not join without it.
#[test]
fn a_copy_that_catches_up_does_not_join_without_what_was_registered_late() {
    let mut primary = Primary::new(OWN, &map(), NONE, NONE);
    let _done = begun(&mut primary, [0, 2]);

    assert_eq!(primary.begin_catching_up(OTHER), 2);
    let _done = begun(&mut primary, [1]);
    assert_eq!(primary.others().collect::<Vec<_>>(), [OTHER], "it is sent the first");
    let _done = begun(&mut primary, [3]);
    assert_eq!(primary.told(OWN, 3), done([0, 1, 2]), "the third waits for the new copy");
    assert_eq!(primary.acknowledged(OTHER, [2, 3], 0), done([3]));
    assert!(!primary.may_join(OTHER), "it lacks the first");

    assert_eq!(primary.told(OTHER, 3), done([]));
    assert!(primary.may_join(OTHER));
}

#[test]
fn a_batch_is_registered_and_told_in_one_call_each() {
    const MANY: i64 = 200_000;
    let mut primary = Primary::new(OWN, &in_sync(), NONE, NONE);
    let _done = begun(&mut primary, 0..MANY);
    let _done = primary.told(OWN, MANY - 1);

    assert_eq!(primary.acknowledged(OTHER, MANY / 2..MANY, NONE), done(MANY / 2..MANY));
    assert!(primary.waits_for(OTHER));
    assert_eq!(primary.told(OTHER, MANY - 1), done(0..MANY / 2));

    assert!(!primary.waits_for(OTHER));
    assert_eq!(primary.global(), MANY - 1);
}

#[test]
fn a_primary_hands_over_once_all_that_it_let_in_is_done() {
    let mut map = in_sync();
    let mut primary = Primary::new(OWN, &map, NONE, NONE);
    let _done = begun(&mut primary, [0]);
    primary.admit(2).expect("open");
    map.begin_hand_over(OTHER, 1).expect("begun");
    let _done = primary.map_changed(&map);

    assert_eq!(primary.admit(1), Err(HandingOver { to: OTHER }));
    let _done = primary.told(OWN, 0);
    assert_eq!(primary.told(OTHER, 0), done([0]));
    assert_eq!(primary.ask_to_hand_over(), None, "two were let in");
    let _done = primary.begun([1]);
    primary.withdrawn(1);
    assert_eq!(primary.ask_to_hand_over(), None, "one is not done");
    let _done = primary.told(OWN, 1);
    assert_eq!(primary.told(OTHER, 1), done([1]));

    let wanted = primary.ask_to_hand_over().expect("all is done");
    map.hand_over(wanted.to, 1, wanted.attempt).expect("handed over");
    assert_eq!((map.primary(), map.term(), map.in_sync().contains(&OWN)), (Some(OTHER), 2, true));
    assert!(map.drop_copy(OTHER, 1).is_err(), "the old term is over");
    map.drop_copy(OWN, 2).expect("the old primary is a copy like others");
}

#[test]
fn a_hand_over_ends_with_whoever_takes_part_and_only_a_copy_in_sync_is_handed_to() {
    let mut map = map();
    assert!(map.begin_hand_over(OTHER, 1).is_err(), "not in sync");
    map.mark_in_sync(OTHER, 1).expect("in sync");
    assert!(map.begin_hand_over(OWN, 1).is_err(), "it is primary");
    map.begin_hand_over(OTHER, 1).expect("begun");
    assert!(map.begin_hand_over(OTHER, 1).is_err(), "once at a time");

    for end in [
        |map: &mut ShardCopies| map.node_left(NodeId(1), "a node"),
        |map: &mut ShardCopies| map.node_left(NodeId(2), "a node"),
        |map: &mut ShardCopies| map.drop_copy(OTHER, 1).expect("dropped"),
        |map: &mut ShardCopies| map.abort_hand_over(1, 1).expect("aborted"),
    ] {
        let mut map = map.clone();
        end(&mut map);
        assert_eq!(map.hand_over_under_way(), None);
        assert!(map.hand_over(OTHER, 1, 1).is_err());
    }
}

/// The map may place a first copy elsewhere until it was told that there is one.
#[test]
fn a_first_copy_acknowledges_nothing_before_the_map_counts_on_it() {
    let mut map = ShardCopies::unplaced();
    map.place_first(OWN, NodeId(1)).expect("placed");
    let mut primary = Primary::new(OWN, &map, NONE, NONE);
    assert_eq!(begun(&mut primary, [0]), done([]));
    assert_eq!(primary.told(OWN, 0), done([]));
    assert_eq!(primary.map_changed(&map), done([]), "nothing new");

    map.mark_in_sync(OWN, 1).expect("made");

    assert_eq!(primary.map_changed(&map), done([0]));
    assert_eq!(primary.global(), 0);
}
