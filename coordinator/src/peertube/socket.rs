//! Listens for "available-jobs" (Socket.IO over a websocket, namespace `/runners`). It only makes us ask sooner: without it
//! the link asks at intervals. No crate for Socket.IO is kept up well enough; the few frames that we need are in `frames`.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::sync::Notify;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::frames::{self, Frame};
use crate::config::Secret;
use crate::parts::Parts;

/// An instance with trouble of its own may never answer.
const HANDSHAKE: Duration = Duration::from_secs(20);

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

const AVAILABLE_JOBS: &str = "available-jobs";

/// Listens until the coordinator stops or the instance is left, and tells `news` of everything that may mean a job.
pub async fn listen(
    parts: Arc<Parts>,
    base: Url,
    runner_token: Secret,
    news: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut was_in = false;
        let ended = tokio::select! {
            ended = session(&base, &runner_token, &news, &mut was_in) => ended,
            () = stop.cancelled() => return,
            () = parts.lifecycle.stopping() => return,
        };
        tracing::debug!(instance = %base, reason = ended, "the socket is away; asking at intervals meanwhile");
        pause = if was_in { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        // All runners of an instance that restarts would come back at once.
        let jittered = pause.mul_f64(0.5 + rand::random::<f64>());
        tokio::select! {
            () = tokio::time::sleep(jittered) => {}
            () = stop.cancelled() => return,
            () = parts.lifecycle.stopping() => return,
        }
    }
}

/// One connection, until it ends; answers why.
async fn session(base: &Url, runner_token: &Secret, news: &Notify, was_in: &mut bool) -> String {
    let (mut socket, _) = match tokio::time::timeout(HANDSHAKE, connect_async(address(base).as_str())).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return error.to_string(),
        Err(_) => return "it does not answer".to_owned(),
    };
    let mut silence = HANDSHAKE;
    loop {
        let text = match tokio::time::timeout(silence, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => text,
            Ok(Some(Ok(Message::Close(_))) | None) => return "it was closed".to_owned(),
            Ok(Some(Ok(_))) => continue,
            Ok(Some(Err(error))) => return error.to_string(),
            Err(_) => return "it has fallen silent".to_owned(),
        };
        let answer = match frames::read(&text) {
            Frame::Open { silence: stated } => {
                silence = stated;
                frames::connect(runner_token.reveal())
            }
            Frame::Ping => frames::PONG.to_owned(),
            Frame::Connected => {
                *was_in = true;
                // Something may have come while nobody listened.
                news.notify_one();
                continue;
            }
            Frame::Event(name) => {
                if name == AVAILABLE_JOBS {
                    news.notify_one();
                }
                continue;
            }
            Frame::Refused(reason) => return reason,
            Frame::Closed => return "the instance ended it".to_owned(),
            Frame::Other => continue,
        };
        if let Err(error) = socket.send(Message::text(answer)).await {
            return error.to_string();
        }
    }
}

fn address(base: &Url) -> Url {
    let mut url = base.clone();
    let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
    // Both pairs of schemes are "special" to the URL standard, so this cannot fail.
    let _ = url.set_scheme(scheme);
    url.set_path("/socket.io/");
    url.set_query(Some("EIO=4&transport=websocket"));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_beside_the_api() {
        let address = |base: &str| address(&Url::parse(base).unwrap()).to_string();
        assert_eq!(
            address("https://v.example.org/"),
            "wss://v.example.org/socket.io/?EIO=4&transport=websocket"
        );
        assert_eq!(
            address("http://127.0.0.1:9000/"),
            "ws://127.0.0.1:9000/socket.io/?EIO=4&transport=websocket"
        );
    }
}
