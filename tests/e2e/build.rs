//! Images that are built on the VPS, from a context here.

use std::collections::BTreeSet;
use std::fs::{create_dir_all, remove_file, write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use vps_docker::model::{BuildArgs, ImageReference};
use vps_docker::ssh::{TransportExt, join};
use vps_docker::{CreateEvent, ErrorKind, Host, HostSpec, Phase};

use crate::support::{Vps, World, unique};

/// Reference: an unknown `--vps-` flag is refused before any call.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_vps_flag_is_refused_before_anything_is_ordered() {
    let world = World::new();
    let spec = HostSpec::builder(unique("flag")).build_args(["--vps-regoin=local"]);
    let error = world.create(spec).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("did you mean --vps-region"),
        "{error}"
    );
    let spec = HostSpec::builder(unique("flag")).build_args(["--vps-plan=smal"]);
    let error = world.create(spec).await.expect_err("no such plan");
    assert!(error.to_string().contains("did you mean small"), "{error}");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_cannot_be_sent_is_refused_before_anything_is_ordered() {
    let world = World::new();
    let context = tempfile::tempdir().expect("a directory");
    let path = |inside: &str| context.path().join(inside);
    let refused = async |args: &[&str]| {
        let spec = HostSpec::builder(unique("refused"));
        let args = args.iter().map(ToString::to_string);
        let spec = spec.build_args(args.chain([context.path().display().to_string()]));
        let error = world.create(spec).await.expect_err("refused");
        world.assert_nothing_left().await;
        error.to_string()
    };
    let error = refused(&[]).await;
    assert!(error.contains("Dockerfile"), "{error}");
    write(path("Dockerfile"), "FROM scratch\n").expect("written");
    let error = refused(&["--file=/no/such/file"]).await;
    assert!(error.contains("/no/such/file"), "{error}");
    let error = refused(&["--secret=id=x,src=/no/secret"]).await;
    assert!(error.contains("/no/secret"), "{error}");
    write(path(".dockerignore"), "[").expect("written");
    let error = refused(&[]).await;
    assert!(error.contains(".dockerignore"), "{error}");
    remove_file(path(".dockerignore")).expect("removed");
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("bound");
    let error = refused(&[]).await;
    assert!(error.contains("socket"), "{error}");
}

/// One host, as each costs a boot: it is built by build args, and then builds what there is to
/// show.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_built_by_build_args_and_builds_on() {
    let world = World::new();
    let host_name = unique("build");
    let host = arguments_arrive_intact(&world, &host_name).await;
    let vps = Vps::of(&host);
    what_is_ignored_stays_here_just_as_docker_leaves_it_out(&host).await;
    dockerfiles_are_found_inside_and_outside_of_the_context(&host).await;
    a_git_worktree_is_a_context_like_any_other(&host).await;
    a_secret_is_read_by_the_build_and_found_nowhere_else(&host, &vps).await;
    a_failing_step_is_named_with_the_end_of_the_output(&host).await;
    only_what_has_changed_travels(&host).await;
    a_full_disk_is_told_and_the_host_is_usable_after_it(&host, &vps).await;
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

/// Defaults, repeated flags, values that are names of directories here, and every odd character.
async fn arguments_arrive_intact(world: &World, host_name: &str) -> Host {
    const ODD: &str = "it's \"odd\",\n $(touch /x) `id` \\ *";
    let context = tempfile::tempdir().expect("a directory");
    let dockerfile = "ARG BASE=no-such-image\nFROM ${BASE}\nARG ODD\nENV ODD=$ODD\n\
                      RUN useradd --create-home app && echo built-on-the-vps\nUSER app\n\
                      COPY --chown=app [\"a file\", \"/home/app/\"]\n";
    write(context.path().join("Dockerfile"), dockerfile).expect("written");
    write(context.path().join("a file"), "from here").expect("written");
    assert!(
        Path::new("src").is_dir(),
        "the value below names a directory here"
    );
    let path = context.path().display().to_string();
    let spec = HostSpec::builder(host_name)
        .region("elsewhere")
        .build_args([
            "--vps-region=nowhere",
            "--vps-region",
            "local",
            "--label",
            "src",
            "--build-arg=BASE=debian:bookworm-slim",
            "--build-arg",
            &format!("ODD={ODD}"),
            "--label",
            &format!("odd={ODD}"),
            &path,
        ]);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    let host = world
        .provider
        .create_host(spec.build().expect("fit"))
        .on_event(move |event| {
            if let CreateEvent::Progress(Phase::Image, line) = event {
                told.lock().expect("nobody panics").push(line);
            }
        })
        .await
        .expect("created");
    let lines = lines.lock().expect("nobody panics").clone();
    assert!(
        lines.iter().any(|line| line == "built-on-the-vps"),
        "{lines:?}"
    );

    assert_eq!(host.info().container_ssh.user, "app");
    let output = host.exec("printf %s \"$ODD\"; cat ~/'a file'").await;
    assert_eq!(output.expect("reached").stdout, format!("{ODD}from here"));
    let docker = host.docker().await.expect("connected");
    let label = "--format={{index .Config.Labels \"odd\"}}{{index .Config.Labels \"src\"}}";
    let label = docker.run(["inspect", label, "vps-docker"]).await;
    assert_eq!(label.expect("inspected"), format!("{ODD}\n"));
    host
}

