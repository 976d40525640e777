//! Identities: a join token becomes a runner id and a secret; every other call proves them. Only digests are stored.

use std::sync::Arc;

use flotilla_proto::fleet as wire;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::unavailable;
use crate::clock::{digest, new_id, new_secret};
use crate::domain::RunnerId;
use crate::parts::Parts;
use crate::store::{JoinOutcome, NewRunner, RunnerRecord};

/// Longest name of a runner, characters.
const MAX_NAME_CHARS: usize = 100;

/// Uses up a token and answers the new identity.
pub async fn join(parts: &Parts, request: wire::JoinRequest) -> Result<wire::JoinResponse, Status> {
    let id: RunnerId = new_id();
    let secret = new_secret();
    let name: String = request.name.chars().filter(|char| !char.is_control()).take(MAX_NAME_CHARS).collect();
    let name = if name.is_empty() { id.to_string() } else { name };
    let runner = NewRunner { id: id.clone(), name: name.clone(), secret_digest: digest(&secret) };
    let now = parts.clock.now();
    match parts.store.join(&digest(request.token.trim()), runner, now).await.map_err(unavailable)? {
        JoinOutcome::Joined => {
            tracing::info!(runner.id = %id, runner.name = %name, "runner joined");
            Ok(wire::JoinResponse { runner_id: id.to_string(), secret })
        }
        JoinOutcome::UnknownToken => Err(Status::unauthenticated("the join token is not known here")),
        JoinOutcome::Expired => Err(Status::unauthenticated("the join token has expired")),
        JoinOutcome::UsedUp => Err(Status::unauthenticated("the join token is used up or revoked")),
    }
}

/// The runner that a call comes from.
pub async fn authenticate(parts: &Parts, metadata: &MetadataMap) -> Result<Arc<RunnerRecord>, Status> {
    let unknown = || Status::unauthenticated("this runner is not known here; join again with a new token");
    let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
    let identity =
        header.and_then(|value| value.strip_prefix("Bearer ")).and_then(|text| text.split_once('.'));
    let (id, secret) = identity.ok_or_else(unknown)?;
    let id: RunnerId = id.parse().map_err(|_| unknown())?;
    let (secret_digest, now) = (digest(secret), parts.clock.now());
    if let Some(known) = parts.roster.known(&id, &secret_digest, now) {
        return Ok(known);
    }
    let record = parts.store.authenticate(&id, &secret_digest).await.map_err(unavailable)?;
    Ok(parts.roster.confirm(record.ok_or_else(unknown)?, secret_digest, now))
}
