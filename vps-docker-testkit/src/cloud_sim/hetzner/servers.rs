//! Servers.

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::show_by_id;
use super::catalog::{show_location, show_server_type};
use super::labels::{self, Labels, Selector};
use super::{IdOrName, firewalls, images, listing, primary_ips};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::credentials::draw;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, Order, Phase, World};

#[derive(Debug, Deserialize)]
struct CreateServer {
    name: String,
    server_type: IdOrName,
    image: IdOrName,
    location: Option<IdOrName>,
    datacenter: Option<String>,
    #[serde(default = "yes")]
    start_after_create: bool,
    #[serde(default)]
    ssh_keys: Vec<IdOrName>,
    #[serde(default)]
    firewalls: Vec<FirewallRef>,
    user_data: Option<String>,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    public_net: PublicNet,
}

#[derive(Debug, Deserialize)]
struct FirewallRef {
    firewall: u64,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct PublicNet {
    enable_ipv4: bool,
    enable_ipv6: bool,
}

impl Default for PublicNet {
    fn default() -> Self {
        Self {
            enable_ipv4: true,
            enable_ipv6: true,
        }
    }
}

fn yes() -> bool {
    true
}

/// <https://docs.hetzner.cloud/#servers-get-all-servers>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Reply {
    let selector = Selector::parse(call.query("label_selector").unwrap_or(""))?;
    let (name, statuses) = (call.query("name"), call.queries("status"));
    let world = sim.world();
    let own = world.listed().filter(|server| {
        name.is_none_or(|name| server.name == name)
            && (statuses.is_empty() || statuses.contains(&status(server.phase)))
            && selector.selects(&server.labels)
    });
    let mut own: Vec<&Instance> = own.collect();
    listing::sort(&call, &mut own, |server, field| match field {
        "name" => (server.name.clone(), server.id),
        "created" => (server.created.to_string(), server.id),
        _ => (String::new(), server.id),
    });
    Ok(listing::page(&sim, &call, "servers", own, |server| {
        show_server(&world, server)
    }))
}

/// <https://docs.hetzner.cloud/#servers-create-a-server>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let wanted: CreateServer = call.body()?;
    let begun = {
        let order = order(&sim.world(), &wanted)?;
        sim.create_instance(&call, order)?
    };
    let started = {
        let mut world = sim.world();
        let net = &wanted.public_net;
        primary_ips::add_for(&mut world, begun.id, net.enable_ipv4, net.enable_ipv6);
        for firewall in &wanted.firewalls {
            firewalls::apply(&mut world, Id(firewall.firewall), begun.id);
        }
        world.accompany(begun.action, "start_server")
    };
    // Here the answer has the address already.
    sim.machine_work(begun.action).await;
    let world = sim.world();
    let password = wanted.ssh_keys.is_empty().then(|| draw(16));
    let next: Vec<Value> = started.iter().map(|id| show_by_id(&world, *id)).collect();
    Ok(Answer::created(json!({
        "server": show_server(&world, world.instance(begun.id, "server")?),
        "action": show_by_id(&world, begun.action),
        "next_actions": next,
        "root_password": password,
    })))
}

fn order(world: &World, wanted: &CreateServer) -> Result<Order, Refusal> {
    check_name(&wanted.name)?;
    labels::check(&wanted.labels)?;
    if wanted.datacenter.is_some() {
        return Err(Refusal::invalid(
            "datacenter",
            "the field was removed, use location",
        ));
    }
    if !wanted.start_after_create {
        let why = "the simulator starts what it creates";
        return Err(Refusal::new(Reason::Own(422, "unsupported_error"), why));
    }
    let offer = &world.offer;
    let plan = offer
        .plans
        .iter()
        .find(|plan| wanted.server_type.is(plan.number, &plan.id));
    let plan = plan.ok_or_else(|| Refusal::invalid("plan", "server type not found"))?;
    let region = match &wanted.location {
        Some(wanted) => {
            let region = offer
                .regions
                .iter()
                .find(|own| wanted.is(own.number, &own.id));
            region.map(|region| region.id.clone())
        }
        // Wherever it is sold.
        None => plan.regions.first().cloned(),
    };
    let region = region.ok_or_else(|| Refusal::invalid("region", "location not found"))?;
    let boots = images::find(world, &wanted.image, &plan.architecture)?;
    let mut order = Order::new(wanted.name.clone(), plan.id.clone(), region, boots);
    for wanted in &wanted.ssh_keys {
        let key = world
            .keys
            .values()
            .find(|key| wanted.is(key.id.0, &key.name));
        let key = key.ok_or_else(|| Refusal::invalid("keys", "SSH key not found"))?;
        order.keys.push(key.id);
    }
    let mut firewalls = wanted.firewalls.iter();
    if firewalls.any(|own| !firewalls::exists(world, Id(own.firewall))) {
        return Err(Refusal::invalid("firewalls", "firewall not found"));
    }
    order.user_data.clone_from(&wanted.user_data);
    order.labels.clone_from(&wanted.labels);
    order
        .extra
        .insert("ipv4".to_owned(), wanted.public_net.enable_ipv4.into());
    order
        .extra
        .insert("ipv6".to_owned(), wanted.public_net.enable_ipv6.into());
    Ok(order)
}

