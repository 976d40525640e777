//! Finding a keyframe. Demuxers seek by decode time, by byte position or by what they guess, and some land late; the
//! plan names the keyframe by its exact time, so the landing place is checked and the seek repeated further back.

use ffmpeg_next::Packet;

use super::Source;
use crate::error::Result;
use crate::ffi;

/// How often a seek is repeated; the distance grows fourfold each time, so this covers many hours.
const MAX_TRIES: u32 = 10;

impl Source {
    /// The packet of the keyframe at exactly `keyframe_pts`, with all that follows coming next; none: it was not found,
    /// and reading goes on from anywhere.
    pub fn seek(&mut self, stream_index: usize, keyframe_pts: i64) -> Result<Option<Packet>> {
        let second_ticks = self.second_ticks(stream_index)?;
        let mut back_ticks = 0;
        for _ in 0..MAX_TRIES {
            let target = keyframe_pts.saturating_sub(back_ticks);
            if ffi::seek_back(&mut self.input, stream_index, target).is_ok()
                && let Some(packet) = self.find(stream_index, keyframe_pts, |pts| pts == keyframe_pts)?
            {
                return Ok(Some(packet));
            }
            back_ticks = (back_ticks * 4).max(second_ticks);
        }
        Ok(None)
    }

    /// The packet of some keyframe before `latest_pts`, likewise.
    pub fn seek_before(&mut self, stream_index: usize, latest_pts: i64) -> Result<Option<Packet>> {
        match ffi::seek_back(&mut self.input, stream_index, latest_pts) {
            Ok(()) => self.find(stream_index, latest_pts, |pts| pts < latest_pts),
            Err(_) => Ok(None),
        }
    }

    /// The next keyframe whose time fits, up to those decoded after `latest_pts`.
    fn find(
        &mut self,
        stream_index: usize,
        latest_pts: i64,
        fits: impl Fn(i64) -> bool,
    ) -> Result<Option<Packet>> {
        while let Some(packet) = self.next_packet()? {
            if packet.stream() != stream_index {
                continue;
            }
            if packet.is_key() && packet.pts().is_some_and(&fits) {
                return Ok(Some(packet));
            }
            if packet.dts().is_some_and(|dts| dts > latest_pts) {
                break;
            }
        }
        Ok(None)
    }
}
