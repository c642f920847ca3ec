//! The account: what is in it, and what it answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Fault;

/// What is in it.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) machines: BTreeMap<u64, Map<String, Value>>,
    pub(crate) snapshots: BTreeMap<(u64, String), Value>,
    pub(crate) secrets: BTreeMap<u64, Value>,
    pub(crate) firewalls: BTreeMap<String, Map<String, Value>>,
    /// Every request but logins: `PUT /v1/compute/instances/1`, and its body.
    pub(crate) log: Vec<(String, Value)>,
    /// What of it the document forbids.
    pub(crate) invalid: Vec<String>,
    pub(super) faults: Vec<Fault>,
    /// How many looks at a machine show it installing before it runs.
    pub(crate) install_looks: u64,
    /// Whether a machine may be reinstalled while it is being installed.
    pub(crate) refuses_while_installing: bool,
    pub(crate) page_size: Option<usize>,
    pub(super) document: Option<Value>,
    pub(super) serial: u64,
}

impl State {
    pub(super) fn machine(&mut self, number: u64) -> &mut Map<String, Value> {
        self.machines.get_mut(&number).expect("a machine")
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn add_machine(
        &mut self,
        product: &str,
        region: &str,
        display_name: &str,
        status: &str,
    ) -> u64 {
        let number = 1000 + self.next();
        let machine = json!({
            "instanceId": number, "name": format!("vmi{number}"), "displayName": display_name,
            "status": status, "productId": product, "region": region, "imageId": "old-image",
            "ipConfig": {"v4": {"ip": format!("203.0.113.{}", self.serial), "netmaskCidr": 24}},
            "createdDate": "2026-01-15T10:00:00Z", "cancelDate": "", "sshKeys": [],
        });
        let Value::Object(machine) = machine else {
            unreachable!("it is one")
        };
        self.machines.insert(number, machine);
        number
    }

    pub(super) fn answer(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let words: Vec<&str> = path(target).collect();
        let number = words
            .get(3)
            .and_then(|word| word.parse().ok())
            .unwrap_or_default();
        let one = |value: Value| json!({"data": [value], "_links": {"self": ""}});
        let no_such = (
            404,
            json!({"statusCode": 404, "message": "Entity not found"}),
        );
        let concerns_machine =
            words.get(1) == Some(&"compute") && words.len() > 3 && words[2] == "instances";
        if concerns_machine && !self.machines.contains_key(&number) {
            return no_such;
        }
        match (method, &words[..]) {
            ("POST", ["token"]) => (
                200,
                json!({"access_token": "marked-token", "expires_in": 300}),
            ),
            ("GET", ["v1", "compute", "instances"]) => {
                let numbers: Vec<u64> = self.machines.keys().copied().collect();
                let machines = numbers
                    .into_iter()
                    .map(|number| self.look_at(number))
                    .collect();
                (200, self.page(target, machines))
            }
            ("POST", ["v1", "compute", "instances"]) => {
                let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
                let (product, region) = (text("productId"), text("region"));
                let number =
                    self.add_machine(&product, &region, &text("displayName"), "provisioning");
                self.install(number, body);
                let machine = Value::Object(self.machines[&number].clone());
                let mut answer = json!({});
                for key in [
                    "instanceId",
                    "createdDate",
                    "imageId",
                    "productId",
                    "region",
                    "status",
                ] {
                    answer[key] = machine[key].clone();
                }
                (201, one(answer))
            }
            ("GET", ["v1", "compute", "instances", _]) => (200, one(self.look_at(number))),
            ("PATCH", ["v1", "compute", "instances", _]) => {
                self.machine(number)
                    .insert("displayName".into(), body["displayName"].clone());
                (200, one(json!({"instanceId": number})))
            }
            ("PUT", ["v1", "compute", "instances", _]) => {
                if self.refuses_while_installing && self.machine(number)["status"] == "installing" {
                    return (
                        422,
                        json!({"statusCode": 422, "message": "is being installed"}),
                    );
                }
                self.install(number, body);
                (200, one(json!({"instanceId": number})))
            }
            ("POST", ["v1", "compute", "instances", _, "cancel"]) => {
                if self.machine(number)["cancelDate"] != "" {
                    return (
                        422,
                        json!({"statusCode": 422, "message": "already cancelled"}),
                    );
                }
                self.machine(number)
                    .insert("cancelDate".into(), json!("2027-02-15"));
                (
                    201,
                    one(json!({"instanceId": number, "cancelDate": "2027-02-15"})),
                )
            }
            ("POST", ["v1", "compute", "instances", _, "actions", action]) => {
                let status = if matches!(*action, "start" | "restart") {
                    "running"
                } else {
                    "stopped"
                };
                self.machine(number).insert("status".into(), json!(status));
                (201, one(json!({"instanceId": number, "action": action})))
            }
            ("GET", ["v1", "compute", "instances", _, "snapshots"]) => {
                let of_it = self
                    .snapshots
                    .iter()
                    .filter(|((owner, _), _)| *owner == number);
                let listed = of_it.map(|(_, snapshot)| snapshot.clone()).collect();
                (200, self.page(target, listed))
            }
            ("POST", ["v1", "compute", "instances", _, "snapshots"]) => {
                if self.snapshots.keys().any(|(owner, _)| *owner == number) {
                    let message = "Total snapshots exceed the total max limit of 1";
                    return (402, json!({"statusCode": 402, "message": message}));
                }
                let id = format!("snap{}", self.next());
                let snapshot = json!({
                    "snapshotId": id, "name": body["name"], "description": body["description"],
                    "instanceId": number, "createdDate": "2026-11-21T04:42:19Z", "autoDeleteDate": null,
                });
                self.snapshots.insert((number, id), snapshot.clone());
                (201, one(snapshot))
            }
            ("DELETE", ["v1", "compute", "instances", _, "snapshots", id]) => {
                match self.snapshots.remove(&(number, (*id).to_owned())) {
                    Some(_) => (204, json!({})),
                    None => no_such,
                }
            }
            ("GET", ["v1", "compute", "images"]) => {
                let image = |name: &str| json!({"imageId": format!("id-of-{name}"), "name": name});
                let images = ["ubuntu-24.04", "debian-12", "debian-13"].map(image);
                (200, self.page(target, images.into()))
            }
            ("GET", ["v1", "data-centers"]) => {
                let center = |slug: &str| json!({"regionSlug": slug, "regionName": slug, "capabilities": ["VPS"]});
                (
                    200,
                    self.page(target, vec![center("US-east"), center("EU")]),
                )
            }
            ("GET", ["v1", "secrets"]) => {
                let mut secrets: Vec<Value> = self.secrets.values().cloned().collect();
                for secret in &mut secrets {
                    secret.as_object_mut().expect("an object").remove("value");
                }
                (200, self.page(target, secrets))
            }
            ("GET", ["v1", "secrets", id]) => match self.secrets.get(&id.parse().expect("one")) {
                Some(secret) => (200, one(secret.clone())),
                None => no_such,
            },
            ("POST", ["v1", "secrets"]) => {
                let id = self.next();
                let mut secret = body.clone();
                secret["secretId"] = json!(id);
                self.secrets.insert(id, secret.clone());
                (201, one(secret))
            }
            ("DELETE", ["v1", "secrets", id]) => {
                match self.secrets.remove(&id.parse().expect("one")) {
                    Some(_) => (204, json!({})),
                    None => no_such,
                }
            }
            (_, ["v1", "firewalls", ..]) => self.answer_firewall(method, target, body),
            _ => no_such,
        }
    }

    fn answer_firewall(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let words: Vec<&str> = path(target).collect();
        let id = words.get(2).copied().unwrap_or_default().to_owned();
        let number: Option<u64> = words.get(4).and_then(|word| word.parse().ok());
        let no_such = (
            404,
            json!({"statusCode": 404, "message": "Entity not found"}),
        );
        if words.len() > 2 && !self.firewalls.contains_key(&id) {
            return no_such;
        }
        match (method, words.len()) {
            ("GET", 2) => {
                let listed = self
                    .firewalls
                    .values()
                    .cloned()
                    .map(Value::Object)
                    .collect();
                return (200, self.page(target, listed));
            }
            ("POST", 2) => {
                let id = format!("fw-{}", self.next());
                let mut made = body.as_object().expect("an object").clone();
                made.insert("firewallId".into(), json!(id));
                made.insert("instances".into(), json!([]));
                self.firewalls.insert(id.clone(), made.clone());
                return (201, json!({"data": [made]}));
            }
            ("DELETE", 3) => {
                if self.firewalls[&id]["instances"] != json!([]) {
                    return (
                        400,
                        json!({"statusCode": 400, "message": "instances are attached"}),
                    );
                }
                self.firewalls.remove(&id);
                return (204, json!({}));
            }
            _ => {}
        }
        let firewall = self.firewalls.get_mut(&id).expect("it was looked for");
        if let ("PUT", 3) = (method, words.len()) {
            firewall.insert("rules".into(), body["rules"].clone());
        }
        if let Some(number) = number {
            let instances = firewall["instances"].as_array_mut().expect("a list");
            instances.retain(|one| one["instanceId"] != number);
            if method == "POST" {
                instances.push(json!({"instanceId": number}));
            }
        }
        (
            if method == "POST" { 201 } else { 200 },
            json!({"data": [firewall]}),
        )
    }

    /// A machine as it is shown; its installation goes on with each look.
    fn look_at(&mut self, number: u64) -> Value {
        let machine = self.machine(number);
        let shown = Value::Object(machine.clone());
        let looks = machine.get("looks").and_then(Value::as_u64).unwrap_or(0);
        if looks > 0 {
            machine.insert("looks".into(), json!(looks - 1));
            if looks == 1 {
                machine.insert("status".into(), json!("running"));
            }
        }
        shown
    }

    fn install(&mut self, number: u64, body: &Value) {
        let looks = self.install_looks;
        let machine = self.machine(number);
        machine.insert("imageId".into(), body["imageId"].clone());
        machine.insert(
            "userData".into(),
            body.get("userData").cloned().unwrap_or_default(),
        );
        machine.insert(
            "sshKeys".into(),
            body.get("sshKeys").cloned().unwrap_or(json!([])),
        );
        machine.insert("looks".into(), json!(looks));
        let status = if looks > 0 { "installing" } else { "running" };
        machine.insert("status".into(), json!(status));
    }

    fn page(&self, target: &str, all: Vec<Value>) -> Value {
        let number = |name| query(target, name).and_then(|text| text.parse::<usize>().ok());
        let size = self.page_size.or(number("size")).unwrap_or(10);
        let page = number("page").unwrap_or(1);
        let total = all.len();
        let data: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
        let pages = total.div_ceil(size);
        json!({
            "data": data,
            "_pagination": {"size": size, "page": page, "totalElements": total, "totalPages": pages},
        })
    }
}

pub(super) fn path(target: &str) -> impl Iterator<Item = &str> {
    let path = target.split('?').next().expect("a path");
    path.split('/').filter(|word| !word.is_empty())
}

fn query<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = target.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
