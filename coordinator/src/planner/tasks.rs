//! The tasks of a plan and what each waits for. Audio comes first: it is one long chain that no second runner can shorten.
//! Where the video is shown early, the heads of the sound and the first chunks come before it.

use crate::domain::Work;
use crate::domain::choice::JOIN;
use crate::domain::plan::{AudioPlan, Plan, PlannedTask, Rendition, VideoPlan};
use crate::domain::task::{OBJECT_COPY, TaskKind};

/// Chunks that come before the sound where a video is shown early; the head of the sound is there by then.
const LEADING_CHUNKS: usize = 2;

/// Class of work of all assemblies.
const JOINING: &str = "assemble";

const BITS_PER_MEBIBYTE: u128 = 8 * 1024 * 1024;

/// All tasks of a plan, in the order in which they should start.
pub fn tasks(plan: &Plan) -> Vec<PlannedTask> {
    let mut tasks: Vec<PlannedTask> = heads(plan).collect();
    let chunks: Vec<_> = plan.video.iter().flat_map(encode_chunks).collect();
    let lead = if plan.early { LEADING_CHUNKS.min(chunks.len()) } else { 0 };
    let mut chunks = chunks.into_iter();
    let mut chunk_places: Vec<usize> = extend(&mut tasks, chunks.by_ref().take(lead));
    let audio = (0..).zip(&plan.audio).map(|(index, track)| encode_audio(index, track));
    let audio_places = extend(&mut tasks, audio);
    chunk_places.extend(extend(&mut tasks, chunks));
    if let Some(video) = &plan.video {
        for (rendition_index, rendition) in (0..).zip(&video.renditions) {
            // The default track is the first.
            let sound = audio_places.first().filter(|_| plan.package.puts_sound_into_pictures());
            let depends_on = sound.into_iter().chain(&chunk_places).copied().collect();
            let size = assembled_mebibytes(video, rendition);
            let kind = TaskKind::Assemble { rendition_index };
            // A file with sound inside is no concatenation.
            let encoders = match plan.package.puts_sound_into_pictures() {
                true => vec![JOIN.to_owned()],
                false => joined_by_copying(),
            };
            let work = Work::of_reading(JOINING, size);
            tasks.push(PlannedTask { kind, depends_on, encoders, size, work });
        }
    }
    // Other files have the sound in them; a file of its own is for HLS, or when there is nothing else.
    if plan.package.hls || plan.video.is_none() {
        let tracks = (0..).zip(&plan.audio).zip(&audio_places);
        tasks.extend(tracks.map(|((index, track), &place)| assemble_audio(index, track, place)));
    }
    if !plan.text.is_empty() {
        let (kind, depends_on, encoders) = (TaskKind::ExtractText, Vec::new(), Vec::new());
        let work = Work::of_reading("text", 0);
        tasks.push(PlannedTask { kind, depends_on, encoders, size: 1, work });
    }
    tasks.extend(plan.storyboard.iter().map(|storyboard| PlannedTask {
        kind: TaskKind::Storyboard,
        depends_on: Vec::new(),
        encoders: Vec::new(),
        size: storyboard.sprites.len() as u64,
        work: Work::of_storyboard(storyboard.sprites.len()),
    }));
    tasks
}

/// Adds tasks and answers where they are.
fn extend(tasks: &mut Vec<PlannedTask>, more: impl Iterator<Item = PlannedTask>) -> Vec<usize> {
    let first = tasks.len();
    tasks.extend(more);
    (first..tasks.len()).collect()
}

/// The coordinator looks first whether it joins them itself.
fn joined_by_copying() -> Vec<String> {
    vec![OBJECT_COPY.to_owned()]
}

fn heads(plan: &Plan) -> impl Iterator<Item = PlannedTask> {
    let tracks = (0..).zip(&plan.audio).filter(|(_, track)| plan.early && track.has_head());
    tracks.map(|(audio_index, track)| PlannedTask {
        kind: TaskKind::EncodeAudioHead { audio_index },
        size: u64::from(track.head_fragments()) * u64::from(track.fragment_ticks) / 1000,
        ..encode_audio(audio_index, track)
    })
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

fn encode_chunks(video: &VideoPlan) -> impl Iterator<Item = PlannedTask> + use<'_> {
    let encoders = video.needs();
    (0..).zip(&video.chunks).map(move |(chunk_index, chunk)| PlannedTask {
        kind: TaskKind::EncodeChunk { chunk_index },
        depends_on: Vec::new(),
        encoders: encoders.clone(),
        size: chunk.slices.iter().map(|slice| slice.frame_count()).max().unwrap_or(1).max(1),
        work: Work::of_chunk(video, chunk),
    })
}

fn assemble_audio(audio_index: u32, track: &AudioPlan, encoded: usize) -> PlannedTask {
    let bits = u128::from(track.bitrate_bps) * u128::from(track.duration_ticks);
    let size = mebibytes(bits / u128::from(track.sample_rate_hz.max(1)));
    PlannedTask {
        kind: TaskKind::AssembleAudio { audio_index },
        depends_on: vec![encoded],
        encoders: joined_by_copying(),
        size,
        work: Work::of_reading(JOINING, size),
    }
}

/// As if the rendition used its cap all the time.
fn assembled_mebibytes(video: &VideoPlan, rendition: &Rendition) -> u64 {
    let grid = video.grids.get(rendition.grid_index as usize);
    let bits = grid.and_then(|grid| {
        let ticks = u128::from(grid.length_ticks()?);
        Some(u128::from(rendition.max_bitrate_bps) * ticks / u128::from(grid.timescale))
    });
    mebibytes(bits.unwrap_or(0))
}

fn mebibytes(bits: u128) -> u64 {
    u64::try_from(bits / BITS_PER_MEBIBYTE).unwrap_or(u64::MAX).max(1)
}
