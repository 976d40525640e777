//! A progressive MP4: the index first, then the samples of all tracks interleaved. Decode times, composition
//! offsets and the edit list that starts the presentation are those of the fragments.

use mp4_atom::{
    Co64, Ctts, CttsEntry, Edts, Elst, ElstEntry, Moov, Stbl, Stco, Stsc, StscEntry, Stss, Stsz, StszSamples,
    Stts, SttsEntry, Trak,
};

use super::Writer;
use super::index::{Sample, TrackIndex};
use super::interleave::{self, Run};
use crate::error::Result;
use crate::fragment::movie;

const SHORT_HEADER_BYTES: u64 = 8;
const LONG_HEADER_BYTES: u64 = 16;

/// Writes the file.
pub(super) fn write(tracks: &[TrackIndex], writer: &mut Writer<'_>, output: usize) -> Result<()> {
    let runs = interleave::runs(tracks);
    let sizes: Vec<u64> = runs.iter().map(|run| run_size(run, tracks)).collect();
    let payload_bytes: u64 = sizes.iter().sum();
    let brands = movie::file_type(b"isom", &[b"isom", b"iso2", b"mp41"]);
    // The width of offsets is chosen before they are known: half the range leaves room for any index.
    let wide = payload_bytes > u64::from(u32::MAX / 2);
    let data_header = data_header(payload_bytes, wide);
    let index = |first_offset: u64| {
        let offsets =
            sizes.iter().scan(first_offset, |next, size| Some(std::mem::replace(next, *next + size)));
        movie::movie(&moov(tracks, &runs, &offsets.collect::<Vec<_>>(), wide), &[])
    };
    let before_data = brands.len() + index(0).len() + data_header.len();
    writer.append(output, &[brands, index(before_data as u64), data_header].concat())?;
    for run in &runs {
        copy_run(&tracks[run.track].samples[run.samples.clone()], writer, output)?;
    }
    Ok(())
}

fn run_size(run: &Run, tracks: &[TrackIndex]) -> u64 {
    tracks[run.track].samples[run.samples.clone()].iter().map(|sample| u64::from(sample.size_bytes)).sum()
}

fn data_header(payload_bytes: u64, wide: bool) -> Vec<u8> {
    if !wide {
        let size = (payload_bytes + SHORT_HEADER_BYTES) as u32;
        return [&size.to_be_bytes()[..], b"mdat"].concat();
    }
    [&1u32.to_be_bytes()[..], b"mdat", &(payload_bytes + LONG_HEADER_BYTES).to_be_bytes()].concat()
}

/// Copies samples, those that lie side by side in one go.
fn copy_run(samples: &[Sample], writer: &mut Writer<'_>, output: usize) -> Result<()> {
    let touches = |left: &Sample, right: &Sample| {
        left.input == right.input && left.offset + u64::from(left.size_bytes) == right.offset
    };
    for piece in samples.chunk_by(touches) {
        let length = piece.iter().map(|sample| u64::from(sample.size_bytes)).sum();
        writer.copy(output, piece[0].input as usize, piece[0].offset, length)?;
    }
    Ok(())
}

fn moov(tracks: &[TrackIndex], runs: &[Run], offsets: &[u64], wide: bool) -> Moov {
    let mut mvhd = tracks[0].moov.mvhd.clone();
    let movie_timescale = mvhd.timescale;
    let mut traks = Vec::new();
    for (number, track) in tracks.iter().enumerate() {
        let places: Vec<(usize, u64)> = (runs.iter().zip(offsets))
            .filter(|(run, _)| run.track == number)
            .map(|(run, offset)| (run.samples.len(), *offset))
            .collect();
        traks.push(trak(number as u32 + 1, track, &places, movie_timescale, wide));
    }
    mvhd.duration = traks.iter().map(|trak| trak.tkhd.duration).max().unwrap_or(0);
    mvhd.next_track_id = traks.len() as u32 + 1;
    Moov { mvhd, trak: traks, ..Default::default() }
}

