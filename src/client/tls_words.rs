//! What goes wrong in a TLS handshake, in words that name the flag which repairs it.

use std::error::Error;

use rustls::{AlertDescription, CertificateError, Error as Tls};

use crate::model::Component;

/// The handshake was refused by the server: the request had no effect, even where it was on its way already (with TLS 1.3 a
/// client certificate is judged after the client has begun to send).
pub(super) fn refused(error: &reqwest::Error) -> bool {
    matches!(find(error), Some(Tls::AlertReceived(alert)) if about_us(*alert))
}

fn about_us(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure
            | AlertDescription::DecryptError
    )
}

/// The sentence for an error of TLS; `None` for any other.
pub(super) fn explained(error: &reqwest::Error, component: Component) -> Option<String> {
    let flag = |name: &str| match component {
        Component::Search => format!("--search-{name}"),
        _ => format!("--management-{name}"),
    };
    words(find(error)?, flag)
}

fn words(error: &Tls, flag: impl Fn(&str) -> String) -> Option<String> {
    let own = |text: &str, remedy: String| Some(format!("TLS: {text}; {remedy}"));
    match error {
        Tls::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => own(
                "the server's certificate is signed by an authority that is not trusted",
                format!("give that authority's certificate with {}", flag("ca-file")),
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => own(
                &format!("the server's certificate is for another name ({why})"),
                format!("use one of its names in the URL, or give it with {}", flag("tls-server-name")),
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                own("the server's certificate has expired", "renew it on the server".to_owned())
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => own(
                "the server's certificate is not valid yet",
                "check the clocks of the server and of this machine".to_owned(),
            ),
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => own(
                "the server shows the certificate of an authority as its own (basic constraint CA:TRUE, as `openssl req -x509` makes it)",
                format!(
                    "give the server a certificate without it, signed by that authority, and the authority's with {}; for a first try: {}",
                    flag("ca-file"),
                    flag("insecure-skip-tls-verify")
                ),
            ),
            _ => None,
        },
        Tls::AlertReceived(AlertDescription::CertificateRequired) => own(
            "the server wants a client certificate",
            format!("give one with {} and {}", flag("client-cert-file"), flag("client-key-file")),
        ),
        Tls::AlertReceived(alert) if about_us(*alert) => own(
            &format!("the server refuses the connection ({alert:?})"),
            format!(
                "when it wants client certificates: check the one of {}, and which authority it trusts",
                flag("client-cert-file")
            ),
        ),
        Tls::InvalidMessage(_) => {
            own("what answers does not speak TLS", "an URL with http:// may be meant".to_owned())
        }
        _ => None,
    }
}

/// The error of rustls, somewhere below; an I/O error hides what it holds from its own chain of causes.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Tls> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<Tls>() {
            return Some(tls);
        }
        let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match held {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_says_what_to_do() {
        let flag = |name: &str| format!("--search-{name}");
        let said = |error: Tls| words(&error, flag).unwrap_or_default();
        let certificate = |why| said(Tls::InvalidCertificate(why));
        assert!(certificate(CertificateError::UnknownIssuer).contains("--search-ca-file"));
        assert!(certificate(CertificateError::NotValidForName).contains("--search-tls-server-name"));
        assert!(certificate(CertificateError::Expired).contains("renew"));
        let alert = Tls::AlertReceived(AlertDescription::CertificateRequired);
        assert!(said(alert).contains("--search-client-cert-file"));
        assert_eq!(words(&Tls::DecryptError, flag), None);
    }
}
