//! The provider against a simulator of the API, which was written from its documents and not from this
//! crate: the rules that every client keeps, and what DigitalOcean has of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use provider_digitalocean::{DigitalOceanConfig, DigitalOceanProvider};
use serde_json::{Value, json};
use tokio::time::Instant;
use vps_docker_core::http::{ApiClient, Auth, RetryPolicy};
use vps_docker_core::model::{
    BootImage, Cidr, FirewallRules, HostId, HostName, HostTags, Instance, InstanceFilter,
    InstanceId, InstanceSpec, InstanceState, OwnerId, PowerAction, SshKeyId, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Op, Provider, Seed, Shortage};
use vps_docker_testkit::conformance::Subject;

/// How much faster than real time the simulated account lives, and how much of its rate is used.
const HASTE: f64 = 1000.0;
const PATIENCE: Duration = Duration::from_secs(60);

mod conformance {
    vps_docker_testkit::conformance_tests!(super::subject().await);
}

async fn subject() -> Subject {
    let account = Account::open().await;
    let token = account.sim.token().to_owned();
    let wrong = account.client(|config| config, &token.replace("sim", "mis"));
    Subject::builder(Arc::new(account.provider.clone()))
        .wrong_credentials(Arc::new(wrong))
        .secret(token)
        // More than the two hundred of a page.
        .many(210)
        .deadline(PATIENCE)
        .keeping(account)
        .build()
}

/// A simulated account. Dropped, it sees that all that was asked fitted the API's document, and that nothing
/// was left: neither what costs nor what only lies about.
struct Account {
    sim: CloudSim,
    provider: DigitalOceanProvider,
}

impl Account {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Seed)) -> Self {
        if vps_docker_testkit::cloud_sim::api_specs_dir().is_none() {
            eprintln!("SKIPPED: validation, as there is no API document; set VPS_DOCKER_API_SPECS");
        }
        let sim = CloudSim::builder(Provider::DigitalOcean)
            .time_scale(HASTE)
            .seeded(change)
            .start()
            .await
            .expect("a free port");
        let config = config(&sim, sim.token());
        let provider = DigitalOceanProvider::new(config).expect("fit");
        Self { sim, provider }
    }

    /// Another client of the account.
    fn client(
        &self,
        change: impl FnOnce(DigitalOceanConfig) -> DigitalOceanConfig,
        token: &str,
    ) -> DigitalOceanProvider {
        DigitalOceanProvider::new(change(config(&self.sim, token))).expect("fit")
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

    /// Orders one and waits until it runs.
    async fn running(&self, spec: &InstanceSpec) -> Instance {
        let ordered = self.provider.create_instance(spec).await.expect("ordered");
        let runs = |instance: &Instance| instance.state == InstanceState::Running;
        let deadline = Instant::now() + PATIENCE;
        let wait = self
            .provider
            .wait_for_instance(&ordered.id, "it to run", deadline, &runs);
        wait.await.expect("it runs")
    }

    async fn destroy(&self, id: &InstanceId) {
        let destroyed = self.provider.destroy_instance(id).await;
        destroyed.expect("gone");
    }

    fn others(&self, kind: &str) -> Vec<Value> {
        let others = self.sim.state().others;
        others.get(kind).cloned().unwrap_or_default()
    }

    /// The names of the account's tags, sorted.
    fn tags(&self) -> Vec<String> {
        let tags = self.others("tag").into_iter();
        let mut names: Vec<String> = tags
            .map(|tag| tag["name"].as_str().expect("a name").to_owned())
            .collect();
        names.sort();
        names
    }

    /// What is asked in the meantime, as `METHOD /path`, sorted: some is asked at once.
    async fn asked(&self, act: impl AsyncFnOnce()) -> Vec<String> {
        let before = self.sim.requests().total;
        act().await;
        let new = self.sim.requests().requests.into_iter();
        let new = new.filter(|request| request.number > before);
        let mut asked: Vec<String> = new
            .map(|request| format!("{} {}", request.method, request.path.replace("/v2", "")))
            .collect();
        asked.sort();
        asked
    }

    /// What somebody does in the control panel.
    fn panel(&self) -> ApiClient {
        ApiClient::builder("panel", self.sim.url())
            .auth(Auth::bearer(self.sim.token().into()))
            .build()
            .expect("fit")
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
        assert!(left.is_empty(), "droplets are left: {left:?}");
        assert!(state.snapshots.is_empty(), "{:?}", state.snapshots);
        let firewalls = self.others("firewall");
        assert!(firewalls.is_empty(), "firewalls are left: {firewalls:?}");
        let tags = self.tags();
        let of_one_host = ["host:", "name:", "expires:", "pin:"];
        let is_left = |tag: &&String| {
            let ours = tag.strip_prefix("vps-docker-");
            ours.is_some_and(|rest| of_one_host.iter().any(|key| rest.starts_with(key)))
        };
        let left: Vec<_> = tags.iter().filter(is_left).collect();
        assert!(left.is_empty(), "tags are left: {left:?}");
    }
}

