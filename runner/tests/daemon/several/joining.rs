//! Becoming a runner of a second coordinator, and leaving one of two.

use flotilla_runner::config::Config;
use flotilla_runner::identity::StateDir;
use flotilla_runner::{Error, app, membership};

use crate::coordinator::FakeCoordinator;
use crate::engine::DONE;
use crate::world::join;

use super::{Two, until_done};

fn kept(config: &Config) -> Vec<(String, u32)> {
    let identities = StateDir::open(&config.state_dir).unwrap().identities().unwrap();
    identities.into_iter().map(|identity| (identity.url, identity.share.get())).collect()
}

/// The configuration of a command about one coordinator.
fn about(config: &Config, coordinator: &FakeCoordinator, share: Option<u32>) -> Config {
    Config { joins: vec![join(coordinator, "good", share)], joins_beside: false, ..config.clone() }
}

#[tokio::test]
async fn a_second_coordinator_can_be_joined_once_and_left_by_name() {
    let two = Two::new().await;
    let config = two.config(DONE, 1, [1, 1]);
    let (first, second) = (&two.world.coordinator, &two.second);
    membership::join(about(&config, first, None)).await.unwrap();
    membership::join(about(&config, second, Some(3))).await.unwrap();
    assert_eq!(kept(&config), [(first.url.clone(), 1), (second.url.clone(), 3)]);
    let state = StateDir::open(&config.state_dir).unwrap();
    let shown = |config: &Config| membership::shown(config, &state).last().unwrap().to_string();
    assert_eq!(shown(&about(&config, first, None)), format!("{} (share 3)", second.url));
    assert_eq!(
        shown(&about(&config, second, Some(5))),
        format!("{} (share 5)", second.url),
        "the file's counts more"
    );

    let error = membership::join(about(&config, second, None)).await.unwrap_err();
    assert!(error.to_string().contains(&format!("joined {} already", second.url)), "{error}");

    let error = membership::leave(config.clone(), None).await.unwrap_err();
    assert!(error.to_string().contains(&first.url) && error.to_string().contains(&second.url), "{error}");
    assert_eq!(error.exit_code(), 2);
    let error = membership::leave(config.clone(), Some("http://127.0.0.1:1".into())).await.unwrap_err();
    assert!(error.to_string().contains("has not joined http://127.0.0.1:1"), "{error}");
    membership::leave(config.clone(), Some(format!("{}/", first.url))).await.unwrap();
    assert_eq!(kept(&config), [(second.url.clone(), 3)]);
    assert!(first.with(|state| state.syncs.last().unwrap().leaving));
    membership::leave(config.clone(), None).await.unwrap();
    assert_eq!(kept(&config), []);
}

#[tokio::test]
async fn a_runner_of_another_coordinator_is_not_taken_over_by_a_word_to_run() {
    let two = Two::new().await;
    let config = two.config(DONE, 1, [1, 1]);
    membership::join(about(&config, &two.world.coordinator, None)).await.unwrap();
    let error = app::run(about(&config, &two.second, None), two.world.tokens.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Usage { .. }) && error.hint().contains("join"), "{error}");
    assert!(error.to_string().contains(&two.world.coordinator.url), "{error}");
}

#[tokio::test]
async fn those_that_were_joined_by_hand_are_worked_for_too_and_one_that_refuses_is_left_out() {
    let two = Two::new().await;
    let config = two.config(DONE, 1, [1, 1]);
    membership::join(about(&config, &two.second, None)).await.unwrap();
    let joins = vec![join(&two.world.coordinator, "bad", None)];
    let config = Config { joins, ..config };
    let daemon = tokio::spawn(app::run(config, two.world.tokens.clone()));
    two.lease(&two.second, "a");
    until_done(&two.second, 1).await;
    assert!(two.world.coordinator.with(|state| state.syncs.is_empty()));
    two.drained(daemon).await;
}
