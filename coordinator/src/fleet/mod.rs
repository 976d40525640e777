//! The gRPC edge: what runners see of the coordinator. Only here and below are the protocol's types known.
//!
//! ```text
//!  Join ------> join       token -> identity
//!  Sync ------> sync       beat, then wait for work or a stop
//!  GrantParts > results    more upload URLs
//!  Complete --> results    offer of a result -> scheduler::sealing
//!  Fail ------> results    an attempt given back
//! ```

mod bench;
mod convert;
mod join;
mod lease;
mod outcome;
mod results;
mod sync;
mod task_spec;
mod wakeup;

use std::sync::Arc;

use flotilla_proto::fleet as wire;
use flotilla_proto::fleet::fleet_server::{Fleet, FleetServer};
use tonic::{Request, Response, Status};

use crate::domain::failure::FailureClass;
use crate::parts::Parts;
use crate::scheduler::SchedulerError;
use crate::store::StoreError;

pub use wakeup::wake_runners;

/// For fuzzing.
pub(crate) use outcome::from_wire as outcome_of;

/// Longest message that a runner may send: the frame table of a long video fits, a flood does not.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The service, to be mounted on a router.
pub fn service(parts: Arc<Parts>) -> FleetServer<FleetService> {
    FleetServer::new(FleetService { parts })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// The protocol's five calls over the coordinator's parts.
pub struct FleetService {
    parts: Arc<Parts>,
}

#[tonic::async_trait]
impl Fleet for FleetService {
    async fn join(
        &self,
        request: Request<wire::JoinRequest>,
    ) -> Result<Response<wire::JoinResponse>, Status> {
        join::join(&self.parts, request.into_inner()).await.map(Response::new)
    }

    async fn sync(
        &self,
        request: Request<wire::SyncRequest>,
    ) -> Result<Response<wire::SyncResponse>, Status> {
        let runner = join::authenticate(&self.parts, request.metadata()).await?;
        sync::sync(&self.parts, &runner, request.into_inner()).await.map(Response::new)
    }

    async fn grant_parts(
        &self,
        request: Request<wire::GrantPartsRequest>,
    ) -> Result<Response<wire::GrantPartsResponse>, Status> {
        let runner = join::authenticate(&self.parts, request.metadata()).await?;
        results::grant_parts(&self.parts, &runner, request.into_inner()).await.map(Response::new)
    }

    async fn complete(
        &self,
        request: Request<wire::CompleteRequest>,
    ) -> Result<Response<wire::CompleteResponse>, Status> {
        let runner = join::authenticate(&self.parts, request.metadata()).await?;
        // A store still completes an upload whose runner has hung up: somebody must be there to note it.
        let (parts, request) = (self.parts.clone(), request.into_inner());
        let done = async move { results::complete(&parts, &runner, request).await.map(Response::new) };
        let stopping = || Err(Status::unavailable("the coordinator is stopping"));
        self.parts.lifecycle.shielded(done).await.unwrap_or_else(stopping)
    }

    async fn fail(
        &self,
        request: Request<wire::FailRequest>,
    ) -> Result<Response<wire::FailResponse>, Status> {
        let runner = join::authenticate(&self.parts, request.metadata()).await?;
        results::fail(&self.parts, &runner, request.into_inner()).await.map(Response::new)
    }
}

/// The store's troubles are ours and pass: a runner tries again.
fn unavailable(error: StoreError) -> Status {
    tracing::error!(%error, "store failed while answering a runner");
    Status::unavailable("the coordinator's database does not answer")
}

/// What a runner is told of the scheduler's troubles.
fn troubled(error: SchedulerError) -> Status {
    match error.class() {
        FailureClass::Verify | FailureClass::Internal => Status::invalid_argument(error.to_string()),
        _ => Status::unavailable(error.to_string()),
    }
}
