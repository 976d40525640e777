//! What edits put in: clips are probed like sources, pictures are decoded once, so that a plan may rely on both.

use super::file;
use crate::error::Result;
use crate::pipe::{Outputs, SharedInputs};
use crate::report::Insert;
use crate::source::given;
use crate::source::only::only;
use crate::spec::{InsertKind, Probe};

/// Describes the inserts, of which the first one is input `first`.
pub fn describe_all(
    task: &Probe,
    inputs: &SharedInputs,
    first: usize,
    outputs: &mut dyn Outputs,
) -> Result<Vec<Insert>> {
    let mut found = Vec::new();
    for (number, kind) in task.inserts.iter().enumerate() {
        let input = first + number;
        let described = match kind {
            InsertKind::Clip => {
                only(inputs, input).and_then(|clip| file(task, &clip, outputs)).map(Insert::Clip)
            }
            InsertKind::Mark => given::read(inputs, input, task.max_pixels).map(|given| {
                let (width, height) = (given.picture.width(), given.picture.height());
                Insert::Mark { width, height }
            }),
        };
        let of = |what: &str| format!("file {} of the edits: {what}", number + 1);
        found.push(described.map_err(|error| error.of_source(of))?);
    }
    Ok(found)
}
