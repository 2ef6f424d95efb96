//! `Resolver`: where in a request its tenant is named.

use std::sync::Arc;

use super::claims::Claims;
use super::incoming::Incoming;

type Custom = dyn Fn(&Incoming<'_>) -> Option<String> + Send + Sync;

/// A place in a request that may name the tenant.
///
/// All resolvers of a layer are asked. The first that answers counts, and a different answer of
/// another one, or a second one of the same, refuses the request.
#[derive(Clone)]
pub struct Resolver(Place);

#[derive(Clone)]
enum Place {
    Header(String),
    SubdomainOf(String),
    PathSegment(usize),
    Claim,
    Custom(Arc<Custom>),
}

impl Resolver {
    /// The value of a header, such as `x-tenant-id`.
    pub fn header(name: &str) -> Self {
        Resolver(Place::Header(name.to_ascii_lowercase()))
    }

    /// The label before `domain`: `acme` of `acme.example.com` for `example.com`, in lower case. Any other host
    /// names no tenant.
    pub fn subdomain_of(domain: &str) -> Self {
        Resolver(Place::SubdomainOf(domain.to_ascii_lowercase()))
    }

    /// A segment of the path as the client sent it, counted from 0, without percent-decoding.
    pub fn path_segment(index: usize) -> Self {
        Resolver(Place::PathSegment(index))
    }

    /// The tenant of the verified token.
    pub fn claim() -> Self {
        Resolver(Place::Claim)
    }

    /// What `find` answers; `None` where the request names no tenant there.
    pub fn custom<F>(find: F) -> Self
    where
        F: Fn(&Incoming<'_>) -> Option<String> + Send + Sync + 'static,
    {
        Resolver(Place::Custom(Arc::new(find)))
    }

    pub(super) fn answers(&self, incoming: &Incoming<'_>, claims: Option<&Claims>) -> Vec<String> {
        let answer = match &self.0 {
            Place::Header(name) => return incoming.values(name).map(str::to_owned).collect(),
            Place::SubdomainOf(domain) => incoming.host().and_then(|host| {
                let label = host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
                (!label.is_empty() && !label.contains('.')).then(|| label.to_owned())
            }),
            Place::PathSegment(index) => {
                let path = incoming.uri.path().trim_start_matches('/');
                let segment = path.split('/').nth(*index);
                segment.filter(|it| !it.is_empty()).map(str::to_owned)
            }
            Place::Claim => claims.and_then(|claims| claims.tenant.clone()),
            Place::Custom(find) => find(incoming),
        };
        answer.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};

    use super::*;

    fn answers(resolver: &Resolver, uri: &str, headers: &[(&'static str, &str)]) -> Vec<String> {
        let uri: Uri = uri.parse().expect("an URI");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        let incoming = Incoming {
            method: &Method::GET,
            uri: &uri,
            headers: &map,
            peer: None,
            route: None,
        };
        resolver.answers(&incoming, None)
    }

    #[test]
    fn subdomain_is_one_label_before_the_domain() {
        let resolver = Resolver::subdomain_of("example.com");
        let of = |host: &str| answers(&resolver, "/", &[("host", host)]);
        assert_eq!(of("Acme.Example.com:8080"), ["acme"]);
        assert_eq!(of("acme.example.com."), ["acme"]);
        for none in [
            "example.com",
            "a.b.example.com",
            "acmeexample.com",
            ".example.com",
            "x.org",
        ] {
            assert!(of(none).is_empty(), "{none}");
        }
        let authority = answers(
            &resolver,
            "http://beta.example.com/",
            &[("host", "acme.example.com")],
        );
        assert_eq!(authority, ["beta"]);
    }

    #[test]
    fn header_gives_each_of_its_values() {
        let resolver = Resolver::header("X-Tenant-Id");
        let twice = [("x-tenant-id", "acme"), ("x-tenant-id", "beta")];
        assert_eq!(answers(&resolver, "/", &twice), ["acme", "beta"]);
        assert!(answers(&resolver, "/", &[]).is_empty());
    }

    #[test]
    fn path_segment_is_counted_from_zero() {
        let second = Resolver::path_segment(1);
        assert_eq!(answers(&second, "/t/acme/orders", &[]), ["acme"]);
        assert!(answers(&second, "/t/", &[]).is_empty());
    }
}
