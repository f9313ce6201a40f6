//! The scenarios of `tests/api` on the other server: what they promise is the API's, not ours alone.

use std::path::Path;

use system_tests::{Server, run_scenarios};

use crate::sides::Sides;

pub(crate) async fn compare(sides: &Sides) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/scenarios");
    let outcome = run_scenarios(&folder, sides.theirs(), Server::Other).await?;
    let (count, faults) = (outcome.count, outcome.faults);
    println!("scenarios: {} of {count} hold for OpenSearch too", count - faults.len());
    anyhow::ensure!(
        faults.is_empty(),
        "{} of {count} scenarios fail on OpenSearch:\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(())
}
