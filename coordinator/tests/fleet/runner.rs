//! A runner played by hand: it says over the protocol exactly what a test wants it to say.

use std::sync::atomic::{AtomicU64, Ordering};

use flotilla_proto::delta;
use flotilla_proto::fleet::fleet_client::FleetClient;
use flotilla_proto::fleet::task_result::Kind;
use flotilla_proto::fleet::task_spec::Kind as Spec;
use flotilla_proto::fleet::*;
use sha2::{Digest, Sha256};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Frames a second of the played source, and its ticks.
pub const FRAMES_PER_SECOND: i64 = 24;
/// Length of the played source, frames.
pub const FRAME_COUNT: i64 = 240;
/// As long as the coordinator lets a call hang.
const LONG: u32 = u32::MAX;

/// A runner. Cloning it makes a second hand of the same machine, not another machine.
#[derive(Clone)]
pub struct HandPlayed {
    client: FleetClient<Channel>,
    pub identity: String,
    pub session_id: String,
    encoders: Vec<Encoder>,
}

impl HandPlayed {
    pub async fn join(url: String, token: &str, name: &str, fingerprint: &str) -> Result<Self, Status> {
        let mut client = FleetClient::connect(url).await.expect("the coordinator listens");
        let request = JoinRequest { token: token.into(), name: name.into(), version: "0.1.0".into() };
        let joined = client.join(request).await?.into_inner();
        let encoder = |name: &str| Encoder {
            name: name.into(),
            fingerprint: fingerprint.into(),
            version: format!("{name} played by hand"),
            ..Encoder::default()
        };
        let identity = format!("{}.{}", joined.runner_id, joined.secret);
        let encoders = vec![encoder("libx264"), encoder("aac")];
        Ok(Self { client, identity, session_id: session(), encoders })
    }

    /// The same machine without an encoder.
    pub fn without(mut self, name: &str) -> Self {
        self.encoders.retain(|encoder| encoder.name != name);
        self
    }

    /// The same machine, which has told how fast it is.
    pub fn with_speed(mut self, pixels_per_second: u64) -> Self {
        self.encoders.iter_mut().for_each(|encoder| encoder.pixels_per_second = pixels_per_second);
        self
    }

    /// The same machine after a restart of its runner, or of the coordinator at another address.
    pub async fn reconnected(mut self, url: String) -> Self {
        self.client = FleetClient::connect(url).await.expect("the coordinator listens");
        self
    }

    /// A Sync that states these attempts and free slots, and lets the coordinator hold the call.
    pub fn state(&self, free_slots: u32, held: &[&Lease]) -> SyncRequest {
        let status = |lease: &&Lease| AttemptStatus { lease: lease.lease.clone(), progress: 1 };
        SyncRequest {
            session_id: self.session_id.clone(),
            capabilities: Some(Capabilities {
                slots: 4,
                encoders: self.encoders.clone(),
                ..Default::default()
            }),
            free_slots,
            free_joins: 0,
            attempts: held.iter().map(status).collect(),
            draining: false,
            leaving: false,
            resting_reason: None,
            device_rooms: vec![],
            benchmark: None,
            hold_ms: LONG,
        }
    }

    pub async fn sync(&self, request: SyncRequest) -> Result<SyncResponse, Status> {
        self.client.clone().sync(self.signed(request)).await.map(tonic::Response::into_inner)
    }

    /// What is there for so many free slots at once.
    pub async fn ask(&self, free_slots: u32, held: &[&Lease]) -> Vec<Lease> {
        let request = SyncRequest { hold_ms: 0, ..self.state(free_slots, held) };
        self.sync(request).await.expect("the coordinator answers").start
    }

    /// The next task, as soon as there is one.
    pub async fn take(&self) -> Lease {
        let work = async {
            loop {
                let mut answer = self.sync(self.state(1, &[])).await.expect("the coordinator answers");
                if let Some(lease) = answer.start.pop() {
                    return lease;
                }
            }
        };
        crate::stage::soon(work).await
    }

    /// The next chunk of a job; whatever comes before it is done.
    pub async fn take_chunk(&self) -> Lease {
        loop {
            let lease = self.take().await;
            if chunk_index(&lease).is_some() {
                return lease;
            }
            assert!(self.work(&lease).await.accepted);
        }
    }

    pub async fn complete(&self, request: CompleteRequest) -> Result<CompleteResponse, Status> {
        self.client.clone().complete(self.signed(request)).await.map(tonic::Response::into_inner)
    }

    /// Does a task as it should be done. Answers what the coordinator said.
    pub async fn work(&self, lease: &Lease) -> CompleteResponse {
        let request = done(lease).await;
        self.complete(request).await.expect("the coordinator answers")
    }

    pub async fn fail(&self, lease: &Lease, class: FailureClass, message: &str) {
        let mut request =
            FailRequest { lease: lease.lease.clone(), message: message.into(), ..FailRequest::default() };
        request.set_class(class);
        self.client.clone().fail(self.signed(request)).await.expect("the coordinator answers");
    }

