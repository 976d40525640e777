//! A runner that is played: it takes whatever there is, and does it as a plan wants it done, or fails on purpose.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use flotilla_proto::delta;
use flotilla_proto::fleet::fleet_client::FleetClient;
use flotilla_proto::fleet::task_result::Kind;
use flotilla_proto::fleet::task_spec::Kind as Spec;
use flotilla_proto::fleet::*;
use sha2::{Digest, Sha256};
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::media::{self, fragment};

/// Length of every source, frames at [`RATE`] a second.
const FRAMES: i64 = 48;
const RATE: i64 = 24;
/// Of its sound.
const SAMPLES: u64 = 96_000;
const SAMPLE_RATE: u32 = 48_000;

/// What the test and the machine tell each other.
#[derive(Default)]
pub struct Orders {
    /// Where the coordinator is; it may have moved.
    pub url: Mutex<String>,
    /// Takes nothing of what comes after the probe.
    pub rests: AtomicBool,
    /// All attempts fail so.
    pub fails: Mutex<Option<(FailureClass, String)>>,
    /// Jobs of the tasks that it has done.
    pub done: Mutex<Vec<String>>,
    /// Tracks that were encoded from a file of their own.
    pub heard_apart: AtomicU32,
    /// Chunks that were encoded, in the order of their plans.
    pub chunks: Mutex<BTreeMap<u32, Encoded>>,
    /// Files of the last track that was encoded from several.
    pub heard: Mutex<Vec<String>>,
    /// Jobs of the tasks that it has given back.
    pub returned: Mutex<Vec<String>>,
    /// How the sources begin that it has probed, as text.
    pub read: Mutex<Vec<String>>,
    /// Jobs that were probed without a picture beside their source.
    pub pictureless: Mutex<Vec<String>>,
}

/// A chunk that was encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Name of the file that it is of.
    pub file: String,
    /// Frames of its first grid.
    pub frames: usize,
    /// Names of the files that lie over it.
    pub marks: Vec<String>,
}

/// A machine that has joined.
pub struct Machine {
    identity: String,
    orders: Arc<Orders>,
}

impl Machine {
    pub async fn join(orders: Arc<Orders>, token: &str) -> Self {
        let url = orders.url.lock().unwrap().clone();
        let mut client = FleetClient::connect(url).await.expect("the coordinator listens");
        let request = JoinRequest { token: token.into(), name: "played".into(), version: "0.1.0".into() };
        let joined = client.join(request).await.expect("it may join").into_inner();
        Self { identity: format!("{}.{}", joined.runner_id, joined.secret), orders }
    }

