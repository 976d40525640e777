//! A fake coordinator: a real gRPC server that hands out the leases it is given and remembers what it is
//! told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flotilla_proto::fleet::fleet_server::{Fleet, FleetServer};
use flotilla_proto::fleet::{
    BenchmarkOrder, CompleteRequest, CompleteResponse, FailRequest, FailResponse, GrantPartsRequest,
    GrantPartsResponse, JoinRequest, JoinResponse, Lease, LeaseRef, SyncRequest, SyncResponse,
};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// Longest wait of a test for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it was told, and what it is to say.
#[derive(Debug)]
pub struct State {
    pub syncs: Vec<SyncRequest>,
    pub grants: Vec<GrantPartsRequest>,
    pub completes: Vec<CompleteRequest>,
    pub fails: Vec<FailRequest>,
    /// Leases to hand out, whatever number of slots is free.
    pub to_start: Vec<Lease>,
    pub to_stop: Vec<String>,
    /// The same task again and again, as a coordinator with a long queue leases it: to the newest call, and no more than
    /// it has slots for.
    pub endless: Option<Lease>,
    /// Of the endless ones, those that have not ended.
    pub open: BTreeSet<String>,
    pub call_count: u64,
    /// In every answer.
    pub benchmark: Option<BenchmarkOrder>,
    pub is_away: bool,
    pub has_forgotten_the_runner: bool,
    /// Tokens with which somebody asked to join.
    pub joins: Vec<String>,
    /// Calls of somebody who is not known.
    pub refusal_count: u32,
    pub self_stop_ms: u32,
    /// Upload URLs are this and the output's and the part's number.
    pub part_url: String,
}

#[derive(Clone)]
pub struct FakeCoordinator {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    pub url: String,
}

impl State {
    /// The runner has not named the order yet.
    fn has_untold_order(&self) -> bool {
        let named = self.syncs.last().and_then(|sync| sync.benchmark.as_ref()).map(|said| &said.id);
        self.benchmark.as_ref().map(|order| &order.id) != named
    }
}

impl State {
    /// Endless tasks that a call may start.
    fn room(&self, request: &SyncRequest, number: u64) -> u32 {
        if self.endless.is_none() || number != self.call_count {
            return 0;
        }
        let named = request.attempts.iter().filter_map(|attempt| attempt.lease.as_ref());
        let named: BTreeSet<_> = named.map(|lease| lease.attempt_id.as_str()).collect();
        // What an earlier answer carries takes slots that this call still calls free.
        let on_their_way = self.open.iter().filter(|id| !named.contains(id.as_str())).count();
        request.free_slots.saturating_sub(on_their_way as u32)
    }

    fn start(&mut self, count: u32) -> Vec<Lease> {
        let mut start = std::mem::take(&mut self.to_start);
        for _ in 0..count {
            let mut lease = self.endless.clone().unwrap();
            let reference = lease.lease.as_mut().unwrap();
            reference.attempt_id = format!("endless-{}", self.call_count * 100 + self.open.len() as u64);
            self.open.insert(reference.attempt_id.clone());
            start.push(lease);
        }
        start
    }

    fn ended(&mut self, lease: Option<&LeaseRef>) {
        self.open.remove(&lease.unwrap().attempt_id);
    }
}

/// An address on this machine that refuses all calls, and that nobody else gets meanwhile.
pub fn reserved() -> TcpSocket {
    let place = TcpSocket::new_v4().unwrap();
    place.bind(([127, 0, 0, 1], 0).into()).unwrap();
    place
}

impl FakeCoordinator {
    pub async fn start(part_url: String) -> Self {
        Self::start_at(reserved(), part_url)
    }

