//! Puts the web app where `assets.rs` embeds it: `$OUT_DIR/ui`, with compressed copies beside the files.
//!
//! `DASHBOARD_UI_DIST=/path` embeds that folder. Else `DASHBOARD_UI` decides: `build` runs npm, `skip` embeds a page
//! that says what is missing, and `auto` (the default) runs npm for a release and takes `dashboard/web/dist` or the
//! page otherwise, so that checks and tests never need npm. Nothing is written outside of OUT_DIR, the target folder's
//! lock, and `dashboard/web/node_modules`.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What the web app is made from; a change of any makes it stale.
const INPUTS: &[&str] =
    &["src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"];

/// Files smaller than this are sent as they are.
const COMPRESS_FROM: usize = 1_024;

fn main() -> Result<()> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../web");
    for name in ["DASHBOARD_UI", "DASHBOARD_UI_DIST"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    let ui = out.join("ui");
    if ui.exists() {
        fs_err::remove_dir_all(&ui)?;
    }
    match dist(&web, &out)? {
        Some(dist) => copy(&dist, &ui)?,
        None => {
            fs_err::create_dir_all(&ui)?;
            fs_err::write(ui.join("index.html"), PLACEHOLDER)?;
        }
    }
    compress(&ui)
}

/// The folder with the built web app, if there shall be one.
fn dist(web: &Path, out: &Path) -> Result<Option<PathBuf>> {
    if let Some(given) = env::var_os("DASHBOARD_UI_DIST") {
        let given = PathBuf::from(given);
        println!("cargo:rerun-if-changed={}", given.display());
        if !given.join("index.html").is_file() {
            bail!(
                "DASHBOARD_UI_DIST={} has no index.html; name the folder that `npm run build` made",
                given.display()
            );
        }
        return Ok(Some(given));
    }
    for input in INPUTS {
        let path = web.join(input);
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let wanted = env::var("DASHBOARD_UI").unwrap_or_else(|_| "auto".to_owned());
    match (wanted.as_str(), release) {
        ("skip", _) => Ok(None),
        ("build", _) | ("auto", true) => build(web, out).map(Some),
        ("auto", false) => {
            let built = web.join("dist");
            if !built.join("index.html").is_file() {
                return Ok(None);
            }
            println!("cargo:rerun-if-changed={}", built.display());
            Ok(Some(built))
        }
        (other, _) => bail!("DASHBOARD_UI={other} is unknown; write auto, build or skip"),
    }
}

/// Installs what the lock file names, if that is not there yet, and builds into OUT_DIR.
fn build(web: &Path, out: &Path) -> Result<PathBuf> {
    let _lock = lock(out)?;
    install(web)?;
    let dist = out.join("dist");
    npm(web, &["run", "build", "--", "--outDir", &dist.to_string_lossy(), "--emptyOutDir"])?;
    Ok(dist)
}

fn install(web: &Path) -> Result<()> {
    let locked = fs_err::read(web.join("package-lock.json"))?;
    let mut hasher = DefaultHasher::new();
    locked.hash(&mut hasher);
    let wanted = format!("{:016x}", hasher.finish());
    let stamp = web.join("node_modules/.installed-lock");
    if fs_err::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    npm(web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    fs_err::write(&stamp, wanted)?;
    Ok(())
}

fn npm(web: &Path, arguments: &[&str]) -> Result<()> {
    const REMEDY: &str = "the web app needs Node 20.19 or newer with npm; install them, or set DASHBOARD_UI_DIST to a folder \
                          built elsewhere, or DASHBOARD_UI=skip to build without it";
    let output = Command::new("npm").args(arguments).current_dir(web).output().context(REMEDY)?;
    if !output.status.success() {
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        bail!("`npm {}` failed: {REMEDY}\n{said}", arguments.join(" "));
    }
    Ok(())
}

/// Debug, release and clippy may build at once: one at a time installs and builds.
fn lock(out: &Path) -> Result<fs_err::File> {
    // OUT_DIR is target/<profile>/build/<crate>/out.
    let target = out.ancestors().nth(4).unwrap_or(out);
    let file = fs_err::File::create(target.join("dashboard-ui.lock"))?;
    file.file().lock().context("the lock of the web app's build cannot be taken")?;
    Ok(file)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs_err::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn compress(folder: &Path) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            compress(&path)?;
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_owned();
        if !matches!(ending.as_str(), "js" | "css" | "html" | "svg" | "json" | "txt") {
            continue;
        }
        let bytes = fs_err::read(&path)?;
        if bytes.len() > COMPRESS_FROM {
            fs_err::write(path.with_extension(format!("{ending}.br")), brotli(&bytes)?)?;
            fs_err::write(path.with_extension(format!("{ending}.gz")), gzip(&bytes)?)?;
        }
    }
    Ok(())
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    // Build scripts run unoptimised: the best level is left to releases.
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 64 << 10, if release { 11 } else { 5 }, 22);
    writer.write_all(bytes)?;
    drop(writer);
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Weir</title>\
<style>body{font:15px/1.6 system-ui;max-width:40em;margin:4em auto;padding:0 1em;color-scheme:light dark}code{font-family:ui-monospace}</style>\
<h1>This dashboard was built without its web app</h1>\
<p>The API under <code>/api</code> works. For the pages build again with Node 20.19 or newer and npm: \
<code>DASHBOARD_UI=build cargo build -p dashboard-server</code>, or run <code>npm run dev</code> in <code>dashboard/web</code>.</p>";
