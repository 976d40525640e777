//! The tasks of a plan and what each waits for. Audio comes first: it is one long chain that no second runner can shorten.

use crate::domain::Work;
use crate::domain::plan::{AudioPlan, Plan, PlannedTask, Rendition, VideoPlan};
use crate::domain::task::TaskKind;

/// Class of work of all assemblies.
const JOINING: &str = "assemble";

const BITS_PER_MEBIBYTE: u128 = 8 * 1024 * 1024;

/// All tasks of a plan, in the order in which they should start.
pub fn tasks(plan: &Plan) -> Vec<PlannedTask> {
    let mut tasks: Vec<_> = (0..).zip(&plan.audio).map(|(index, track)| encode_audio(index, track)).collect();
    let chunks = tasks.len();
    if let Some(video) = &plan.video {
        tasks.extend(encode_chunks(video));
        let first_chunk = chunks..tasks.len();
        for (rendition_index, rendition) in (0..).zip(&video.renditions) {
            let mut depends_on: Vec<usize> = first_chunk.clone().collect();
            // The default track is the first, and its task is the first of all.
            if plan.package.progressive && !plan.audio.is_empty() {
                depends_on.insert(0, 0);
            }
            let size = assembled_mebibytes(video, rendition);
            let kind = TaskKind::Assemble { rendition_index };
            let work = Work::of_reading(JOINING, size);
            tasks.push(PlannedTask { kind, depends_on, encoders: Vec::new(), size, work });
        }
    }
    // A progressive MP4 has the sound in it; a file of its own is for HLS, or when there is nothing else.
    if plan.package.hls || plan.video.is_none() {
        tasks.extend((0..).zip(&plan.audio).map(|(index, track)| assemble_audio(index, track)));
    }
    if !plan.text.is_empty() {
        let (kind, depends_on, encoders) = (TaskKind::ExtractText, Vec::new(), Vec::new());
        let work = Work::of_reading("text", 0);
        tasks.push(PlannedTask { kind, depends_on, encoders, size: 1, work });
    }
    tasks
}

fn encode_audio(audio_index: u32, track: &AudioPlan) -> PlannedTask {
    PlannedTask {
        kind: TaskKind::EncodeAudio { audio_index },
        depends_on: Vec::new(),
        encoders: if track.copy { Vec::new() } else { vec![track.encoder.clone()] },
        size: (track.duration_ticks / 1000).max(1),
        work: Work::of_audio(track),
    }
}

fn encode_chunks(video: &VideoPlan) -> impl Iterator<Item = PlannedTask> {
    let mut encoders: Vec<String> =
        video.renditions.iter().map(|rendition| rendition.encoder.clone()).collect();
    encoders.sort();
    encoders.dedup();
    (0..).zip(&video.chunks).map(move |(chunk_index, chunk)| PlannedTask {
        kind: TaskKind::EncodeChunk { chunk_index },
        depends_on: Vec::new(),
        encoders: encoders.clone(),
        size: chunk.slices.iter().map(|slice| slice.frame_count()).max().unwrap_or(1).max(1),
        work: Work::of_chunk(video, chunk),
    })
}

fn assemble_audio(audio_index: u32, track: &AudioPlan) -> PlannedTask {
    let bits = u128::from(track.bitrate_bps) * u128::from(track.duration_ticks);
    let size = mebibytes(bits / u128::from(track.sample_rate_hz.max(1)));
    PlannedTask {
        kind: TaskKind::AssembleAudio { audio_index },
        depends_on: vec![audio_index as usize],
        encoders: Vec::new(),
        size,
        work: Work::of_reading(JOINING, size),
    }
}

/// As if the rendition used its cap all the time.
fn assembled_mebibytes(video: &VideoPlan, rendition: &Rendition) -> u64 {
    let grid = video.grids.get(rendition.grid_index as usize);
    let bits = grid.and_then(|grid| {
        let ticks = grid.times.last()?.saturating_sub(grid.times.get(0)?);
        Some(u128::from(rendition.max_bitrate_bps) * u128::try_from(ticks).ok()? / u128::from(grid.timescale))
    });
    mebibytes(bits.unwrap_or(0))
}

fn mebibytes(bits: u128) -> u64 {
    u64::try_from(bits / BITS_PER_MEBIBYTE).unwrap_or(u64::MAX).max(1)
}
