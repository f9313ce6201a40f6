//! Load: `_bulk` requests, sent by several clients at once.

use bytes::Bytes;
use futures::future::try_join_all;
use search_client::{Method, SearchClient};

/// Documents as bodies of `_bulk`, so many in each; the node makes the ids, and a data stream takes them too.
pub fn bulk_bodies(documents: &[String], per_body: usize) -> Vec<Bytes> {
    documents
        .chunks(per_body)
        .map(|chunk| {
            let body: String =
                chunk.iter().map(|document| format!("{{\"create\":{{}}}}\n{document}\n")).collect();
            Bytes::from(body)
        })
        .collect()
}

/// Sends every body once; each client sends its next one when the last was answered. An item that fails is an error.
pub async fn bulk_load(
    client: &SearchClient,
    index: &str,
    bodies: &[Bytes],
    clients: usize,
) -> anyhow::Result<()> {
    let path = format!("/{index}/_bulk");
    let send = async |first: usize| {
        for body in bodies.iter().skip(first).step_by(clients) {
            let answer = client.send(Method::POST, &path, "application/x-ndjson", body.clone()).await?;
            let text = String::from_utf8_lossy(&answer.body);
            let is_whole = answer.is_success() && text.contains("\"errors\":false");
            anyhow::ensure!(is_whole, "answered {}: {:.500}", answer.status, text);
        }
        Ok(())
    };
    try_join_all((0..clients).map(send)).await?;
    Ok(())
}
