//! Sound that lies in a file of its own. Both files count their times from the same zero, as those of an HLS ladder do, so
//! nothing is moved: the streams are described as if one file held them.

use crate::error::{Error, Result};
use crate::report;

/// Where the sound is found.
pub const INPUT: usize = 1;

/// Puts the sound of its own file in the place of what the other one holds.
pub fn put_in(found: &mut report::Source, sound: report::Source) -> Result<()> {
    if sound.audio.is_empty() {
        return Err(Error::Source("the file of the sound holds no sound that can be used".into()));
    }
    if sound.demuxer != found.demuxer {
        // A plan pins one demuxer for all that is read of a source.
        let (pictures, sound) = (&found.demuxer, &sound.demuxer);
        return Err(Error::Source(format!(
            "pictures and sound lie in files of different kinds ({pictures} and {sound}); make both of one kind"
        )));
    }
    let count = found.audio.len();
    if count > 0 {
        found.notes.push(format!(
            "the sound lies in a file of its own; {count} audio streams beside the pictures are left out"
        ));
    }
    found.notes.extend(sound.notes.iter().map(|note| format!("in the file of the sound: {note}")));
    found.duration_us = found.duration_us.max(sound.duration_us);
    found.bitrate_bps += sound.bitrate_bps;
    found.audio = sound.audio;
    Ok(())
}
