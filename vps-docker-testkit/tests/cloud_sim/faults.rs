//! Faults, on the cloud that was there first: they are the same for all.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use vps_docker_testkit::cloud_sim::{CloudSim, Fault, FaultKind, Op, Provider};

use crate::hetzner::{code, order};
use crate::support::{Client, KEYS, fast};

async fn started() -> (CloudSim, Client) {
    let sim = fast(Provider::Hetzner).start().await.expect("started");
    let client = Client::of(&sim);
    (sim, client)
}

#[tokio::test]
async fn each_operation_is_struck_by_its_own_faults() {
    let (sim, client) = started().await;
    let made = client.post("/servers", order("web")).await;
    let server = format!("/servers/{}", made.body["server"]["id"]);
    sim.settled().await;
    let key = json!({"name": "me", "public_key": KEYS[0]});
    let turn = format!("{server}/actions/poweroff");
    let snapshot = format!("{server}/actions/create_image");
    let calls = [
        (
            Op::CreateInstance,
            Method::POST,
            "/servers",
            Some(order("two")),
        ),
        (Op::GetInstance, Method::GET, server.as_str(), None),
        (Op::ListInstances, Method::GET, "/servers", None),
        (Op::CreateKey, Method::POST, "/ssh_keys", Some(key)),
        (Op::ListKeys, Method::GET, "/ssh_keys", None),
        (
            Op::CreateSnapshot,
            Method::POST,
            snapshot.as_str(),
            Some(json!({})),
        ),
        (Op::Power, Method::POST, turn.as_str(), None),
        (Op::DeleteInstance, Method::DELETE, server.as_str(), None),
    ];
    for (struck, ..) in &calls {
        sim.faults([Fault::status(*struck, 503)]);
        for (op, method, path, body) in &calls {
            if op == struck {
                let failed = client.send(method.clone(), path, body.clone()).await;
                assert_eq!(
                    (failed.status, code(&failed)),
                    (503, "unavailable"),
                    "{op:?}"
                );
            }
        }
    }
    let requests = sim.requests();
    for op in Op::ALL {
        let expected = if op == Op::CreateInstance { 2 } else { 1 };
        assert_eq!(requests.by_op.get(op.name()), Some(&expected), "{op:?}");
    }
    assert_eq!(requests.by_status[&503], 8);
    let state = sim.state();
    assert_eq!(state.instances.len(), 1, "nothing was done");
    assert_eq!(state.instances[0].state, "running");
    assert!(state.keys.is_empty() && state.snapshots.is_empty());
    sim.assert_valid();
}

#[tokio::test]
async fn an_error_after_the_effect_hides_what_was_done() {
    let (sim, client) = started().await;
    sim.faults([Fault::status(Op::CreateInstance, 502).nth(2).after_effect()]);
    assert_eq!(client.post("/servers", order("one")).await.status, 201);
    let failed = client.post("/servers", order("two")).await;
    assert_eq!((failed.status, code(&failed)), (502, "bad_gateway"));
    assert_eq!(client.post("/servers", order("three")).await.status, 201);
    assert_eq!(sim.state().instances.len(), 3);
}

#[tokio::test]
async fn a_cut_connection_is_no_answer() {
    let (sim, client) = started().await;
    let create = async |name: &str| {
        client
            .try_send(Method::POST, "/servers", Some(order(name)))
            .await
    };
    sim.faults([
        Fault::new(Op::CreateInstance, FaultKind::Drop).nth(1),
        Fault::new(Op::CreateInstance, FaultKind::Drop)
            .nth(2)
            .after_effect(),
    ]);
    create("one").await.expect_err("cut");
    assert_eq!(sim.state().instances.len(), 0);
    create("two").await.expect_err("cut");
    assert_eq!(sim.state().instances.len(), 1);
    create("three").await.expect("no more faults");
    assert_eq!(sim.requests().by_status[&0], 2);
}

#[tokio::test]
async fn a_rate_limit_can_be_ordered() {
    let (sim, client) = started().await;
    sim.faults([Fault::rate_limit(Op::ListInstances, 7).nth(1)]);
    let refused = client.get("/servers").await;
    assert_eq!(
        (refused.status, code(&refused)),
        (429, "rate_limit_exceeded")
    );
    assert_eq!(refused.number("retry-after"), Some(7));
    assert_eq!(client.get("/servers").await.status, 200);
}

