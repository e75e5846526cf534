//! The TLS settings of one endpoint: which roots are trusted, who we are.
//!
//! We build the configuration ourselves instead of leaving it to the HTTP client, because a container from scratch has
//! no system roots and the client's own builder then fails even for plain HTTP.

use std::sync::{Arc, OnceLock};

use rustls::client::VerifierBuilderError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use secrecy::{ExposeSecret, SecretString};

/// TLS settings, already read from their files.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Certificates to trust instead of the system's, as PEM.
    pub ca_pem: Option<String>,
    /// Who we are, for servers that ask for a client certificate.
    pub identity: Option<ClientIdentity>,
    /// The name that the server's certificate must be for, instead of the URL's host.
    pub server_name: Option<String>,
    /// Trust whatever certificate comes. For a first try only.
    pub insecure_skip_verify: bool,
}

/// A client certificate with its key.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// Certificate chain, as PEM.
    pub certificate_pem: String,
    /// Private key, as PEM.
    pub key_pem: SecretString,
}

/// Builds the rustls configuration. The error is one sentence without key material.
pub fn client_config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let builder = if tls.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        let roots = roots(tls.ca_pem.as_deref())?;
        match &tls.server_name {
            None => builder.with_root_certificates(roots),
            Some(name) => {
                let name = ServerName::try_from(name.clone())
                    .map_err(|_| format!("{name:?} is not a name that a certificate can be for"))?;
                let checks = Arc::new(OtherName { inner: verifier(roots, provider)?, name });
                builder.dangerous().with_custom_certificate_verifier(checks)
            }
        }
    };
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let chain = certificates(&identity.certificate_pem, "the client certificate")?;
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose_secret().as_bytes())
                .map_err(|_| "the client key holds no private key in PEM form".to_owned())?;
            builder.with_client_auth_cert(chain, key).map_err(|e| format!("the client certificate: {e}"))
        }
    }
}

fn verifier(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|e| match e {
        VerifierBuilderError::NoRootAnchors => "there are no certificates to trust".to_owned(),
        other => other.to_string(),
    })
}

fn roots(ca_pem: Option<&str>) -> Result<RootCertStore, String> {
    match ca_pem {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem, "the CA file")? {
                roots.add(certificate).map_err(|e| format!("the CA file: {e}"))?;
            }
            Ok(roots)
        }
        None => Ok(system_roots()),
    }
}

/// Read once: every endpoint has a configuration of its own, and reading takes longer than all other preparations.
///
/// No system roots is not an error here: only an https endpoint would need them, and it then says so itself.
fn system_roots() -> RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    };
    ROOTS.get_or_init(read).clone()
}

fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{what} holds no certificate in PEM form")),
        Err(error) => Err(format!("{what} is not readable as PEM: {error}")),
    }
}

/// The usual checks, for another name than the one that is asked for in the handshake.
#[derive(Debug)]
struct OtherName {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for OtherName {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(own, between, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// `--search-insecure-skip-tls-verify`: signatures are still checked, so that the handshake itself is sound.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let tls = Tls { ca_pem: Some("not pem".to_owned()), ..Tls::default() };
        assert_eq!(
            client_config(&tls).err().as_deref(),
            Some("the CA file holds no certificate in PEM form")
        );
        let identity = ClientIdentity { certificate_pem: String::new(), key_pem: "x".into() };
        let tls = Tls { identity: Some(identity), ..Tls::default() };
        assert!(client_config(&tls).err().is_some_and(|e| e.starts_with("the client certificate")));
    }

    #[test]
    fn another_name_is_one_that_a_certificate_can_have() {
        let named = |name: &str| client_config(&Tls { server_name: Some(name.to_owned()), ..Tls::default() });
        assert!(named("a b").err().is_some_and(|e| e.contains("not a name")));
    }

    #[test]
    fn needs_no_system_roots() {
        assert!(client_config(&Tls::default()).is_ok());
    }
}
