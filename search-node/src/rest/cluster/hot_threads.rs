//! `_nodes/hot_threads`: which threads of the nodes work, as text for people.

use std::fmt::Write;
use std::time::Duration;

use cluster::state::NodeId;
use futures::FutureExt;
use http::Method;

use super::node_json::roles_of;
use crate::action::cluster::{HotThreads, HotThreadsWish, View, chosen_nodes, hot_threads};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};
use crate::time_span::read_span;

const PARAMS: &[&str] =
    &["doc_type", "ignore_idle_threads", "interval", "snapshots", "threads", "timeout", "type"];
const GET: &[Method] = &[Method::GET];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_nodes/hot_threads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_nodes/hotthreads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_nodes/{id}/hot_threads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_nodes/{id}/hotthreads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_cluster/nodes/hot_threads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_cluster/nodes/hotthreads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_cluster/nodes/{id}/hot_threads", PARAMS, |call| answer(call).boxed()),
    route(GET, "/_cluster/nodes/{id}/hotthreads", PARAMS, |call| answer(call).boxed()),
];

/// As in Elasticsearch.
const INTERVAL: Duration = Duration::from_millis(500);
const THREADS: u64 = 3;
/// Whoever looks for longer keeps a connection busy and learns no more.
const INTERVAL_MAX: Duration = Duration::from_secs(60);

fn wish_of(call: &Call) -> Result<HotThreadsWish, ApiError> {
    match call.param("type") {
        None | Some("cpu" | "wait" | "block") => {}
        Some(other) => return Err(ApiError::argument(format!("type not supported [{other}]"))),
    }
    // Stacks are not looked at, so that there is nothing to count.
    call.number("snapshots")?;
    let interval = match call.param("interval") {
        Some(text) => read_span("interval", text)?.unwrap_or(INTERVAL),
        None => INTERVAL,
    };
    if interval > INTERVAL_MAX {
        return Err(ApiError::argument(format!(
            "interval [{interval:?}] is longer than [{INTERVAL_MAX:?}]; look again instead"
        )));
    }
    let threads = call.number("threads")?.unwrap_or(THREADS);
    Ok(HotThreadsWish {
        interval,
        threads: usize::try_from(threads).unwrap_or(usize::MAX),
        ignores_idle: call.maybe_flag("ignore_idle_threads")?.unwrap_or(true),
    })
}

async fn answer(call: Call) -> Result<Reply, ApiError> {
    let wish = wish_of(&call)?;
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let mut text = String::new();
    for (node, seen) in hot_threads(&call.node, &view, chosen, wish).await {
        let _infallible = writeln!(text, "::: {}", named(&view, node));
        match seen {
            Ok(seen) => show(&seen, wish, &mut text),
            Err(reason) => {
                let _infallible = writeln!(text, "   could not be looked at: {reason}\n");
            }
        }
    }
    Ok(Reply::Text(200, text, "text/plain; charset=UTF-8"))
}

fn named(view: &View, node: NodeId) -> String {
    let Some(entry) = view.node(node) else { return format!("{{{node}}}") };
    let roles: String = roles_of(entry).iter().filter_map(|role| role.chars().next()).collect();
    format!("{{{}}}{{{}}}{{{node}}}{{{}}}{{{roles}}}", entry.name, entry.data_id, entry.transport_address)
}

fn show(seen: &HotThreads, wish: HotThreadsWish, text: &mut String) {
    let at = shard::mapping::dates::show(seen.at_millis);
    let (interval, threads, idle) = (wish.interval.as_millis(), wish.threads, wish.ignores_idle);
    let _infallible = writeln!(
        text,
        "   Hot threads at {at}, interval={interval}ms, busiestThreads={threads}, ignoreIdleThreads={idle}:\n"
    );
    for thread in &seen.threads {
        let (used, looked) = (thread.used.as_secs_f64() * 1000.0, seen.looked.as_secs_f64() * 1000.0);
        let share = if looked > 0.0 { used * 100.0 / looked } else { 0.0 };
        let _infallible = writeln!(
            text,
            "   {share:.1}% ({used:.1}ms out of {looked:.0}ms) cpu usage by thread '{}' [{}, state {}]",
            thread.name, thread.id, thread.state
        );
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::cluster::HotThread;

    #[test]
    fn threads_are_told_with_their_shares() {
        let thread = HotThread {
            id: 7,
            name: "merge-0".to_owned(),
            used: Duration::from_millis(250),
            state: "R".to_owned(),
        };
        let seen = HotThreads { at_millis: 0, looked: Duration::from_millis(500), threads: vec![thread] };
        let wish = HotThreadsWish { interval: INTERVAL, threads: 3, ignores_idle: true };
        let mut text = String::new();

        show(&seen, wish, &mut text);

        assert_eq!(
            text,
            "   Hot threads at 1970-01-01T00:00:00.000Z, interval=500ms, busiestThreads=3, ignoreIdleThreads=true:\n\n   50.0% (250.0ms out of 500ms) cpu usage by thread 'merge-0' [7, state R]\n\n"
        );
    }
}
