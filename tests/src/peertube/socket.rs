//! The socket by which runners are told that jobs wait.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State as Held;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::Uri;
use axum::response::Response;
use serde_json::Value;
use tokio::time::{Instant, interval_at};

use super::routes::problem;
use super::server::Shared;

const PING_TIMEOUT_MS: u64 = 20_000;

pub(super) async fn open(Held(shared): Held<Arc<Shared>>, uri: Uri, upgrade: WebSocketUpgrade) -> Response {
    let query = uri.query().unwrap_or_default();
    if !query.contains("EIO=4") || !query.contains("transport=websocket") {
        return problem(400, "", "another transport");
    }
    upgrade.on_upgrade(move |socket| async move {
        // A socket that breaks is a socket that ends.
        let _ = talk(&shared, socket).await;
    })
}

async fn talk(shared: &Shared, mut socket: WebSocket) -> Option<()> {
    let ping_ms = shared.ping_ms.load(Ordering::Relaxed);
    let open = format!(
        r#"0{{"sid":"model","upgrades":[],"pingInterval":{ping_ms},"pingTimeout":{PING_TIMEOUT_MS},"maxPayload":1000000}}"#
    );
    say(&mut socket, &open).await?;
    let asked = hear(&mut socket).await?;
    let Some(asked) = asked.strip_prefix("40/runners,") else {
        return say(&mut socket, r#"44/,{"message":"Invalid namespace"}"#).await;
    };
    let asked: Value = serde_json::from_str(asked).unwrap_or_default();
    let token = asked["runnerToken"].as_str().unwrap_or_default().to_owned();
    if !shared.lock().runners.iter().any(|(known, _)| *known == token) {
        return say(&mut socket, r#"44/runners,{"message":"Invalid runner token"}"#).await;
    }
    let mut news = shared.news.subscribe();
    say(&mut socket, r#"40/runners,{"sid":"model-runners"}"#).await?;
    let period = Duration::from_millis(ping_ms);
    let mut pings = interval_at(Instant::now() + period, period);
    loop {
        tokio::select! {
            _ = news.recv() => say(&mut socket, r#"42/runners,["available-jobs"]"#).await?,
            _ = pings.tick() => say(&mut socket, "2").await?,
            heard = hear(&mut socket) => match heard?.as_str() {
                "3" => {}
                "41/runners," => return None,
                other => shared.lock().violation(format!("a socket said {other:?}")),
            },
        }
    }
}

async fn say(socket: &mut WebSocket, text: &str) -> Option<()> {
    socket.send(Message::text(text)).await.ok()
}

async fn hear(socket: &mut WebSocket) -> Option<String> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => return Some(text.as_str().to_owned()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}
