//! Coordinators that do not answer when the daemon starts, and those that refuse it.

use flotilla_runner::config::{Config, Join};
use flotilla_runner::identity::StateDir;
use flotilla_runner::{Error, app, membership};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::coordinator::{FakeCoordinator, reserved};
use crate::engine::{self, DONE};
use crate::world::{World, eventually, join};

use super::{until_done, until_last};

/// A world, and the address of a coordinator that is not there yet.
struct Early {
    world: World,
    place: TcpSocket,
    config: Config,
}

impl Early {
    /// The daemon is to work for the world's coordinator and for the one that is missing.
    async fn new(body: &str, slots: u32) -> Self {
        let (world, place) = (World::new(Vec::new()).await, reserved());
        let mut config = world.config(engine::script(world.folder.path(), body), "good");
        config.slots = std::num::NonZeroU32::new(slots);
        config.joins.push(Join { url: url(&place), ..join(&world.coordinator, "good", Some(3)) });
        config.joins_beside = true;
        Self { world, place, config }
    }

    fn start(&self) -> JoinHandle<Result<(), Error>> {
        tokio::spawn(app::run(self.config.clone(), self.world.tokens.clone()))
    }

    /// What `status` says of the coordinators once it says these words.
    async fn until_said(&self, words: &str) -> Vec<String> {
        let state = StateDir::open(&self.config.state_dir).unwrap();
        let said = || -> Vec<String> {
            membership::shown(&self.config, &state).iter().map(ToString::to_string).collect()
        };
        // Before it runs, what is said are not the daemon's words.
        let is_daemons = |said: &Vec<String>| {
            let said = said.join("\n");
            said.contains(words) && !said.contains("when the runner runs")
        };
        eventually(words, || Some(said()).filter(is_daemons)).await
    }

    /// The missing one comes, and with it the way to end the daemon.
    fn arrives(self) -> (World, FakeCoordinator) {
        let part_url = self.world.store.part_url();
        (self.world, FakeCoordinator::start_at(self.place, part_url))
    }
}

fn url(place: &TcpSocket) -> String {
    format!("http://{}", place.local_addr().unwrap())
}

#[tokio::test]
async fn one_that_comes_later_is_joined_and_has_its_share_while_the_other_goes_on() {
    let world_gate =
        |world: &World| format!("while ! [ -e {} ]; do sleep 0.02; done\n", world.gate().display());
    let mut early = Early::new(DONE, 4).await;
    let gated = world_gate(&early.world) + DONE;
    early.config.engine = engine::script(early.world.folder.path(), &gated);
    let daemon = early.start();
    let said = early.until_said("not joined yet: ").await;
    assert!(said[1].contains(&format!("{} (share 3), not joined yet: ", url(&early.place))), "{said:?}");

    // The one that is there has the whole machine, and keeps what runs when the other one comes.
    let task = early.world.task("", 1024, Vec::new());
    early.world.coordinator.with(|state| state.endless = Some(task.clone()));
    until_last(&early.world.coordinator, "it has all slots", |sync| sync.attempts.len() == 4).await;
    let (config, state) = (early.config.clone(), StateDir::open(&early.config.state_dir).unwrap());
    let (world, late) = early.arrives();
    late.with(|state| state.endless = Some(task));
    late.until("it is called", |state| !state.syncs.is_empty()).await;
    assert_eq!(world.coordinator.with(|state| (state.completes.len(), state.fails.len())), (0, 0));
    assert_eq!(late.with(|state| state.joins.len()), 1);
    let said: Vec<_> = membership::shown(&config, &state).iter().map(ToString::to_string).collect();
    assert_eq!(said, [format!("{} (share 1)", world.coordinator.url), format!("{} (share 3)", late.url)]);

    // From then on both work, by their shares.
    std::fs::write(world.gate(), "").unwrap();
    until_done(&late, 1).await;
    let before = world.coordinator.with(|state| state.completes.len());
    until_done(&late, 41).await;
    let meanwhile = world.coordinator.with(|state| state.completes.len()) - before;
    assert!((6..=24).contains(&meanwhile), "a share of 1 was {meanwhile} tasks, one of 3 was 40");
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    assert_eq!(world.coordinator.with(|state| state.fails.len()), 0);
}

#[tokio::test]
async fn a_single_one_is_waited_for_as_a_service_that_starts_first_must() {
    let mut early = Early::new(DONE, 1).await;
    early.config.joins.remove(0);
    early.config.joins_beside = false;
    let daemon = early.start();
    assert_eq!(early.until_said("not joined yet: ").await.len(), 1);
    let (world, late) = early.arrives();
    let lease = world.task("a", 1024, Vec::new());
    late.with(|state| state.to_start.push(lease));
    until_done(&late, 1).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_still_waits_can_be_stopped() {
    let early = Early::new(DONE, 1).await;
    let daemon = early.start();
    early.until_said("not joined yet: ").await;
    early.world.coordinator.until("it is called", |state| !state.syncs.is_empty()).await;
    early.world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_that_refuses_when_it_comes_is_asked_no_more() {
    let mut early = Early::new(DONE, 1).await;
    early.config.joins[1].token = Some("bad".into());
    let daemon = early.start();
    early.until_said("not joined yet: ").await;
    let (config, state) = (early.config.clone(), StateDir::open(&early.config.state_dir).unwrap());
    let (world, late) = early.arrives();
    let is_told = || {
        let said = membership::shown(&config, &state);
        said.last().is_some_and(|said| said.to_string().contains("not joined yet: the coordinator refused"))
    };
    eventually("the refusal is told", || is_told().then_some(())).await;
    world.lease("a", 1024);
    until_done(&world.coordinator, 1).await;
    // Nobody is left who could ask again: with the other one the daemon ends.
    world.coordinator.with(|state| {
        state.has_forgotten_the_runner = true;
        state.to_stop.push("none".into());
    });
    let error = daemon.await.unwrap().unwrap_err();
    assert!(error.to_string().contains(&world.coordinator.url), "{error}");
    assert_eq!(late.with(|state| state.joins.clone()), ["bad"]);
}

#[tokio::test]
async fn an_address_that_is_none_is_told_and_the_other_one_served() {
    let mut early = Early::new(DONE, 1).await;
    early.config.joins[1].url = "ftp://there".into();
    let daemon = early.start();
    let said =
        early.until_said("ftp://there (share 3), not joined yet: `ftp://there` is not the address").await;
    assert_eq!(said.len(), 2, "{said:?}");
    early.world.lease("a", 1024);
    until_done(&early.world.coordinator, 1).await;
    early.world.tokens.drain();
    daemon.await.unwrap().unwrap();
}
