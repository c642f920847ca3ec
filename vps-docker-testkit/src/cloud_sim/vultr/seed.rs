use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What only Vultr has of a seed. Times are the provider's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VultrSeed {
    /// Whether `server_status` stays `installingbooting` for ever, as it does at times. Default: no.
    pub never_ok: bool,
    /// Whether an instance that is not there is answered 400 "invalid instance ID", as it is at times. Default: no, 404.
    pub gone_is_400: bool,
    /// The addresses that the account's API key may be used from ("Access Control"). Default: all.
    pub allow_list: Option<Vec<IpAddr>>,
    /// How long a new instance is "not found" when asked for by its id, in milliseconds, though its order was
    /// answered with that id. Default: 0.
    pub show_delay_ms: u64,
}
