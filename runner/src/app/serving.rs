//! Whom the daemon works for while it lives: a link for each coordinator that is joined, and a try in the background for
//! each that did not answer at the start. What happens to one of them touches none of the others.

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use crate::config::{Config, Join};
use crate::error::Error;
use crate::identity::StateDir;
use crate::lifecycle::Tokens;
use crate::link::Link;
use crate::membership::pending::Pending;
use crate::membership::{Membership, Start, waiting};

/// All links, and all that may become one.
pub struct Serving {
    config: Arc<Config>,
    state: StateDir,
    pending: Pending,
    tokens: Tokens,
    /// True: attempts were given back when it was stopped.
    working: JoinSet<Result<bool, Error>>,
    /// None: the daemon drains.
    joining: JoinSet<Option<Result<Membership, Error>>>,
    /// Log lines say for whom.
    are_several: bool,
    has_ended_well: bool,
    gave_back: bool,
    failure: Option<Error>,
}

impl Serving {
    /// Serves nobody yet.
    pub fn new(config: Arc<Config>, state: StateDir, pending: Pending, tokens: Tokens) -> Self {
        Self {
            config,
            state,
            pending,
            tokens,
            working: JoinSet::new(),
            joining: JoinSet::new(),
            are_several: false,
            has_ended_well: false,
            gave_back: false,
            failure: None,
        }
    }

    /// Works until every link has ended and nobody is left to be joined. A coordinator that refuses this runner, or does not
    /// know it any more, leaves the others be; that is an error when none is left.
    pub async fn run(mut self, start: Start, link: impl Fn(Membership, Tokens) -> Link) -> Result<(), Error> {
        self.are_several = start.members.len() + start.away.len() > 1;
        for membership in start.members {
            self.begin(membership, &link);
        }
        for wanted in start.away {
            self.wait_for(wanted);
        }
        loop {
            tokio::select! {
                Some(ended) = self.working.join_next() => {
                    self.ended(ended.expect("a link neither panics nor is cancelled"));
                }
                Some(answered) = self.joining.join_next() => {
                    match answered.expect("a try neither panics nor is cancelled") {
                        Some(Ok(membership)) => {
                            tracing::info!(coordinator = membership.identity.url, "joined");
                            self.begin(membership, &link);
                        }
                        Some(Err(error)) => self.lose(error),
                        None => self.has_ended_well = true,
                    }
                }
                else => break,
            }
        }
        match self.failure {
            _ if self.gave_back => Err(Error::Interrupted),
            Some(error) if !self.has_ended_well => Err(error),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, membership: Membership, link: impl Fn(Membership, Tokens) -> Link) {
        let url = membership.identity.url.clone();
        let span = match self.are_several {
            true => tracing::info_span!("for", coordinator = url),
            false => Span::none(),
        };
        let link = link(membership, self.tokens.clone());
        let failed = |cause| Error::Coordinator { doing: "working", url, cause };
        self.working.spawn(async move { link.run().await.map_err(failed) }.instrument(span));
    }

    fn wait_for(&mut self, wanted: Join) {
        let (config, state, pending) = (self.config.clone(), self.state.clone(), self.pending.clone());
        self.joining.spawn(waiting::join(config, state, wanted, pending, self.tokens.clone()));
    }

    fn ended(&mut self, ended: Result<bool, Error>) {
        match ended {
            Ok(has_given_back) => {
                self.has_ended_well = true;
                self.gave_back |= has_given_back;
            }
            Err(error) => self.lose(error),
        }
    }

    /// One is not worked for any more; the last one's error is that of the daemon.
    fn lose(&mut self, error: Error) {
        match self.working.is_empty() && self.joining.is_empty() {
            true => self.failure = Some(error),
            false => tracing::error!(hint = error.hint(), "going on for the others: {error}"),
        }
    }
}
