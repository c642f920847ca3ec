//! A container that nobody uses is stopped by its VPS, stays stopped, and tells why.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use vps_docker::idle::{IdleSignal, SignalState, Why};
use vps_docker::model::{
    CheckCommand, CpuPercent, IdleMode, IdlePolicy, PowerAction, ProcessName, SshEndpoint,
};
use vps_docker::ssh::TransportExt;
use vps_docker::{Host, HostSpec, HostState, Settings};

use crate::support::{World, name, unique};

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_container_is_stopped_stays_stopped_and_tells_why() {
    let twenty = policy(IdleMode::Ssh, 20);
    let settings = Settings::builder().default_idle_policy(twenty.clone());
    let world = World::with(settings.build().expect("fit"));
    let host_name = unique("idle");
    let host = world.create(HostSpec::builder(&host_name)).await;
    let host = host.expect("created");

    // Not while a session is open: the one that the create has opened.
    let why = until(&host, "a session for longer than the timeout", |why| {
        let opened = why.window.as_ref().map(|window| window.opened_at);
        let long = opened.map(|at| at.plus(Duration::from_secs(25)));
        held_by(why, "ssh") && long < why.looked_at
    });
    let why = why.await;
    assert_eq!(why.policy, twenty);
    assert_eq!(signal(&why, "ssh").value, "1 session");
    assert!(why.to_string().starts_with("kept up by ssh: 1 session\n"));

    // 20 to 30 seconds after its end, by the watcher's own log.
    host.close().await;
    let found = world.provider.host(&name(&host_name)).await;
    let mut host = found.expect("found");
    let why = stopped(&host).await;
    let (quiet, stop) = (last(&why, "quiet"), last(&why, "stopped"));
    assert!((20..=30).contains(&(stop - quiet)), "{:?}", why.events);
    let ended = signal(&why, "ssh").last_active.expect("it was active");
    assert!((20..=30).contains(&(stop - ended.unix_seconds())));
    assert_eq!(
        why.stopped.as_ref().map(|stop| stop.by.as_str()),
        Some("idle")
    );

    // Also over a reboot, which the watcher and its reasons survive.
    host.power(PowerAction::Reboot).await.expect("rebooted");
    assert_eq!(host.info().state, HostState::Stopped);
    assert_eq!(host.stopped(), why.stopped.as_ref());
    let again = stopped(&host).await;
    assert!(again.watching);
    assert_eq!(
        (&again.stopped, &again.signals),
        (&why.stopped, &why.signals)
    );
    let text = again.to_string();
    assert!(text.contains("by idle: nothing for 2"), "{text}");
    assert!(text.contains("in the mode ssh (0 sessions)"), "{text}");

    // A start opens a window, and so does a boot.
    host.start().await.expect("started");
    let before = until(&host, "the session", |why| held_by(why, "ssh")).await;
    host.power(PowerAction::Reboot).await.expect("rebooted");
    assert_eq!(host.info().state, HostState::Running);
    let after = until(&host, "the session", |why| held_by(why, "ssh")).await;
    let opened = |why: &Why| why.window.as_ref().expect("open").opened_at;
    assert!(opened(&after) > opened(&before) && after.watching);
    assert!(after.stopped.is_none());
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signal_is_seen_and_nothing_else() {
    let world = World::new();
    let spec = HostSpec::builder(unique("signals")).idle_policy(IdlePolicy::disabled());
    let mut host = world.create(spec).await.expect("created");

    io_counts_bytes_and_no_keep_alives(&mut host).await;
    a_busy_core_counts(&mut host).await;
    a_living_process_counts(&mut host).await;
    a_command_is_asked(&mut host).await;
    jobs_are_kept_alive(&mut host).await;
    a_late_stop_does_not_undo_a_start(&host).await;
    without_docker_nothing_is_stopped(&mut host).await;
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

async fn io_counts_bytes_and_no_keep_alives(host: &mut Host) {
    let door = &host.info().container_ssh.clone();
    set(host, IdleMode::Io, 30).await;
    // The engine's own connection is open, and these, which say every second that they live.
    let mut cat = session(door, &["cat"]);
    let forward = session(door, &["-N"]);
    let silent = until(host, "silence of three sessions", |why| {
        let io = signal(why, "io");
        let long = io.last_active.map(|at| at.plus(Duration::from_secs(5)));
        io.value == "3 sessions" && io.state == SignalState::Idle && long < why.looked_at
    });
    let silent = signal(&silent.await, "io").last_active;

    let stdin = cat.stdin.as_mut().expect("piped");
    stdin.write_all(b"x").await.expect("taken");
    let typed = until(host, "one byte", |why| {
        signal(why, "io").last_active > silent
    })
    .await;
    let typed = signal(&typed, "io").last_active;

    // A session that is over before anybody looks, as a rule, leaves its mark.
    let mut brief = session(door, &["true"]);
    brief.wait().await.expect("an ssh program");
    let came = until(host, "a brief session", |why| {
        let io = signal(why, "io");
        io.value == "3 sessions" && io.last_active > typed
    });
    let typed = signal(&came.await, "io").last_active;

    // A terminal of `docker exec`, in which a program prints.
    background(host, "while :; do echo .; sleep 10; done").await;
    until(host, "a terminal", |why| {
        let io = signal(why, "io");
        io.last_active > typed && io.value == "3 sessions, and terminals"
    })
    .await;
    kill(host).await;

    // Connections on which nothing happens do not keep it up in this mode.
    set(host, IdleMode::Io, 5).await;
    let why = stopped(host).await;
    assert_eq!(signal(&why, "io").value, "3 sessions", "{why}");
    drop((cat, forward));
    host.start().await.expect("started");
}

async fn a_busy_core_counts(host: &mut Host) {
    let percent = CpuPercent::new(30).expect("fit");
    set(host, IdleMode::Cpu { percent }, 20).await;
    until(host, "no load", |why| why.held_by.is_none()).await;
    background(host, "while :; do :; done").await;
    until(host, "load", |why| held_by(why, "cpu")).await;
    kill(host).await;
    until(host, "no load again", |why| why.held_by.is_none()).await;
}

async fn a_living_process_counts(host: &mut Host) {
    // Longer than the 15 bytes that the kernel keeps.
    let process = ProcessName::new("a-job-with-a-long-name").expect("fit");
    set(host, IdleMode::Run { process }, 20).await;
    until(host, "no process", |why| why.held_by.is_none()).await;
    inside(host, "cp /bin/sleep /tmp/a-job-with-a-long-name").await;
    let job = "exec /tmp/a-job-with-a-long-name 1000";
    background(host, job).await;
    until(host, "the process", |why| held_by(why, "run")).await;
    kill(host).await;
    until(host, "its end", |why| why.held_by.is_none()).await;
}

async fn a_command_is_asked(host: &mut Host) {
    inside(host, "echo 1 >'/tmp/the code'").await;
    set(
        host,
        custom(["sh", "-c", "exit $(cat '/tmp/the code')"]),
        20,
    )
    .await;
    for (code, state) in [
        (1, SignalState::Idle),
        (0, SignalState::Active),
        (3, SignalState::Unknown),
    ] {
        inside(host, &format!("echo {code} >'/tmp/the code'")).await;
        let value = format!("exit code {code}");
        let why = until(host, &value, |why| signal(why, "custom").value == value).await;
        assert_eq!(signal(&why, "custom").state, state);
        assert_eq!(held_by(&why, "custom"), state != SignalState::Idle);
    }
    // One that does not end by itself.
    set(host, custom(["sleep", "1000"]), 5).await;
    let why = until(host, "its limit", |why| held_by(why, "custom")).await;
    assert_eq!(signal(&why, "custom").state, SignalState::Unknown);
}

async fn jobs_are_kept_alive(host: &mut Host) {
    set(host, custom(["false"]), 20).await;
    until(host, "nothing", |why| why.held_by.is_none()).await;
    inside(host, "touch /vps-docker/keep-alive").await;
    until(host, "the file", |why| held_by(why, "keep_alive")).await;
    inside(host, "rm /vps-docker/keep-alive").await;
    until(host, "no file", |why| why.held_by.is_none()).await;

    let job = host.exec("vps-docker-keep-alive sh -c 'exit 7'").await;
    assert_eq!(job.expect("reached").exit_code(), 7);
    let nothing = host.exec("vps-docker-keep-alive").await;
    assert_eq!(nothing.expect("reached").exit_code(), 125);
    let job = "exec vps-docker-keep-alive sleep 1000";
    background(host, job).await;
    let why = until(host, "the command", |why| held_by(why, "keep_alive")).await;
    assert!(why.text.contains("under vps-docker-keep-alive"), "{why}");
    kill(host).await;
    until(host, "its end", |why| why.held_by.is_none()).await;
    // The mark of what was killed says nothing, and the next one removes it.
    let marks = "ls /run/vps-docker/keep-alive | wc -l";
    assert_eq!(inside(host, marks).await.trim(), "1");
    let marks = format!("vps-docker-keep-alive sh -c '{marks}'");
    assert_eq!(inside(host, &marks).await.trim(), "1");
}

async fn a_late_stop_does_not_undo_a_start(host: &Host) {
    let late = "systemctl stop vps-docker-idle
        : >/run/vps-docker/idle-window
        code=0; sh /etc/vps-docker/stop-container.sh idle late 10 || code=$?
        systemctl start vps-docker-idle
        exit $code";
    let vps = host.vps().await.expect("connected");
    let output = vps.run(late, b"").await.expect("reached");
    assert_eq!(output.exit_code(), 76, "{output:?}");
    assert_eq!(inside(host, "echo lives").await, "lives\n");
}

async fn without_docker_nothing_is_stopped(host: &mut Host) {
    let vps = host.vps().await.expect("connected");
    let docker = |verb: &str| format!("systemctl {verb} docker.socket docker.service");
    let output = vps.run(&docker("stop"), b"").await.expect("reached");
    assert_eq!(output.exit_code(), 0, "{output:?}");
    // The container lives on, and is older than this. A watcher that cannot ask stops nothing.
    let old = IdlePolicy::disabled().with_max_lifetime(Duration::from_secs(5));
    host.set_idle_policy(&old.expect("fit")).await.expect("set");
    let unknown = |why: &Why| why.container == "unknown" && why.looked_at.is_some();
    poll(host, "a look without Docker", unknown).await;
    let output = vps.run(&docker("start"), b"").await.expect("reached");
    assert_eq!(output.exit_code(), 0, "{output:?}");
    let stop = stopped(host).await.stopped.expect("waited for");
    assert!(stop.reason.contains("max_lifetime is 5 s"), "{stop:?}");
}

/// Runs a script in the container that is no SSH session.
async fn inside(host: &Host, script: &str) -> String {
    let docker = host.docker().await.expect("connected");
    let words = ["exec", "vps-docker", "sh", "-c", script];
    docker.run(words).await.expect("it succeeds")
}

/// Starts such a script, which [`kill`] ends.
async fn background(host: &Host, script: &str) {
    let script = format!("echo $$ >/tmp/pid; {script}");
    let docker = host.docker().await.expect("connected");
    let words = [
        "exec",
        "--detach",
        "--tty",
        "vps-docker",
        "sh",
        "-c",
        &script,
    ];
    docker.run(words).await.expect("started");
}

async fn kill(host: &Host) {
    let script = "until [ -s /tmp/pid ]; do sleep 0.1; done; kill -9 $(cat /tmp/pid); rm /tmp/pid";
    inside(host, script).await;
}

/// A plain `ssh` that says every second that it lives.
fn session(door: &SshEndpoint, words: &[&str]) -> Child {
    let ssh = door.command();
    let (options, command): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with('-'));
    Command::new(&ssh[0])
        .args(["-o", "BatchMode=yes", "-o", "ServerAliveInterval=1"])
        .args(options)
        .args(&ssh[1..])
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("an ssh program")
}

fn policy(mode: IdleMode, seconds: u64) -> IdlePolicy {
    IdlePolicy::new(mode, Duration::from_secs(seconds)).expect("fit")
}

fn custom<const N: usize>(words: [&str; N]) -> IdleMode {
    let command = CheckCommand::new(words).expect("words");
    IdleMode::Custom { command }
}

async fn set(host: &mut Host, mode: IdleMode, seconds: u64) {
    let policy = policy(mode, seconds);
    host.set_idle_policy(&policy).await.expect("set");
}

fn held_by(why: &Why, holder: &str) -> bool {
    why.held_by.as_deref() == Some(holder)
}

fn signal<'a>(why: &'a Why, name: &str) -> &'a IdleSignal {
    let found = why.signals.iter().find(|signal| signal.name == name);
    found.unwrap_or_else(|| panic!("no signal {name}: {why}"))
}

