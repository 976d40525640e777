//! Who makes what: finds the fleet's job that makes what an order wants, or gives the fleet a new one. Orders of one
//! source that come together share a job, hence one decode; what the instance usually asks for next is made by a second one,
//! behind it: a job's renditions are all ready at the same time, and nobody waits for what nobody has asked for.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flotilla_profiles::Profile;
use tokio::sync::Mutex as AsyncMutex;

use super::habits::{Form, Habits, Menu, Rung};
use super::records::{self, Batch, Identity, InstanceRecord, ProductionRecord};
use super::seekers::Seekers;
use super::sweep::{Arrival, Arrivals};
use super::trouble::Trouble;
use super::want::Single;
use super::{locked, recipe};
use crate::domain::{JobId, JobState};
use crate::jobs::{Jobs, ProfileChoice, SourceRef, Submission};
use crate::objects::Location;
use crate::parts::Parts;

/// Orders that come within it share a job.
const GATHER: Duration = Duration::from_millis(300);

/// So many jobs are made for an order that shares none, each after the failure of the one before.
const MAX_ALONE: u32 = 100;

/// What an order wants of a source. No rung: the sound alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// Size and rate.
    pub rung: Option<Rung>,
    /// How it is packed.
    pub form: Form,
}

/// What was found for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its production.
    pub production: JobId,
    /// The fleet's job.
    pub job: JobId,
}

/// Our copies of a source.
#[derive(Clone, Debug)]
pub struct Copies {
    /// Of the source itself.
    pub source: Location,
    /// Of the sound of pictures.
    pub sound: Option<Location>,
    /// Of the picture of a sound.
    pub picture: Option<Location>,
}

/// The productions of one instance.
#[derive(Default)]
pub struct Desk {
    /// Productions that are not kept yet.
    pub(super) arrivals: Arrivals,
    productions: Mutex<HashMap<JobId, ProductionRecord>>,
    /// Orders that look for a job just now.
    pub(super) seekers: Seekers,
    /// One at a time decides about a source.
    doors: Mutex<HashMap<Identity, Arc<AsyncMutex<()>>>>,
    /// One at a time changes a production, here and in the store: none undoes what another has noted.
    pen: AsyncMutex<()>,
}

/// What the desk is told about its instance.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// Who.
    pub instance: &'a InstanceRecord,
    /// For the fleet's shares.
    pub tenant: &'a str,
    /// Of the order.
    pub priority: i32,
}

impl Desk {
    /// A desk with what was kept.
    pub fn new(kept: Vec<ProductionRecord>) -> Self {
        let kept = kept.into_iter().map(|production| (production.id.clone(), production)).collect();
        Self { productions: Mutex::new(kept), ..Self::default() }
    }

    /// The door of a source: held while somebody decides who makes what of it.
    pub fn door(&self, source: &Identity) -> Arc<AsyncMutex<()>> {
        locked(&self.doors).entry(source.clone()).or_default().clone()
    }

    /// The production of a source: it is its source, or a file that came out of it.
    pub fn production_of(&self, source: &Identity) -> Option<ProductionRecord> {
        let productions = locked(&self.productions);
        let fits =
            |production: &&ProductionRecord| production.source == *source || production.sent.contains(source);
        productions.values().filter(fits).max_by_key(|production| production.used_at).cloned()
    }

    /// The production of a source in two files. One alone does not tell it: the pictures of two videos may be the same bytes.
    pub fn production_of_both(&self, file: &Identity, beside: &Identity) -> Option<ProductionRecord> {
        let whole = file.with(beside);
        let productions = locked(&self.productions);
        let fits = |production: &&ProductionRecord| {
            let has_sent = |file| production.sent.contains(file);
            production.source == whole || has_sent(file) && has_sent(beside)
        };
        productions.values().filter(fits).max_by_key(|production| production.used_at).cloned()
    }

    /// The production that a job belongs to.
    pub fn production_with(&self, job: &JobId) -> Option<ProductionRecord> {
        let makes = |production: &&ProductionRecord| production.batches.iter().any(|batch| batch.job == *job);
        locked(&self.productions).values().find(makes).cloned()
    }

    /// Keeps a source of which we have copies now.
    pub async fn open(
        &self,
        parts: &Parts,
        instance: &str,
        (source, copies): (Identity, Copies),
        arrival: Arrival<'_>,
    ) -> Result<ProductionRecord, Trouble> {
        let production = ProductionRecord {
            id: arrival.id.clone(),
            instance: instance.to_owned(),
            source,
            source_at: copies.source,
            sound_at: copies.sound,
            picture_at: copies.picture,
            top: Rung::NONE,
            sent: Vec::new(),
            batches: Vec::new(),
            used_at: parts.clock.now(),
        };
        let _pen = self.pen.lock().await;
        self.keep(parts, production.clone()).await?;
        Ok(production)
    }

