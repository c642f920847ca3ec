//! The provider against a simulator of the API, which was written from its documents and not from this
//! crate: the rules that every client keeps, and what Hetzner has of its own.

use std::sync::Arc;
use std::time::Duration;

use provider_hetzner::{HetznerConfig, HetznerProvider};
use serde_json::{Value, json};
use tokio::time::Instant;
use vps_docker_core::http::{ApiClient, Auth, RetryPolicy};
use vps_docker_core::model::{
    BootImage, Cidr, DestroyOutcome, FirewallRules, Instance, InstanceFilter, InstanceId,
    InstanceSpec, InstanceState, PowerAction, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Op, Provider, Seed, Shortage};
use vps_docker_testkit::conformance::Subject;

/// How much faster than real time the simulated project lives, and how much of its rate is used.
const HASTE: f64 = 1000.0;
const PATIENCE: Duration = Duration::from_secs(60);

mod conformance {
    vps_docker_testkit::conformance_tests!(super::subject().await);
}

async fn subject() -> Subject {
    let project = Project::open().await;
    let token = project.sim.token().to_owned();
    let wrong = client(&project.sim, &token.replace("sim", "mis"));
    Subject::builder(Arc::new(project.provider.clone()))
        .wrong_credentials(Arc::new(wrong))
        .secret(token)
        // More than the fifty of a page.
        .many(60)
        .deadline(PATIENCE)
        .keeping(project)
        .build()
}

/// A simulated project. Dropped, it sees that all that was asked fitted the API's document, and that
/// nothing was left that costs.
struct Project {
    sim: CloudSim,
    provider: HetznerProvider,
}

impl Project {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Seed)) -> Self {
        if vps_docker_testkit::cloud_sim::api_specs_dir().is_none() {
            eprintln!("SKIPPED: validation, as there is no API document; set VPS_DOCKER_API_SPECS");
        }
        let sim = CloudSim::builder(Provider::Hetzner)
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

    /// Orders one and waits until it runs.
    async fn running(&self, name: &str) -> InstanceId {
        let spec = self.spec(name).await;
        let ordered = self.provider.create_instance(&spec).await.expect("ordered");
        let runs = |instance: &Instance| instance.state == InstanceState::Running;
        let wait = self.provider.wait_for_instance(
            &ordered.id,
            "it to run",
            Instant::now() + PATIENCE,
            &runs,
        );
        wait.await.expect("it runs").id
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
        others.get("firewall").cloned().unwrap_or_default()
    }

    /// What is asked in the meantime, as `METHOD /path`.
    async fn asked(&self, act: impl AsyncFnOnce()) -> Vec<String> {
        let before = self.sim.requests().total;
        act().await;
        let new = self.sim.requests().requests.into_iter();
        new.filter(|request| request.number > before)
            .map(|request| format!("{} {}", request.method, request.path.replace("/v1", "")))
            .collect()
    }

    /// What somebody does in the Hetzner Console.
    async fn post_by_hand<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>, body: Value) {
        let console = ApiClient::builder("console", self.sim.url())
            .auth(Auth::bearer(self.sim.token().into()))
            .build()
            .expect("fit");
        let request = console.post("by hand", path).body(&body);
        request.done().await.expect("done");
    }

    async fn protect(&self, id: &InstanceId, delete: bool) {
        let path = ["servers", id.as_str(), "actions", "change_protection"];
        let protection = json!({ "delete": delete, "rebuild": delete });
        self.post_by_hand(path, protection).await;
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.sim.assert_valid();
        let state = self.sim.state();
        let own = state.own_instances();
        let left: Vec<_> = own.filter(|one| one.state != "deleting").collect();
        assert!(left.is_empty(), "instances are left: {left:?}");
        assert!(state.snapshots.is_empty(), "{:?}", state.snapshots);
        let firewalls = self.firewalls();
        assert!(firewalls.is_empty(), "firewalls are left: {firewalls:?}");
    }
}

fn client(sim: &CloudSim, token: &str) -> HetznerProvider {
    let mut retry = RetryPolicy::default();
    retry.first_pause = Duration::from_millis(5);
    retry.longest_pause = Duration::from_millis(50);
    let config = HetznerConfig::new(token)
        .endpoint(sim.url())
        .rate_limit_factor(HASTE)
        .retry(retry);
    HetznerProvider::new(config).expect("fit")
}

