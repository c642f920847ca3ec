//! Another container in the place of one that lives: kept when it is well, and else the old one is back.

mod events;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use vps_docker::model::{
    AgentName, Cidr, ContainerCommand, Exposure, HealthCheck, HostChanges, HostSpecBuilder,
    IdleMode, IdlePolicy, SnapshotName,
};
use vps_docker::ssh::TransportExt;
use vps_docker::store::AgentRecord;
use vps_docker::{ErrorKind, Host, HostSpec, HostState, ImageSource, Phase};

use self::events::Events;
use crate::support::{LocalImage, Vps, World, unique};

/// A web application: `$1` is its version, and what it does.
const APP: &str = r#"
echo "version $1 begins with $TOKEN"
case $1 in
crashes) echo 'cannot open the database'; exit 3 ;;
esac
mkdir -p /www
echo "$1 $TOKEN" >/www/index.html
case $1 in
unwell*) echo 'the answer is no' ;;
*) : >/www/up ;;
esac
exec httpd -f -p 8000 -h /www
"#;

/// What no two containers have in common.
const CONTAINER: &str = "docker ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}'; docker inspect -f '{{.State.StartedAt}}' vps-docker";
/// What a replace writes and removes again, and what it is about.
const LEFT: &str = "find /etc/vps-docker /var/lib/docker/volumes/vps-docker-state -name '*.tmp' -o -name '*.next' \
    -o -name '*.replaced' -o -name 'replacing*'";

