//! What needs no VPS: usage, exit codes, questions, configuration, completions.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use vps_docker::model::{HostId, HostName, HostTags, OwnerId};
use vps_docker_testkit::cloud_sim::{CloudSim, Seed};

use crate::support::{User, account, order};

#[test]
fn usage_is_told_and_wrong_words_are_refused_with_near_ones() {
    let user = User::new();
    let help = user.says(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("vps-docker create web"), "{}", help.out);
    for (words, hint) in [
        (&["lss"][..], "'ls'"),
        (&["create"], "<NAME>"),
        (&["create", "web", "--plam", "x"], "'--plan'"),
        (&["create", "web", "--idle-timeout", "soon"], "2h30m"),
        (&["create", "web", "--label", "x"], "KEY=VALUE"),
        (&["port-forward", "web", "http"], "8080:80"),
        (&["create", "Bad Name"], "name"),
        (
            &["inspect", "--provider", "hetzer", "web"],
            "did you mean hetzner",
        ),
        (&["cp", "a", "b"], "web:/srv"),
        (
            &["exec", "web", "--env", "NOT_THERE", "--", "true"],
            "NOT_THERE=VALUE",
        ),
    ] {
        let said = user.says(words);
        assert_eq!(said.code, 2, "{words:?}: {said:?}");
        assert!(said.err.contains(hint), "{words:?}: {said:?}");
        assert!(said.out.is_empty(), "{words:?}: {said:?}");
    }
    assert_eq!(user.says(&[]).code, 2, "no command is no use");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_of_failure_has_its_exit_code_and_its_document() {
    let sim = account("hetzner").await;
    let user = User::of("hetzner", &sim);
    let hetzner = ["--provider", "hetzner"];
    let fails = |user: &User, words: &[&str]| {
        let (code, document) = user.fails(&[words, &hetzner].concat());
        (
            code,
            document["error"]["kind"]
                .as_str()
                .expect("it has one")
                .to_owned(),
        )
    };
    let expect = |code: i32, kind: &str| (code, kind.to_owned());
    assert_eq!(fails(&user, &["inspect", "web"]), expect(3, "not_found"));
    assert_eq!(
        fails(&user, &["create", "web", "--plan", "cx1"]),
        expect(2, "invalid")
    );
    // Nobody is there to answer.
    assert_eq!(fails(&user, &["destroy", "web"]), expect(2, "invalid"));
    assert_eq!(
        fails(&user, &["destroy", "web", "--yes"]),
        expect(3, "not_found")
    );
    let wrong = User::of("hetzner", &sim).with("HCLOUD_TOKEN", "wrong");
    assert_eq!(fails(&wrong, &["ls"]), expect(4, "auth"));
    let none = User::new();
    assert_eq!(fails(&none, &["ls"]), expect(4, "auth"));
    let taken = HostName::new("taken").expect("legal");
    let hour = Duration::from_secs(3600);
    let theirs = HostTags::unfinished(HostId::random(), taken, OwnerId::random(), hour);
    order("hetzner", &sim, &theirs).await;
    assert_eq!(
        fails(&user, &["create", "taken"]),
        expect(1, "name_taken"),
        "what has no code of its own"
    );
    assert_eq!(wrong.says(&["doctor", "-p", "hetzner"]).code, 1);
    assert_eq!(user.says(&["providers"]).code, 0);
    let nobody = User::of("hetzner", &sim).with("HCLOUD_ENDPOINT", "http://127.0.0.1:9/v1");
    assert_eq!(fails(&nobody, &["ls"]), expect(7, "unreachable"));
    assert_eq!(sim.state().instances.len(), 1, "nothing was made");

    let contabo = account("contabo").await;
    let user = User::of("contabo", &contabo);
    let (code, document) = user.fails(&["create", "web", "-p", "contabo"]);
    assert_eq!(
        (code, document["error"]["kind"].as_str()),
        (5, Some("payment"))
    );
    assert!(contabo.state().instances.is_empty());
    assert!(
        document["error"]["message"]
            .as_str()
            .expect("text")
            .contains("--allow-order"),
        "{document}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_more_than_allowed_is_not_ordered() {
    let sim = account("hetzner").await;
    let user = User::of("hetzner", &sim);
    let plan = user.document(&["create", "web", "-p", "hetzner", "--dry-run"]);
    let price = plan["places"][0][0]["price"]["monthly"]["amount"]
        .as_str()
        .expect("a price");
    user.document(&[
        "create",
        "web",
        "-p",
        "hetzner",
        "--dry-run",
        "--max-monthly",
        price,
    ]);
    for limit in ["--max-monthly", "--max-hourly"] {
        let (code, document) = user.fails(&["create", "web", "-p", "hetzner", limit, "0.0001"]);
        assert_eq!(
            (code, document["error"]["kind"].as_str()),
            (5, Some("payment"))
        );
        let message = document["error"]["message"].as_str().expect("text");
        assert!(message.contains("the cheapest is"), "{message}");
    }
    let (_, document) = user.fails(&[
        "create",
        "web",
        "-p",
        "hetzner",
        "--plan",
        "cx43",
        "--max-monthly",
        price,
    ]);
    let message = document["error"]["message"].as_str().expect("text");
    assert!(
        message.contains("the cheapest plan that fits is"),
        "{message}"
    );
    let wrote = sim
        .requests()
        .requests
        .into_iter()
        .find(|request| request.method != "GET");
    assert!(wrote.is_none(), "{wrote:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_room_is_exit_code_six() {
    let full = |seed: &mut Seed| seed.quota = Some(0);
    let sim = CloudSim::builder("hetzner".parse().expect("there is one")).seeded(full);
    let sim = sim.start().await.expect("a free port");
    let user = User::of("hetzner", &sim);
    let (code, document) = user.fails(&["create", "web", "-p", "hetzner"]);
    assert_eq!(
        (code, document["error"]["kind"].as_str()),
        (6, Some("quota"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_makes_no_writing_call() {
    let sim = account("hetzner").await;
    let user = User::of("hetzner", &sim);
    for words in [
        &["ls"][..],
        &["providers"],
        &["doctor"],
        &[
            "catalog",
            "hetzner",
            "--sort",
            "memory",
            "--min-cpu",
            "4",
            "--min-memory",
            "8",
        ],
        &["gc", "--dry-run"],
        &[
            "create",
            "web",
            "-p",
            "hetzner",
            "--dry-run",
            "--memory",
            "1g",
            "--allow-from",
            "203.0.113.0/24",
        ],
    ] {
        let said = user.says(words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        user.document(words);
    }
    let requests = sim.requests().requests;
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.method, "GET", "{}", request.path);
    }
    let plans = user.document(&["catalog", "hetzner", "--min-cpu", "4", "--sort", "price"]);
    let plans = plans["plans"].as_array().expect("a list");
    let few = |plan: &Value| plan["cpus"].as_u64().expect("a number") < 4;
    assert!(!plans.is_empty() && !plans.iter().any(few), "{plans:?}");
    let price = |plan: &Value| -> f64 {
        let amount = plan["price"]["monthly"]["amount"]
            .as_str()
            .expect("a price");
        amount.parse().expect("a number")
    };
    assert!(plans.is_sorted_by(|a, b| price(a) <= price(b)), "{plans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn named_providers_are_two_accounts_side_by_side() {
    let (one, other) = (account("hetzner").await, account("hetzner").await);
    let user = User::new()
        .with("ONE", one.token())
        .with("OTHER", other.token());
    let config = format!(
        "default_provider = \"one\"\n\
         [providers.one]\ntype = \"hetzner\"\ntoken_env = \"ONE\"\nendpoint = \"{}\"\n\
         [providers.other]\ntype = \"hetzner\"\ntoken_env = \"OTHER\"\nendpoint = \"{}\"\n",
        one.url(),
        other.url()
    );
    user.configured(&config);
    let providers = user.document(&["providers"]);
    let ready = |name: &str| {
        let mut all = providers.as_array().expect("a list").iter();
        all.find(|one| one["name"] == name).expect("listed")["ready"].clone()
    };
    assert_eq!(
        (ready("one"), ready("other"), ready("hetzner")),
        (true.into(), true.into(), false.into())
    );
    let asked = |sim: &CloudSim| sim.requests().total;
    user.document(&["catalog"]);
    assert!(
        asked(&one) > 0 && asked(&other) == 0,
        "the default is asked"
    );
    user.document(&["ls", "--provider", "other"]);
    assert!(asked(&other) > 0);
    assert!(
        user.data_dir()
            .join("providers/other/profile.json")
            .is_file()
    );
}

#[test]
fn init_writes_no_credential_and_never_over_a_file() {
    let user = User::new();
    let words = ["init", "-p", "hetzner", "--name", "work", "--plan", "cx23"];
    let document = user.document(&words);
    let path = document["config"].as_str().expect("a path");
    let text = fs::read_to_string(path).expect("written");
    for part in [
        "default_provider = \"work\"",
        "type = \"hetzner\"",
        "plan = \"cx23\"",
        "HCLOUD_TOKEN",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let mode = fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(user.fails(&words).0, 2, "it is there already");
    // What was written is read: the provider is the default now, and lacks its token.
    assert_eq!(user.fails(&["catalog"]).0, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_config_toml_names_and_is_not_there_is_told_before_anything_is_ordered() {
    let sim = account("hetzner").await;
    let user = User::of("hetzner", &sim);
    let create = [
        "create",
        "web",
        "-p",
        "hetzner",
        "--image",
        "ghcr.io/me/app",
    ];
    let registry = "[[registry]]\nserver = \"ghcr.io\"\nuser = \"me\"\n";
    for (config, words) in [
        ("identity = \"agent\"", "SSH_AUTH_SOCK names none"),
        ("identity = \"/no/key.pub\"", "identity of the provider"),
        ("identity = \"/no/key\"", "identity of the provider"),
        ("token_file = \"/no/token\"", "token_file of the provider"),
    ] {
        user.configured(&format!("[providers.hetzner]\n{config}\n"));
        let (code, document) = user.fails(&create);
        assert!([2, 3].contains(&code), "{config}: {document}");
        assert!(document.to_string().contains(words), "{config}: {document}");
    }
    user.configured(&format!("{registry}password_env = \"GHCR\"\n"));
    let (code, document) = user.fails(&create);
    assert_eq!(code, 2, "{document}");
    let text = document.to_string();
    for part in ["config.toml", "password_env", "ghcr.io", "GHCR"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        user.says(&[&create[..], &["--dry-run"]].concat()).code,
        0,
        "it needs no password"
    );
    let wrote = |one: &vps_docker_testkit::cloud_sim::Record| one.method != "GET";
    assert!(!sim.requests().requests.iter().any(wrote));
}

#[test]
fn shells_and_man_get_what_they_want() {
    let user = User::new();
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef vps-docker"),
        ("fish", "complete -c vps-docker"),
    ] {
        let said = user.says(&["completions", shell]);
        assert!(
            said.code == 0 && said.out.contains(word),
            "{shell}: {}",
            said.err
        );
    }
    let pages = user.home().join("man");
    fs::create_dir(&pages).expect("made");
    assert_eq!(user.says(&["man", "man"]).code, 0);
    let page = fs::read_to_string(pages.join("vps-docker-snapshot-create.1")).expect("a page");
    assert!(page.contains("before\\-upgrade"), "{page}");
    assert!(
        !user.data_dir().exists(),
        "none of this needs a data directory"
    );
}

#[test]
fn colours_are_for_terminals() {
    let user = User::new();
    let said = user.says(&["inspect", "web"]);
    assert!(!said.err.contains('\u{1b}'), "{said:?}");
}

/// What a killed create leaves is found, and removed when somebody says yes.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_create_leaves_is_collected() {
    let sim = account("hetzner").await;
    let user = User::of("hetzner", &sim);
    let mut create = user
        .command(&["create", "web", "-p", "hetzner", "--progress", "json"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let told = BufReader::new(create.stderr.take().expect("piped"));
    let ordered = told.lines().map_while(Result::ok).any(|line| {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        event["event"] == "finished" && event["phase"] == "order"
    });
    assert!(ordered, "it was ordered");
    create.kill().expect("killed");
    create.wait().expect("it ends");

    let found = user.document(&["gc", "--dry-run", "-p", "hetzner"]);
    assert_eq!(found.as_array().expect("a list").len(), 1, "{found}");
    let (code, error) = user.fails(&["gc", "-p", "hetzner"]);
    assert_eq!(code, 2, "{error}");
    let collected = user.document(&["gc", "-p", "hetzner", "--yes"]);
    assert_eq!(
        collected.as_array().expect("a list").len(),
        1,
        "{collected}"
    );
    sim.settled().await;
    assert!(sim.state().instances.is_empty());
    // Our key at the provider is for nobody any more.
    let key = user.document(&["gc", "-p", "hetzner", "--yes"]);
    assert_eq!(key[0]["item"]["kind"], "ssh_key", "{key}");
    let nothing = user.document(&["gc", "-p", "hetzner", "--yes"]);
    assert_eq!(nothing, serde_json::json!([]));
}
