//! Counts bytes on their way to a TCP server: put in front of one, it sees what its clients send and get, headers and all.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

/// Moved at a time, bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Forwards connections to a server as long as this program runs.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens on loopback for `server`, a host and port.
    pub fn start(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for a proxy")?;
        let address = listener.local_addr().context("a bound socket has an address")?;
        let bytes = Arc::new(AtomicU64::new(0));
        let (server, counter) = (server.to_owned(), bytes.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client whose server is gone sees its connection close, as without a proxy.
                let _ = forward(client, &server, &counter);
            }
        });
        Ok(Self { address, bytes })
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Moved so far, both ways.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn forward(client: TcpStream, server: &str, counter: &Arc<AtomicU64>) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
    }
    let (client_again, server_again) = (client.try_clone()?, server.try_clone()?);
    for (from, to) in [(client, server_again), (server, client_again)] {
        let counter = counter.clone();
        std::thread::spawn(move || pump(from, to, &counter));
    }
    Ok(())
}

fn pump(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        counter.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other direction may still have something to say.
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_and_are_counted_both_ways() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(&server.local_addr().unwrap().to_string()).unwrap();
        let mut client = TcpStream::connect(proxy.address).unwrap();
        client.write_all(b"hello").unwrap();
        let (mut served, _) = server.accept().unwrap();
        let mut heard = [0; 5];
        served.read_exact(&mut heard).unwrap();
        served.write_all(b"welcome").unwrap();
        drop(served);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!((&heard, answer.as_slice(), proxy.bytes()), (b"hello", &b"welcome"[..], 12));
    }
}
