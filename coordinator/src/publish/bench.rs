//! A store with one finished job in it, for the tests of publication: real media, records made by hand.

use std::net::SocketAddr;

use super::sample::{self, Sample, X264};
use super::*;
use crate::domain::outcome::{Fragment, Outcome, Track, Usage};
use crate::domain::plan::{Chunk, Grid, Package, Rendition, Slice, SourcePicture, VideoPlan};
use crate::domain::runner::{Capabilities, Encoder};
use crate::domain::source::Colour;
use crate::domain::{FailureClass, JobState, Rational, TaskKind, TaskState, Timestamp, Token};
use crate::objects::EmbeddedServer;
use crate::store::{AttemptState, StoredObject};

/// A store with one finished job in it: a 96x64 rendition in two chunks and an AAC track.
pub struct Bench {
    pub storage: Storage,
    pub finished: Finished,
    /// Where the rendition lies.
    pub media: Location,
    /// What lies there.
    pub bytes: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = serve(folder.path()).await;
        storage.ensure_bucket("public").await.expect("a bucket");
        let (video, audio) = (sample::video(&X264), sample::audio(&["-c:a", "aac"]));
        let job = job();
        let media = job.destination.media("64p").expect("a name");
        let audio_media = job.destination.media("audio-eng").expect("a name");
        storage.put(&media, Bytes::from(video.bytes.clone()), "video/mp4").await.expect("put");
        storage.put(&audio_media, Bytes::from(audio.bytes.clone()), "video/mp4").await.expect("put");
        let objects = [stored(&media, &video), stored(&audio_media, &audio)];
        let finished = finished(job, &video.track, &audio.track, objects);
        Self { storage, finished, media, bytes: video.bytes, _folder: folder }
    }

    /// Publication is refused for that reason, and no manifest is there.
    pub async fn check_refused(&self, finished: &Finished, reason: &str) {
        let error = publish(finished, &self.storage).await.expect_err(reason);
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.class(), FailureClass::Verify);
        assert!(self.storage.head(&finished.job.destination.master()).await.is_err(), "{reason}: published");
    }
}

async fn serve(folder: &std::path::Path) -> Storage {
    let server = EmbeddedServer::open(folder, None).expect("a server");
    let listener =
        tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let router = server.mount(axum::Router::new());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Storage::new(&server.storage_config(&endpoint))
}

fn job() -> JobRecord {
    JobRecord {
        id: "job".parse().expect("an id"),
        source: "/home/alice/clip.mp4".into(),
        source_object: "s3://fleet/sources/job/source".parse().expect("a location"),
        source_bytes: 1000,
        source_is_ours: true,
        profile: "web".into(),
        profile_json: String::new(),
        destination: "s3://public/videos/7".parse().expect("a destination"),
        chunk_seconds: None,
        priority: 0,
        progressive_publish: false,
        tenant: "default".into(),
        extras: Default::default(),
        state: JobState::Publishing,
        failure: None,
        created_at: Timestamp(1000),
        ended_at: None,
    }
}

fn stored(at: &Location, sample: &Sample) -> StoredObject {
    let size_bytes = sample.bytes.len() as u64;
    StoredObject { at: at.clone(), size_bytes, sha256: String::new(), etags: Vec::new() }
}

fn plan() -> Plan {
    let grid = Grid {
        timescale: 24_000,
        frame_rate: Rational::new(24, 1).expect("a rate"),
        gop_frames: 24,
        times: (0..=96).map(|frame| frame * 1000).collect(),
        source_pts: (0..96).collect(),
    };
    let slice = |start_frame, end_frame| Chunk {
        seek_pts: None,
        slices: vec![Slice { start_frame, end_frame }],
        jumps: vec![],
        effort_permille: 1000,
        clip: None,
    };
    let cap = [("maxrate", "10000000"), ("bufsize", "20000000")];
    let rendition = Rendition {
        name: "64p".into(),
        grid_index: 0,
        width: 96,
        height: 64,
        encoder: "libx264".into(),
        alternatives: Vec::new(),
        settings: cap.map(|(name, value)| (name.into(), value.into())).into(),
        pixel_format: "yuv420p".into(),
        max_bitrate_bps: 10_000_000,
    };
    let video = VideoPlan {
        stream_index: 0,
        rotation_degrees: 0,
        interlaced: false,
        picture: SourcePicture::default(),
        colour: Colour { primaries: 2, transfer: 2, matrix: 2, full_range: false },
        grids: vec![grid],
        renditions: vec![rendition],
        chunks: vec![slice(0, 48), slice(48, 96)],
        still: None,
        clips: vec![],
        marks: vec![],
    };
    Plan {
        profile: "web".into(),
        demuxer: "mov".into(),
        video: Some(video),
        audio: vec![fixtures::audio_plan("audio-eng", "eng", "", true)],
        text: vec![],
        storyboard: None,
        early: false,
        package: Package { hls: true, progressive: false, muxed: false, segment_seconds: 2 },
        notes: vec!["a note".into()],
    }
}

