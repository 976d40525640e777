//! What is done for an order: its source is had, the fleet's job found or made, its result waited for and sent.

use std::sync::Arc;
use std::time::Duration;

use super::answer;
use super::desk::{self, Copies, Made, Piece};
use super::fetch;
use super::habits::{Form, Habits, Rung};
use super::link::Link;
use super::order::Order;
use super::records::ProductionRecord;
use super::send::{is_still_ours, send};
use super::source::{self, FETCHED, Identities, Urls};
use super::transcription;
use super::trouble::Trouble;
use super::want::{Insert, Single, Want};
use crate::domain::plan::Rendition;
use crate::domain::{JobState, Plan};
use crate::objects::Location;
use crate::publish::delivery::{self, Delivery};
use crate::store::JobRecord;

/// Share of the whole that fetching and encoding take, per cent; sending takes the rest.
const ENCODED: u64 = 95;

/// Between two looks at the progress of a job.
const LOOK: Duration = Duration::from_secs(5);

/// Does an order, from wherever an earlier process left it.
pub async fn work(link: &Link, order: &Order) -> Result<(), Trouble> {
    if order.record.answering && !is_still_ours(link, order).await? {
        // Killed after the answer had arrived.
        return Ok(());
    }
    let storage = &link.parts.storage;
    let (source, wanted) = match &order.want {
        Want::Piece { source, beside, piece } => (Urls { source, beside }, Wanted::Piece(*piece)),
        Want::Single { source, beside, single } => (Urls { source, beside }, Wanted::Single(single)),
        Want::Captions { source } => return captions(link, order, source).await,
        Want::Unknown(what) => return Err(Trouble::Ours(what.clone())),
    };
    let made = made(link, order, source, wanted).await?;
    let sent_bytes = match result(link, order, &made, wanted).await? {
        Ready::File(plan, file) => {
            note_file(link, &made, wanted, &file).await?;
            let (form, side) = (wanted.form(), wanted.shown_side(&plan));
            let answer = || match form {
                Form::Progressive => Ok(answer::web_video(storage, &file, side)),
                Form::Muxed | Form::Separate => answer::hls(storage, &file, side),
            };
            send(link, order, || std::future::ready(answer())).await?;
            file.size_bytes
        }
        Ready::Storyboard(at) => {
            let size_bytes = storage.head(&at).await?;
            send(link, order, || answer::storyboard(storage, &at)).await?;
            size_bytes
        }
    };
    link.tally(|tally| tally.sent_bytes += sent_bytes).await;
    Ok(())
}

/// Notes what a file is that the instance may hand back: a rendition shows what its source shows, an edited video is a
/// source of its own.
async fn note_file(link: &Link, made: &Made, wanted: Wanted<'_>, file: &Delivery) -> Result<(), Trouble> {
    let identity = fetch::identity_of(&link.parts, &file.at, file.size_bytes).await?;
    if matches!(wanted, Wanted::Piece(_)) {
        return link.desk.note_sent(&link.parts, &made.production, identity).await;
    }
    if link.desk.production_of(&identity).is_none() {
        let arrival = link.desk.arrivals.begin();
        let source = link.parts.bucket.handed_source(&arrival.id);
        link.parts.storage.copy(&file.at, &source, file.size_bytes).await?;
        let copies = Copies { source, sound: None, picture: None };
        link.desk.open(&link.parts, link.url(), (identity, copies), arrival).await?;
    }
    Ok(())
}

