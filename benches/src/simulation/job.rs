//! A job's work: what each task of its plan takes on a slot of speed 1, and what the whole takes at least.

use flotilla_coordinator::domain::plan::{Plan, Rendition, VideoPlan};
use flotilla_coordinator::domain::source::Source;
use flotilla_coordinator::domain::task::TaskKind;
use flotilla_coordinator::domain::{Failure, TaskId};
use flotilla_coordinator::planner::{self, Request};
use flotilla_coordinator::store::NewPlan;
use flotilla_profiles::Profile;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::costs::Costs;
use super::scenario::Upload;
use super::source::Synthetic;

/// Share of its cap that a rendition uses: of the trailer's.
const CAP_USED: f64 = 0.6;

/// The coordinator writes playlists and manifest.
pub const PUBLISH_MS: i64 = 300;

/// Calls that copy a part inside the object store, each, and how many are on their way at once, as in the coordinator.
const COPY_MS: f64 = 5.0;
const COPIES_IN_FLIGHT: usize = 16;

/// What a task takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Processor time on a slot of speed 1, milliseconds.
    pub cpu_ms: f64,
    /// The least that it takes on the runner's link, milliseconds, whatever the processor.
    pub link_ms: f64,
}

impl Work {
    /// On a slot of a speed.
    pub fn takes_ms(self, speed: f64) -> f64 {
        (self.cpu_ms / speed).max(self.link_ms)
    }
}

/// A job that is planned, with the work of its tasks.
pub struct Planned {
    /// What the store is told.
    pub plan: NewPlan,
    /// In the order of the plan's tasks.
    pub works: Vec<Work>,
    /// Work without any cost of cutting: starts and lead-ins are left out.
    pub ideal_ms: f64,
    /// Tasks that must follow one another, at their shortest: probe, sound or one GOP, the largest assembly.
    pub chain: [Work; 3],
}

/// Plans an upload for a fleet of so many slots.
///
/// # Errors
/// The planner's.
pub fn plan(
    upload: &Upload,
    profile: &Profile,
    slots: u32,
    (costs, link_mebibytes_per_second): (&Costs, Option<f64>),
    mut id: impl FnMut() -> TaskId,
) -> Result<Planned, Failure> {
    let mut rng = StdRng::seed_from_u64(upload.seed);
    let synthetic = Synthetic::make(upload.shape, &costs.unevenness, &mut rng);
    let plan =
        planner::plan(&synthetic.source, profile, &Request { slots, chunk_seconds: None, early: false })?;
    let tasks = planner::tasks(&plan);
    let weigher = Weigher { plan: &plan, synthetic: &synthetic, costs, link_mebibytes_per_second };
    let works: Vec<Work> = tasks.iter().map(|task| weigher.work(task.kind)).collect();
    let probe = probe(&synthetic.source, costs);
    let (ideal_ms, chain) = (weigher.ideal_ms(), [probe, weigher.shortest_middle(), weigher.longest_end()]);
    let tasks = tasks.into_iter().map(|task| (id(), task)).collect();
    Ok(Planned { plan: NewPlan { plan, tasks }, works, ideal_ms: ideal_ms + probe.cpu_ms, chain })
}

/// The work of a probe.
pub fn probe(source: &Source, costs: &Costs) -> Work {
    let frames: usize = source.video.iter().map(|video| video.pts.len()).sum();
    Work { cpu_ms: costs.start_ms + costs.probe_ms_per_frame * frames as f64, link_ms: 0.0 }
}

/// The work of a probe of an upload that is not looked at yet.
pub fn probe_of(upload: &Upload, costs: &Costs) -> Work {
    let frames = f64::from(upload.shape.fps * upload.shape.seconds);
    Work { cpu_ms: costs.start_ms + costs.probe_ms_per_frame * frames, link_ms: 0.0 }
}

struct Weigher<'a> {
    plan: &'a Plan,
    synthetic: &'a Synthetic,
    costs: &'a Costs,
    /// None: the object store joins by itself.
    link_mebibytes_per_second: Option<f64>,
}