fn trak(id: u32, track: &TrackIndex, places: &[(usize, u64)], movie_timescale: u32, wide: bool) -> Trak {
    let mut trak = track.moov.trak[0].clone();
    let edits = edits(track, movie_timescale);
    trak.tkhd.track_id = id;
    trak.tkhd.duration = edits.iter().fold(0, |sum: u64, edit| sum.saturating_add(edit.segment_duration));
    trak.edts = Some(Edts { elst: Some(Elst { entries: edits }) });
    trak.mdia.mdhd.duration = track.duration();
    trak.mdia.minf.stbl = tables(track, places, wide);
    trak
}

/// Nothing until the track starts, then all of it but what lies before the first frame or sample that is
/// presented.
fn edits(track: &TrackIndex, movie_timescale: u32) -> Vec<ElstEntry> {
    let timescale = u128::from(track.timescale().max(1));
    let to_movie = |ticks: u64| {
        let scaled = (u128::from(ticks) * u128::from(movie_timescale)).div_ceil(timescale);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    let mut edits = Vec::new();
    if track.start_time > 0 {
        let segment_duration = to_movie(track.start_time);
        edits.push(ElstEntry { segment_duration, media_time: None, media_rate: 1.into() });
    }
    // The shift of reordered frames takes nothing off the track's end; priming does.
    let lost = if track.is_audio() { track.presentation_start() } else { 0 };
    let segment_duration = to_movie(track.duration().saturating_sub(lost));
    let media_time = Some(track.presentation_start());
    edits.push(ElstEntry { segment_duration, media_time, media_rate: 1.into() });
    edits
}

fn tables(track: &TrackIndex, places: &[(usize, u64)], wide: bool) -> Stbl {
    let samples = &track.samples;
    let all_key = samples.iter().all(|sample| sample.key);
    let keys = samples.iter().enumerate().filter(|(_, sample)| sample.key);
    let in_order = samples.iter().all(|sample| sample.composition_offset == 0);
    let offsets = places.iter().map(|(_, offset)| *offset);
    Stbl {
        stsd: track.moov.trak[0].mdia.minf.stbl.stsd.clone(),
        stts: Stts { entries: durations(samples) },
        ctts: (!in_order).then(|| Ctts { entries: composition_offsets(samples) }),
        stss: (!all_key).then(|| Stss { entries: keys.map(|(index, _)| index as u32 + 1).collect() }),
        stsc: Stsc { entries: run_lengths(places) },
        stsz: Stsz {
            samples: StszSamples::Different {
                sizes: samples.iter().map(|sample| sample.size_bytes).collect(),
            },
        },
        stco: (!wide).then(|| Stco { entries: offsets.clone().map(|offset| offset as u32).collect() }),
        co64: wide.then(|| Co64 { entries: offsets.collect() }),
        ..Default::default()
    }
}

fn durations(samples: &[Sample]) -> Vec<SttsEntry> {
    let equal = samples.chunk_by(|left, right| left.duration == right.duration);
    equal.map(|run| SttsEntry { sample_count: run.len() as u32, sample_delta: run[0].duration }).collect()
}

fn composition_offsets(samples: &[Sample]) -> Vec<CttsEntry> {
    let equal = samples.chunk_by(|left, right| left.composition_offset == right.composition_offset);
    equal
        .map(|run| CttsEntry {
            sample_count: run.len() as u32,
            sample_offset: run[0].composition_offset.into(),
        })
        .collect()
}

fn run_lengths(places: &[(usize, u64)]) -> Vec<StscEntry> {
    let mut entries: Vec<StscEntry> = Vec::new();
    for (index, (count, _)) in places.iter().enumerate() {
        let samples_per_chunk = *count as u32;
        if entries.last().is_none_or(|last| last.samples_per_chunk != samples_per_chunk) {
            let first_chunk = index as u32 + 1;
            entries.push(StscEntry { first_chunk, samples_per_chunk, sample_description_index: 1 });
        }
    }
    entries
}
