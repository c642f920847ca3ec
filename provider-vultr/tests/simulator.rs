//! The provider against a simulator of the API, which was written from its document and not from this
//! crate: the rules that every client keeps, and what Vultr has of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use provider_vultr::{VultrConfig, VultrProvider};
use serde_json::Value;
use tokio::time::Instant;
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::model::{
    BootImage, Cidr, DestroyOutcome, FirewallRules, Instance, InstanceFilter, InstanceId,
    InstanceSpec, InstanceState, PowerAction, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Op, Provider, Seed, Shortage};
use vps_docker_testkit::conformance::Subject;

/// How much faster than real time the simulated account lives, and how much of its rate is used.
const HASTE: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(60);
mod conformance {
    vps_docker_testkit::conformance_tests!(super::subject().await);
}

async fn subject() -> Subject {
    let account = Account::open().await;
    let token = account.sim.token().to_owned();
    let wrong = client(&account.sim, &token.replace("sim", "mis"));
    Subject::builder(Arc::new(account.provider.clone()))
        .wrong_credentials(Arc::new(wrong))
        .secret(token)
        // More than the five hundred of a page.
        .many(505)
        .deadline(PATIENCE)
        .keeping(account)
        .build()
}

/// A simulated account. Dropped, it sees that all that was asked fitted the API's document, and that
/// nothing was left that costs.
struct Account {
    sim: CloudSim,
    provider: VultrProvider,
}

impl Account {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Seed)) -> Self {
        if vps_docker_testkit::cloud_sim::api_specs_dir().is_none() {
            eprintln!("SKIPPED: validation, as there is no API document; set VPS_DOCKER_API_SPECS");
        }
        let sim = CloudSim::builder(Provider::Vultr)
            .time_scale(HASTE)
            .seeded(change)
            .start()
            .await
            .expect("a free port");
        let provider = client(&sim, sim.token());
        Self { sim, provider }
    }

    async fn spec(&self, name: &str) -> InstanceSpec {
        let catalog = self.provider.catalog().await.expect("told");
        InstanceSpec {
            name: name.into(),
            region: catalog.regions[0].id.clone(),
            plan: catalog.plans[0].id.clone(),
            image: BootImage::Catalog(catalog.images[0].id.clone()),
            user_data: "#cloud-config marked-secret\n".into(),
            ssh_keys: Vec::new(),
            tags: Tags::from([("vps-docker".into(), String::new())]),
        }
    }

    async fn ordered(&self, name: &str) -> InstanceId {
        let spec = self.spec(name).await;
        self.provider
            .create_instance(&spec)
            .await
            .expect("ordered")
            .id
    }

    async fn wait_until_it_runs(&self, id: &InstanceId) -> Instance {
        let runs = |instance: &Instance| {
            instance.state == InstanceState::Running && instance.address.is_some()
        };
        let deadline = Instant::now() + PATIENCE;
        let wait = self
            .provider
            .wait_for_instance(id, "it to run", deadline, &runs);
        wait.await.expect("it runs")
    }

    /// Orders one and waits until it runs.
    async fn running(&self, name: &str) -> InstanceId {
        let id = self.ordered(name).await;
        self.wait_until_it_runs(&id).await.id
    }

    async fn destroy(&self, id: &InstanceId) {
        let destroyed = self.provider.destroy_instance(id).await;
        assert_eq!(destroyed.expect("gone"), DestroyOutcome::Gone);
    }

    fn names(&self) -> Vec<String> {
        let instances = self.sim.state().instances.into_iter();
        instances.map(|instance| instance.name).collect()
    }

    fn firewalls(&self) -> Vec<Value> {
        let others = self.sim.state().others;
        others.get("firewall group").cloned().unwrap_or_default()
    }

    /// What is asked in the meantime, as `METHOD /path`.
    async fn asked(&self, act: impl AsyncFnOnce()) -> Vec<String> {
        let before = self.sim.requests().total;
        act().await;
        let new = self.sim.requests().requests.into_iter();
        new.filter(|request| request.number > before)
            .map(|request| format!("{} {}", request.method, request.path.replace("/v2", "")))
            .collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.sim.assert_valid();
        let state = self.sim.state();
        let left: Vec<_> = state.own_instances().collect();
        assert!(left.is_empty(), "instances are left: {left:?}");
        assert!(state.snapshots.is_empty(), "{:?}", state.snapshots);
        assert!(state.others.is_empty(), "{:?}", state.others);
    }
}

fn client(sim: &CloudSim, token: &str) -> VultrProvider {
    let mut retry = RetryPolicy::default();
    retry.first_pause = Duration::from_millis(5);
    retry.longest_pause = Duration::from_millis(50);
    let config = VultrConfig::new(token)
        .endpoint(sim.url())
        .rate_limit_factor(HASTE)
        .retry(retry);
    VultrProvider::new(config).expect("fit")
}

