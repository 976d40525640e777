//! What a source may be at most: judged by its headers before its packets are read, and while they are, so that a file
//! made to do harm is refused at the first packet too many and not after the last. Every refusal is one sentence with
//! what was found, what is allowed, and the name under which that can be changed.

use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Packet, media};

use crate::error::{Error, Result};
use crate::ffi;
use crate::report::VideoStream;
use crate::spec::{Limits, Rational};

/// A file may always hold as many frames as this long a one: what is short costs little, and headers are often wrong.
const SHORTEST_SECONDS: u64 = 60;
const MICROSECONDS: u64 = 1_000_000;

/// Refuses what the headers alone tell.
pub fn check_headers(input: &Input, limits: &Limits) -> Result<()> {
    let streams = u64::from(input.nb_streams());
    if streams > limits.max_streams.into() {
        return Err(refusal(format!("the file has {streams} streams"), limits.max_streams, "max_streams"));
    }
    let attached_bytes = input.streams().map(|stream| ffi::attachment_bytes(&stream)).sum::<u64>();
    if attached_bytes > limits.max_attachment_bytes {
        let found = format!("the file has {attached_bytes} bytes of pictures and other attachments");
        return Err(refusal(found, limits.max_attachment_bytes, "max_attachment_bytes"));
    }
    Ok(())
}

/// Refuses a video whose pictures have no size: its container states none, and looking at them was refused as well.
pub fn check_sized(input: &Input, max_pixels: u64) -> Result<()> {
    let is_unsized = |stream: &ffmpeg_next::Stream| {
        let parameters = ffi::parameters(stream);
        stream.parameters().medium() == media::Type::Video
            && !stream.disposition().contains(Disposition::ATTACHED_PIC)
            && (parameters.width <= 0 || parameters.height <= 0)
    };
    let Some(stream) = input.streams().find(is_unsized) else { return Ok(()) };
    Err(Error::Source(format!(
        "the pictures of stream {} cannot be decoded, or have more than the {max_pixels} pixels that are accepted \
         (limits.max_pixels)",
        stream.index()
    )))
}

/// Refuses a stream that is too long, once the times of its frames are settled.
pub fn check_length(stream: &VideoStream, limits: &Limits) -> Result<()> {
    let (Some(first), Some(last)) = (stream.pts.first(), stream.pts.last()) else { return Ok(()) };
    let ticks = i128::from(*last) - i128::from(*first) + i128::from(stream.last_duration);
    check_seconds(seconds(u128::try_from(ticks).unwrap_or(0), stream.time_base), limits)
}

/// Counts packets as they are read.
pub struct Tally {
    limits: Limits,
    packets: u64,
    /// 0: the file does not declare its length.
    declared_seconds: u64,
    streams: Vec<Seen>,
}

/// What was read of a stream.
struct Seen {
    is_video: bool,
    time_base: Rational,
    packets: u64,
    ticks: u128,
}

impl Tally {
    /// Nothing has been read of a source that was opened and looked at.
    pub fn new(input: &Input, limits: &Limits) -> Self {
        let seen = |stream: ffmpeg_next::Stream| Seen {
            is_video: stream.parameters().medium() == media::Type::Video,
            time_base: super::rational(stream.time_base()),
            packets: 0,
            ticks: 0,
        };
        let streams = input.streams().map(seen).collect();
        Self { limits: limits.clone(), packets: 0, declared_seconds: declared_seconds(input), streams }
    }

    /// Takes a packet into account; an error at the first one too many.
    pub fn count(&mut self, packet: &Packet) -> Result<()> {
        self.add(packet.stream(), packet.duration())
    }

