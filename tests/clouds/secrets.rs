//! Neither the credentials of an account nor `user_data` gets into logs, errors or what `Debug` shows, whatever
//! the provider answers: also where it sends back, in its refusal, all that it was sent.

use std::fmt::Debug;
use std::io::Write;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use vps_docker::model::{BootImage, InstanceFilter, InstanceId, InstanceSpec};
use vps_docker::{Error, HostSpec, VpsClient};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Op, Provider};

use crate::clouds::{Engine, client, client_through, in_memory, nobody_answers};

const USER_DATA: &str = "#cloud-config\n# marked-user-data-77aa3e\n";

#[tokio::test]
async fn hetzner_is_told_secrets_and_nobody_else() {
    nobody_else_is_told("hetzner").await;
}

#[tokio::test]
async fn digitalocean_is_told_secrets_and_nobody_else() {
    nobody_else_is_told("digitalocean").await;
}

#[tokio::test]
async fn vultr_is_told_secrets_and_nobody_else() {
    nobody_else_is_told("vultr").await;
}

#[tokio::test]
async fn contabo_is_told_secrets_and_nobody_else() {
    nobody_else_is_told("contabo").await;
}

async fn nobody_else_is_told(name: &str) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // All that runs in this test runs on this thread.
    let _logging = tracing::subscriber::set_default(subscriber);
    let provider: Provider = name.parse().expect("there is one");
    let sim = in_memory(provider).await;
    let told = Told::default();

    let straight = client(provider, &sim);
    told.debug(&straight);
    let echo = echo(&sim, name).await;
    let echoed = client_through(provider, &sim, &echo);
    let order = spec(&*straight).await;
    told.failed(echoed.create_instance(&order).await);
    let repeated = told.text();
    assert!(
        repeated.contains("it was sent") && repeated.contains("and that was all"),
        "nothing was echoed: {repeated}"
    );
    every_call(&*straight, &sim, &told).await;
    // Where one that was given back is used again.
    told.debug(&echoed.create_instance(&order).await);

    let engine = Engine::over(straight, nobody_answers().build().expect("fit"));
    let host = HostSpec::builder("marked").env("TOKEN", "marked-env-19bd2c");
    let create = engine.provider.create_host(host.build().expect("fit"));
    let events = told.clone();
    let create = create.on_event(move |event| events.debug(&event));
    told.failed(create.await.map(drop));
    told.debug(&engine.provider);
    let credentials = sim.credentials().clone();
    sim.stop().await;

    let user_data = BASE64.encode(USER_DATA.as_bytes());
    let log = log.text();
    assert!(
        log.contains("vps_docker_core"),
        "nothing of ours is logged: {log}"
    );
    for (secret, what) in [
        (&*credentials.token, "the token"),
        (&credentials.client_secret, "the client's secret"),
        (&credentials.password, "the password"),
        (USER_DATA.trim_end(), "user_data"),
        ("marked-user-data-77aa3e", "a line of user_data"),
        (user_data.trim_end_matches('='), "user_data in base64"),
        ("marked-env-19bd2c", "a variable"),
    ] {
        assert!(secret.len() > 6, "{what} is no secret");
        assert!(!log.contains(secret), "{what} is logged");
        assert!(!told.text().contains(secret), "{what} is told");
    }
}

async fn every_call(client: &dyn VpsClient, sim: &CloudSim, told: &Told) {
    let spec = spec(client).await;
    told.debug(&spec);
    for status in [401, 403, 422, 500] {
        sim.faults(Op::ALL.map(|op| Fault::status(op, status)));
        told.failed(client.create_instance(&spec).await);
        told.failed(
            client
                .list_instances(&InstanceFilter::with_tag("vps-docker"))
                .await,
        );
        let nobody = InstanceId::new("4711");
        told.debug(&client.instance(&nobody).await);
        told.debug(&client.ensure_ssh_key("marked", "ssh-ed25519 AAAA").await);
        told.debug(&client.destroy_instance(&nobody).await);
    }
    sim.faults([Fault::new(Op::CreateInstance, FaultKind::Garbage)]);
    told.debug(&client.create_instance(&spec).await);
    sim.faults([]);
    let made = client.create_instance(&spec).await.expect("ordered");
    told.debug(&made);
    told.debug(
        &client
            .list_instances(&InstanceFilter::with_tag("vps-docker"))
            .await,
    );
    told.debug(&client.destroy_instance(&made.id).await);
}

