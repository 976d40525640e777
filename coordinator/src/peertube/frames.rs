//! Texts of Engine.IO 4 and Socket.IO 4 as they go over a websocket, as far as the namespace `/runners` needs them.
//!
//! ```text
//! 0{"pingInterval":25000,…}      open              2 ping · 3 pong
//! 40/runners,{…}                 connect, and its answer
//! 44/runners,{"message":"…"}     refused
//! 42/runners,["available-jobs"]  an event
//! 41/runners,                    disconnect        1 close
//! ```

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The connection is open; silence for so long means that it is dead.
    Open {
        /// An interval between pings and the time that a pong may take.
        silence: Duration,
    },
    /// To be answered with [`PONG`].
    Ping,
    /// The namespace lets us in.
    Connected,
    /// It does not, with its reason.
    Refused(String),
    /// An event of the namespace, by its name.
    Event(String),
    /// The server ends it.
    Closed,
    /// Something else, of no matter.
    Other,
}

/// The answer to a ping.
pub const PONG: &str = "3";

const NAMESPACE: &str = "/runners";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

/// Asks to be let into the namespace.
pub fn connect(runner_token: &str) -> String {
    format!("40{NAMESPACE},{}", json!({ "runnerToken": runner_token }))
}

/// Reads a text.
pub fn read(text: &str) -> Frame {
    let of_namespace =
        |rest: &str| rest.strip_prefix(NAMESPACE).map(|rest| rest.trim_start_matches(',').to_owned());
    match text.as_bytes() {
        [b'0', ..] => match serde_json::from_str::<Handshake>(&text[1..]) {
            Ok(Handshake { ping_interval, ping_timeout }) => {
                Frame::Open { silence: Duration::from_millis(ping_interval.saturating_add(ping_timeout)) }
            }
            Err(_) => Frame::Other,
        },
        [b'1', ..] => Frame::Closed,
        [b'2', ..] => Frame::Ping,
        [b'4', b'0', ..] if of_namespace(&text[2..]).is_some() => Frame::Connected,
        [b'4', b'1', ..] => Frame::Closed,
        [b'4', b'2', ..] => of_namespace(&text[2..]).and_then(|rest| event(&rest)).unwrap_or(Frame::Other),
        [b'4', b'4', ..] => Frame::Refused(reason(text)),
        _ => Frame::Other,
    }
}

fn event(rest: &str) -> Option<Frame> {
    // An event that wants an acknowledgement has a number before its array.
    let array = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let name = serde_json::from_str::<Value>(array).ok()?.get(0)?.as_str()?.to_owned();
    Some(Frame::Event(name))
}

fn reason(text: &str) -> String {
    let message =
        text.split_once('{').and_then(|(_, rest)| serde_json::from_str::<Value>(&format!("{{{rest}")).ok());
    let message = message.and_then(|value| Some(value.get("message")?.as_str()?.to_owned()));
    message.unwrap_or_else(|| "without a reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Frame) {
        assert_eq!(read(text), expected, "{text}");
    }

    /// Texts of a PeerTube 7.2.3.
    #[test]
    fn what_a_peertube_says_is_understood() {
        let open = r#"0{"sid":"52n00Lw4B70tWqU6AAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        check(open, Frame::Open { silence: Duration::from_secs(45) });
        check(r#"40/runners,{"sid":"u8ZSCEo9RSCQXJDQAAAB"}"#, Frame::Connected);
        check(r#"42/runners,["available-jobs"]"#, Frame::Event("available-jobs".into()));
        check("2", Frame::Ping);
    }

    #[test]
    fn refusals_and_ends_are_understood() {
        check(
            r#"44/runners,{"message":"Invalid runner token."}"#,
            Frame::Refused("Invalid runner token.".into()),
        );
        check("44", Frame::Refused("without a reason".into()));
        check("41/runners,", Frame::Closed);
        check("1", Frame::Closed);
    }

    #[test]
    fn what_is_new_or_broken_harms_nothing() {
        check(
            r#"42/runners,12["available-jobs",{"of":"a later version"}]"#,
            Frame::Event("available-jobs".into()),
        );
        for text in ["", "0", "0{", "40", "42/live,[\"x\"]", "42/runners,[", "42/runners,[1]", "6", "é", "4é"]
        {
            check(text, Frame::Other);
        }
    }

    #[test]
    fn the_token_goes_into_the_connection() {
        assert_eq!(connect("ptrt-1"), r#"40/runners,{"runnerToken":"ptrt-1"}"#);
    }
}
