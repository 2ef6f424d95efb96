//! The client's address: the peer's, or what trusted proxies say.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::incoming::Incoming;

/// The header in which the program's proxies tell whom they serve.
///
/// It is chosen by the program: a proxy that writes one of them hands the other on as a client made it
/// up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies that are believed.
#[derive(Debug, Clone)]
pub struct Proxies {
    pub header: ProxyHeader,
    pub networks: Vec<IpNet>,
}

impl Proxies {
    /// The rightmost address that is no proxy's. A hop that cannot be read ends the search at the last
    /// proxy.
    pub fn client(&self, incoming: &Incoming<'_>) -> Option<IpAddr> {
        let mut client = incoming.peer?.to_canonical();
        let hops = self.hops(incoming);
        for hop in hops.iter().rev() {
            if !self.are_proxy(client) {
                break;
            }
            let Some(address) = address(hop) else { break };
            client = address.to_canonical();
        }
        Some(client)
    }

    fn hops<'r>(&self, incoming: &Incoming<'r>) -> Vec<&'r str> {
        let name = match self.header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let hops = incoming.values(name).flat_map(|line| line.split(','));
        match self.header {
            ProxyHeader::XForwardedFor => hops.collect(),
            ProxyHeader::Forwarded => hops.map(forwarded_for).collect(),
        }
    }

    fn are_proxy(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }
}

fn forwarded_for(element: &str) -> &str {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    named.next().map_or("", |(_, value)| value)
}

/// An address, with a port or brackets or quotes around it.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    hop.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};

    use super::*;

    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies {
            header,
            networks: vec!["10.0.0.0/8".parse().expect("a network")],
        };
        let name = match header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().expect("a value"));
        }
        let incoming = Incoming {
            method: &Method::GET,
            uri: &Uri::from_static("/"),
            headers: &headers,
            peer: peer.parse().ok(),
            route: None,
        };
        proxies.client(&incoming).expect("a peer").to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let of = |peer, lines| client(ProxyHeader::XForwardedFor, peer, lines);
        assert_eq!(of("1.1.1.1", &["2.2.2.2"]), "1.1.1.1");
        assert_eq!(of("10.0.0.1", &["6.6.6.6, 2.2.2.2"]), "2.2.2.2");
        assert_eq!(of("10.0.0.1", &["6.6.6.6", "2.2.2.2, 10.0.0.2"]), "2.2.2.2");
        assert_eq!(of("::ffff:10.0.0.1", &["2.2.2.2:99"]), "2.2.2.2");
        assert_eq!(of("10.0.0.1", &["2.2.2.2, unknown"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_says() {
        let of = |lines| client(ProxyHeader::Forwarded, "10.0.0.1", lines);
        assert_eq!(of(&["for=2.2.2.2;proto=https"]), "2.2.2.2");
        assert_eq!(
            of(&["for=6.6.6.6, proto=https; For=\"[2001:db8::1]:99\""]),
            "2001:db8::1"
        );
        assert_eq!(of(&["for=_hidden"]), "10.0.0.1");
    }
}