    /// Somebody has use for a production: it is held on from now, and given as it is now.
    pub async fn take(&self, parts: &Parts, id: &JobId) -> Result<ProductionRecord, Trouble> {
        self.change(parts, id, |_| {}).await
    }

    /// The job that makes a piece, an earlier or a new one, and the largest rendition of those asked for first. The caller
    /// holds the source's door.
    pub async fn job_for(
        &self,
        (parts, jobs): (&Parts, &Jobs),
        client: &Client<'_>,
        mut production: ProductionRecord,
        piece: Piece,
    ) -> Result<(Made, Rung), Trouble> {
        let id = production.id.clone();
        let usable = usable(jobs, &production.batches).await?;
        if let Some(batch) = usable.iter().rev().find(|batch| batch.makes(piece.rung, piece.form)) {
            let job = batch.job.clone();
            if let Some(rung) = piece.rung.filter(|rung| batch.foreseen.contains(rung)) {
                let note = |production: &mut ProductionRecord| {
                    let mut batches = production.batches.iter_mut();
                    if let Some(batch) = batches.find(|batch| batch.job == job) {
                        batch.used.insert(rung);
                    }
                };
                self.change(parts, &id, note).await?;
            }
            return Ok((Made { production: id, job }, production.top));
        }
        tokio::time::sleep(GATHER).await;
        let mut wanted = self.seekers.wanted(&production, &usable);
        wanted.push(piece);
        if production.top == Rung::NONE {
            production.top = wanted.iter().filter_map(|piece| piece.rung).max().unwrap_or(Rung::NONE);
        }
        let top = production.top;
        let (menu, foreseen) = menus(&wanted, top, &client.instance.habits, client.instance);
        let job = submit(parts, jobs, client, &production, &menu).await?;
        let (none, made) = (BTreeSet::new(), Made { production: id.clone(), job: job.clone() });
        production.batches.push(Batch { job, menu, foreseen: none.clone(), used: none });
        if !foreseen.rungs.is_empty() {
            let behind = Client { priority: client.priority.saturating_add(1), ..*client };
            let job = submit(parts, jobs, &behind, &production, &foreseen).await?;
            let rungs = foreseen.rungs.clone();
            production.batches.push(Batch { job, menu: foreseen, foreseen: rungs, used: BTreeSet::new() });
        }
        let batches = production.batches;
        self.change(parts, &id, |production| (production.top, production.batches) = (top, batches)).await?;
        Ok((made, top))
    }

    /// A job that is made for one order alone. The caller holds the source's door.
    pub async fn job_alone(
        &self,
        (parts, jobs): (&Parts, &Jobs),
        client: &Client<'_>,
        production: ProductionRecord,
        (single, inserts): (&Single, Vec<Location>),
        order: &str,
    ) -> Result<Made, Trouble> {
        let profile = recipe::single(&parts.profiles, single)?;
        let job = alone(jobs, order, |name| {
            let mut submission = submission(parts, client, &production, profile.clone(), name);
            submission.inserts = inserts.iter().cloned().map(SourceRef::Object).collect();
            if let Single::Edited { edits, .. } = single {
                submission.edits.clone_from(edits);
            }
            submission
        });
        let job = job.await?;
        let made = Made { production: production.id.clone(), job: job.clone() };
        let note = |production: &mut ProductionRecord| {
            if production.batches.iter().all(|batch| batch.job != job) {
                let (foreseen, used) = (BTreeSet::new(), BTreeSet::new());
                production.batches.push(Batch { job, menu: Menu::default(), foreseen, used });
            }
        };
        self.change(parts, &production.id, note).await?;
        Ok(made)
    }

    /// A rendition that goes to the instance, which may hand it back as a source.
    pub async fn note_sent(&self, parts: &Parts, id: &JobId, file: Identity) -> Result<(), Trouble> {
        let note = |production: &mut ProductionRecord| {
            if !production.sent.contains(&file) {
                production.sent.push(file);
            }
        };
        self.change_if_held(parts, id, note).await.map(drop)
    }

    /// All productions.
    pub fn productions(&self) -> Vec<ProductionRecord> {
        locked(&self.productions).values().cloned().collect()
    }

    /// Forgets a production.
    pub async fn close(&self, parts: &Parts, production: &ProductionRecord) -> Result<(), Trouble> {
        let _pen = self.pen.lock().await;
        records::forget(parts.store.as_ref(), production).await?;
        locked(&self.productions).remove(&production.id);
        locked(&self.doors).retain(|_, door| Arc::strong_count(door) > 1);
        Ok(())
    }

