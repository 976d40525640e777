//! Who is given which work.

use flotilla_proto::delta;
use flotilla_proto::fleet::task_spec::Kind as Spec;
use flotilla_proto::fleet::{EncodeChunkSpec, FailureClass, SyncRequest};

use crate::runner::{FRAME_COUNT, chunk_index, spec};
use crate::stage::{Stage, soon};

#[tokio::test]
async fn a_probe_becomes_chunks_that_cover_every_frame_once() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    stage.submit("job").await;

    let probe = runner.take().await;
    assert!(matches!(spec(&probe), Spec::Probe(probe) if probe.max_pixels > 0), "{:?}", spec(&probe));
    let Spec::Probe(told) = spec(&probe) else { unreachable!() };
    assert_eq!(told.limits.map(|limits| (limits.max_streams, limits.max_packets)), Some((32, 10_000_000)));
    assert_eq!((probe.inputs.len(), probe.outputs.len()), (1, 0));
    let source = reqwest::get(&probe.inputs[0].url).await.unwrap().bytes().await.unwrap();
    assert_eq!(source, "bytes of a video");
    assert!(runner.work(&probe).await.accepted);

    let leases = runner.ask(9, &[]).await;
    let audio = leases.iter().filter(|lease| matches!(spec(lease), Spec::EncodeAudio(_))).count();
    let mut chunks: Vec<_> = leases.iter().filter(|lease| chunk_index(lease).is_some()).collect();
    assert_eq!((leases.len(), audio, chunks.len()), (4, 1, 3));
    let order: Vec<_> = leases.iter().map(chunk_index).collect();
    assert_eq!(
        order,
        [None, Some(0), Some(2), Some(1)],
        "sound, then what takes longest: the middle one is short"
    );
    chunks.sort_by_key(|lease| chunk_index(lease));
    let mut next_frame = 0;
    for (index, lease) in chunks.into_iter().enumerate() {
        let Spec::EncodeChunk(chunk) = spec(lease) else { unreachable!() };
        assert_eq!(chunk.chunk_index as usize, index);
        assert_eq!(lease.outputs.len(), chunk.renditions.len());
        next_frame = check_chunk(chunk, next_frame);
    }
    assert_eq!(next_frame, FRAME_COUNT);
    assert!(runner.ask(9, &leases.iter().collect::<Vec<_>>()).await.is_empty(), "assemblies wait for chunks");
}

/// Checks a chunk whose first frame must be `first`; answers the frame after it.
fn check_chunk(chunk: &EncodeChunkSpec, first: i64) -> i64 {
    let [grid] = chunk.grids.as_slice() else { panic!("24 frames a second make one grid for all") };
    let shown = delta::decode(&grid.source_pts_deltas);
    assert_eq!(grid.first_frame as i64, first);
    assert_eq!(shown, (first..first + shown.len() as i64).collect::<Vec<_>>());
    assert_eq!(
        delta::decode(&grid.time_deltas).len(),
        shown.len() + 1,
        "one more: the end of the last frame"
    );
    // The source has a keyframe every 48 frames, chunks start on them.
    assert_eq!(chunk.seek_pts.unwrap_or(0), first);
    assert_eq!(chunk.renditions[0].height, 360);
    for rendition in &chunk.renditions {
        assert_eq!(rendition.gop_frames, 48);
        assert_eq!(u64::from(rendition.first_sequence_number), first as u64 / 48 + 1);
        assert_eq!(rendition.settings["threads"], "1");
    }
    first + shown.len() as i64
}

#[tokio::test]
async fn another_fingerprint_gets_no_chunk_and_the_job_says_why_it_waits() {
    let stage = Stage::new().await;
    let (first, second) = (stage.runner("first", "one").await, stage.runner("second", "two").await);
    let job_id = stage.submit("job").await;
    let pinned = first.take_chunk().await;
    let offered = second.ask(9, &[]).await;
    assert!(offered.iter().all(|lease| chunk_index(lease).is_none()), "chunks would not join byte for byte");

    // The one machine that could go on leaves.
    assert!(first.work(&pinned).await.accepted);
    stage.clock.pass_ms(61_000);
    second.ask(0, &offered.iter().collect::<Vec<_>>()).await;
    let waiting = stage.view(&job_id).await.waiting.expect("it waits");
    assert!(waiting.contains("libx264") && waiting.contains("same bytes"), "{waiting}");
}

