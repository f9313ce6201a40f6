//! How far a scroll has come in the shards of a node.

use parking_lot::Mutex;
use shard::SortValue;

use super::message::ScrollAsked;

/// A scroll as one node knows it.
pub(in crate::action::search) struct Scroll {
    pub asked: ScrollAsked,
    progress: Mutex<Progress>,
}

#[derive(Debug, Clone, Default)]
struct Progress {
    /// How many matches there are in all, and the highest score, once they were counted.
    found: Option<(u64, Option<f32>)>,
    /// The sort values of the last hit that was handed out.
    after: Option<Vec<SortValue>>,
}

impl Scroll {
    pub(super) fn new(asked: ScrollAsked) -> Self {
        Self { asked, progress: Mutex::default() }
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        let after = self.progress.lock().after.as_deref().map_or(0, bytes_of);
        self.asked.bytes() + after
    }

    /// Where the next hits begin.
    pub(crate) fn after(&self) -> Option<Vec<SortValue>> {
        self.progress.lock().after.clone()
    }

    /// Hits up to this one are handed out. Who asks for the same hits again gets those that follow.
    pub(crate) fn go_on_after(&self, last: &[SortValue]) {
        self.progress.lock().after = Some(last.to_vec());
    }

    /// What was counted with the first hits; that is counted once.
    pub(crate) fn counted(&self, total: u64, max_score: Option<f32>) -> (u64, Option<f32>) {
        *self.progress.lock().found.get_or_insert((total, max_score))
    }
}

fn bytes_of(values: &[SortValue]) -> u64 {
    let texts = values.iter().map(|value| match value {
        SortValue::Text(text) | SortValue::Version(text) => text.len(),
        _ => 0,
    });
    (size_of_val(values) + texts.sum::<usize>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_is_its_search_and_its_place() {
        let body = vec![b'x'; 1_000];
        let scroll = Scroll::new(ScrollAsked { body, doc_type: Some("t".to_owned()), now_millis: 0 });
        assert_eq!(scroll.bytes(), 1_001);

        scroll.go_on_after(&[SortValue::Text("y".repeat(500)), SortValue::Null]);

        let of_values = 2 * size_of::<SortValue>() as u64;
        assert_eq!(scroll.bytes(), 1_501 + of_values);
    }

    #[test]
    fn matches_are_counted_once_and_hits_go_on_behind_the_last() {
        let scroll = Scroll::new(ScrollAsked { body: Vec::new(), doc_type: None, now_millis: 0 });
        assert_eq!(scroll.after(), None);
        assert_eq!(scroll.counted(7, Some(1.5)), (7, Some(1.5)));

        scroll.go_on_after(&[SortValue::Integer(3)]);

        assert_eq!(scroll.counted(1, None), (7, Some(1.5)), "as with the first hits");
        assert_eq!(scroll.after(), Some(vec![SortValue::Integer(3)]));
    }
}
