//! The check that a beat's shipped configuration and its reference page follow its table; for tests.

use std::path::Path;

use fs_err as fs;
use settings::reference::{markdown, missing_from_yaml};
use settings::{Schema, load_text};

/// Panics unless `config/<program>.yml` loads and shows every setting, and the reference page is the table's.
/// With `UPDATE_GOLDEN=1` the page is written anew.
pub fn is_current(program: &str, schema: Schema) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let page = root.join(format!("docs/reference/settings/{program}.md"));
    let expected = markdown(program, schema);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&page, &expected).expect("the page can be written");
    }
    let yaml =
        fs::read_to_string(root.join(format!("config/{program}.yml"))).expect("the configuration is shipped");
    load_text(schema, program, &yaml, &[]).expect("the shipped configuration loads");
    assert_eq!(missing_from_yaml(schema, &yaml), Vec::<String>::new());
    assert_eq!(
        fs::read_to_string(&page).expect("the page is there"),
        expected,
        "run once with UPDATE_GOLDEN=1"
    );
}
