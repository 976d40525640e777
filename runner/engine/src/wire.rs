//! The pipe protocol between the daemon and its engine child: frames of a one-byte kind, a big-endian length and a
//! payload, over standard input and output. The engine opens no file and no socket: all it reads it asks for here.
//!
//! ```text
//! daemon                               engine
//!   | -- Assignment(json) --------------> |   once, first
//!   | <-------- Expect{input,start,end} - |   any number of times; a hint how far to read ahead
//!   | <------------- Read{input,at,len} - |   one outstanding at a time
//!   | -- Data(bytes) -------------------> |   as many bytes as asked for, fewer only at the end of the input
//!   | <--------- Output{index,bytes} ---- |   appended to that output, any number of times
//!   | <--------- Progress(frames) ------- |   rising
//!   | <--------- Done | Failed (json) --- |   once, last
//! ```
//! The daemon must drain the engine's output at all times; that it does so slowly is the engine's back-pressure.

use std::io::{self, Read, Write};

use crate::report::{Failure, Report};
use crate::spec::Assignment;

/// Longest payload of a frame, bytes; a longer one is a broken peer.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;

/// What the daemon says.
#[derive(Clone, Debug, PartialEq)]
pub enum ToEngine {
    /// The task, first.
    Assignment(Box<Assignment>),
    /// The answer to the outstanding [`FromEngine::Read`].
    Data(Vec<u8>),
    /// The read cannot be answered; the engine ends with a transient failure of this message.
    ReadFailed(String),
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq)]
pub enum FromEngine {
    /// Asks for bytes of an input.
    Read {
        /// Which input.
        input: u32,
        /// Where its bytes start.
        offset: u64,
        /// How many are wanted.
        length: u32,
    },
    /// Will read this stretch of an input whole and in order, and what lies behind it perhaps never. Not answered.
    Expect {
        /// Which input.
        input: u32,
        /// Where the stretch starts.
        start: u64,
        /// Where it ends, exclusive.
        end: u64,
    },
    /// Appends to an output.
    Output {
        /// Which output.
        output: u32,
        /// What to append.
        bytes: Vec<u8>,
    },
    /// Frames finished so far.
    Progress(u64),
    /// The task is done.
    Done(Report),
    /// The task cannot be done.
    Failed(Failure),
}

/// Reads what a peer sent, one frame at a time, and writes frames to it.
pub trait Message: Sized {
    /// Kind byte and payload.
    fn to_frame(&self) -> (u8, Vec<u8>);
    /// The reverse of [`Message::to_frame`].
    fn from_frame(kind: u8, payload: Vec<u8>) -> io::Result<Self>;
}

/// Writes one message and flushes it.
pub fn write(to: &mut impl Write, message: &impl Message) -> io::Result<()> {
    let (kind, payload) = message.to_frame();
    to.write_all(&header(kind, payload.len()))?;
    to.write_all(&payload)?;
    to.flush()
}

/// Reads one message; none at a clean end of the stream.
pub fn read<M: Message>(from: &mut impl Read) -> io::Result<Option<M>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (kind, length) = parse_header(head)?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload)?;
    M::from_frame(kind, payload).map(Some)
}

/// The five bytes before a payload.
pub fn header(kind: u8, length: usize) -> [u8; 5] {
    let [a, b, c, d] = u32::try_from(length).expect("payloads are bounded").to_be_bytes();
    [kind, a, b, c, d]
}

/// Kind and payload length out of a header.
pub fn parse_header(head: [u8; 5]) -> io::Result<(u8, usize)> {
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > MAX_PAYLOAD_BYTES {
        return Err(broken(format!("a frame of {length} bytes")));
    }
    Ok((head[0], length))
}

impl Message for ToEngine {
    fn to_frame(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Assignment(assignment) => (1, json(assignment)),
            Self::Data(bytes) => (2, bytes.clone()),
            Self::ReadFailed(reason) => (3, reason.clone().into_bytes()),
        }
    }

    fn from_frame(kind: u8, payload: Vec<u8>) -> io::Result<Self> {
        match kind {
            1 => Ok(Self::Assignment(serde_json::from_slice(&payload)?)),
            2 => Ok(Self::Data(payload)),
            3 => Ok(Self::ReadFailed(String::from_utf8_lossy(&payload).into_owned())),
            other => Err(broken(format!("unknown frame kind {other} to the engine"))),
        }
    }
}

