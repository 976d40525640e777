//! What can be made to go wrong: each fault strikes one call, in the order in which they were asked for.

/// The calls of a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `register`
    Register,
    /// `unregister`
    Unregister,
    /// `jobs/request`
    Request,
    /// `jobs/UUID/accept`
    Accept,
    /// `jobs/UUID/abort`
    Abort,
    /// `jobs/UUID/update`
    Update,
    /// `jobs/UUID/error`
    Error,
    /// `jobs/UUID/success`
    Success,
    /// `jobs/UUID/files/…`
    File,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status, and does nothing.
    Status(u16),
    /// It is turned away by the rate limit for so many seconds.
    TooMany(u32),
    /// It is answered with a redirect.
    Redirect(u16, String),
    /// Its connection is cut after so many bytes of the upload.
    CutUpload(u64),
    /// It does its work, and its connection is cut instead of an answer.
    CutAnswer,
    /// Its connection is cut after so many bytes of the file.
    CutDownload(u64),
    /// It is never answered, and does nothing.
    Silence,
    /// Another runner takes the job between the check and the transaction.
    LostRace,
}
