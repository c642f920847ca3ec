//! The watcher, run by this machine's `/bin/sh`: its decisions on a clock of the test's and with
//! signals of the test's. What it sees on a VPS is tested on real ones.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::config::render;
use super::install::WATCH;
use super::why::Why;
use crate::model::{CheckCommand, CpuPercent, IdleMode, IdlePolicy, ProcessName};

/// Instead of the real signals, the real pause and the real container: a line per look says what
/// they are. `wait N` is a pause of N seconds, `pid N` another container, `gone` none, `ask` a start.
const SCENARIO: &str = r#"
uptime_now=100000 container_pid=10
log_limit=${LOG_LIMIT-$log_limit}
read_uptime() { uptime=$uptime_now; }
pause() { uptime_now=$((uptime_now + interval * 100)); }
forget_signals() { :; }
find_container() {
    while read -r verb argument <&3; do
        case $verb in
        wait) uptime_now=$((uptime_now + argument * 100)); read_uptime ;;
        pid) container_pid=$argument ;;
        gone) container=absent; return ;;
        ask) : >"$run_dir/idle-window" ;;
        look) container=running pid=$container_pid pid_start=100000 scripted=$argument; return ;;
        esac
    done
    exit 0
}
signal() {
    value=${VALUE-scripted}
    case " $scripted " in
    *" $1=active "*) state=active ;;
    *" $1=unknown "*) state=unknown ;;
    *) state=idle ;;
    esac
}
look_at_keep_alive() { signal keep_alive; }
look_at_sessions() { signal ssh; ssh_state=$state ssh_value=$value io_state=idle io_value=''; }
look_at_cpu() { signal cpu; }
look_at_processes() { signal run; }
ask_command() { signal custom; }
hidden_marks_hold() { value='a command inside'; case " $scripted " in *' hidden '*) return 0 ;; esac; return 1; }
"#;

struct Bench {
    directory: TempDir,
}

impl Bench {
    fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name, text: &str| fs::write(directory.path().join(name), text).expect(name);
        file("idle.conf", config);
        file("report.sh", include_str!("../cloud_init/assets/report.sh"));
        file("idle-signals.sh", "");
        file(
            "stop-container.sh",
            "printf '%s\\n' \"$*\" >>\"$VPS_DOCKER_RUN_DIR/stops\"\n\
             [ -z \"${REFUSE-}\" ] || { printf 'not \"today\"\\\\\\n' >&2; exit 1; }\n",
        );
        Self { directory }
    }

    fn with(policy: &IdlePolicy) -> Self {
        Self::new(&render(policy))
    }

    /// The functions of the watcher and then something else than its `main`.
    fn sh(&self, rest: &str, environment: &[(&str, &str)]) -> Output {
        let (functions, _) = WATCH.rsplit_once("\nmain\n").expect("it ends with main");
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("{functions}\n{rest}")])
            .env("VPS_DOCKER_CONFIG_DIR", self.path())
            .env("VPS_DOCKER_RUN_DIR", self.path())
            .env("VPS_DOCKER_LOG_DIR", self.path())
            .envs(environment.iter().copied())
            .output()
            .expect("there is a /bin/sh");
        assert!(output.status.success(), "{output:?}");
        output
    }

    /// Plays a scenario and says how the container was stopped.
    fn play(&self, scenario: &str) -> Vec<String> {
        self.play_with(scenario, &[])
    }

    fn play_with(&self, scenario: &str, environment: &[(&str, &str)]) -> Vec<String> {
        fs::write(self.path().join("scenario"), scenario).expect("written");
        let rest = format!("{SCENARIO}\nexec 3<\"$VPS_DOCKER_RUN_DIR/scenario\"\nmain");
        let output = self.sh(&rest, environment);
        assert!(output.stderr.is_empty(), "{output:?}");
        let stops = fs::read_to_string(self.path().join("stops")).unwrap_or_default();
        stops.lines().map(str::to_owned).collect()
    }

    /// What the watcher has told.
    fn why(&self, policy: &IdlePolicy) -> Why {
        let policy = serde_json::to_string(policy).expect("plain data");
        let mut lines = format!("unit\tactive\npolicy\t{policy}\n");
        for line in self.log().lines() {
            serde_json::from_str::<serde_json::Value>(line).expect(line);
            lines.push_str(&format!("log\t{line}\n"));
        }
        let now = fs::read_to_string(self.path().join("idle.json")).expect("told");
        lines.push_str(&format!("now\t{now}"));
        Why::parse(&lines).expect("a policy")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path().join("idle.log")).expect("told")
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn policy(mode: IdleMode) -> IdlePolicy {
    IdlePolicy::new(mode, Duration::from_secs(20)).expect("fit")
}

fn ssh() -> IdlePolicy {
    policy(IdleMode::Ssh)
}

/// So many looks, two seconds apart with a timeout of 20 s.
fn looks(count: usize, what: &str) -> String {
    format!("look {what}\n").repeat(count)
}

fn events(why: &Why) -> Vec<&str> {
    why.events
        .iter()
        .map(|event| event.event.as_str())
        .collect()
}