/// One host: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_replaced_and_comes_back_when_the_new_one_is_not_well() {
    let world = World::new();
    let apps = Apps::new();
    let name = unique("replace");
    let mut host = world.create(apps.spec(&name, "v1")).await.expect("created");
    host.await_healthy(&up(8000)).await.expect("it came up");
    let agent = AgentName::new("agent-1").expect("legal");
    let mut agent = AgentRecord::new(agent, 1.into());
    let store = host.store().await.expect("connected");
    store.put_agent(&mut agent).await.expect("put");
    drop(store);
    run(&host, "echo kept >/vps-docker/file").await;

    health_is_asked_three_ways(&host).await;
    what_does_not_differ_is_left_alone(&mut host, apps.spec(&name, "v1")).await;
    settings_are_changed_under_what_runs(&mut host, apps.spec(&name, "v1")).await;
    what_takes_a_new_vps_is_refused(&mut host, &apps, &name).await;
    image_env_and_ports_are_changed_and_data_stays(&world, &mut host, &apps, &name).await;
    who_is_not_well_gives_way_to_the_old_one(&mut host, &apps, &name).await;
    who_is_cancelled_or_gone_leaves_the_old_one(&world, &mut host, &apps, &name).await;
    a_script_that_is_killed_is_recovered(&mut host, &apps, &name).await;
    a_vps_that_is_cut_off_is_recovered(&mut host, &apps, &name).await;
    a_host_that_was_stopped_runs(&mut host, &apps, &name).await;
    a_context_that_changes_is_built_anew(&mut host, &apps, &name).await;

    let store = host.store().await.expect("connected");
    let agents = store.agents().await.expect("listed");
    assert_eq!(agents, [agent]);
    drop(store);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn health_is_asked_three_ways(host: &Host) {
    let well = [
        up(8000),
        HealthCheck::tcp(8000),
        // Not published: the VPS's own.
        HealthCheck::tcp(22),
        HealthCheck::command(["test", "-e", "/www/up"]),
        HealthCheck::command(["sh", "-c", "[ $TOKEN = one ]"]),
    ];
    for check in well {
        host.check_health(&check).await.expect("well");
    }
    let unwell = [
        (HealthCheck::http(8000, "/nothing"), "404 Not Found"),
        (HealthCheck::http(8001, "/up"), "no answer"),
        (HealthCheck::tcp(8001), "Connection refused"),
        // Docker takes connections to it, and nothing listens behind it.
        (HealthCheck::tcp(8009), "Connection refused"),
        (HealthCheck::http(8009, "/up"), "no answer"),
        (
            HealthCheck::command(["sh", "-c", "echo no; exit 4"]),
            "exit code 4: no",
        ),
        (HealthCheck::command(["/no/such/program"]), "exit code 127"),
    ];
    for (check, said) in unwell {
        let error = host.check_health(&check).await.expect_err(said);
        assert_eq!(error.kind(), ErrorKind::Docker, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    let hangs = HealthCheck::command(["sleep", "100"]);
    let hangs = hangs.timeout(Duration::from_millis(300));
    let error = host.check_health(&hangs).await.expect_err("it hangs");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");

    let never = HealthCheck::tcp(8001).deadline(Duration::from_secs(2));
    let error = host.await_healthy(&never).await.expect_err("never");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let said = error.to_string();
    assert!(said.contains("Connection refused"), "{said}");
    assert!(said.contains("version v1 begins with one"), "{said}");
}

async fn what_does_not_differ_is_left_alone(host: &mut Host, spec: HostSpecBuilder) {
    let before = seen(host).await;
    let spec = spec.build().expect("fit");
    let none = HostChanges::default();
    assert_eq!(host.changes(&spec).await.expect("compared"), none);
    let events = Events::default();
    let replaced = host.replace(spec).health(up(8000)).on_event(events.sink());
    assert_eq!(replaced.await.expect("nothing to do"), none);
    assert_eq!(events.phases(), [Phase::Plan]);
    assert_eq!(seen(host).await, before);
}

async fn settings_are_changed_under_what_runs(host: &mut Host, spec: HostSpecBuilder) {
    let runs = on_vps(host, CONTAINER).await;
    let policy = IdlePolicy::new(IdleMode::Ssh, Duration::from_secs(3600)).expect("fit");
    let spec = spec
        .label("stage", "two")
        .idle_policy(policy.clone())
        .allow_from("0.0.0.0/0")
        .app_port(8000);
    let spec = spec.build().expect("fit");
    let changes = host.changes(&spec).await.expect("compared");
    assert_eq!(changes.settings, ["exposure", "idle policy", "labels"]);
    assert!(changes.container.is_empty(), "{changes:?}");
    assert_eq!(host.replace(spec.clone()).await.expect("set"), changes);
    assert_eq!(host.idle_policy(), Some(&policy));
    assert_eq!(
        host.info().labels,
        BTreeMap::from([("stage".into(), "two".into())])
    );
    let exposure = host.exposure().expect("set");
    assert_eq!(exposure.app_ports, [8000]);
    assert_eq!(on_vps(host, CONTAINER).await, runs);
    assert!(host.changes(&spec).await.expect("compared").is_empty());
    let world = Exposure {
        sources: Cidr::WORLD.to_vec(),
        app_ports: vec![8000, 8001],
    };
    host.set_exposure(&world).await.expect("opened");
}

async fn what_takes_a_new_vps_is_refused(host: &mut Host, apps: &Apps, name: &str) {
    let before = seen(host).await;
    let other = apps.spec(name, "v2").plan("large").region("local");
    let other = other.build().expect("fit");
    let changes = host.changes(&other).await.expect("compared");
    assert_eq!(changes.vps, ["plan"], "{changes:?}");
    assert_eq!(changes.container, ["image"], "{changes:?}");
    let error = host.replace(other).await.expect_err("another plan");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let gvisor = apps
        .spec(name, "v1")
        .runtime(vps_docker::model::Runtime::Gvisor);
    let gvisor = gvisor.build().expect("fit");
    let error = host.replace(gvisor).await.expect_err("it has none");
    assert!(
        matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Invalid),
        "{error}"
    );
    let other_name = apps.spec(&unique("other"), "v1").build().expect("fit");
    let error = host.changes(&other_name).await.expect_err("another host");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(seen(host).await, before);
}

async fn image_env_and_ports_are_changed_and_data_stays(
    world: &World,
    host: &mut Host,
    apps: &Apps,
    name: &str,
) {
    let old_image = on_vps(host, "docker inspect -f '{{.Config.Image}}' vps-docker").await;
    let snapshot = SnapshotName::new("before").expect("legal");
    let snapshot = host.snapshot(&snapshot).await.expect("taken");
    let spec = second(apps, name).build().expect("fit");
    let changes = host.changes(&spec).await.expect("compared");
    assert_eq!(changes.container, ["image", "start args", "env"]);
    assert_eq!(changes.settings, ["labels"]);
    let events = Events::default();
    let replaced = host.replace(spec.clone()).health(up(8001));
    let replaced = replaced.on_event(events.sink()).await;
    assert_eq!(replaced.expect("replaced"), changes);
    let phases = [
        Phase::Plan,
        Phase::Image,
        Phase::Sshd,
        Phase::Container,
        Phase::Door,
        Phase::Health,
        Phase::Record,
    ];
    assert_eq!(events.phases(), phases);
    assert!(host.info().labels.is_empty());
    is_second(host).await;
    host.check_health(&up(8000))
        .await
        .expect_err("not any more");
    // The old one's is gone, as nothing was made of it but what stays.
    let images = on_vps(host, "docker image ls --format '{{.Repository}}:{{.Tag}}'").await;
    assert!(!images.contains(old_image.trim()), "{images}");
    assert!(host.changes(&spec).await.expect("compared").is_empty());

    let found = world.reopened_host(name).await.expect("found");
    assert_eq!(found.info().state, HostState::Running);
    is_second(&found).await;
    found.close().await;
    let snapshots = host.snapshots().await.expect("listed");
    assert_eq!(snapshots.len(), 1);
    // The container is run as it was then, with the environment of now.
    host.restore(&snapshot.id).await.expect("restored");
    host.await_healthy(&up(8000)).await.expect("well");
    assert_eq!(fetch(host, 8000).await, "v1 two\n");
    let changes = host.changes(&spec).await.expect("compared");
    assert_eq!(changes.container, ["image", "start args"]);
    host.replace(spec).health(up(8001)).await.expect("replaced");
    host.delete_snapshot(&snapshot.id).await.expect("deleted");
    host.restart().await.expect("restarted");
    is_second(host).await;
}

async fn who_is_not_well_gives_way_to_the_old_one(host: &mut Host, apps: &Apps, name: &str) {
    let soon = |check: HealthCheck| check.deadline(Duration::from_secs(2));
    let in_vain = soon(HealthCheck::command(["test", "-e", "/never"]));
    for (app, check, kind, said) in [
        (
            "unwell",
            soon(up(8001)),
            ErrorKind::Timeout,
            "the answer is no",
        ),
        (
            "v3",
            soon(HealthCheck::tcp(8009)),
            ErrorKind::Timeout,
            "version v3 begins with three",
        ),
        (
            "v3",
            in_vain,
            ErrorKind::Timeout,
            "version v3 begins with three",
        ),
        (
            "crashes",
            soon(up(8001)),
            ErrorKind::Docker,
            "cannot open the database",
        ),
    ] {
        let before = host.store().await.expect("connected").read().await;
        let before = before.expect("readable").expect("there");
        let spec = second(apps, name)
            .image(&apps.of(app).name)
            .env("TOKEN", "three");
        let spec = spec.build().expect("fit");
        let events = Events::default();
        let replaced = host
            .replace(spec.clone())
            .health(check)
            .on_event(events.sink());
        let error = replaced.await.expect_err(app);
        assert_eq!(error.kind(), kind, "{app}: {error}");
        let told = error.to_string();
        assert!(told.contains(said), "{app}: {told}");
        assert!(
            told.contains("the host is what it was before"),
            "{app}: {told}"
        );
        assert_eq!(told.matches("what it was before").count(), 1, "{told}");
        assert!(events.rolled_back(), "{app}");
        is_second(host).await;
        let mut after = host.store().await.expect("connected").read().await;
        let after = after.as_mut().expect("readable").as_mut().expect("there");
        // A record that comes late is refused.
        assert!(after.generation > before.generation);
        after.generation = before.generation;
        assert_eq!(*after, before);
        let changes = host.changes(&spec).await.expect("compared");
        assert_eq!(changes.container, ["image", "env"], "{app}");
    }
    // It cannot even be started.
    let unknown = second(apps, name).start_arg("--network=no-such-network");
    let error = host.replace(unknown.build().expect("fit")).await;
    let error = error.expect_err("no such network");
    assert!(error.to_string().contains("no-such-network"), "{error}");
    is_second(host).await;
}

async fn who_is_cancelled_or_gone_leaves_the_old_one(
    world: &World,
    host: &mut Host,
    apps: &Apps,
    name: &str,
) {
    let spec = second(apps, name)
        .env("TOKEN", "three")
        .build()
        .expect("fit");
    let never = HealthCheck::tcp(8009).deadline(Duration::from_secs(100));
    for phase in [Phase::Image, Phase::Container, Phase::Health] {
        let (events, reached) = (Events::default(), Arc::new(Notify::new()));
        let signal = {
            let reached = Arc::clone(&reached);
            async move { reached.notified().await }
        };
        let replace = host.replace(spec.clone()).health(never.clone());
        let replace = replace.cancel_when(signal);
        let error = replace.on_event(events.notifying(phase, reached)).await;
        let error = error.expect_err("cancelled");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{phase}: {error}");
        is_second(host).await;
    }

    // Dropped; and the connection is gone with its host.
    for with_its_host in [false, true] {
        let mut client = world.reopened_host(name).await.expect("found");
        let (events, reached) = (Events::default(), Arc::new(Notify::new()));
        let replace = client.replace(spec.clone()).health(never.clone());
        let replace = replace.on_event(events.notifying(Phase::Health, Arc::clone(&reached)));
        tokio::select! {
            replaced = replace.into_future() => panic!("it was to be dropped: {replaced:?}"),
            () = reached.notified() => {}
        }
        if with_its_host {
            drop(client);
            // By itself, whoever comes.
            let back = "until docker ps --all --format '{{.Names}}' | grep -cv replaced | grep -q 1 \
                && ! docker inspect vps-docker-replaced >/dev/null 2>&1 \
                && docker inspect -f '{{.State.Status}}' vps-docker | grep -q running; do sleep 0.1; done";
            on_vps(host, back).await;
        } else {
            client.start().await.expect("the old one runs");
            client.close().await;
        }
        host.start().await.expect("it runs already");
        is_second(host).await;
    }
}

/// On the VPS itself, as by a reboot: whatever is done next puts it in order.
async fn a_script_that_is_killed_is_recovered(host: &mut Host, apps: &Apps, name: &str) {
    let spec = second(apps, name)
        .env("TOKEN", "three")
        .build()
        .expect("fit");
    let kill = "pkill -KILL -f 'operation[.]lock'";
    let mut kills = 0;
    for (turn, seen) in [
        "[ -e /var/lib/docker/volumes/vps-docker-state/_data/replacing ]",
        "docker container inspect vps-docker-replaced",
        "[ -e /etc/vps-docker/container-env/environment.replaced ] && docker container inspect vps-docker",
        "docker container inspect vps-docker-replaced && docker inspect -f '{{.State.Status}}' vps-docker | grep -q running",
    ]
    .into_iter()
    .enumerate()
    {
        let kill = format!("until {{ {seen}; }} >/dev/null 2>&1; do :; done; {kill}");
        let vps = host.vps().await.expect("connected");
        let never = HealthCheck::tcp(8009).deadline(Duration::from_secs(5));
        let replace = host.replace(spec.clone()).health(never).into_future();
        let (replaced, killed) = tokio::join!(replace, vps.run(&kill, b""));
        replaced.expect_err("killed, or never well");
        kills += usize::from(killed.expect("reached").status.success());
        match turn {
            0 => drop(host.snapshot(&SnapshotName::new("next").expect("legal")).await.expect("taken")),
            1 => {
                let again = second(apps, name).build().expect("fit");
                let again = host.replace(again).await.expect("put in order");
                assert!(again.is_empty(), "{again:?}");
            }
            _ => host.start().await.expect("started"),
        }
        host.start().await.expect("it runs");
        is_second(host).await;
    }
    assert!(kills > 0, "none of them was killed");
}

/// The power fails while the new container is being asked whether it is well.
async fn a_vps_that_is_cut_off_is_recovered(host: &mut Host, apps: &Apps, name: &str) {
    let spec = second(apps, name)
        .env("TOKEN", "three")
        .build()
        .expect("fit");
    let vps = Vps::of(host);
    let (events, reached) = (Events::default(), Arc::new(Notify::new()));
    let never = HealthCheck::tcp(8009).deadline(Duration::from_secs(100));
    let replace = host.replace(spec).health(never);
    let replace = replace.on_event(events.notifying(Phase::Health, Arc::clone(&reached)));
    let cut_off = async {
        reached.notified().await;
        tokio::task::spawn_blocking(move || vps.power_fails())
            .await
            .expect("run");
    };
    let (replaced, ()) = tokio::join!(replace.into_future(), cut_off);
    replaced.expect_err("cut off");
    host.start().await.expect("put in order");
    is_second(host).await;
}

async fn a_host_that_was_stopped_runs(host: &mut Host, apps: &Apps, name: &str) {
    host.stop().await.expect("stopped");
    let never = HealthCheck::tcp(8009).deadline(Duration::from_secs(1));
    let spec = second(apps, name)
        .env("TOKEN", "three")
        .build()
        .expect("fit");
    host.replace(spec.clone())
        .health(never)
        .await
        .expect_err("never well");
    host.refresh().await.expect("looked at");
    assert_eq!(host.info().state, HostState::Stopped, "as it was");
    assert_eq!(host.stopped().expect("marked").by, "client");

    host.replace(spec).health(up(8001)).await.expect("replaced");
    assert_eq!(host.info().state, HostState::Running);
    assert!(host.stopped().is_none());
    assert_eq!(fetch(host, 8001).await, "v2 three\n");
    is_clean(host).await;
}

async fn a_context_that_changes_is_built_anew(host: &mut Host, apps: &Apps, name: &str) {
    let context = tempfile::tempdir().expect("a directory");
    let write = |text: &str| std::fs::write(context.path().join("text"), text).expect("written");
    let dockerfile = format!("FROM {}\nCOPY text /text\n", apps.of("v2").name);
    std::fs::write(context.path().join("Dockerfile"), dockerfile).expect("written");
    write("first");
    let spec = HostSpec::builder(name)
        .build_args([context.path().display().to_string()])
        .command(ContainerCommand::Image)
        .start_arg("--publish=8001:8000")
        .env("TOKEN", "three");
    let spec = spec.build().expect("fit");
    let changes = host.changes(&spec).await.expect("compared");
    assert_eq!(changes.container, ["image", "start args", "env"]);
    host.replace(spec.clone())
        .health(up(8001))
        .await
        .expect("built");
    assert_eq!(run(host, "cat /text").await, "first");
    assert!(host.changes(&spec).await.expect("compared").is_empty());
    write("second");
    let changes = host.changes(&spec).await.expect("compared");
    assert_eq!(changes.container, ["build context"]);
    host.replace(spec.clone())
        .health(up(8001))
        .await
        .expect("built");
    assert_eq!(run(host, "cat /text").await, "second");
    assert!(host.changes(&spec).await.expect("compared").is_empty());
    let nameless = on_vps(host, "docker image ls --quiet --filter dangling=true").await;
    assert_eq!(nameless, "", "what was built before is left");
    is_clean(host).await;
}

/// Versions of an application, as images here.
struct Apps(Vec<(&'static str, LocalImage)>);

impl Apps {
    fn new() -> Self {
        let apps = ["v1", "v2", "v3", "unwell", "crashes"].map(|version| {
            let dockerfile = format!(
                "{}COPY app /app\nENV KEPT=yes\nCMD [\"/bin/sh\", \"/app\", \"{version}\"]\nLABEL vps-docker-test-of={}\n",
                include_str!("../small-image.Dockerfile"),
                unique("test")
            );
            (version, LocalImage::of(&dockerfile, &[("app", APP.as_bytes())]))
        });
        Self(apps.into())
    }

    fn of(&self, version: &str) -> &LocalImage {
        let mut apps = self.0.iter();
        &apps.find(|(of, _)| *of == version).expect("known").1
    }

    fn spec(&self, name: &str, version: &str) -> HostSpecBuilder {
        HostSpec::builder(name)
            .image(&self.of(version).name)
            .image_source(ImageSource::Ship)
            .command(ContainerCommand::Image)
            .start_arg("--publish=8000:8000")
            .start_arg("--publish=8009:9")
            .env("TOKEN", "one")
    }
}

/// What the host becomes.
fn second(apps: &Apps, name: &str) -> HostSpecBuilder {
    HostSpec::builder(name)
        .image(&apps.of("v2").name)
        .image_source(ImageSource::Ship)
        .command(ContainerCommand::Image)
        .start_arg("--publish=8001:8000")
        .start_arg("--publish=8009:9")
        .env("TOKEN", "two")
        .env("MORE", "yes")
}

/// It is that, whole, and nothing else is.
async fn is_second(host: &Host) {
    host.await_healthy(&up(8001)).await.expect("well");
    assert_eq!(fetch(host, 8001).await, "v2 two\n");
    let environment = run(host, "echo $TOKEN $MORE $KEPT; cat /vps-docker/file").await;
    assert_eq!(environment, "two yes yes\nkept\n");
    assert_eq!(host.env_names().await.expect("read"), ["MORE", "TOKEN"]);
    is_clean(host).await;
}

/// One container, which is the record's, and nothing is left.
async fn is_clean(host: &Host) {
    let containers = on_vps(host, "docker ps --all --format '{{.Names}} {{.State}}'").await;
    assert_eq!(containers, "vps-docker running\n");
    assert_eq!(on_vps(host, LEFT).await, "");
    let record = host.store().await.expect("connected").read().await;
    let record = record.expect("readable").expect("there");
    let deployment = "docker inspect -f '{{.Config.Image}} {{index .Config.Labels \"vps-docker-deployment\"}}' vps-docker";
    let (image, deployment) = (
        record.derived_image.expect("run"),
        on_vps(host, deployment).await,
    );
    let expected = format!("{image} {}\n", record.deployment.unwrap_or_default());
    assert_eq!(deployment, expected);
    let derived = on_vps(host, "docker image ls --quiet vps-docker/derived | wc -l").await;
    assert_eq!(derived.trim(), "1", "derived images pile up");
}

fn up(port: u16) -> HealthCheck {
    HealthCheck::http(port, "/up").interval(Duration::from_millis(100))
}

async fn fetch(host: &Host, port: u16) -> String {
    on_vps(host, &format!("curl -fsS http://127.0.0.1:{port}/")).await
}

async fn run(host: &Host, command: &str) -> String {
    let output = host.exec(command).await.expect("reached");
    assert!(output.status.success(), "{command}: {}", output.stderr);
    output.stdout
}

async fn on_vps(host: &Host, command: &str) -> String {
    let vps = host.vps().await.expect("connected");
    let output = vps.run(command, b"").await.expect("reached");
    assert!(output.status.success(), "{command}: {}", output.stderr);
    output.stdout
}

/// All that a replace could change.
async fn seen(host: &Host) -> String {
    let files = "cd /var/lib/docker/volumes/vps-docker-state/_data; cat host.json; ls -l --full-time . /etc/vps-docker \
        /etc/vps-docker/container-env | grep -v -e lock -e total";
    format!(
        "{}{}",
        on_vps(host, CONTAINER).await,
        on_vps(host, files).await
    )
}
