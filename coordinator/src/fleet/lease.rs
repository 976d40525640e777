//! A scheduler's assignment as the wire's lease.

use flotilla_proto::fleet as wire;

use super::task_spec;
use crate::scheduler::Assignment;

/// What a runner is told of a task that it is to start.
pub fn to_wire(assignment: Assignment) -> wire::Lease {
    let lease = assignment.claimed.lease();
    wire::Lease {
        lease: Some(wire::LeaseRef {
            attempt_id: lease.attempt_id.to_string(),
            token: lease.token.reveal().to_owned(),
            epoch: lease.epoch,
        }),
        job_id: assignment.claimed.task.job_id.to_string(),
        task_id: assignment.claimed.task.id.to_string(),
        task: Some(task_spec::to_wire(&assignment.work)),
        inputs: assignment.inputs.into_iter().map(input).collect(),
        outputs: assignment.outputs.into_iter().map(output).collect(),
    }
}

fn input(grant: crate::scheduler::InputGrant) -> wire::InputGrant {
    wire::InputGrant { url: grant.url, size_bytes: grant.size_bytes, sha256: grant.sha256 }
}

fn output(grant: crate::scheduler::OutputGrant) -> wire::OutputGrant {
    wire::OutputGrant { part_size_bytes: grant.part_size_bytes, part_urls: grant.part_urls }
}
