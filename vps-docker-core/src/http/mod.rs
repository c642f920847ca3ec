//! What provider crates speak HTTP with: authentication, pacing, retries, paging and errors, once for
//! all of them.
//!
//! ```no_run
//! # use vps_docker_core::http::{ApiClient, Auth, RateLimit, Refusal};
//! # use vps_docker_core::{Error, Result};
//! # #[derive(serde::Deserialize)] struct Servers {}
//! # fn parse_error(refusal: &Refusal) -> Error { refusal.by_status("the provider refuses") }
//! # async fn example(token: secrecy::SecretString) -> Result<()> {
//! let api = ApiClient::builder("acme", "https://api.acme.example/v1")
//!     .auth(Auth::bearer(token))
//!     .rate_limit(RateLimit::tokens(3600, 1.0))
//!     .parse_error(parse_error)
//!     .build()?;
//! let servers: Servers = api
//!     .get("list_instances", ["servers"])
//!     .query("per_page", 50)
//!     .json()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! * **Pace.** All calls of a client and its clones share its [`RateLimit`]s and wait their turn, first
//!   come, first served. A 429 holds all of them, or only those under the request's own limit where it
//!   has one, for as long as the provider says.
//! * **Retries.** A request that does the same when it is sent twice (GET, PUT, DELETE) is sent again
//!   after passing faults, with growing pauses. Any other ([`post`](ApiClient::post),
//!   [`patch`](ApiClient::patch)) only where it is certain that it was not carried out: there was no
//!   connection, or it was refused for the time being. What is not certain is said:
//!   [`Error::is_unclear`](crate::Error::is_unclear).
//! * **Time.** Each try has a time-out, all tries together a deadline; waiting for one's turn counts
//!   towards neither.
//! * **Secrets** are sent and nowhere else: not in errors, spans or Debug output, also where a provider
//!   repeats them in its answer.
//! * **Bodies** are read to a bound.

mod api_client;
mod auth;
mod failure;
pub mod lenient;
mod page;
mod rate_limit;
mod refusal;
mod request;
mod retry;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
mod tls;
mod wait;
mod well;

pub use api_client::{ApiClient, ApiClientBuilder};
pub use auth::{Auth, PasswordGrant};
pub use lenient::words;
pub use page::{Page, collect_pages, pages};
pub use rate_limit::RateLimit;
pub use refusal::{Refusal, gone_is_success};
pub use request::{Request, Response};
pub use retry::RetryPolicy;
/// For [`words`].
#[doc(hidden)]
pub use serde;
pub use wait::wait_until;
pub(crate) use well::ask_whether_well;
