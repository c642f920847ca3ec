use serde::{Deserialize, Serialize};

use super::contabo::ContaboSeed;
use super::offer::{Plan, Region};
use super::vultr::VultrSeed;

/// How an account and its provider are, as a simulator begins: the content of a seed file. What is left out has
/// the cloud's own value, or the one named here. Times are the provider's: the simulator divides them by
/// [`time_scale`](Self::time_scale).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Seed {
    /// Most instances of the account. Default: no limit.
    pub quota: Option<usize>,
    /// Most instance snapshots: of the account, or of an instance where the cloud counts so.
    /// Default: the cloud's own.
    pub snapshot_quota: Option<usize>,
    /// Where machines are short although they are listed.
    pub capacity: Vec<Shortage>,
    /// How long a new instance is missing from listings, in milliseconds. It can be asked for by its id at
    /// once. Default: 0.
    pub listing_delay_ms: u64,
    /// From the order until an instance runs, in milliseconds. On the backend `local` it takes as long as it
    /// takes, and not less than this where this is given.
    pub boot_ms: Option<u64>,
    /// From the order until an instance shows its address, in milliseconds.
    pub ip_delay_ms: Option<u64>,
    /// How long a turn of the power switch takes, in milliseconds, on the backend `memory`.
    pub power_ms: Option<u64>,
    /// How long a snapshot takes, in milliseconds, on the backend `memory`.
    pub snapshot_ms: Option<u64>,
    /// How many seconds of the provider pass in one of ours. Default: 1.
    pub time_scale: f64,
    /// Whether the provider's rate limits are kept. Default: true.
    pub rate_limit: bool,
    /// Whether changes of a thing that another change is working on are refused, where the cloud does so.
    /// Default: true.
    pub locks: bool,
    /// Instances of somebody else in the same account. They are in memory on every backend and in nobody's
    /// way: neither quota nor cost count them.
    pub foreign_instances: usize,
    /// SSH keys of somebody else in the same account.
    pub foreign_keys: usize,
    /// Regions instead of the cloud's own.
    pub regions: Option<Vec<Region>>,
    /// Plans instead of the cloud's own.
    pub plans: Option<Vec<Plan>>,
    /// The image of `provider-local` that every system image boots on the backend `local`. Default: `debian-12`.
    pub local_image: String,
    /// What only Contabo has.
    pub contabo: ContaboSeed,
    /// What only Vultr has.
    pub vultr: VultrSeed,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            quota: None,
            snapshot_quota: None,
            capacity: Vec::new(),
            listing_delay_ms: 0,
            boot_ms: None,
            ip_delay_ms: None,
            power_ms: None,
            snapshot_ms: None,
            time_scale: 1.0,
            rate_limit: true,
            locks: true,
            foreign_instances: 0,
            foreign_keys: 0,
            regions: None,
            plans: None,
            local_image: "debian-12".to_owned(),
            contabo: ContaboSeed::default(),
            vultr: VultrSeed::default(),
        }
    }
}

/// Machines of a plan in a region that are listed but not to be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shortage {
    /// The plan. Default: any.
    #[serde(default)]
    pub plan: Option<String>,
    /// The region. Default: any.
    #[serde(default)]
    pub region: Option<String>,
    /// How many are left. Default: none.
    #[serde(default)]
    pub left: usize,
}

impl Shortage {
    /// No machine of that plan is left in that region.
    pub fn of(plan: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            plan: Some(plan.into()),
            region: Some(region.into()),
            left: 0,
        }
    }

    pub(crate) fn concerns(&self, plan: &str, region: &str) -> bool {
        self.plan.as_deref().is_none_or(|own| own == plan)
            && self.region.as_deref().is_none_or(|own| own == region)
    }
}
