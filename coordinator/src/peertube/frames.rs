//! The texts on an instance's notification socket: Socket.IO 4 packets within Engine.IO 4 frames. Only what PeerTube
//! uses of them is read; all else is [`Frame::Other`], which harms nobody.
//!
//! ```text
//! 0{…}                      the server opens and says how often it pings
//! 40/runners,{…}            connected to the namespace
//! 44/runners,{"message":…}  refused
//! 42/runners,["name",…]     an event
//! 41/runners,               the server has closed the namespace
//! 2 / 3                     ping / pong
//! 1                         the server closes
//! ```

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Secret;

/// The namespace of runners.
const NAMESPACE: &str = "/runners";
/// Answers a ping.
pub(super) const PONG: &str = "3";
/// Leaves the namespace.
pub(super) const LEAVE: &str = "41/runners,";

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The transport is open. Nothing for so long: the server is gone.
    Open { silence: Duration },
    /// We are in the namespace.
    Connected,
    /// We are not let in.
    Refused { reason: String },
    /// To be answered with [`PONG`].
    Ping,
    /// An event of this name.
    Event { name: String },
    /// The server has ended the conversation.
    Closed,
    /// Nothing that concerns us.
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

/// Pings come at most so far apart, whatever the server says: a dead connection is noticed the same day.
const SILENCE_LONGEST: Duration = Duration::from_secs(300);

impl Frame {
    /// Reads a text of the socket.
    pub(super) fn read(text: &str) -> Self {
        if let Some(handshake) = text.strip_prefix('0') {
            return opened(handshake);
        }
        match text {
            "1" => return Self::Closed,
            "2" => return Self::Ping,
            _ => {}
        }
        let Some((kind, data)) = packet(text) else { return Self::Other };
        match kind {
            '0' => Self::Connected,
            '1' => Self::Closed,
            '2' => event(data),
            '4' => Self::Refused { reason: refusal(data) },
            _ => Self::Other,
        }
    }
}

/// Asks to be let into the namespace.
pub(super) fn connect(runner_token: &Secret) -> String {
    format!("40{NAMESPACE},{}", json!({ "runnerToken": runner_token.reveal() }))
}

/// Kind and data of a packet for our namespace.
fn packet(text: &str) -> Option<(char, &str)> {
    let rest = text.strip_prefix('4')?;
    let kind = rest.chars().next()?;
    let rest = rest.get(kind.len_utf8()..)?.strip_prefix(NAMESPACE)?;
    // A packet without data may lack the comma.
    let data = if rest.is_empty() { rest } else { rest.strip_prefix(',')? };
    Some((kind, data))
}

fn opened(handshake: &str) -> Frame {
    let Ok(Handshake { ping_interval, ping_timeout }) = serde_json::from_str(handshake) else {
        return Frame::Other;
    };
    let silence = Duration::from_millis(ping_interval.saturating_add(ping_timeout));
    Frame::Open { silence: silence.min(SILENCE_LONGEST) }
}

fn event(data: &str) -> Frame {
    // An event that wants to be acknowledged has a number before its arguments.
    let arguments = data.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let name = serde_json::from_str::<Vec<Value>>(arguments).ok();
    let name = name.and_then(|arguments| Some(arguments.first()?.as_str()?.to_owned()));
    name.map_or(Frame::Other, |name| Frame::Event { name })
}

fn refusal(data: &str) -> String {
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let words = data["message"].as_str().unwrap_or("no reason is given");
    words.chars().filter(|character| !character.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("../../../tests/peertube/recorded/websocket.json");

    fn check(text: &str, expected: Frame) {
        assert_eq!(Frame::read(text), expected, "{text}");
    }

    fn named(name: &str) -> Frame {
        Frame::Event { name: name.into() }
    }

    #[test]
    fn what_a_server_sent_is_understood() {
        let texts: Vec<String> = serde_json::from_str(RECORDED).unwrap();
        let found: Vec<Frame> = texts.iter().map(|text| Frame::read(text)).collect();
        let silence = Duration::from_secs(45);
        let expected = [Frame::Open { silence }, Frame::Connected, named("available-jobs"), Frame::Ping];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        check("41/runners,", Frame::Closed);
        check("41/runners", Frame::Closed);
        check("1", Frame::Closed);
        check(r#"44/runners,{"message":"Invalid token"}"#, Frame::Refused { reason: "Invalid token".into() });
        check("44/runners,", Frame::Refused { reason: "no reason is given".into() });
        check(r#"42/runners,17["available-jobs",{}]"#, named("available-jobs"));
        for other in [
            "",
            "6",
            "2probe",
            "42[\"a\"]",
            "42/users,[\"a\"]",
            "42/runners,[1]",
            "42/runnersx",
            "4ü",
            "0{}",
            "40",
        ] {
            check(other, Frame::Other);
        }
    }

    #[test]
    fn silence_has_a_bound() {
        let text = r#"0{"sid":"a","pingInterval":18446744073709551615,"pingTimeout":1}"#;
        check(text, Frame::Open { silence: SILENCE_LONGEST });
    }

    #[test]
    fn the_token_goes_along_when_we_ask_to_be_let_in() {
        assert_eq!(connect(&Secret::new("ptrt-1")), r#"40/runners,{"runnerToken":"ptrt-1"}"#);
    }
}
