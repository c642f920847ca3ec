//! Whatever goes wrong at a provider: nothing is left that costs, nothing is ordered twice, and the error says
//! what it was.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::{StreamExt, stream};
use tokio::time::{Duration, Instant, timeout};
use vps_docker::model::{HostName, InstanceSpec, InstanceState, PowerAction};
use vps_docker::secrecy::SecretString;
use vps_docker::{Error, ErrorKind, HostSpec, Result, VpsClient, VpsClientExt};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Op, Provider};

use crate::clouds::{Engine, client, in_memory, in_use, nobody_answers};

/// So many accounts at a time.
const AT_ONCE: usize = 12;

/// What can go wrong with a call, by the name in the table.
fn kinds(op: Op) -> Vec<(&'static str, Fault)> {
    let status = |status| Fault::status(op, status);
    let new = |kind| Fault::new(op, kind);
    vec![
        ("500", status(500)),
        ("500*", status(500).after_effect()),
        ("503", status(503)),
        ("422", status(422)),
        ("403", status(403)),
        ("drop", new(FaultKind::Drop)),
        ("drop*", new(FaultKind::Drop).after_effect()),
        ("delay", Fault::delay_ms(op, 300)),
        ("429", Fault::rate_limit(op, 1)),
        ("garbage", new(FaultKind::Garbage)),
        ("garbage*", new(FaultKind::Garbage).after_effect()),
        ("huge", new(FaultKind::Huge)),
        ("huge*", new(FaultKind::Huge).after_effect()),
        ("no ip", {
            let mut fault = Fault::no_ip_ms(200_000);
            fault.op = op;
            fault
        }),
        ("stuck", new(FaultKind::Stuck)),
    ]
}