#[tokio::test]
async fn calls_are_as_few_as_the_manual_says() {
    let account = &Account::open().await;
    let provider = &account.provider;
    let spec = &account.spec("web").await;
    let mut catalog = account
        .asked(async || drop(provider.catalog().await.expect("told")))
        .await;
    catalog.sort();
    assert_eq!(catalog, ["GET /os", "GET /plans", "GET /regions"]);
    let create = async || {
        let ordered = provider.create_instance(spec).await.expect("ordered");
        assert_eq!(ordered.state, InstanceState::Provisioning);
        assert_eq!(ordered.address, None, "0.0.0.0 is none");
    };
    assert_eq!(account.asked(create).await, ["POST /instances"]);
    let all = InstanceFilter::default();
    let list = async || drop(provider.list_instances(&all).await.expect("listed"));
    assert_eq!(account.asked(list).await, ["GET /instances"]);
    let id = &InstanceId::new(&account.sim.state().instances[0].id);
    account.wait_until_it_runs(id).await;
    let path = format!("/instances/{id}");
    let stands_right = async || provider.power(id, PowerAction::On).await.expect("it is on");
    assert_eq!(account.asked(stands_right).await, [format!("GET {path}")]);
    account.destroy(id).await;
    let again = async || account.destroy(id).await;
    let calls = [format!("DELETE {path}"), "GET /firewalls".to_owned()];
    assert_eq!(account.asked(again).await, calls);
}

#[tokio::test]
async fn what_installs_is_destroyed_as_soon_as_vultr_lets_go_of_it() {
    let account = &Account::open().await;
    let id = &account.ordered("web").await;
    account.destroy(id).await;
    assert_eq!(account.names(), [""; 0]);
    let refused = account.sim.requests().by_status[&500];
    assert!(refused > 0, "it was locked at first");
}

#[tokio::test]
async fn what_vultr_does_not_know_yet_is_not_taken_for_destroyed() {
    let account = &Account::open().await;
    let id = &account.ordered("web").await;
    let unknown = |nth| Fault::status(Op::DeleteInstance, 404).nth(nth);
    account.sim.faults([unknown(1), unknown(2)]);
    account.destroy(id).await;
    assert_eq!(account.names(), [""; 0]);
}

#[tokio::test]
async fn one_that_is_never_ok_runs_all_the_same() {
    let account = &Account::with(|seed| seed.vultr.never_ok = true).await;
    let id = &account.running("web").await;
    account
        .provider
        .power(id, PowerAction::Off)
        .await
        .expect("off");
    let seen = account.provider.instance(id).await.expect("there");
    assert_eq!(seen.state, InstanceState::Stopped);
    account.destroy(id).await;
}

