//! The notification socket.

use std::time::Duration;

use tokio::sync::watch;

use super::Stage;
use crate::peertube::Waits;
use crate::peertube::socket::{Ear, listen};

fn short() -> Waits {
    Waits::new(Duration::from_millis(10), Duration::from_millis(20))
}

/// Listens in a task of its own.
fn ear(stage: &Stage) -> watch::Receiver<Ear> {
    let (sender, ear) = watch::channel(Ear::default());
    let runner = stage.runner.clone();
    tokio::spawn(async move { listen(&runner, short(), sender).await });
    ear
}

async fn until(ear: &mut watch::Receiver<Ear>, is_so: impl FnMut(&Ear) -> bool) -> Ear {
    let heard = tokio::time::timeout(Duration::from_secs(20), ear.wait_for(is_so)).await;
    heard.expect("it is heard in time").expect("the listener lives").clone()
}

#[tokio::test]
async fn jobs_are_heard_of_through_pings_and_absences() {
    let mut stage = Stage::new().await;
    stage.model.ping_every(Duration::from_millis(20));
    let mut ear = ear(&stage);
    let news = until(&mut ear, |ear| ear.is_open).await.news;
    stage.model.ring();
    let news = until(&mut ear, |ear| ear.news > news).await.news;
    stage.model.away();
    let lost = until(&mut ear, |ear| !ear.is_open).await;
    assert!(lost.trouble.is_some());
    stage.model.back();
    until(&mut ear, |ear| ear.is_open && ear.news > news).await;
    assert_eq!(stage.model.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_socket_that_is_refused_says_why() {
    let stage = Stage::new().await;
    stage.model.revoke_runners();
    let mut ear = ear(&stage);
    let refused = until(&mut ear, |ear| ear.trouble.is_some()).await;
    assert!(refused.trouble.unwrap().contains("Invalid runner token"));
}

#[tokio::test]
async fn the_socket_is_left_when_nobody_listens() {
    let stage = Stage::new().await;
    let (sender, ear) = watch::channel(Ear::default());
    let mut waiting = ear.clone();
    let runner = stage.runner.clone();
    let listening = tokio::spawn(async move { listen(&runner, short(), sender).await });
    until(&mut waiting, |ear| ear.is_open).await;
    drop((ear, waiting));
    tokio::time::timeout(Duration::from_secs(20), listening).await.expect("it ends").unwrap();
}
