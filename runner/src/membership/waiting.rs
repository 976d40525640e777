//! Joins, in the background, a coordinator that was away when the daemon started.
//!
//! ```text
//!            away: the next wait is longer                     an identity is stored
//!          +───────────────────────────────+            +────> joined
//!          v                               |            |
//!   waits for its turn ──> is asked ───────+────────────+
//!          |                                            |      it says what waiting does not change
//!          +──(the runner drains)──> nothing            +────> refused
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::pending::Pending;
use super::{Membership, make, member};
use crate::config::{Config, Join};
use crate::error::Error;
use crate::identity::StateDir;
use crate::lifecycle::Tokens;
use crate::retry::Schedule;

/// Between tries if the schedule knew none; it has no end.
const LONGEST: Duration = Duration::from_secs(60);

/// Tries until the coordinator has answered; none: the runner drains before.
pub async fn join(
    config: Arc<Config>,
    state: StateDir,
    wanted: Join,
    pending: Pending,
    tokens: Tokens,
) -> Option<Result<Membership, Error>> {
    let answered = until_answered(|error| pending.note(&wanted, error), || once(&config, &state, &wanted));
    let answer = tokio::select! {
        biased;
        () = tokens.draining() => return None,
        answer = answered => answer,
    };
    match &answer {
        Ok(membership) => pending.forget(&membership.identity.url),
        Err(error) => pending.note(&wanted, error),
    }
    Some(answer)
}

/// One that was joined by hand meanwhile is not joined twice.
async fn once(config: &Config, state: &StateDir, wanted: &Join) -> Result<Membership, Error> {
    let kept = state.identities()?.into_iter().find(|identity| wanted.is_of(&identity.url));
    let identity = match kept {
        Some(identity) => identity,
        None => make(config, state, wanted).await?,
    };
    member(config, identity)
}

async fn until_answered<T, F: Future<Output = Result<T, Error>>>(
    mut note: impl FnMut(&Error),
    mut ask: impl FnMut() -> F,
) -> Result<T, Error> {
    let mut waits = Schedule::joining();
    loop {
        sleep(waits.next_wait().unwrap_or(LONGEST)).await;
        match ask().await {
            Err(error) if error.may_pass() => {
                tracing::debug!("still not joined: {error}");
                note(&error);
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::time::Instant;

    use super::*;
    use crate::coordinator;

    fn failed(cause: coordinator::Error) -> Error {
        Error::Coordinator { doing: "joining", url: "http://there".into(), cause }
    }

    /// Asks one that is away so many times and answers then: what comes of it, how often it was asked, how often its
    /// absence was noted, and how long that took.
    async fn asked(
        absences: usize,
        answer: fn() -> Result<u32, Error>,
    ) -> (Result<u32, String>, usize, usize, Duration) {
        let (mut asked, mut noted, begun) = (0, 0, Instant::now());
        let ask = || {
            asked += 1;
            let is_away = asked <= absences;
            ready(if is_away { Err(failed(coordinator::Error::Away("asleep".into()))) } else { answer() })
        };
        let answer = until_answered(|_| noted += 1, ask).await;
        (answer.map_err(|error| error.to_string()), asked, noted, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_away_is_asked_until_it_answers_ever_less_often() {
        let (answer, asked, noted, took) = asked(40, || Ok(7)).await;
        assert_eq!((answer, asked, noted), (Ok(7), 41, 40));
        // 0.5 s, twice as long each time, and 60 s in the end; each by a half more or less.
        let middle = Duration::from_millis(63_500) + Duration::from_secs(60) * 34;
        assert!((middle / 2..=middle * 3 / 2).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waiting_does_not_change_is_not_asked_again() {
        for (refusal, words) in [
            (|| Err(failed(coordinator::Error::Denied("no".into()))), "refused this runner: no"),
            (|| Err(failed(coordinator::Error::Refused("no".into()))), "refused the call: no"),
            (|| Err(failed(coordinator::Error::Address("no".into()))), "not usable: no"),
            (|| Err(Error::usage("no address", "give one")), "no address"),
        ] as [(fn() -> Result<u32, Error>, &str); 4]
        {
            let (answer, asked, noted, _) = asked(2, refusal).await;
            assert!(answer.as_ref().is_err_and(|told| told.contains(words)), "{answer:?}");
            assert_eq!((asked, noted), (3, 2), "{words}");
        }
    }
}
