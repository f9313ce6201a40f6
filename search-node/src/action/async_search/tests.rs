//! What is kept of asynchronous searches, for how long, and how much of it.

use daemon::clock::Clock;

use super::*;
use crate::tasks::{Registered, TaskKind, Tasks};

const SETTINGS: AsyncSearchSettings =
    AsyncSearchSettings { response_bytes_max: 100, responses_bytes_max: 100, kept_max: 2 };
const MINUTE: Duration = Duration::from_secs(60);

fn begun(searches: &AsyncSearches) -> Result<(Arc<AsyncSearch>, Registered), ApiError> {
    let tasks = Arc::new(Tasks::new(Clock::fixed(0), 1));
    let registered = tasks.register(TaskKind::AsyncSearch, String::new(), None, Vec::new());
    let search = searches.begin(AsyncSearchId::new("n"), &registered.task, (1_000, MINUTE), 3)?;
    Ok((search, registered))
}

fn answer(hits: usize) -> Value {
    json!({"_shards": {"failed": 0}, "hits": vec![1; hits]})
}

fn written(hits: usize) -> Result<Written, ApiError> {
    Ok(Written::new(&answer(hits)))
}

fn show(search: &AsyncSearch, with_id: bool) -> (u16, Value) {
    let shown = search.show(with_id);
    (shown.status, serde_json::from_slice(&shown.pieces().concat()).expect("JSON"))
}

#[test]
fn an_answer_is_kept_until_its_time_is_up_or_somebody_deletes_it() {
    let searches = AsyncSearches::new(SETTINGS);
    let (search, task) = begun(&searches).expect("begun");
    let (status, shown) = show(&search, true);
    assert_eq!((status, &shown["is_running"], &shown["is_partial"]), (200, &json!(true), &json!(true)));
    assert_eq!(shown["response"]["_shards"]["total"], json!(3));

    searches.keep(&search, 100);
    searches.finish(&search, written(2), 2_000, 100);

    let (_, shown) = show(&search, true);
    assert_eq!((&shown["is_running"], &shown["response"]), (&json!(false), &answer(2)));
    assert_eq!(search.show_status()["completion_status"], json!(200));
    assert!(searches.find(&search.id, 60_999).is_some() && searches.find(&search.id, 61_000).is_none());
    search.keep_alive(31_000, MINUTE);
    search.keep_alive(31_000, Duration::from_secs(1));
    assert!(searches.find(&search.id, 90_999).is_some(), "it is kept for longer, and never for less");

    searches.remove(&search, "deleted");
    assert!(searches.find(&search.id, 2_000).is_none() && task.task.cancel.is_cancelled());
    assert_eq!(searches.inner.lock().bytes, 0);
}

#[test]
fn what_is_too_large_is_kept_as_an_error() {
    let searches = AsyncSearches::new(SETTINGS);
    let [(one, _), (other, _)] = [(); 2].map(|()| begun(&searches).expect("begun"));
    assert_eq!(begun(&searches).err().map(|error| error.status), Some(429));
    for search in [&one, &other] {
        searches.finish(search, written(20), 2_000, 100);
        searches.keep(search, 100);
    }
    assert_eq!(show(&one, true).0, 200);
    let (status, shown) = show(&other, true);
    assert_eq!(
        (status, &shown["error"]["type"]),
        (429, &json!("circuit_breaking_exception")),
        "both are too much"
    );

    searches.remove(&one, "deleted");
    let (third, _) = begun(&searches).expect("there is room again");
    searches.keep(&third, 100);
    searches.finish(&third, written(100), 2_000, 100);
    let (status, shown) = show(&third, true);
    assert!(
        status == 400 && shown["error"]["reason"].to_string().contains("larger than [100] bytes"),
        "{shown}"
    );
}

#[test]
fn a_failed_search_says_so() {
    let searches = AsyncSearches::new(SETTINGS);
    let (search, _) = begun(&searches).expect("begun");
    searches.finish(&search, Err(ApiError::no_index("i")), 2_000, 100);
    let (status, shown) = show(&search, false);
    assert_eq!((status, &shown["is_partial"], shown.get("id")), (404, &json!(true), None));
    assert_eq!(shown["error"]["type"], json!("index_not_found_exception"));
    assert_eq!(search.show_status()["completion_status"], json!(404));
}

/// It used to be written again and again, the first time while all others waited for the lock.
#[test]
fn an_answer_is_shown_as_it_was_written() {
    let searches = AsyncSearches::new(AsyncSearchSettings { response_bytes_max: 1_000, ..SETTINGS });
    let (search, _task) = begun(&searches).expect("begun");
    let answer = written(3).expect("written");
    let text = answer.text.clone();
    searches.finish(&search, Ok(answer), 2_000, 1_000);
    searches.keep(&search, 1_000);
    searches.keep(&search, 1_000);
    assert_eq!(searches.inner.lock().bytes, text.len() as u64, "it is counted once");
    for _ in 0..2 {
        let [_, response, _] = search.show(true).pieces();
        assert_eq!(response.as_ptr(), text.as_ptr(), "the same bytes");
    }
    searches.remove(&search, "deleted");
    assert_eq!(searches.inner.lock().bytes, 0);
}

/// One whose client waited for longer than its time used to be gone when it was told the id.
#[test]
fn the_time_of_a_search_begins_when_its_client_is_told_the_id() {
    let searches = AsyncSearches::new(SETTINGS);
    let (search, _task) = begun(&searches).expect("begun");
    assert_eq!(search.expires_millis(), 61_000);

    search.told(60_000, Duration::from_secs(1));

    assert_eq!(show(&search, true).1["expiration_time_in_millis"], json!(61_000));
    search.told(90_000, Duration::from_secs(1));
    assert!(searches.find(&search.id, 90_999).is_some() && searches.find(&search.id, 91_000).is_none());
}

#[test]
fn shards_that_have_answered_are_told_of_while_the_others_search() {
    let searches = AsyncSearches::new(SETTINGS);
    let (search, registered) = begun(&searches).expect("begun");

    registered.task.answered.tell(Answered {
        shards: 2,
        skipped: 1,
        nodes: 1,
        total: 40,
        aggs: Some(Bytes::from_static(b"{\"m\":{\"value\":1.0}}")),
    });

    let (_, shown) = show(&search, true);
    assert_eq!((&shown["is_partial"], &shown["is_running"]), (&json!(true), &json!(true)));
    let response = &shown["response"];
    assert_eq!(response["_shards"], json!({"total": 3, "successful": 2, "skipped": 1, "failed": 0}));
    assert_eq!(response["hits"]["total"], json!({"value": 40, "relation": "gte"}));
    assert_eq!(response["aggregations"], json!({"m": {"value": 1.0}}));
    assert_eq!(response["hits"]["hits"], json!([]));
    assert_eq!(search.show_status()["_shards"], response["_shards"]);

    searches.finish(&search, Err(ApiError::task_cancelled("by user request")), 2_000, 100);
    let (status, shown) = show(&search, true);
    assert_eq!((status, &shown["response"]["aggregations"]["m"]["value"]), (400, &json!(1.0)), "{shown}");
}

#[tokio::test]
async fn whoever_waits_is_told() {
    let searches = Arc::new(AsyncSearches::new(SETTINGS));
    let (search, _) = begun(&searches).expect("begun");
    let (kept, finishing) = (Arc::clone(&searches), Arc::clone(&search));
    let (over, _) = tokio::join!(search.over(), async move {
        kept.finish(&finishing, written(1), 2_000, 100);
    });
    assert_eq!(over, ());
    searches.remove(&search, "deleted");
    search.gone().await;
}
