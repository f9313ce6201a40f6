//! A dictionary as it is asked while a text is cut: words that letters begin with, costs, kinds of letters.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};

use fancy_regex::Regex;
use lindera_dictionary::LinderaResult;
use lindera_dictionary::dictionary::DetailFields;
use lindera_dictionary::dictionary::Dictionary as Stored;

use super::{Language, Morpheme};

/// Where a word is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The beginning or the end of a text.
    Edge,
    Known,
    Unknown,
    User,
}

/// A word as the ways through a text need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    pub(super) id: u32,
    pub(super) cost: i32,
    /// Its number towards what stands before it.
    pub(super) left: u16,
    /// Its number towards what follows.
    pub(super) right: u16,
}

impl Entry {
    pub(super) const EDGE: Self = Self { origin: Origin::Edge, id: 0, cost: 0, left: 0, right: 0 };

    pub(super) fn is_of_user(self) -> bool {
        self.origin == Origin::User
    }
}

/// What the library writes for each word: its number, its cost and its two sides.
const ENTRY_BYTES: usize = 10;
/// What IPADIC's word for the wide space costs.
const SPACE_COST: i32 = 1287;
const WIDE_SPACE: char = '\u{3000}';
/// The bits of a kind of letter that name its class.
const CLASS: u8 = 0x3f;
/// The bit of letters that are no letters of words.
const PUNCTUATION: u8 = 0x80;
/// Letters have kinds up to here; what lies beyond has that of no class.
const KINDS: usize = 0x1_0000;

/// A dictionary that is mapped into memory.
pub(crate) struct Dictionary {
    stored: Stored,
    /// The class of each letter and whether it is punctuation.
    kinds: Vec<u8>,
    default: u8,
    classes: Vec<Class>,
    /// The wide space as a word: IPADIC has it, but the library drops it while it builds.
    space: Option<Entry>,
    /// The tags of words by their numbers towards what stands before them.
    tags: Vec<OnceLock<Arc<str>>>,
}

/// A class of letters.
#[derive(Debug)]
pub(super) struct Class {
    /// Whether words of it are tried where the dictionary has words.
    pub(super) is_invoked: bool,
    /// Whether its letters go together in words that nobody knows.
    pub(super) is_grouped: bool,
    pub(super) is_kanji: bool,
    /// The words that nobody knows.
    pub(super) unknown: Vec<Entry>,
}

/// A place of `U+0000` to `U+FFFF` at which no word goes on.
static SIGNS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{P}\p{S}\p{Z}\p{Cc}\p{Cf}]$").ok());

fn is_sign(letter: char) -> bool {
    let mut buffer = [0; 4];
    SIGNS.as_ref().is_some_and(|signs| signs.is_match(letter.encode_utf8(&mut buffer)).unwrap_or_default())
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dictionary").field("name", &self.stored.metadata.name).finish_non_exhaustive()
    }
}

/// A number of a foreign file that points outside.
fn outside(what: &str) -> String {
    format!("the dictionary is damaged: {what} lies outside")
}

