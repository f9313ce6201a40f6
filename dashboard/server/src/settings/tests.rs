//! The table against the shipped files, and the rules between settings.

use super::*;
use settings::load_text;

const SHIPPED: &str = include_str!("../../../../config/dashboard.yml");
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/settings/dashboard.md");

fn read(yaml: &str) -> Result<DashboardSettings, String> {
    let settings = load_text(SCHEMA, "dashboard.yml", yaml, &[]).map_err(|error| error.to_string())?;
    DashboardSettings::read(&settings).map_err(|error| error.to_string())
}

#[test]
fn shipped_file_shows_every_setting_and_loads() {
    assert_eq!(settings::reference::missing_from_yaml(SCHEMA, SHIPPED), Vec::<String>::new());
    let read = read(SHIPPED).expect("the shipped file is good");
    assert_eq!(read.address.to_string(), "127.0.0.1:5601");
}

#[test]
fn reference_page_is_the_table() {
    let page = settings::reference::markdown("dashboard", SCHEMA);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs_err::write(REFERENCE, &page).expect("the page can be written");
    }
    assert_eq!(fs_err::read_to_string(REFERENCE).expect("the page is there"), page);
}

#[test]
fn an_open_address_needs_an_explicit_word() {
    for yaml in ["server.host: 0.0.0.0", "server.host: '::'"] {
        let fault = read(yaml).expect_err(yaml);
        assert!(fault.contains("security.enabled: false"), "{fault}");
    }
    assert!(read("server.host: 0.0.0.0\nsecurity.enabled: false").is_ok());
    assert!(read("server.host: ::1").is_ok());
    assert!(read("server.host: localhost").is_ok());
}

#[test]
fn faults_name_the_setting_and_the_remedy() {
    for (yaml, words) in [
        ("server.host: example.org", "`server.host` must be an IP address"),
        ("security.enabled: true", "is not there in this version"),
        ("elasticsearch.hosts: []", "list at least one"),
        ("elasticsearch.request_timeout: -1", "write e.g. 30s"),
        ("server.prot: 1", "did you mean"),
    ] {
        let fault = read(yaml).expect_err(yaml);
        assert!(fault.contains(words), "{yaml}: {fault}");
    }
}
