//! What the tests share: a simulated account, and an engine that uses it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vps_docker::http::RetryPolicy;
use vps_docker::provider_contabo::{ContaboConfig, ContaboProvider};
use vps_docker::provider_digitalocean::{DigitalOceanConfig, DigitalOceanProvider};
use vps_docker::provider_hetzner::{HetznerConfig, HetznerProvider};
use vps_docker::provider_vultr::{VultrConfig, VultrProvider};
use vps_docker::{DataDir, Result, Settings, SettingsBuilder, VpsClient, VpsDockerProvider};
use vps_docker_testkit::cloud_sim::{CloudSim, InstanceState, Provider};

/// How much faster than real time an account in memory lives.
const IN_MEMORY: f64 = 1000.0;
/// How many times the true rate of requests is used there.
const HASTE: f64 = 100.0;

/// A simulated account whose machines are entries of a table.
pub(crate) async fn in_memory(provider: Provider) -> CloudSim {
    let sim = CloudSim::builder(provider).time_scale(IN_MEMORY);
    sim.start().await.expect("started")
}

/// A client of the account, with short pauses and in no need of patience.
pub(crate) fn client(provider: Provider, sim: &CloudSim) -> Arc<dyn VpsClient> {
    client_at(provider, sim, HASTE)
}

/// A client of the account that uses so many times the provider's true rate of requests.
pub(crate) fn client_at(provider: Provider, sim: &CloudSim, haste: f64) -> Arc<dyn VpsClient> {
    build(provider, sim, &sim.url(), haste).expect("fit")
}

/// A client of the account by way of something in between, at that URL.
pub(crate) fn client_through(provider: Provider, sim: &CloudSim, url: &str) -> Arc<dyn VpsClient> {
    build(provider, sim, url, HASTE).expect("fit")
}

/// The pauses of tests.
fn policy() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.first_pause = Duration::from_millis(20);
    policy.longest_pause = Duration::from_millis(200);
    policy.try_timeout = Duration::from_secs(5);
    policy
}

fn build(provider: Provider, sim: &CloudSim, url: &str, haste: f64) -> Result<Arc<dyn VpsClient>> {
    let credentials = sim.credentials();
    let token = credentials.token.as_str();
    Ok(match provider.name() {
        "hetzner" => Arc::new(HetznerProvider::new(
            HetznerConfig::new(token)
                .endpoint(url)
                .rate_limit_factor(haste)
                .retry(policy()),
        )?),
        "vultr" => Arc::new(VultrProvider::new(
            VultrConfig::new(token)
                .endpoint(url)
                .rate_limit_factor(haste)
                .retry(policy()),
        )?),
        "digitalocean" => Arc::new(DigitalOceanProvider::new(
            DigitalOceanConfig::new(token)
                .endpoint(url)
                .rate_limit_factor(haste)
                .retry(policy()),
        )?),
        "contabo" => Arc::new(ContaboProvider::new(
            ContaboConfig::new(
                credentials.client_id.as_str(),
                credentials.client_secret.as_str(),
                credentials.user.as_str(),
                credentials.password.as_str(),
            )
            .endpoint(url)
            .token_url(sim.greeting()["token_url"].as_str().expect("it has one"))
            .allow_order(true)
            .settle_time(Duration::from_millis(50))
            .rate_limit_factor(haste)
            .retry(policy()),
        )?),
        other => panic!("no provider crate is called {other}"),
    })
}

/// An engine over an account, with a data directory of its own.
pub(crate) struct Engine {
    pub(crate) provider: VpsDockerProvider,
    _data: TempDir,
}

impl Engine {
    pub(crate) fn over(client: Arc<dyn VpsClient>, settings: Settings) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let data_dir = DataDir::open(data.path().join("data")).expect("fit");
        Self {
            provider: VpsDockerProvider::new(client, data_dir, settings),
            _data: data,
        }
    }
}

/// Deadlines for machines that are nowhere: nobody answers at their address.
pub(crate) fn nobody_answers() -> SettingsBuilder {
    Settings::builder()
        .vps_boot_timeout(Duration::from_millis(1500))
        .unclear_order_timeout(Duration::from_secs(2))
        .rollback_timeout(Duration::from_secs(20))
}

/// The machines of the account that are in use: not somebody else's, and not released by us.
pub(crate) fn in_use(sim: &CloudSim) -> Vec<InstanceState> {
    let mut instances = sim.state().instances;
    instances.retain(|instance| !instance.foreign && !instance.name.contains("released"));
    instances
}

/// A program that is built with the tests.
pub(crate) fn built(path: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    profile.join(path)
}