fn config(sim: &CloudSim, token: &str) -> DigitalOceanConfig {
    let mut retry = RetryPolicy::default();
    retry.first_pause = Duration::from_millis(5);
    retry.longest_pause = Duration::from_millis(50);
    DigitalOceanConfig::new(token)
        .endpoint(sim.url())
        .rate_limit_factor(HASTE)
        .retry(retry)
}

/// The tags of a host that is ready, and of one that is being made.
fn host_tags(name: &str) -> (Tags, Tags) {
    let host_name = HostName::new(name).expect("legal");
    let lifetime = Duration::from_secs(600);
    let mut tags = HostTags::unfinished(HostId::random(), host_name, OwnerId::random(), lifetime);
    tags.pin = Some(name.repeat(52)[..52].to_owned());
    let unfinished = tags.to_tags();
    tags.expires = None;
    (tags.to_tags(), unfinished)
}

#[tokio::test]
async fn calls_are_as_few_as_the_manual_says() {
    let account = &Account::open().await;
    let provider = &account.provider;
    let mut spec = account.spec("web").await;
    let (ready, unfinished) = host_tags("web");
    spec.tags = unfinished;
    let catalog = async || drop(provider.catalog().await.expect("told"));
    assert_eq!(
        account.asked(catalog).await,
        ["GET /images", "GET /regions", "GET /sizes"]
    );
    let create = async || {
        let ordered = provider.create_instance(&spec).await.expect("ordered");
        assert_eq!(ordered.state, InstanceState::Provisioning);
        assert_eq!((ordered.address, &ordered.tags), (None, &spec.tags));
    };
    assert_eq!(account.asked(create).await, ["POST /droplets"]);
    account.sim.settled().await;
    let id = &InstanceId::new(&account.sim.state().instances[0].id);
    let droplet = format!("/droplets/{id}");
    let look = async || drop(provider.instance(id).await.expect("it runs"));
    assert_eq!(account.asked(look).await, [format!("GET {droplet}")]);
    let all = InstanceFilter::default();
    let list = async || drop(provider.list_instances(&all).await.expect("listed"));
    assert_eq!(account.asked(list).await, ["GET /droplets"]);
    let stands_right = async || provider.power(id, PowerAction::On).await.expect("it is on");
    assert_eq!(
        account.asked(stands_right).await,
        [format!("GET {droplet}")]
    );
    let finish = async || provider.set_tags(id, &ready).await.expect("tagged");
    assert_eq!(account.asked(finish).await.len(), 3);
    let destroy = async || account.destroy(id).await;
    assert_eq!(account.asked(destroy).await.len(), 8);
    let again = async || account.destroy(id).await;
    assert_eq!(account.asked(again).await.len(), 3);
}

#[tokio::test]
async fn the_address_is_the_public_one_wherever_it_stands() {
    let account = &Account::open().await;
    let instance = account.running(&account.spec("web").await).await;
    let Some(IpAddr::V4(address)) = instance.address else {
        panic!("it runs without an address: {instance:?}");
    };
    assert_eq!(Some(address), account.sim.state().instances[0].address);
    account.destroy(&instance.id).await;
}

#[tokio::test]
async fn tags_of_a_host_leave_the_account_with_it_and_those_of_others_stay() {
    let account = &Account::open().await;
    let mut specs = Vec::new();
    for name in ["one", "two"] {
        let mut spec = account.spec(name).await;
        spec.tags = host_tags(name).0;
        specs.push(spec);
    }
    let one = account.running(&specs[0]).await;
    let two = account.running(&specs[1]).await;
    assert!(account.tags().contains(&"vps-docker-name:one".to_owned()));
    account.destroy(&one.id).await;
    let left = account.tags();
    assert!(
        !left.contains(&"vps-docker-name:one".to_owned()),
        "{left:?}"
    );
    let still = account.provider.instance(&two.id).await.expect("there");
    assert_eq!(still.tags, specs[1].tags);
    account.destroy(&two.id).await;
    assert!(
        account.tags().contains(&"vps-docker".to_owned()),
        "everybody's"
    );
}