    pub async fn grant_parts(
        &self,
        lease: &Lease,
        first_part: u32,
        last_part: u32,
    ) -> Result<Vec<String>, Status> {
        let request =
            GrantPartsRequest { lease: lease.lease.clone(), output_index: 0, first_part, last_part };
        let granted = self.client.clone().grant_parts(self.signed(request)).await?;
        Ok(granted.into_inner().part_urls)
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let identity = format!("Bearer {}", self.identity).parse().expect("an identity is plain text");
        request.metadata_mut().insert("authorization", identity);
        request
    }
}

/// A session that no other runner has.
pub fn session() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("session-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Uploads what a task is to make and says so in its words.
pub async fn done(lease: &Lease) -> CompleteRequest {
    let mut outputs = Vec::new();
    for (index, grant) in lease.outputs.iter().enumerate() {
        outputs.push(upload(grant, &content(index)).await);
    }
    CompleteRequest {
        lease: lease.lease.clone(),
        outputs,
        result: Some(TaskResult { kind: Some(result(lease)) }),
        usage: None,
    }
}

/// Puts one part where a grant says.
pub async fn upload(grant: &OutputGrant, content: &[u8]) -> OutputResult {
    let etag = put(&grant.part_urls[0], content).await.expect("the part is taken");
    OutputResult {
        size_bytes: content.len() as u64,
        sha256: Sha256::digest(content).to_vec(),
        etags: vec![etag],
    }
}

/// PUTs to a presigned URL. The status when it is refused.
pub async fn put(url: &str, content: &[u8]) -> Result<String, u16> {
    let reply =
        reqwest::Client::new().put(url).body(content.to_vec()).send().await.expect("the store answers");
    match reply.status().is_success() {
        true => Ok(reply.headers()["etag"].to_str().expect("an ETag is text").to_owned()),
        false => Err(reply.status().as_u16()),
    }
}

/// Index of the chunk that a lease is for.
pub fn chunk_index(lease: &Lease) -> Option<u32> {
    match spec(lease) {
        Spec::EncodeChunk(chunk) => Some(chunk.chunk_index),
        _ => None,
    }
}

pub fn spec(lease: &Lease) -> &Spec {
    lease.task.as_ref().and_then(|task| task.kind.as_ref()).expect("a lease says what to do")
}

fn content(output_index: usize) -> Vec<u8> {
    format!("bytes of output {output_index}").into_bytes()
}

/// What a task's engine would report.
fn result(lease: &Lease) -> Kind {
    let track = |sample_count, output_index| TrackResult {
        init_segment: b"ftyp and moov".to_vec(),
        sample_count,
        fragments: vec![Fragment {
            size_bytes: u32::try_from(content(output_index).len()).expect("it is short"),
            decode_time: 0,
            duration: 1,
            starts_with_keyframe: true,
        }],
    };
    match spec(lease) {
        Spec::Probe(_) => Kind::Probe(probed()),
        Spec::EncodeChunk(chunk) => {
            let frames = |rendition: &VideoRendition| {
                chunk.grids[rendition.grid_index as usize].source_pts_deltas.len() as u64
            };
            let renditions = chunk.renditions.iter().enumerate();
            let renditions = renditions.map(|(index, rendition)| track(frames(rendition), index)).collect();
            Kind::EncodeChunk(EncodeChunkResult { renditions, missing_frames: 0 })
        }
        Spec::EncodeAudio(_) => Kind::EncodeAudio(EncodeAudioResult { track: Some(track(480_000, 0)) }),
        Spec::ExtractText(_) => Kind::ExtractText(ExtractTextResult::default()),
        Spec::Storyboard(drawn) => {
            Kind::Storyboard(StoryboardResult { sprite_count: drawn.sprites.len() as u32 })
        }
        Spec::Assemble(joined) => Kind::Assemble(AssembleResult { sample_count: joined.sample_count }),
    }
}

/// Ten seconds of 640x360 at 24 frames a second, a keyframe every other second, with stereo sound.
pub fn probed() -> ProbeResult {
    let per_second = |denominator| Some(Rational { numerator: 1, denominator });
    let pts: Vec<i64> = (0..FRAME_COUNT).collect();
    let video = VideoStream {
        codec: "h264".into(),
        width: 640,
        height: 360,
        pixel_format: "yuv420p".into(),
        time_base: per_second(FRAMES_PER_SECOND),
        frame_rate: Some(Rational { numerator: FRAMES_PER_SECOND, denominator: 1 }),
        colour_primaries: 2,
        transfer_characteristics: 2,
        matrix_coefficients: 2,
        is_default: true,
        pts_deltas: delta::encode(pts),
        keyframes: (0..240).step_by(48).collect(),
        last_duration: 1,
        block_bytes: vec![],
        ..VideoStream::default()
    };
    let audio = AudioStream {
        index: 1,
        codec: "aac".into(),
        sample_rate_hz: 48_000,
        channel_count: 2,
        bitrate_bps: 128_000,
        time_base: per_second(48_000),
        duration: 480_000,
        is_default: true,
        ..AudioStream::default()
    };
    ProbeResult {
        demuxer: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        duration_us: 10_000_000,
        bitrate_bps: 1_000_000,
        video: vec![video],
        audio: vec![audio],
        ..ProbeResult::default()
    }
}
