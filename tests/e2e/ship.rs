//! Images without a registry: only the layers that a VPS lacks travel, whatever happens on the way.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vps_docker::docker::{DockerOverSsh, LocalEngine, Shipped};
use vps_docker::model::ImageReference;
use vps_docker::ssh::{RemoteProcess, Transport, TransportExt};
use vps_docker::{ErrorKind, Host, HostSpec, Result};

use crate::support::{LocalImage, World, docker, unique};

const MEGABYTE: usize = 1_000_000;
/// Two layers upon the one that every host of these tests has: that of the default image.
const TWO_LAYERS: &str = "FROM debian:bookworm-slim\nCOPY middle /middle\nCOPY top /top\n";

#[tokio::test(flavor = "multi_thread")]
async fn images_are_shipped_layer_by_layer() {
    let world = World::new();
    let create = || world.create(HostSpec::builder(unique("ship")));
    let (host, other) = tokio::join!(create(), create());
    let (host, other) = (host.expect("created"), other.expect("created"));
    only_what_the_vps_lacks_is_sent(&host).await;
    an_image_moves_from_vps_to_vps(&host, &other).await;
    what_fails_is_told_and_leaves_the_vps_usable(&host).await;
    for host in [host, other] {
        host.destroy().await.expect("destroyed");
    }
    world.assert_nothing_left().await;
}

async fn only_what_the_vps_lacks_is_sent(host: &Host) {
    let vps = host.docker().await.expect("connected");
    let (middle, top) = (noise(3 * MEGABYTE), noise(MEGABYTE));
    let files = [("middle", &middle[..]), ("top", &top)];
    let mut image = LocalImage::of(TWO_LAYERS, &files);
    let first = ship(&vps, &image).await.expect("shipped");
    assert_eq!((first.layers, first.layers_sent), (3, 2));
    assert_is_there(&vps, &image, &files).await;

    // Unchanged, by another name too.
    let again = ship(&vps, &image).await.expect("shipped");
    assert_eq!(again.bytes_on_the_wire + again.layers_sent as u64, 0);
    let other_name = reference(&format!("{}.0", image.name));
    docker(&["tag", &image.name, other_name.as_str()]);
    let engine = LocalEngine::default();
    let renamed = vps.ship_image(&engine, &other_name, &|_| ()).await;
    docker(&["image", "rm", other_name.as_str()]);
    let renamed = renamed.expect("shipped");
    assert_eq!(renamed.bytes_on_the_wire + renamed.layers_sent as u64, 0);
    let there = vps.run(["image", "rm", other_name.as_str()]).await;
    there.expect("it has the name there too");

    // The name moves to an image whose top layer is another.
    let new_top = noise(MEGABYTE);
    let files = [("middle", &middle[..]), ("top", &new_top)];
    image.rebuild(TWO_LAYERS, &files);
    let changed = ship(&vps, &image).await.expect("shipped");
    assert_eq!((changed.layers, changed.layers_sent), (3, 1));
    let bytes = changed.bytes_on_the_wire as usize;
    assert!((MEGABYTE..2 * MEGABYTE).contains(&bytes), "{changed:?}");
    assert_is_there(&vps, &image, &files).await;

    // Only the configuration changed.
    image.rebuild(&format!("{TWO_LAYERS}ENV COLOUR=blue\n"), &files);
    let configured = ship(&vps, &image).await.expect("shipped");
    assert_eq!((configured.layers, configured.layers_sent), (3, 0));
    assert!(configured.bytes_on_the_wire < 100_000, "{configured:?}");
    assert_is_there(&vps, &image, &files).await;

    // A layer that comes again higher up is sent, though it is there lower down and the archive has
    // it only once.
    image.rebuild(&format!("{TWO_LAYERS}COPY middle /middle\n"), &files);
    let digests = image.inspect("{{index .RootFS.Layers 1}} {{index .RootFS.Layers 3}}");
    let (lower, higher) = digests.split_once(' ').expect("two");
    assert_eq!(lower, higher, "the engine makes two layers of one content");
    let twice = ship(&vps, &image).await.expect("shipped");
    assert_eq!((twice.layers, twice.layers_sent), (4, 1));
    assert_is_there(&vps, &image, &files).await;

    // The same contents upon others are other layers.
    let swapped = "FROM debian:bookworm-slim\nCOPY top /top\nCOPY middle /middle\n";
    image.rebuild(swapped, &files);
    let swapped = ship(&vps, &image).await.expect("shipped");
    assert_eq!((swapped.layers, swapped.layers_sent), (3, 2));
    assert_is_there(&vps, &image, &files).await;
}

async fn an_image_moves_from_vps_to_vps(from: &Host, to: &Host) {
    let from = from.docker().await.expect("connected");
    let to = to.docker().await.expect("connected");
    // As a snapshot is made: only that VPS has it.
    let container = from.run([
        "run",
        "-d",
        "debian:bookworm-slim",
        "sh",
        "-c",
        "echo kept >/file",
    ]);
    let container = container.await.expect("started").trim().to_owned();
    from.run(["wait", &container]).await.expect("it ends");
    let name = format!("{}:1", unique("snapshot"));
    from.run(["commit", &container, &name])
        .await
        .expect("committed");
    let reference = reference(&name);
    let moved = to.ship_image_from(&from, &reference, &|_| ()).await;
    let moved = moved.expect("moved");
    assert_eq!((moved.layers, moved.layers_sent), (2, 1));
    let kept = to.run(["run", "--rm", &name, "cat", "/file"]).await;
    assert_eq!(kept.expect("it runs"), "kept\n");

    let nobodys = self::reference("no-such-image");
    let error = from.ship_image_from(&to, &nobodys, &|_| ()).await;
    let error = error.expect_err("nobody has it");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("the other VPS"), "{error}");
}