#[tokio::test]
async fn a_tag_that_somebody_spelt_otherwise_is_put_on_as_they_spell_it() {
    let account = &Account::open().await;
    let made = account.panel().post("by hand", ["tags"]);
    let made = made.body(&json!({ "name": "Team:Blue" })).done().await;
    made.expect("made");
    let instance = account.running(&account.spec("web").await).await;
    let mut wanted = instance.tags.clone();
    wanted.insert("team".into(), "blue".into());
    for _once_and_again in 0..2 {
        let set = account.provider.set_tags(&instance.id, &wanted).await;
        set.expect("tagged");
        let state = account.sim.state();
        let tags: Vec<_> = state.instances[0].tags.iter().collect();
        assert_eq!(tags, ["Team:Blue", "vps-docker"]);
    }
    account.destroy(&instance.id).await;
}

#[tokio::test]
async fn a_droplet_joins_the_project_that_is_named() {
    let account = &Account::open().await;
    let made = account.panel().post("by hand", ["projects"]);
    let body = json!({ "name": "hosts", "purpose": "IoT", "environment": "Development" });
    made.body(&body).done().await.expect("made");
    let token = account.sim.token();
    let nowhere = account.client(|config| config.project("host"), token);
    let spec = account.spec("web").await;
    let error = nowhere.create_instance(&spec).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("did you mean hosts?"), "{error}");
    assert_eq!(account.sim.state().instances.len(), 0);
    let client = account.client(|config| config.project("hosts"), token);
    let ordered = client.create_instance(&spec).await.expect("ordered");
    let projects: Value = account
        .panel()
        .get("by hand", ["projects"])
        .json()
        .await
        .expect("listed");
    let projects = projects["projects"].as_array().expect("a list");
    let own = projects.iter().find(|own| own["name"] == "hosts");
    let id = own.expect("there")["id"].as_str().expect("a UUID");
    let resources: Value = account
        .panel()
        .get("by hand", ["projects", id, "resources"])
        .json()
        .await
        .expect("listed");
    let urn = format!("do:droplet:{}", ordered.id);
    assert_eq!(resources["resources"][0]["urn"], urn);
    account.destroy(&ordered.id).await;
}

#[tokio::test]
async fn an_order_that_is_refused_is_clear_and_one_whose_answer_is_lost_is_not() {
    let account = &Account::with(|seed| {
        seed.quota = Some(2);
        seed.capacity = vec![Shortage::of("s-1vcpu-1gb", "ams3")];
    })
    .await;
    let limits = account.provider.limits().await.expect("told");
    assert_eq!(limits.instances, Some(2));
    let mut spec = account.spec("web").await;
    let mut short = spec.clone();
    (short.plan, short.region) = ("s-1vcpu-1gb".into(), "ams3".into());
    let mut closed = spec.clone();
    closed.region = "sfo1".into();
    let mut keyless = spec.clone();
    keyless.ssh_keys = vec![SshKeyId::new("17")];
    let lost = |kind| Fault::new(Op::CreateInstance, kind).after_effect();
    for (name, spec, fault, kind, unclear) in [
        ("short", &short, None, ErrorKind::Capacity, false),
        ("closed", &closed, None, ErrorKind::Capacity, false),
        ("keyless", &keyless, None, ErrorKind::Invalid, false),
        (
            "garbled",
            &spec,
            Some(lost(FaultKind::Garbage)),
            ErrorKind::Provider,
            true,
        ),
        (
            "cut",
            &spec,
            Some(lost(FaultKind::Drop)),
            ErrorKind::Unreachable,
            true,
        ),
        ("third", &spec, None, ErrorKind::Quota, false),
    ] {
        account.sim.faults(fault);
        let error = account.provider.create_instance(spec).await;
        let error = error.expect_err("no answer to build upon");
        let seen = (error.kind(), error.is_unclear());
        assert_eq!(seen, (kind, unclear), "{name}: {error}");
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
    }
    spec.name = "other".into();
    let marked = account.provider.marked_instances().await.expect("listed");
    assert_eq!(marked.len(), 2, "those whose answer was lost are found");
    for one in marked {
        account.destroy(&one.id).await;
    }
}

