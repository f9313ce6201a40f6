//! Rules of an index, or of the cluster, about which nodes get copies: `require.rack: a`, `include._name: n1,n2`, `exclude._ip: 10.*`.
//!
//! A node must fit every value of `require`, at least one of all the `include`s together, and none of `exclude`. In values `*` stands
//! for anything. Beside attributes of nodes there are `_name`, `_id`, `_ip` and `_host`.

use std::collections::BTreeMap;

use super::NodeEntry;

/// The rule that a node breaks.
pub(crate) fn broken_rule(rules: &BTreeMap<String, String>, entry: &NodeEntry) -> Option<String> {
    let mut included = None;
    for (rule, wanted) in rules {
        let Some((kind, attribute)) = rule.split_once('.') else { continue };
        let fits = |wanted: &str| fits(entry, attribute, wanted.trim());
        let is_kept = match kind {
            "require" => wanted.split(',').all(fits),
            "exclude" => !wanted.split(',').any(fits),
            "include" => {
                let is_one = wanted.split(',').any(fits);
                let (one, _) = included.get_or_insert((false, format!("{rule}: {wanted}")));
                *one |= is_one;
                true
            }
            _ => true,
        };
        if !is_kept {
            return Some(format!("{rule}: {wanted}"));
        }
    }
    included.filter(|(is_one, _)| !is_one).map(|(_, rule)| rule)
}

fn fits(entry: &NodeEntry, attribute: &str, wanted: &str) -> bool {
    let is = |value: &str| matches(wanted, value);
    match attribute {
        "_name" => is(&entry.name),
        "_id" => is(&entry.data_id),
        "_host" => is(address_host(&entry.transport_address)),
        "_ip" | "_host_ip" | "_publish_ip" => {
            is(address_host(&entry.transport_address)) || is(address_host(&entry.http_address))
        }
        _ => entry.attributes.get(attribute).is_some_and(|value| is(value)),
    }
}

/// The host of `host:port`; of `[::1]:9300` what is in the brackets.
pub(crate) fn address_host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a value is as a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, value: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == value };
    let Some(mut left) = value.strip_prefix(start) else { return false };
    let Some((middle, end)) = rest.rsplit_once('*') else { return left.ends_with(rest) };
    for part in middle.split('*') {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, value, is_fit) in [
            ("node", "node", true),
            ("node", "node1", false),
            ("*", "", true),
            ("node*", "node-1", true),
            ("*-1", "node-1", true),
            ("n*e*1", "node-1", true),
            ("n*e*1", "node-2", false),
            ("ab*ba", "aba", false),
            ("*a*a", "a", false),
            ("10.*", "10.0.0.1", true),
        ] {
            assert_eq!(matches(pattern, value), is_fit, "{pattern} {value}");
        }
    }

    #[test]
    fn a_host_is_what_stands_before_the_port() {
        for (address, host) in [("10.0.0.1:9300", "10.0.0.1"), ("[::1]:9300", "::1"), ("alpha", "alpha")] {
            assert_eq!(address_host(address), host);
        }
    }
}