async fn what_fails_is_told_and_leaves_the_vps_usable(host: &Host) {
    let machine = format!("vps-docker-{}", host.info().name);
    let top = noise(2 * MEGABYTE);
    let files = [("middle", &noise(MEGABYTE)[..]), ("top", &top)];
    let mut image = LocalImage::of(TWO_LAYERS, &files);
    let vps = host.docker().await.expect("connected");

    // The engine here breaks off in the middle.
    let torn = tempfile::tempdir().expect("a directory");
    let program = torn.path().join("docker");
    let script = "#!/bin/sh\n[ $1 = save ] || exec docker \"$@\"\n\
         docker save \"$2\" | head -c 3000000\necho 'out of luck' >&2\nexit 1\n";
    std::fs::write(&program, script).expect("written");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("ours");
    let engine = LocalEngine::default().program(program);
    let name = reference(&image.name);
    let error = vps.ship_image(&engine, &name, &|_| ()).await;
    let error = error.expect_err("torn");
    assert_eq!(error.kind(), ErrorKind::Docker);
    assert!(error.to_string().contains("out of luck"), "{error}");
    assert_is_absent(&vps, &image).await;

    // The disk of the VPS is full; where Docker unpacks an archive, as it cannot be filled wholly.
    let full = "mount -t tmpfs -o size=1m full /var/lib/docker/tmp";
    docker(&["exec", &machine, "sh", "-c", full]);
    let error = ship(&vps, &image).await.expect_err("no room");
    docker(&["exec", &machine, "umount", "/var/lib/docker/tmp"]);
    assert_eq!(error.kind(), ErrorKind::Docker);
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_is_absent(&vps, &image).await;

    // The connection is cut.
    let cut = Meddler::on(host, Meddling::Cut(machine)).await;
    let error = ship(&cut, &image).await.expect_err("cut");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let vps = host.docker().await.expect("connected anew");
    assert_is_absent(&vps, &image).await;
    let shipped = ship(&vps, &image).await.expect("shipped");
    assert_eq!(shipped.layers_sent, 2);
    assert_is_there(&vps, &image, &files).await;

    // What was counted upon is removed: all of it is sent, once, and that is told.
    let old = image.name.clone();
    image.rebuild(&format!("{TWO_LAYERS}COPY top /again\n"), &files);
    let forgetful = Meddler::on(host, Meddling::Run(format!("docker image rm {old}"))).await;
    let told = Mutex::new(Vec::new());
    let tell = |text| told.lock().expect("nobody panics").push(text);
    let engine = LocalEngine::default();
    let shipped = forgetful.ship_image(&engine, &name, &tell).await;
    let shipped = shipped.expect("shipped");
    assert_eq!((shipped.layers, shipped.layers_sent), (4, 4));
    let told = told.into_inner().expect("nobody panics").join("\n");
    assert!(told.contains("shipping all of it instead"), "{told}");
    assert_is_there(&vps, &image, &files).await;
}

/// A connection on which something happens after the first `docker load` was started.
#[derive(Debug)]
struct Meddler {
    vps: Arc<dyn Transport>,
    meddling: Mutex<Option<Meddling>>,
}

#[derive(Debug)]
enum Meddling {
    /// That machine's sshd ends all connections.
    Cut(String),
    Run(String),
}

impl Meddler {
    async fn on(host: &Host, meddling: Meddling) -> DockerOverSsh {
        DockerOverSsh::new(Arc::new(Self {
            vps: host.vps().await.expect("connected"),
            meddling: Mutex::new(Some(meddling)),
        }))
    }
}

#[async_trait]
impl Transport for Meddler {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        let process = self.vps.spawn(command).await?;
        if command.starts_with("docker load") {
            let meddling = self.meddling.lock().expect("nobody panics").take();
            match meddling {
                Some(Meddling::Cut(machine)) => {
                    let cut = "pkill -KILL -f '^sshd: root'";
                    docker(&["exec", &machine, "sh", "-c", cut]);
                }
                Some(Meddling::Run(command)) => {
                    let output = self.vps.run(&command, b"").await?;
                    output.success(ErrorKind::Docker, "meddling")?;
                }
                None => {}
            }
        }
        Ok(process)
    }
}

async fn ship(vps: &DockerOverSsh, image: &LocalImage) -> Result<Shipped> {
    let name = reference(&image.name);
    vps.ship_image(&LocalEngine::default(), &name, &|_| ())
        .await
}

/// The image is the same there as here, and a container of it has these files.
async fn assert_is_there(vps: &DockerOverSsh, image: &LocalImage, files: &[(&str, &[u8])]) {
    let id = ["image", "inspect", "--format={{.Id}}", &image.name];
    let id = vps.run(id).await.expect("it is there");
    assert_eq!(id.trim(), image.inspect("{{.Id}}"));
    let names: Vec<String> = files.iter().map(|(name, _)| format!("/{name}")).collect();
    let count = format!("cat {} | wc -c", names.join(" "));
    let size = ["run", "--rm", &image.name, "sh", "-c", &count];
    let size = vps.run(size).await.expect("it runs");
    let expected: usize = files.iter().map(|(_, content)| content.len()).sum();
    assert_eq!(size.trim(), expected.to_string());
}

async fn assert_is_absent(vps: &DockerOverSsh, image: &LocalImage) {
    let listed = vps.run(["image", "ls", "--quiet", &image.name]).await;
    assert_eq!(listed.expect("Docker answers"), "");
}

fn reference(name: &str) -> ImageReference {
    ImageReference::new(name).expect("legal")
}

/// What does not get smaller by compression.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    let mut source = std::fs::File::open("/dev/urandom").expect("there");
    source.read_exact(&mut noise).expect("endless");
    noise
}
