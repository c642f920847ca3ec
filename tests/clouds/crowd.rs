//! Many who wait.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{Duration, Instant};
use vps_docker::InstanceWatch;
use vps_docker::model::{BootImage, Instance, InstanceSpec, InstanceState};
use vps_docker_testkit::cloud_sim::{CloudSim, Op, Provider};

use crate::clouds::client;

/// A hundred who wait share their looks: far fewer calls than one for each.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_in_a_crowd_waits_by_one_listing() {
    for &provider in Provider::ALL {
        let sim = CloudSim::builder(provider)
            .seeded(|seed| {
                seed.rate_limit = false;
                seed.boot_ms = Some(6_000);
            })
            .start()
            .await
            .expect("started");
        let client = client(provider, &sim);
        let catalog = client.catalog().await.expect("told");
        let offer = catalog.offers(None, None).expect("something")[0];
        let order = |number: usize| InstanceSpec {
            name: format!("crowd-{number}"),
            region: offer.region.id.clone(),
            plan: offer.plan.id.clone(),
            image: BootImage::Catalog(catalog.images[0].id.clone()),
            user_data: "#cloud-config\n".into(),
            ssh_keys: Vec::new(),
            tags: [("vps-docker".to_owned(), String::new())].into(),
        };
        let watch = InstanceWatch::new(Arc::clone(&client));
        let deadline = Instant::now() + Duration::from_secs(60);
        let runs = |instance: &Instance| instance.state == InstanceState::Running;
        let orders = (0..100).map(async |number| {
            let ordered = client.create_instance(&order(number)).await;
            ordered.expect("ordered").id
        });
        let ordered = join_all(orders).await;
        let before = looks(&sim);
        let waits = ordered.iter().map(async |id| {
            let waited = watch.wait(id, "it to run", deadline, &runs).await;
            waited.expect("it runs")
        });
        let all = join_all(waits).await;
        assert!(all.iter().all(|instance| instance.address.is_some()));
        sim.assert_valid();
        let looks = looks(&sim) - before;
        assert!(
            looks < 100,
            "{}: {looks} looks for 100 who wait",
            provider.name()
        );
    }
}

/// How often instances were asked for so far.
fn looks(sim: &CloudSim) -> u64 {
    let calls = sim.requests().by_op;
    let of = |op: Op| calls.get(op.name()).copied().unwrap_or(0);
    of(Op::GetInstance) + of(Op::ListInstances)
}
