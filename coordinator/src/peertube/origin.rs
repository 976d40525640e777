//! Whom an instance may send us to: itself, and the storage hosts that our admin has named for it. Its tokens go to itself
//! alone.

use url::{Origin, Url};

/// A URL that is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} {reason}")]
pub struct OriginError {
    url: String,
    reason: &'static str,
}

/// Where sources of an instance may come from.
#[derive(Clone, Debug)]
pub struct Origins {
    own: Origin,
    storage: Vec<Origin>,
}

/// The root of an instance, given any URL of it.
pub fn base(text: &str) -> Result<Url, OriginError> {
    let mut url = parse(text)?;
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// As lists and records name an instance.
pub fn shown(base: &Url) -> String {
    base.as_str().trim_end_matches('/').to_owned()
}

fn parse(text: &str) -> Result<Url, OriginError> {
    let refused = |reason| OriginError { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|_| refused("is no URL"))?;
    match url {
        _ if !matches!(url.scheme(), "http" | "https") => Err(refused("is neither http:// nor https://")),
        _ if url.host().is_none() => Err(refused("names no host")),
        _ if !url.username().is_empty() || url.password().is_some() => {
            Err(refused("carries a user name, which no instance needs"))
        }
        _ => Ok(url),
    }
}

impl Origins {
    /// Of an instance and its storage hosts.
    pub fn new(base: &Url, storage_hosts: &[String]) -> Result<Self, OriginError> {
        let storage = storage_hosts.iter().map(|text| parse(text).map(|url| url.origin()));
        Ok(Self { own: base.origin(), storage: storage.collect::<Result<_, _>>()? })
    }

    /// A URL that a payload or a redirect names.
    pub fn check(&self, text: &str) -> Result<Url, OriginError> {
        let url = parse(text)?;
        match self.is_own(&url) || self.storage.contains(&url.origin()) {
            true => Ok(url),
            false => Err(OriginError {
                url: text.to_owned(),
                reason: "lies neither on the instance nor on a host of storage_hosts",
            }),
        }
    }

    /// It is the instance itself.
    pub fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        let base = base("https://videos.example.org/admin?x=1#top").unwrap();
        assert_eq!(shown(&base), "https://videos.example.org");
        Origins::new(&base, &["https://bucket.example.net".to_owned()]).unwrap()
    }

    #[test]
    fn an_instance_and_its_storage_are_followed() {
        let origins = origins();
        let own = origins.check("https://videos.example.org:443/api/v1/x").unwrap();
        let stored = origins.check("https://bucket.example.net/a.mp4?signature=1").unwrap();
        assert!(origins.is_own(&own) && !origins.is_own(&stored));
    }

    #[test]
    fn nobody_else_is() {
        for url in [
            "https://videos.example.org.evil.net/x",
            "http://videos.example.org/x",
            "https://videos.example.org:8443/x",
            "http://169.254.169.254/latest/meta-data",
            "https://videos.example.org@evil.net/x",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(origins().check(url).is_err(), "{url}");
        }
    }
}
