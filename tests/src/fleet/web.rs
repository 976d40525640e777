//! A web server for one file: sources come from somewhere.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Serves a file to whoever asks, as long as the test program runs.
pub struct FileServer {
    address: SocketAddr,
    name: String,
}

impl FileServer {
    /// Serves `path` on loopback.
    pub fn start(path: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A client that hangs up is its own business.
                let _ = answer(&connection, &path);
            }
        });
        Self { address, name }
    }

    /// Where the file is found.
    pub fn url(&self) -> String {
        format!("http://{}/{}", self.address, encoded(&self.name))
    }
}

/// As a part of a URL's path (RFC 3986 §2.1).
fn encoded(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(byte).collect()
}

fn answer(mut connection: &TcpStream, path: &Path) -> std::io::Result<()> {
    let mut line = String::from(" ");
    let mut reader = BufReader::new(connection);
    while !line.trim().is_empty() || line == " " {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let body = std::fs::read(path)?;
    write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    connection.write_all(&body)
}
