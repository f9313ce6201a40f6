//! The dictionaries of the process: read when the node starts, used by every index.

use std::path::Path;

use super::Language;
#[cfg(feature = "japanese-korean")]
use super::{Dictionary, kuromoji::Kuromoji, nori::Nori, sources};
use crate::analysis::error::AnalysisError;
#[cfg(feature = "japanese-korean")]
use crate::analysis::error::Result;

/// Why a dictionary cannot be used, with what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("[{setting}] {reason}")]
pub struct DictionaryError {
    /// The setting that names its folder.
    pub setting: &'static str,
    /// What is wrong.
    pub reason: String,
}

#[cfg(feature = "japanese-korean")]
static JAPANESE: std::sync::OnceLock<Dictionary> = std::sync::OnceLock::new();
#[cfg(feature = "japanese-korean")]
static KOREAN: std::sync::OnceLock<Dictionary> = std::sync::OnceLock::new();

#[cfg(feature = "japanese-korean")]
fn place(language: Language) -> &'static std::sync::OnceLock<Dictionary> {
    match language {
        Language::Japanese => &JAPANESE,
        Language::Korean => &KOREAN,
    }
}

/// Reads the dictionary of a language, once for the process. What has to be built of its sources is kept below `data`.
#[cfg(feature = "japanese-korean")]
pub fn install_dictionary(
    language: Language,
    folder: &Path,
    data: &Path,
) -> std::result::Result<(), DictionaryError> {
    let fault = |reason: String| DictionaryError {
        setting: language.setting(),
        reason: format!(
            "is {}, which is no dictionary of {}: {reason}; give the folder of {}, or leave it out",
            folder.display(),
            language.name(),
            language.remedy()
        ),
    };
    if place(language).get().is_some() {
        return Ok(());
    }
    let built = sources::built(folder, data, language).map_err(fault)?;
    let dictionary = Dictionary::open(&built, language).map_err(fault)?;
    let fits = match language {
        Language::Japanese => Kuromoji::fits(&dictionary),
        Language::Korean => Nori::fits(&dictionary),
    };
    if !fits {
        return Err(fault("its words have other numbers".to_owned()));
    }
    // Where two nodes of one process are as fast as one another, the first one's stays.
    place(language).get_or_init(|| dictionary);
    Ok(())
}

/// Refuses it: this build reads no dictionaries.
#[cfg(not(feature = "japanese-korean"))]
pub fn install_dictionary(
    language: Language,
    folder: &Path,
    _data: &Path,
) -> std::result::Result<(), DictionaryError> {
    Err(DictionaryError {
        setting: language.setting(),
        reason: format!(
            "is {}, but this node was built without dictionaries; build it with --features japanese-korean, or leave the setting out",
            folder.display()
        ),
    })
}

/// The dictionary of a language, for a component of a kind and a name.
#[cfg(feature = "japanese-korean")]
pub(crate) fn dictionary(language: Language, kind: &str, name: &str) -> Result<&'static Dictionary> {
    place(language).get().ok_or_else(|| {
        AnalysisError::lacking_dictionary(format!(
            "[{kind}] of [{name}] needs a dictionary of {}, and this node has none: set [{}] in search-node.yml to the folder of {}",
            language.name(),
            language.setting(),
            language.remedy()
        ))
    })
}

/// What is said of a name that needs a dictionary where no build of this kind has one.
#[cfg(not(feature = "japanese-korean"))]
pub(crate) fn not_built(kind: &str, name: &str) -> AnalysisError {
    AnalysisError::lacking_dictionary(format!(
        "[{kind}] of [{name}] needs a dictionary, and this node was built without any; build it with --features japanese-korean"
    ))
}
