//! Growing: a newer mapping takes effect, and if it has new fields, the schema gets them.

use std::sync::Arc;

use super::layout::Layout;
use super::open::set_schema;
use super::{Engine, EngineError, Manager};
use crate::mapping::Mapping;

impl Engine {
    /// Reads documents by `mapping` from now on. Writers wait while the schema changes.
    pub(crate) fn set_mapping(&self, mapping: Arc<Mapping>, now_millis: i64) -> Result<(), EngineError> {
        let mut manager = self.manager.lock();
        let current = self.layout();
        if *current.mapping == *mapping {
            return Ok(());
        }
        let next = Arc::new(Layout::grow(current.slots(), mapping));
        if next.slots().len() == current.slots().len() {
            self.layout.store(next);
            return self.publish(&manager);
        }
        // Whatever is open belongs to the old schema and is finished under it, with nobody writing meanwhile.
        let _closed = self.gate.write();
        let taken = self.take_behind_gate(None);
        self.show(&mut manager, taken, now_millis)?;
        self.switch(&mut manager, next)
    }

    fn switch(&self, manager: &mut Manager, next: Arc<Layout>) -> Result<(), EngineError> {
        set_schema(&self.directory, &next)?;
        // The old writer ends its merges when it is dropped; should one still try to save its list of segments,
        // the directory refuses it, because it knows only the old schema.
        let opened = Manager::open(&self.directory, &next, false)?;
        *manager = opened;
        self.layout.store(next);
        self.publish(manager)
    }
}
