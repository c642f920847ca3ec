//! A page of a listing. A file of its own because Hetzner puts each list under a name of its own, and
//! one reader does for all of them.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use vps_docker_core::http::lenient::or_default;

/// Something that the API lists under a name of its own: `{"servers": […], "meta": …}`.
pub(crate) trait Listed: DeserializeOwned {
    /// That name.
    const KEY: &'static str;
}

/// A page of a listing. The list must be there and each of its items readable: half a listing is a
/// wrong one.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// What is told of the next page, if anything.
    pub(crate) pagination: Option<Pagination>,
}

/// <https://docs.hetzner.cloud/reference/cloud#pagination>
#[derive(Debug, Deserialize)]
pub(crate) struct Pagination {
    /// `None` on the last page.
    pub(crate) next_page: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "or_default")]
    pagination: Option<Pagination>,
}

impl<'de, T: Listed> Deserialize<'de> for Listing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        let items = fields.remove(T::KEY);
        let items = items.ok_or_else(|| D::Error::missing_field(T::KEY))?;
        let meta = fields.remove("meta").unwrap_or_default();
        Ok(Self {
            items: Vec::deserialize(items).map_err(D::Error::custom)?,
            pagination: Meta::deserialize(meta).unwrap_or_default().pagination,
        })
    }
}
