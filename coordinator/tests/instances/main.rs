//! The link to instances held against the strict model of PeerTube in `tests/src/peertube`.
//!
//! Real are: the coordinator with its database, embedded object store, scheduler, publication and link; the protocols
//! between all three, over sockets. Played are: the instance (the model) and the runner, which decodes nothing and returns
//! boxes that pass every check of publication ([`media`]). Time runs faster than on the wall for the coordinator's timers
//! and for the instance's alike ([`time`]), so that minutes of silence and patience cost seconds. What real engines make of
//! such jobs is for the journeys.

mod captions;
mod chance;
mod kinds;
mod leftovers;
mod machine;
mod media;
mod onward;
mod place;
mod time;
mod troubles;
mod versions;
