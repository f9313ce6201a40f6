//! Words that several programs say the same way.

/// What to say when a port is taken: who, where, and which setting to change.
pub fn port_taken(address: &str, setting: &str) -> String {
    format!(
        "cannot listen on {address}: the port is in use; stop the program that holds it, or set another with -E {setting}=PORT"
    )
}

/// Whether binding failed because another process listens there.
pub fn is_listening_taken(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AddrInUse
}
