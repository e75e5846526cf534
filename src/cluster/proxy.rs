//! Which proxy leads to the API server, by the rules of kubectl (Go's `http.ProxyFromEnvironment`).
//!
//! The client library has its own reading of `NO_PROXY` that compares the wrong URL, so it never sees the environment:
//! we hand it the answer.

use std::net::IpAddr;

use http::Uri;

/// The proxy variables, already read; the upper-case name wins where both are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`.
    pub https: Option<String>,
    /// `HTTP_PROXY`.
    pub http: Option<String>,
    /// `NO_PROXY`.
    pub none: Option<String>,
}

impl ProxyVariables {
    /// Reads them.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            [name.to_owned(), name.to_lowercase()].iter().find_map(|n| variable(n).filter(|v| !v.is_empty()))
        };
        Self { https: either("HTTPS_PROXY"), http: either("HTTP_PROXY"), none: either("NO_PROXY") }
    }

    /// The proxy for a server, if any. Without a scheme it is an HTTP proxy.
    pub fn for_server(&self, server: &Uri) -> Option<String> {
        let https = server.scheme_str() == Some("https");
        let proxy = if https { &self.https } else { &self.http }.as_ref()?;
        let host = server.host()?.trim_start_matches('[').trim_end_matches(']');
        let port = server.port_u16().unwrap_or(if https { 443 } else { 80 });
        if is_local(host) || self.none.as_deref().is_some_and(|none| is_excepted(none, host, port)) {
            return None;
        }
        Some(with_scheme(proxy))
    }
}

/// `proxy.example:3128` → `http://proxy.example:3128`.
pub(super) fn with_scheme(proxy: &str) -> String {
    if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") }
}

/// Never through a proxy.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// One entry of `NO_PROXY`: `*`, an address, a network, a domain with or without a dot before it, each with a port or not.
fn is_excepted(none: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_lowercase();
    let address = host.parse::<IpAddr>().ok();
    none.split(',').map(str::trim).filter(|e| !e.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (name, wanted_port) = split_port(entry);
        if wanted_port.is_some_and(|p| p != port) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']').to_lowercase();
        if let Some((network, bits)) = name.split_once('/') {
            return match (network.parse(), bits.parse(), address) {
                (Ok(network), Ok(bits), Some(address)) => is_in(network, bits, address),
                _ => false,
            };
        }
        if let (Ok(entry), Some(address)) = (name.parse::<IpAddr>(), address) {
            return entry == address;
        }
        let name = name.strip_prefix('*').unwrap_or(&name);
        match name.strip_prefix('.') {
            // `.example.com`: subdomains only
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
        }
    })
}

/// `host:port`, but not the colons of a bare IPv6 address.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn is_in(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    let same = |a: u128, b: u128, width: u32| match width.checked_sub(bits) {
        Some(rest) if rest < 128 => a >> rest == b >> rest,
        // A network of no bits holds every address; more bits than there are is no network.
        rest => rest.is_some(),
    };
    match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => same(u32::from(n).into(), u32::from(a).into(), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => same(n.into(), a.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(none: &str, server: &str) -> Option<String> {
        let variables = ProxyVariables {
            https: Some("proxy.corp:3128".to_owned()),
            http: None,
            none: Some(none.to_owned()),
        };
        variables.for_server(&server.parse().expect("an URL"))
    }

    #[test]
    fn the_proxy_is_used_unless_the_server_is_excepted() {
        let used = Some("http://proxy.corp:3128".to_owned());
        assert_eq!(proxy("", "https://api.prod.corp:6443"), used);
        for (none, server) in [
            ("*", "https://api.prod.corp:6443"),
            ("prod.corp", "https://api.prod.corp:6443"),
            ("api.prod.corp", "https://api.prod.corp:6443"),
            (".prod.corp", "https://api.prod.corp"),
            ("*.prod.corp", "https://api.prod.corp"),
            ("other,,prod.corp,", "https://api.prod.corp"),
            ("api.prod.corp:6443", "https://api.prod.corp:6443"),
            ("10.0.0.0/8", "https://10.1.2.3:6443"),
            ("10.1.2.3", "https://10.1.2.3:6443"),
            ("fd00::/8", "https://[fd00::1]:6443"),
            ("[fd00::1]:6443", "https://[fd00::1]:6443"),
            ("0.0.0.0/0", "https://10.1.2.3:6443"),
            ("", "https://127.0.0.1:26443"),
            ("", "https://localhost:26443"),
            ("", "https://[::1]:26443"),
        ] {
            assert_eq!(proxy(none, server), None, "{server} with NO_PROXY={none}");
        }
        for (none, server) in [
            ("rod.corp", "https://api.prod.corp:6443"),
            (".api.prod.corp", "https://api.prod.corp:6443"),
            ("api.prod.corp:443", "https://api.prod.corp:6443"),
            ("11.0.0.0/8", "https://10.1.2.3:6443"),
            ("10.0.0.0/33", "https://10.1.2.3:6443"),
            ("10.0.0.0/8", "https://api.prod.corp:6443"),
        ] {
            assert_eq!(proxy(none, server), used, "{server} with NO_PROXY={none}");
        }
    }

    #[test]
    fn upper_case_wins_and_empty_is_not_set() {
        let set =
            [("HTTPS_PROXY", ""), ("https_proxy", "low:1"), ("HTTP_PROXY", "up:2"), ("http_proxy", "low:2")];
        let read = ProxyVariables::read(|n| set.iter().find(|(k, _)| *k == n).map(|(_, v)| (*v).to_owned()));
        assert_eq!(
            (read.https.as_deref(), read.http.as_deref(), read.none),
            (Some("low:1"), Some("up:2"), None)
        );
    }
}
