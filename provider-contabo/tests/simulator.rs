//! The provider against a simulator of the API, which was written from its document and not from this
//! crate: the rules that every client keeps, and what Contabo has of its own.

use std::sync::Arc;
use std::time::Duration;

use provider_contabo::{ContaboConfig, ContaboProvider};
use tokio::time::Instant;
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::model::{
    BootImage, Cidr, DestroyOutcome, FirewallRules, Instance, InstanceId, InstanceSpec,
    InstanceState, PowerAction, Tags, Timestamp,
};
use vps_docker_core::{ErrorKind, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{
    CloudSim, Credentials, Fault, FaultKind, Hold, InstanceState as Simulated, Op, Provider, Seed,
    Shortage,
};
use vps_docker_testkit::conformance::Subject;

/// How much faster than real time the simulated account lives, and how much of the rate is used.
const HASTE: f64 = 1000.0;
const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for two calls in a half of it, on a machine that is busy.
const SETTLE_TIME: Duration = Duration::from_millis(800);
const RELEASED: &str = "vps-docker-released";
const TOKENS: &str = "/auth/realms/contabo/protocol/openid-connect/token";

mod conformance {
    vps_docker_testkit::conformance_tests!(super::subject().await);
}

async fn subject() -> Subject {
    let account = Account::open().await;
    let own = account.sim.credentials().clone();
    let mut wrong = own.clone();
    wrong.password = "well-formed-and-wrong".into();
    let wrong = provider(config(&account.sim, &wrong).allow_order(true));
    Subject::builder(Arc::new(account.provider.clone()))
        .wrong_credentials(Arc::new(wrong))
        .secret(own.client_secret)
        .secret(own.password)
        // More than the hundred of a page.
        .many(105)
        .deadline(PATIENCE)
        .keeping(account)
        .build()
}

/// A simulated account. Dropped, it sees that all that was asked fitted the API's document, and that
/// every machine is released and empty.
struct Account {
    sim: CloudSim,
    provider: ContaboProvider,
}

impl Account {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Seed)) -> Self {
        Self::set(change, |config| config.allow_order(true)).await
    }

    async fn set(
        change: impl FnOnce(&mut Seed),
        set: impl FnOnce(ContaboConfig) -> ContaboConfig,
    ) -> Self {
        if vps_docker_testkit::cloud_sim::api_specs_dir().is_none() {
            eprintln!("SKIPPED: validation, as there is no API document; set VPS_DOCKER_API_SPECS");
        }
        let sim = CloudSim::builder(Provider::Contabo)
            .time_scale(HASTE)
            .seeded(change)
            .start()
            .await
            .expect("a free port");
        let provider = provider(set(config(&sim, sim.credentials())));
        Self { sim, provider }
    }

    async fn spec(&self, name: &str) -> InstanceSpec {
        let catalog = self.provider.catalog().await.expect("told");
        InstanceSpec {
            name: name.into(),
            region: catalog.regions[0].id.clone(),
            plan: catalog.plans[0].id.clone(),
            image: BootImage::Catalog(catalog.images[0].id.clone()),
            user_data: format!("#cloud-config\n# marked-secret of {name}\n").into(),
            ssh_keys: Vec::new(),
            tags: Tags::from([("vps-docker".into(), String::new())]),
        }
    }

    /// Has one made and waits until it runs.
    async fn running(&self, name: &str) -> InstanceId {
        let spec = self.spec(name).await;
        let made = self.provider.create_instance(&spec).await.expect("made");
        self.until_it_runs(&made.id).await
    }

    async fn until_it_runs(&self, id: &InstanceId) -> InstanceId {
        let runs = |instance: &Instance| instance.state == InstanceState::Running;
        let deadline = Instant::now() + PATIENCE;
        let wait = self
            .provider
            .wait_for_instance(id, "it to run", deadline, &runs);
        wait.await.expect("it runs").id
    }

    async fn destroy(&self, id: &InstanceId) -> Timestamp {
        match self.provider.destroy_instance(id).await.expect("released") {
            DestroyOutcome::EndsAt(end) => end,
            other => panic!("a contract does not end at once: {other:?}"),
        }
    }

    fn machines(&self) -> Vec<Simulated> {
        self.sim.state().instances
    }

    /// What was asked so far of that method, by its path behind the prefix.
    fn asked(&self, method: &str) -> Vec<String> {
        let all = self.sim.requests().requests.into_iter();
        let own = all.filter(|request| request.method == method && request.path != TOKENS);
        own.map(|request| request.path.replace("/v1/compute", ""))
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
        for machine in state.own_instances() {
            assert!(
                machine.name.starts_with(RELEASED),
                "left in use: {machine:?}"
            );
            let held = machine.extra.contains_key("held");
            let user_data = machine.user_data.as_ref().map_or(0, |own| own.length);
            assert!(held || user_data == 0, "not wiped: {machine:?}");
        }
        assert!(state.snapshots.is_empty(), "{:?}", state.snapshots);
        let firewalls = state.others.get("firewall");
        assert!(firewalls.is_none(), "firewalls are left: {firewalls:?}");
    }
}

