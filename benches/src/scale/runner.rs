//! A simulated runner: joins, and says on a connection of its own what a real one would say, at the same pace. It encodes
//! nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use flotilla_proto::fleet::fleet_client::FleetClient;
use flotilla_proto::fleet::{
    AttemptStatus, Capabilities, Encoder, FailRequest, FailureClass, JoinRequest, Lease, SyncRequest,
    SyncResponse,
};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

/// How long an idle runner lets its call hang, and a busy one, as in `runner/src/link/vitals.rs`.
const IDLE_HOLD_MS: u32 = 10_000;
const BUSY_HOLD_MS: u32 = 1_000;

/// Joins that any runner could start, as in `runner/src/slots/held.rs`.
const FREE_JOINS: u32 = 2;

/// One runner.
pub struct Runner {
    client: FleetClient<Channel>,
    bearer: String,
    session_id: String,
    is_known: bool,
    progress: u64,
}

/// A call that was answered.
pub struct Call {
    /// What was answered.
    pub answer: SyncResponse,
    /// How long it took beyond the time for which it was to hang.
    pub late: Duration,
    /// It was to be answered at once.
    pub is_prompt: bool,
    /// When the answer came.
    pub at: Instant,
}

impl Runner {
    /// Connects and joins.
    pub async fn join(url: &str, token: &str, number: usize) -> Result<Self> {
        let channel = Endpoint::from_shared(url.to_owned())?.connect().await.context("no connection")?;
        let mut client = FleetClient::new(channel);
        let name = format!("simulated-{number}");
        let request = JoinRequest { token: token.into(), name: name.clone(), version: "0.1.0".into() };
        let joined = client.join(request).await?.into_inner();
        let bearer = format!("Bearer {}.{}", joined.runner_id, joined.secret);
        Ok(Self { client, bearer, session_id: format!("session-of-{name}"), is_known: false, progress: 0 })
    }

    /// One call that states what it holds; at once, or hanging as long as a real runner's.
    pub async fn sync(&mut self, held: Option<&Lease>, at_once: bool) -> Result<Call> {
        let hold_ms = match (at_once, held) {
            (true, _) => 0,
            (false, Some(_)) => BUSY_HOLD_MS,
            (false, None) => IDLE_HOLD_MS,
        };
        self.progress += 1;
        let status = |lease: &Lease| AttemptStatus { lease: lease.lease.clone(), progress: self.progress };
        let request = SyncRequest {
            session_id: self.session_id.clone(),
            capabilities: (!self.is_known).then(capabilities),
            free_slots: u32::from(held.is_none()),
            free_joins: FREE_JOINS,
            attempts: held.iter().map(|lease| status(lease)).collect(),
            draining: false,
            leaving: false,
            resting_reason: None,
            device_rooms: vec![],
            benchmark: None,
            hold_ms,
        };
        let request = self.signed(request)?;
        let sent = Instant::now();
        let answer = self.client.sync(request).await?.into_inner();
        let at = Instant::now();
        self.is_known = true;
        let late = (at - sent).saturating_sub(Duration::from_millis(hold_ms.into()));
        Ok(Call { answer, late, is_prompt: at_once, at })
    }

    /// Gives a lease back because the source is no media, which it is not.
    pub async fn refuse(&mut self, lease: &Lease) -> Result<()> {
        let mut request = FailRequest { lease: lease.lease.clone(), ..FailRequest::default() };
        request.set_class(FailureClass::Source);
        request.message = "a simulated runner looks at nothing".into();
        let request = self.signed(request)?;
        self.client.fail(request).await?;
        Ok(())
    }

    fn signed<T>(&self, message: T) -> Result<Request<T>> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.parse()?);
        Ok(request)
    }
}

/// What a machine with all encoders offers.
fn capabilities() -> Capabilities {
    let encoder = |name: &&str| Encoder {
        name: (*name).into(),
        fingerprint: "5f0c8a3d".repeat(8),
        version: format!("{name} of a simulated runner"),
        ..Encoder::default()
    };
    let names = ["libx264", "libx265", "libsvtav1", "rav1e", "aac", "libopus"];
    Capabilities {
        version: "0.1.0".into(),
        slots: 1,
        encoders: names.iter().map(encoder).collect(),
        cpu_count: 8,
        memory_bytes: 16 << 30,
        machine: "simulated".into(),
    }
}