#[tokio::test]
async fn what_is_gone_is_gone_however_vultr_says_so() {
    for told_by_400 in [false, true] {
        let account = &Account::with(|seed| seed.vultr.gone_is_400 = told_by_400).await;
        let id = &account.running("web").await;
        account.destroy(id).await;
        account.destroy(id).await;
        let error = account.provider.instance(id).await.expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let error = account.provider.power(id, PowerAction::On).await;
        assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_told_to_be_perhaps_that() {
    let elsewhere: IpAddr = [192, 0, 2, 1].into();
    let account = &Account::with(|seed| seed.vultr.allow_list = Some(vec![elsewhere])).await;
    account.provider.catalog().await.expect("for everybody");
    let all = InstanceFilter::default();
    let error = account
        .provider
        .list_instances(&all)
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth);
    for hint in ["127.0.0.1", "Access Control", "VULTR_API_KEY"] {
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn an_order_that_is_refused_is_clear_and_one_whose_answer_is_lost_is_not() {
    let account = &Account::with(|seed| {
        seed.quota = Some(2);
        seed.capacity = vec![Shortage::of("vc2-2c-4gb", "fra")];
    })
    .await;
    let first = account.running("first").await;
    let spec = account.spec("web").await;
    let of = |plan: &str, region: &str| {
        let mut spec = spec.clone();
        (spec.plan, spec.region) = (plan.to_owned(), region.to_owned());
        spec
    };
    let (short, unsold) = (of("vc2-2c-4gb", "fra"), of("vhf-1c-1gb", "fra"));
    let lost = Fault::new(Op::CreateInstance, FaultKind::Garbage).after_effect();
    for (spec, fault, kind, unclear) in [
        (&short, None, ErrorKind::Capacity, false),
        (&unsold, None, ErrorKind::Invalid, false),
        (&spec, Some(lost), ErrorKind::Provider, true),
        (&spec, None, ErrorKind::Quota, false),
    ] {
        account.sim.faults(fault);
        let error = account.provider.create_instance(spec).await;
        let error = error.expect_err("no answer to build upon");
        let seen = (error.kind(), error.is_unclear());
        assert_eq!(seen, (kind, unclear), "{error}");
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
    }
    let marked = account.provider.marked_instances().await.expect("listed");
    assert_eq!(account.names(), ["first", "web"]);
    for id in [first].iter().chain(marked.iter().map(|one| &one.id)) {
        account.destroy(id).await;
    }
}

#[tokio::test]
async fn what_passes_while_something_is_awaited_is_asked_over() {
    let account = &Account::open().await;
    let id = &account.running("web").await;
    let locked = "one is at work on it";
    let faults = [
        Fault::new(Op::ListInstances, FaultKind::Garbage).nth(1),
        Fault::new(Op::ListInstances, FaultKind::Drop).nth(2),
    ];
    account.sim.faults(faults);
    account
        .provider
        .power(id, PowerAction::Off)
        .await
        .expect(locked);
    assert_eq!(account.sim.state().instances[0].state, "off");
    account
        .provider
        .power(id, PowerAction::Reboot)
        .await
        .expect("on");
    assert_eq!(account.sim.state().instances[0].state, "running");
    account.destroy(id).await;
}

#[tokio::test]
async fn an_instance_is_made_of_a_snapshot_although_its_power_is_untold() {
    let account = &Account::open().await;
    let id = &account.running("web").await;
    let snapshot = account
        .provider
        .create_snapshot(id, "nightly")
        .await
        .expect("whole");
    assert!(snapshot.size_bytes.is_some_and(|size| size > 0));
    account.destroy(id).await;
    let mut spec = account.spec("web").await;
    spec.image = BootImage::Snapshot(snapshot.id.clone());
    let ordered = account
        .provider
        .create_instance(&spec)
        .await
        .expect("ordered");
    assert_eq!(ordered.state, InstanceState::Provisioning);
    account.wait_until_it_runs(&ordered.id).await;
    account.destroy(&ordered.id).await;
    account
        .provider
        .delete_snapshot(&snapshot.id)
        .await
        .expect("deleted");
}

#[tokio::test]
async fn a_firewall_is_made_once_changed_in_place_and_goes_with_its_instance() {
    let account = &Account::open().await;
    let id = &account.running("web").await;
    let mut made = None;
    for port in [22, 2222] {
        let rules = FirewallRules::tcp([port], &Cidr::WORLD);
        account
            .provider
            .firewall(id, &rules)
            .await
            .expect("in effect");
        let [group] = &account.firewalls()[..] else {
            panic!("one for each instance: {:?}", account.firewalls());
        };
        assert_eq!(
            group["rules"].as_array().map(Vec::len),
            Some(2),
            "one a family"
        );
        assert_eq!(group["rules"][0]["port"], port.to_string());
        assert_eq!(group["instances"].as_array().map(Vec::len), Some(1));
        let same = made.get_or_insert_with(|| group["id"].clone());
        assert_eq!(*same, group["id"]);
    }
    account.destroy(id).await;
    assert_eq!(account.firewalls(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_key_whose_upload_is_answered_badly_is_there_once() {
    let account = &Account::open().await;
    let lost = Fault::status(Op::CreateKey, 500).nth(1).after_effect();
    account.sim.faults([lost]);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBFWwSjKHbOVpla+hVEyvE5a9si09gjCcr3IeFMopl4";
    let ensure = || account.provider.ensure_ssh_key("mine", key);
    let ids = try_join_all((0..20).map(|_| ensure()))
        .await
        .expect("known");
    assert_eq!(account.sim.state().keys.len(), 1, "Vultr would keep twenty");
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn many_are_made_and_gone_side_by_side() {
    let account = &Account::open().await;
    let spec = &account.spec("web").await;
    let one = async || {
        let ordered = account
            .provider
            .create_instance(spec)
            .await
            .expect("ordered");
        account.wait_until_it_runs(&ordered.id).await;
        account.destroy(&ordered.id).await;
    };
    join_all((0..100).map(|_| one())).await;
    let requests = account.sim.requests();
    assert_eq!(requests.by_status[&202], 100, "no order is sent twice");
    assert_eq!(account.names(), [""; 0]);
}

#[tokio::test]
async fn an_instance_that_is_shown_and_listed_late_is_waited_for() {
    let account = &Account::with(|seed| {
        seed.vultr.show_delay_ms = 5_000;
        seed.listing_delay_ms = 10_000;
    })
    .await;
    let id = &account.running("web").await;
    account.destroy(id).await;
}
