//! Orders that a provider refuses, or whose answer is lost.

use vps_docker::{ErrorKind, HostSpec};
use vps_docker_testkit::cloud_sim::{CloudSim, Op, Provider, Shortage};

use crate::clouds::{Engine, client, in_use, nobody_answers};

/// Where there is no machine, the next of the user's choices is tried, and each one once.
#[tokio::test(flavor = "multi_thread")]
async fn the_users_list_of_plans_and_regions_is_tried_in_its_order() {
    // Contabo refuses nothing for want of machines: it takes the order and lets it wait.
    let refusing = Provider::ALL.iter().filter(|one| one.name() != "contabo");
    for &provider in refusing {
        let offers = {
            let sim = crate::clouds::in_memory(provider).await;
            let catalog = client(provider, &sim).catalog().await.expect("told");
            let plan = catalog.offers(None, None).expect("something")[0]
                .plan
                .id
                .clone();
            let regions: Vec<String> = catalog.regions.iter().map(|one| one.id.clone()).collect();
            let offers = catalog.offers(Some(&plan), Some(&regions.join(",")));
            let offers = offers.expect("several").into_iter();
            offers
                .map(|offer| (offer.plan.id.clone(), offer.region.id.clone()))
                .collect::<Vec<_>>()
        };
        let [(plan, first), (_, second), ..] = &offers[..] else {
            panic!(
                "{} offers its first plan in one region only",
                provider.name()
            );
        };
        let sim = CloudSim::builder(provider)
            .time_scale(1000.0)
            .seeded(|seed| seed.capacity = vec![Shortage::of(plan, first)])
            .start()
            .await
            .expect("started");
        let settings = nobody_answers().keep_failed(true).build().expect("fit");
        let engine = Engine::over(client(provider, &sim), settings);
        let spec = HostSpec::builder("list")
            .plan(plan)
            .region(format!("{first},{second}"));
        let spec = spec.build().expect("legal");
        let error = engine
            .provider
            .create_host(spec)
            .await
            .expect_err("nobody answers");
        assert_eq!(
            error.kind(),
            ErrorKind::Timeout,
            "{}: {error}",
            provider.name()
        );
        let made = in_use(&sim);
        assert_eq!(made.len(), 1, "{}", provider.name());
        assert_eq!(&made[0].region, second, "{}", provider.name());
        assert_eq!(sim.requests().by_op[Op::CreateInstance.name()], 2);

        // Nowhere at all: said with what was tried, and how to name more.
        let spec = HostSpec::builder("nowhere").plan(plan).region(first);
        let error = engine.provider.create_host(spec.build().expect("legal"));
        let error = error.await.expect_err("no machine");
        assert_eq!(
            error.kind(),
            ErrorKind::Capacity,
            "{}: {error}",
            provider.name()
        );
        assert!(error.to_string().contains("separated by commas"), "{error}");
        assert_eq!(in_use(&sim).len(), 1);
        sim.assert_valid();
    }
}

/// An order that a person has to see to is said at once and not waited for; it is not taken back by itself, for it
/// is paid for.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_a_person_is_reported() {
    let sim = CloudSim::builder(Provider::Contabo)
        .time_scale(1000.0)
        .seeded(|seed| {
            // Of any plan, in any region.
            seed.capacity = vec![Shortage {
                plan: None,
                region: None,
                left: 0,
            }];
        })
        .start()
        .await
        .expect("started");
    let settings = nobody_answers().build().expect("fit");
    let engine = Engine::over(client(Provider::Contabo, &sim), settings);
    let spec = HostSpec::builder("waits").build().expect("legal");
    let error = engine
        .provider
        .create_host(spec)
        .await
        .expect_err("it waits");
    assert_eq!(error.kind(), ErrorKind::Payment, "{error}");
    assert!(error.to_string().contains("waits for a person"), "{error}");
    assert_eq!(sim.requests().by_op[Op::CreateInstance.name()], 1);
    sim.assert_valid();
}
