//! Listings of large accounts, and limits of the rate.

use std::time::Duration;

use vps_docker::model::{InstanceFilter, InstanceSpec};
use vps_docker::{HostSpec, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, Op, Provider};

use crate::clouds::{Engine, client, in_memory, nobody_answers};

async fn spec(client: &dyn VpsClient, number: usize) -> InstanceSpec {
    let catalog = client.catalog().await.expect("told");
    let offer = catalog.offers(None, None).expect("something")[0];
    InstanceSpec {
        name: format!("fleet-{number}"),
        region: offer.region.id.clone(),
        plan: offer.plan.id.clone(),
        image: vps_docker::model::BootImage::Catalog(catalog.images[0].id.clone()),
        user_data: "#cloud-config\n".into(),
        ssh_keys: Vec::new(),
        tags: [("vps-docker".to_owned(), String::new())].into(),
    }
}

/// Behaviour 31, its first half.
#[tokio::test(flavor = "multi_thread")]
async fn ours_are_found_among_ten_thousand() {
    for &provider in Provider::ALL {
        let sim = CloudSim::builder(provider)
            .time_scale(1000.0)
            .seeded(|seed| seed.foreign_instances = 9_750)
            .start()
            .await
            .expect("started");
        let client = client(provider, &sim);
        let template = spec(&*client, 0).await;
        for number in 0..250 {
            let mut spec = template.clone();
            spec.name = format!("fleet-{number}");
            client.create_instance(&spec).await.expect("ordered");
        }
        let ours = client.marked_instances().await.expect("listed");
        assert_eq!(ours.len(), 250, "{}", provider.name());
        let all = client.list_instances(&InstanceFilter::default()).await;
        assert_eq!(all.expect("listed").len(), 10_000, "{}", provider.name());
        sim.assert_valid();
    }
}

/// Behaviour 31, its second half.
#[tokio::test(flavor = "multi_thread")]
async fn a_429_is_waited_out_as_long_as_the_provider_says_and_nobody_hears_of_it() {
    for &provider in Provider::ALL {
        let sim = in_memory(provider).await;
        sim.faults([Fault::rate_limit(Op::ListInstances, 2).nth(1)]);
        let client = client(provider, &sim);
        let began = std::time::Instant::now();
        client.marked_instances().await.expect("listed in the end");
        // Not sooner: a second request before would be one too many. Later is the machine's affair.
        assert!(
            began.elapsed() >= Duration::from_secs(2),
            "{}",
            provider.name()
        );
        let requests = sim.requests();
        assert_eq!(
            requests.by_status.get(&429),
            Some(&1),
            "{}",
            provider.name()
        );
        sim.assert_valid();
    }
}

/// The journal of a create that a full account refuses is closed, and the quota named.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_named_with_how_it_is_raised() {
    for &provider in Provider::ALL {
        let sim = CloudSim::builder(provider)
            .time_scale(1000.0)
            .seeded(|seed| seed.quota = Some(0))
            .start()
            .await
            .expect("started");
        let settings = nobody_answers().build().expect("fit");
        let engine = Engine::over(client(provider, &sim), settings);
        let spec = HostSpec::builder("one-too-many").build().expect("legal");
        let error = engine.provider.create_host(spec).await.expect_err("full");
        assert_eq!(
            error.kind(),
            vps_docker::ErrorKind::Quota,
            "{}: {error}",
            provider.name()
        );
        assert!(sim.state().instances.is_empty());
        sim.assert_valid();
    }
}