/// Has captions made here, and sends them.
async fn captions(link: &Link, order: &Order, source: &str) -> Result<(), Trouble> {
    let urls = Urls { source, beside: &None };
    let found = Identities::of(link, order, urls).await?;
    let door = link.desk.door(&found.whole());
    let inside = door.lock().await;
    let production = source::production(link, order, urls, &found, true).await?;
    let production = link.desk.take(&link.parts, &production.id).await?;
    drop(inside);
    let folder = fetch::folder(&link.parts)?;
    let (input, output) = (folder.path().join("source"), folder.path().join("captions"));
    std::fs::create_dir(&output).map_err(|error| Trouble::Ours(format!("no room for captions: {error}")))?;
    let heard = production.sound_at.as_ref().unwrap_or(&production.source_at);
    link.parts.storage.get_to_file(heard, &input, &|_, _| {}).await?;
    let made = transcription::run(&link.parts.config.transcription, &input, &output).await?;
    let answer = || Ok(answer::captions(&made.language, &made.text));
    send(link, order, || std::future::ready(answer())).await?;
    link.tally(|tally| tally.sent_bytes += made.text.len() as u64).await;
    Ok(())
}

/// What the fleet is to make.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Piece(Piece),
    Single(&'a Single),
}

/// What it has made.
enum Ready {
    File(Arc<Plan>, Delivery),
    Storyboard(Location),
}

impl Wanted<'_> {
    fn rung(self) -> Option<Rung> {
        match self {
            Self::Piece(piece) => piece.rung,
            Self::Single(_) => None,
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Piece(piece) => piece.form,
            Self::Single(_) => Form::Progressive,
        }
    }

    fn shape(self) -> delivery::Form {
        match (self, self.form(), self.rung()) {
            (Self::Piece(_), _, None) => delivery::Form::AudioOnly,
            (_, Form::Progressive, _) => delivery::Form::Progressive,
            (_, Form::Muxed, _) => delivery::Form::Muxed,
            (_, Form::Separate, _) => delivery::Form::VideoOnly,
        }
    }

    /// Name of its rendition; none: the only one.
    fn rendition(self, plan: &Plan) -> Result<Option<&Rendition>, Trouble> {
        let Some(rung) = self.rung() else { return Ok(None) };
        let video = plan.video.as_ref();
        let video = video.ok_or_else(|| Trouble::Source("the source holds no video".into()))?;
        let found = video.rendition_of(rung.short_side, rung.fps);
        let missing = || Trouble::Ours(format!("the plan has no {} lines at {}", rung.short_side, rung.fps));
        found.map(Some).ok_or_else(missing)
    }

    /// For the file's name: what an instance takes for the resolution.
    fn shown_side(self, plan: &Plan) -> u32 {
        let only = || plan.video.as_ref().and_then(|video| video.renditions.first());
        let rendition = match self {
            Self::Piece(Piece { rung: None, .. }) => None,
            _ => self.rendition(plan).ok().flatten().or_else(only),
        };
        rendition.map_or(0, Rendition::short_side)
    }
}

/// The fleet's job for an order: an earlier one, or a new one on a source that may have to be fetched first.
async fn made(link: &Link, order: &Order, source: Urls<'_>, wanted: Wanted<'_>) -> Result<Made, Trouble> {
    if let Some(job) = order.job()
        && let Some(production) = link.desk.production_with(&job)
        && desk::is_usable(&link.jobs, &job).await?
    {
        return Ok(Made { production: production.id, job });
    }
    let found = Identities::of(link, order, source).await?;
    let identity = found.whole();
    let piece = match wanted {
        Wanted::Piece(piece) => Some(piece),
        Wanted::Single(_) => None,
    };
    let _seeker = piece.map(|piece| link.desk.seekers.seek(identity.clone(), piece));
    let door = link.desk.door(&identity);
    let _inside = door.lock().await;
    let production = source::production(link, order, source, &found, piece.is_some()).await?;
    // What came out of a source is known by its own bytes, and decided about behind the same door.
    let own_door = (production.source != identity).then(|| link.desk.door(&production.source));
    let _within = match &own_door {
        Some(door) => Some(door.lock().await),
        None => None,
    };
    let production = link.desk.take(&link.parts, &production.id).await?;
    let instance = link.record();
    let with = (link.parts.as_ref(), &link.jobs);
    let client = desk::Client { instance: &instance, tenant: &link.tenant, priority: order.record.priority };
    let made = match wanted {
        Wanted::Piece(piece) => {
            let (before, side) = (production.top, piece.rung.map_or(0, |rung| rung.short_side));
            let (made, top) = link.desk.job_for(with, &client, production, piece).await?;
            let lesson = |habits: &mut Habits| {
                if before != top {
                    habits.begin_video();
                }
                habits.note(top.short_side, side, piece.form);
            };
            link.learn(lesson).await;
            made
        }
        Wanted::Single(single) => {
            let inserts = inserts(link, order, &production, single).await?;
            let wanted = (single, inserts);
            link.desk.job_alone(with, &client, production, wanted, &order.record.uuid).await?
        }
    };
    order.note_job(link, &made.job).await?;
    Ok(made)
}