impl Dictionary {
    /// Reads what the library built.
    pub(super) fn open(folder: &Path, language: Language) -> Result<Self, String> {
        let stored = load(folder).map_err(|error| error.to_string())?;
        let matrix = &stored.connection_cost_matrix;
        let (rights, lefts) = (matrix.forward_size, matrix.backward_size);
        let fits = |entry: &Entry| u32::from(entry.left) < lefts && u32::from(entry.right) < rights;
        // What is read from here on is trusted, so it is looked at once.
        if !stored
            .prefix_dictionary
            .vals_data
            .as_chunks::<ENTRY_BYTES>()
            .0
            .iter()
            .map(entry)
            .all(|entry| fits(&entry))
        {
            return Err(outside("a number of a word"));
        }
        let definition = &stored.character_definition;
        let mut classes = Vec::new();
        for (id, name) in definition.category_names.iter().enumerate().take(usize::from(CLASS)) {
            let data = definition.category_definitions.get(id).ok_or_else(|| outside("a class"))?;
            let words = stored.unknown_dictionary.category_references.get(id).map_or(&[][..], Vec::as_slice);
            let unknown: Option<Vec<Entry>> = words
                .iter()
                .map(|id| {
                    let word = stored.unknown_dictionary.costs.get(*id as usize)?;
                    let side = |side: u32| u16::try_from(side).ok();
                    let entry = Entry {
                        origin: Origin::Unknown,
                        id: *id,
                        cost: i32::from(word.word_cost()),
                        left: side(word.left_id())?,
                        right: side(word.right_id())?,
                    };
                    fits(&entry).then_some(entry)
                })
                .collect();
            classes.push(Class {
                is_invoked: data.invoke,
                is_grouped: data.group,
                is_kanji: matches!(name.as_str(), "KANJI" | "KANJINUMERIC"),
                unknown: unknown.ok_or_else(|| outside("a word that nobody knows"))?,
            });
        }
        let class_of = |name: &str| definition.category_names.iter().position(|known| known == name);
        let default = class_of("DEFAULT").and_then(|class| u8::try_from(class).ok()).unwrap_or_default();
        if usize::from(default) >= classes.len() || classes[usize::from(default)].unknown.is_empty() {
            return Err("the dictionary has no class DEFAULT with words of it".to_owned());
        }
        let tags = (0..lefts).map(|_| OnceLock::new()).collect();
        let space = class_of("SPACE").and_then(|class| classes.get(class)?.unknown.first());
        let space =
            space.filter(|_| language == Language::Japanese).map(|word| Entry { cost: SPACE_COST, ..*word });
        let mut made = Self { stored, kinds: Vec::new(), default, classes, space, tags };
        made.kinds = (0..KINDS as u32)
            .map(|code| char::from_u32(code).map_or(default, |letter| made.kind_of(letter, language)))
            .collect();
        Ok(made)
    }

    /// The class of a letter by the definition, in which later lines count more, and whether it is punctuation.
    fn kind_of(&self, letter: char, language: Language) -> u8 {
        let definition = &self.stored.character_definition;
        let class = match letter {
            // Lucene takes the sign between words for a sign, and what is a digit and a sign for a sign.
            '\u{30fb}' => definition.category_id_by_name("SYMBOL"),
            '\u{3007}' if language == Language::Japanese => definition.category_id_by_name("SYMBOL"),
            _ => definition.lookup_categories(letter).last().copied(),
        };
        let class = class
            .and_then(|class| u8::try_from(class.0).ok())
            .filter(|class| usize::from(*class) < self.classes.len());
        class.unwrap_or(self.default) | if is_sign(letter) { PUNCTUATION } else { 0 }
    }

    #[inline]
    fn kind(&self, letter: char) -> u8 {
        // What lies beyond is two units to Lucene, which are letters of no class.
        self.kinds.get(letter as usize).copied().unwrap_or(self.default)
    }

    #[inline]
    pub(super) fn class(&self, letter: char) -> &Class {
        &self.classes[usize::from(self.kind(letter) & CLASS)]
    }

    /// Whether two letters are of one class, and both punctuation or neither.
    #[inline]
    pub(super) fn is_alike(&self, one: char, other: char) -> bool {
        self.kind(one) == self.kind(other)
    }

    #[inline]
    pub(super) fn is_punctuation(&self, letter: char) -> bool {
        self.kind(letter) & PUNCTUATION != 0
    }

    /// What it costs that a word stands behind another one, by the right side of that.
    #[inline]
    pub(super) fn connections(&self, left: u16) -> &[i16] {
        self.stored.connection_cost_matrix.row(u32::from(left))
    }

