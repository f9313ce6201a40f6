//! A table of unique ids: their letters side by side, so that a hundred thousand of them are a few allocations.

use hashbrown::HashTable;

use super::versions::LiveVersion;

/// The newest operation on each id.
#[derive(Debug, Default)]
pub(super) struct UidTable {
    /// Places in `entries`, by hash.
    places: HashTable<usize>,
    entries: Vec<Entry>,
    letters: String,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    from: usize,
    length: usize,
    version: LiveVersion,
}

impl UidTable {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the table holds. It changes only when one of its parts grows.
    pub(super) fn bytes(&self) -> usize {
        // hashbrown keeps a byte beside each place.
        self.entries.capacity() * size_of::<Entry>()
            + self.places.capacity() * (size_of::<usize>() + 1)
            + self.letters.capacity()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn get(&self, hash: u64, uid: &str) -> Option<LiveVersion> {
        let place = *self.places.find(hash, |place| self.is_at(*place, hash, uid))?;
        Some(self.entries[place].version)
    }

    /// Notes an operation, unless a newer one is known. Whether it was noted.
    pub(super) fn record(&mut self, hash: u64, uid: &str, version: LiveVersion) -> bool {
        let found = self.places.find(hash, |place| self.is_at(*place, hash, uid)).copied();
        match found {
            Some(place) if self.entries[place].version.seq_no > version.seq_no => false,
            Some(place) => {
                self.entries[place].version = version;
                true
            }
            None => {
                self.insert(hash, uid, version);
                true
            }
        }
    }

    /// Takes over what another table holds, the newest of each.
    pub(super) fn extend(&mut self, other: &Self) {
        for entry in &other.entries {
            self.record(entry.hash, other.uid(entry), entry.version);
        }
    }

    fn insert(&mut self, hash: u64, uid: &str, version: LiveVersion) {
        let place = self.entries.len();
        self.entries.push(Entry { hash, from: self.letters.len(), length: uid.len(), version });
        self.letters.push_str(uid);
        let Self { places, entries, .. } = self;
        places.insert_unique(hash, place, |place| entries[*place].hash);
    }

    fn is_at(&self, place: usize, hash: u64, uid: &str) -> bool {
        let entry = &self.entries[place];
        entry.hash == hash && self.uid(entry) == uid
    }

    fn uid(&self, entry: &Entry) -> &str {
        &self.letters[entry.from..entry.from + entry.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(seq_no: u64) -> LiveVersion {
        LiveVersion { seq_no, term: 1, version: seq_no + 1, source: None }
    }

    /// Ids of equal hash are different ids, and none is a part of its neighbours.
    #[test]
    fn every_id_has_its_own_version_whatever_its_hash() {
        let mut table = UidTable::default();
        let ids: Vec<String> = (0..1_000).map(|number| format!("{number}")).collect();

        for (number, id) in ids.iter().enumerate() {
            assert!(table.record(number as u64 % 7, id, version(number as u64)));
        }

        for (number, id) in ids.iter().enumerate() {
            let found = table.get(number as u64 % 7, id).map(|found| found.seq_no);
            assert_eq!(found, Some(number as u64), "{id}");
        }
        assert_eq!(table.get(0, "1000"), None);
        assert_eq!(table.len(), 1_000);
    }

    #[test]
    fn the_newest_of_two_tables_counts() {
        let (mut one, mut other) = (UidTable::default(), UidTable::default());
        for (id, in_one, in_other) in [("a", 1, 5), ("b", 6, 2)] {
            one.record(0, id, version(in_one));
            other.record(0, id, version(in_other));
        }
        other.record(0, "c", version(3));

        one.extend(&other);

        let seq_nos = ["a", "b", "c"].map(|id| one.get(0, id).map(|found| found.seq_no));
        assert_eq!(seq_nos, [Some(5), Some(6), Some(3)]);
        assert!(!one.record(0, "a", version(4)), "an older one changes nothing");
    }
}