#[tokio::test]
async fn calls_are_as_few_as_the_manual_says() {
    let project = &Project::open().await;
    let provider = &project.provider;
    let spec = &project.spec("web").await;
    let mut catalog = project
        .asked(async || drop(provider.catalog().await.expect("told")))
        .await;
    catalog.sort();
    assert_eq!(
        catalog,
        [
            "GET /images",
            "GET /locations",
            "GET /pricing",
            "GET /server_types"
        ]
    );
    let create = async || {
        let ordered = provider.create_instance(spec).await.expect("ordered");
        assert_eq!(ordered.state, InstanceState::Provisioning);
        assert!(ordered.address.is_some(), "Hetzner tells it at once");
    };
    assert_eq!(project.asked(create).await, ["POST /servers"]);
    let all = InstanceFilter::default();
    let list = async || drop(provider.list_instances(&all).await.expect("listed"));
    assert_eq!(project.asked(list).await, ["GET /servers"]);
    project.sim.settled().await;
    let id = &InstanceId::new(&project.sim.state().instances[0].id);
    let server = format!("/servers/{id}");
    let look = async || drop(provider.instance(id).await.expect("it runs"));
    assert_eq!(project.asked(look).await, [format!("GET {server}")]);
    let stands_right = async || provider.power(id, PowerAction::On).await.expect("it is on");
    assert_eq!(project.asked(stands_right).await, [format!("GET {server}")]);
    for _once_and_again in 0..2 {
        let destroy = async || project.destroy(id).await;
        assert_eq!(
            project.asked(destroy).await,
            [format!("DELETE {server}"), "GET /firewalls".to_owned()]
        );
        project.sim.settled().await;
    }
}

#[tokio::test]
async fn what_is_no_label_or_id_of_hetzners_is_asked_for_nowhere() {
    let project = &Project::open().await;
    let mut odd = project.spec("web").await;
    odd.tags.insert("key".into(), "no label".into());
    let nobody = &InstanceId::new("web");
    let asked = project
        .asked(async || {
            let provider = &project.provider;
            let error = provider.create_instance(&odd).await.expect_err("unfit");
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let error = provider.instance(nobody).await.expect_err("none");
            assert_eq!(error.kind(), ErrorKind::NotFound);
            project.destroy(nobody).await;
        })
        .await;
    assert_eq!(asked, [""; 0]);
}