/// <https://docs.hetzner.cloud/#servers-get-a-server>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "server")?;
    let world = sim.world();
    let server = world.instance(id, "server")?;
    Ok(Answer::ok(json!({"server": show_server(&world, server)})))
}

/// <https://docs.hetzner.cloud/#servers-update-a-server>: name and labels, also of one that is locked.
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "server")?;
    let body: Value = call.body()?;
    let wanted = labels::of_body(&body)?;
    let mut world = sim.world();
    world.instance(id, "server")?;
    let name = body["name"].as_str();
    if let Some(name) = name {
        check_name(name)?;
        if world.is_name_taken(name, Some(id)) {
            let why = "server name is already used";
            return Err(Refusal::new(Reason::NameTaken, why).at("name"));
        }
    }
    let server = world.instance_mut(id, "server")?;
    if let Some(name) = name {
        name.clone_into(&mut server.name);
    }
    if let Some(wanted) = wanted {
        server.labels = wanted;
    }
    let server = world.instance(id, "server")?;
    Ok(Answer::ok(json!({"server": show_server(&world, server)})))
}

/// <https://docs.hetzner.cloud/#servers-delete-a-server>
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let id = call.id("id", "server")?;
    let begun = sim.delete_instance(&call, id, "server")?;
    let mut world = sim.world();
    if !call.injected.stuck {
        primary_ips::release(&mut world, id);
        firewalls::leave(&mut world, id);
    }
    Ok(Answer::ok(
        json!({"action": show_by_id(&world, begun.action)}),
    ))
}

/// RFC 1123.
fn check_name(name: &str) -> Result<(), Refusal> {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| ends(c) || c == '-')
            && label.starts_with(ends)
            && label.ends_with(ends)
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        Ok(())
    } else {
        Err(Refusal::invalid("name", "must be a valid hostname"))
    }
}

fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Ordered => "initializing",
        Phase::Running => "running",
        Phase::Starting => "starting",
        Phase::Stopping => "stopping",
        Phase::Off => "off",
        Phase::Rebuilding => "rebuilding",
        Phase::Deleting => "deleting",
        // The API has no word for it: the action that failed says it.
        Phase::Failed => "unknown",
    }
}

pub(super) fn show_server(world: &World, server: &Instance) -> Value {
    let offer = &world.offer;
    let plan = offer.plan(&server.plan);
    let on = |family: &str| server.extra.get(family) != Some(&Value::Bool(false));
    let ipv4 = server.address().filter(|_| on("ipv4")).map(|address| {
        json!({
            "id": primary_ips::shown_id(server, "ipv4"),
            "ip": address.to_string(),
            "blocked": false,
            "dns_ptr": format!("static.{address}.clients.example.com"),
        })
    });
    let ipv6 = on("ipv6").then(|| {
        json!({
            "id": primary_ips::shown_id(server, "ipv6"),
            "ip": primary_ips::ipv6_of(server.id),
            "blocked": false,
            "dns_ptr": [],
        })
    });
    json!({
        "id": server.id,
        "name": server.name,
        "status": status(server.phase),
        "created": server.created.to_string(),
        "public_net": {
            "ipv4": ipv4,
            "ipv6": ipv6,
            "floating_ips": [],
            "firewalls": firewalls::of_server(server),
        },
        "private_net": [],
        "server_type": plan.map(|plan| show_server_type(offer, plan)),
        "location": offer.region(&server.region).map(show_location),
        "image": images::show_boots(world, &server.boots),
        "iso": null,
        "rescue_enabled": false,
        "locked": world.lock(server.id).is_some(),
        "backup_window": null,
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": 20_u64 << 40,
        "protection": {"delete": server.protected, "rebuild": server.protected},
        "labels": server.labels,
        "volumes": [],
        "load_balancers": [],
        "primary_disk_size": plan.map_or(0, |plan| plan.disk_gb),
        "placement_group": null,
    })
}
