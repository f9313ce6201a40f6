//! A dictionary from a folder: as the library built it, or built of its sources once and kept.
//!
//! What is built lies in a folder below `path.data` whose name tells what it was made of, so that other sources make another one.

use std::hash::Hasher;
use std::path::{Path, PathBuf};

use fs_err as fs;
use lindera_dictionary::builder::DictionaryBuilder;
use lindera_dictionary::dictionary::metadata::Metadata;
use lindera_dictionary::dictionary::schema::Schema;
use siphasher::sip::SipHasher13;

use super::Language;

/// The folder below `path.data`.
const FOLDER: &str = "dictionaries";
/// What is behind the name of a folder while it is written.
const UNFINISHED: &str = ".unfinished";
/// A file that every dictionary of the library has, and no sources.
const BUILT: &str = "dict.trie";
/// Files without which sources are none.
const NEEDED: [&str; 3] = ["matrix.def", "char.def", "unk.def"];
/// The fields of a word before what is said of it.
const COLUMNS: [&str; 4] = ["surface", "left_context_id", "right_context_id", "cost"];

/// The folder of what the library built: the one that was given, or one below `path.data`.
pub(super) fn built(folder: &Path, data: &Path, language: Language) -> Result<PathBuf, String> {
    if !folder.is_dir() {
        return Err("there is no such folder".to_owned());
    }
    if folder.join(BUILT).is_file() {
        return Ok(folder.to_owned());
    }
    let files = sources(folder).map_err(|error| error.to_string())?;
    if let Some(missing) = NEEDED.iter().find(|name| !folder.join(name).is_file()) {
        return Err(format!(
            "it has neither {BUILT} of a dictionary that lindera built nor {missing} of the sources of one"
        ));
    }
    if !files.iter().any(|file| file.extension().is_some_and(|extension| extension == "csv")) {
        return Err("it has no words: no file ends in .csv".to_owned());
    }
    let all = data.join(FOLDER);
    let made = all.join(name_of(&files, language).map_err(|error| error.to_string())?);
    if !made.join(BUILT).is_file() {
        build(folder, &made, language)?;
    }
    remove_others(&all, &made, language).map_err(|error| error.to_string())?;
    Ok(made)
}

/// The files that a dictionary is made of, in order.
fn sources(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv" || extension == "def") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A name for what is made of these files: other bytes make another one, and so does another library.
fn name_of(files: &[PathBuf], language: Language) -> std::io::Result<String> {
    let mut hasher = SipHasher13::new();
    hasher.write(lindera_dictionary::get_version().as_bytes());
    for file in files {
        hasher.write(file.file_name().unwrap_or_default().as_encoded_bytes());
        let bytes = fs::read(file)?;
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(format!("{}-{:016x}", language.code(), hasher.finish()))
}

fn build(folder: &Path, made: &Path, language: Language) -> Result<(), String> {
    let unfinished = made.with_extension(UNFINISHED.trim_start_matches('.'));
    let fault = |error: &dyn std::fmt::Display| format!("it could not be built from its sources: {error}");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|error| fault(&error))?;
    }
    fs::create_dir_all(&unfinished).map_err(|error| fault(&error))?;
    let metadata = metadata(folder, language).map_err(|error| fault(&error))?;
    DictionaryBuilder::new(metadata).build_dictionary(folder, &unfinished).map_err(|error| fault(&error))?;
    let keep = || {
        for entry in fs::read_dir(&unfinished)? {
            fs::File::open(entry?.path())?.sync_all()?;
        }
        fs::rename(&unfinished, made)?;
        fs::File::open(made.parent().unwrap_or(made))?.sync_all()
    };
    keep().map_err(|error| fault(&error))
}

/// Dictionaries of the language that were made of other sources, and those that were not finished.
fn remove_others(all: &Path, made: &Path, language: Language) -> std::io::Result<()> {
    let prefix = format!("{}-", language.code());
    for entry in fs::read_dir(all)? {
        let path = entry?.path();
        let is_ours =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&prefix));
        if is_ours && path != made {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn metadata(folder: &Path, language: Language) -> std::io::Result<Metadata> {
    // Words that nobody knows have names in the language, so their bytes tell the encoding.
    let is_utf8 = std::str::from_utf8(&fs::read(folder.join("unk.def"))?).is_ok();
    let fields: &[&str] = match language {
        Language::Japanese => &[
            "part_of_speech",
            "part_of_speech_subcategory_1",
            "part_of_speech_subcategory_2",
            "part_of_speech_subcategory_3",
            "conjugation_type",
            "conjugation_form",
            "base_form",
            "reading",
            "pronunciation",
        ],
        Language::Korean => &[
            "part_of_speech_tag",
            "meaning",
            "presence_absence",
            "reading",
            "type",
            "first_part_of_speech",
            "last_part_of_speech",
            "expression",
        ],
    };
    let schema = COLUMNS.iter().chain(fields).map(|field| (*field).to_owned()).collect();
    let user_schema = ["surface", "part_of_speech", "reading"].map(str::to_owned).to_vec();
    Ok(Metadata::new(
        language.code().to_owned(),
        if is_utf8 { "UTF-8" } else { "EUC-JP" }.to_owned(),
        0,
        0,
        0,
        "*".to_owned(),
        true,
        false,
        language == Language::Japanese,
        Schema::new(schema),
        Schema::new(user_schema),
    ))
}