/// When the last event of that name was, in Unix seconds of the VPS.
fn last(why: &Why, event: &str) -> i64 {
    let found = why.events.iter().rfind(|found| found.event == event);
    found.expect("it is in the log").at.unix_seconds()
}

/// Waits until this holds in an open window that the watcher has looked into.
async fn until(host: &Host, what: &str, holds: impl Fn(&Why) -> bool) -> Why {
    let looked = |why: &Why| {
        let opened = why
            .events
            .last()
            .is_some_and(|event| event.event == "opened");
        why.window.is_some() && !(opened && why.text.is_empty())
    };
    poll(host, what, |why| looked(why) && holds(why)).await
}

async fn stopped(host: &Host) -> Why {
    // The watcher writes its log when the container has gone.
    let told = |why: &Why| why.events.iter().any(|event| event.event == "stopped");
    let stopped = |why: &Why| why.container == "exited" && why.stopped.is_some() && told(why);
    poll(host, "the stop", stopped).await
}

async fn poll(host: &Host, what: &str, holds: impl Fn(&Why) -> bool) -> Why {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let why = host.why().await.expect("told");
        if holds(&why) {
            return why;
        }
        assert!(
            Instant::now() < deadline,
            "{what}: {why}\n{:#?}",
            why.events
        );
        sleep(Duration::from_millis(300)).await;
    }
}
