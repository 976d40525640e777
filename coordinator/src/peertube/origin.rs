//! Which places an instance may send us to: its own registered origin, and storage that our admin has named. An instance
//! that could name any URL would make the coordinator a way into the network that it stands in.

use url::{Origin, Url};

/// The places that are trusted for one instance.
#[derive(Clone, Debug)]
pub struct Trust {
    home: Origin,
    storage: Vec<Origin>,
}

/// A URL that is not followed, and why. It shows no more of the URL than its origin: queries may be signatures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} is not followed: {reason}")]
pub struct Refusal {
    place: String,
    reason: &'static str,
}

/// Whether the runner's secrets may go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The instance itself.
    Home,
    /// Storage beside it.
    Storage,
}

impl Trust {
    /// Trust in an instance at its registered URL, and in storage named as `https://host[:port]` or, which means the
    /// same, `host[:port]`.
    pub fn new(base_url: &Url, storage_hosts: &[String]) -> Result<Self, Refusal> {
        let home = plain(base_url)?;
        let storage = storage_hosts.iter().map(|host| named(host)).collect::<Result<_, _>>()?;
        Ok(Self { home, storage })
    }

    /// Reads a URL of a payload and checks it.
    pub fn read(&self, url: &str) -> Result<(Url, Place), Refusal> {
        let url = Url::parse(url).map_err(|_| Refusal::new("(no URL)", "it does not read as a URL"))?;
        let place = self.check(&url)?;
        Ok((url, place))
    }

    /// Checks a URL: every one before it is followed, those of redirects too.
    pub fn check(&self, url: &Url) -> Result<Place, Refusal> {
        let origin = plain(url)?;
        if origin == self.home {
            Ok(Place::Home)
        } else if self.storage.contains(&origin) {
            Ok(Place::Storage)
        } else if url.host_str() == host(&self.home).as_deref() {
            Err(Refusal::new(url, "scheme or port differ from those of the registered instance"))
        } else {
            Err(Refusal::new(url, "it is neither the registered instance nor one of its storage hosts"))
        }
    }
}

impl Refusal {
    pub(super) fn new(place: impl Shown, reason: &'static str) -> Self {
        Self { place: place.shown(), reason }
    }
}

/// How a refused place is named to people.
pub(super) trait Shown {
    fn shown(&self) -> String;
}

impl Shown for &str {
    fn shown(&self) -> String {
        (*self).to_owned()
    }
}

impl Shown for &Url {
    fn shown(&self) -> String {
        self.origin().ascii_serialization()
    }
}

fn plain(url: &Url) -> Result<Origin, Refusal> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::new(url, "only http and https are followed"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::new(url, "it carries a user name or a password"));
    }
    Ok(url.origin())
}

fn named(host: &str) -> Result<Origin, Refusal> {
    let text = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let url = Url::parse(&text).map_err(|_| Refusal::new(host, "it does not read as a host or URL"))?;
    if url.path() != "/" || url.query().is_some() {
        return Err(Refusal::new(host, "a storage host is named without a path"));
    }
    plain(&url)
}

fn host(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Tuple(_, host, _) => Some(host.to_string()),
        Origin::Opaque(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<Place, &str>) {
        let hosts = ["media.example.org".to_owned(), "http://10.0.0.7:9000".to_owned()];
        let trust = Trust::new(&"https://tube.example.org".parse().unwrap(), &hosts).unwrap();
        let found = trust.read(url).map(|(_, place)| place).map_err(|refusal| refusal.reason);
        match (found, expected) {
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{url}: {found}"),
            (found, expected) => assert_eq!(found, expected, "{url}"),
        }
    }

    #[test]
    fn only_the_instance_and_its_storage_are_followed() {
        check("https://tube.example.org/api/v1/x", Ok(Place::Home));
        check("https://TUBE.example.org:443/x?y", Ok(Place::Home));
        check("https://media.example.org/web-videos/a.mp4?X-Amz-Signature=1", Ok(Place::Storage));
        check("http://10.0.0.7:9000/a", Ok(Place::Storage));
        check("http://tube.example.org/x", Err("scheme or port"));
        check("https://tube.example.org:8443/x", Err("scheme or port"));
        check("https://tube.example.org.evil.example/x", Err("neither"));
        check("https://tube.example.org@evil.example/x", Err("user name"));
        check("https://me:secret@tube.example.org/x", Err("user name"));
        check("http://media.example.org/a", Err("neither"));
        check("http://169.254.169.254/latest/meta-data", Err("neither"));
        check("http://[::1]/", Err("neither"));
        check("file:///etc/passwd", Err("only http"));
        check("/api/v1/x", Err("does not read"));
    }

    #[test]
    fn a_refusal_shows_no_signature() {
        let trust = Trust::new(&"https://tube.example.org".parse().unwrap(), &[]).unwrap();
        let refusal = trust.read("https://evil.example/a?X-Amz-Signature=deadbeef").unwrap_err();
        assert!(!refusal.to_string().contains("deadbeef"), "{refusal}");
        assert!(refusal.to_string().starts_with("https://evil.example is not followed"), "{refusal}");
    }

    #[test]
    fn storage_hosts_have_no_path() {
        let base = "https://tube.example.org".parse().unwrap();
        assert!(Trust::new(&base, &["media.example.org/videos".into()]).is_err());
        assert!(Trust::new(&base, &["ftp://media.example.org".into()]).is_err());
    }
}
