//! Held: what the values of a run take of memory, asked for before they take it. A script can double a text or a list with each round of a loop.

use serde_json::Value;

use super::{Host, Limits};

/// So much nobody is asked for.
const FREE_BYTES: usize = 4 << 10;
/// How much is asked for at once, at least.
const STEP_BYTES: usize = 64 << 10;

/// How deep lists and maps may be nested: somewhat more than a document of JSON may have, which they are copied from and written as.
const DEPTH_MAX: usize = 200;

/// What a member of a map takes beside its name and its value: its place, and its place by its name.
const MEMBER_BYTES: usize = 80;

/// What the variables of a run hold beside what was there before it.
#[derive(Debug)]
pub(super) struct Held {
    /// Below nothing where a script removes what was there before.
    bytes: isize,
    /// What of it the host has agreed to.
    lent: usize,
    most: usize,
}

impl Held {
    pub(super) fn new(limits: Limits) -> Self {
        Self { bytes: 0, lent: FREE_BYTES, most: limits.bytes }
    }

    /// Asks for so many bytes beside those that are held.
    #[inline]
    pub(super) fn ask(&mut self, more: usize, host: &mut dyn Host) -> Result<(), String> {
        let wanted = usize::try_from(self.bytes).unwrap_or(0).saturating_add(more);
        if wanted <= self.lent { Ok(()) } else { self.borrow(wanted, host) }
    }

    /// Holds so many more, which were asked for.
    #[inline]
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add_unsigned(bytes);
    }

    #[inline]
    pub(super) fn remove(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub_unsigned(bytes);
    }

    #[cold]
    fn borrow(&mut self, wanted: usize, host: &mut dyn Host) -> Result<(), String> {
        let most = self.most;
        if wanted > most {
            return Err(format!(
                "The values of a script would take [{wanted}] bytes, and may take [{most}]. This maximum can be set by changing the [index.max_script_memory] index level setting."
            ));
        }
        let wanted = wanted.max(self.lent.saturating_add(STEP_BYTES).min(most));
        if !host.lend(wanted - self.lent) {
            return Err("there is no memory for its values".to_owned());
        }
        self.lent = wanted;
        Ok(())
    }

    /// The run is over.
    pub(super) fn give_back(&mut self, host: &mut dyn Host) {
        if self.lent > FREE_BYTES {
            host.take_back(self.lent - FREE_BYTES);
            self.lent = FREE_BYTES;
        }
    }
}

/// What a value takes, about.
pub fn weight(value: &Value) -> usize {
    measure(value).0
}

/// What a member of a map takes.
pub(super) fn member_weight(key: &str, value: &Value) -> usize {
    member_bytes(key) + weight(value)
}

/// The same without its value.
pub(super) fn member_bytes(key: &str) -> usize {
    MEMBER_BYTES + key.len()
}

/// What a value takes, if lists and maps are not nested deeper in it than anything could read or write.
pub(super) fn checked_weight(value: &Value) -> Result<usize, String> {
    match measure(value) {
        (bytes, 0..=DEPTH_MAX) => Ok(bytes),
        _ => Err(format!("the values of a script are nested deeper than [{DEPTH_MAX}] levels")),
    }
}

/// What a value takes, and how deep lists and maps are nested in it. Scripts make none that are much deeper than is checked.
fn measure(value: &Value) -> (usize, usize) {
    let within = |parts: &mut dyn Iterator<Item = (usize, usize)>| {
        let (bytes, depth) =
            parts.fold((0, 0), |(bytes, depth), (more, deep)| (bytes + more, depth.max(deep)));
        (size_of::<Value>() + bytes, depth + 1)
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => (size_of::<Value>(), 0),
        Value::String(text) => (size_of::<Value>() + text.len(), 0),
        Value::Array(items) => within(&mut items.iter().map(measure)),
        Value::Object(members) => within(&mut members.iter().map(|(key, value)| {
            let (bytes, depth) = measure(value);
            (MEMBER_BYTES + key.len() + bytes, depth)
        })),
    }
}
