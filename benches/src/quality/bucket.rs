//! The leaky bucket (video buffering verifier) over a whole stream, packet by packet: the buffer fills at the capped rate
//! and every frame is taken out of it when it is decoded. A player with that buffer stalls where it runs empty. At the
//! start it is nine tenths full, as x264 takes it to be.

use std::path::Path;

use anyhow::{Context, Result};
use flotilla_benches::clip::ffprobe;
use serde_json::Value;

/// Of the buffer, when the first frame is taken out.
const START_PERMILLE: u64 = 900;

/// A coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Length.
    pub bits: u64,
    /// Until the next frame is decoded, ticks.
    pub duration: u64,
}

/// What a stream did to its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Lowest fill, bits; below zero by what was missing.
    pub lowest_bits: i64,
    /// Frames that were not there in time.
    pub late_frames: u64,
}

/// Takes all packets out of a buffer of `buffer_bits` that fills with `rate_bps`; durations have `timescale` ticks a second.
pub fn simulate(packets: &[Packet], timescale: u64, rate_bps: u64, buffer_bits: u64) -> Fill {
    // In bits times the timescale: exact for any rate.
    let scale = i128::from(timescale.max(1));
    let full = i128::from(buffer_bits) * scale;
    let mut fill = full * i128::from(START_PERMILLE) / 1000;
    let (mut lowest, mut late_frames) = (fill, 0);
    for packet in packets {
        fill -= i128::from(packet.bits) * scale;
        lowest = lowest.min(fill);
        if fill < 0 {
            // The player waits until the frame is there; then the buffer is empty.
            late_frames += 1;
            fill = 0;
        }
        fill = full.min(fill + i128::from(rate_bps) * i128::from(packet.duration));
    }
    Fill { lowest_bits: i64::try_from(lowest.div_euclid(scale)).unwrap_or(i64::MIN), late_frames }
}

/// The packets of a file in the order in which they are decoded, and the ticks a second of their durations.
pub fn packets(file: &Path) -> Result<(Vec<Packet>, u64)> {
    let entries = "stream=time_base:packet=size,dts";
    let answer = ffprobe(file, &["-select_streams", "v:0", "-show_packets", "-show_entries", entries])?;
    let time_base = answer["streams"][0]["time_base"].as_str().context("ffprobe gives no time base")?;
    let timescale =
        time_base.strip_prefix("1/").context("a time base that is no fraction of one")?.parse()?;
    let list = answer["packets"].as_array().context("ffprobe gives no packets")?;
    let read = |packet: &Value| -> Option<(u64, i64)> {
        Some((packet["size"].as_str()?.parse().ok()?, packet["dts"].as_i64()?))
    };
    let list: Vec<(u64, i64)> =
        list.iter().map(read).collect::<Option<_>>().context("a packet has no time or size")?;
    let mut packets = Vec::with_capacity(list.len());
    for (number, (size_bytes, decode_time)) in list.iter().enumerate() {
        let next = list.get(number + 1).map(|next| next.1.abs_diff(*decode_time));
        // The last one is not followed by any.
        let duration = next.or_else(|| packets.last().map(|last: &Packet| last.duration)).unwrap_or(0);
        packets.push(Packet { bits: size_bytes * 8, duration });
    }
    Ok((packets, timescale))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of a tenth of a second, in kilobits, against 1 Mbit/s with a buffer of 2 Mbit, which starts at 1.8 Mbit.
    fn check(kilobits: &[u64], lowest_kilobits: i64, late_frames: u64) {
        let packets: Vec<Packet> =
            kilobits.iter().map(|kilobits| Packet { bits: kilobits * 1000, duration: 9000 }).collect();
        let fill = simulate(&packets, 90_000, 1_000_000, 2_000_000);
        assert_eq!(fill, Fill { lowest_bits: lowest_kilobits * 1000, late_frames }, "{kilobits:?}");
    }

    #[test]
    fn the_buffer_fills_at_the_rate_and_never_above_its_size() {
        // At the rate itself it stays where it was after the first frame.
        check(&[100; 50], 1700, 0);
        // Full after two frames' time without any bits, and not fuller later.
        check(&[0, 0, 0, 0, 500], 1500, 0);
        // All of it, to the last bit.
        check(&[1800, 100, 100], 0, 0);
        check(&[1801, 100, 100], -1, 1);
        // What is missing is not missing for ever: the player has waited.
        check(&[2000, 100, 100], -200, 1);
        check(&[1800, 200, 100, 200], -100, 2);
    }

    #[test]
    fn a_seam_of_two_full_buffers_is_seen() {
        // Each half keeps the bucket when it begins with a full one, both together do not.
        let half = [1200, 0, 0, 0, 0, 1000];
        check(&half, 100, 0);
        check(&[half, half].concat(), -1000, 2);
    }
}