/// What edits put in, fetched.
async fn inserts(
    link: &Link,
    order: &Order,
    production: &ProductionRecord,
    single: &Single,
) -> Result<Vec<Location>, Trouble> {
    let Single::Edited { inserts, .. } = single else { return Ok(Vec::new()) };
    let terms = link.record().terms;
    let mut copies = Vec::new();
    for (number, Insert { url, task }) in inserts.iter().enumerate() {
        let at = link.parts.bucket.handed_insert(&production.id, &order.record.uuid, number);
        let of = (&order.token, &terms);
        let fetched = fetch::fetch(&link.parts, &link.runner, of, url, &at, &|_, _| {}).await;
        let size_bytes = fetched.map_err(|trouble| of_edit(trouble, task))?;
        link.tally(|tally| tally.fetched_bytes += size_bytes).await;
        copies.push(at);
    }
    Ok(copies)
}

/// Says which file it is about.
fn of_edit(trouble: Trouble, task: &str) -> Trouble {
    match trouble {
        Trouble::Gone => Trouble::NotFound(format!("the file of {task}")),
        Trouble::Ours(reason) => Trouble::Ours(format!("the file of {task} cannot be fetched: {reason}")),
        Trouble::Source(reason) => Trouble::Source(format!("the file of {task}: {reason}")),
        other => other,
    }
}

/// Waits until the fleet has made what is wanted.
async fn result(link: &Link, order: &Order, made: &Made, wanted: Wanted<'_>) -> Result<Ready, Trouble> {
    let mut changes = link.jobs.changes();
    loop {
        let job = link.jobs.record(&made.job).await?;
        if let Some(failure) = job.failure.clone() {
            return Err(failure.into());
        }
        if job.state == JobState::Cancelled {
            return Err(Trouble::Ours("the fleet's job was called off".into()));
        }
        if let Some(ready) = ready(link, &job, wanted).await? {
            return Ok(ready);
        }
        let progress = link.jobs.view(&made.job).await?.progress;
        order.note_progress((FETCHED, ENCODED), progress.frames_done, progress.frames_total);
        tokio::select! {
            () = changes.changed() => {}
            // Progress within tasks changes nothing that is announced.
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn ready(link: &Link, job: &JobRecord, wanted: Wanted<'_>) -> Result<Option<Ready>, Trouble> {
    if let Wanted::Single(Single::Storyboard(_)) = wanted {
        let is_there = job.state == JobState::Published;
        return Ok(is_there.then(|| Ready::Storyboard(job.destination.storyboard())));
    }
    if job.state == JobState::Probing {
        return Ok(None);
    }
    let plan = link.parts.plan(&job.id).await?;
    let tasks = link.parts.store.tasks(&job.id).await?;
    let name = wanted.rendition(&plan)?.map(|rendition| rendition.name.as_str());
    let found = delivery::find(job, &plan, &tasks, name, wanted.shape());
    let found = found.map_err(|error| Trouble::Ours(error.to_string()))?;
    Ok(found.map(|delivery| Ready::File(plan, delivery)))
}
