//! Who may come in, and who is believed.

use flotilla_coordinator::jobs::NewToken;
use tonic::Code;

use crate::runner::HandPlayed;
use crate::stage::Stage;

async fn refused(stage: &Stage, token: &str) -> String {
    let joined = HandPlayed::join(stage.coordinator.url(), token, "stranger", "one").await;
    let status = joined.err().expect("it must be refused");
    assert_eq!(status.code(), Code::Unauthenticated);
    status.message().to_owned()
}

#[tokio::test]
async fn a_token_lets_in_as_often_and_as_long_as_it_says() {
    let stage = Stage::new().await;
    assert!(refused(&stage, "flt-made-up").await.contains("not known"));

    let token = stage.token().await;
    HandPlayed::join(stage.coordinator.url(), &token, "first", "one").await.expect("the token is good");
    assert!(refused(&stage, &token).await.contains("used up"));

    let (record, revoked) = stage.jobs().create_token(NewToken::default()).await.unwrap();
    stage.jobs().revoke_token(&record.id).await.unwrap();
    assert!(refused(&stage, &revoked).await.contains("revoked"));

    let late = stage.token().await;
    stage.clock.pass_ms(3_600_001);
    assert!(refused(&stage, &late).await.contains("expired"));

    let runners = stage.jobs().runners().await.unwrap();
    assert_eq!(runners.iter().map(|runner| runner.name.as_str()).collect::<Vec<_>>(), ["first"]);
}

#[tokio::test]
async fn only_the_holder_of_the_secret_speaks_for_a_runner() {
    let stage = Stage::new().await;
    let mut runner = stage.runner("mine", "one").await;
    runner
        .sync(flotilla_proto::fleet::SyncRequest { hold_ms: 0, ..runner.state(0, &[]) })
        .await
        .expect("it is known");
    for wrong in ["", "nobody.secret", "no-dot", "\u{7f}", &format!("{}x", runner.identity)] {
        if let Ok(identity) = format!("Bearer {wrong}").parse::<tonic::metadata::MetadataValue<_>>() {
            runner.identity = identity.to_str().unwrap_or_default().trim_start_matches("Bearer ").to_owned();
            let status = runner.sync(runner.state(1, &[])).await.expect_err("nobody knows it");
            assert_eq!(status.code(), Code::Unauthenticated, "{wrong:?}");
        }
    }
}

#[tokio::test]
async fn a_runner_that_left_is_forgotten() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    stage.submit("job").await;
    let probe = runner.take().await;
    let leaving = flotilla_proto::fleet::SyncRequest { leaving: true, ..runner.state(0, &[&probe]) };
    assert!(runner.sync(leaving).await.expect("it may leave").drain);
    let status = runner.sync(runner.state(1, &[])).await.expect_err("it has left");
    assert_eq!(status.code(), Code::Unauthenticated);
    // Its task is another's at once.
    let other = stage.runner("other", "one").await;
    assert_eq!(other.take().await.task_id, probe.task_id);
}
