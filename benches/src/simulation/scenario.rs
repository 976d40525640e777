//! What is simulated: a fleet, uploads, accidents.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::accident::Accident;
use super::fleet::{Machine, mixed_fleet};
use super::source::Shape;

/// A link of 1 Gbit/s.
const LINK_MEBIBYTES_PER_SECOND: f64 = 119.0;

/// Length of the video before, and when it is done: by many runners, and by one.
const WARM_UP_SECONDS: u32 = 300;
const WARM_UP_MS: i64 = 240_000;
const WARM_UP_OF_ONE_MS: i64 = 1_200_000;

/// A video that somebody submits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upload {
    /// When, milliseconds.
    pub arrival_ms: i64,
    /// Of what size and length.
    pub shape: Shape,
    /// Of its scenes.
    pub seed: u64,
}

impl Upload {
    /// Of a file with a tenth of a bit for each pixel.
    pub fn source_bytes(&self) -> u64 {
        let Shape { width, height, fps, seconds } = self.shape;
        u64::from(width) * u64::from(height) * u64::from(fps) * u64::from(seconds) / 80
    }
}

/// All that is simulated.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// For the chances that are not in the rest: who asks first.
    pub seed: u64,
    /// The runners.
    pub fleet: Vec<Machine>,
    /// In order of arrival.
    pub uploads: Vec<Upload>,
    /// What happens to runners.
    pub accidents: Vec<Accident>,
    /// Between two calls of a busy runner, milliseconds.
    pub beat_ms: i64,
    /// Measured from then on: what was before has only told the coordinator how fast its runners are.
    pub from_ms: i64,
    /// Of a runner's link, for assemblies; none: the object store joins.
    pub link_mebibytes_per_second: Option<f64>,
}

impl Scenario {
    /// One video and a mixed fleet.
    pub fn film(runners: usize, shape: Shape, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            seed,
            fleet: mixed_fleet(runners, &mut rng),
            uploads: vec![Upload { arrival_ms: 0, shape, seed }],
            accidents: Vec::new(),
            beat_ms: 1000,
            from_ms: 0,
            link_mebibytes_per_second: Some(LINK_MEBIBYTES_PER_SECOND),
        }
    }

    /// One video on one machine of so many processors, a slot on each.
    pub fn machine(cores: u32, shape: Shape, seed: u64) -> Self {
        Self { fleet: vec![Machine::plain(cores, 1.0)], ..Self::film(1, shape, seed) }
    }

    /// Mixed videos that arrive at random within a time.
    pub fn queue(runners: usize, videos: usize, within_ms: i64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let fleet = mixed_fleet(runners, &mut rng);
        let mut uploads: Vec<Upload> = (0..videos).map(|_| upload(within_ms, &mut rng)).collect();
        uploads.sort_by_key(|upload| upload.arrival_ms);
        Self { fleet, uploads, beat_ms: 5000, ..Self::film(1, shape_1080p(60), seed) }
    }

    /// A share of the runners vanish within a time; half of them come back after two minutes.
    pub fn with_deaths(mut self, share: f64, within_ms: i64) -> Self {
        let mut rng = StdRng::seed_from_u64(self.seed ^ 0xdead);
        // The first runner stays, so that somebody ends the work.
        for runner in 1..self.fleet.len() {
            if rng.random_bool(share) {
                let away_ms = rng.random_bool(0.5).then_some(120_000);
                self.accidents.push(Accident::Killed {
                    runner,
                    at_ms: rng.random_range(1..within_ms),
                    away_ms,
                });
            }
        }
        self
    }

    /// The fleet has done a video of the same kind before, so its speeds are known.
    pub fn after_another(mut self) -> Self {
        let runners = self.fleet.len() as i64;
        self.from_ms = WARM_UP_MS + WARM_UP_OF_ONE_MS / runners;
        for upload in &mut self.uploads {
            upload.arrival_ms += self.from_ms;
        }
        let shape = Shape { seconds: WARM_UP_SECONDS, ..self.uploads[0].shape };
        self.uploads.insert(0, Upload { arrival_ms: 0, shape, seed: self.seed ^ 1 });
        self
    }

    /// A runner is slowed ten times at some moment.
    pub fn with_slow_runner(mut self, runner: usize, at_ms: i64) -> Self {
        self.accidents.push(Accident::Slowed { runner, at_ms, share: 0.1 });
        self
    }

    /// The object store joins chunks by itself.
    pub fn joined_by_store(mut self) -> Self {
        self.link_mebibytes_per_second = None;
        self
    }
}

/// 30 frames a second of 1920x1080.
pub fn shape_1080p(seconds: u32) -> Shape {
    Shape { width: 1920, height: 1080, fps: 30, seconds }
}

/// 30 frames a second of 3840x2160.
pub fn shape_2160p(seconds: u32) -> Shape {
    Shape { width: 3840, height: 2160, fps: 30, seconds }
}

/// Ten seconds to two hours, short ones more often; 360p to 4K.
fn upload(within_ms: i64, rng: &mut StdRng) -> Upload {
    const SIZES: [(u32, u32); 8] = [
        (640, 360),
        (854, 480),
        (1280, 720),
        (1280, 720),
        (1920, 1080),
        (1920, 1080),
        (2560, 1440),
        (3840, 2160),
    ];
    let (width, height) = SIZES[rng.random_range(0..SIZES.len())];
    let fps = [24, 25, 30, 30, 60][rng.random_range(0..5)];
    // Even on a scale of ratios: 10 s to 7200 s.
    let seconds = (10.0 * 720_f64.powf(rng.random_range(0.0..1.0))) as u32;
    let shape = Shape { width, height, fps, seconds };
    Upload { arrival_ms: rng.random_range(0..within_ms), shape, seed: rng.random() }
}
