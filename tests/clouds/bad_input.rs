//! What a user can get wrong with a real provider, and the exit code that tells it.

use std::process::{Command, Output};

use vps_docker_testkit::cloud_sim::CloudSim;

use crate::clouds::{built, in_memory};

struct Wrong {
    what: &'static str,
    /// Another value, or none, of a variable.
    variable: Option<(&'static str, Option<String>)>,
    args: &'static [&'static str],
    code: i32,
    told: &'static str,
}

/// Nothing is sent but what finds it out, and nothing is made.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_exit_code_and_nothing_is_made() {
    let sim = in_memory("hetzner".parse().expect("there is one")).await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}/v1", listener.local_addr().expect("an address"))
    };
    let token = |value: Option<&str>| Some(("HCLOUD_TOKEN", value.map(str::to_owned)));
    let endpoint = |value: &str| Some(("HCLOUD_ENDPOINT", Some(value.to_owned())));
    let read_only = sim.credentials().read_only_token.clone();
    let https = sim.url().replace("http:", "https:");
    #[rustfmt::skip]
    let wrongs = [
        Wrong { what: "no token", variable: token(None), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a blank token", variable: token(Some(" ")), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a wrong token", variable: token(Some("wrong")), args: &[], code: 4, told: "HCLOUD_TOKEN" },
        Wrong { what: "a token that may only read", variable: token(Some(&read_only)), args: &[], code: 4, told: "Read & Write" },
        Wrong { what: "nobody at the endpoint", variable: endpoint(&closed), args: &[], code: 7, told: "cannot be reached" },
        Wrong { what: "no TLS there", variable: endpoint(&https), args: &[], code: 7, told: "does not speak TLS" },
        Wrong { what: "an endpoint without TLS elsewhere", variable: endpoint("http://api.example.com/v1"), args: &[], code: 2, told: "unencrypted" },
        Wrong { what: "no URL", variable: endpoint("api.example.com"), args: &[], code: 2, told: "is no URL" },
        Wrong { what: "an unknown provider", variable: None, args: &["--provider", "hetzer"], code: 2, told: "did you mean hetzner" },
        Wrong { what: "an unknown plan", variable: None, args: &["--plan", "cx32x"], code: 2, told: "did you mean" },
        Wrong { what: "an unknown region", variable: None, args: &["--region", "fsn"], code: 2, told: "did you mean fsn1" },
        Wrong { what: "a plan that is elsewhere", variable: None, args: &["--plan", "cx23", "--region", "ash"], code: 2, told: "it is in" },
        Wrong { what: "an unknown system", variable: None, args: &["-b", "--vps-os=debian-9"], code: 2, told: "did you mean" },
        Wrong { what: "no range of addresses", variable: None, args: &["--allow-from", "everybody"], code: 2, told: "203.0.113.0/24" },
        Wrong { what: "a port for nobody", variable: None, args: &["--app-port", "8000"], code: 2, told: "allow_from" },
    ];
    for wrong in wrongs {
        let output = create(&sim, &wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(wrong.code),
            "{}: {said}",
            wrong.what
        );
        assert!(said.contains(wrong.told), "{}: {said}", wrong.what);
        assert!(output.stdout.is_empty(), "{}", wrong.what);
        assert!(sim.state().instances.is_empty(), "{}", wrong.what);
    }
    sim.assert_valid();
}

/// Runs the example with one thing wrong.
fn create(sim: &CloudSim, wrong: &Wrong) -> Output {
    let data = tempfile::tempdir().expect("a directory");
    let mut create = Command::new(built("examples/create_host"));
    create
        .env("HCLOUD_TOKEN", sim.token())
        .env("HCLOUD_ENDPOINT", sim.url());
    match &wrong.variable {
        Some((name, Some(value))) => create.env(name, value),
        Some((name, None)) => create.env_remove(name),
        None => &mut create,
    };
    if !wrong.args.contains(&"--provider") {
        create.args(["--provider", "hetzner"]);
    }
    create
        .args(["--name", "wrong", "--json", "--data-dir"])
        .arg(data.path().join("data"))
        .args(wrong.args)
        .output()
        .expect("run")
}
