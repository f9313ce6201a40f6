//! A segment: one file of the log, whose entries follow one another without a gap.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskFile};

use super::error::StoreError;
use super::mark::Mark;
use super::position::Position;
use super::record::{HEAD_BYTES, Record};

const MAGIC: &[u8; 8] = b"SNRLOG01";
/// Magic, version, first index, id, checksum.
const HEADER_BYTES: usize = 8 + 2 + 8 + 16 + 4;
const VERSION: u16 = 1;
/// Header and both marks, each in a block of its own.
const RECORDS_BEGIN: u64 = 1536;

/// An open segment.
pub(super) struct Segment {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    id: [u8; 16],
    first: u64,
    entries: Vec<Place>,
    end: u64,
    mark: Mark,
}

/// Where an entry stands in the file.
#[derive(Clone, Copy)]
struct Place {
    at: Position,
    offset: u64,
    bytes: usize,
}

/// The file of the segment that begins with this index.
pub(super) fn path_of(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("log-{first:020}.rlog"))
}

/// The first index that a file's name tells, if it is a segment's.
pub(super) fn first_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("log-")?.strip_suffix(".rlog")?.parse().ok()
}

impl Segment {
    /// Makes an empty segment, as a whole or not at all, in the place of one that begins with the same index.
    pub(super) fn create(disk: &dyn Disk, folder: &Path, first: u64) -> Result<Self, StoreError> {
        let path = path_of(folder, first);
        let id = uuid::Uuid::new_v4().into_bytes();
        let mark = Mark { turn: 0, end: RECORDS_BEGIN, is_sealed: false };
        let mut bytes = header(first, &id);
        bytes.resize(RECORDS_BEGIN as usize, 0);
        let encoded = mark.encode(&id);
        bytes[mark.offset() as usize..][..encoded.len()].copy_from_slice(&encoded);
        disk::replace(disk, &path, &bytes).map_err(StoreError::disk(&path))?;
        let file = disk.open(&path).map_err(StoreError::disk(&path))?;
        Ok(Self { path, file, id, first, entries: Vec::new(), end: RECORDS_BEGIN, mark })
    }

