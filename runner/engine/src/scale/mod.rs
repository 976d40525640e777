//! The cascade of scalers: each rendition is scaled from the next larger one. Renditions that show the same frames
//! share a filter graph; where a lower one shows fewer frames, its graph is fed only with those. Sources may change the
//! shape or the colours of their pictures in midstream: then the top graph is built anew, and what it puts out stays the
//! same.

mod colour;
mod fit;
mod graph;
mod mark;
mod picture;
mod shape;
mod table;
mod tone;

use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::spec::{EncodeChunk, VideoRendition};
pub use graph::Graph;
pub use shape::Shape;

/// All scalers of a chunk.
pub struct Ladder<'a> {
    task: &'a EncodeChunk,
    /// The pictures of the task's marks.
    marks: &'a [frame::Video],
    /// Of the pictures that the top stage was built for.
    shape: Shape,
    stages: Vec<Stage>,
}

/// Neighbouring renditions that show the same frames.
struct Stage {
    graph: Graph,
    first_rendition: usize,
    rendition_count: usize,
    /// Per source frame: this stage or one below it shows it.
    wanted: Vec<bool>,
}

impl<'a> Ladder<'a> {
    /// Scalers from pictures like `first` to the renditions; `counts` says per grid which frames it shows. `marks` are the
    /// pictures of the task's marks.
    pub fn new(
        first: &frame::Video,
        (task, marks): (&'a EncodeChunk, &'a [frame::Video]),
        counts: &[Vec<u32>],
    ) -> Result<Self> {
        let shape = Shape::of(first, &task.picture);
        let mut stages: Vec<Stage> = Vec::new();
        let mut first_rendition = 0;
        let mut above = frame::Video::empty();
        for group in task.renditions.chunk_by(|a, b| a.grid_index == b.grid_index) {
            let graph = match first_rendition {
                0 => top_graph(first, shape, (task, marks), group)?,
                _ => Graph::new(&above, &picture::from_above(group), group.len())?,
            };
            let wanted = wanted(&task.renditions[first_rendition..], counts);
            stages.push(Stage { graph, first_rendition, rendition_count: group.len(), wanted });
            first_rendition += group.len();
            above = picture::like(group.last().expect("groups are not empty"))?;
        }
        Ok(Self { task, marks, shape, stages })
    }

    /// Scales frame `number` to all renditions that want it; `emit` gets each picture with its rendition.
    pub fn push(
        &mut self,
        mut frame: frame::Video,
        number: usize,
        emit: &mut dyn FnMut(usize, &mut frame::Video) -> Result<()>,
    ) -> Result<()> {
        self.adapt(&frame)?;
        for stage in &mut self.stages {
            if !stage.wanted[number] {
                break;
            }
            frame.set_pts(Some(number as i64));
            frame.set_kind(ffmpeg_next::picture::Type::None);
            stage.graph.push(&mut frame)?;
            for output in 0..stage.rendition_count {
                let scaled = stage.graph.pull(output)?.filter(|scaled| scaled.pts() == Some(number as i64));
                frame = scaled.ok_or_else(|| Error::Internal("a scaler lost a frame".into()))?;
                emit(stage.first_rendition + output, &mut frame)?;
            }
        }
        Ok(())
    }

    /// Graphs hold no frame between two pushes, so the top one can be replaced at any frame.
    fn adapt(&mut self, frame: &frame::Video) -> Result<()> {
        let shape = Shape::of(frame, &self.task.picture);
        if shape != self.shape
            && let Some(top) = self.stages.first_mut()
        {
            let group = &self.task.renditions[..top.rendition_count];
            top.graph = top_graph(frame, shape, (self.task, self.marks), group)?;
            self.shape = shape;
        }
        Ok(())
    }
}

fn top_graph(
    like: &frame::Video,
    shape: Shape,
    (task, marks): (&EncodeChunk, &[frame::Video]),
    group: &[VideoRendition],
) -> Result<Graph> {
    let description = picture::from_source(shape, (task, marks), group)?;
    let table = table::transfer(&shape, group[0].colour).map(table::picture);
    let names: Vec<String> = (0..marks.len()).map(mark::name).collect();
    let marks = names.iter().map(String::as_str).zip(marks);
    let pictures: Vec<_> = table.iter().map(|table| ("table", table)).chain(marks).collect();
    Graph::with_pictures(like, &pictures, &description, group.len())
}

fn wanted(renditions: &[VideoRendition], counts: &[Vec<u32>]) -> Vec<bool> {
    let frame_count = counts.first().map_or(0, Vec::len);
    let shows = |number: usize| renditions.iter().any(|rendition| counts[rendition.grid_index][number] > 0);
    (0..frame_count).map(shows).collect()
}
