//! Appending to a file of lines so that a failure leaves nothing behind: the whole text is there and synced, or none of it.
//!
//! Without that a full disk leaves half a line, and the repeat writes the lines before it a second time.

use std::io::{Result, Write};
use std::path::Path;

use fs_err as fs;

/// Appends `text` to the file at `path`, made if there is none, and syncs it. One writer at a time.
pub fn whole(path: &Path, text: &[u8]) -> Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    undone_on_error(&mut file, |file| {
        file.write_all(text)?;
        file.sync_data()
    })
}

fn undone_on_error(file: &mut fs::File, write: impl FnOnce(&mut fs::File) -> Result<()>) -> Result<()> {
    let before = file.metadata()?.len();
    write(file).inspect_err(|_| {
        // Giving space back needs none; should it fail all the same, the first error says more.
        let _as_it_was = file.set_len(before);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_append_leaves_the_file_as_it_was() {
        let path = std::env::temp_dir().join(format!("weir-append-{}.ndjson", std::process::id()));
        let _from_an_earlier_run = fs::remove_file(&path);
        whole(&path, b"one\n").expect("written");
        let mut file = fs::OpenOptions::new().append(true).open(&path).expect("opened");

        let failed = undone_on_error(&mut file, |file| {
            file.write_all(b"two\nthr")?;
            Err(std::io::ErrorKind::StorageFull.into())
        });
        whole(&path, b"two\nthree\n").expect("written");

        assert_eq!(failed.map_err(|error| error.kind()), Err(std::io::ErrorKind::StorageFull));
        assert_eq!(fs::read_to_string(&path).expect("read"), "one\ntwo\nthree\n");
        fs::remove_file(path).expect("removed");
    }
}