#[tokio::test]
async fn a_droplet_is_destroyed_while_it_is_new() {
    let account = &Account::with(|seed| seed.boot_ms = Some(600_000_000)).await;
    let mut spec = account.spec("web").await;
    spec.tags = host_tags("web").1;
    let ordered = account
        .provider
        .create_instance(&spec)
        .await
        .expect("ordered");
    account.destroy(&ordered.id).await;
    let error = account.provider.instance(&ordered.id).await;
    assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_pending_event_is_waited_for_and_passing_faults_are_asked_over() {
    let account = &Account::open().await;
    let id = &account.running(&account.spec("web").await).await.id;
    // A snapshot keeps everything else away for a while.
    let path = ["droplets", id.as_str(), "actions"];
    let snapshot = json!({ "type": "snapshot", "name": "by hand" });
    let begun = account.panel().post("by hand", path).body(&snapshot);
    begun.done().await.expect("begun");
    // The first look is at the switch; the others are those of the wait.
    account.sim.faults([
        Fault::new(Op::GetInstance, FaultKind::Garbage).nth(2),
        Fault::new(Op::GetInstance, FaultKind::Drop).nth(3),
    ]);
    let off = account.provider.power(id, PowerAction::Off).await;
    off.expect("off");
    assert_eq!(account.sim.state().instances[0].state, "off");
    account
        .provider
        .rename_instance(id, "shop")
        .await
        .expect("renamed");
    assert_eq!(account.sim.state().instances[0].name, "shop");
    for snapshot in account.provider.list_snapshots().await.expect("listed") {
        assert_eq!(snapshot.instance_id.as_ref(), Some(id));
        let deleted = account.provider.delete_snapshot(&snapshot.id).await;
        deleted.expect("deleted");
    }
    account.destroy(id).await;
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_of_it() {
    let account = &Account::open().await;
    let reader = &account.sim.credentials().read_only_token;
    let reader = account.client(|config| config, reader);
    let spec = account.spec("web").await;
    let error = reader.create_instance(&spec).await.expect_err("no scope");
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.to_string().contains("scopes"), "{error}");
    let all = InstanceFilter::default();
    let listed = reader.list_instances(&all).await.expect("it may read");
    assert!(listed.is_empty(), "{listed:?}");
}

#[tokio::test]
async fn a_firewall_is_changed_in_place_and_goes_with_its_droplet() {
    let account = &Account::open().await;
    let id = &account.running(&account.spec("web").await).await.id;
    let mut made = None;
    for port in [22, 2222] {
        let rules = FirewallRules::tcp([port], &Cidr::WORLD);
        account
            .provider
            .firewall(id, &rules)
            .await
            .expect("in force");
        let [firewall] = &account.others("firewall")[..] else {
            panic!("one for each droplet: {:?}", account.others("firewall"));
        };
        assert_eq!(firewall["inbound_rules"][0]["ports"], port.to_string());
        assert_eq!(firewall["droplet_ids"][0].to_string(), id.as_str());
        let same = made.get_or_insert_with(|| firewall["id"].clone());
        assert_eq!(*same, firewall["id"]);
    }
    account.destroy(id).await;
    assert_eq!(account.others("firewall"), [Value::Null; 0]);
}

#[tokio::test]
async fn a_key_whose_upload_is_answered_late_is_found() {
    let account = &Account::open().await;
    let lost = Fault::status(Op::CreateKey, 500).nth(1).after_effect();
    account.sim.faults([lost]);
    let first = account.provider.ensure_ssh_key("mine", KEY).await;
    let first = first.expect("there by now");
    let again = account.provider.ensure_ssh_key("other", KEY).await;
    assert_eq!(again.expect("known"), first);
    assert_eq!(account.sim.state().keys.len(), 1);
}

#[tokio::test]
async fn when_keys_may_not_be_listed_for_a_while_all_else_goes_on() {
    let sim = CloudSim::builder(Provider::DigitalOcean).start().await;
    let sim = sim.expect("a free port");
    let mut config = config(&sim, sim.token());
    let mut retry = RetryPolicy::default();
    retry.first_pause = Duration::from_millis(5);
    retry.longest_pause = Duration::from_millis(50);
    retry.total_timeout = Duration::from_millis(200);
    config = config.retry(retry);
    let provider = DigitalOceanProvider::new(config).expect("fit");
    for _ in 0..10 {
        assert_eq!(provider.list_ssh_keys().await.expect("listed"), []);
    }
    // The answer says nothing of when again, only that the oldest request is forgotten in an hour.
    let error = provider.list_ssh_keys().await.expect_err("too often");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let all = InstanceFilter::default();
    let listed = provider.list_instances(&all).await.expect("listed");
    assert!(listed.is_empty(), "{listed:?}");
    let error = provider.list_ssh_keys().await.expect_err("still too often");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    sim.assert_valid();
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBFWwSjKHbOVpla+hVEyvE5a9si09gjCcr3IeFMopl4";
