//! Reads ISO base media boxes (ISO/IEC 14496-12) out of bytes that a runner returned. Such bytes are hostile
//! until proven otherwise: every read is checked against the end of its box, nothing is allocated by a length
//! that they state, and what does not fit is an error that names the box.

/// The bytes are not what the format asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// Shorthand for an error that names what is wrong.
pub(super) fn malformed<T>(message: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(message.into()))
}

/// A four-character code as people write it.
pub(super) fn code_text(code: [u8; 4]) -> String {
    code.escape_ascii().to_string()
}

/// A box: its type and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Box4<'a> {
    /// Four-character code.
    pub code: [u8; 4],
    /// Without the header.
    pub payload: &'a [u8],
}

/// A position within the payload of one box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    name: [u8; 4],
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of a payload; `name` is for messages.
    pub fn new(name: &[u8; 4], payload: &'a [u8]) -> Self {
        Self { name: *name, rest: payload }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return malformed(format!("box {:?} is cut short", code_text(self.name)));
        };
        self.rest = rest;
        Ok(head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    /// The next big-endian integer of `N` bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self.take(N)?.try_into().expect("take gives as many bytes as were asked for"))
    }

    /// The next 16-bit integer.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// The next 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// The next 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Version and flags that a full box begins with.
    pub fn full(&mut self) -> Result<(u8, u32), Malformed> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// The next box; none at the end.
    pub fn next_box(&mut self) -> Result<Option<Box4<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let short_size = self.u32()?;
        let code: [u8; 4] = self.array()?;
        let length = match short_size {
            0 => self.rest.len() as u64,
            1 => self.u64()?.saturating_sub(16),
            size if size >= 8 => u64::from(size) - 8,
            size => return malformed(format!("box {:?} states a length of {size}", code_text(code))),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match self.rest.split_at_checked(length) {
            Some((payload, rest)) => {
                self.rest = rest;
                Ok(Some(Box4 { code, payload }))
            }
            None => malformed(format!("box {:?} reaches past the end", code_text(code))),
        }
    }

    /// The first box of a type among those not read yet, if it is there.
    pub fn find(mut self, code: &[u8; 4]) -> Result<Option<Cursor<'a>>, Malformed> {
        while let Some(found) = self.next_box()? {
            if found.code == *code {
                return Ok(Some(Cursor::new(code, found.payload)));
            }
        }
        Ok(None)
    }

    /// The first box of a type among those not read yet; an error when it is not there.
    pub fn require(self, code: &[u8; 4]) -> Result<Cursor<'a>, Malformed> {
        let name = self.name;
        self.find(code)?
            .ok_or_else(|| Malformed(format!("box {:?} lacks its {:?}", code_text(name), code_text(*code))))
    }
}