/// What Docker itself makes of the same context with the same rules is the measure.
async fn what_is_ignored_stays_here_just_as_docker_leaves_it_out(host: &Host) {
    const FILES: [&str; 18] = [
        ".git/config",
        "#odd",
        "README.md",
        "README-secret.md",
        "a/b/c/deep.txt",
        "a/b/keep.txt",
        "a/file.go",
        "a/node_modules/x/y.js",
        "b/a/file.go",
        "file.go",
        "logs/1.log",
        "logs/keep/2.log",
        "node_modules/z.js",
        "temp",
        "tempa/x",
        "tempb",
        "with space/x",
        "ä/ö.txt",
    ];
    const RULES: [&str; 7] = [
        "*.go\nnode_modules\ntemp?\n*/*/*.log\nlogs/*.log\nwith space\nä\n",
        "**/*.go\n**/node_modules/\n[a-b]/**/c\n.git\n",
        "*\n!README*.md\nREADME-secret.md\n",
        "a\n!a/b/keep.txt\n[^a-zA-Z]*\n",
        "a/b\n!a/b/keep.txt\na/b/k*\n",
        "# comment\n#odd\n/logs/**\n!logs/keep\n./temp*/\n",
        "Dockerfile\n.dockerignore\n*/../file.go\n**/keep.txt\n",
    ];
    for rules in RULES {
        let context = tempfile::tempdir().expect("a directory");
        for file in FILES {
            let path = context.path().join(file);
            create_dir_all(path.parent().expect("inside")).expect("made");
            write(path, file).expect("written");
        }
        symlink("/etc/passwd", context.path().join("link")).expect("made");
        write(
            context.path().join("Dockerfile"),
            "FROM scratch\nCOPY . /context/\n",
        )
        .expect("written");
        write(context.path().join(".dockerignore"), rules).expect("written");
        let vps = host.vps().await.expect("connected");
        let forget = vps.run("rm -rf /var/lib/vps-docker/contexts", b"").await;
        assert!(forget.expect("reached").status.success());
        let path = context.path().display().to_string();
        let image = build(host, &[&path]).await.expect(rules);
        let there = files_there(host, &image).await;
        assert_eq!(there, files_by_docker_here(&path), "{rules}");

        // What is not in the image has not even left this machine.
        let find = "cd /var/lib/vps-docker/contexts/*/context && find . ! -type d";
        let sent = vps.run(find, b"").await.expect("reached").stdout;
        let sent: BTreeSet<String> = sent.lines().map(|line| line[2..].to_owned()).collect();
        let needed = ["Dockerfile", ".dockerignore"].map(str::to_owned);
        let surplus: Vec<&String> = sent.difference(&there).collect();
        assert!(
            surplus.iter().all(|file| needed.contains(file)),
            "{rules}: {surplus:?}"
        );
    }
}

/// What `COPY . /context/` has put into an image on the VPS.
async fn files_there(host: &Host, image: &ImageReference) -> BTreeSet<String> {
    let script = "id=$(docker create \"$1\" none) && docker export \"$id\" | tar -t && docker rm \"$id\" >/dev/null";
    let vps = host.vps().await.expect("connected");
    let command = join(["sh", "-ec", script, "list", image.as_str()]);
    let listed = vps.run(&command, b"").await.expect("reached");
    assert!(listed.status.success(), "{listed:?}");
    files_of(&listed.stdout)
}

