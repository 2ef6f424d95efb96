//! What of a request decides for whom it is, in one shape for both frameworks.

use std::net::IpAddr;

use http::{HeaderMap, Method, Uri, header};

/// A request before its body is read.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Incoming<'r> {
    /// The method.
    pub method: &'r Method,
    /// The target, as the client sent it.
    pub uri: &'r Uri,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The other end of the connection: the client, or the last proxy.
    pub peer: Option<IpAddr>,
    pub(super) route: Option<&'r str>,
}

impl<'r> Incoming<'r> {
    /// The host that was asked, in lower case and without a port: the authority of HTTP/2, or else the
    /// header `Host`.
    pub fn host(&self) -> Option<String> {
        let authority = match self.uri.authority() {
            Some(authority) => authority.as_str(),
            None => self.headers.get(header::HOST)?.to_str().ok()?,
        };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        Some(host.trim_end_matches('.').to_ascii_lowercase())
    }

    /// The values of a header; one that is no text is empty.
    pub(super) fn values(&self, name: &'r str) -> impl Iterator<Item = &'r str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap_or_default())
    }
}
