//! Contabo's semantics.

use std::time::Duration;

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Hold, Op, Provider, Shortage};

use crate::support::{Answered, Client, KEYS, fast};

const REQUEST_ID: &str = "51A87ECD-754E-4104-9C54-D01AD0F83406";
/// Between two looks: not faster than the rate limit has it.
const PAUSE: Duration = Duration::from_millis(10);
const INSTANCES: &str = "/compute/instances";
pub(crate) const DEBIAN: &str = "1f0a9a5e-6d6c-4f5e-9f0e-4f2f5c3b8d12";

/// A client that puts a request id into each request, as this API wants.
pub(crate) struct Contabo(pub(crate) Client);

impl Contabo {
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> Answered {
        let request = self
            .0
            .begin(method, path)
            .header("x-request-id", REQUEST_ID);
        let request = if body.is_null() {
            request
        } else {
            let request = request.header("content-type", "application/json");
            request.body(body.to_string())
        };
        answered(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.ask(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answered {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answered {
        self.ask(Method::PUT, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answered {
        self.ask(Method::PATCH, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answered {
        self.ask(Method::DELETE, path, Value::Null).await
    }

    /// Orders an instance; answers its path.
    pub(crate) async fn order(&self, wanted: Value) -> String {
        let made = self.post(INSTANCES, wanted).await;
        assert_eq!(made.status, 201, "{made:?}");
        format!("{INSTANCES}/{}", made.body["data"][0]["instanceId"])
    }

    /// Asks until an instance has that status.
    pub(crate) async fn until(&self, path: &str, status: &str) -> Value {
        loop {
            let shown = self.get(path).await;
            let instance = &shown.body["data"][0];
            if instance["status"] == status {
                return instance.clone();
            }
            assert_eq!(shown.status, 200, "{shown:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(crate) async fn running(&self, name: &str) -> String {
        let path = self.order(order(name)).await;
        self.until(&path, "running").await;
        path
    }
}

async fn answered(request: reqwest::RequestBuilder) -> Answered {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.expect("a body");
    Answered {
        status,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        headers,
    }
}

/// Orders a machine for a month.
pub(crate) fn order(name: &str) -> Value {
    json!({"imageId": DEBIAN, "productId": "V153", "region": "EU", "period": 1, "displayName": name})
}

async fn token(sim: &CloudSim, fields: &[(&str, &str)]) -> Answered {
    let greeting = sim.greeting();
    let url = greeting["token_url"].as_str().expect("one").to_owned();
    let credentials = sim.credentials().clone();
    let mut form = vec![
        ("client_id", credentials.client_id.as_str()),
        ("client_secret", &credentials.client_secret),
        ("username", &credentials.user),
        ("password", &credentials.password),
        ("grant_type", "password"),
    ];
    form.retain(|(name, _)| fields.iter().all(|(own, _)| own != name));
    form.extend(fields);
    answered(Client::new(url, "").begin(Method::POST, "").form(&form)).await
}

pub(crate) async fn enter(sim: &CloudSim) -> Contabo {
    let given = token(sim, &[]).await;
    let token = given.body["access_token"].as_str().expect("a token");
    Contabo(Client::new(sim.url(), token))
}

pub(crate) async fn started() -> (CloudSim, Contabo) {
    let sim = fast(Provider::Contabo).start().await.expect("started");
    let client = enter(&sim).await;
    (sim, client)
}

pub(crate) fn message(answered: &Answered) -> &str {
    answered.body["message"].as_str().unwrap_or("")
}

#[tokio::test]
async fn a_token_is_given_for_a_password_and_ends() {
    let begun = fast(Provider::Contabo).time_scale(300.0);
    let sim = begun.start().await.expect("started");
    for (wrong, status, code) in [
        (("password", "wrong"), 401, "invalid_grant"),
        (("username", "wrong"), 401, "invalid_grant"),
        (("client_secret", "wrong"), 401, "unauthorized_client"),
        (("grant_type", "magic"), 400, "unsupported_grant_type"),
        (("grant_type", ""), 400, "invalid_request"),
    ] {
        let refused = token(&sim, &[wrong]).await;
        assert_eq!(refused.status, status, "{refused:?}");
        assert_eq!(refused.body["error"], code);
    }
    let given = token(&sim, &[]).await;
    assert_eq!(given.body["expires_in"], 1, "300 s, at 300 times the speed");
    assert_eq!(given.body["refresh_expires_in"], 6);
    let access = given.body["access_token"].as_str().expect("a token");
    assert_eq!(access.split('.').count(), 3, "clients look into it");
    let client = Contabo(Client::new(sim.url(), access));
    assert_eq!(client.get(INSTANCES).await.status, 200);
    let ended = loop {
        let shown = client.get(INSTANCES).await;
        if shown.status != 200 {
            break shown;
        }
        tokio::time::sleep(PAUSE).await;
    };
    assert_eq!((ended.status, message(&ended)), (401, "Unauthorized"));
    let refresh = given.body["refresh_token"].as_str().expect("a token");
    let again = token(
        &sim,
        &[("grant_type", "refresh_token"), ("refresh_token", refresh)],
    )
    .await;
    assert_eq!(again.status, 200, "{again:?}");
    let wrong = Contabo(Client::new(sim.url(), refresh));
    assert_eq!(
        wrong.get(INSTANCES).await.status,
        401,
        "it is for the other thing"
    );
    sim.assert_valid();
}

#[tokio::test]
async fn a_request_needs_a_random_uuid() {
    let (sim, client) = started().await;
    for (number, wrong) in [
        None,
        Some("17"),
        Some("51A87ECD-754E-1104-9C54-D01AD0F83406"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = client.0.begin(Method::GET, INSTANCES);
        if let Some(id) = wrong {
            request = request.header("x-request-id", id);
        }
        let refused = answered(request).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body["message"].is_array(), "{refused:?}");
        assert_eq!(sim.requests().invalid, number as u64 + 1);
    }
    assert_eq!(sim.requests().bad_responses, 0);
}

#[tokio::test]
async fn an_order_is_a_contract_and_the_machine_comes_by_and_by() {
    // Slow enough to be watched.
    let begun = fast(Provider::Contabo).time_scale(20.0);
    let sim = begun.start().await.expect("started");
    let client = enter(&sim).await;
    let mut wanted = order("web");
    wanted["userData"] = json!("#cloud-config\n{}\n");
    wanted["period"] = json!(12);
    let made = client.post(INSTANCES, wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let shown = &made.body["data"][0];
    assert_eq!(shown["status"], "provisioning");
    assert!(shown.get("ipConfig").is_none(), "the answer has no address");
    let path = format!("{INSTANCES}/{}", shown["instanceId"]);
    let early = client.get(&path).await.body["data"][0].clone();
    assert_eq!(early["ipConfig"]["v4"]["ip"], "");
    assert!(early["vHostId"].is_null() && early["cancelDate"].is_null());
    let installing = client.until(&path, "installing").await;
    assert!(
        installing["ipConfig"]["v4"]["ip"]
            .as_str()
            .is_some_and(|ip| ip.contains('.'))
    );
    let running = client.until(&path, "running").await;
    assert_eq!(running["displayName"], "web");
    assert_eq!(running["defaultUser"], "admin", "unless root is asked for");
    assert_eq!(running["name"], format!("vmi{}", running["instanceId"]));
    let state = sim.state();
    let contract = &state.cost.contracts[0];
    assert_eq!(contract.instance, state.instances[0].id);
    assert_eq!((contract.months, contract.cancelled), (12, false));
    assert_eq!(contract.monthly, state.cost.monthly);
    assert!(contract.monthly > Decimal::ZERO && state.cost.hourly == Decimal::ZERO);
    assert_eq!(contract.ends.len(), "2027-11-27".len());
    assert_eq!(
        client.delete(&path).await.status,
        404,
        "there is no removal"
    );
    assert_eq!(sim.requests().invalid, 1);
    assert_eq!(
        sim.requests().bad_responses,
        0,
        "{:?}",
        sim.requests().faulty
    );
}

#[tokio::test]
async fn a_reinstallation_wipes_and_takes_a_new_user_data() {
    let (sim, client) = started().await;
    let mut wanted = order("web");
    wanted["userData"] = json!("#cloud-config\n{}\n");
    let path = client.order(wanted).await;
    let again =
        json!({"imageId": DEBIAN, "userData": "#cloud-config\n{a: 1}\n", "defaultUser": "root"});
    let early = client.put(&path, again.clone()).await;
    assert_eq!(early.status, 409, "it is still being installed: {early:?}");
    client.until(&path, "running").await;
    assert_eq!(client.put(&path, again).await.status, 200);
    let shown = client.get(&path).await;
    assert_eq!(shown.body["data"][0]["status"], "installing");
    let shown = client.until(&path, "running").await;
    assert_eq!(shown["defaultUser"], "root");
    let length = |sim: &CloudSim| {
        sim.state().instances[0]
            .user_data
            .as_ref()
            .map(|own| own.length)
    };
    assert_eq!(length(&sim), Some(21));
    let bare = client.put(&path, json!({"imageId": DEBIAN})).await;
    assert_eq!(bare.status, 200);
    assert_eq!(length(&sim), Some(0), "nothing of the old one is kept");
    let requests = sim.requests();
    let count = |op: Op| requests.by_op.get(op.name()).copied().unwrap_or(0);
    assert_eq!(
        count(Op::CreateInstance),
        3,
        "with userData it makes a machine new"
    );
    assert_eq!(count(Op::DeleteInstance), 1, "without it only wipes");
    sim.assert_valid();
}

#[tokio::test]
async fn a_cancelled_machine_runs_to_the_end_of_its_contract() {
    let (sim, client) = started().await;
    let path = client.running("web").await;
    let cancel = format!("{path}/cancel");
    let past = client
        .post(&cancel, json!({"cancelDate": "2020-01-01T00:00:00Z"}))
        .await;
    assert_eq!(past.status, 400, "{past:?}");
    let cancelled = client.post(&cancel, json!({})).await;
    assert_eq!(cancelled.status, 201, "{cancelled:?}");
    let date = cancelled.body["data"][0]["cancelDate"].clone();
    let shown = client.get(&path).await.body["data"][0].clone();
    assert_eq!(
        (&shown["cancelDate"], &shown["status"]),
        (&date, &json!("running"))
    );
    let contract = sim.state().cost.contracts[0].clone();
    assert!(contract.cancelled && date == contract.ends.as_str());
    let twice = client.post(&cancel, json!({})).await;
    assert_eq!(twice.status, 422, "{twice:?}");
    sim.assert_valid();

    // A month in a few milliseconds.
    let begun = fast(Provider::Contabo).time_scale(100_000_000.0);
    let sim = begun.start().await.expect("started");
    let client = enter(&sim).await;
    let path = client.running("web").await;
    assert_eq!(
        client
            .post(&format!("{path}/cancel"), json!({}))
            .await
            .status,
        201
    );
    while client.get(&path).await.status != 404 {
        tokio::time::sleep(PAUSE).await;
    }
    let state = sim.state();
    assert!(state.instances.is_empty() && state.cost.contracts.is_empty());
}

#[tokio::test]
async fn an_order_may_wait_for_a_person() {
    for (hold, status) in [
        (Hold::PendingPayment, "pending_payment"),
        (Hold::VerificationRequired, "verification_required"),
        (Hold::ManualProvisioning, "manual_provisioning"),
    ] {
        let seeded = fast(Provider::Contabo).seeded(|seed| seed.contabo.hold = Some(hold));
        let sim = seeded.start().await.expect("started");
        let client = enter(&sim).await;
        let made = client.post(INSTANCES, order("web")).await;
        assert_eq!(
            (made.status, &made.body["data"][0]["status"]),
            (201, &json!(status))
        );
        sim.settled().await;
        let listed = client
            .get(&format!("{INSTANCES}?status=running,{status}"))
            .await;
        assert_eq!(listed.body["data"][0]["status"], status);
        assert!(listed.body["data"][0]["ipConfig"].is_null());
        assert_eq!(sim.state().cost.contracts.len(), 1);
        sim.assert_valid();
    }
}

#[tokio::test]
async fn an_unfit_order_is_refused_and_one_that_is_short_waits() {
    let seeded = fast(Provider::Contabo).seeded(|seed| {
        seed.capacity = vec![Shortage::of("V154", "EU")];
        seed.quota = Some(1);
    });
    let sim = seeded.start().await.expect("started");
    let client = enter(&sim).await;
    let with = |field: &str, value: Value| {
        let mut wanted = order("web");
        wanted[field] = value;
        wanted
    };
    for (wanted, status, hint) in [
        (with("productId", json!("V0")), 400, "productId"),
        (with("imageId", json!("none")), 400, "imageId"),
        (with("period", json!(7)), 400, "period"),
        (with("sshKeys", json!([17])), 500, "Internal Server Error"),
        (
            with("rootPassword", json!(17)),
            500,
            "Internal Server Error",
        ),
        (with("userData", json!("x".repeat(70_000))), 400, "userData"),
    ] {
        let refused = client.post(INSTANCES, wanted).await;
        assert_eq!(refused.status, status, "{refused:?}");
        assert_eq!(refused.body["statusCode"], status);
        assert!(message(&refused).contains(hint), "{refused:?}");
    }
    assert!(sim.state().instances.is_empty());
    sim.assert_valid();
    let short = client
        .post(INSTANCES, with("productId", json!("V154")))
        .await;
    assert_eq!(short.status, 201);
    assert_eq!(short.body["data"][0]["status"], "product_not_available");
    let beyond = client.post(INSTANCES, order("second")).await;
    assert_eq!(beyond.status, 402, "{beyond:?}");
    sim.assert_valid();
    let unfit = client.post(INSTANCES, with("region", json!("Mars"))).await;
    assert_eq!((unfit.status, sim.requests().invalid), (400, 1));
}

#[tokio::test]
async fn a_display_name_can_be_changed_and_nothing_else() {
    let (sim, client) = started().await;
    let path = client.order(order("web")).await;
    assert_eq!(
        client
            .patch(&path, json!({"displayName": "shop"}))
            .await
            .status,
        200
    );
    let shown = client.get(&path).await;
    assert_eq!(shown.body["data"][0]["displayName"], "shop");
    sim.assert_valid();
    let long = client
        .patch(&path, json!({"displayName": "x".repeat(256)}))
        .await;
    assert_eq!((long.status, sim.requests().invalid), (400, 1), "{long:?}");
    assert_eq!(
        client
            .patch("/compute/instances/17", json!({}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_listing_has_pages_and_filters() {
    let seeded = fast(Provider::Contabo).seeded(|seed| seed.foreign_instances = 120);
    let sim = seeded.start().await.expect("started");
    let client = enter(&sim).await;
    client.order(order("web")).await;
    let first = client.get(INSTANCES).await;
    assert_eq!(first.body["data"].as_array().expect("a list").len(), 10);
    assert_eq!(first.body["_pagination"]["totalPages"], 13);
    let mut seen = 0;
    for page in 1..=2 {
        let page = client
            .get(&format!("{INSTANCES}?size=1000&page={page}"))
            .await;
        let last = page.body["_links"]["next"] == "";
        assert_eq!(last, page.body["_pagination"]["page"] == 2);
        seen += page.body["data"].as_array().expect("a list").len();
    }
    assert_eq!(seen, 121);
    for (filter, count) in [
        ("displayName=web", 1),
        ("displayName=we", 0),
        ("search=we", 1),
        ("region=EU", 121),
        ("productIds=V9,V153", 121),
        ("productIds=V9", 0),
        ("status=stopped", 0),
        ("ipConfig=true&displayName=foreign-1", 1),
    ] {
        let listed = client.get(&format!("{INSTANCES}?{filter}")).await;
        assert_eq!(
            listed.body["_pagination"]["totalElements"], count,
            "{filter}"
        );
    }
    let sorted = client
        .get(&format!("{INSTANCES}?orderBy=displayName:DESC&size=1"))
        .await;
    assert_eq!(sorted.body["data"][0]["displayName"], "web");
    let foreign = client
        .get(&format!("{INSTANCES}?displayName=foreign-1"))
        .await;
    let path = format!(
        "{INSTANCES}/{}/cancel",
        foreign.body["data"][0]["instanceId"]
    );
    assert_eq!(
        client.post(&path, json!({})).await.status,
        422,
        "bought elsewhere"
    );
    sim.assert_valid();
}

#[tokio::test]
async fn the_power_switch_turns() {
    let (sim, client) = started().await;
    let path = client.running("web").await;
    for (action, status) in [
        ("stop", "stopped"),
        ("start", "running"),
        ("shutdown", "stopped"),
        ("start", "running"),
        ("rescue", "rescue"),
        ("restart", "running"),
    ] {
        let body = if action == "rescue" {
            json!({})
        } else {
            Value::Null
        };
        let done = client.post(&format!("{path}/actions/{action}"), body).await;
        assert_eq!(done.status, 201, "{done:?}");
        assert_eq!(done.body["data"][0]["action"], action);
        client.until(&path, status).await;
        sim.settled().await;
    }
    assert_eq!(
        client
            .post(&format!("{path}/actions/start"), Value::Null)
            .await
            .status,
        201
    );
    sim.assert_valid();
}

#[tokio::test]
async fn faults_strike_what_comes_nearest() {
    let (sim, client) = started().await;
    let path = client.running("web").await;
    sim.faults([Fault::status(Op::DeleteInstance, 503)]);
    let bare = json!({"imageId": DEBIAN});
    for failed in [
        client.put(&path, bare).await,
        client.post(&format!("{path}/cancel"), json!({})).await,
    ] {
        assert_eq!(
            (failed.status, message(&failed)),
            (503, "Service Unavailable")
        );
    }
    sim.faults([
        Fault::status(Op::CreateInstance, 500).nth(1).after_effect(),
        Fault::new(Op::CreateInstance, FaultKind::Stuck).nth(2),
        Fault::status(Op::CreateKey, 500),
    ]);
    assert_eq!(client.post(INSTANCES, order("two")).await.status, 500);
    assert_eq!(sim.state().instances.len(), 2, "it was made all the same");
    let with = json!({"imageId": DEBIAN, "userData": "#cloud-config\n"});
    assert_eq!(client.put(&path, with).await.status, 200);
    sim.settled().await;
    assert_eq!(
        client.get(&path).await.body["data"][0]["status"],
        "installing"
    );
    let key = json!({"name": "me", "type": "ssh", "value": KEYS[0]});
    assert_eq!(client.post("/secrets", key).await.status, 500);
    let password = json!({"name": "me", "type": "password", "value": "PwdA?2092w#"});
    assert_eq!(
        client.post("/secrets", password).await.status,
        201,
        "that is no key"
    );
    sim.assert_valid();
}