impl Message for FromEngine {
    fn to_frame(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Read { input, offset, length } => {
                (16, [&input.to_be_bytes()[..], &offset.to_be_bytes(), &length.to_be_bytes()].concat())
            }
            Self::Output { output, bytes } => (17, [&output.to_be_bytes()[..], bytes].concat()),
            Self::Progress(frames) => (18, frames.to_be_bytes().to_vec()),
            Self::Done(report) => (19, json(report)),
            Self::Failed(failure) => (20, json(failure)),
            Self::Expect { input, start, end } => {
                (21, [&input.to_be_bytes()[..], &start.to_be_bytes(), &end.to_be_bytes()].concat())
            }
        }
    }

    fn from_frame(kind: u8, mut payload: Vec<u8>) -> io::Result<Self> {
        match kind {
            16 => Ok(Self::Read {
                input: u32::from_be_bytes(field(&payload, 0)?),
                offset: u64::from_be_bytes(field(&payload, 4)?),
                length: u32::from_be_bytes(field(&payload, 12)?),
            }),
            17 => {
                let output = u32::from_be_bytes(field(&payload, 0)?);
                payload.drain(..4);
                Ok(Self::Output { output, bytes: payload })
            }
            18 => Ok(Self::Progress(u64::from_be_bytes(field(&payload, 0)?))),
            19 => Ok(Self::Done(serde_json::from_slice(&payload)?)),
            20 => Ok(Self::Failed(serde_json::from_slice(&payload)?)),
            21 => Ok(Self::Expect {
                input: u32::from_be_bytes(field(&payload, 0)?),
                start: u64::from_be_bytes(field(&payload, 4)?),
                end: u64::from_be_bytes(field(&payload, 12)?),
            }),
            other => Err(broken(format!("unknown frame kind {other} from the engine"))),
        }
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

fn field<const N: usize>(payload: &[u8], at: usize) -> io::Result<[u8; N]> {
    let bytes = payload.get(at..at + N).ok_or_else(|| broken("a frame that is too short".into()))?;
    Ok(bytes.try_into().expect("the slice has N bytes"))
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Class;
    use crate::spec::{Probe, Task};

    fn check<M: Message + PartialEq + std::fmt::Debug>(message: M) {
        let mut pipe = Vec::new();
        write(&mut pipe, &message).unwrap();
        assert_eq!(read::<M>(&mut pipe.as_slice()).unwrap(), Some(message));
    }

    #[test]
    fn every_message_survives_the_pipe() {
        let task = Task::Probe(Probe { max_pixels: 9, ..Probe::default() });
        check(ToEngine::Assignment(Box::new(Assignment { task, input_sizes: vec![1, 2] })));
        check(ToEngine::Data(vec![1, 2, 3]));
        check(ToEngine::ReadFailed("gone".into()));
        check(FromEngine::Read { input: 1, offset: 1 << 40, length: 7 });
        check(FromEngine::Expect { input: 1, start: 1 << 40, end: 1 << 41 });
        check(FromEngine::Output { output: 3, bytes: vec![9; 5] });
        check(FromEngine::Progress(42));
        check(FromEngine::Done(Report::Assemble { sample_count: 5 }));
        check(FromEngine::Failed(Failure { class: Class::Source, message: "no".into() }));
    }

    #[test]
    fn an_end_between_frames_is_clean_and_within_one_is_not() {
        assert!(read::<ToEngine>(&mut [].as_slice()).unwrap().is_none());
        assert!(read::<ToEngine>(&mut [2, 0, 0, 0, 9, 1].as_slice()).is_err());
    }

    #[test]
    fn an_oversized_or_unknown_frame_is_refused() {
        assert!(read::<ToEngine>(&mut [2, 255, 255, 255, 255].as_slice()).is_err());
        assert!(read::<FromEngine>(&mut [99, 0, 0, 0, 0].as_slice()).is_err());
    }
}
