//! Sending a result: again when it broke off on the way, never when it has arrived.

use tokio::time::{Duration, Instant};

use super::link::Link;
use super::order::Order;
use super::trouble::Trouble;
use crate::peertube::{Answer, CallError, Window};

/// How long an instance that is away is waited for. After two minutes without a sign of life it takes its jobs back.
const AWAY_FOR: Duration = Duration::from_secs(180);

/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(3);

/// Makes a call until it comes through, as long as the instance is only away.
pub async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let until = Instant::now() + AWAY_FOR;
    loop {
        match call().await {
            Err(error) if error.is_transient() && Instant::now() < until => {
                tracing::debug!(%error, "trying again");
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
}

/// Sends the answer.
pub async fn send<F>(link: &Link, order: &Order, answer: impl Fn() -> F) -> Result<(), Trouble>
where
    F: Future<Output = Result<Answer, Trouble>>,
{
    order.note_answering(link).await?;
    let mut until = None;
    loop {
        let error = match link.runner.success(&order.uuid, &order.token, answer().await?).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let may_pass = error.is_transient() || matches!(error, CallError::MayHaveArrived { .. });
        if !may_pass {
            return Err(error.into());
        }
        tracing::warn!(%error, instance = link.url(), job = %order.uuid, "a result did not get through");
        // From the first failure on: the upload itself takes as long as it takes.
        let until = *until.get_or_insert_with(|| Instant::now() + AWAY_FOR);
        tokio::time::sleep(PAUSE).await;
        if !is_still_ours(link, order).await? {
            // It had arrived.
            return Ok(());
        }
        if Instant::now() > until {
            return Err(error.into());
        }
    }
}

/// Whether an instance still waits for our answer: only then it lets us read the source. Signs of life are taken longer, but
/// tell where nothing is found: the job, or only its source. An answer that arrived, and a job that was taken from us, look the
/// same from here; nothing is left to do in both.
pub async fn is_still_ours(link: &Link, order: &Order) -> Result<bool, Trouble> {
    let first_byte = Window { start: 0, end: Some(1) };
    let read = || link.runner.download(order.want.source(), &order.token, first_byte);
    match patiently(read).await {
        Ok(_) => return Ok(true),
        Err(CallError::Gone { is_idle: true, .. }) => return Ok(false),
        Err(CallError::Gone { is_idle: false, .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match patiently(|| link.runner.update(&order.uuid, &order.token, order.progress())).await {
        Ok(()) => Ok(true),
        Err(CallError::Gone { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