    /// The same, at an address that was kept free for it.
    pub fn start_at(place: TcpSocket, part_url: String) -> Self {
        let listener = place.listen(64).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            syncs: Vec::new(),
            grants: Vec::new(),
            completes: Vec::new(),
            fails: Vec::new(),
            to_start: Vec::new(),
            to_stop: Vec::new(),
            endless: None,
            open: BTreeSet::new(),
            call_count: 0,
            benchmark: None,
            is_away: false,
            has_forgotten_the_runner: false,
            joins: Vec::new(),
            refusal_count: 0,
            self_stop_ms: 20_000,
            part_url,
        };
        let fake = Self { state: Arc::new(Mutex::new(state)), changed: watch::channel(()).0, url };
        let server = tonic::transport::Server::builder().add_service(FleetServer::new(fake.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        fake
    }

    /// Changes or reads the state; calls that hang look at it again.
    pub fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let answer = action(&mut self.state.lock().unwrap());
        self.changed.send_replace(());
        answer
    }

    /// Waits until the state is as wanted.
    pub async fn until(&self, what: &str, mut condition: impl FnMut(&mut State) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !condition(&mut self.state.lock().unwrap()) {
                changed.changed().await.unwrap();
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, wait).await;
        assert!(in_time.is_ok(), "in vain waited until {what}: {:#?}", self.state.lock().unwrap());
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let mut state = self.state.lock().unwrap();
        let bearer = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        match bearer {
            _ if state.is_away => Err(Status::unavailable("away")),
            Some("Bearer r1.hush") if !state.has_forgotten_the_runner => Ok(()),
            _ => {
                state.refusal_count += 1;
                self.changed.send_replace(());
                Err(Status::unauthenticated("this runner is not known"))
            }
        }
    }
}

#[tonic::async_trait]
impl Fleet for FakeCoordinator {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let token = request.get_ref().token.clone();
        self.with(|state| state.joins.push(token.clone()));
        match token.as_str() {
            "good" => Ok(Response::new(JoinResponse { runner_id: "r1".into(), secret: "hush".into() })),
            _ => Err(Status::unauthenticated("the token is not valid")),
        }
    }

    async fn sync(&self, request: Request<SyncRequest>) -> Result<Response<SyncResponse>, Status> {
        self.admit(&request)?;
        let request = request.into_inner();
        let hold = Duration::from_millis(request.hold_ms.into());
        let number = self.with(|state| {
            state.syncs.push(request.clone());
            state.call_count += 1;
            state.call_count
        });
        let mut changed = self.changed.subscribe();
        let is_news = |state: &State| {
            let has_words = !state.to_stop.is_empty() || state.has_untold_order();
            has_words || !state.to_start.is_empty() || state.room(&request, number) > 0
        };
        let news = async {
            while !is_news(&self.state.lock().unwrap()) {
                changed.changed().await.unwrap();
            }
        };
        let _ = tokio::time::timeout(hold, news).await;
        let mut state = self.state.lock().unwrap();
        if state.is_away {
            return Err(Status::unavailable("away"));
        }
        let count = state.room(&request, number);
        Ok(Response::new(SyncResponse {
            start: state.start(count),
            stop_attempt_ids: std::mem::take(&mut state.to_stop),
            drain: false,
            next_call_ms: 0,
            benchmark: state.benchmark.clone(),
            self_stop_ms: state.self_stop_ms,
        }))
    }

    async fn grant_parts(
        &self,
        request: Request<GrantPartsRequest>,
    ) -> Result<Response<GrantPartsResponse>, Status> {
        self.admit(&request)?;
        let request = request.into_inner();
        let base = self.with(|state| {
            state.grants.push(request.clone());
            state.part_url.clone()
        });
        let url = |part| format!("{base}/{}/{part}", request.output_index);
        let part_urls = (request.first_part..=request.last_part).map(url).collect();
        Ok(Response::new(GrantPartsResponse { part_urls }))
    }

    async fn complete(
        &self,
        request: Request<CompleteRequest>,
    ) -> Result<Response<CompleteResponse>, Status> {
        self.admit(&request)?;
        self.with(|state| {
            state.ended(request.get_ref().lease.as_ref());
            state.completes.push(request.into_inner());
        });
        Ok(Response::new(CompleteResponse { accepted: true, reason: String::new() }))
    }

    async fn fail(&self, request: Request<FailRequest>) -> Result<Response<FailResponse>, Status> {
        self.admit(&request)?;
        self.with(|state| {
            state.ended(request.get_ref().lease.as_ref());
            state.fails.push(request.into_inner());
        });
        Ok(Response::new(FailResponse {}))
    }
}