/// The same by this machine's `docker build`, which knows nothing of us.
fn files_by_docker_here(context: &str) -> BTreeSet<String> {
    let script = "image=$(DOCKER_BUILDKIT=0 docker build --quiet --force-rm --label vps-docker-test \"$1\" 2>/dev/null)
        id=$(docker create --label vps-docker-test \"$image\" none)
        docker export \"$id\" | tar -t
        docker rm \"$id\" >/dev/null
        docker rmi \"$image\" >/dev/null";
    let output = Command::new("sh")
        .args(["-ec", script, "list", context])
        .output();
    let output = output.expect("a shell");
    assert!(output.status.success(), "{output:?}");
    files_of(&String::from_utf8_lossy(&output.stdout))
}

fn files_of(listed: &str) -> BTreeSet<String> {
    let inside = listed
        .lines()
        .filter_map(|line| line.strip_prefix("context/"));
    let files = inside.filter(|path| !path.is_empty() && !path.ends_with('/'));
    files.map(str::to_owned).collect()
}

async fn dockerfiles_are_found_inside_and_outside_of_the_context(host: &Host) {
    let context = tempfile::tempdir().expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let path = context.path().display().to_string();
    create_dir_all(context.path().join("docker")).expect("made");
    for (name, content) in [("x", "x"), ("y", "y"), (".dockerignore", "x\ndocker\n")] {
        write(context.path().join(name), content).expect("written");
    }
    let scratch = "FROM scratch\nCOPY . /context/\n";
    let inside = context.path().join("docker/In side");
    let outside = elsewhere.path().join("Outside");
    write(&inside, scratch).expect("written");
    write(&outside, scratch).expect("written");
    for (file, expected) in [
        // That the Dockerfile travels does not mean that it is copied.
        (&inside, &[".dockerignore", "y"][..]),
        (&outside, &[".dockerignore", "y"]),
    ] {
        let file = file.display().to_string();
        let image = build(host, &["-f", &file, &path]).await.expect("built");
        let files: Vec<String> = files_there(host, &image).await.into_iter().collect();
        assert_eq!(files, expected, "{file}");
    }
    // An ignore file of its own has it all to itself, with BuildKit.
    for file in [&inside, &outside] {
        let own = format!("{}.dockerignore", file.display());
        write(&own, "y\ndocker\n.dockerignore\n").expect("written");
        let file = file.display().to_string();
        let image = build(host, &[&path, "--file", &file]).await.expect("built");
        let files: Vec<String> = files_there(host, &image).await.into_iter().collect();
        assert_eq!(files, ["x"], "{file}");
    }
}

/// Its `.git` is a file that points elsewhere: it travels as it is, and nothing follows it.
async fn a_git_worktree_is_a_context_like_any_other(host: &Host) {
    let root = tempfile::tempdir().expect("a directory");
    let script = "cd \"$1\"; git init -q main; cd main
        printf 'FROM scratch\\nCOPY . /context/\\n' >Dockerfile
        git add .; git -c user.name=test -c user.email=test@test commit -qm first
        git worktree add -q ../branch";
    let path = root.path().display().to_string();
    let made = Command::new("sh")
        .args(["-ec", script, "git", &path])
        .output();
    let made = made.expect("a shell");
    assert!(made.status.success(), "{made:?}");
    let worktree = format!("{path}/branch");
    let image = build(host, &[&worktree]).await.expect("built");
    let files: Vec<String> = files_there(host, &image).await.into_iter().collect();
    assert_eq!(files, [".git", "Dockerfile"]);
}

async fn a_secret_is_read_by_the_build_and_found_nowhere_else(host: &Host, vps: &Vps) {
    const SECRET: &str = "s3cret-'quoted'-$(value)";
    let context = tempfile::tempdir().expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let file = elsewhere.path().join("a token");
    write(&file, format!("{SECRET}\n")).expect("written");
    // It prints what it should not, and gives us the time to look at what runs.
    let dockerfile = "FROM debian:bookworm-slim\nRUN --mount=type=secret,id=token \
                      cat /run/secrets/token && sha256sum </run/secrets/token >/sum && sleep 1\n";
    write(context.path().join("Dockerfile"), dockerfile).expect("written");
    let path = context.path().display().to_string();
    let secret = format!("--secret=id=token,src={}", file.display());
    let lines = Mutex::new(Vec::new());
    let args = [&*secret, "--no-cache", &path];
    let building = build_told(host, &args, |line| {
        lines.lock().expect("nobody panics").push(line);
    });
    let mut processes = String::new();
    let mut places = String::new();
    let image = {
        let mut building = std::pin::pin!(building);
        loop {
            let looking = async {
                tokio::task::yield_now().await;
                vps.inside("ps -eo args; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")
            };
            tokio::select! {
                biased;
                built = &mut building => break built.expect("built"),
                seen = looking => processes.push_str(&seen),
            }
            places.push_str(&vps.inside("ls -d /run/vps-docker/secrets-*/* 2>/dev/null || true"));
        }
    };
    let lines = lines.into_inner().expect("nobody panics").join("\n");
    assert!(
        lines.contains("***"),
        "the build printed it, redacted: {lines}"
    );
    assert!(
        processes.contains("docker build"),
        "the build was seen: {processes}"
    );
    assert!(
        places.contains("/secret-token"),
        "the file was seen: {places}"
    );
    let docker = host.docker().await.expect("connected");
    let history = ["history", "--no-trunc", image.as_str()];
    let history = docker.run(history).await.expect("listed");
    let inspected = ["image", "inspect", image.as_str()];
    let inspected = docker.run(inspected).await.expect("inspected");
    for place in [&lines, &processes, &history, &inspected] {
        assert!(!place.contains(SECRET), "{place}");
    }
    let sum = ["run", "--rm", image.as_str(), "cat", "/sum"];
    let sum = docker.run(sum).await.expect("run");
    let expected = Command::new("sha256sum")
        .arg(&file)
        .output()
        .expect("a program");
    assert_eq!(sum[..64], String::from_utf8_lossy(&expected.stdout)[..64]);
    // A failed build leaves it no more than one that ended well.
    write(
        context.path().join("Dockerfile"),
        format!("{dockerfile}RUN false\n"),
    )
    .expect("written");
    build(host, &args).await.expect_err("it fails");
    let left = vps.inside("ls -d /run/vps-docker/secrets-* 2>/dev/null || true");
    assert_eq!(left, "");
}

async fn a_failing_step_is_named_with_the_end_of_the_output(host: &Host) {
    let context = tempfile::tempdir().expect("a directory");
    let dockerfile = "FROM debian:bookworm-slim\nRUN echo the licence is missing && exit 3\n";
    let path = context.path().display().to_string();
    for (begin, step) in [
        ("", "step 2/2 : RUN echo"),
        ("RUN --mount=type=tmpfs,target=/x true\n", "] RUN echo"),
    ] {
        let dockerfile = dockerfile.replacen('\n', &format!("\n{begin}"), 1);
        write(context.path().join("Dockerfile"), dockerfile).expect("written");
        let error = build(host, &[&path]).await.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::Docker);
        let error = error.to_string();
        assert!(error.contains(step), "{error}");
        assert!(
            error.contains("\nthe licence is missing") || error.contains(" the licence is missing"),
            "{error}"
        );
    }
}

