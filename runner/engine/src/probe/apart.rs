//! Sound that lies in a file of its own. Both files count their times from the same zero, as those of an HLS ladder do, so
//! nothing is moved: the streams are described as if one file held them.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::pipe::{Inputs, SharedInputs, lock};
use crate::report;

/// Where the sound is found.
const INPUT: usize = 1;

/// The inputs of a task that knows the file of the sound alone.
pub fn sound(inputs: &SharedInputs) -> Result<SharedInputs> {
    match lock(inputs).count() > INPUT {
        true => Ok(Arc::new(Mutex::new(Apart(inputs.clone())))),
        false => Err(Error::Internal("the sound lies in a file of its own, and none was handed in".into())),
    }
}

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

/// One input of several, as the only one.
struct Apart(SharedInputs);

impl Inputs for Apart {
    fn count(&self) -> usize {
        1
    }

    fn size(&self, input: usize) -> u64 {
        lock(&self.0).size(INPUT + input)
    }

    fn read_at(&mut self, input: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        lock(&self.0).read_at(INPUT + input, offset, buffer)
    }

    fn expect(&mut self, input: usize, range: Range<u64>) -> Result<()> {
        lock(&self.0).expect(INPUT + input, range)
    }
}
