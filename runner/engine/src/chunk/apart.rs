//! Renditions of a chunk on a thread of their own, beside the decoder and the scalers. Where every slot of a machine works,
//! nothing is gained by it; where one has nothing to do, the chunk takes its core up. What is encoded does not depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, Scope, ScopedJoinHandle};

use ffmpeg_next::frame;

use super::rendition::Rendition;
use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::Outputs;
use crate::report::Track;

/// Pictures that wait for the encoder; one of 2160p has 12 MiB.
const AHEAD: usize = 4;

/// Some renditions in the hands of their thread.
pub struct Apart<'scope> {
    pictures: SyncSender<Message>,
    written: Receiver<(usize, Vec<u8>)>,
    progress: Arc<AtomicU64>,
    /// None: its end was heard of already.
    thread: Option<ScopedJoinHandle<'scope, Result<Vec<Track>>>>,
}

enum Message {
    /// The next one of a rendition, which shows it so many times.
    Picture {
        rendition: usize,
        picture: frame::Video,
        count: u32,
    },
    Finish,
}

/// Passes on what the thread writes.
struct Written(Sender<(usize, Vec<u8>)>);

impl<'scope> Apart<'scope> {
    /// Starts the thread.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        name: &str,
        renditions: Vec<Rendition<'scope>>,
    ) -> Result<Self> {
        let (pictures, received) = mpsc::sync_channel(AHEAD);
        let (to_outputs, written) = mpsc::channel();
        let progress = Arc::new(AtomicU64::new(0));
        let told = progress.clone();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn_scoped(scope, move || encode(renditions, &received, &mut Written(to_outputs), &told))
            .map_err(|error| Error::Runner(format!("cannot start a thread: {error}")))?;
        Ok(Self { pictures, written, progress, thread: Some(thread) })
    }

    /// Shows a picture `count` times in a rendition.
    pub fn send(&mut self, rendition: usize, picture: &frame::Video, count: u32) -> Result<()> {
        let picture = ffi::share(picture).map_err(|error| Error::machinery("cannot hold a frame", error))?;
        match self.pictures.send(Message::Picture { rendition, picture, count }) {
            Ok(()) => Ok(()),
            Err(_) => self.end().map(drop),
        }
    }

    /// Frames of the first rendition that are encoded.
    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Writes what was encoded since the last time.
    pub fn pass_on(&self, outputs: &mut dyn Outputs) -> Result<()> {
        self.written.try_iter().try_for_each(|(output, bytes)| outputs.append(output, &bytes))
    }

    /// No more pictures will come.
    pub fn close(&self) {
        // Where the thread has ended already, its end says why.
        self.pictures.send(Message::Finish).ok();
    }

    /// Waits for the end of a thread to which no more pictures will come.
    pub fn finish(mut self, outputs: &mut dyn Outputs) -> Result<Vec<Track>> {
        let tracks = self.end()?;
        self.pass_on(outputs)?;
        Ok(tracks)
    }

    fn end(&mut self) -> Result<Vec<Track>> {
        let Some(thread) = self.thread.take() else {
            return Err(Error::Internal("the encoders have ended already".into()));
        };
        // A panic takes the engine down, whichever thread it is in.
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn encode(
    mut renditions: Vec<Rendition<'_>>,
    pictures: &Receiver<Message>,
    outputs: &mut Written,
    progress: &AtomicU64,
) -> Result<Vec<Track>> {
    loop {
        match pictures.recv() {
            Ok(Message::Picture { rendition, mut picture, count }) => {
                renditions[rendition].send(&mut picture, count, outputs)?;
            }
            Ok(Message::Finish) => {
                return renditions.into_iter().map(|rendition| rendition.finish(outputs)).collect();
            }
            // Something else went wrong: nobody wants the rest.
            Err(_) => return Err(Error::Internal("the chunk was given up".into())),
        }
        if let Some(first) = renditions.first() {
            progress.store(first.progress(), Ordering::Relaxed);
        }
    }
}

impl Outputs for Written {
    fn append(&mut self, output: usize, bytes: &[u8]) -> Result<()> {
        // Who does not listen any more has a reason of its own to tell.
        self.0.send((output, bytes.to_vec())).ok();
        Ok(())
    }

    fn progress(&mut self, _done: u64) -> Result<()> {
        Ok(())
    }
}
