//! The instance's word that something waits, heard over a websocket that is opened again whenever it breaks. It carries
//! no jobs and may be missed: whoever listens asks for jobs now and then anyway.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::frames::{self, Frame};
use super::{Runner, Waits};

/// From the start of the connection to the word that we are let in. A fault of the instance's database leaves us
/// without any answer.
const CONNECT: Duration = Duration::from_secs(20);
/// Its texts are short: more is not PeerTube.
const LARGEST_BYTES: usize = 64 << 10;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is known of the socket. `news` grows whenever it is time to ask for jobs: at each connection, since something may
/// have been missed before it, and at each word of the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ear {
    /// Grows when there is something to ask for.
    pub news: u64,
    /// We are connected now.
    pub is_open: bool,
    /// Why we are not, or were not last time.
    pub trouble: Option<String>,
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Listens until it is dropped, or until nobody hears it any more. `waits` lie between the tries.
pub async fn listen(runner: &Runner, mut waits: Waits, ear: watch::Sender<Ear>) {
    loop {
        let trouble = match timeout(CONNECT, enter(runner)).await {
            Ok(Ok((stream, silence))) => {
                waits.reset();
                ear.send_modify(|ear| *ear = Ear { news: ear.news + 1, is_open: true, trouble: None });
                hear(stream, silence, &ear).await
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => "it does not answer in time".to_owned(),
        };
        let wait = waits.next_wait();
        tracing::debug!(instance = %runner.url(), trouble, wait_ms = wait.as_millis(), "no socket");
        ear.send_modify(|ear| (ear.is_open, ear.trouble) = (false, Some(trouble)));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = ear.closed() => return,
        }
    }
}

/// The waits that [`listen`] is made for.
pub fn waits() -> Waits {
    Waits::new(FIRST_WAIT, LONGEST_WAIT)
}

/// Opens the socket and enters the namespace. Returned with it: nothing for so long means that it is dead.
async fn enter(runner: &Runner) -> Result<(Stream, Duration), String> {
    let url = address(runner.url())?;
    let config =
        WebSocketConfig::default().max_message_size(Some(LARGEST_BYTES)).max_frame_size(Some(LARGEST_BYTES));
    let connected = connect_async_with_config(url.as_str(), Some(config), true).await;
    let (mut stream, _) = connected.map_err(|error| error.to_string())?;
    let mut silence = None;
    loop {
        match next(&mut stream).await? {
            Frame::Open { silence: told } => {
                silence = Some(told);
                say(&mut stream, &frames::connect(runner.token())).await?;
            }
            Frame::Connected => {
                let silence = silence.ok_or("it lets us in before it has opened")?;
                return Ok((stream, silence));
            }
            Frame::Refused { reason } => return Err(format!("it does not let us in: {reason}")),
            Frame::Ping => say(&mut stream, frames::PONG).await?,
            Frame::Closed => return Err("it closed the socket".into()),
            Frame::Event { .. } | Frame::Other => {}
        }
    }
}

/// Hears the instance until the socket breaks; returned is why.
async fn hear(mut stream: Stream, silence: Duration, ear: &watch::Sender<Ear>) -> String {
    loop {
        let frame = tokio::select! {
            frame = timeout(silence, next(&mut stream)) => frame,
            () = ear.closed() => {
                // The instance notices a connection that is just dropped as well, only later.
                let _ = say(&mut stream, frames::LEAVE).await;
                return "nobody listens".into();
            }
        };
        match frame {
            Err(_) => return "it fell silent".into(),
            Ok(Err(trouble)) => return trouble,
            Ok(Ok(Frame::Ping)) => {
                if let Err(trouble) = say(&mut stream, frames::PONG).await {
                    return trouble;
                }
            }
            Ok(Ok(Frame::Event { name })) if name == "available-jobs" => {
                ear.send_modify(|ear| ear.news += 1);
            }
            Ok(Ok(Frame::Closed)) => return "it closed the socket".into(),
            Ok(Ok(_)) => {}
        }
    }
}

async fn next(stream: &mut Stream) -> Result<Frame, String> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Frame::read(text.as_str())),
            Some(Ok(Message::Close(_))) | None => return Ok(Frame::Closed),
            // The library answers pings of the websocket itself.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
        }
    }
}

async fn say(stream: &mut Stream, text: &str) -> Result<(), String> {
    let sent = timeout(CONNECT, stream.send(Message::text(text))).await;
    sent.map_err(|_| "it takes nothing".to_owned())?.map_err(|error| error.to_string())
}

fn address(instance: &Url) -> Result<Url, String> {
    let mut url = instance.clone();
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).map_err(|()| "its URL has no socket")?;
    url.set_path("/socket.io/");
    url.set_query(Some("EIO=4&transport=websocket"));
    Ok(url)
}
