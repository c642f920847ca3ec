//! Files to the container and back.

use std::fs::{create_dir, create_dir_all, read_dir, read_link, read_to_string, write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vps_docker::{ErrorKind, Host, HostSpec};

use crate::support::{Vps, World, unique};

/// One host, as each costs a boot.
#[tokio::test(flavor = "multi_thread")]
async fn files_travel_to_a_host_and_back() {
    let world = World::new();
    let host_name = unique("files");
    let context = tempfile::tempdir().expect("a directory");
    let dockerfile = "FROM debian:bookworm-slim\nRUN useradd --create-home app\nUSER app\n\
                      WORKDIR /home/app\n";
    write(context.path().join("Dockerfile"), dockerfile).expect("written");
    let spec = HostSpec::builder(&host_name).build_args([context.path().display().to_string()]);
    let host = world.create(spec).await.expect("created");
    trees_and_files_arrive_as_they_are(&host).await;
    only_what_has_changed_travels(&host).await;
    what_cannot_be_written_or_read_fails_at_once(&host).await;
    a_dropped_upload_goes_on_by_itself_and_sends_nothing_twice(&world, &host).await;
    a_container_without_tar_says_so(&host).await;
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn trees_and_files_arrive_as_they_are(host: &Host) {
    let here = tempfile::tempdir().expect("a directory");
    let tree = here.path().join("tree");
    create_dir_all(tree.join("a 'b'/empty")).expect("made");
    write(tree.join("a 'b'/$(x)\nfile"), "odd").expect("written");
    write(tree.join("tool"), "#!/bin/sh\necho works\n").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    std::fs::set_permissions(tree.join("tool"), mode).expect("changed");
    symlink("/etc/passwd", tree.join("link")).expect("made");

    let upload = host.upload(&tree, "deep/er tree").await.expect("sent");
    assert_eq!(upload.entries, 5);
    let again = host.upload(&tree, "deep/er tree").await.expect("sent");
    assert_eq!(again.entries, 0);
    let seen = host.exec("cd deep/er*; ./tool; readlink link; cat a*/*file; stat -c %a:%U tool");
    let seen = seen.await.expect("reached").stdout;
    assert_eq!(seen, "works\n/etc/passwd\nodd750:app\n");

    // What is there alone stays; a file replaces a file, wherever a link of its name led.
    let prepare = "cd deep/er*; echo theirs >theirs; ln -sf theirs tool";
    assert_eq!(host.exec(prepare).await.expect("reached").exit_code(), 0);
    host.upload(tree.join("tool"), "deep/er tree/tool")
        .await
        .expect("sent");
    let seen = host.exec("cd deep/er*; cat theirs; ./tool").await;
    assert_eq!(seen.expect("reached").stdout, "theirs\nworks\n");

    let back = here.path().join("back");
    let download = host.download("/home/app/deep/er tree", &back).await;
    assert_eq!(download.expect("fetched").entries, 6);
    assert_eq!(
        read_link(back.join("link")).expect("a link"),
        Path::new("/etc/passwd")
    );
    assert_eq!(
        read_to_string(back.join("a 'b'/$(x)\nfile")).expect("there"),
        "odd"
    );
    assert!(back.join("a 'b'/empty").is_dir());
    assert_eq!(
        back.join("tool").metadata().expect("there").mode() & 0o777,
        0o750
    );
    let file = here.path().join("passwd");
    host.download("/etc/passwd", &file).await.expect("fetched");
    assert!(read_to_string(&file).expect("there").contains("app:"));
}

/// Of 5,000 files and 20 MB, as the VPS's network card counts it, both ways.
async fn only_what_has_changed_travels(host: &Host) {
    const TOTAL: u64 = 20_000_000;
    let here = tempfile::tempdir().expect("a directory");
    let mut random = std::fs::File::open("/dev/urandom").expect("there");
    for number in 0..5000 {
        let mut content = [0; 4000];
        std::io::Read::read_exact(&mut random, &mut content).expect("endless");
        let directory = here.path().join(format!("d{}", number / 100));
        create_dir_all(&directory).expect("made");
        write(directory.join(format!("f{number}")), content).expect("written");
    }
    let vps = Vps::of(host);
    let measure = async || {
        let before = vps.bytes_on_the_wire();
        host.upload(here.path(), "many").await.expect("sent");
        vps.bytes_on_the_wire() - before
    };
    let first = measure().await;
    assert!(
        first > TOTAL,
        "{first} bytes: the count is of something else"
    );
    let unchanged = measure().await;
    assert!(unchanged < TOTAL / 100, "{unchanged} bytes");
    write(here.path().join("d7/f707"), "changed").expect("written");
    let one_changed = measure().await;
    assert!(one_changed < TOTAL / 50, "{one_changed} bytes");
}

async fn what_cannot_be_written_or_read_fails_at_once(host: &Host) {
    let here = tempfile::tempdir().expect("a directory");
    let file = here.path().join("file");
    write(&file, "x").expect("written");
    for place in [
        "/root/file",
        "/etc/passwd",
        "/etc/vps-docker/ssh/file",
        "/proc/file",
    ] {
        let error = host.upload(&file, place).await.expect_err(place);
        assert!(!error.is_retryable(), "{error}");
        let expected = [ErrorKind::Permission, ErrorKind::State];
        assert!(expected.contains(&error.kind()), "{error}");
    }
    let error = host
        .upload(&file, "/root/file")
        .await
        .expect_err("not ours");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    for (bad, kind) in [
        ("", ErrorKind::Invalid),
        ("dir/", ErrorKind::Invalid),
        ("a/..", ErrorKind::Invalid),
    ] {
        let error = host.upload(&file, bad).await.expect_err(bad);
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = host.upload(here.path().join("none"), "x").await;
    assert_eq!(error.expect_err("not there").kind(), ErrorKind::NotFound);

    let target = here.path().join("target");
    let error = host
        .download("/etc/shadow", &target)
        .await
        .expect_err("secret");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    let error = host
        .download("/nowhere", &target)
        .await
        .expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    create_dir(&target).expect("made");
    write(target.join("mine"), "mine").expect("written");
    let error = host.download("/etc/apt", &target).await.expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(
        read_dir(here.path()).expect("there").count(),
        2,
        "nothing is left"
    );
}

async fn a_dropped_upload_goes_on_by_itself_and_sends_nothing_twice(world: &World, host: &Host) {
    const FILES: u64 = 24;
    const SIZE: usize = 4 * 1024 * 1024;
    let here = tempfile::tempdir().expect("a directory");
    let mut random = std::fs::File::open("/dev/urandom").expect("there");
    for number in 0..FILES {
        let mut content = vec![0; SIZE];
        std::io::Read::read_exact(&mut random, &mut content).expect("endless");
        write(here.path().join(format!("{number:02}")), content).expect("written");
    }
    let door = host.container().await.expect("open");
    let ssh = ssh_to(host);
    // Another connection looks on, by a host of its own.
    let onlooker = world.provider.host(&host.info().name).await;
    let onlooker = onlooker.expect("found");
    let upload = host.upload(here.path(), "large");
    let cut = async {
        let deadline = Instant::now() + Duration::from_secs(60);
        while onlooker
            .exec("test -e large/03")
            .await
            .expect("reached")
            .exit_code()
            != 0
        {
            assert!(Instant::now() < deadline, "nothing arrives");
        }
        let killed = Command::new("kill").args(["-KILL", &ssh]).status();
        assert!(killed.expect("a program").success());
    };
    let (upload, ()) = tokio::join!(upload, cut);
    let upload = upload.expect("it goes on by itself");
    assert!(door.has_ended(), "the connection was cut");
    let total = FILES * SIZE as u64;
    assert!(
        upload.entries > FILES,
        "it was cut in the middle: {upload:?}"
    );
    // Nothing travels twice but what was on its way.
    assert!(upload.entries < 2 * FILES - 2, "{upload:?}");
    assert!(
        upload.sent < total + 16 * 1024 * 1024,
        "{upload:?} of {total}"
    );
    let sums = |listed: &str| {
        let mut sums: Vec<String> = listed.lines().map(str::to_owned).collect();
        sums.sort();
        sums
    };
    let there = onlooker
        .exec("cd large && sha256sum *")
        .await
        .expect("reached");
    let script = "cd \"$1\" && sha256sum *";
    let ours = Command::new("sh")
        .args(["-c", script, "sums"])
        .arg(here.path())
        .output();
    let ours = ours.expect("a shell").stdout;
    assert_eq!(sums(&there.stdout), sums(&String::from_utf8_lossy(&ours)));
    onlooker.close().await;
}

/// The process id of the one `ssh` that we have started to the host's container.
fn ssh_to(host: &Host) -> String {
    let endpoint = host.ssh_endpoint();
    let (address, port) = (endpoint.host.to_string(), endpoint.port.to_string());
    let ours = format!("PPid:\t{}\n", std::process::id());
    let mut found = Vec::new();
    for process in read_dir("/proc").expect("there").flatten() {
        let read = |file: &str| std::fs::read(process.path().join(file)).unwrap_or_default();
        let status = String::from_utf8_lossy(&read("status")).into_owned();
        let command = String::from_utf8_lossy(&read("cmdline")).into_owned();
        let words: Vec<&str> = command.split('\0').collect();
        if status.contains(&ours) && words.contains(&&*address) && words.contains(&&*port) {
            found.push(process.file_name().to_string_lossy().into_owned());
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

async fn a_container_without_tar_says_so(host: &Host) {
    let docker = host.docker().await.expect("connected");
    let rename = async |from: &str, to: &str| {
        let args = ["exec", "--user=0", "vps-docker", "mv", from, to];
        docker.run(args).await.expect("renamed");
    };
    let here = tempfile::tempdir().expect("a directory");
    write(here.path().join("file"), "x").expect("written");
    rename("/bin/tar", "/bin/no-tar").await;
    let upload = host.upload(here.path(), "x").await;
    let download = host.download("/etc/passwd", here.path().join("new")).await;
    for error in [upload.expect_err("no tar"), download.expect_err("no tar")] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("no tar"), "{error}");
    }
    rename("/bin/no-tar", "/bin/tar").await;
    // Without the means to compare, everything travels.
    rename("/usr/bin/sha256sum", "/usr/bin/no-sum").await;
    for _ in 0..2 {
        let upload = host.upload(here.path(), "x").await.expect("sent");
        assert_eq!(upload.entries, 1);
    }
    rename("/usr/bin/no-sum", "/usr/bin/sha256sum").await;
    assert_eq!(
        host.upload(here.path(), "x").await.expect("sent").entries,
        0
    );
}