/// What that is in bytes is counted for uploads, which go the same way.
async fn only_what_has_changed_travels(host: &Host) {
    let context = tempfile::tempdir().expect("a directory");
    let path = context.path().display().to_string();
    for (name, content) in [
        ("Dockerfile", "FROM scratch\nCOPY a b /\n"),
        ("a", "a"),
        ("b", "b"),
    ] {
        write(context.path().join(name), content).expect("written");
    }
    let sent = async || {
        let lines = Mutex::new(Vec::new());
        let told = |line| lines.lock().expect("nobody panics").push(line);
        build_told(host, &[&path], told).await.expect("built");
        let lines = lines.into_inner().expect("nobody panics");
        lines
            .into_iter()
            .find(|line| line.starts_with("sent the build context"))
    };
    let counts = |line: Option<String>, changed: &str| {
        let line = line.expect("told");
        assert!(line.contains(&format!(": {changed} changed")), "{line}");
    };
    counts(sent().await, "3");
    counts(sent().await, "0");
    write(context.path().join("a"), "c").expect("written");
    counts(sent().await, "1");
    remove_file(context.path().join("b")).expect("removed");
    write(
        context.path().join("Dockerfile"),
        "FROM scratch\nCOPY . /context/\n",
    )
    .expect("written");
    let image = build(host, &[&path]).await.expect("built");
    let files: Vec<String> = files_there(host, &image).await.into_iter().collect();
    assert_eq!(
        files,
        ["Dockerfile", "a"],
        "what is gone here is gone there"
    );
}

async fn a_full_disk_is_told_and_the_host_is_usable_after_it(host: &Host, vps: &Vps) {
    let context = tempfile::tempdir().expect("a directory");
    let path = context.path().display().to_string();
    write(
        context.path().join("Dockerfile"),
        "FROM scratch\nCOPY large /\n",
    )
    .expect("written");
    write(context.path().join("large"), vec![7; 3_000_000]).expect("written");
    // Where contexts are kept, and where Docker works.
    for full in ["/var/lib/vps-docker", "/var/lib/docker/tmp"] {
        vps.inside(&format!("mount -t tmpfs -o size=1m tmpfs {full}"));
        let error = build(host, &[&path, "--no-cache"])
            .await
            .expect_err("no space");
        vps.inside(&format!("umount {full}"));
        let error = error.to_string();
        assert!(error.contains("disk") && error.contains("full"), "{error}");
        build(host, &[&path, "--no-cache"])
            .await
            .expect("there is space again");
        let output = host.exec("echo still here").await.expect("reached");
        assert_eq!(output.stdout, "still here\n");
    }
}

async fn build(host: &Host, args: &[&str]) -> vps_docker::Result<ImageReference> {
    build_told(host, args, |_| {}).await
}

async fn build_told(
    host: &Host,
    args: &[&str],
    on_line: impl Fn(String) + Send + Sync,
) -> vps_docker::Result<ImageReference> {
    let args = BuildArgs::parse(args.iter().copied())?;
    host.build_image(&args.build.expect("a context"), on_line)
        .await
}