fn config(sim: &CloudSim, credentials: &Credentials) -> ContaboConfig {
    let mut retry = RetryPolicy::default();
    retry.first_pause = Duration::from_millis(5);
    retry.longest_pause = Duration::from_millis(50);
    let of = |text: &String| text.clone();
    ContaboConfig::new(
        of(&credentials.client_id),
        of(&credentials.client_secret),
        of(&credentials.user),
        of(&credentials.password),
    )
    .endpoint(sim.url())
    .token_url(format!("{}{TOKENS}", sim.origin()))
    .rate_limit_factor(HASTE)
    .settle_time(SETTLE_TIME)
    .retry(retry)
}

fn provider(config: ContaboConfig) -> ContaboProvider {
    ContaboProvider::new(config).expect("fit")
}

#[tokio::test]
async fn nothing_is_ordered_without_consent_and_a_released_machine_needs_none() {
    let account = &Account::set(|_| {}, |config| config).await;
    let spec = account.spec("web").await;
    let error = account.provider.create_instance(&spec).await;
    let error = error.expect_err("no consent");
    assert_eq!(
        (error.kind(), error.is_unclear()),
        (ErrorKind::Payment, false)
    );
    assert!(error.to_string().contains("--allow-order"), "{error}");
    assert_eq!(account.asked("POST"), [""; 0]);

    let other = config(&account.sim, account.sim.credentials()).allow_order(true);
    let ordered = provider(other)
        .create_instance(&spec)
        .await
        .expect("ordered");
    account.destroy(&ordered.id).await;
    let id = account.running("shop").await;
    account.destroy(&id).await;
    assert_eq!(account.machines().len(), 1);
    assert_eq!(account.asked("POST"), ["/instances"], "one contract");
}

#[tokio::test]
async fn the_next_host_of_a_machine_has_its_own_user_data_and_id() {
    let account = &Account::open().await;
    let first = account.running("web").await;
    account.destroy(&first).await;
    let released = &account.machines()[0];
    assert!(released.name.starts_with(RELEASED), "{released:?}");
    let second = account.running("shop").await;
    assert_ne!(second, first);
    let machine = &account.machines()[0];
    let length = machine.user_data.as_ref().map(|own| own.length);
    assert_eq!(
        length,
        Some("#cloud-config\n# marked-secret of shop\n".len())
    );
    assert_eq!(machine.extra["login"], "root");
    let gone = account.provider.instance(&first).await.expect_err("gone");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    // Whoever still knows the first one does no harm to the second.
    let outcome = account.provider.destroy_instance(&first).await;
    assert_eq!(outcome.expect("gone"), DestroyOutcome::Gone);
    account.until_it_runs(&second).await;
    account.destroy(&second).await;
    assert_eq!(account.sim.state().cost.contracts.len(), 1);
}

#[tokio::test]
async fn the_end_that_a_destroy_tells_is_that_of_the_contract() {
    let cancelling = |config: ContaboConfig| config.allow_order(true).cancel_on_destroy(true);
    for (account, cancelled) in [
        (Account::open().await, false),
        (Account::set(|_| {}, cancelling).await, true),
    ] {
        let id = account.running("web").await;
        let ends = account.destroy(&id).await;
        let contract = account.sim.state().cost.contracts[0].clone();
        assert_eq!(contract.cancelled, cancelled);
        assert!(
            ends.to_string().starts_with(&contract.ends),
            "{ends} {contract:?}"
        );
        assert_eq!(account.destroy(&id).await, ends, "once more");
        let cancels = account
            .asked("POST")
            .iter()
            .filter(|path| path.ends_with("/cancel"))
            .count();
        assert_eq!(cancels, usize::from(cancelled), "a second one is refused");
        if cancelled {
            let next = account.running("shop").await;
            assert_eq!(account.machines().len(), 2, "what ends is not reused");
            account.destroy(&next).await;
        }
    }
}

