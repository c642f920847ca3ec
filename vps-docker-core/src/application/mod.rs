//! An application: what runs on one host, with its ports, variables and data, as its `vps-docker.toml` says.
//!
//! [`Manifest`] reads the document, [`Application`] is what it asks for, checked. The engine then
//! [plans](crate::VpsDockerProvider::plan_application) it, brings it [up](crate::VpsDockerProvider::up), which is the
//! same for the first time and every other one, and tells how it [fares](crate::VpsDockerProvider::application_status).
//! Taking it down is [destroying](crate::VpsDockerProvider::destroy) its host.
//!
//! ```toml
//! name = "shop"                       # the host's name; `--stack` gives another
//! provider = "hetzner"                # else what is configured
//! plan = ["cx23", "cx33"]             # the second where there is none of the first
//! region = "fsn1"
//! os = "debian-12"
//!
//! build = "."                         # a directory with a Dockerfile, built on the VPS; or `image = "…"`
//! command = "./serve --port 8000"     # a line or words; else the image's own
//! ports = ["80:8000"]                 # of the VPS, of the container
//! data = "/data"                      # kept over everything but `down`, and in snapshots of the host
//! volumes = ["cache:/var/cache/shop"] # kept over replacements, not in snapshots
//! run_args = ["--ulimit=nofile=65536"]
//! memory = "2g"
//! cpus = 1.5
//! ttl = "8h"                          # each `up` begins it anew
//! max_monthly = 10
//! allow_from = ["203.0.113.0/24"]     # who may reach it; else everybody
//! env_files = [".env"]
//!
//! [env]
//! LOG = "info"
//!
//! [secrets]                           # read on this side, kept on the VPS alone
//! DATABASE_URL = { env = "SHOP_DATABASE_URL" }
//! KEY = { file = "secrets/key" }
//! SMTP = { command = ["pass", "show", "smtp"] }
//!
//! [health]                            # or `tcp = 5432`, or `command = ["pg_isready"]`, in the container
//! http = "/healthz"
//! deadline = "60s"
//!
//! [idle]                              # never stopped for want of use without it
//! mode = "cpu"
//! percent = 2
//! timeout = "2h"
//!
//! [hook]                              # or `command = ["./register.sh"]`
//! url = "https://control.example.com/register"
//!
//! [environments.prod]                 # laid over the rest by `--env prod`; its host is shop-prod
//! plan = "cx33"
//! env = { LOG = "warn" }
//! ```

mod health_table;
mod hook;
mod idle_table;
mod manifest;
#[cfg(test)]
mod manifest_tests;
mod plan;
mod ports;
mod status;
mod token;
mod up;

use crate::model::{HealthCheck, HostInfo, HostSpec};

pub use hook::{Hook, HookCall, TOKEN_VARIABLE};
pub use manifest::{APPLICATION_LABEL, ENVIRONMENT_LABEL, Manifest, SecretSource};
pub use plan::ApplicationPlan;
pub use ports::Port;
pub use status::ApplicationStatus;
pub use up::{Running, Up, UpChange};

/// What runs on one host, complete and checked. Made by [`Manifest::application`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Application {
    /// Its name.
    pub name: String,
    /// For which environment it runs.
    pub environment: Option<String>,
    /// Its host.
    pub spec: HostSpec,
    /// How it is seen that it works; not at all when absent.
    pub health: Option<HealthCheck>,
    /// What is called when it does.
    pub hook: Option<Hook>,
    /// Where it listens.
    pub ports: Vec<Port>,
    /// Whether its ports are to be shown as URLs.
    serves_http: bool,
}

impl Application {
    /// Where it is reached on that host: URLs, or `ADDRESS:PORT` where it is known not to speak HTTP.
    #[must_use]
    pub fn urls(&self, host: &HostInfo) -> Vec<String> {
        let address = match host.address {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        let ports = self.ports.iter().map(|port| port.of_vps);
        ports
            .map(|port| match (self.serves_http, port) {
                (false, port) => format!("{address}:{port}"),
                (true, 80) => format!("http://{address}/"),
                (true, 443) => format!("https://{address}/"),
                (true, port) => format!("http://{address}:{port}/"),
            })
            .collect()
    }
}
