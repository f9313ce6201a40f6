//! Whether a request means this host: what keeps a web page from reaching a program on loopback.
//!
//! A page may point a name of its own at 127.0.0.1 and then be the same origin as whatever listens there. Its requests
//! still carry that name in `Host`, and its origin in `Origin`, which no page can change.

use std::net::IpAddr;

/// Whether a `Host` header, or the authority of an `Origin`, names loopback or a name of the list.
pub fn is_own_host(host: &str, allowed: &[String]) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        || allowed.iter().any(|entry| entry.eq_ignore_ascii_case(name) || entry.eq_ignore_ascii_case(host))
}

/// Whether an `Origin` header is that of a page served from `host`.
pub fn is_same_origin(origin: &str, host: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_listed_names_are_ours() {
        let allowed = ["proxy.example:8443".to_owned(), "other.example".to_owned()];
        for host in [
            "localhost:9200",
            "LOCALHOST",
            "127.0.0.1:9200",
            "[::1]:9200",
            "proxy.example:8443",
            "other.example:1",
        ] {
            assert!(is_own_host(host, &allowed), "{host}");
        }
        for host in ["evil.example:9200", "127.0.0.1.evil.example", "", "[::2]:9200", "10.0.0.1"] {
            assert!(!is_own_host(host, &allowed), "{host}");
        }
    }

    #[test]
    fn an_origin_is_the_same_with_host_and_port_alone() {
        assert!(is_same_origin("http://127.0.0.1:5601", "127.0.0.1:5601"));
        for origin in ["http://127.0.0.1:5602", "null", "http://evil.example"] {
            assert!(!is_same_origin(origin, "127.0.0.1:5601"), "{origin}");
        }
    }
}
