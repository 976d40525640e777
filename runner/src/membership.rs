//! Whose runner this is: becoming a runner of a coordinator, staying one, being forgotten.

use std::num::NonZeroU32;

use flotilla_proto::fleet::SyncRequest;

use crate::config::{Address, Config, Join};
use crate::coordinator::{self, Client};
use crate::error::Error;
use crate::identity::{Identity, StateDir};

/// A coordinator that this runner works for.
#[derive(Debug)]
pub struct Membership {
    /// Who this runner is there.
    pub identity: Identity,
    /// How much of the machine it is for, beside the others.
    pub share: NonZeroU32,
    /// Talks to it.
    pub client: Client,
}

/// One of several coordinators, for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// Its address.
    pub url: String,
    /// How much of the machine it is for.
    pub share: u32,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (share {})", self.url, self.share)
    }
}

/// Becomes a runner of a coordinator, beside those whose runner it is; refuses where it is that one's already.
pub async fn join(config: Config) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    for wanted in &config.joins {
        let address = address(&config, &wanted.url)?;
        if state.identities()?.iter().any(|identity| identity.url == address.as_str()) {
            let message = format!("this runner has joined {} already", address.as_str());
            let hint = format!(
                "run `flotilla-runner leave {}` first, or use another folder with --state-dir",
                address.as_str()
            );
            return Err(Error::usage(message, hint));
        }
        let identity = make(&config, &state, wanted).await?;
        println!("joined {} as {}", identity.url, identity.runner_id);
    }
    if state.is_claimed()? {
        println!("the runner that runs now works for it from its next start on");
    }
    Ok(())
}

/// Makes a coordinator forget this runner, and this machine the identity; without an address the only one that there is.
pub async fn leave(config: Config, url: Option<String>) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    let identity = chosen(state.identities()?, url.as_deref())?;
    let client = client(&config, &identity)?;
    let session_id = uuid::Uuid::new_v4().to_string();
    let farewell = SyncRequest { session_id, draining: true, leaving: true, ..Default::default() };
    match client.sync(farewell).await {
        // One that is not known there has nothing to leave.
        Ok(_) | Err(coordinator::Error::Denied(_)) => state.forget_identity(&identity.url)?,
        Err(cause) => return Err(Error::Coordinator { doing: "leaving", url: identity.url, cause }),
    }
    println!("left {}", identity.url);
    Ok(())
}

fn chosen(mut identities: Vec<Identity>, url: Option<&str>) -> Result<Identity, Error> {
    let Some(url) = url else {
        return match identities.len() {
            0 => Err(Error::usage("this runner has not joined a coordinator", "nothing is left to do")),
            1 => Ok(identities.remove(0)),
            _ => Err(Error::usage(
                format!("this runner has joined several coordinators: {}", addresses(&identities)),
                "say which one it is to leave: `flotilla-runner leave URL`",
            )),
        };
    };
    match identities.iter().position(|identity| identity.url == url.trim_end_matches('/')) {
        Some(index) => Ok(identities.remove(index)),
        None => {
            let hint = match identities.is_empty() {
                true => "nothing is left to do".to_owned(),
                false => format!("it has joined {}", addresses(&identities)),
            };
            Err(Error::usage(format!("this runner has not joined {url}"), hint))
        }
    }
}

/// All coordinators to work for: those that were joined, and those of the configuration, which are joined now where that
/// has not been done yet. Of several, those that cannot be joined are left out.
pub async fn all(config: &Config, state: &StateDir) -> Result<Vec<Membership>, Error> {
    let mut identities = state.identities()?;
    let mut failures = Vec::new();
    for wanted in &config.joins {
        let address = address(config, &wanted.url)?;
        if identities.iter().any(|identity| identity.url == address.as_str()) {
            continue;
        }
        if !config.joins_beside && !identities.is_empty() {
            return Err(belongs_to(&identities, address.as_str()));
        }
        match make(config, state, wanted).await {
            Ok(identity) => identities.push(identity),
            Err(error) => failures.push(error),
        }
    }
    if identities.is_empty() {
        return Err(failures.into_iter().next().unwrap_or_else(not_joined));
    }
    for error in failures {
        tracing::error!(hint = error.hint(), "going on without a coordinator until the next start: {error}");
    }
    let membership = |identity: Identity| {
        let client = client(config, &identity)?;
        Ok(Membership { share: share(config, &identity), identity, client })
    };
    identities.into_iter().map(membership).collect()
}

/// A new identity.
async fn make(config: &Config, state: &StateDir, wanted: &Join) -> Result<Identity, Error> {
    let address = address(config, &wanted.url)?;
    let Some(token) = &wanted.token else { return Err(not_joined()) };
    let failed = |cause| Error::Coordinator { doing: "joining", url: address.as_str().to_owned(), cause };
    let share = wanted.share.unwrap_or(NonZeroU32::MIN);
    let identity = coordinator::join(address.as_str(), token, &wanted.name, share).await.map_err(failed)?;
    state.add_identity(&identity)?;
    Ok(identity)
}

/// The coordinators of several that this runner works for, with their shares, for people; nothing where there is but one.
pub fn shown(config: &Config, state: &StateDir) -> Vec<Shown> {
    let identities = state.identities().unwrap_or_default();
    let shown = |identity: Identity| Shown { share: share(config, &identity).get(), url: identity.url };
    match identities.len() {
        0 | 1 => Vec::new(),
        _ => identities.into_iter().map(shown).collect(),
    }
}

/// The configuration's word counts more than what was said when it was joined.
fn share(config: &Config, identity: &Identity) -> NonZeroU32 {
    config.wanted(&identity.url).and_then(|wanted| wanted.share).unwrap_or(identity.share)
}

fn client(config: &Config, identity: &Identity) -> Result<Client, Error> {
    let address = address(config, &identity.url)?;
    let failed = |cause| Error::Coordinator { doing: "connecting", url: address.as_str().to_owned(), cause };
    Client::new(identity).map_err(failed)
}

fn address(config: &Config, url: &str) -> Result<Address, Error> {
    Address::parse(url, config.allows_plaintext(url))
}

fn addresses(identities: &[Identity]) -> String {
    identities.iter().map(|identity| identity.url.as_str()).collect::<Vec<_>>().join(", ")
}

fn belongs_to(identities: &[Identity], url: &str) -> Error {
    let message = format!("this runner has joined {} already", addresses(identities));
    let hint = format!(
        "run `flotilla-runner join {url} --token TOKEN` to work for both, `flotilla-runner leave` to change, or use another \
         folder with --state-dir"
    );
    Error::usage(message, hint)
}

fn not_joined() -> Error {
    Error::usage(
        "this runner has not joined a coordinator",
        "run `flotilla-runner join URL --token TOKEN` first, or give --url and --token",
    )
}