#[test]
fn a_quiet_window_ends_with_a_stop_and_not_before() {
    let bench = Bench::with(&ssh());
    assert!(bench.play(&looks(10, "")).is_empty(), "18 s");
    let why = bench.why(&ssh());
    assert_eq!(events(&why), ["started", "opened"]);
    let window = why.window.expect("open");
    assert_eq!(
        window.closes_at,
        why.looked_at.map(|at| at.plus(Duration::from_secs(2)))
    );

    let bench = Bench::with(&ssh());
    let stops = bench.play(&looks(11, ""));
    assert_eq!(stops.len(), 1, "20 s: {stops:?}");
    assert!(stops[0].starts_with("idle nothing for 20 s in the mode ssh"));
    assert!(stops[0].ends_with(" 10"), "the time to stop in: {stops:?}");
    let why = bench.why(&ssh());
    assert_eq!(events(&why), ["started", "opened", "stopping", "stopped"]);
    assert_eq!((why.container.as_str(), &why.held_by), ("exited", &None));
    assert!(!why.signals.is_empty(), "they are in the log");
}

#[test]
fn use_opens_the_window_anew_and_its_end_is_when_it_is_seen() {
    let bench = Bench::with(&ssh());
    let used = looks(9, "") + &looks(15, "ssh=active") + &looks(10, "");
    let odd = [("VALUE", "as \"scripted\" \\ here")];
    assert!(bench.play_with(&used, &odd).is_empty());
    let why = bench.why(&ssh());
    assert_eq!(events(&why), ["started", "opened", "held", "quiet"]);
    let signal = why.signals.iter().find(|signal| signal.name == "ssh");
    let signal = signal.expect("it is looked at");
    assert!(signal.decides && signal.last_active < why.looked_at);
    assert_eq!(signal.value, "as \"scripted\" \\ here");

    let bench = Bench::with(&ssh());
    assert_eq!(bench.play(&(used + &looks(1, ""))).len(), 1);
}

#[test]
fn a_command_that_only_the_container_knows_of_is_asked_for_before_a_stop() {
    let bench = Bench::with(&ssh());
    assert!(bench.play(&looks(15, "hidden")).is_empty());
    let why = bench.why(&ssh());
    assert_eq!(why.held_by.as_deref(), Some("keep_alive"));
    assert_eq!(why.text, "a command inside");
    assert_eq!(events(&why), ["started", "opened", "held"]);
    let bench = Bench::with(&ssh());
    assert_eq!(bench.play(&(looks(15, "hidden") + &looks(1, ""))).len(), 1);
}

#[test]
fn what_fails_or_is_unknown_never_stops_anything() {
    let modes = [
        (IdleMode::Ssh, "ssh"),
        (
            IdleMode::Cpu {
                percent: CpuPercent::new(5).expect("fit"),
            },
            "cpu",
        ),
        (
            IdleMode::Run {
                process: ProcessName::new("x").expect("fit"),
            },
            "run",
        ),
        (
            IdleMode::Custom {
                command: CheckCommand::new(["x"]).expect("fit"),
            },
            "custom",
        ),
    ];
    for (mode, name) in modes {
        let policy = policy(mode);
        for signal in [name, "keep_alive"] {
            let bench = Bench::with(&policy);
            let scenario = looks(20, &format!("{signal}=unknown"));
            assert!(bench.play(&scenario).is_empty(), "{signal} in {name}");
            assert_eq!(bench.why(&policy).held_by.as_deref(), Some(signal));
        }
        // Its end opens the window anew.
        let bench = Bench::with(&policy);
        let scenario = looks(9, "") + &looks(1, &format!("{name}=unknown")) + &looks(10, "");
        assert!(bench.play(&scenario).is_empty(), "{name}");
        // Signals that the mode does not go by change nothing.
        let bench = Bench::with(&policy);
        let other = if name == "ssh" { "cpu" } else { "ssh" };
        assert_eq!(bench.play(&looks(11, &format!("{other}=active"))).len(), 1);
    }
}

#[test]
fn a_lifetime_ends_use_but_not_what_is_kept_alive() {
    let lifetime = Duration::from_secs(40);
    for policy in [ssh(), IdlePolicy::disabled()] {
        let policy = policy.with_max_lifetime(lifetime).expect("fit");
        let bench = Bench::with(&policy);
        // Disabled, it looks every four seconds.
        let until = 40 / policy.interval().as_secs() as usize;
        let stops = bench.play(&looks(until + 1, "ssh=active"));
        assert_eq!(stops.len(), 1, "{stops:?}");
        assert!(stops[0].contains("max_lifetime is 40 s"), "{stops:?}");

        let bench = Bench::with(&policy);
        let scenario = looks(20, "ssh=active keep_alive=active");
        assert!(bench.play(&scenario).is_empty());
        assert_eq!(bench.why(&policy).held_by.as_deref(), Some("keep_alive"));
    }
    let bench = Bench::with(&IdlePolicy::disabled());
    assert!(bench.play(&looks(40, "")).is_empty(), "disabled");
}

