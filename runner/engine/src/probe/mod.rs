//! What a source is, from its headers and one pass over its packets. Frames are decoded only where the container is not to
//! be believed, and then few where that is enough.

mod apart;
mod audio;
mod colour;
mod given;
mod insert;
mod length;
mod limits;
mod listen;
mod look;
mod table;
mod text;
mod times;
mod turn;
mod video;

use ffmpeg_next::media;

use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::{Outputs, SharedInputs, lock};
use crate::report;
use crate::source::only::only;
use crate::source::{self, Source};
use crate::spec::{self, Rational};
use limits::Tally;
use times::Times;

const MIB: u64 = 1 << 20;

/// Reads input 0, the file that holds its sound where there is one, and what edits put in, and says what they are.
pub fn run(task: &spec::Probe, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<report::Source> {
    let first_insert = lock(inputs).count().checked_sub(task.inserts.len());
    let least = if task.sound_apart { apart::INPUT } else { 0 };
    let first_insert = first_insert
        .filter(|first| *first > least)
        .ok_or_else(|| Error::Internal("fewer files were handed in than the probe is told of".into()))?;
    let mut found = file(task, inputs, outputs)?;
    if task.sound_apart {
        let sound = file(task, &only(inputs, apart::INPUT)?, outputs)?;
        apart::put_in(&mut found, sound)?;
    } else if first_insert > source::given::INPUT {
        found.video.push(given::describe(inputs, task.max_pixels)?);
    }
    found.inserts = insert::describe_all(task, inputs, first_insert, outputs)?;
    Ok(found)
}

fn file(task: &spec::Probe, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<report::Source> {
    let source = Source::probe(inputs, task.max_pixels)?;
    let demuxer = source.demuxer();
    for stream in source.input().streams() {
        source::check_size(&ffi::parameters(&stream), task.max_pixels)?;
    }
    limits::check_headers(source.input(), &task.limits)?;
    limits::check_sized(source.input(), task.max_pixels)?;
    let tally = Tally::new(source.input(), &task.limits);
    let times = read_times(inputs, &demuxer, tally, outputs)?;
    let mut found = report::Source {
        duration_us: u64::try_from(source.input().duration()).unwrap_or(0),
        bitrate_bps: u64::try_from(source.input().bit_rate()).unwrap_or(0),
        demuxer,
        video: Vec::new(),
        audio: Vec::new(),
        text: Vec::new(),
        notes: length::check(&source, &times)?.into_iter().collect(),
        inserts: Vec::new(),
    };
    audio::describe_all(&source, &times, inputs, &mut found)?;
    text::describe_all(&source, &times, &mut found);
    for (stream, times) in source.input().streams().zip(times) {
        if stream.parameters().medium() == media::Type::Video {
            let stream = video::describe(&stream, times, inputs, task.max_pixels, &mut found)?;
            limits::check_length(&stream, &task.limits)?;
            found.video.push(stream);
        }
    }
    if found.video.iter().all(|stream| stream.attached_picture) && found.audio.is_empty() {
        return Err(nothing_to_use(&found.notes));
    }
    Ok(found)
}

/// With what was left out, which is why.
fn nothing_to_use(notes: &[String]) -> Error {
    let why = if notes.is_empty() { String::new() } else { format!(": {}", notes.join("; ")) };
    Error::Source(format!("the file holds neither video nor audio that can be used{why}"))
}

fn read_times(
    inputs: &SharedInputs,
    demuxer: &str,
    mut tally: Tally,
    outputs: &mut dyn Outputs,
) -> Result<Vec<Times>> {
    let mut source = Source::open_index(inputs, demuxer)?;
    let mut times: Vec<Times> = source.input().streams().map(|stream| Times::new(&stream)).collect();
    while let Some(packet) = source.next_packet()? {
        tally.count(&packet)?;
        // Streams that turn up later than the headers were not described and are left out.
        if let Some(times) = times.get_mut(packet.stream()) {
            times.add(&packet);
        }
        outputs.progress(source.position_bytes() / MIB)?;
    }
    Ok(times)
}

fn rational(value: ffmpeg_next::Rational) -> Rational {
    let denominator = value.denominator();
    Rational {
        numerator: value.numerator().into(),
        denominator: if denominator == 0 { 1 } else { denominator.into() },
    }
}

fn tag(stream: &ffmpeg_next::Stream, name: &str) -> String {
    stream.metadata().get(name).unwrap_or_default().to_owned()
}

/// Bit/s of so many bytes in so many ticks; 0 when the duration is not known.
fn bitrate_bps(bytes: u64, duration_ticks: i64, time_base: Rational) -> u64 {
    let duration = i128::from(duration_ticks) * i128::from(time_base.numerator);
    let bits = i128::from(bytes) * 8 * i128::from(time_base.denominator);
    if duration > 0 { u64::try_from(bits / duration).unwrap_or(0) } else { 0 }
}
