//! What is done for an order: its source is had, the fleet's job found or made, its result waited for and sent.

use std::sync::Arc;
use std::time::Duration;

use super::answer;
use super::desk::{self, Beside, Made, Piece};
use super::fetch;
use super::habits::{Form, Habits, Rung};
use super::link::Link;
use super::order::Order;
use super::records::{Identity, InstanceRecord, ProductionRecord};
use super::send::{is_still_ours, patiently, send};
use super::transcription;
use super::trouble::Trouble;
use super::want::{Insert, Single, Want};
use crate::clock::new_id;
use crate::domain::plan::Rendition;
use crate::domain::{JobState, Plan};
use crate::objects::Location;
use crate::publish::delivery::{self, Delivery};
use crate::store::JobRecord;

/// Shares of the whole that fetching and encoding take, per cent; sending takes the rest.
const FETCHED: u64 = 10;
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
        Want::Piece { source, sound, piece } => (Urls { source, sound }, Wanted::Piece(*piece)),
        Want::Single { source, sound, single } => (Urls { source, sound }, Wanted::Single(single)),
        Want::Captions { source } => return captions(link, order, source).await,
        Want::Unknown(what) => return Err(Trouble::Ours(what.clone())),
    };
    let made = made(link, order, source, wanted).await?;
    let sent_bytes = match result(link, order, &made, wanted).await? {
        Ready::File(plan, file) => {
            let identity = fetch::identity_of(&link.parts, &file.at, file.size_bytes).await?;
            link.desk.note_sent(&link.parts, &made.production, identity).await?;
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

/// Has captions made here, and sends them.
async fn captions(link: &Link, order: &Order, source: &str) -> Result<(), Trouble> {
    let folder = fetch::folder(&link.parts)?;
    let (input, output) = (folder.path().join("source"), folder.path().join("captions"));
    std::fs::create_dir(&output).map_err(|error| Trouble::Ours(format!("no room for captions: {error}")))?;
    let progress = |done, total| order.note_progress((0, FETCHED), done, total);
    let of = (&order.token, &link.record().terms);
    fetch::to_file(&link.runner, of, source, &input, &progress).await?;
    let made = transcription::run(&link.parts.config.transcription, &input, &output).await?;
    let answer = || Ok(answer::captions(&made.language, &made.text));
    send(link, order, || std::future::ready(answer())).await?;
    link.tally(|tally| tally.sent_bytes += made.text.len() as u64).await;
    Ok(())
}

/// Where the instance keeps a source.
#[derive(Clone, Copy)]
struct Urls<'a> {
    source: &'a str,
    /// Of its sound, where that lies in a file of its own.
    sound: &'a Option<String>,
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
            Self::Single(Single::Merged { rung, .. }) => Some(*rung),
            Self::Single(Single::Edited { .. } | Single::Storyboard(_)) => None,
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
    let identify = async |url: &str| patiently(|| fetch::identify(&link.runner, &order.token, url)).await;
    let file = identify(source.source).await?;
    let sound = match source.sound {
        Some(url) => Some(identify(url).await?),
        None => None,
    };
    let identity = sound.as_ref().map_or_else(|| file.clone(), |sound| file.with_sound(sound));
    let piece = match wanted {
        Wanted::Piece(piece) => Some(piece),
        Wanted::Single(_) => None,
    };
    let _seeker = piece.map(|piece| link.desk.seek(identity.clone(), piece));
    let door = link.desk.door(&identity);
    let _inside = door.lock().await;
    let instance = link.record();
    let known = match &sound {
        Some(sound) => link.desk.production_of_both(&file, sound),
        None => link.desk.production_of(&identity),
    };
    let production = match known {
        Some(production) => production,
        None => fetched(link, order, &instance, (source, identity), wanted.rung()).await?,
    };
    let with = (link.parts.as_ref(), &link.jobs);
    let client = desk::Client { instance: &instance, tenant: &link.tenant, priority: order.record.priority };
    let made = match wanted {
        Wanted::Piece(piece) => {
            let (top, side) = (production.top.short_side, piece.rung.map_or(0, |rung| rung.short_side));
            let made = link.desk.job_for(with, &client, production, piece).await?;
            link.learn(|habits| habits.note(top, side, piece.form)).await;
            made
        }
        Wanted::Single(single) => {
            let beside = beside(link, order, &production, single).await?;
            let wanted = (single, beside);
            link.desk.job_alone(with, &client, production, wanted, &order.record.uuid).await?
        }
    };
    order.note_job(link, &made.job).await?;
    Ok(made)
}

/// A new production, its source fetched.
async fn fetched(
    link: &Link,
    order: &Order,
    instance: &InstanceRecord,
    (source, identity): (Urls<'_>, Identity),
    top: Option<Rung>,
) -> Result<ProductionRecord, Trouble> {
    let id = new_id();
    let at = link.parts.bucket.handed_source(&id);
    let progress = |done, total| order.note_progress((0, FETCHED), done, total);
    let of = (&order.token, &instance.terms);
    let mut size_bytes = fetch::fetch(&link.parts, &link.runner, of, source.source, &at, &progress).await?;
    let sound_at = source.sound.as_ref().map(|_| link.parts.bucket.handed_sound(&id));
    if let (Some(url), Some(at)) = (source.sound, &sound_at) {
        // Small beside the pictures: its progress is not told.
        size_bytes += fetch::fetch(&link.parts, &link.runner, of, url, at, &|_, _| {}).await?;
    }
    link.tally(|tally| tally.fetched_bytes += size_bytes).await;
    if top.is_some() {
        link.learn(Habits::begin_video).await;
    }
    let top = top.unwrap_or(Rung { short_side: 0, fps: 0 });
    link.desk.open(&link.parts, instance, (identity, at, sound_at), id, top).await
}

/// The picture that comes with sound, or what edits put in, fetched.
async fn beside(
    link: &Link,
    order: &Order,
    production: &ProductionRecord,
    single: &Single,
) -> Result<Beside, Trouble> {
    let (bucket, terms) = (&link.parts.bucket, link.record().terms);
    let fetch = async |url: &str, at: &Location| {
        let nothing = |_, _| {};
        fetch::fetch(&link.parts, &link.runner, (&order.token, &terms), url, at, &nothing).await
    };
    let mut beside = Beside::default();
    match single {
        Single::Merged { picture, .. } => {
            let at = bucket.handed_picture(&production.id);
            fetch(picture, &at).await?;
            beside.picture = Some(at);
        }
        Single::Edited { inserts, .. } => {
            for (number, Insert { url, task }) in inserts.iter().enumerate() {
                let at = bucket.handed_insert(&production.id, &order.record.uuid, number);
                let size_bytes = fetch(url, &at).await.map_err(|trouble| of_edit(trouble, task))?;
                link.tally(|tally| tally.fetched_bytes += size_bytes).await;
                beside.inserts.push(at);
            }
        }
        Single::Storyboard(_) => {}
    }
    Ok(beside)
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
