//! What the fuzz targets of `tests/fuzz` reach of the inside; no interface of anybody's.

use flotilla_proto::fleet::TaskResult;

use crate::domain::outcome::Outcome;

/// A result as a runner sends it, made the domain's and, where it is a probe's, what people are shown.
pub fn task_result(result: TaskResult) {
    if let Ok(Outcome::Probe(source)) = crate::fleet::outcome_of(Some(result)) {
        let _ = crate::survey::survey(&source, None);
    }
}
