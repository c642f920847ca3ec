use serde::{Deserialize, Serialize};

/// How much an account may have, as far as the provider tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Most instances at a time; `None` when the provider does not tell.
    pub instances: Option<u64>,
    /// How the limit is raised, for people: a page or a person to ask.
    pub how_to_raise: Option<String>,
}