    /// Changes a production, which is of use now.
    async fn change(
        &self,
        parts: &Parts,
        id: &JobId,
        change: impl FnOnce(&mut ProductionRecord),
    ) -> Result<ProductionRecord, Trouble> {
        let changed = self.change_if_held(parts, id, change).await?;
        changed.ok_or_else(|| Trouble::Ours("its source is held no more".to_owned()))
    }

    /// The same; none where it was closed meanwhile.
    async fn change_if_held(
        &self,
        parts: &Parts,
        id: &JobId,
        change: impl FnOnce(&mut ProductionRecord),
    ) -> Result<Option<ProductionRecord>, Trouble> {
        let _pen = self.pen.lock().await;
        let Some(mut production) = locked(&self.productions).get(id).cloned() else { return Ok(None) };
        change(&mut production);
        production.used_at = parts.clock.now();
        self.keep(parts, production.clone()).await?;
        Ok(Some(production))
    }

    async fn keep(&self, parts: &Parts, production: ProductionRecord) -> Result<(), Trouble> {
        records::keep(parts.store.as_ref(), &production).await?;
        locked(&self.productions).insert(production.id.clone(), production);
        Ok(())
    }
}

/// What is wanted now, and what is expected to be wanted next. A form costs nothing but a copy, so of an instance that we do
/// not know yet all are made.
fn menus(wanted: &[Piece], top: Rung, habits: &Habits, instance: &InstanceRecord) -> (Menu, Menu) {
    let rungs: BTreeSet<Rung> = wanted.iter().filter_map(|piece| piece.rung).collect();
    let starts = rungs.contains(&top);
    let mut menu = Menu { rungs, forms: wanted.iter().map(|piece| piece.form).collect() };
    let mut foreseen = BTreeSet::new();
    if instance.terms.anticipate && starts {
        let expected = habits.expected(top);
        foreseen = expected.rungs.difference(&menu.rungs).copied().collect();
        match expected.forms.is_empty() {
            true => menu.forms.extend([Form::Progressive, Form::Muxed, Form::Separate]),
            false => menu.forms.extend(expected.forms),
        }
    }
    if menu.rungs.is_empty() {
        menu.forms = BTreeSet::from([Form::Separate]);
    }
    let foreseen = Menu { rungs: foreseen, forms: menu.forms.clone() };
    (menu, foreseen)
}

/// A job that is being done, or is done.
pub async fn is_usable(jobs: &Jobs, job: &JobId) -> Result<bool, Trouble> {
    Ok(!matches!(jobs.record(job).await?.state, JobState::Failed | JobState::Cancelled))
}

/// Those of the jobs that are being done, or are done.
async fn usable<'a>(jobs: &Jobs, batches: &'a [Batch]) -> Result<Vec<&'a Batch>, Trouble> {
    let mut usable = Vec::new();
    for batch in batches {
        if is_usable(jobs, &batch.job).await? {
            usable.push(batch);
        }
    }
    Ok(usable)
}

async fn submit(
    parts: &Parts,
    jobs: &Jobs,
    client: &Client<'_>,
    production: &ProductionRecord,
    menu: &Menu,
) -> Result<JobId, Trouble> {
    let profile = recipe::profile(&parts.profiles, menu)?;
    let submission = submission(parts, client, production, profile, &production.batches.len().to_string());
    Ok(jobs.submit(submission).await?)
}

/// The job of an order that shares none. A job that has failed or was called off is found again by its key, so what comes
/// after it has another one.
async fn alone(jobs: &Jobs, order: &str, submission: impl Fn(&str) -> Submission) -> Result<JobId, Trouble> {
    let mut name = order.to_owned();
    for again in 1..MAX_ALONE {
        let job = jobs.submit(submission(&name)).await?;
        if is_usable(jobs, &job).await? {
            return Ok(job);
        }
        name = format!("{order}-{again}");
    }
    Err(Trouble::Ours(format!("{} jobs for it have failed", MAX_ALONE - 1)))
}

/// A job of a production. Killed between submission and note, we find it again by its key.
fn submission(
    parts: &Parts,
    client: &Client<'_>,
    production: &ProductionRecord,
    profile: Profile,
    name: &str,
) -> Submission {
    Submission {
        source: SourceRef::Object(production.source_at.clone()),
        profile: ProfileChoice::Given(Box::new(profile)),
        destination: parts.bucket.handover(&production.id, name),
        chunk_seconds: parts.config.planning.chunk_seconds,
        priority: client.priority,
        progressive_publish: false,
        tenant: client.tenant.to_owned(),
        idempotency_key: Some(format!("peertube {} {name}", production.id)),
        picture: production.picture_at.clone().map(SourceRef::Object),
        sound: production.sound_at.clone().map(SourceRef::Object),
        edits: Vec::new(),
        inserts: Vec::new(),
    }
}