    /// Opens a segment: what was synced must verify, what lies beyond is kept as far as it does, and cut there.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<Self, StoreError> {
        let bytes = fs_err::read(path).map_err(StoreError::disk(path))?;
        let (first, id, mark) = read_head(path, &bytes)?;
        let (entries, end) = scan(&bytes, &id, first);
        if end < mark.end {
            let what = format!(
                "the record at byte {end} does not verify, though all before byte {} was synced",
                mark.end
            );
            return Err(StoreError::damaged(path, what));
        }
        let file = disk.open(path).map_err(StoreError::disk(path))?;
        let mut segment = Self { path: path.to_owned(), file, id, first, entries, end, mark };
        segment.settle(&bytes).map_err(StoreError::disk(path))?;
        Ok(segment)
    }

    /// Makes what was kept durable, and cuts off the rest. It is written again: after a sync that failed the system may
    /// show bytes that are not on the disk.
    fn settle(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.end < bytes.len() as u64 {
            self.file.set_length(self.end)?;
        }
        if self.end > self.mark.end {
            self.file.write_at(&bytes[self.mark.end as usize..self.end as usize], self.mark.end)?;
            self.file.sync()?;
        }
        self.file.write_at(&self.mark.encode(&self.id), self.mark.offset())?;
        self.file.sync()?;
        self.note(self.mark.is_sealed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The index that comes after its last entry.
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(super) fn last(&self) -> Option<Position> {
        self.entries.last().map(|place| place.at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.mark.is_sealed
    }

    /// How long its file is.
    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    /// Appends entries and syncs them; the mark that tells of it is durable with the next sync.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(records.iter().map(Record::bytes).sum());
        let mut places = Vec::with_capacity(records.len());
        for record in records {
            let offset = self.end + bytes.len() as u64;
            record.encode(&self.id, offset, &mut bytes);
            places.push(Place { at: record.at, offset, bytes: record.bytes() });
        }
        let end = self.end + bytes.len() as u64;
        let written = self.file.write_at(&bytes, self.end).and_then(|()| self.file.sync());
        written.map_err(StoreError::disk(&self.path))?;
        self.entries.extend(places);
        self.end = end;
        self.note(false).map_err(StoreError::disk(&self.path))
    }

    /// Notes that another segment follows, durably. The mark before must be on the disk by then, because the slot that
    /// is written holds the only other one.
    pub(super) fn seal(&mut self) -> Result<(), StoreError> {
        let noted = self.file.sync().and_then(|()| self.note(true)).and_then(|()| self.file.sync());
        noted.map_err(StoreError::disk(&self.path))
    }

    /// Makes the newest mark durable, which is otherwise done by the next append.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync().map_err(StoreError::disk(&self.path))
    }

    /// Begins to remove the entries from `index` on: they are no longer promised, and no other segment has to follow.
    /// Once all segments that hold any have said so, those that hold nothing else are removed, and [`Segment::cut`] is called.
    pub(super) fn give_up_from(&mut self, index: u64) -> Result<(), StoreError> {
        self.sync()?;
        self.mark = self.mark.next(self.offset_of(index).min(self.mark.end), false);
        let mark = self.mark.encode(&self.id);
        let written = self.file.write_at(&mark, self.mark.offset()).and_then(|()| self.file.sync());
        written.map_err(StoreError::disk(&self.path))
    }

    /// Removes the entries from `index` on.
    pub(super) fn cut(&mut self, index: u64) -> Result<(), StoreError> {
        let end = self.offset_of(index);
        let written = self.file.set_length(end).and_then(|()| self.file.sync());
        written.map_err(StoreError::disk(&self.path))?;
        self.entries.truncate(index.saturating_sub(self.first) as usize);
        self.end = end;
        Ok(())
    }

    /// Where the entry with this index begins, or would.
    fn offset_of(&self, index: u64) -> u64 {
        let place = self.entries.get(index.saturating_sub(self.first) as usize);
        place.map_or(self.end, |place| place.offset)
    }

    /// How many bytes the entry with this index has.
    pub(super) fn bytes_of(&self, index: u64) -> Option<usize> {
        self.entries.get(usize::try_from(index.checked_sub(self.first)?).ok()?).map(|place| place.bytes)
    }

    /// Reads the entry with this index.
    pub(super) fn read(&self, index: u64) -> Result<Option<Record>, StoreError> {
        let place = index.checked_sub(self.first).and_then(|at| self.entries.get(at as usize));
        let Some(place) = place else { return Ok(None) };
        let mut bytes = vec![0; place.bytes];
        self.file.read_at(&mut bytes, place.offset).map_err(StoreError::disk(&self.path))?;
        let record = Record::decode(&self.id, place.offset, &bytes).filter(|record| record.at == place.at);
        let what = || format!("entry {index} at byte {} no longer verifies", place.offset);
        record.map(Some).ok_or_else(|| StoreError::damaged(&self.path, what()))
    }

    /// Writes a mark of the present end.
    fn note(&mut self, is_sealed: bool) -> std::io::Result<()> {
        self.mark = self.mark.next(self.end, is_sealed);
        self.file.write_at(&self.mark.encode(&self.id), self.mark.offset())
    }
}

fn header(first: u64, id: &[u8; 16]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// First index, id and newest mark of a segment.
fn read_head(path: &Path, bytes: &[u8]) -> Result<(u64, [u8; 16], Mark), StoreError> {
    let head = bytes.get(..HEADER_BYTES).and_then(|head| {
        let first = u64::from_le_bytes(head[10..18].try_into().ok()?);
        let id: [u8; 16] = head[18..34].try_into().ok()?;
        (head == header(first, &id)).then_some((first, id))
    });
    let (first, id) = head.ok_or_else(|| {
        StoreError::damaged(path, format!("it does not begin with the header of a log of version {VERSION}"))
    })?;
    if first_of(path) != Some(first) {
        return Err(StoreError::damaged(path, format!("its header says that it begins with entry {first}")));
    }
    let mark = Mark::newest(&id, bytes).filter(|mark| mark.end >= RECORDS_BEGIN);
    let mark = mark.ok_or_else(|| StoreError::damaged(path, "neither of its marks verifies"))?;
    if mark.end > bytes.len() as u64 {
        let what = format!("it has {} bytes, of {} that were synced", bytes.len(), mark.end);
        return Err(StoreError::damaged(path, what));
    }
    Ok((first, id, mark))
}

/// The records that verify, one after the other, and where they end.
fn scan(bytes: &[u8], id: &[u8; 16], first: u64) -> (Vec<Place>, u64) {
    let (mut entries, mut offset) = (Vec::new(), RECORDS_BEGIN);
    while let Some(rest) = bytes.get(offset as usize..).filter(|rest| rest.len() >= HEAD_BYTES) {
        let expected = first.checked_add(entries.len() as u64);
        match Record::decode(id, offset, rest) {
            Some(record) if Some(record.at.index) == expected => {
                entries.push(Place { at: record.at, offset, bytes: record.bytes() });
                offset += record.bytes() as u64;
            }
            _ => break,
        }
    }
    (entries, offset)
}
