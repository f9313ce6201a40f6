//! The languages whose words a dictionary tells.

/// A language with a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Words of IPADIC, as `kuromoji` takes them.
    Japanese,
    /// Words of mecab-ko-dic, as `nori` takes them.
    Korean,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Japanese, Self::Korean];

    /// The setting of the node that names the folder of its dictionary.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Japanese => "analysis.dictionaries.ja",
            Self::Korean => "analysis.dictionaries.ko",
        }
    }

    /// The language as its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Japanese => "ja",
            Self::Korean => "ko",
        }
    }

    #[cfg(feature = "japanese-korean")]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Japanese => "Japanese",
            Self::Korean => "Korean",
        }
    }

    /// Which dictionary fits, for messages.
    #[cfg(feature = "japanese-korean")]
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Japanese => "IPADIC, e.g. /usr/share/mecab/dic/ipadic of Debian's package mecab-ipadic",
            Self::Korean => "the sources of mecab-ko-dic",
        }
    }
}
