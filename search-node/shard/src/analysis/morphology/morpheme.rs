//! What a dictionary says of a word.

use std::borrow::Cow;
use std::sync::Arc;

/// A word of a dictionary, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Morpheme {
    /// The parts of the tag that say something, as `名詞-固有名詞-地域`; for Korean the tag of the first part, as `NNG`.
    pub(crate) part_of_speech: Arc<str>,
    /// The form that a dictionary for people lists, where that is another one.
    pub(crate) base_form: Option<Cow<'static, str>>,
    /// How it is read; none where nobody knows.
    pub(crate) reading: Option<Cow<'static, str>>,
}
