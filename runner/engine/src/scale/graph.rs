//! A filter graph with one input, perhaps still pictures beside it, and some outputs; or with several inputs that run
//! side by side.

use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::{filter, frame};

use crate::error::{Error, Result};
use crate::ffi;

/// Frames are told apart by number, so a tick is a frame.
const TIME_BASE: &str = "1/1000";

/// A configured filter graph; single-threaded, because engines run side by side.
pub struct Graph {
    graph: filter::Graph,
}

impl Graph {
    /// Builds `description`, which reads `[in]` and writes `[out0]`, `[out1]`, …, for pictures like `like`.
    pub fn new(like: &frame::Video, description: &str, output_count: usize) -> Result<Self> {
        Self::build(&[("in", like)], description, output_count).map_err(|error| not_built(description, error))
    }

    /// The same for a description that also reads one picture each from inputs of these names.
    pub fn with_pictures(
        like: &frame::Video,
        pictures: &[(&str, &frame::Video)],
        description: &str,
        output_count: usize,
    ) -> Result<Self> {
        let inputs: Vec<_> = [("in", like)].into_iter().chain(pictures.iter().copied()).collect();
        let built = Self::build(&inputs, description, output_count);
        let mut built = built.map_err(|error| not_built(description, error))?;
        for (name, picture) in pictures {
            let mut picture =
                ffi::share(picture).map_err(|error| Error::machinery("cannot hold a picture", error))?;
            picture.set_pts(Some(0));
            let mut input = built.graph.get(name).expect("just built");
            let filled = input.source().add(&picture).and_then(|()| input.source().flush());
            filled.map_err(|error| not_built(description, error))?;
        }
        Ok(built)
    }

    /// The same for a description that reads one frame of each of these inputs for each frame that it puts out.
    pub fn of_inputs(inputs: &[(&str, &frame::Video)], description: &str) -> Result<Self> {
        Self::build(inputs, description, 1).map_err(|error| not_built(description, error))
    }

    fn build(
        inputs: &[(&str, &frame::Video)],
        description: &str,
        output_count: usize,
    ) -> std::result::Result<Self, ffmpeg_next::Error> {
        let mut graph = filter::Graph::new();
        ffi::set_graph_threads(&mut graph, 1);
        for (name, like) in inputs {
            let format = like.format().descriptor().map_or("none", |descriptor| descriptor.name()).to_owned();
            let picture = format!("video_size={}x{}:pix_fmt={format}", like.width(), like.height());
            add(&mut graph, "buffer", name, &format!("{picture}:time_base={TIME_BASE}"))?;
        }
        for output in 0..output_count {
            add(&mut graph, "buffersink", &format!("out{output}"), "")?;
        }
        let mut parser = graph.output(inputs[0].0, 0)?;
        for (name, _) in &inputs[1..] {
            parser = parser.output(name, 0)?;
        }
        for output in 0..output_count {
            parser = parser.input(&format!("out{output}"), 0)?;
        }
        parser.parse(description)?;
        graph.validate()?;
        Ok(Self { graph })
    }

    /// Puts a frame in; it is empty afterwards.
    pub fn push(&mut self, frame: &mut frame::Video) -> Result<()> {
        self.push_into("in", frame)
    }

    /// The same for an input of that name.
    pub fn push_into(&mut self, input: &str, frame: &mut frame::Video) -> Result<()> {
        let mut input = self.graph.get(input).expect("asked for an input that was built");
        input.source().add(frame).map_err(|error| Error::machinery("cannot filter a frame", error))
    }

    /// No more frames will come.
    pub fn finish(&mut self) -> Result<()> {
        let mut input = self.graph.get("in").expect("every graph has an input");
        input.source().flush().map_err(|error| Error::machinery("cannot end the filters", error))
    }

    /// The next frame of an output; none until more were put in.
    pub fn pull(&mut self, output: usize) -> Result<Option<frame::Video>> {
        let mut frame = frame::Video::empty();
        let mut sink = self.graph.get(&format!("out{output}")).expect("asked for an output that was built");
        match sink.sink().frame(&mut frame) {
            Ok(()) => Ok(Some(frame)),
            Err(ffmpeg_next::Error::Eof | ffmpeg_next::Error::Other { errno: EAGAIN }) => Ok(None),
            Err(error) => Err(Error::machinery("cannot filter a frame", error)),
        }
    }
}

fn not_built(description: &str, error: ffmpeg_next::Error) -> Error {
    Error::machinery(&format!("cannot build the filters {description}"), error)
}

fn add(
    graph: &mut filter::Graph,
    filter: &str,
    name: &str,
    arguments: &str,
) -> std::result::Result<(), ffmpeg_next::Error> {
    let filter = filter::find(filter).ok_or(ffmpeg_next::Error::FilterNotFound)?;
    graph.add(&filter, name, arguments).map(drop)
}
