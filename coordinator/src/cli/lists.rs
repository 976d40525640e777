//! Commands that look at a running coordinator or change one thing in it.

use serde::Serialize;
use serde_json::json;

use super::client::Client;
use super::exit::UserError;
use super::table::{ago, duration, print, table};
use super::{JobArgs, JobsArgs, Remote, TokenCommand};
use crate::clock::{Clock, SystemClock};
use crate::jobs::{JobView, NewToken, RunnerView, WhyView};
use crate::store::TokenRecord;
use crate::web::{JobDetail, TokenCreated};

/// `flotilla jobs`
pub async fn jobs(args: JobsArgs, json: bool) -> Result<(), UserError> {
    let state = args.state.map(|state| format!("&state={state}")).unwrap_or_default();
    let jobs: Vec<JobView> =
        Client::new(&args.remote)?.get(&format!("/jobs?limit={}{state}", args.limit)).await?;
    if json {
        return print_json(&jobs);
    }
    let now = SystemClock.now();
    let mut rows = table(&["id", "state", "done", "profile", "age", "source"]);
    for job in jobs {
        let done = percent(&job);
        rows.add_row([
            job.id.to_string(),
            job.state.as_str().into(),
            done,
            job.profile,
            ago(job.created_at, now),
            job.source,
        ]);
    }
    print(&rows, "no jobs");
    Ok(())
}

/// `flotilla job ID`
pub async fn job(args: JobArgs, json: bool) -> Result<(), UserError> {
    let detail: JobDetail = Client::new(&args.remote)?.get(&format!("/jobs/{}", args.id)).await?;
    if json {
        return print_json(&detail);
    }
    print_job(&detail.job);
    println!();
    let mut rows = table(&["task", "state", "attempts", "runners", "last failure"]);
    for task in detail.tasks {
        let failure = task.last_failure.map(|failure| failure.message).unwrap_or_default();
        let position = serde_json::to_value(task.task)
            .ok()
            .and_then(|value| value.as_object()?.values().find_map(serde_json::Value::as_u64));
        let name = position.map_or(task.task.name().into(), |at| format!("{} {at}", task.task.name()));
        let runners = task.runners.join(", ");
        rows.add_row([name, task.state.as_str().into(), task.attempts.to_string(), runners, failure]);
    }
    print(&rows, "no tasks yet");
    Ok(())
}

/// `flotilla why ID`
pub async fn why(args: JobArgs, json: bool) -> Result<(), UserError> {
    let why: WhyView = Client::new(&args.remote)?.get(&format!("/jobs/{}/why", args.id)).await?;
    if json {
        return print_json(&why);
    }
    println!("job {} is {}", why.job, why.state.as_str());
    for tasks in why.tasks {
        println!("{} {} ({}): {}", tasks.count, tasks.task, tasks.state.as_str(), tasks.reason);
    }
    Ok(())
}

/// `flotilla cancel ID`
pub async fn cancel(args: JobArgs, json: bool) -> Result<(), UserError> {
    change(&args, "cancel", json).await
}

/// `flotilla retry ID`
pub async fn retry(args: JobArgs, json: bool) -> Result<(), UserError> {
    change(&args, "retry", json).await
}

async fn change(args: &JobArgs, verb: &str, json: bool) -> Result<(), UserError> {
    let path = format!("/jobs/{}/{verb}", args.id);
    let job: JobView = Client::new(&args.remote)?.post(&path, &json!({})).await?;
    if json {
        return print_json(&job);
    }
    println!("job {} is {}", job.id, job.state.as_str());
    Ok(())
}

/// `flotilla runners`
pub async fn runners(remote: &Remote, json: bool) -> Result<(), UserError> {
    let runners: Vec<RunnerView> = Client::new(remote)?.get("/runners").await?;
    if json {
        return print_json(&runners);
    }
    let now = SystemClock.now();
    let mut rows = table(&["name", "state", "busy", "last seen", "version", "encoders", "machine"]);
    for runner in runners {
        let state = match (runner.live, runner.draining, runner.resting_reason) {
            (false, _, _) => "away".to_owned(),
            (true, _, Some(reason)) => format!("resting: {reason}"),
            (true, true, None) => "draining".to_owned(),
            (true, false, None) => "live".to_owned(),
        };
        let busy = format!("{}/{}", runner.busy, runner.slots);
        let seen = runner.last_seen_at.map_or("never".into(), |at| ago(at, now));
        let encoders = runner.encoders.join(" ");
        rows.add_row([runner.name, state, busy, seen, runner.version, encoders, runner.machine]);
    }
    print(&rows, "no runners have joined; make a token with `flotilla token create`");
    Ok(())
}

/// `flotilla token …`
pub async fn token(command: TokenCommand, json: bool) -> Result<(), UserError> {
    match command {
        TokenCommand::Create { remote, uses, life, note } => {
            let wanted = NewToken { note, uses, life_seconds: life.as_secs() };
            let created: TokenCreated = Client::new(&remote)?.post("/tokens", &wanted).await?;
            if json {
                return print_json(&created);
            }
            println!("{}", created.token);
            eprintln!("\nShown once. On the new machine: flotilla-runner join URL --token TOKEN");
        }
        TokenCommand::List(remote) => {
            let tokens: Vec<TokenRecord> = Client::new(&remote)?.get("/tokens").await?;
            if json {
                return print_json(&tokens);
            }
            let now = SystemClock.now();
            let mut rows = table(&["id", "uses left", "expires in", "note"]);
            for token in tokens {
                let left = duration(token.expires_at.since_ms(now));
                rows.add_row([token.id, token.uses_left.to_string(), left, token.note]);
            }
            print(&rows, "no tokens");
        }
        TokenCommand::Revoke { remote, id } => {
            Client::new(&remote)?.delete(&format!("/tokens/{id}")).await?;
            if json {
                return print_json(&json!({ "revoked": id }));
            }
            println!("token {id} is revoked");
        }
    }
    Ok(())
}

/// One job, a line a fact.
pub fn print_job(job: &JobView) {
    println!("job          {}", job.id);
    println!("state        {} ({})", job.state.as_str(), percent(job));
    println!("source       {}", job.source);
    println!("profile      {}", job.profile);
    println!("destination  {}", job.destination);
    if let Some(ended) = job.ended_at {
        println!("took         {}", duration(ended.since_ms(job.created_at)));
    }
    if let Some(speed) = job.progress.speed {
        println!("speed        {speed:.1}x real time");
    }
    if let Some(waiting) = &job.waiting {
        println!("waiting      {waiting}");
    }
    if let Some(failure) = &job.failure {
        println!("failure      {} ({})", failure.message, failure.class.as_str());
    }
}

/// Pretty JSON on standard output.
pub fn print_json(value: &impl Serialize) -> Result<(), UserError> {
    println!("{}", serde_json::to_string_pretty(value).expect("views have a JSON form"));
    Ok(())
}

fn percent(job: &JobView) -> String {
    let progress = &job.progress;
    match (job.state.is_over(), progress.frames_total) {
        (true, _) if job.failure.is_none() => "100 %".into(),
        (_, 0) => "0 %".into(),
        (_, total) => format!("{} %", progress.frames_done * 100 / total),
    }
}