#[tokio::test]
async fn garbage_and_an_endless_answer_are_sent() {
    let (sim, client) = started().await;
    sim.faults([
        Fault::new(Op::ListInstances, FaultKind::Garbage).nth(1),
        Fault::new(Op::ListInstances, FaultKind::Huge).nth(2),
    ]);
    let garbage = client.get("/servers").await;
    assert_eq!(garbage.status, 200);
    assert!(garbage.body.get("servers").is_none());
    let mut endless = client
        .begin(Method::GET, "/servers")
        .send()
        .await
        .expect("begun");
    let mut received = 0;
    while received < 32 << 20 {
        received += endless.chunk().await.expect("more").expect("no end").len();
    }
    sim.assert_valid();
}

#[tokio::test]
async fn a_delayed_call_is_carried_out_though_the_client_has_gone() {
    let (sim, client) = started().await;
    sim.faults([Fault::delay_ms(Op::CreateInstance, 300)]);
    let request = client
        .begin(Method::POST, "/servers")
        .header("content-type", "application/json")
        .body(order("web").to_string());
    let impatient = tokio::spawn(request.send());
    while sim.requests().under_way == 0 {
        tokio::task::yield_now().await;
    }
    impatient.abort();
    impatient.await.expect_err("given up");
    while sim.requests().by_op.get("create_instance") != Some(&1) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(sim.state().instances.len(), 1);
}

#[tokio::test]
async fn what_is_stuck_never_becomes_ready_but_can_be_removed() {
    let (sim, client) = started().await;
    sim.faults([Fault::new(Op::CreateInstance, FaultKind::Stuck)]);
    let made = client.post("/servers", order("web")).await;
    assert_eq!(made.status, 201);
    let path = format!("/servers/{}", made.body["server"]["id"]);
    sim.settled().await;
    // Others become ready meanwhile.
    sim.faults([]);
    let other = client.post("/servers", order("other")).await;
    let other = format!("/servers/{}", other.body["server"]["id"]);
    let is_running = |shown: &crate::support::Answered| shown.body["server"]["status"] == "running";
    client.until(&other, is_running).await;
    assert_eq!(
        client.get(&path).await.body["server"]["status"],
        "initializing"
    );
    let action = format!("/actions/{}", made.body["action"]["id"]);
    assert_eq!(
        client.get(&action).await.body["action"]["status"],
        "running"
    );
    assert_eq!(client.delete(&path).await.status, 200);
    client.until(&path, |shown| shown.status == 404).await;
    // A switch that is stuck does not keep one from giving up either.
    sim.faults([Fault::new(Op::Power, FaultKind::Stuck)]);
    client
        .send(Method::POST, &format!("{other}/actions/poweroff"), None)
        .await;
    let locked = client
        .send(Method::POST, &format!("{other}/actions/poweron"), None)
        .await;
    assert_eq!(locked.status, 423);
    assert_eq!(client.delete(&other).await.status, 200);
    sim.assert_valid();
}

#[tokio::test]
async fn an_address_can_come_late() {
    let (sim, client) = started().await;
    sim.faults([Fault::no_ip_ms(30_000)]);
    let made = client.post("/servers", order("web")).await;
    assert!(made.body["server"]["public_net"]["ipv4"].is_null());
    let path = format!("/servers/{}", made.body["server"]["id"]);
    sim.settled().await;
    let shown = client.get(&path).await;
    assert_eq!(shown.body["server"]["status"], "running");
    assert!(shown.body["server"]["public_net"]["ipv4"].is_null());
    client
        .until(&path, |shown| {
            !shown.body["server"]["public_net"]["ipv4"].is_null()
        })
        .await;
    sim.assert_valid();
}

#[tokio::test]
async fn faults_are_set_over_http_and_unfit_ones_refused() {
    let (sim, client) = started().await;
    let control = Client::new(format!("{}/_sim", sim.origin()), "");
    let set = control
        .post(
            "/faults",
            json!([{"op": "list_instances", "nth": 1, "kind": "status", "status": 500}]),
        )
        .await;
    assert_eq!((set.status, &set.body["faults"]), (200, &json!(1)));
    assert_eq!(client.get("/servers").await.status, 500);
    for unfit in [
        json!({}),
        json!([{"op": "nothing", "kind": "drop"}]),
        json!([{"op": "power", "kind": "status"}]),
        json!([{"op": "power", "kind": "drop", "nht": 1}]),
    ] {
        let refused = control.post("/faults", unfit.clone()).await;
        assert_eq!(refused.status, 400, "{unfit}");
        assert!(refused.body["hint"].is_string());
    }
    let state = control.get("/state").await;
    assert_eq!(state.body["instances"], json!([]));
    let requests = control.get("/requests").await;
    assert_eq!(requests.body["total"], 1, "control is not recorded");
}
