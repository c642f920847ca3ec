//! What a create says to the provider and makes on the VPS, to the letter.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use vps_docker::keys::PublicKey;
use vps_docker::model::{HostTags, InstanceSpec};
use vps_docker::{Host, HostSpec, Settings};

use crate::support::{Altered, LocalImage, Vps, World, unique};

/// One host for all of it: a boot is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_is_ordered_tagged_and_run_as_documented() {
    let image = LocalImage::with_sshd();
    let client = Arc::new(Altered::new());
    let world = World::over(client.clone(), Settings::default());
    let spec = HostSpec::builder(unique("contract"))
        .image(&image.name)
        .start_arg("--shm-size=80m")
        .start_arg("--label=team=blue and 'green'")
        .start_arg("--cap-add=SYS_PTRACE");
    let host = world.create(spec).await.expect("created");

    the_provider_is_asked_in_order(&client.calls());
    the_order_has_these_tags_and_no_others(&client.orders()[0], &world, &host);
    the_expiry_goes_and_the_pin_changes_when_the_host_is_ready(&client.orders()[0], &world, &host)
        .await;
    let container = inspect(&host).await;
    labels_volumes_port_and_entrypoint_are_as_documented(&container, &host);
    the_memory_is_that_of_the_vps_less_a_reserve(&container, &Vps::of(&host));
    start_args_reach_docker_run(&container);

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

fn the_provider_is_asked_in_order(calls: &[String]) {
    let once: Vec<&str> = calls
        .iter()
        .map(String::as_str)
        .filter(|call| *call != "instance")
        .collect();
    assert_eq!(
        once,
        [
            "catalog",
            "list_instances",
            "ensure_ssh_key",
            "create_instance",
            // The pin that is to come, and then the last word.
            "set_tags",
            "set_tags"
        ]
    );
    // The wait, if there is any, is one for the instance that was ordered.
    let ordered = calls.iter().position(|call| call == "create_instance");
    let waited = calls.iter().position(|call| call == "instance");
    assert!(waited.is_none_or(|waited| Some(waited) > ordered));
}

fn the_order_has_these_tags_and_no_others(order: &InstanceSpec, world: &World, host: &Host) {
    assert_eq!(order.name, host.info().name.as_str());
    let tags = HostTags::from_tags(&order.tags).expect("ours");
    assert_eq!(tags.to_tags(), order.tags, "others are among them");
    let keys: BTreeSet<&str> = order.tags.keys().map(String::as_str).collect();
    let expected = [
        "vps-docker",
        "vps-docker-expires",
        "vps-docker-host",
        "vps-docker-name",
        "vps-docker-owner",
        "vps-docker-pin",
    ];
    assert_eq!(keys, BTreeSet::from(expected));
    assert_eq!(tags.host_id, host.info().id);
    assert_eq!(tags.name, host.info().name);
    assert_eq!(&tags.owner, world.provider.data_dir().owner());
    assert_eq!(order.ssh_keys.len(), 1);
}

async fn the_expiry_goes_and_the_pin_changes_when_the_host_is_ready(
    order: &InstanceSpec,
    world: &World,
    host: &Host,
) {
    let mut expected = order.tags.clone();
    expected.remove(HostTags::EXPIRES);
    let (_, key) = host
        .info()
        .vps_ssh
        .known_hosts
        .split_once(' ')
        .expect("a pin");
    let key: PublicKey = key.parse().expect("one key");
    let handed_over = expected.insert(HostTags::PIN.to_owned(), key.pin());
    assert_ne!(
        handed_over,
        Some(key.pin()),
        "the key of user_data is still in use"
    );
    let instances = world.instances().await;
    assert_eq!(instances[0].tags, expected);
    assert_eq!(instances[0].name, order.name);
}

async fn inspect(host: &Host) -> Value {
    let docker = host.docker().await.expect("connected");
    let listed = docker.run(["container", "inspect", "vps-docker"]).await;
    let listed: Value = serde_json::from_str(&listed.expect("one")).expect("JSON");
    listed[0].clone()
}

fn labels_volumes_port_and_entrypoint_are_as_documented(container: &Value, host: &Host) {
    let config = &container["Config"];
    let info = host.info();
    assert_eq!(config["Hostname"], info.name.as_str());
    assert_eq!(config["Labels"]["vps-docker"], "");
    assert_eq!(config["Labels"]["vps-docker-host"], info.id.as_str());
    let entrypoint = json!(["/usr/local/lib/vps-docker/entrypoint.sh"]);
    assert_eq!(config["Entrypoint"], entrypoint);
    let run = &container["HostConfig"];
    // Docker tells them in no order of its own.
    let volumes = run["Binds"].as_array().expect("a list");
    let expected = [
        "vps-docker-data:/vps-docker",
        "/etc/vps-docker/container-ssh:/etc/vps-docker/ssh:ro",
        "/etc/vps-docker/container-env:/etc/vps-docker/env:ro",
    ];
    assert_eq!(volumes.len(), expected.len());
    for volume in expected {
        assert!(volumes.contains(&volume.into()), "{volume} in {volumes:?}");
    }
    let in_memory = json!({"/run/vps-docker": "mode=0755,size=16m"});
    assert_eq!(run["Tmpfs"], in_memory);
    let ports = json!({"2222/tcp": [{"HostIp": "", "HostPort": "2222"}]});
    assert_eq!(run["PortBindings"], ports);
    assert_eq!(run["RestartPolicy"]["Name"], "unless-stopped");
    assert_eq!(run["Init"], true);
}

/// The one thing that is not known before the VPS is there.
fn the_memory_is_that_of_the_vps_less_a_reserve(container: &Value, vps: &Vps) {
    let of_the_vps = vps.inside(
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
    );
    let of_the_vps: u64 = of_the_vps.trim().parse().expect("the plan has a limit");
    let run = &container["HostConfig"];
    let memory = run["Memory"].as_u64().expect("limited");
    let reserve = of_the_vps - memory;
    assert!(
        (256 << 20..320 << 20).contains(&reserve),
        "{reserve} bytes are kept back"
    );
    assert_eq!(run["MemorySwap"], memory, "no swap beyond it");
    // Another size is found at the next boot or start.
    let fit = "docker update --memory 64m --memory-swap 64m vps-docker
        . /etc/vps-docker/fit-memory.sh; fit_memory vps-docker
        docker inspect -f '{{.HostConfig.Memory}}' vps-docker";
    let fitted = vps.inside(fit);
    assert_eq!(fitted.lines().last(), Some(memory.to_string().as_str()));
}

fn start_args_reach_docker_run(container: &Value) {
    let run = &container["HostConfig"];
    assert_eq!(run["ShmSize"], 80 * 1024 * 1024);
    assert_eq!(run["CapAdd"], json!(["SYS_PTRACE"]));
    let labels = &container["Config"]["Labels"];
    assert_eq!(labels["team"], "blue and 'green'");
}
