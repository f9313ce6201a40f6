//! Looking at the dashboard in real headless Chromium, with the web app's own script.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the script said, or why it could not run.
enum Looked {
    Passed(String),
    Failed(String),
    Skipped(String),
}

/// Runs the checks of `dashboard/web/tests/browser` with these options against a running dashboard. Panics with what is
/// wrong with the page; where there is no browser, too, if `REQUIRE_BROWSER=1` asks for one.
pub(crate) fn look(url: &str, options: &[&str]) {
    let is_required = std::env::var("REQUIRE_BROWSER").is_ok_and(|text| text == "1");
    match judge(run(url, options), is_required) {
        Ok(said) => println!("{said}"),
        Err(wrong) => panic!("{wrong}"),
    }
}

fn judge(looked: Looked, is_required: bool) -> Result<String, String> {
    match looked {
        Looked::Passed(said) => Ok(said),
        Looked::Failed(said) => Err(format!("the page is not as it should be:\n{said}")),
        Looked::Skipped(why) if is_required => {
            Err(format!("REQUIRE_BROWSER asks to look at the page: {why}"))
        }
        Looked::Skipped(why) => Ok(format!("SKIPPED: the page was not looked at: {why}")),
    }
}

fn run(url: &str, options: &[&str]) -> Looked {
    let web = checkout().join("dashboard/web");
    if !web.join("node_modules/playwright-core").exists() {
        return Looked::Skipped(
            "the web app's packages are not installed; run `npm ci` in dashboard/web".to_owned(),
        );
    }
    let chromium = match chromium(std::env::var("CHROMIUM").ok().as_deref()) {
        Ok(chromium) => chromium,
        Err(why) => return Looked::Skipped(why),
    };
    let output = Command::new("node")
        .args(["tests/browser/run.mjs", url])
        .args(options)
        .env("CHROMIUM", chromium)
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

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the checkout").to_owned()
}

/// What `scripts/chromium.sh` finds, as for everybody else.
fn chromium(named: Option<&str>) -> Result<String, String> {
    let mut script = Command::new(checkout().join("scripts/chromium.sh"));
    script.env("CHROMIUM", named.unwrap_or_default());
    let output = script.output().map_err(|error| error.to_string())?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match (output.status.success(), said(&output.stderr)) {
        (true, _) => Ok(said(&output.stdout)),
        (false, why) if !why.is_empty() => Err(why),
        (false, _) => Err("Chromium is not installed".to_owned()),
    }
}

#[test]
fn a_page_that_nobody_looked_at_is_a_failure_where_a_browser_is_required() {
    let skipped = || Looked::Skipped("no browser".to_owned());

    assert!(judge(skipped(), false).is_ok());
    assert!(judge(skipped(), true).is_err_and(|why| why.contains("no browser")));
    assert!(judge(Looked::Failed("blank".to_owned()), false).is_err_and(|why| why.contains("blank")));
}

#[test]
fn the_browser_named_in_the_environment_is_the_one_that_is_used() {
    assert_eq!(chromium(Some("/bin/sh")).as_deref(), Ok("/bin/sh"));
    assert!(chromium(Some("/nowhere/chromium")).is_err_and(|why| why.contains("/nowhere/chromium")));
}
