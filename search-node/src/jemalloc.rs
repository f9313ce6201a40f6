//! jemalloc: the allocator of the program, and what it tells the node of itself.

use search_node::Heap;
use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats};

/// A segment in memory begins with several zeroed megabytes of which a small one touches little. The C library soon takes such
/// blocks from its heaps, clears and keeps them; this one returns them to the system and gets zeroed pages anew.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// jemalloc as the node sees it.
#[derive(Debug)]
pub(crate) struct JemallocHeap;

impl Heap for JemallocHeap {
    fn allocated(&self) -> Option<u64> {
        // The figures stand still until the epoch goes on.
        epoch::advance().ok()?;
        stats::allocated::read().ok().map(|bytes| bytes as u64)
    }

    /// An arena whose free pages may live for no time gives them back at once; then they may live as long as before again.
    /// Another call says so in one word, but has no safe form.
    fn give_back(&self) {
        for arena in 0..arenas::narenas::read().unwrap_or(0) {
            let name = format!("arena.{arena}.dirty_decay_ms\0");
            // An arena that was never used has no such figure, and no free pages either.
            let Ok(before) = Access::<isize>::read(name.name()) else { continue };
            let set = |lifetime: isize| name.name().write(lifetime);
            // `update` would write the old value back: it has one place for both.
            if let Err(error) = set(0).and_then(|()| set(before)) {
                tracing::warn!(arena, %error, "free pages of this arena are given back at once from now on");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both look at the whole process, so that they are not done at the same time.
    #[test]
    fn the_heap_is_seen_as_it_is_and_gives_back_what_is_free() {
        what_is_allocated_and_freed_is_seen_at_once();
        free_pages_are_given_back_and_live_as_long_as_before();
    }

    fn what_is_allocated_and_freed_is_seen_at_once() {
        let before = JemallocHeap.allocated().expect("it counts");
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let during = JemallocHeap.allocated().expect("it counts");
        drop(block);
        let after = JemallocHeap.allocated().expect("it counts");

        assert!(during >= before + (64 << 20) && after < during - (48 << 20), "{before} {during} {after}");
    }

    fn free_pages_are_given_back_and_live_as_long_as_before() {
        let resident = || {
            epoch::advance().expect("goes on");
            stats::resident::read().expect("it counts")
        };
        let lifetime = || Access::<isize>::read(b"arena.0.dirty_decay_ms\0".name()).expect("arena 0 is used");
        let (expected, blocks) = (lifetime(), vec![vec![1_u8; 1 << 20]; 64]);
        drop(std::hint::black_box(blocks));
        let before = resident();

        JemallocHeap.give_back();

        let after = resident();
        assert!(after + (32 << 20) < before, "{before} {after}");
        assert_eq!(lifetime(), expected);
    }
}