async fn spec(client: &dyn VpsClient) -> InstanceSpec {
    let catalog = client.catalog().await.expect("told");
    let offer = catalog.offers(None, None).expect("something")[0];
    InstanceSpec {
        name: "marked".into(),
        region: offer.region.id.clone(),
        plan: offer.plan.id.clone(),
        image: BootImage::Catalog(catalog.images[0].id.clone()),
        user_data: USER_DATA.into(),
        ssh_keys: Vec::new(),
        tags: [("vps-docker".to_owned(), String::new())].into(),
    }
}

/// The account, but that an order is refused with all that was sent: its head and its body. Returns its
/// URL.
async fn echo(sim: &CloudSim, provider: &str) -> String {
    let url = sim.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (origin, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("bound");
    let url = format!("{scheme}://{here}/{prefix}");
    let (origin, provider) = (origin.to_owned(), provider.to_owned());
    tokio::spawn(async move {
        while let Ok((caller, _)) = listener.accept().await {
            tokio::spawn(answer(caller, origin.clone(), provider.clone()));
        }
    });
    url
}

async fn answer(mut caller: TcpStream, origin: String, provider: String) -> std::io::Result<()> {
    let request = read_request(&mut caller).await?;
    let text = String::from_utf8_lossy(&request).into_owned();
    let line = text.lines().next().unwrap_or_default();
    let orders = ["/servers ", "/instances ", "/droplets "];
    let orders = orders.iter().any(|order| line.contains(order));
    let is_order = line.starts_with("POST ") && orders;
    let is_change = line.starts_with("PUT ") && line.contains("/instances/");
    if !is_order && !is_change {
        let mut there = TcpStream::connect(origin).await?;
        // One question a connection, so that none goes past us.
        let once = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        there.write_all(once.as_bytes()).await?;
        copy(&mut there, &mut caller).await?;
        return Ok(());
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    // What is secret comes first, for nobody tells all of a long answer.
    let sent = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    let user_data = ["user_data", "userData"].map(|key| sent[key].as_str().unwrap_or_default());
    let token = head.lines().find(|line| line.starts_with("authorization:"));
    let said = format!(
        "it was sent {}, {}, and that was all",
        user_data.concat(),
        token.unwrap_or_default()
    );
    let body = match provider.as_str() {
        "hetzner" => json!({"error": {"code": "invalid_input", "message": said}}),
        "digitalocean" => json!({"id": "unprocessable_entity", "message": said}),
        "vultr" => json!({"error": said, "status": 422}),
        _ => json!({"message": said, "statusCode": 422}),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 422 Unprocessable Entity\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    caller.write_all(head.as_bytes()).await?;
    caller.write_all(body.as_bytes()).await
}

async fn read_request(caller: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap_or(0));
            if request.len() >= head.len() + 4 + length {
                return Ok(request);
            }
        }
        if caller.read_buf(&mut request).await? == 0 {
            return Ok(request);
        }
    }
}

/// All that is said to a user.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<String>>);

impl Told {
    fn debug(&self, value: &dyn Debug) {
        let mut told = self.0.lock().expect("nobody panics");
        told.push_str(&format!("{value:?}\n"));
    }

    fn failed<T: Debug>(&self, result: Result<T, Error>) {
        let error = result.expect_err("it was to fail");
        self.debug(&error);
        let mut source: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = source {
            let mut told = self.0.lock().expect("nobody panics");
            told.push_str(&format!("{error}\n"));
            source = error.source();
        }
    }

    fn text(&self) -> String {
        self.0.lock().expect("nobody panics").clone()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
