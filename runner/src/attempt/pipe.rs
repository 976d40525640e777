//! The engine's pipe protocol, read and written without blocking.

use std::io;

use flotilla_engine::wire::{self, FromEngine, Message, ToEngine};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The next message of the engine; none at a clean end.
pub async fn receive(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<FromEngine>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let (kind, length) = wire::parse_header(head)?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await?;
    FromEngine::from_frame(kind, payload).map(Some)
}

/// Sends a message to the engine.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), message: &ToEngine) -> io::Result<()> {
    let (kind, payload) = message.to_frame();
    to.write_all(&wire::header(kind, payload.len())).await?;
    to.write_all(&payload).await?;
    to.flush().await
}
