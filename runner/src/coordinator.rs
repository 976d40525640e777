//! The coordinator as a runner sees it: the calls of `flotilla.fleet.v1` with the identity attached, and
//! their errors sorted by what to do about them. Clones share one connection, which is made on first use and
//! again when it broke.

use std::num::NonZeroU32;
use std::time::Duration;

use flotilla_proto::fleet::fleet_client::FleetClient;
use flotilla_proto::fleet::{
    CompleteRequest, CompleteResponse, FailRequest, GrantPartsRequest, GrantPartsResponse, JoinRequest,
    JoinResponse, SyncRequest, SyncResponse,
};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use crate::identity::Identity;

/// Longest time for an answer that the coordinator does not hold back by intent.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Sealing a large result takes the store a while.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(90);
/// A lease may carry the frame grids of a long chunk and the init segments of a join.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("the address is not usable: {0}")]
    Address(String),
    /// The token or the identity is not, or no longer, known.
    #[error("the coordinator refused this runner: {0}")]
    Denied(String),
    /// The coordinator says that the call itself is wrong.
    #[error("the coordinator refused the call: {0}")]
    Refused(String),
    /// No answer, or one that says "later".
    #[error("{0}")]
    Away(String),
}

impl Error {
    /// What a person can do about it; one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Address(_) => "give the address as http://HOST:PORT or https://HOST:PORT",
            Self::Denied(_) => {
                "make a new token with `flotilla token create`, then run `flotilla-runner join`"
            }
            Self::Refused(_) => "check that runner and coordinator are at most one minor version apart",
            Self::Away(_) => "check that the coordinator runs and that this machine can reach its address",
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let message = status.message().to_owned();
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Self::Denied(message),
            Code::InvalidArgument | Code::FailedPrecondition | Code::NotFound | Code::Unimplemented => {
                Self::Refused(message)
            }
            _ => Self::Away(innermost(&status)),
        }
    }
}

/// The innermost cause says "connection refused" where the outer ones say "transport error".
fn innermost(status: &Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::error::Error::source(status).is_some() { cause.to_string() } else { status.message().to_owned() }
}

/// Asks for an identity with a join token; an empty name leaves the choice to the coordinator. The share is this machine's
/// own affair.
pub async fn join(url: &str, token: &str, name: &str, share: NonZeroU32) -> Result<Identity, Error> {
    let request =
        JoinRequest { token: token.into(), name: name.into(), version: env!("CARGO_PKG_VERSION").into() };
    let mut request = Request::new(request);
    request.set_timeout(ANSWER_TIMEOUT);
    let JoinResponse { runner_id, secret } =
        FleetClient::new(channel(url)?).join(request).await?.into_inner();
    Ok(Identity { url: url.into(), runner_id, secret, share })
}

/// A coordinator with this runner's identity attached to every call.
#[derive(Clone, Debug)]
pub struct Client {
    fleet: FleetClient<Channel>,
    bearer: MetadataValue<Ascii>,
}

impl Client {
    /// Prepares the connection; nothing is sent yet.
    pub fn new(identity: &Identity) -> Result<Self, Error> {
        let bearer = format!("Bearer {}.{}", identity.runner_id, identity.secret);
        let mut bearer = MetadataValue::try_from(bearer)
            .map_err(|_| Error::Denied("the stored identity holds characters that cannot be sent".into()))?;
        bearer.set_sensitive(true);
        let fleet = FleetClient::new(channel(&identity.url)?).max_decoding_message_size(MAX_ANSWER_BYTES);
        Ok(Self { fleet, bearer })
    }

    /// States what the runner is doing, answers what it should be doing.
    pub async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, Error> {
        let limit = ANSWER_TIMEOUT + Duration::from_millis(request.hold_ms.into());
        Ok(self.fleet.clone().sync(self.signed(request, limit)).await?.into_inner())
    }

    /// Asks for upload URLs.
    pub async fn grant_parts(&self, request: GrantPartsRequest) -> Result<GrantPartsResponse, Error> {
        Ok(self.fleet.clone().grant_parts(self.signed(request, ANSWER_TIMEOUT)).await?.into_inner())
    }

    /// Offers a result.
    pub async fn complete(&self, request: CompleteRequest) -> Result<CompleteResponse, Error> {
        Ok(self.fleet.clone().complete(self.signed(request, COMPLETE_TIMEOUT)).await?.into_inner())
    }

    /// Gives an attempt back.
    pub async fn fail(&self, request: FailRequest) -> Result<(), Error> {
        self.fleet.clone().fail(self.signed(request, ANSWER_TIMEOUT)).await?;
        Ok(())
    }

    fn signed<T>(&self, message: T, limit: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(limit);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }
}

fn channel(url: &str) -> Result<Channel, Error> {
    let bad = |error: tonic::transport::Error| Error::Address(format!("{url}: {error}"));
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(bad)?
        .connect_timeout(Duration::from_secs(10))
        // Finds a connection that a router dropped silently within half a minute.
        .http2_keep_alive_interval(Duration::from_secs(15))
        .keep_alive_timeout(Duration::from_secs(10));
    let endpoint = match url.starts_with("https:") {
        true => endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(bad)?,
        false => endpoint,
    };
    Ok(endpoint.connect_lazy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_sorted_by_what_to_do() {
        let sorted = |code| Error::from(Status::new(code, "why"));
        assert_eq!(sorted(Code::Unauthenticated), Error::Denied("why".into()));
        assert_eq!(sorted(Code::InvalidArgument), Error::Refused("why".into()));
        assert_eq!(sorted(Code::Unavailable), Error::Away("why".into()));
        assert_eq!(sorted(Code::DeadlineExceeded), Error::Away("why".into()));
    }
}
