//! Each interface's counters.

use event::{Value, json};

use super::SampleError;

pub(super) fn sample() -> Result<Vec<Value>, SampleError> {
    let devices = procfs::net::dev_status()?;
    let mut events: Vec<(String, Value)> = devices
        .into_values()
        .map(|device| {
            let value = json!({"system": {"network": {
                "name": device.name,
                "in": {"bytes": device.recv_bytes, "packets": device.recv_packets, "errors": device.recv_errs, "dropped": device.recv_drop},
                "out": {"bytes": device.sent_bytes, "packets": device.sent_packets, "errors": device.sent_errs, "dropped": device.sent_drop},
            }}});
            (device.name, value)
        })
        .collect();
    events.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(events.into_iter().map(|(_, value)| value).collect())
}
