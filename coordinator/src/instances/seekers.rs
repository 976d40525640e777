//! Orders that look for a job of the fleet just now: those of one source that come together share one.

use std::sync::Mutex;

use super::desk::Piece;
use super::locked;
use super::records::{Batch, Identity, ProductionRecord};

/// All orders of an instance that look for a job.
#[derive(Default)]
pub struct Seekers(Mutex<Vec<(Identity, Piece)>>);

/// An order that looks for a job.
pub struct Seeker<'a> {
    seekers: &'a Seekers,
    wanted: (Identity, Piece),
}

impl Seekers {
    /// Somebody wants a piece of a source; forgotten when the answer is dropped.
    pub fn seek(&self, source: Identity, piece: Piece) -> Seeker<'_> {
        locked(&self.0).push((source.clone(), piece));
        Seeker { seekers: self, wanted: (source, piece) }
    }

    /// What all that look for a job of a source want, besides what jobs that are well make already.
    pub fn wanted(&self, production: &ProductionRecord, well: &[&Batch]) -> Vec<Piece> {
        let is_made = |piece: &Piece| well.iter().any(|batch| batch.makes(piece.rung, piece.form));
        let seekers = locked(&self.0);
        let of_it = seekers
            .iter()
            .filter(|(source, _)| *source == production.source || production.sent.contains(source));
        of_it.map(|(_, piece)| *piece).filter(|piece| !is_made(piece)).collect()
    }
}

impl Drop for Seeker<'_> {
    fn drop(&mut self) {
        let mut seekers = locked(&self.seekers.0);
        if let Some(at) = seekers.iter().position(|wanted| *wanted == self.wanted) {
            seekers.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::habits::{Form, Menu, Rung};
    use super::*;
    use crate::domain::Timestamp;
    use crate::objects::Location;

    fn identity(head: &str) -> Identity {
        Identity { size_bytes: 7, head: head.to_owned() }
    }

    fn piece(short_side: u32, form: Form) -> Piece {
        Piece { rung: Some(Rung { short_side, fps: 25 }), form }
    }

    fn production(batches: Vec<Batch>) -> ProductionRecord {
        ProductionRecord {
            id: "video".parse().expect("an id"),
            instance: "https://tube.example".to_owned(),
            source: identity("source"),
            source_at: Location::new("fleet", "source").expect("a name"),
            sound_at: None,
            picture_at: None,
            top: Rung::NONE,
            sent: vec![identity("sent")],
            batches,
            used_at: Timestamp(0),
        }
    }

    #[test]
    fn orders_of_a_source_and_of_what_was_sent_of_it_come_together() {
        let (seekers, production) = (Seekers::default(), production(vec![]));
        let of_source = seekers.seek(identity("source"), piece(720, Form::Progressive));
        let _of_sent = seekers.seek(identity("sent"), piece(480, Form::Muxed));
        let _other = seekers.seek(identity("another"), piece(360, Form::Muxed));
        let both = [piece(720, Form::Progressive), piece(480, Form::Muxed)];
        assert_eq!(seekers.wanted(&production, &[]), both);
        drop(of_source);
        assert_eq!(seekers.wanted(&production, &[]), both[1..]);
    }

    /// The copy for HLS of what goes public first, asked for together with the smaller ones: whoever decides first, it is not
    /// encoded again.
    #[test]
    fn what_is_made_already_is_not_made_again_with_what_is_new() {
        let rungs = BTreeSet::from([Rung { short_side: 720, fps: 25 }]);
        let menu = Menu { rungs, forms: BTreeSet::from([Form::Progressive, Form::Muxed]) };
        let (foreseen, used) = (BTreeSet::new(), BTreeSet::new());
        let first = Batch { job: "first".parse().expect("an id"), menu, foreseen, used };
        let (seekers, production) = (Seekers::default(), production(vec![first]));
        let _copy = seekers.seek(identity("sent"), piece(720, Form::Muxed));
        let _smaller = seekers.seek(identity("sent"), piece(480, Form::Muxed));
        let well: Vec<&Batch> = production.batches.iter().collect();
        assert_eq!(seekers.wanted(&production, &well), [piece(480, Form::Muxed)]);
        assert_eq!(seekers.wanted(&production, &[]).len(), 2, "its job has failed");
    }
}
