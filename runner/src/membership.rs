//! Whose runner this is: becoming a runner of a coordinator, staying one, being forgotten.

pub mod pending;
pub mod waiting;

use std::num::NonZeroU32;

use flotilla_proto::fleet::SyncRequest;
use futures::future::join_all;

use self::pending::Pending;
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

/// Whom to work for when the daemon starts.
#[derive(Debug)]
pub struct Start {
    /// Those that are joined.
    pub members: Vec<Membership>,
    /// Those that did not answer; each can still be joined.
    pub away: Vec<Join>,
}

/// One of several coordinators, for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shown {
    /// Its address.
    pub url: String,
    /// How much of the machine it is for.
    pub share: u32,
    /// Why it is not joined yet; none: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_joined: Option<String>,
}

impl Shown {
    fn not_joined(wanted: &Join, reason: String) -> Self {
        let url = wanted.url.trim_end_matches('/').to_owned();
        Self { url, share: wanted.share.map_or(1, NonZeroU32::get), not_joined: Some(reason) }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (share {})", self.url, self.share)?;
        self.not_joined.as_ref().map_or(Ok(()), |reason| write!(f, ", not joined yet: {reason}"))
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
/// has not been done yet. Those that are away are named, so that they can be joined later: a single one too, since a daemon
/// that starts before its coordinator is to be there when that one comes, as it waits for one that it has joined before.
/// One that refuses this runner is left out, and an error where nobody else is left.
pub async fn all(config: &Config, state: &StateDir, pending: &Pending) -> Result<Start, Error> {
    let mut identities = state.identities()?;
    let is_new = |wanted: &&Join| !identities.iter().any(|identity| wanted.is_of(&identity.url));
    let wanted: Vec<_> = config.joins.iter().filter(is_new).collect();
    if let [first, ..] = wanted.as_slice()
        && !config.joins_beside
        && !identities.is_empty()
    {
        return Err(belongs_to(&identities, &first.url));
    }
    let (mut away, mut refusals) = (Vec::new(), Vec::new());
    // All at once: one that does not answer keeps the others for no longer than its own limit.
    let answers = join_all(wanted.iter().map(|wanted| make(config, state, wanted))).await;
    for (wanted, answer) in wanted.into_iter().zip(answers) {
        match answer {
            Ok(identity) => identities.push(identity),
            Err(error) => {
                pending.note(wanted, &error);
                match error.may_pass() {
                    true => away.push((wanted.clone(), error)),
                    false => refusals.push(error),
                }
            }
        }
    }
    if identities.is_empty() && away.is_empty() {
        return Err(refusals.into_iter().next().unwrap_or_else(not_joined));
    }
    for error in refusals {
        tracing::error!(hint = error.hint(), "going on without a coordinator: {error}");
    }
    for (_, error) in &away {
        tracing::warn!(hint = error.hint(), "it is joined as soon as it answers: {error}");
    }
    let members =
        identities.into_iter().map(|identity| member(config, identity)).collect::<Result<_, _>>()?;
    Ok(Start { members, away: away.into_iter().map(|(wanted, _)| wanted).collect() })
}

fn member(config: &Config, identity: Identity) -> Result<Membership, Error> {
    let client = client(config, &identity)?;
    Ok(Membership { share: share(config, &identity), identity, client })
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

/// The coordinators of several that this runner works for, with their shares, and those that it has not joined yet, for
/// people; nothing where there is but one and it is joined.
pub fn shown(config: &Config, state: &StateDir) -> Vec<Shown> {
    let identities = state.identities().unwrap_or_default();
    let may_join = config.joins_beside || identities.is_empty();
    let pending = match state.is_claimed() {
        Ok(true) => Pending::told(state),
        _ if may_join => {
            let reason = || "it is joined when the runner runs".to_owned();
            config.joins.iter().map(|wanted| Shown::not_joined(wanted, reason())).collect()
        }
        _ => Vec::new(),
    };
    let joined = |identity: Identity| Shown {
        share: share(config, &identity).get(),
        url: identity.url,
        not_joined: None,
    };
    let mut shown: Vec<_> = identities.into_iter().map(joined).collect();
    for one in pending {
        if !shown.iter().any(|other| other.url == one.url) {
            shown.push(one);
        }
    }
    match shown.as_slice() {
        [one] if one.not_joined.is_none() => Vec::new(),
        _ => shown,
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
