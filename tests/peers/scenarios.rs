//! The scenarios of `tests/api` on the other server: what they promise is the API's, not ours alone.

use std::path::Path;

use system_tests::{Server, run_scenarios};

use crate::sides::Sides;

/// The files that a run of all tests has time for, those of searches; `PEERS_SCENARIOS=all` asks for each.
const FILES: &str = "aggregations,dates,fields,join,nested,search";

pub(crate) async fn compare(sides: &Sides) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/scenarios");
    let files = std::env::var("PEERS_SCENARIOS").unwrap_or_else(|_| FILES.to_owned());
    let is_wanted = |file: &str| files == "all" || files.split(',').any(|wanted| wanted == file);
    let outcome = run_scenarios(&folder, sides.theirs(), Server::Other, is_wanted).await?;
    let (count, faults) = (outcome.count, outcome.faults);
    anyhow::ensure!(count > 0, "PEERS_SCENARIOS={files} names no file");
    println!("scenarios: {} of {count} hold for OpenSearch too", count - faults.len());
    anyhow::ensure!(
        faults.is_empty(),
        "{} of {count} scenarios fail on OpenSearch:\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(())
}
