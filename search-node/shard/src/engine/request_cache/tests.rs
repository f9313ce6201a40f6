//! What is kept of answers, by names, times and bytes; and with points in time of a real shard in `engine/tests`.

use super::*;

fn view(bytes_max: usize, expire_millis: Option<i64>) -> (Arc<ShardRequests>, Arc<ViewRequests>) {
    let of_shard = RequestCache::new(RequestCacheOptions { bytes_max, expire_millis }).of_shard();
    let view = of_shard.of_view();
    (of_shard, view)
}

fn keep(view: &ViewRequests, name: &str, bytes: &[u8]) {
    view.make::<()>(name, 0, || Ok(Some(bytes.to_vec()))).expect("made");
}

fn kept(view: &ViewRequests, name: &str) -> Option<Vec<u8>> {
    view.get(name, 0).map(|kept| kept.bytes().to_vec())
}

#[test]
fn an_answer_is_there_under_its_name_at_its_point_in_time_and_is_counted() {
    let (of_shard, first) = view(1 << 20, None);

    assert_eq!(kept(&first, "a"), None);
    keep(&first, "a", b"one");
    let second = of_shard.of_view();

    assert_eq!((kept(&first, "a"), kept(&first, "b")), (Some(b"one".to_vec()), None));
    assert_eq!(kept(&second, "a"), None, "another point in time");
    let figures = first.figures();
    assert_eq!((figures.hits, figures.misses, figures.evictions), (1, 1, 0));
    assert!(figures.bytes as usize > ENTRY_BYTES, "{figures:?}");
    assert_eq!(second.figures().bytes, 0);
    drop(first);
    assert_eq!(of_shard.cache.kept.bytes(), 0, "it goes with its point in time");
}

#[test]
fn what_may_not_be_kept_or_fails_is_not_kept() {
    let (_, view) = view(1 << 20, None);

    view.make::<()>("a", 0, || Ok(None)).expect("made");
    assert_eq!(view.make("b", 0, || Err("broken")), Err("broken"));

    assert_eq!((kept(&view, "a"), kept(&view, "b")), (None, None));
    assert_eq!(view.figures(), CacheFigures { misses: 2, ..CacheFigures::default() });
}

#[test]
fn those_unused_for_longest_go_where_there_is_no_room_and_none_is_larger_than_that() {
    let (of_shard, view) = view(3 * (ENTRY_BYTES + 100), None);
    for name in ["a", "b", "c"] {
        keep(&view, name, &[0; 90]);
    }
    assert!(kept(&view, "a").is_some());

    keep(&view, "d", &[0; 90]);
    keep(&view, "larger", &[0; 10_000]);

    let is_kept = ["a", "b", "c", "d", "larger"].map(|name| kept(&view, name).is_some());
    assert_eq!(is_kept, [true, false, true, true, false]);
    assert_eq!(view.figures().evictions, 1);
    drop(view);
    assert_eq!(of_shard.of_view().figures().evictions, 1, "a shard counts on");
}

#[test]
fn an_answer_goes_that_nobody_asked_for_in_time() {
    let (_, view) = view(1 << 20, Some(100));
    keep(&view, "a", b"one");

    for (now, expected) in [(100, true), (200, true), (150, true), (301, false), (302, false)] {
        assert_eq!(view.get("a", now).is_some(), expected, "{now}");
    }
    assert_eq!((view.figures().evictions, view.figures().bytes), (1, 0));
    view.make::<()>("a", 302, || Ok(Some(b"two".to_vec()))).expect("made");
    assert!(view.get("a", 303).is_some());
}

#[test]
fn two_that_ask_the_same_wait_for_neither() {
    let (_, view) = view(1 << 20, None);
    let mut inner = 0;

    let outer = view.make::<()>("a", 0, || {
        // While the first works, another one comes: it finds nothing, and works itself.
        assert!(view.get("a", 0).is_none());
        view.make::<()>("a", 0, || {
            inner += 1;
            Ok(Some(b"inner".to_vec()))
        })?;
        Ok(Some(b"outer".to_vec()))
    });

    assert_eq!((outer, inner, kept(&view, "a")), (Ok(()), 1, Some(b"outer".to_vec())));
    view.clear();
    assert_eq!((kept(&view, "a"), view.figures().bytes), (None, 0));
}
