//! What the engine adds to the encoder's own work: fragmenting, and the pipe to its daemon. Both are in bytes a second, to
//! be held against what encoders put out: some megabytes a second.

use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flotilla_engine::fragment::{Codec, Fragmenter, Sample, VideoConfig};
use flotilla_engine::spec::Colour;
use flotilla_engine::wire::{self, FromEngine, ToEngine};

/// Frames of a fragment: two seconds.
const FRAMES: usize = 48;

/// Size of a coded frame, bytes: 10 Mbit/s at 24 frames a second.
const FRAME_BYTES: usize = 52_000;

/// A picture as x264 gives it: start code, header of a slice, bytes that hold no further start code.
fn picture(is_key: bool) -> Sample {
    let kind = if is_key { 0x65 } else { 0x41 };
    let mut data = vec![0, 0, 0, 1, kind];
    data.extend((0..FRAME_BYTES).map(|at| u8::try_from(at % 251).expect("less than 256") | 1));
    Sample { data, duration: 512, composition_offset: 0, key: is_key }
}

fn config(codec: Codec, extradata: Vec<u8>) -> VideoConfig {
    let colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };
    VideoConfig {
        codec,
        extradata,
        width: 1920,
        height: 1080,
        colour,
        timescale: 12_288,
        reorder_ticks: 1024,
    }
}

fn fragment(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("fragment");
    group.throughput(Throughput::Bytes((FRAMES * FRAME_BYTES) as u64));
    // High profile, level 4.0, as x264 writes them.
    let parameter_sets = [
        [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84].as_slice(),
        [0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0].as_slice(),
    ];
    for (name, codec, extradata) in
        [("h264", Codec::H264, parameter_sets.concat()), ("plain", Codec::Vp9, Vec::new())]
    {
        let pictures: Vec<Sample> = (0..FRAMES).map(|frame| picture(frame == 0)).collect();
        group.bench_function(name, |timed| {
            let prepared = || {
                let fragmenter = Fragmenter::new(config(codec, extradata.clone()), 1, 0);
                (fragmenter.expect("the settings are sound"), pictures.clone())
            };
            let run = |(mut fragmenter, pictures): (Fragmenter, Vec<Sample>)| {
                pictures.into_iter().for_each(|picture| fragmenter.push(picture).expect("a sound picture"));
                fragmenter.end_fragment().expect("there are pictures")
            };
            timed.iter_batched(prepared, run, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// Written and read again, in memory.
fn pipe(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("pipe");
    for size in [4 << 10, 256 << 10, 1 << 20] {
        group.throughput(Throughput::Bytes(size as u64));
        let bytes = vec![0x5a; size];
        group.bench_function(format!("data/{}KiB", size >> 10), |timed| {
            let message = ToEngine::Data(bytes.clone());
            let mut line = Vec::with_capacity(size + 64);
            timed.iter(|| {
                line.clear();
                wire::write(&mut line, black_box(&message)).expect("memory can be written");
                wire::read::<ToEngine>(&mut Cursor::new(&line)).expect("it reads back")
            });
        });
        group.bench_function(format!("output/{}KiB", size >> 10), |timed| {
            let message = FromEngine::Output { output: 1, bytes: bytes.clone() };
            let mut line = Vec::with_capacity(size + 64);
            timed.iter(|| {
                line.clear();
                wire::write(&mut line, black_box(&message)).expect("memory can be written");
                wire::read::<FromEngine>(&mut Cursor::new(&line)).expect("it reads back")
            });
        });
    }
    group.finish();
}

fn quick() -> Criterion {
    let seconds = Duration::from_secs;
    let criterion = Criterion::default().sample_size(20);
    criterion.warm_up_time(seconds(1)).measurement_time(seconds(2)).configure_from_args()
}

criterion_group! { name = engine; config = quick(); targets = fragment, pipe }
criterion_main!(engine);
