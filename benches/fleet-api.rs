//! What a thousand hosts cost in calls to each cloud's API, at its true rate limit.

#[path = "../tests/clouds/clouds.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod clouds;

use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use vps_docker::keys::KeyPair;
use vps_docker::model::{
    BootImage, HostId, HostName, HostTags, Instance, InstanceSpec, InstanceState, OwnerId, SshKeyId,
};
use vps_docker::{InstanceWatch, Result, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Provider};

const HOSTS: usize = 1000;
/// A minute of the provider's is a second of ours: its limits, and ours, are so much wider.
const TIME_SCALE: f64 = 60.0;
/// Creates that are under way at once.
const AT_ONCE: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    println!(
        "{HOSTS} hosts made known, ordered, awaited, tagged, listed and destroyed, {AT_ONCE} at a time; \
         times in minutes of the provider's, {TIME_SCALE} times faster than ours"
    );
    println!(
        "{:14}{:>9}{:>9}{:>9}{:>13}{:>9}   calls by status",
        "", "create", "list", "destroy", "calls a host", "refused"
    );
    // Those that are named, else all.
    let named: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| {
        let mut names = named
            .iter()
            .filter(|name| !name.starts_with('-'))
            .peekable();
        names.peek().is_none() || names.any(|wanted| wanted == name)
    };
    for &provider in Provider::ALL.iter().filter(|one| is_wanted(one.name())) {
        one(provider).await?;
    }
    Ok(())
}

async fn one(provider: Provider) -> Result<()> {
    let sim = CloudSim::builder(provider)
        .time_scale(TIME_SCALE)
        .start()
        .await?;
    let client = clouds::client_at(provider, &sim, TIME_SCALE);
    let minutes = |began: Instant| began.elapsed().as_secs_f64() * TIME_SCALE / 60.0;

    let began = Instant::now();
    let made = create_all(&client).await?;
    let create = minutes(began);
    let began = Instant::now();
    let listed = client.marked_instances().await?;
    let list = minutes(began);
    assert_eq!(listed.len(), HOSTS, "{}", provider.name());
    let began = Instant::now();
    stream::iter(&made)
        .map(|instance| client.destroy_instance(&instance.id))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    let destroy = minutes(began);

    let requests = sim.requests();
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let a_host = requests.total as f64 / HOSTS as f64;
    let refused = requests.by_status.get(&429).copied().unwrap_or(0);
    println!(
        "{:14}{create:>9.1}{list:>9.1}{destroy:>9.1}{a_host:>13.2}{refused:>9}   {:?}",
        provider.name(),
        requests.by_status
    );
    Ok(())
}

/// As the engine does, all but what goes over SSH.
async fn create_all(client: &Arc<dyn VpsClient>) -> Result<Vec<Instance>> {
    let catalog = client.catalog().await?;
    let offer = catalog.offers(None, None)?[0];
    let (owner, key) = (OwnerId::random(), KeyPair::generate("fleet")?);
    let key = key.public().openssh();
    let watch = InstanceWatch::new(Arc::clone(client));
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(3600);
    let runs = |instance: &Instance| {
        instance.state == InstanceState::Running && instance.address.is_some()
    };
    let one = async |number: usize| {
        let unfinished = HostTags::unfinished(
            HostId::random(),
            HostName::new(format!("fleet-{number}"))?,
            owner.clone(),
            std::time::Duration::from_secs(3600),
        );
        let known: SshKeyId = client.ensure_ssh_key("fleet", &key).await?;
        let ordered = client
            .create_instance(&InstanceSpec {
                name: format!("fleet-{number}"),
                region: offer.region.id.clone(),
                plan: offer.plan.id.clone(),
                image: BootImage::Catalog(catalog.images[0].id.clone()),
                user_data: "#cloud-config\n".into(),
                ssh_keys: vec![known],
                tags: unfinished.to_tags(),
            })
            .await?;
        let instance = watch
            .wait(&ordered.id, "it to run", deadline, &runs)
            .await?;
        let ready = HostTags {
            expires: None,
            ..unfinished
        };
        client.set_tags(&instance.id, &ready.to_tags()).await?;
        Ok(instance)
    };
    stream::iter(0..HOSTS)
        .map(one)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