#[tokio::test]
async fn an_order_that_is_refused_is_clear_and_one_whose_answer_is_lost_is_not() {
    let project = &Project::with(|seed| {
        seed.quota = Some(2);
        seed.capacity = vec![Shortage::of("cx33", "fsn1")];
    })
    .await;
    let first = project.running("first").await;
    let spec = project.spec("web").await;
    let mut short = spec.clone();
    (short.plan, short.region) = ("cx33".into(), "fsn1".into());
    let mut named = spec.clone();
    named.name = "first".into();
    let mut third = spec.clone();
    third.name = "third".into();
    let lost = |kind| Fault::new(Op::CreateInstance, kind).after_effect();
    for (spec, fault, kind, unclear) in [
        (&named, None, ErrorKind::NameTaken, false),
        (&short, None, ErrorKind::Capacity, false),
        (
            &spec,
            Some(lost(FaultKind::Garbage)),
            ErrorKind::Provider,
            true,
        ),
        (&third, None, ErrorKind::Quota, false),
    ] {
        project.sim.faults(fault);
        let error = project.provider.create_instance(spec).await;
        let error = error.expect_err("no answer to build upon");
        assert_eq!(
            (error.kind(), error.is_unclear()),
            (kind, unclear),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
    }
    let marked = project.provider.marked_instances().await.expect("listed");
    assert_eq!(project.names(), ["first", "web"]);
    for id in [first].iter().chain(marked.iter().map(|one| &one.id)) {
        project.destroy(id).await;
    }
}

#[tokio::test]
async fn a_protected_instance_is_not_destroyed_and_it_is_said_at_once() {
    let project = &Project::open().await;
    let id = &project.running("web").await;
    project.protect(id, true).await;
    let asked = project
        .asked(async || {
            let error = project.provider.destroy_instance(id).await;
            let error = error.expect_err("protected");
            let seen = (error.kind(), error.is_retryable());
            assert_eq!(seen, (ErrorKind::Locked, false), "{error}");
            assert!(error.to_string().contains("lift the protection"), "{error}");
        })
        .await;
    assert_eq!(asked, [format!("DELETE /servers/{id}")]);
    project.protect(id, false).await;
    project.destroy(id).await;
}

#[tokio::test]
async fn a_destroy_waits_until_hetzner_is_done_with_the_instance() {
    let project = &Project::open().await;
    let id = &project.running("web").await;
    // More often than a single call is tried.
    let locked = (1..=7).map(|nth| Fault::status(Op::DeleteInstance, 423).nth(nth));
    project.sim.faults(locked);
    let mut asked = project.asked(async || project.destroy(id).await).await;
    assert_eq!(asked.pop().as_deref(), Some("GET /firewalls"));
    assert_eq!(asked, vec![format!("DELETE /servers/{id}"); 8]);
    project.sim.settled().await;
    assert_eq!(project.names(), [""; 0]);
}

#[tokio::test]
async fn an_answer_to_a_destroy_that_is_none_is_not_believed() {
    let project = &Project::open().await;
    let id = &project.running("web").await;
    let garbage = || Fault::new(Op::DeleteInstance, FaultKind::Garbage);
    project.sim.faults([garbage()]);
    let error = project.provider.destroy_instance(id).await;
    assert_eq!(error.expect_err("no word").kind(), ErrorKind::Provider);
    assert_eq!(project.names(), ["web"]);
    project.sim.faults([garbage().nth(1)]);
    project.destroy(id).await;
    project.sim.settled().await;
    assert_eq!(project.names(), [""; 0]);
}

#[tokio::test]
async fn what_passes_while_something_is_awaited_is_asked_over() {
    let project = &Project::open().await;
    let id = &project.running("web").await;
    // The first look is at the switch; the others are those of the wait.
    let faults = [
        Fault::new(Op::GetInstance, FaultKind::Garbage).nth(2),
        Fault::new(Op::GetInstance, FaultKind::Drop).nth(3),
        Fault::status(Op::Power, 423).nth(1),
    ];
    project.sim.faults(faults);
    let off = project.provider.power(id, PowerAction::Off).await;
    off.expect("off");
    assert_eq!(project.sim.state().instances[0].state, "off");
    let reboot = project.provider.power(id, PowerAction::Reboot).await;
    reboot.expect("of one that is off: on");
    assert_eq!(project.sim.state().instances[0].state, "running");
    project.destroy(id).await;
}

#[tokio::test]
async fn a_firewall_is_made_once_changed_in_place_and_goes_with_its_server() {
    let project = &Project::open().await;
    let id = &project.running("web").await;
    let provider = &project.provider;
    let server: u64 = id.as_str().parse().expect("a number");
    let mut made = None;
    for port in [22, 2222] {
        let rules = FirewallRules::tcp([port], &Cidr::WORLD);
        provider.firewall(id, &rules).await.expect("in effect");
        let [firewall] = &project.firewalls()[..] else {
            panic!("one for each server: {:?}", project.firewalls());
        };
        assert_eq!(firewall["rules"][0]["port"], port.to_string());
        assert_eq!(firewall["rules"].as_array().map(Vec::len), Some(1));
        assert_eq!(firewall["applied_to"][0]["server"]["id"], server);
        assert_eq!(firewall["labels"]["vps-docker-server"], id.as_str());
        let same = made.get_or_insert_with(|| firewall["id"].clone());
        assert_eq!(*same, firewall["id"]);
    }
    // Somebody takes it away from before the server; setting rules puts it back.
    let firewall = made.expect("there").to_string();
    let path = ["firewalls", &firewall, "actions", "remove_from_resources"];
    let resource = json!({ "remove_from": [{ "type": "server", "server": { "id": server } }] });
    project.post_by_hand(path, resource).await;
    assert_eq!(project.firewalls()[0]["applied_to"], json!([]));
    let rules = FirewallRules::tcp([22], &Cidr::WORLD);
    provider.firewall(id, &rules).await.expect("in effect");
    let applied_to = &project.firewalls()[0]["applied_to"][0];
    assert_eq!(applied_to["server"]["id"], server);
    project.destroy(id).await;
    assert_eq!(project.firewalls(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_key_whose_upload_is_answered_late_is_found_and_a_name_that_is_taken_gets_a_tail() {
    let project = &Project::open().await;
    let provider = &project.provider;
    let lost = Fault::status(Op::CreateKey, 500).nth(1).after_effect();
    project.sim.faults([lost]);
    let first = provider.ensure_ssh_key("mine", KEYS[0]).await;
    let first = first.expect("there by now");
    let second = provider.ensure_ssh_key("mine", KEYS[1]).await;
    let second = second.expect("made under another name");
    let names = |project: &Project| -> Vec<(String, String)> {
        let keys = project.sim.state().keys.into_iter();
        keys.map(|key| (key.id, key.name)).collect()
    };
    assert_eq!(
        names(project),
        [
            (first.to_string(), "mine".to_owned()),
            (second.to_string(), "mine-J/XFSqti".to_owned())
        ]
    );
    provider.delete_ssh_key(&second).await.expect("deleted");
    // Where that name is taken as well, it is for a person to see.
    let foreign = json!({ "name": "mine-J/XFSqti", "public_key": KEYS[2] });
    project.post_by_hand(["ssh_keys"], foreign).await;
    let error = provider.ensure_ssh_key("mine", KEYS[1]).await;
    assert_eq!(error.expect_err("taken").kind(), ErrorKind::NameTaken);
}

const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBFWwSjKHbOVpla+hVEyvE5a9si09gjCcr3IeFMopl4",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIHcJIFh8LSlXxS3cJaXBYtfWfv8S4JjmNZGgKFwJdfn",
];
