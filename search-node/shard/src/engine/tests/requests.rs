//! What was answered stays for as long as a shard shows the same.

use super::*;

fn answered(engine: &Arc<Engine>) -> bool {
    let view = engine.view();
    let is_kept = view.requests.get("a", 0).is_some();
    if !is_kept {
        view.requests.make::<()>("a", 0, || Ok(Some(vec![1]))).expect("made");
    }
    is_kept
}

#[test]
fn answers_go_with_what_changes_and_stay_with_what_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    fs_err::create_dir_all(folder.path()).expect("a folder");
    let engine =
        Engine::open(folder.path(), mapping(&[("n", "long")]), EngineOptions::default(), shared.clone())
            .expect("opens");
    put(&engine, "1", &json!({"n": 1}));
    assert!(!answered(&engine) && answered(&engine));

    for (what, is_kept) in [
        ("a write that nobody sees yet", true),
        ("refresh", false),
        ("a refresh of nothing", true),
        ("a flush of nothing new", true),
        ("delete", false),
        ("mapping", false),
        ("the same mapping", true),
        ("clear", false),
    ] {
        match what {
            "a write that nobody sees yet" => {
                put(&engine, "2", &json!({"n": 2}));
            }
            "refresh" | "a refresh of nothing" => drop(engine.refresh(NOW).expect("refreshed")),
            "a flush of nothing new" => drop(engine.flush(NOW).expect("flushed")),
            "delete" => {
                write(&engine, "2", None, Condition::None).expect("deleted");
                engine.refresh(NOW).expect("refreshed");
            }
            "clear" => engine.view().requests.clear(),
            _ => engine.set_mapping(mapping(&[("n", "long"), ("k", "keyword")]), NOW).expect("mapped"),
        }
        assert_eq!(answered(&engine), is_kept, "{what}");
    }
    let figures = engine.view().requests.figures();
    assert_eq!((figures.hits, figures.misses), (5, 5));
    drop(engine);
    assert!(shared.requests.is_empty(), "a closed shard keeps nothing");
}
