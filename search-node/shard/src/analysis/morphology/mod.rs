//! Words of Japanese and Korean, which are written without spaces or with endings joined to them: a dictionary tells where they are.
//!
//! ```text
//!  folder of a dictionary ──sources──▶ dictionary ─┐
//!  text ──window──▶ letters ──lattice──▶ cheapest way ──kuromoji, nori──▶ tokens with their morphemes
//! ```
//!
//! Each language has one dictionary for the whole process, which is read when the node starts and mapped into memory.
//! What reads dictionaries is in builds with the feature `japanese-korean` only; the tokens of others carry no morphemes.

#[cfg(feature = "japanese-korean")]
mod dictionary;
mod install;
#[cfg(feature = "japanese-korean")]
mod kuromoji;
mod language;
#[cfg(feature = "japanese-korean")]
mod lattice;
mod morpheme;
#[cfg(feature = "japanese-korean")]
mod nori;
#[cfg(feature = "japanese-korean")]
mod sources;
#[cfg(feature = "japanese-korean")]
mod user_words;
#[cfg(feature = "japanese-korean")]
mod window;

#[cfg(feature = "japanese-korean")]
pub(crate) use dictionary::Dictionary;
#[cfg(feature = "japanese-korean")]
pub(crate) use install::dictionary;
#[cfg(not(feature = "japanese-korean"))]
pub(crate) use install::not_built;
pub use install::{DictionaryError, install_dictionary};
#[cfg(feature = "japanese-korean")]
pub(crate) use kuromoji::{Kuromoji, Mode};
pub use language::Language;
pub(crate) use morpheme::Morpheme;
#[cfg(feature = "japanese-korean")]
pub(crate) use nori::{Decompound, Nori};
#[cfg(feature = "japanese-korean")]
pub(crate) use user_words::UserWords;
