//! Running the scenarios.

use std::path::Path;

use search_client::{ClientOptions, SearchClient};
use system_tests::{SearchNode, Server, run_scenarios};

#[tokio::test]
async fn every_scenario_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (client, _node) = match std::env::var("API_URL") {
        Ok(url) => {
            let options = ClientOptions { hosts: vec![url], ..ClientOptions::default() };
            (SearchClient::new(options).expect("an address"), None)
        }
        Err(_) => {
            let node = SearchNode::start(folder.path(), &folder.path().join("data")).await.expect("a node");
            let options = ClientOptions { hosts: vec![node.url()], ..ClientOptions::default() };
            (SearchClient::new(options).expect("an address"), Some(node))
        }
    };
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/scenarios");

    let outcome = run_scenarios(&scenarios, &client, Server::Weir, |_| true).await.expect("scenarios");

    let (faults, count) = (outcome.faults, outcome.count);
    assert!(faults.is_empty(), "{} of {count} scenarios fail:\n{}", faults.len(), faults.join("\n"));
    assert!(count >= 130, "only {count} scenarios were found");
}
