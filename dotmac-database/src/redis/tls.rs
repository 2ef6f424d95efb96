//! Encrypted connections to Redis: whom to trust.

use std::path::Path;
use std::sync::Arc;

use fred::rustls::crypto::ring;
use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore};
use fred::rustls_native_certs::load_native_certs;
use fred::types::config::TlsConfig;

use crate::error::{Error, Result};

/// Trusts the authorities in a file, or else those of the machine. Names of servers are checked.
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConfig> {
    let roots = match ca_file {
        Some(file) => of_file(file)?,
        None => of_machine()?,
    };
    // Not the provider of the process: a program may have two, or none.
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.map_err(|error| refused("REDIS_URL", format!("cannot use TLS: {error}")))?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConfig::from(config))
}

fn of_file(file: &Path) -> Result<RootCertStore> {
    let unreadable = |reason: &dyn std::fmt::Display| {
        refused("REDIS_CA_FILE", format!("cannot be read as PEM: {reason}"))
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(&"it holds no certificate"));
    }
    Ok(roots)
}

fn of_machine() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (_, _) = roots.add_parsable_certificates(load_native_certs().certs);
    if roots.is_empty() {
        return Err(refused(
            "REDIS_URL",
            "asks for TLS, and this machine trusts nobody: install its certificates \
             (`ca-certificates`), or name a file in `REDIS_CA_FILE`"
                .to_owned(),
        ));
    }
    Ok(roots)
}

fn refused(variable: &'static str, reason: String) -> Error {
    Error::Config { variable, reason }
}