#[tokio::test]
async fn a_job_says_which_encoder_it_waits_for() {
    let stage = Stage::new().await;
    let job_id = stage.submit("job").await;
    assert_eq!(stage.view(&job_id).await.waiting.as_deref(), Some("no runner is connected"));
    let runner = stage.runner("mine", "one").await.without("libx264");
    runner.work(&runner.take().await).await;
    let offered = runner.ask(9, &[]).await;
    assert!(offered.iter().all(|lease| chunk_index(lease).is_none()));
    let waiting = stage.view(&job_id).await.waiting;
    assert_eq!(waiting.as_deref(), Some("no connected runner offers the encoder libx264"));
}

#[tokio::test]
async fn a_runner_that_rests_gets_nothing_and_everybody_can_read_why() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let resting =
        SyncRequest { resting_reason: Some("on\nbattery".into()), hold_ms: 0, ..runner.state(9, &[]) };
    let answer = runner.sync(resting).await.unwrap();
    assert!(answer.start.is_empty());
    let seen = stage.jobs().runners().await.unwrap().remove(0);
    assert_eq!((seen.resting_reason.as_deref(), seen.draining), (Some("onbattery"), false));
    let waiting = stage.view(&job_id).await.waiting;
    assert_eq!(waiting.as_deref(), Some("every runner that is connected rests: mine (onbattery)"));

    // The call that ends the rest brings work, and no word of a drain.
    let awake = SyncRequest { hold_ms: 0, ..runner.state(9, &[]) };
    let answer = runner.sync(awake).await.unwrap();
    assert_eq!((answer.start.len(), answer.drain), (1, false));
    assert_eq!(stage.jobs().runners().await.unwrap().remove(0).resting_reason, None);
}

#[tokio::test]
async fn calls_that_cross_never_start_more_than_there_are_slots() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    stage.submit("job").await;
    runner.work(&runner.take().await).await;
    // Each of these was sent before the answer to another came.
    let calls = (0..5).map(|_| runner.ask(2, &[]));
    let given: Vec<_> = futures::future::join_all(calls).await.into_iter().flatten().collect();
    assert_eq!(given.len(), 2);
    assert_eq!(
        runner.ask(2, &given.iter().collect::<Vec<_>>()).await.len(),
        2,
        "named attempts take no free slot"
    );
}

#[tokio::test]
async fn a_returned_task_costs_nothing_and_goes_to_the_same_runner_again() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let mut given = Vec::new();
    for _ in 0..10 {
        let probe = runner.take().await;
        runner.fail(&probe, FailureClass::Returned, "the machine drains").await;
        given.push(probe.task_id);
    }
    let probe = runner.take().await;
    assert!(runner.work(&probe).await.accepted);
    assert!(given.iter().all(|task_id| *task_id == probe.task_id));
    let runners = stage.jobs().runners().await.unwrap();
    assert_eq!(runners[0].strikes, 0);
    assert!(stage.view(&job_id).await.failure.is_none());
}

/// More runners wait than a change wakes on suspicion, and only the last one of them fits: it must be the one that is rung,
/// so that its one call, which hangs, brings the lease.
#[tokio::test]
async fn a_task_that_becomes_ready_wakes_the_waiting_runner_that_can_do_it() {
    let stage = Stage::new().await;
    let first = stage.runner("first", "one").await;
    stage.submit("job").await;
    first.work(&first.take().await).await;
    let leases = first.ask(9, &[]).await;
    let mut chunks = leases.iter().filter(|lease| chunk_index(lease).is_some());
    assert!(
        first.work(chunks.next().expect("chunks are ready")).await.accepted,
        "the job is bound to it now"
    );

    let mut others = Vec::new();
    for number in 0..20 {
        let other = stage.runner(&format!("other-{number}"), "two").await;
        others.push(tokio::spawn(async move { other.take().await }));
    }
    // As fast as can be: a slower one would leave the task to the first one, once that should be done with what it holds.
    let last = stage.runner("last", "one").await.with_speed(1 << 40);
    assert!(last.ask(1, &[]).await.is_empty(), "all is given out");
    let hanging = tokio::spawn({
        let request = last.state(1, &[]);
        async move { last.sync(request).await }
    });
    // Whichever comes first, the call or the task: no second call is made.
    let returned = chunks.next().expect("chunks are ready");
    first.fail(returned, FailureClass::Returned, "the machine drains").await;
    let answer = soon(hanging).await.unwrap().expect("the coordinator answers");
    let started: Vec<_> = answer.start.iter().map(|lease| &lease.task_id).collect();
    assert_eq!(started, [&returned.task_id]);
    assert!(others.iter().all(|other| !other.is_finished()), "nothing was there for them");
    others.iter().for_each(tokio::task::JoinHandle::abort);
}