    fn add(&mut self, index: usize, duration_ticks: i64) -> Result<()> {
        let limits = &self.limits;
        self.packets += 1;
        if self.packets > limits.max_packets {
            let found = format!("the file has {} packets or more", self.packets);
            return Err(refusal(found, limits.max_packets, "max_packets"));
        }
        // Some containers tell of a stream only where its first packet lies.
        if index as u64 >= u64::from(limits.max_streams) {
            let found = format!("the file has {} streams or more", index + 1);
            return Err(refusal(found, limits.max_streams, "max_streams"));
        }
        let Some(seen) = self.streams.get_mut(index) else { return Ok(()) };
        seen.packets += 1;
        seen.ticks += u128::try_from(duration_ticks).unwrap_or(0);
        check_seconds(seconds(seen.ticks, seen.time_base), limits)?;
        let frames = limits.max_frames_per_second.saturating_mul(self.declared_seconds.max(SHORTEST_SECONDS));
        if seen.is_video && self.declared_seconds > 0 && seen.packets > frames {
            let declared = self.declared_seconds;
            let found = format!("stream {index} has {} frames or more in {declared} s", seen.packets);
            let at_most = format!("{} a second", limits.max_frames_per_second);
            return Err(refusal(found, at_most, "max_frames_per_second"));
        }
        Ok(())
    }
}

/// As the container states it, rounded up; 0: it does not, or FFmpeg only guessed.
fn declared_seconds(input: &Input) -> u64 {
    ffi::declared_duration_us(input).div_ceil(MICROSECONDS)
}

fn check_seconds(found_seconds: u64, limits: &Limits) -> Result<()> {
    if found_seconds <= limits.max_duration_seconds {
        return Ok(());
    }
    let found = format!("the file lasts {found_seconds} s");
    Err(refusal(found, format!("{} s", limits.max_duration_seconds), "max_duration_seconds"))
}

/// Rounded up: a limit is kept to the tick.
fn seconds(ticks: u128, time_base: Rational) -> u64 {
    let (numerator, denominator) = (time_base.numerator.max(0) as u128, time_base.denominator.max(1) as u128);
    u64::try_from(ticks.saturating_mul(numerator).div_ceil(denominator)).unwrap_or(u64::MAX)
}

fn refusal(found: String, at_most: impl std::fmt::Display, name: &str) -> Error {
    Error::Source(format!("{found}; at most {at_most} are accepted (limits.{name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds packets of one tick of a millisecond until one is refused.
    fn refused_after(limits: Limits, declared_seconds: u64, duration_ticks: i64) -> (u64, String) {
        let time_base = Rational { numerator: 1, denominator: 1000 };
        let streams = vec![Seen { is_video: true, time_base, packets: 0, ticks: 0 }];
        let mut tally = Tally { limits, packets: 0, declared_seconds, streams };
        for number in 0.. {
            if let Err(error) = tally.add(0, duration_ticks) {
                return (number, error.to_string());
            }
        }
        unreachable!("every source ends somewhere")
    }

    #[test]
    fn the_first_packet_too_many_is_refused_with_the_limit_and_its_name() {
        let few = Limits { max_packets: 10, ..Limits::default() };
        let (count, words) = refused_after(few, 0, 0);
        assert_eq!(count, 10);
        assert_eq!(words, "the file has 11 packets or more; at most 10 are accepted (limits.max_packets)");

        let short = Limits { max_duration_seconds: 2, ..Limits::default() };
        let (count, words) = refused_after(short, 0, 1000);
        assert_eq!(count, 2, "{words}");
        assert!(words.contains("lasts 3 s") && words.contains("limits.max_duration_seconds"), "{words}");

        let slow = Limits { max_frames_per_second: 1, ..Limits::default() };
        let (count, words) = refused_after(slow.clone(), 1, 0);
        assert_eq!(count, SHORTEST_SECONDS, "{words}");
        assert!(words.contains("in 1 s") && words.contains("limits.max_frames_per_second"), "{words}");
        assert_eq!(refused_after(slow, 100, 0).0, 100);
    }

    #[test]
    fn a_length_that_is_not_declared_limits_no_frames() {
        let limits = Limits { max_frames_per_second: 1, max_packets: 5000, ..Limits::default() };
        let (count, words) = refused_after(limits, 0, 0);
        assert!(count == 5000 && words.contains("max_packets"), "{count} {words}");
    }

    #[test]
    fn a_stream_that_turns_up_late_counts() {
        let limits = Limits { max_streams: 3, ..Limits::default() };
        let mut tally = Tally { limits, packets: 0, declared_seconds: 0, streams: Vec::new() };
        assert!(tally.add(2, 0).is_ok());
        assert!(tally.add(3, 0).unwrap_err().to_string().contains("4 streams"));
    }
}