impl Weigher<'_> {
    fn video(&self) -> &VideoPlan {
        self.plan.video.as_ref().expect("uploads of the simulation have a picture")
    }

    fn work(&self, kind: TaskKind) -> Work {
        let costs = self.costs;
        match kind {
            TaskKind::Probe | TaskKind::ExtractText | TaskKind::Storyboard => {
                Work { cpu_ms: costs.start_ms, link_ms: 0.0 }
            }
            TaskKind::EncodeChunk { chunk_index } => self.chunk(chunk_index as usize),
            TaskKind::EncodeAudioHead { audio_index } | TaskKind::EncodeAudio { audio_index } => {
                let cpu_ms = costs.start_ms + self.audio_ms(audio_index as usize);
                Work { cpu_ms, link_ms: 0.0 }
            }
            TaskKind::Assemble { rendition_index } => {
                let rendition = &self.video().renditions[rendition_index as usize];
                self.assembly(mebibytes(rendition, self.seconds()), self.video().chunks.len())
            }
            TaskKind::AssembleAudio { audio_index } => {
                let bits = f64::from(self.plan.audio[audio_index as usize].bitrate_bps);
                self.assembly(bits * self.seconds() / 8.0 / f64::from(1 << 20), 1)
            }
        }
    }

    fn chunk(&self, index: usize) -> Work {
        let video = self.video();
        let chunk = &video.chunks[index];
        let frame =
            |grid: usize, at: u64| Synthetic::frame_at(video.grids[grid].source_pts.get(at).unwrap_or(0));
        let mut encode_ms = 0.0;
        for rendition in &video.renditions {
            let grid = rendition.grid_index as usize;
            let slice = chunk.slices[grid];
            let (first, last) = (frame(grid, slice.start_frame), frame(grid, slice.end_frame - 1));
            let effort = self.synthetic.effort_of(first, last + 1) / (last + 1 - first) as f64;
            let frames = slice.frame_count() as f64 * effort;
            encode_ms +=
                frames * megapixels(rendition.width, rendition.height) * self.costs.encode_ms_per_megapixel;
        }
        let first = frame(0, chunk.slices[0].start_frame);
        let lead_in = first.saturating_sub(chunk.seek_pts.map_or(0, Synthetic::frame_at));
        let stream = &self.synthetic.source.video[0];
        let decode_ms =
            lead_in as f64 * megapixels(stream.width, stream.height) * self.costs.decode_ms_per_megapixel;
        Work { cpu_ms: self.costs.start_ms + encode_ms + decode_ms, link_ms: 0.0 }
    }

    fn assembly(&self, mebibytes: f64, parts: usize) -> Work {
        let costs = self.costs;
        match self.link_mebibytes_per_second {
            Some(rate) => Work {
                cpu_ms: costs.start_ms + costs.assemble_ms_per_mebibyte * mebibytes,
                link_ms: mebibytes / rate * 1000.0,
            },
            None => Work {
                cpu_ms: costs.start_ms,
                link_ms: costs.start_ms + COPY_MS * parts.div_ceil(COPIES_IN_FLIGHT) as f64,
            },
        }
    }

    fn audio_ms(&self, index: usize) -> f64 {
        let track = &self.plan.audio[index];
        self.costs.audio_ms_per_second * track.duration_ticks as f64 / f64::from(track.sample_rate_hz)
    }

    fn seconds(&self) -> f64 {
        let grid = &self.video().grids[0];
        grid.times.last().unwrap_or(0) as f64 / f64::from(grid.timescale)
    }

    /// Encoding of all frames of a rendition, without a cut.
    fn encode_ms(&self, rendition: &Rendition) -> f64 {
        let video = self.video();
        let frames = self.synthetic.source.video[0].pts.len();
        let mean = self.synthetic.effort_of(0, frames) / frames as f64;
        let count = video.grids[rendition.grid_index as usize].frame_count() as f64;
        count * mean * megapixels(rendition.width, rendition.height) * self.costs.encode_ms_per_megapixel
    }

    fn ideal_ms(&self) -> f64 {
        let video = self.video();
        let picture: f64 = video.renditions.iter().map(|rendition| self.encode_ms(rendition)).sum();
        let sound: f64 = (0..self.plan.audio.len()).map(|index| self.audio_ms(index)).sum();
        picture + sound
    }

    /// Sound, or a single GOP of the picture where that takes longer.
    fn shortest_middle(&self) -> Work {
        let video = self.video();
        let gops = video.grids[0].frame_count().div_ceil(u64::from(video.grids[0].gop_frames)) as f64;
        let picture: f64 = video.renditions.iter().map(|rendition| self.encode_ms(rendition)).sum();
        let sound = (0..self.plan.audio.len()).map(|index| self.audio_ms(index)).fold(0.0, f64::max);
        Work { cpu_ms: self.costs.start_ms + sound.max(picture / gops), link_ms: 0.0 }
    }

    fn longest_end(&self) -> Work {
        let largest = self.video().renditions.iter().map(|rendition| mebibytes(rendition, self.seconds()));
        // One part: how many there are is the planner's doing.
        self.assembly(largest.fold(0.0, f64::max), 1)
    }
}

fn megapixels(width: u32, height: u32) -> f64 {
    f64::from(width) * f64::from(height) / 1e6
}

fn mebibytes(rendition: &Rendition, seconds: f64) -> f64 {
    rendition.max_bitrate_bps as f64 * CAP_USED * seconds / 8.0 / f64::from(1 << 20)
}
