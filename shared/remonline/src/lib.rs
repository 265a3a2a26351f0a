//! Typed client of the RemOnline (RO App) API v2.
//!
//! A [`Client`] speaks for one API key. Every method is one exchange, or says how many: nothing is ever repeated by
//! itself, a POST least of all, because RemOnline has no idempotency key. When a request may leave is decided by a
//! [`Pacer`], which shares the account's allowance with every other process. What went wrong is said by [`Error`],
//! named by what the caller can do; what was exchanged is kept as [`Exchange`]s for the history.
//!
//! Much of the API is undocumented, so answers are read leniently (both list shapes, bare or wrapped objects, ids
//! as numbers or digits) and search results are verified row by row: RemOnline ignores a filter it does not know.
//!
//! Source: RO App API v2 reference, `roapp.readme.io`.

mod answer;
mod client;
mod error;
mod masking;
mod order_search;
mod orders;
mod pacing;
mod people;
mod people_search;
mod reference;
mod refusal;
mod row;

pub use answer::Page;
pub use client::{Client, DEFAULT_URL, Exchange};
pub use domain::{EmailSearch, PhoneSearch};
pub use error::{Details, Error};
pub use orders::{Order, OrderStatus};
pub use pacing::{Pacer, Reservation, ReserveError};
pub use people::{Birthday, Person, PersonPhone};
pub use reference::{Choice, ChoiceId, Company};
