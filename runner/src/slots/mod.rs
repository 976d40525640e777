//! The slots of this machine and the attempts in them. A slot is one engine child; admission never gives out
//! more than there are, and an attempt that was leased beyond that waits here, named and renewed, for the
//! next free one.
//!
//! A slot is free as soon as its engine has ended: while the last bytes of a result go up and the coordinator takes it,
//! the next task computes. Once more attempts are settling than there are slots, slots stay empty for them: a slow network
//! must not pile results up in memory.
//!
//! Several coordinators may have a part in the slots. Each sees its own [`Allotment`], and none touches what another one's
//! attempts do.

pub mod allotment;
pub mod benchmark;
pub mod capability;
pub mod held;
pub mod machine;
pub mod quiet;
pub mod sharing;
pub mod trials;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

pub use self::allotment::Allotment;
use self::held::Ledger;
use crate::attempt::Context;

/// The slots of the machine; clones share them.
#[derive(Clone, Debug)]
pub struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    /// Counts what may change what somebody is offered.
    news: watch::Sender<u64>,
}

impl Slots {
    /// `count` empty slots.
    pub fn new(count: u32) -> Self {
        let (ledger, news) = (Mutex::new(Ledger::new(count)), watch::Sender::new(0));
        Self { shared: Arc::new(Shared { ledger, news }) }
    }

    /// A part in them for one coordinator more, whose attempts have `context`.
    pub fn allot(&self, share: NonZeroU32, context: Context) -> Allotment {
        // Nothing is taken from those who work, but from now on they hear of what others leave to them.
        let member = self.change(|ledger| ledger.add(share.get()));
        Allotment::new(self.clone(), member, context)
    }

    /// Attempts that are held, in whatever phase, of whatever coordinator.
    pub fn held_count(&self) -> u32 {
        u32::try_from(self.ledger().all().count()).unwrap_or(u32::MAX)
    }

    /// Changes what is held, and tells everybody.
    fn change<T>(&self, action: impl FnOnce(&mut Ledger) -> T) -> T {
        let answer = action(&mut self.ledger());
        self.tell();
        answer
    }

    fn tell(&self) {
        self.shared.news.send_modify(|count| *count += 1);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger.lock().expect("no thread panics while it holds this lock")
    }
}