fn finished(
    job: JobRecord,
    video: &Track,
    audio: &Track,
    [media, audio_media]: [StoredObject; 2],
) -> Finished {
    let half =
        |fragments: &[Fragment]| Track { fragments: fragments.to_vec(), sample_count: 48, ..video.clone() };
    let chunk =
        |fragments| Some(Outcome::EncodeChunk { renditions: vec![half(fragments)], missing_frames: 0 });
    let joined = |sample_count| Some(Outcome::Assemble { sample_count });
    let tasks = vec![
        task("c0", TaskKind::EncodeChunk { chunk_index: 0 }, chunk(&video.fragments[..2]), vec![]),
        task("c1", TaskKind::EncodeChunk { chunk_index: 1 }, chunk(&video.fragments[2..]), vec![]),
        task(
            "a0",
            TaskKind::EncodeAudio { audio_index: 0 },
            Some(Outcome::EncodeAudio(audio.clone())),
            vec![],
        ),
        task("j0", TaskKind::Assemble { rendition_index: 0 }, joined(96), vec![media]),
        task("j1", TaskKind::AssembleAudio { audio_index: 0 }, joined(audio.sample_count), vec![audio_media]),
    ];
    let attempts = tasks.iter().map(attempt).collect();
    let source = Source {
        demuxer: "mov".into(),
        duration_us: 4_000_000,
        bitrate_bps: 0,
        video: vec![],
        audio: vec![],
        text: vec![],
        notes: vec![],
        inserts: vec![],
    };
    Finished { job, plan: plan(), source, tasks, attempts, runners: vec![runner()], pins: HashMap::new() }
}

fn task(id: &str, kind: TaskKind, outcome: Option<Outcome>, objects: Vec<StoredObject>) -> TaskRecord {
    TaskRecord {
        id: id.parse().expect("an id"),
        job_id: "job".parse().expect("an id"),
        kind,
        state: TaskState::Done,
        depends_on: vec![],
        encoders: vec![],
        size: 1,
        ready_at: Some(Timestamp(2000)),
        done_at: Some(Timestamp(9000)),
        outcome,
        objects,
    }
}

fn attempt(task: &TaskRecord) -> AttemptRecord {
    let usage = Usage {
        cpu_ms: 7,
        ran_ms: 5,
        transferred_ms: 1,
        bytes_downloaded: 11,
        bytes_uploaded: 13,
        peak_memory_bytes: 17,
    };
    AttemptRecord {
        id: format!("{}-1", task.id).parse().expect("an id"),
        task_id: task.id.clone(),
        runner_id: "r1".parse().expect("an id"),
        token: Token::new("secret".into()),
        epoch: 1,
        state: AttemptState::Sealed,
        leased_at: Timestamp(2500),
        expires_at: Timestamp(3000),
        ended_at: None,
        progress: 0,
        failure: None,
        usage: Some(usage),
    }
}

fn runner() -> RunnerRecord {
    let x264 = Encoder {
        name: "libx264".into(),
        fingerprint: "f".into(),
        version: "libx264 164".into(),
        ..Encoder::default()
    };
    RunnerRecord {
        id: "r1".parse().expect("an id"),
        name: "attic".into(),
        capabilities: Capabilities { encoders: vec![x264], ..Capabilities::default() },
        joined_at: Timestamp(0),
        last_seen_at: None,
        live_attempts: 0,
        draining: false,
        strikes: 0,
    }
}
