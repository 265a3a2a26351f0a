use jiff::SignedDuration;

use crate::ReserveError;

/// Why a call did not give what was asked, named by what the caller can do.
///
/// RemOnline's own words for its statuses: 400 "the request contains incorrect data", 404 "the resource was not
/// found", 405 "no right of access to the resource" (not: wrong method), 500 "program error on the server".
/// Source: RO App API, "Getting started", errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data is wrong and stays wrong; nothing was written. 400 (incorrect data), 422, any other 4xx, and a
    /// `success: false` that came with a 2xx. Show the fields to a person.
    #[error("RemOnline refused the data: {0}")]
    Rejected(Details),
    /// There is nothing under this id: 404. Nothing was written. A remembered id is out of date.
    #[error("RemOnline does not have it: {0}")]
    NotFound(Details),
    /// The key is wrong or revoked: 401, or 403 with the code of a bad token. Stop until there is another key.
    #[error("RemOnline refused the key: {0}")]
    KeyRejected(Details),
    /// The key's employee lacks a right, or the company has not paid: 402, 403, and 405, which RemOnline means so.
    #[error("RemOnline does not allow it: {0}")]
    Forbidden(Details),
    /// Too many requests: 429. It was not carried out and may be sent again later.
    #[error("RemOnline asks to slow down: {details}")]
    Throttled {
        /// How long to wait, where RemOnline said so; at most a day.
        retry_after: Option<SignedDuration>,
        /// What RemOnline said.
        details: Details,
    },
    /// Nothing was written, and the same call may be sent again later: there was no connection, or a read got no
    /// usable answer (500 program error, 502 to 504, time-out, something unreadable).
    #[error("RemOnline is not available: {0}")]
    Unavailable(Details),
    /// A write may or may not have taken effect: 5xx, time-out, lost or unreadable answer, or a create whose answer
    /// names no id. Look before doing it again.
    #[error("it is unknown whether RemOnline did it: {0}")]
    OutcomeUnknown(Details),
    /// Nothing was sent, because no time to send could be reserved.
    #[error(transparent)]
    Pacing(#[from] ReserveError),
}

/// What RemOnline said, fit for logs and histories: at most 300 characters a text, without personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The HTTP status; absent when there was no answer.
    pub status: Option<u16>,
    /// RemOnline's `code`: 100 token missing, 101 token invalid, 110 key missing, 111 key invalid, otherwise
    /// often the status again.
    pub code: Option<i64>,
    /// RemOnline's text in the account's language; without one, what happened.
    pub message: String,
    /// The fields RemOnline named, each with its complaint.
    pub fields: Vec<(String, String)>,
}

impl std::fmt::Display for Details {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match (self.status, self.code) {
            (Some(status), Some(code)) if i64::from(status) != code => write!(f, " (status {status}, code {code})"),
            (Some(status), _) => write!(f, " (status {status})"),
            (None, _) => Ok(()),
        }
    }
}

impl Error {
    /// What RemOnline said; absent when nothing was sent for want of a send time.
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Rejected(details)
            | Self::NotFound(details)
            | Self::KeyRejected(details)
            | Self::Forbidden(details)
            | Self::Throttled { details, .. }
            | Self::Unavailable(details)
            | Self::OutcomeUnknown(details) => Some(details),
            Self::Pacing(_) => None,
        }
    }

    /// The HTTP status RemOnline answered, if it did.
    pub fn status(&self) -> Option<u16> {
        self.details()?.status
    }

    /// The code in RemOnline's answer, if there was one.
    pub fn code(&self) -> Option<i64> {
        self.details()?.code
    }

    /// No usable answer: harmless after a read, not after a write.
    pub(crate) fn unusable(write: bool, details: Details) -> Self {
        if write { Self::OutcomeUnknown(details) } else { Self::Unavailable(details) }
    }

    /// The meaning of an answer that is not a success. `status` is the one that decides, which is not the one in
    /// `details` when a 2xx says `success: false`.
    pub(crate) fn refused(write: bool, status: u16, retry_after: Option<SignedDuration>, details: Details) -> Self {
        match status {
            401 => Self::KeyRejected(details),
            403 if details.code.is_some_and(is_about_the_key) => Self::KeyRejected(details),
            402 | 403 | 405 => Self::Forbidden(details),
            404 | 410 => Self::NotFound(details),
            429 => Self::Throttled { retry_after, details },
            408 | ..=399 | 500.. => Self::unusable(write, details),
            _ => Self::Rejected(details),
        }
    }

    /// The meaning of `success: false` under a 2xx. Its `code` is that of a bad key or repeats an HTTP status.
    pub(crate) fn failed_success(write: bool, details: Details) -> Self {
        let status = match details.code {
            Some(code) if is_about_the_key(code) => 401,
            Some(code) => u16::try_from(code).ok().filter(|code| (400..600).contains(code)).unwrap_or(400),
            None => 400,
        };
        Self::refused(write, status, None, details)
    }
}

fn is_about_the_key(code: i64) -> bool {
    matches!(code, 100 | 101 | 110 | 111)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RemOnline's statuses as the interface names them, and what stands for each.
    fn expected(write: bool, status: u16, about_the_key: bool) -> &'static str {
        match status {
            401 => "key_rejected",
            403 if about_the_key => "key_rejected",
            402 | 403 | 405 => "forbidden",
            404 | 410 => "not_found",
            429 => "throttled",
            400 | 406 | 407 | 409 | 411..=428 | 430..=499 => "rejected",
            _ if write => "outcome_unknown",
            _ => "unavailable",
        }
    }

    fn name(error: &Error) -> &'static str {
        match error {
            Error::Rejected(_) => "rejected",
            Error::NotFound(_) => "not_found",
            Error::KeyRejected(_) => "key_rejected",
            Error::Forbidden(_) => "forbidden",
            Error::Throttled { .. } => "throttled",
            Error::Unavailable(_) => "unavailable",
            Error::OutcomeUnknown(_) => "outcome_unknown",
            Error::Pacing(_) => "pacing",
        }
    }

    #[test]
    fn every_status_has_one_name() {
        for status in (100..200).chain(300..=999) {
            for (write, code) in [(false, None), (true, None), (false, Some(101)), (true, Some(111)), (true, Some(400))]
            {
                let about_the_key = matches!(code, Some(101 | 111));
                let details = Details { status: Some(status), code, ..Details::default() };
                let error = Error::refused(write, status, None, details);
                assert_eq!(name(&error), expected(write, status, about_the_key), "{status}, code {code:?}");
                assert_eq!((error.status(), error.code()), (Some(status), code));
            }
        }
    }

    #[test]
    fn a_failure_under_a_2xx_is_named_by_its_code() {
        for write in [false, true] {
            for code in 400..600 {
                let details = Details { status: Some(200), code: Some(code), ..Details::default() };
                let status = u16::try_from(code).unwrap();
                assert_eq!(name(&Error::failed_success(write, details)), expected(write, status, false), "{code}");
            }
            for code in [None, Some(0), Some(7), Some(-1), Some(i64::MAX), Some(200)] {
                let details = Details { status: Some(200), code, ..Details::default() };
                assert_eq!(name(&Error::failed_success(write, details)), "rejected", "{code:?}");
            }
        }
    }
}
