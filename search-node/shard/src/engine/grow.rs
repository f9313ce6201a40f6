//! Growing: a newer mapping takes effect, and if it has new fields, the schema gets them.

use std::sync::Arc;

use super::layout::Layout;
use super::{Engine, EngineError, Writing};
use crate::mapping::Mapping;

impl Engine {
    /// Reads documents by `mapping` from now on. Writers wait only while the open segments are put aside, which still have
    /// the old schema and are finished under it.
    pub(crate) fn set_mapping(&self, mapping: Arc<Mapping>, now_millis: i64) -> Result<(), EngineError> {
        let mut segments = self.segments.lock();
        self.translog.check()?;
        let current = self.layout();
        if *current.mapping == *mapping {
            return Ok(());
        }
        let (sort, analysis) = (current.sort.clone(), Arc::clone(&current.analysis));
        let next = Layout::grow(current.slots(), mapping, sort, analysis);
        let next = Arc::new(next.packed(current.codec));
        // What is kept of filters was made under the mapping of before, which nobody asks by from now on.
        self.view().identities.values().for_each(|identities| identities.filters().clear());
        if next.slots().len() == current.slots().len() {
            let index = self.writing.load().index.clone();
            self.writing.store(Arc::new(Writing { layout: next, index }));
            self.show_list(&segments);
            return Ok(());
        }
        let index = segments.grow(&next)?;
        let taken = {
            let mut closed = self.writers.close();
            let taken = self.take_from(&mut closed);
            self.writing.store(Arc::new(Writing { layout: next, index }));
            taken
        };
        self.show(&mut segments, taken, now_millis)
    }
}