    /// Works until the test ends; a coordinator that is away is looked for again.
    pub async fn run(self) {
        loop {
            let url = self.orders.url.lock().unwrap().clone();
            if let Ok(client) = FleetClient::connect(url).await {
                // It ends with the connection.
                let _ = self.serve(client).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }

    async fn serve(&self, mut client: FleetClient<Channel>) -> Result<(), Status> {
        loop {
            let leases = client.sync(self.signed(self.state())).await?.into_inner().start;
            for lease in leases {
                self.do_one(&mut client, &lease).await?;
            }
        }
    }

    async fn do_one(&self, client: &mut FleetClient<Channel>, lease: &Lease) -> Result<(), Status> {
        let is_probe = matches!(spec(lease), Spec::Probe(_));
        let failure = self.orders.fails.lock().unwrap().clone();
        let failure = failure.or_else(|| {
            let rests = self.orders.rests.load(Ordering::SeqCst) && !is_probe;
            rests.then(|| (FailureClass::Returned, "the machine rests".to_owned()))
        });
        if let Some((class, message)) = failure {
            let mut request = FailRequest { lease: lease.lease.clone(), message, ..Default::default() };
            request.set_class(class);
            client.fail(self.signed(request)).await?;
            self.orders.returned.lock().unwrap().push(lease.job_id.clone());
            // Else it would be given the same again at once.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            return Ok(());
        }
        // Inputs and uploads go when a job is cancelled: the lease is over then.
        if let Some(request) = done(lease).await {
            client.complete(self.signed(request)).await?;
            if matches!(spec(lease), Spec::EncodeAudio(_)) && is_handed_sound(&lease.inputs[0].url) {
                self.orders.heard_apart.fetch_add(1, Ordering::SeqCst);
            }
            self.note(lease).await;
            self.orders.done.lock().unwrap().push(lease.job_id.clone());
        }
        Ok(())
    }

    async fn note(&self, lease: &Lease) {
        let name = |input: u32| file_name(&lease.inputs[input as usize].url);
        match spec(lease) {
            Spec::Probe(_) => {
                if lease.inputs.len() == 1 {
                    self.orders.pictureless.lock().unwrap().push(lease.job_id.clone());
                }
                let source = beginning(&lease.inputs[0].url).await;
                self.orders.read.lock().unwrap().push(source);
            }
            Spec::EncodeChunk(chunk) => {
                let marks = chunk.marks.iter().map(|mark| name(mark.input)).collect();
                let frames = chunk.grids[0].source_pts_deltas.len();
                let encoded = Encoded { file: name(0), frames, marks };
                self.orders.chunks.lock().unwrap().insert(chunk.chunk_index, encoded);
            }
            Spec::EncodeAudio(audio) if !audio.parts.is_empty() => {
                let files = audio.parts.iter().filter_map(|part| part.input).map(name).collect();
                *self.orders.heard.lock().unwrap() = files;
            }
            _ => {}
        }
    }

    fn state(&self) -> SyncRequest {
        let encoder = |name: &str| Encoder {
            name: name.into(),
            fingerprint: "one".into(),
            version: "played".into(),
            ..Encoder::default()
        };
        let encoders = vec![encoder("libx264"), encoder("aac")];
        SyncRequest {
            session_id: "the only one".into(),
            capabilities: Some(Capabilities { slots: 4, encoders, ..Default::default() }),
            free_slots: 1,
            free_joins: 0,
            attempts: vec![],
            draining: false,
            leaving: false,
            resting_reason: None,
            device_rooms: vec![],
            benchmark: None,
            hold_ms: 2_000,
        }
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let identity = format!("Bearer {}", self.identity).parse().expect("an identity is plain text");
        request.metadata_mut().insert("authorization", identity);
        request
    }
}

/// The first bytes of a file; nothing where it is gone.
async fn beginning(url: &str) -> String {
    let Ok(reply) = reqwest::get(url).await else { return String::new() };
    let bytes = reply.bytes().await.unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}

fn is_handed_sound(url: &str) -> bool {
    file_name(url) == "sound"
}

/// Of what an order brings beside the source: `insert` and its number, without the order.
fn file_name(url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    match (name.strip_prefix("insert-"), name.rsplit_once('-')) {
        (Some(_), Some((_, number))) => format!("insert {number}"),
        _ => name.to_owned(),
    }
}

fn spec(lease: &Lease) -> &Spec {
    lease.task.as_ref().and_then(|task| task.kind.as_ref()).expect("a lease says what to do")
}

/// Does a task, uploads what it makes, and says so. None: what it reads or writes is gone.
async fn done(lease: &Lease) -> Option<CompleteRequest> {
    let (kind, contents) = match spec(lease) {
        Spec::Probe(probe) => {
            let beside = lease.inputs.len() - 1 - probe.inserts.len();
            assert!(!probe.sound_apart || beside == 1, "the sound is handed in");
            let inserts = probe.inserts().map(insert).collect();
            let found = ProbeResult { inserts, ..probed(beside == 1 && !probe.sound_apart) };
            (Kind::Probe(found), vec![])
        }
        Spec::EncodeChunk(chunk) => encoded(chunk),
        Spec::EncodeAudio(audio) => sounded(audio),
        Spec::ExtractText(_) => (Kind::ExtractText(ExtractTextResult::default()), vec![]),
        Spec::Storyboard(drawn) => {
            let result = StoryboardResult { sprite_count: u32::try_from(drawn.sprites.len()).ok()? };
            (Kind::Storyboard(result), vec![vec![0xff, 0xd8, 0xff, 0xe0]])
        }
        Spec::Assemble(joined) => {
            let mut inputs = Vec::new();
            for input in &lease.inputs {
                let reply = reqwest::get(&input.url).await.ok()?.error_for_status().ok()?;
                inputs.push(reply.bytes().await.ok()?.to_vec());
            }
            let result = AssembleResult { sample_count: joined.sample_count };
            (Kind::Assemble(result), assembled(joined, &inputs, &lease.task_id))
        }
    };
    assert_eq!(lease.outputs.len(), contents.len(), "{:?}", spec(lease));
    let mut outputs = Vec::new();
    for (grant, content) in lease.outputs.iter().zip(contents) {
        let put = reqwest::Client::new().put(&grant.part_urls[0]).body(content.clone()).send();
        let reply = put.await.ok()?.error_for_status().ok()?;
        let etag = reply.headers().get("etag")?.to_str().ok()?.to_owned();
        let (size_bytes, sha256) = (content.len() as u64, Sha256::digest(&content).to_vec());
        outputs.push(OutputResult { size_bytes, sha256, etags: vec![etag] });
    }
    let result = Some(TaskResult { kind: Some(kind) });
    Some(CompleteRequest { lease: lease.lease.clone(), outputs, result, usage: None })
}

fn insert(kind: InsertKind) -> InsertResult {
    let kind = match kind {
        InsertKind::Clip => insert_result::Kind::Clip(probed(false)),
        InsertKind::Mark => insert_result::Kind::Mark(MarkResult { width: 200, height: 100 }),
        InsertKind::Unspecified => panic!("a file of the edits is of no kind"),
    };
    InsertResult { kind: Some(kind) }
}

fn encoded(chunk: &EncodeChunkSpec) -> (Kind, Vec<Vec<u8>>) {
    let make = |rendition: &VideoRendition| {
        let grid = &chunk.grids[rendition.grid_index as usize];
        let times = delta::decode(&grid.time_deltas);
        let frames = times.len() - 1;
        let starts: Vec<usize> = (0..frames).step_by(rendition.gop_frames as usize).collect();
        let ends = starts.iter().skip(1).copied().chain([frames]);
        let spans = starts.iter().zip(ends).map(|(&start, end)| (times[start] as u64, times[end] as u64));
        let init = media::init(&[media::picture(rendition.width, rendition.height, grid.timescale)]);
        let first = rendition.first_sequence_number;
        track(init, first, &spans.collect::<Vec<_>>(), frames as u64, chunk.init_first)
    };
    let (renditions, contents) = chunk.renditions.iter().map(make).unzip();
    (Kind::EncodeChunk(EncodeChunkResult { renditions, missing_frames: 0 }), contents)
}

fn sounded(audio: &EncodeAudioSpec) -> (Kind, Vec<Vec<u8>>) {
    let init = media::init(&[media::sound(audio.sample_rate_hz)]);
    let spans: Vec<_> = (0..2).map(|second| (second * SAMPLES / 2, (second + 1) * SAMPLES / 2)).collect();
    let (track, content) = track(init, 1, &spans, SAMPLES, audio.init_first);
    (Kind::EncodeAudio(EncodeAudioResult { track: Some(track) }), vec![content])
}

fn track(
    init_segment: Vec<u8>,
    first: u32,
    spans: &[(u64, u64)],
    sample_count: u64,
    init_first: bool,
) -> (TrackResult, Vec<u8>) {
    let mut content = if init_first { init_segment.clone() } else { Vec::new() };
    let mut fragments = Vec::new();
    for (number, (start, end)) in (first..).zip(spans) {
        let bytes = fragment(number, 1, *start);
        fragments.push(Fragment {
            size_bytes: u32::try_from(bytes.len()).expect("it is short"),
            decode_time: *start,
            duration: u32::try_from(end - start).expect("it is short"),
            starts_with_keyframe: true,
        });
        content.extend(bytes);
    }
    (TrackResult { init_segment, sample_count, fragments }, content)
}

/// The files of a rendition in their order: fMP4, progressive MP4, fMP4 with sound.
fn assembled(joined: &AssembleSpec, inputs: &[Vec<u8>], task: &str) -> Vec<Vec<u8>> {
    let (video, audio) = inputs.split_at(joined.chunk_count as usize);
    let video: Vec<u8> = video.iter().flat_map(|input| media::fragments(input)).copied().collect();
    let audio: Vec<u8> = audio.iter().flat_map(|input| media::fragments(input)).copied().collect();
    let mut files = Vec::new();
    if joined.fragmented {
        files.push([joined.init_segment.clone(), video.clone()].concat());
    }
    if joined.progressive {
        // Nobody looks into it; no two are equal, as with real media.
        files.push(format!("a progressive file of {} by {task}", joined.name).into_bytes());
    }
    if let Some(muxed) = &joined.muxed {
        files.push(interleaved(joined, muxed, &video, &audio));
    }
    files
}

fn interleaved(joined: &AssembleSpec, muxed: &MuxedSpec, video: &[u8], audio: &[u8]) -> Vec<u8> {
    let inits = [&joined.init_segment, &joined.audio_init_segment];
    let tracks: Vec<_> = inits.into_iter().filter_map(|init| media::only_track(init)).collect();
    let mut file = media::init(&tracks);
    let size = media::fragment_bytes();
    let (mut pictures, mut sounds) = (video.chunks(size), audio.chunks(size));
    let mut number = 0;
    for segment in &muxed.segments {
        let parts = (0..segment.video_fragments).map(|_| 1).chain((0..segment.audio_fragments).map(|_| 2));
        for id in parts {
            let next = if id == 1 { pictures.next() } else { sounds.next() };
            number += 1;
            file.extend(fragment(number, id, media::decode_time(next.expect("as many as planned"))));
        }
    }
    file
}

/// Two seconds of 640x360 at 24 frames a second with stereo sound; or sound and a given picture.
fn probed(with_picture: bool) -> ProbeResult {
    let per_second = |denominator| Some(Rational { numerator: 1, denominator });
    let count = if with_picture { 1 } else { FRAMES };
    let video = VideoStream {
        codec: "h264".into(),
        width: 640,
        height: 360,
        pixel_format: "yuv420p".into(),
        time_base: per_second(RATE),
        frame_rate: Some(Rational { numerator: RATE, denominator: 1 }),
        colour_primaries: 2,
        transfer_characteristics: 2,
        matrix_coefficients: 2,
        is_default: true,
        pts_deltas: delta::encode((0..count).collect::<Vec<_>>()),
        keyframes: vec![0],
        last_duration: 1,
        attached_picture: with_picture,
        given: with_picture,
        ..VideoStream::default()
    };
    let audio = AudioStream {
        index: 1,
        codec: "aac".into(),
        sample_rate_hz: SAMPLE_RATE,
        channel_count: 2,
        bitrate_bps: 128_000,
        time_base: per_second(SAMPLE_RATE.into()),
        duration: i64::try_from(SAMPLES).expect("it is short"),
        is_default: true,
        ..AudioStream::default()
    };
    ProbeResult {
        demuxer: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        duration_us: 2_000_000,
        bitrate_bps: 1_000_000,
        video: vec![video],
        audio: vec![audio],
        ..ProbeResult::default()
    }
}
