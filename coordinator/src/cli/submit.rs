//! `flotilla submit`.

use std::time::Duration;

use super::SubmitArgs;
use super::client::Client;
use super::exit::{Exit, UserError, job_failed};
use super::lists::print_json;
use super::progress::Display;
use crate::domain::JobState;
use crate::jobs::JobView;
use crate::lifecycle::interrupted;
use crate::web::SubmitBody;

/// How often a waiting command looks.
const LOOK: Duration = Duration::from_millis(200);

/// Submits a job and, if asked to, waits for its end.
pub async fn run(args: SubmitArgs, json: bool) -> Result<(), UserError> {
    if !args.dest.starts_with("s3://") {
        let message = format!("destination {:?} is no s3:// URL", args.dest);
        return Err(UserError::new(
            Exit::Usage,
            message,
            "for example --dest s3://flotilla/published/my-video",
        ));
    }
    let client = Client::new(&args.remote)?;
    let body = SubmitBody {
        source: args.source,
        profile: args.profile,
        destination: args.dest,
        chunk_seconds: args.chunk_seconds,
        priority: args.priority,
        progressive_publish: args.progressive_publish.then_some(true),
        tenant: args.tenant,
        idempotency_key: args.idempotency_key,
        picture: args.picture,
        edits: args.edits.unwrap_or_default().0,
        inserts: args.insert,
    };
    let job: JobView = client.post("/jobs", &body).await?;
    if !args.wait {
        if json {
            return print_json(&job);
        }
        println!("{}", job.id);
        return Ok(());
    }
    let path = format!("/jobs/{}", job.id);
    tokio::select! {
        over = wait(&client, &path, json) => ended(&over?, json),
        () = interrupted() => {
            Err(UserError::new(
                Exit::Interrupted,
                format!("interrupted: job {} goes on without this command", job.id),
                format!("`flotilla job {0}` shows it, `flotilla cancel {0}` ends it", job.id),
            ))
        }
    }
}

/// Shows a job's progress until it is over.
async fn wait(client: &Client, path: &str, json: bool) -> Result<JobView, UserError> {
    let mut display = Display::new(json);
    loop {
        let job: JobView = client.get(path).await?;
        display.show(&job);
        if job.state.is_over() {
            display.finish();
            return Ok(job);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn ended(job: &JobView, json: bool) -> Result<(), UserError> {
    match job.state {
        JobState::Published if json => print_json(job),
        JobState::Published => {
            println!("published {}/master.m3u8", job.destination);
            Ok(())
        }
        JobState::Cancelled => {
            Err(UserError::new(Exit::Interrupted, format!("job {} was cancelled", job.id), "submit it again"))
        }
        _ => Err(job_failed(job.failure.as_ref())),
    }
}