/// How it ended for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As if nothing had gone wrong.
    Absorbed,
    /// With an error of that kind.
    Error(ErrorKind),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absorbed => f.pad("ok"),
            Self::Error(kind) => f.pad(&format!("{kind:?}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_hetzner_nothing_is_leaked_or_ordered_twice() {
    matrix("hetzner").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_digitalocean_nothing_is_leaked_or_ordered_twice() {
    matrix("digitalocean").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_vultr_nothing_is_leaked_or_ordered_twice() {
    matrix("vultr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_contabo_nothing_is_leaked_or_ordered_twice() {
    matrix("contabo").await;
}

/// Every fault of every call, and a table of how each ended.
async fn matrix(provider: &str) {
    let provider: Provider = provider.parse().expect("there is a simulator");
    let cells = Op::ALL.into_iter().flat_map(|op| {
        let kinds = kinds(op).into_iter();
        kinds.map(move |(name, fault)| (op, name, fault))
    });
    let ended: BTreeMap<_, _> = stream::iter(cells)
        .map(|(op, name, fault)| async move {
            let cell = tokio::spawn(timeout(LONGEST_CELL, cell(provider, op, fault)));
            let end = match cell.await {
                Ok(Ok(end)) => Ok(end),
                Ok(Err(_elapsed)) => Err("it does not end".to_owned()),
                Err(panic) => Err(panic.to_string()),
            };
            ((op.name(), name), end)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let columns: Vec<&str> = kinds(Op::Power).iter().map(|(name, _)| *name).collect();
    println!("\n{:16}{}", provider.name(), row(&columns));
    for op in Op::ALL {
        let ends: Vec<String> = columns
            .iter()
            .map(|column| match &ended[&(op.name(), *column)] {
                Ok(end) => end.to_string(),
                Err(_) => "WRONG".to_owned(),
            })
            .collect();
        println!("{:16}{}", op.name(), row(&ends));
    }
    println!("* = it was carried out all the same; ok = the caller does not notice");
    let wrong = ended
        .iter()
        .filter_map(|(cell, end)| Some(format!("{cell:?}: {}", end.as_ref().err()?)));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// However slow this machine is.
const LONGEST_CELL: Duration = Duration::from_secs(90);

fn row<T: fmt::Display>(cells: &[T]) -> String {
    cells.iter().map(|cell| format!("{cell:>12}")).collect()
}

/// One fault of one call: what the caller sees; and nothing may be left.
async fn cell(provider: Provider, op: Op, fault: Fault) -> End {
    let sim = in_memory(provider).await;
    let client = client(provider, &sim);
    let settings = nobody_answers().build().expect("fit");
    let engine = Engine::over(client.clone(), settings);
    let name = HostName::new("matrix").expect("legal");
    sim.faults([fault.clone().nth(1)]);
    let end = match op {
        Op::CreateSnapshot | Op::Power => {
            beside_a_host(&*client, op, fault.kind == FaultKind::Stuck).await
        }
        _ => {
            let spec = HostSpec::builder(name.as_str()).build().expect("legal");
            let created = engine.provider.create_host(spec).await;
            of_a_create(created.map(drop).expect_err("nobody answers there"))
        }
    };
    if end == End::Error(ErrorKind::Locked) && fault.kind == FaultKind::Stuck {
        return end;
    }
    check(&end, op, &fault);
    assert!(orders_carried_out(&sim, &fault) <= 1, "ordered twice");
    let keys = sim.state().keys;
    assert!(keys.len() <= 1, "the key is there {} times", keys.len());

    // What users do then; a second time where the fault strikes only then.
    let recover = async {
        for _ in 0..2 {
            let _ = engine.provider.destroy(&name).await;
            if let Ok(garbage) = engine.provider.gc().await {
                garbage.collect().await;
            }
        }
        engine.provider.settled().await;
    };
    let recovered = timeout(Duration::from_secs(40), recover).await.is_ok();
    if fault.kind == FaultKind::Stuck && !in_use(&sim).is_empty() {
        // What does not end there cannot be ended from here; but it is not lost.
        let known = client.marked_instances().await.expect("listed");
        assert_eq!(known.len(), in_use(&sim).len(), "stuck and lost");
        return end;
    }
    assert!(recovered, "it does not end");
    // What is on its way out, or only now there to be listed, is not left for ever.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !(in_use(&sim).is_empty() && usable_snapshots(&sim) == 0) && Instant::now() < deadline {
        for snapshot in client.list_snapshots().await.expect("listed") {
            let _ = client.delete_snapshot(&snapshot.id).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(in_use(&sim), [], "leaked");
    assert_eq!(sim.state().keys, [], "leaked keys");
    assert_eq!(usable_snapshots(&sim), 0, "leaked snapshots");
    sim.assert_valid();
    end
}

/// Those that cost; one that never becomes ready does not.
fn usable_snapshots(sim: &CloudSim) -> usize {
    let snapshots = sim.state().snapshots;
    snapshots.iter().filter(|snapshot| snapshot.ready).count()
}

/// The machines of this backend are nowhere: a create that nothing is wrong with fails when it looks for sshd.
fn of_a_create(error: Error) -> End {
    let text = error.to_string();
    if error.kind() == ErrorKind::Timeout && text.contains("vps_boot_timeout") {
        End::Absorbed
    } else {
        assert!(!text.is_empty());
        End::Error(error.kind())
    }
}

/// A machine, and the call on it; whatever becomes of that, all is removed.
async fn beside_a_host(client: &dyn VpsClient, op: Op, is_stuck: bool) -> End {
    let spec = spec(client).await;
    let instance = client.create_instance(&spec).await.expect("ordered");
    let deadline = Instant::now() + Duration::from_secs(20);
    let runs = |instance: &vps_docker::model::Instance| instance.state == InstanceState::Running;
    client
        .wait_for_instance(&instance.id, "it to run", deadline, &runs)
        .await
        .expect("it runs");
    let done = timeout(Duration::from_secs(10), async {
        match op {
            Op::Power => client.power(&instance.id, PowerAction::Off).await,
            _ => client
                .create_snapshot(&instance.id, "vps-docker-matrix")
                .await
                .map(drop),
        }
    });
    let end = match done.await {
        Ok(Ok(())) => End::Absorbed,
        Ok(Err(error)) => End::Error(error.kind()),
        Err(_elapsed) => End::Error(ErrorKind::Timeout),
    };
    for snapshot in client.list_snapshots().await.expect("listed") {
        client.delete_snapshot(&snapshot.id).await.expect("deleted");
    }
    match destroy(client, &instance.id).await {
        Ok(()) => {}
        // What is stuck there for ever holds the machine: said, and it stays known as ours.
        Err(error) if is_stuck && error.kind() == ErrorKind::Locked => {
            let known = client.marked_instances().await.expect("listed");
            assert_eq!(
                known.len(),
                1,
                "a machine that could not be destroyed is lost"
            );
            return End::Error(ErrorKind::Locked);
        }
        Err(error) => panic!("not destroyed: {error}"),
    }
    for key in client.list_ssh_keys().await.expect("listed") {
        client.delete_ssh_key(&key.id).await.expect("deleted");
    }
    end
}

async fn destroy(client: &dyn VpsClient, id: &vps_docker::model::InstanceId) -> Result<()> {
    client.destroy_instance(id).await.map(drop)
}

async fn spec(client: &dyn VpsClient) -> InstanceSpec {
    let catalog = client.catalog().await.expect("told");
    let offer = catalog.offers(None, None).expect("something")[0];
    InstanceSpec {
        name: "matrix".into(),
        region: offer.region.id.clone(),
        plan: offer.plan.id.clone(),
        image: vps_docker::model::BootImage::Catalog(catalog.images[0].id.clone()),
        user_data: SecretString::from("#cloud-config\n"),
        ssh_keys: Vec::new(),
        tags: [("vps-docker".to_owned(), String::new())].into(),
    }
}

/// Which errors are right.
fn check(end: &End, op: Op, fault: &Fault) {
    use ErrorKind as Kind;
    let right: &[Kind] = match (fault.kind, fault.status) {
        (FaultKind::DelayMs | FaultKind::RateLimit, _) => &[],
        (FaultKind::Status, Some(403)) => &[Kind::Permission],
        // At Hetzner it comes as a fault of the service.
        (FaultKind::Status, Some(422)) => &[Kind::Invalid, Kind::Provider],
        (FaultKind::Status, _) => &[Kind::Provider],
        // Whether the switch was turned shows when it is waited for.
        (FaultKind::Garbage | FaultKind::Huge | FaultKind::Drop, _) if op == Op::Power => {
            &[Kind::Provider, Kind::Unreachable, Kind::Timeout]
        }
        (FaultKind::Drop, _) => &[Kind::Unreachable],
        (FaultKind::Garbage | FaultKind::Huge, _) => &[Kind::Provider],
        // A machine without an address, or that never runs, is waited for in vain.
        (FaultKind::NoIpMs, _) => &[Kind::Timeout],
        (FaultKind::Stuck, _) => &[Kind::Timeout, Kind::Provider],
        (other, _) => panic!("what is right for {other:?}?"),
    };
    if let End::Error(kind) = end {
        assert!(right.contains(kind), "{} ends with {kind:?}", op.name());
    }
}

/// How many orders the provider has carried out.
fn orders_carried_out(sim: &CloudSim, fault: &Fault) -> usize {
    let requests = sim.requests().requests.into_iter();
    let orders = requests.filter(|request| request.op == Some(Op::CreateInstance));
    let carried_out = orders.filter(|order| {
        let done = order
            .status
            .is_some_and(|status| (200..300).contains(&status));
        let spoilt = [
            FaultKind::Garbage,
            FaultKind::Huge,
            FaultKind::Drop,
            FaultKind::Status,
        ];
        match order.faults.iter().any(|kind| spoilt.contains(kind)) {
            true => fault.after_effect,
            false => done,
        }
    });
    carried_out.count()
}
