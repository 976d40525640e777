//! What SQLite's errors mean to a person.

use rusqlite::{Error, ErrorCode};

use super::super::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..) => Self::Corrupt(error.to_string()),
            Error::SqliteFailure(failure, _) => match advice(failure.code) {
                Some(advice) if failure.code == ErrorCode::DiskFull => {
                    Self::Full(format!("{error}: {advice}"))
                }
                Some(advice) => Self::Database(format!("{error}: {advice}")),
                None => Self::Database(error.to_string()),
            },
            _ => Self::Database(error.to_string()),
        }
    }
}

fn advice(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::DiskFull => Some("the disk is full; free some space, nothing acknowledged is lost"),
        ErrorCode::CannotOpen => {
            Some("the file cannot be opened; look at its folder's existence and permissions")
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Some("the file cannot be written; look at its owner and permissions")
        }
        ErrorCode::NotADatabase => Some("the file is not a database, or it is damaged"),
        ErrorCode::DatabaseCorrupt => Some("the file is damaged; restore a backup"),
        ErrorCode::SystemIoFailure => Some("the disk failed; look at the system's log"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some("another program holds the file"),
        _ => None,
    }
}
