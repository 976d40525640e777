//! Addresses of coordinators: checked before anything secret is sent there.

use url::{Host, Url};

use crate::error::Error;

/// A coordinator's address that may be talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Accepts https everywhere, http on this machine, and http elsewhere where `allow_plaintext` says so.
    pub fn parse(text: &str, allow_plaintext: bool) -> Result<Self, Error> {
        let hint = "give the address as http://HOST:PORT or https://HOST:PORT";
        let url = Url::parse(text)
            .map_err(|error| Error::usage(format!("`{text}` is not an address: {error}"), hint))?;
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => {}
            ("http", Some(host)) if allow_plaintext || is_this_machine(&host) => {}
            ("http", Some(host)) => {
                let message =
                    format!("plain http to {host} would show the token and the media to the network");
                return Err(Error::usage(
                    message,
                    "use https, or --allow-plaintext where the network between is trusted",
                ));
            }
            _ => return Err(Error::usage(format!("`{text}` is not the address of a coordinator"), hint)),
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine_unless_allowed() {
        let table = [
            ("https://fleet.example.org", false, true),
            ("http://127.0.0.1:7000/", false, true),
            ("http://[::1]:7000", false, true),
            ("http://localhost:7000", false, true),
            ("http://fleet.example.org", false, false),
            ("http://localhost.example.org", false, false),
            ("http://fleet.example.org", true, true),
            ("fleet.example.org:7000", true, false),
            ("ftp://fleet.example.org", true, false),
            ("", true, false),
        ];
        for (text, allow_plaintext, accepted) in table {
            assert_eq!(Address::parse(text, allow_plaintext).is_ok(), accepted, "{text:?} {allow_plaintext}");
        }
    }
}