#[test]
fn a_policy_that_cannot_be_read_never_stops_anything() {
    let good = render(&ssh());
    for config in [
        String::new(),
        "\u{0}\u{1}\u{2} garbage\n\n".to_owned(),
        good.replace("mode ssh", "mode telepathy"),
        good.replace("mode ssh", "mode cpu"),
        good.replace("mode ssh", "mode run"),
        good.replace("mode ssh", "mode custom"),
        good.replace("idle_timeout 20", "idle_timeout"),
        good.replace("idle_timeout 20", "idle_timeout -1"),
        good.replace("idle_timeout 20", "idle_timeout 20; exit"),
        good.replace("idle_timeout 20", "idle_timeout 99999999999999999999"),
        good.replace("interval 2", "interval 0x2"),
        good.replace("interval 2", "max_lifetime $(echo 1)"),
    ] {
        let bench = Bench::new(&config);
        assert!(bench.play(&looks(20, "")).is_empty(), "{config}");
        let why = bench.why(&ssh());
        assert_eq!(why.held_by.as_deref(), Some("policy"), "{config}");
    }
}

#[test]
fn time_in_which_nobody_looked_is_no_quiet_time() {
    let bench = Bench::with(&ssh());
    let frozen = looks(2, "") + "wait 3600\n" + &looks(2, "");
    assert!(bench.play(&frozen).is_empty());
}

#[test]
fn another_container_has_another_window() {
    let bench = Bench::with(&ssh());
    let scenario = looks(9, "") + "pid 11\n" + &looks(9, "") + "gone\n" + &looks(9, "");
    assert!(bench.play(&scenario).is_empty());
    let why = bench.why(&ssh());
    assert_eq!(
        events(&why),
        ["started", "opened", "opened", "ended", "opened"]
    );
}

#[test]
fn a_start_opens_a_window_also_for_a_container_that_runs() {
    let bench = Bench::with(&ssh());
    let scenario = looks(10, "") + "ask\n" + &looks(10, "");
    assert!(bench.play(&scenario).is_empty());
    let why = bench.why(&ssh());
    assert_eq!(events(&why), ["started", "opened", "opened"]);
}

#[test]
fn a_stop_that_fails_is_told_and_tried_again() {
    let bench = Bench::with(&ssh());
    let stops = bench.play_with(&looks(12, ""), &[("REFUSE", "1")]);
    assert_eq!(stops.len(), 2, "{stops:?}");
    let why = bench.why(&ssh());
    assert!(why.text.ends_with("not \"today\"\\"), "{}", why.text);
    assert_eq!(events(&why).last(), Some(&"stop_failed"));
}

#[test]
fn the_log_has_a_limit() {
    let bench = Bench::with(&ssh());
    let flapping = "look ssh=active\nlook\n".repeat(20);
    let limit = [("LOG_LIMIT", "5000")];
    assert!(bench.play_with(&flapping, &limit).is_empty());
    let old = fs::metadata(bench.path().join("idle.log.1")).expect("put aside");
    let new = bench.log().len() as u64;
    // By a line at most.
    assert!(old.len().max(new) < 5500, "{} and {new}", old.len());
    bench.why(&ssh());
}

#[test]
fn a_disk_that_is_full_does_not_end_the_watcher() {
    let bench = Bench::with(&ssh());
    fs::create_dir(bench.path().join("idle.log")).expect("in its way");
    fs::create_dir(bench.path().join("idle.json.new")).expect("in its way");
    assert_eq!(bench.play(&looks(11, "")).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn words_of_a_command_arrive_as_they_are(
        words in prop::collection::vec("[^\0]*", 1..4).prop_filter("a program", |words| !words[0].is_empty()),
    ) {
        let command = CheckCommand::new(words.clone()).expect("words");
        let bench = Bench::with(&policy(IdleMode::Custom { command }));
        let printed = bench.sh("read_config; eval \"set -- $command\"; printf '%s\\0' \"$mode\" \"$@\"", &[]);
        let mut expected = b"custom\0".to_vec();
        for word in &words {
            expected.extend(word.bytes().chain([0]));
        }
        prop_assert_eq!(printed.stdout, expected);
    }

    #[test]
    fn names_of_processes_arrive_as_they_are(name in "[^\0/\\pC ]{1,20}") {
        let Ok(process) = ProcessName::new(name.clone()) else { return Ok(()) };
        let bench = Bench::with(&policy(IdleMode::Run { process }));
        let printed = bench.sh("read_config; printf %s \"$process\"", &[]);
        prop_assert_eq!(String::from_utf8(printed.stdout).expect("UTF-8"), name);
    }

    #[test]
    fn any_bytes_in_a_text_make_a_line_of_json(text in "[^\0]*") {
        let bench = Bench::with(&ssh());
        bench.sh("container=x window='' held_by=''; text=$TEXT; show checked", &[("TEXT", &text)]);
        let line = fs::read_to_string(bench.path().join("idle.json")).expect("told");
        prop_assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        if text.len() <= 2000 {
            prop_assert_eq!(value["text"].as_str().expect("text"), text);
        }
    }
}