    /// Whether a word may have these sides.
    pub(super) fn has_sides(&self, left: u16, right: u16) -> bool {
        let matrix = &self.stored.connection_cost_matrix;
        u32::from(left) < matrix.backward_size && u32::from(right) < matrix.forward_size
    }

    /// The words that letters begin with, the short ones first, each with its length.
    #[inline]
    pub(super) fn beginning(&self, letters: &[char]) -> impl Iterator<Item = (usize, Entry)> {
        let found = self.stored.prefix_dictionary.common_prefix_search(letters);
        let space = self.space.filter(|_| letters.first() == Some(&WIDE_SPACE));
        let found = found.flat_map(|(bytes, length)| {
            bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(move |bytes| (length, entry(bytes)))
        });
        space.map(|space| (1, space)).into_iter().chain(found)
    }

    /// The fields of a word.
    pub(super) fn fields(&'static self, word: Entry) -> DetailFields<'static> {
        match word.origin {
            Origin::Unknown => self.stored.unknown_word_details_iter(word.id as usize),
            _ => self.stored.word_details_iter(word.id as usize),
        }
    }

    /// What is said of a word of Japanese, whose text is known.
    pub(super) fn japanese(&'static self, word: Entry, text: &str) -> Morpheme {
        let part_of_speech = self.tag(word, || {
            let parts: Vec<&str> = self.fields(word).take(4).filter(|part| *part != "*").collect();
            parts.join("-")
        });
        if word.origin == Origin::Unknown {
            return Morpheme { part_of_speech, base_form: None, reading: None };
        }
        let mut rest = self.fields(word).skip(6);
        let base_form =
            rest.next().map(str::trim).filter(|form| *form != "*" && *form != text).map(Cow::Borrowed);
        let reading = rest.next().filter(|reading| *reading != "*");
        let reading = reading.map_or_else(|| Cow::Owned(text.chars().map(katakana).collect()), Cow::Borrowed);
        Morpheme { part_of_speech, base_form, reading: Some(reading) }
    }

    /// The tag of a word of Korean, by its first part: endings and particles have one each.
    pub(super) fn korean_tag(&'static self, word: Entry) -> Arc<str> {
        self.tag(word, || {
            let mut fields = self.fields(word);
            let tag = fields.next().unwrap_or_default();
            let mut kinds = fields.skip(3);
            let (kind, first) = (kinds.next().unwrap_or("*"), kinds.next().unwrap_or("*"));
            let is_whole = kind == "*" || kind.eq_ignore_ascii_case("compound") || first == "*";
            korean_tag(if is_whole { tag } else { first }).to_owned()
        })
    }

    fn tag(&self, word: Entry, make: impl FnOnce() -> String) -> Arc<str> {
        let known = self.tags.get(usize::from(word.left));
        known.map_or_else(|| "".into(), |tag| Arc::clone(tag.get_or_init(|| make().into())))
    }
}

/// A tag as Lucene names it.
pub(super) fn korean_tag(tag: &str) -> &str {
    match tag.as_bytes().first() {
        Some(b'J') => "J",
        Some(b'E') => "E",
        _ => tag,
    }
}

/// Hiragana as Katakana.
fn katakana(letter: char) -> char {
    match letter {
        '\u{3041}'..='\u{3096}' => char::from_u32(u32::from(letter) + 0x60).unwrap_or(letter),
        other => other,
    }
}

fn load(folder: &Path) -> LinderaResult<Stored> {
    Stored::load_from_path(folder)
}

#[inline]
fn entry(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let [id @ .., _, _, _, _, _, _] = *bytes;
    let [_, _, _, _, c0, c1, l0, l1, r0, r1] = *bytes;
    Entry {
        origin: Origin::Known,
        id: u32::from_le_bytes(id),
        cost: i32::from(i16::from_le_bytes([c0, c1])),
        left: u16::from_le_bytes([l0, l1]),
        right: u16::from_le_bytes([r0, r1]),
    }
}