#[tokio::test]
async fn an_order_that_waits_for_a_person_is_told_as_such_and_can_be_given_up() {
    for hold in [
        Some(Hold::PendingPayment),
        Some(Hold::VerificationRequired),
        Some(Hold::ManualProvisioning),
        None,
    ] {
        let account = &Account::with(|seed| {
            seed.contabo.hold = hold;
            seed.capacity = vec![Shortage::of("V153", "EU")];
        })
        .await;
        let spec = account.spec("web").await;
        let made = account
            .provider
            .create_instance(&spec)
            .await
            .expect("taken");
        let seen = account.provider.instance(&made.id).await.expect("there");
        assert_eq!(seen.state, InstanceState::AwaitsPerson, "{seen:?}");
        assert!(
            seen.note
                .is_some_and(|note| note.contains("my.contabo.com"))
        );
        assert_eq!(seen.address, None);
        account.destroy(&made.id).await;
        assert_eq!(
            account.sim.state().cost.contracts.len(),
            1,
            "it is paid for still"
        );
    }
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_unclear_and_found_by_its_tags() {
    for kind in [FaultKind::Drop, FaultKind::Garbage] {
        let account = &Account::open().await;
        let spec = account.spec("web").await;
        let lost = Fault::new(Op::CreateInstance, kind).after_effect();
        account.sim.faults([lost.nth(1)]);
        let error = account.provider.create_instance(&spec).await;
        let error = error.expect_err("no answer to build upon");
        assert!(error.is_unclear(), "{error}");
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
        let found = account.provider.marked_instances().await.expect("listed");
        assert_eq!(found.len(), 1, "sent once");
        account.until_it_runs(&found[0].id).await;
        account.destroy(&found[0].id).await;
    }
}

#[tokio::test]
async fn a_reinstallation_whose_answer_is_lost_is_seen_to_have_begun() {
    // Slow enough to be seen.
    let account = &Account::with(|seed| seed.boot_ms = Some(1_000_000)).await;
    let first = account.running("web").await;
    account.destroy(&first).await;
    account.sim.settled().await;
    let lost = Fault::new(Op::CreateInstance, FaultKind::Drop).after_effect();
    account.sim.faults([lost.nth(1)]);
    let second = account.running("shop").await;
    assert_eq!(account.asked("POST"), ["/instances"], "one contract");
    assert_eq!(account.asked("PUT").len(), 2, "a wipe, and sent once more");
    account.destroy(&second).await;
}

#[tokio::test]
async fn what_belongs_to_a_machine_goes_before_it_is_released() {
    let account = &Account::open().await;
    let id = &account.running("web").await;
    let provider = &account.provider;
    let taken = provider.create_snapshot(id, "before").await;
    assert_eq!(taken.expect("taken").name, "before");
    account.sim.settled().await;
    let error = provider
        .create_snapshot(id, "once more")
        .await
        .expect_err("one is all");
    assert_eq!(error.kind(), ErrorKind::Quota, "{error}");
    let rules = FirewallRules::tcp([22, 2222], &Cidr::WORLD);
    for _once_and_again in 0..2 {
        provider.firewall(id, &rules).await.expect("set");
    }
    assert_eq!(account.sim.state().others["firewall"].len(), 1);
    for action in [PowerAction::Off, PowerAction::On, PowerAction::Reboot] {
        provider.power(id, action).await.expect("turned");
        account.sim.settled().await;
    }
    account.destroy(id).await;
}

#[tokio::test]
async fn tokens_that_end_are_obtained_anew() {
    let account = &Account::open().await;
    let obtained = || {
        let requests = account.sim.requests().requests.into_iter();
        requests.filter(|request| request.path == TOKENS).count()
    };
    // Each lasts a second here.
    while obtained() < 3 {
        account.provider.list_ssh_keys().await.expect("listed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        account.sim.requests().by_status.get(&401),
        None,
        "none was used beyond its end"
    );
}

#[tokio::test]
async fn machines_of_others_are_left_alone() {
    let account = &Account::with(|seed| seed.foreign_instances = 3).await;
    let foreign = InstanceId::new(account.machines()[0].id.clone());
    let error = account.provider.destroy_instance(&foreign).await;
    let error = error.expect_err("not ours");
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    let id = account.running("web").await;
    account.destroy(&id).await;
    assert_eq!(account.asked("PUT").len(), 1, "only ours was wiped");
    assert_eq!(account.machines().len(), 4);
}
