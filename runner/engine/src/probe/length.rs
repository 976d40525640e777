//! Whether the file is as long as it says. A file that was cut off is used when nearly all of it is there.

use ffmpeg_next::Stream;

use super::rational;
use super::times::Times;
use crate::error::{Error, Result};
use crate::ffi;
use crate::source::Source;

/// Containers whose headers state a length. A fragmented MP4 states that of its first fragment, if any.
const STATES_LENGTH: [&str; 5] = ["mov", "matroska", "avi", "flv", "asf"];
/// Share of the stated length that must be there.
const LEAST_PERCENT: i128 = 95;
/// Shares from which on nothing is said: headers round.
const WHOLE_PERMILLE: i128 = 990;
const US_PER_SECOND: i128 = 1_000_000;

/// A note when some of the stated length is missing; an error when much is.
pub fn check(source: &Source, times: &[Times]) -> Result<Option<String>> {
    let demuxer = source.demuxer();
    let stated = STATES_LENGTH.contains(&demuxer.as_str()) && (demuxer != "mov" || source.has_whole_index());
    let stated_us = i128::from(ffi::declared_duration_us(source.input()));
    if !stated || stated_us <= 0 {
        return Ok(None);
    }
    let there = source.input().streams().zip(times).map(|(stream, times)| length_us(&stream, times));
    let there_us = there.max().unwrap_or(0);
    let told = || format!("{} of {} seconds of it are there", seconds(there_us), seconds(stated_us));
    if there_us * 100 < stated_us * LEAST_PERCENT {
        let least = format!("at least {LEAST_PERCENT} % must be");
        return Err(Error::Source(format!("the file is cut off or damaged: {}; {least}", told())));
    }
    let whole = there_us * 1000 >= stated_us * WHOLE_PERMILLE;
    Ok((!whole).then(|| format!("the file is shorter than it states: {}", told())))
}

/// Some containers count from zero, some from the first packet.
fn length_us(stream: &Stream, times: &Times) -> i128 {
    let time_base = rational(stream.time_base());
    let ticks = times.span().max(times.end());
    i128::from(ticks) * i128::from(time_base.numerator) * US_PER_SECOND / i128::from(time_base.denominator)
}

fn seconds(us: i128) -> String {
    let tenths = us * 10 / US_PER_SECOND;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_told_to_a_tenth() {
        assert_eq!((seconds(52_199_999), seconds(0)), ("52.1".to_owned(), "0.0".to_owned()));
    }
}
