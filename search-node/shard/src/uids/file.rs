//! The file of uids: letters first, then the table of hashes, then a trailer that tells where each part is.

use std::io::Write;
use std::ops::Range;

use siphasher::sip::SipHasher13;
use tantivy::DocId;

use super::corrupt;
use super::letters::{BLOCK_UIDS, LettersWriter};

const MAGIC: &[u8; 8] = b"WRUIDS01";
const TRAILER_BYTES: usize = 16 + 8 + 4 + 1 + 8;
/// A bucket has half of this to all of it on average.
const BUCKET_UIDS: u32 = 16;

/// Tells uids to a visitor, in the order of the documents; the same ones each time it is asked.
pub(super) type EachUid<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8]) -> tantivy::Result<()>) -> tantivy::Result<()>;

/// How uids are hashed in one segment. The key is the segment's own, so that nobody can choose ids that all meet in a bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashing {
    hasher: SipHasher13,
    bucket_bits: u32,
}

impl Hashing {
    fn new(key: &[u8; 16], bucket_bits: u32) -> Self {
        Self { hasher: SipHasher13::new_with_key(key), bucket_bits }
    }

    /// The bucket of a uid, and what tells it from others there.
    pub(super) fn place(&self, uid: &[u8]) -> (usize, u16) {
        let hash = self.hasher.hash(uid);
        (((hash >> 16) & ((1 << self.bucket_bits) - 1)) as usize, hash as u16)
    }

    fn buckets(&self) -> usize {
        1 << self.bucket_bits
    }
}

/// Where the parts of a file are.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) hashing: Hashing,
    pub(super) documents: u32,
    pub(super) letters: Range<usize>,
    /// Where each block of letters begins, 8 bytes each.
    pub(super) blocks: Range<usize>,
    /// How many entries come before each bucket, 4 bytes each, and one more for the end.
    pub(super) buckets: Range<usize>,
    /// 2 bytes of each entry's hash.
    pub(super) hashes: Range<usize>,
    /// The document of each entry.
    pub(super) entries: Range<usize>,
    /// The bytes of a document's number.
    pub(super) width: usize,
}

/// Writes the file for so many documents.
pub(super) fn write(out: &mut dyn Write, documents: u32, each: EachUid<'_>) -> tantivy::Result<()> {
    let key = uuid::Uuid::new_v4().into_bytes();
    let bucket_bits = documents.div_ceil(BUCKET_UIDS).next_power_of_two().trailing_zeros();
    let hashing = Hashing::new(&key, bucket_bits);
    let mut ends = vec![0u32; hashing.buckets() + 1];
    let mut letters = LettersWriter::new(out);
    each(&mut |uid| {
        ends[hashing.place(uid).0 + 1] += 1;
        Ok(letters.push(uid)?)
    })?;
    let (count, letters_bytes, blocks) = letters.finish();
    if count != documents {
        return Err(corrupt(&format!("{count} instead of {documents} are known")));
    }
    for bucket in 1..ends.len() {
        ends[bucket] += ends[bucket - 1];
    }
    write_all(out, blocks.iter().map(|block| block.to_le_bytes()))?;
    write_all(out, ends.iter().map(|end| end.to_le_bytes()))?;
    write_entries(out, documents, ends, hashing, each)?;
    out.write_all(&key)?;
    out.write_all(&letters_bytes.to_le_bytes())?;
    out.write_all(&documents.to_le_bytes())?;
    out.write_all(&[bucket_bits as u8])?;
    out.write_all(MAGIC)?;
    Ok(())
}

/// Puts each document into its bucket.
fn write_entries(
    out: &mut dyn Write,
    documents: u32,
    mut next: Vec<u32>,
    hashing: Hashing,
    each: EachUid<'_>,
) -> tantivy::Result<()> {
    let mut hashes = vec![0u16; documents as usize];
    let mut entries = vec![0u32; documents as usize];
    let mut document: DocId = 0;
    each(&mut |uid| {
        let (bucket, hash) = hashing.place(uid);
        let at = next[bucket] as usize;
        let (Some(slot), Some(entry)) = (hashes.get_mut(at), entries.get_mut(at)) else {
            return Err(corrupt("they are not the same when they are told again"));
        };
        (*slot, *entry) = (hash, document);
        next[bucket] += 1;
        document += 1;
        Ok(())
    })?;
    write_all(out, hashes.iter().map(|hash| hash.to_le_bytes()))?;
    let width = width(documents);
    entries.iter().try_for_each(|entry| out.write_all(&entry.to_le_bytes()[..width]))?;
    Ok(())
}

fn write_all<const N: usize>(
    out: &mut dyn Write,
    mut numbers: impl Iterator<Item = [u8; N]>,
) -> std::io::Result<()> {
    numbers.try_for_each(|number| out.write_all(&number))
}

/// As many bytes as the number of any of the documents takes.
fn width(documents: u32) -> usize {
    (u32::BITS - documents.saturating_sub(1).leading_zeros()).div_ceil(8).max(1) as usize
}

/// Reads the trailer.
pub(super) fn read(bytes: &[u8]) -> tantivy::Result<Parts> {
    let rest = bytes.strip_suffix(MAGIC).ok_or_else(|| corrupt("the file does not end as one of them"))?;
    parts(rest).ok_or_else(|| corrupt("the parts of the file do not fit its length"))
}

fn parts(bytes: &[u8]) -> Option<Parts> {
    let (body, trailer) = bytes.split_at_checked(bytes.len().checked_sub(TRAILER_BYTES - MAGIC.len())?)?;
    let (key, rest) = trailer.split_first_chunk::<16>()?;
    let (letters, rest) = rest.split_first_chunk::<8>()?;
    let (documents, rest) = rest.split_first_chunk::<4>()?;
    let bucket_bits = u32::from(*rest.first()?);
    let documents = u32::from_le_bytes(*documents);
    if bucket_bits > u32::BITS {
        return None;
    }
    let hashing = Hashing::new(key, bucket_bits);
    let mut end = 0usize;
    let mut part = |count: usize, width: usize| {
        let begin = end;
        end = end.checked_add(count.checked_mul(width)?)?;
        Some(begin..end)
    };
    let letters = part(usize::try_from(u64::from_le_bytes(*letters)).ok()?, 1)?;
    let blocks = part(documents.div_ceil(BLOCK_UIDS) as usize, 8)?;
    let buckets = part(hashing.buckets() + 1, 4)?;
    let hashes = part(documents as usize, 2)?;
    let width = width(documents);
    let entries = part(documents as usize, width)?;
    (end == body.len()).then_some(Parts {
        hashing,
        documents,
        letters,
        blocks,
        buckets,
        hashes,
        entries,
        width,
    })
}
