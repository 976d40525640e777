//! Copies of tasks that take too long: over the protocol, the first result wins and the other runner is told to stop.

use flotilla_proto::fleet::{AttemptStatus, SyncRequest};

use crate::runner::{chunk_index, done, put};
use crate::stage::{Stage, soon};

#[tokio::test]
async fn a_copy_that_is_first_stops_the_straggler_at_once() {
    let stage = Stage::new().await;
    let (slow, quick) = (stage.runner("slow", "one").await, stage.runner("quick", "one").await);
    let job_id = stage.submit("job").await;
    let straggler = slow.take_chunk().await;
    // The other two chunks show how long one takes.
    let others = quick.ask(9, &[]).await;
    assert_eq!(others.iter().filter(|lease| chunk_index(lease).is_some()).count(), 2);
    for lease in &others {
        assert!(quick.work(lease).await.accepted);
    }
    assert!(quick.ask(1, &[]).await.is_empty(), "nothing takes too long yet");

    // A minute and a half passes; the straggler has beaten in time and got nowhere.
    for _ in 0..18 {
        stage.clock.pass_ms(5_000);
        slow.ask(0, &[&straggler]).await;
        quick.ask(0, &[]).await;
    }
    let copy = quick.ask(1, &[]).await.pop().expect("a copy is worth while");
    assert_eq!(copy.task_id, straggler.task_id);
    let why = stage.jobs().why(&job_id).await.unwrap();
    assert!(why.tasks.iter().any(|tasks| tasks.reason.contains("as a copy, on quick")), "{why:?}");

    // The straggler is almost done: all of its bytes are up. Its call hangs; the copy's acceptance ends it.
    let too_late = done(&straggler).await;
    let attempts = vec![AttemptStatus { lease: straggler.lease.clone(), progress: 1 }];
    let hanging = SyncRequest { attempts, ..slow.state(0, &[]) };
    let (told, worked) = tokio::join!(soon(slow.sync(hanging)), quick.work(&copy));
    assert!(worked.accepted);
    let stopped = told.expect("the coordinator answers").stop_attempt_ids;
    let attempt_id = straggler.lease.clone().expect("a lease").attempt_id;
    let stopped = if stopped.is_empty() {
        // Held as long as it may be before the copy was done: told by the next call.
        slow.sync(SyncRequest { hold_ms: 0, ..slow.state(0, &[&straggler]) }).await.unwrap().stop_attempt_ids
    } else {
        stopped
    };
    assert_eq!(stopped, [attempt_id]);

    // Too late: it is refused, cannot write any more, and what it had uploaded goes.
    let late = slow.complete(too_late).await.expect("the coordinator answers");
    assert!(!late.accepted && late.reason.contains("another attempt was first"), "{}", late.reason);
    assert!(slow.grant_parts(&straggler, 1, 1).await.is_err());
    let url = &straggler.outputs[0].part_urls[0];
    soon(async { while put(url, b"more").await.is_ok() {} }).await;
    stage.wait_job(&job_id, "the rest is done", |view| view.progress.tasks_done >= 4).await;
    let runners = stage.jobs().runners().await.unwrap();
    assert!(runners.iter().all(|runner| runner.strikes == 0));
}

#[tokio::test]
async fn a_job_says_why_it_waits_and_whose_it_is() {
    let stage = Stage::new().await;
    let mut submission = stage.submission("job");
    submission.tenant = "news".into();
    let job_id = stage.jobs().submit(submission).await.unwrap();
    let why = stage.jobs().why(&job_id).await.unwrap();
    assert_eq!(why.tasks.len(), 1);
    assert_eq!((why.tasks[0].task.as_str(), why.tasks[0].reason.as_str()), ("probe", "no runner has joined"));
    assert_eq!(stage.view(&job_id).await.tenant, "news");
    let mut nameless = stage.submission("other");
    nameless.tenant = "two words".into();
    assert!(stage.jobs().submit(nameless).await.unwrap_err().to_string().contains("tenant"));
}
