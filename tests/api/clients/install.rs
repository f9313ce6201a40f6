//! Clients as their registries have them, below the folder of what is built. Their versions are in `packages`.

use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/api/clients/packages");
/// Tells that an installation came to its end.
const DONE: &str = "installed";

/// The Python that has the packages of a list; else why there is none.
pub(super) fn python(list: &str) -> Result<PathBuf, String> {
    let requirements = Path::new(PACKAGES).join(format!("{list}.txt"));
    let folder = once(list, &[&requirements], |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]);
        run(pip.arg("--requirement").arg(&requirements))
    })?;
    Ok(folder.join("bin/python"))
}

/// The folder with the packages of a lock file; else why there is none.
pub(super) fn node_modules(list: &str) -> Result<PathBuf, String> {
    let packages = Path::new(PACKAGES).join(list);
    let files = [packages.join("package.json"), packages.join("package-lock.json")];
    once(list, &[&files[0], &files[1]], |folder| {
        for file in &files {
            let name = file.file_name().unwrap_or_default();
            fs_err::copy(file, folder.join(name)).map_err(|error| error.to_string())?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1"]);
        run(npm.current_dir(folder))
    })
}

/// Installs into a folder of its own, once for what these files say.
fn once(
    name: &str,
    files: &[&Path],
    install: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let wanted: Vec<String> =
        files.iter().map(|file| fs_err::read_to_string(file).expect("a list of packages")).collect();
    let (folder, wanted) =
        (Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name), wanted.concat());
    if fs_err::read_to_string(folder.join(DONE)).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    // What an installation left that did not come to its end.
    let _gone = fs_err::remove_dir_all(&folder);
    let stored = |error: std::io::Error| error.to_string();
    fs_err::create_dir_all(&folder).map_err(stored)?;
    install(&folder)?;
    fs_err::write(folder.join(DONE), wanted).map_err(stored)?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(format!("{program} could not install it: {last}"))
}
