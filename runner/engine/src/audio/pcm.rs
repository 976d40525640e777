//! Uncompressed samples as bytes: one plane per channel, or one for all.

use std::collections::VecDeque;

use ffmpeg_next::ChannelLayout;
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::frame;

/// How samples lie in memory.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub format: Sample,
    pub layout: ChannelLayout,
    pub sample_rate_hz: u32,
}

impl Shape {
    /// Of a decoded frame; where it does not say which channels it has, the usual ones for their number.
    pub fn of(frame: &frame::Audio) -> Self {
        let stated = frame.channel_layout();
        let layout = if stated.is_empty() { ChannelLayout::default(frame.channels().into()) } else { stated };
        Self { format: frame.format(), layout, sample_rate_hz: frame.rate() }
    }

    fn plane_count(&self) -> usize {
        if is_planar(self.format) { self.layout.channels() as usize } else { 1 }
    }

    /// Bytes of one sample in one plane.
    fn step(&self) -> usize {
        let together = if is_planar(self.format) { 1 } else { self.layout.channels() as usize };
        self.format.bytes() * together
    }

    /// The value of silence; unsigned samples rest in the middle.
    fn silent_byte(&self) -> u8 {
        if matches!(self.format, Sample::U8(_)) { 0x80 } else { 0 }
    }

    /// Room for samples, with no particular values in it.
    pub fn room(&self, count: usize) -> frame::Audio {
        let mut frame = frame::Audio::new(self.format, count, self.layout);
        frame.set_rate(self.sample_rate_hz);
        frame
    }

    /// Silent samples.
    pub fn silence(&self, count: usize) -> frame::Audio {
        let mut frame = self.room(count);
        for plane in 0..self.plane_count() {
            frame.data_mut(plane).fill(self.silent_byte());
        }
        frame
    }

    /// A quiet tone, made of numbers that are the same on every machine. For formats of 32-bit floats.
    pub fn saw_tooth(&self, count: usize) -> frame::Audio {
        const PERIOD_SAMPLES: usize = 128;
        let mut frame = self.room(count);
        for plane in 0..self.plane_count() {
            for (index, sample) in frame.data_mut(plane).chunks_exact_mut(4).enumerate() {
                let value = (index % PERIOD_SAMPLES) as f32 / PERIOD_SAMPLES as f32 - 0.5;
                sample.copy_from_slice(&value.to_ne_bytes());
            }
        }
        frame
    }

    /// Puts the samples of a shorter frame at the start of a longer one.
    pub fn overwrite_start(&self, frame: &mut frame::Audio, start: &frame::Audio) {
        let bytes = start.samples() * self.step();
        for plane in 0..self.plane_count() {
            frame.data_mut(plane)[..bytes].copy_from_slice(&start.data(plane)[..bytes]);
        }
    }

    /// The samples of a frame from the `first` on.
    pub fn copy_from(&self, frame: &frame::Audio, first: usize) -> frame::Audio {
        let count = frame.samples() - first;
        let mut copy = self.room(count);
        let bytes = first * self.step()..(first + count) * self.step();
        for plane in 0..self.plane_count() {
            copy.data_mut(plane)[..bytes.len()].copy_from_slice(&frame.data(plane)[bytes.clone()]);
        }
        copy
    }
}

/// Samples that wait until they fill a frame.
pub(super) struct Queue {
    shape: Shape,
    planes: Vec<VecDeque<u8>>,
}

impl Queue {
    pub fn new(shape: Shape) -> Self {
        Self { shape, planes: vec![VecDeque::new(); shape.plane_count()] }
    }

    pub fn sample_count(&self) -> usize {
        self.planes[0].len() / self.shape.step()
    }

    /// Adds the first `count` samples of a frame of the same shape.
    pub fn push(&mut self, frame: &frame::Audio, count: usize) {
        let bytes = count * self.shape.step();
        for (index, plane) in self.planes.iter_mut().enumerate() {
            plane.extend(&frame.data(index)[..bytes]);
        }
    }

    /// Takes `count` samples, silence after the last one.
    pub fn pop(&mut self, count: usize) -> frame::Audio {
        let mut frame = self.shape.silence(count);
        for (index, plane) in self.planes.iter_mut().enumerate() {
            let available = plane.len().min(count * self.shape.step());
            for (to, from) in frame.data_mut(index).iter_mut().zip(plane.drain(..available)) {
                *to = from;
            }
        }
        frame
    }
}

fn is_planar(format: Sample) -> bool {
    match format {
        Sample::None => false,
        Sample::U8(kind)
        | Sample::I16(kind)
        | Sample::I32(kind)
        | Sample::I64(kind)
        | Sample::F32(kind)
        | Sample::F64(kind) => kind == Type::Planar,
    }
}
