//! Looking at the dashboard in real headless Chromium, with the web app's own script.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the script said, or why it could not run.
pub(crate) enum Looked {
    Passed(String),
    Failed(String),
    Skipped(String),
}

/// Runs the checks of `dashboard/web/tests/browser` against a running dashboard, with a text that must be on the page.
pub(crate) fn look(url: &str, find: &str, source: &str) -> Looked {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("dashboard").join("web");
    if chromium().is_none() {
        return Looked::Skipped("Chromium is not installed".to_owned());
    }
    if !web.join("node_modules/playwright-core").exists() {
        return Looked::Skipped(
            "the web app's packages are not installed; run `npm ci` in dashboard/web".to_owned(),
        );
    }
    let output = Command::new("node")
        .args(["tests/browser/run.mjs", url, "--find", find, "--source", source])
        .current_dir(&web)
        .output();
    match output {
        Err(error) => Looked::Skipped(format!("Node.js cannot be started: {error}")),
        Ok(output) => {
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            if output.status.success() { Looked::Passed(said) } else { Looked::Failed(said) }
        }
    }
}

fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .map(|name| Path::new("/usr/bin").join(name))
        .find(|path| path.exists())
}
