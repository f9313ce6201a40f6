//! The heap: what the process holds, as the system and as the allocator see it.

/// What an allocator tells of itself.
///
/// The program chooses its allocator, and this library does not know which: tests and fuzzers run on another one.
pub trait Heap: std::fmt::Debug + Send + Sync {
    /// Bytes that are in use now; none if the allocator does not count them. Blocks count as a whole, also the pages of them
    /// that nobody has touched yet.
    fn allocated(&self) -> Option<u64>;

    /// Gives the pages that nobody uses back to the system.
    fn give_back(&self);
}

/// An allocator that tells nothing.
#[derive(Debug)]
pub struct SilentHeap;

impl Heap for SilentHeap {
    fn allocated(&self) -> Option<u64> {
        None
    }

    fn give_back(&self) {}
}

/// What the process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// The pages that are the process's own, as the system counts them. Pages of mapped files are not among them: the system
    /// takes those back as it likes.
    pub resident: u64,
    /// What the allocator has given out.
    pub allocated: Option<u64>,
}

impl Usage {
    pub(super) fn of(heap: &dyn Heap) -> Self {
        Self { resident: resident_bytes(), allocated: heap.allocated() }
    }

    /// What is in use for certain: resident pages may be free already, and blocks need not be resident as a whole.
    pub(super) fn held(self) -> u64 {
        self.allocated.map_or(self.resident, |allocated| allocated.min(self.resident))
    }

    /// Whether free pages shall go back to the system now rather than when the allocator thinks of it. Giving them back costs
    /// a page fault each when they are needed again, so that it is done only near the limit, and only where it gains something.
    pub(super) fn is_worth_giving_back(self, limit: u64) -> bool {
        self.resident > limit / 8 * 7 && self.resident - self.held() > limit / 16
    }
}

fn resident_bytes() -> u64 {
    let text = fs_err::read_to_string("/proc/self/statm").unwrap_or_default();
    own_pages(&text).unwrap_or(0) * rustix::param::page_size() as u64
}

/// Of the pages that are resident those which are of no file, in the words of `/proc/self/statm`: it is read often, and costs a
/// tenth of `status`.
fn own_pages(statm: &str) -> Option<u64> {
    let mut pages = statm.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, of_files) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(of_files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_files_are_not_the_processs_own() {
        assert_eq!(own_pages("49000 1530 1010 3000 0 20000 0\n"), Some(520));
        for damaged in ["", "49000", "49000 1530", "a b c"] {
            assert_eq!(own_pages(damaged), None, "{damaged:?}");
        }
        assert!(resident_bytes() > 0);
    }

    #[test]
    fn what_is_freed_or_untouched_is_not_held() {
        for (resident, allocated, held) in [(100, None, 100), (100, Some(60), 60), (100, Some(160), 100)] {
            assert_eq!(Usage { resident, allocated }.held(), held, "{resident} {allocated:?}");
        }
    }

    #[test]
    fn free_pages_are_given_back_near_the_limit_where_there_are_some() {
        for (resident, allocated, expected) in [
            (1500, Some(900), true),
            (1300, Some(900), false),
            (1500, Some(1450), false),
            (1500, None, false),
        ] {
            let usage = Usage { resident, allocated };
            assert_eq!(usage.is_worth_giving_back(1600), expected, "{usage:?}");
        }
    }

    #[test]
    fn the_system_tells_what_the_process_holds() {
        let before = resident_bytes();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);

        assert!(resident_bytes() >= before + (32 << 20), "{before} {}", resident_bytes());
        drop(block);
    }
}
