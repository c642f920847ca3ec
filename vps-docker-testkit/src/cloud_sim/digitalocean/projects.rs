//! Projects. A droplet is in the default one until it is assigned to another.

use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusals::unprocessable;
use super::{listing, moment, texts};
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Instance, World};

const KIND: &str = "project";
/// Where a droplet keeps the number of its own, once it has been assigned.
const PROJECT: &str = "project";
/// What a purpose may be; anything else is "Other".
const PURPOSES: &[&str] = &[
    "Just trying out DigitalOcean",
    "Class project / Educational purposes",
    "Website or blog",
    "Web Application",
    "Service or API",
    "Mobile Application",
    "Machine learning / AI / Data processing",
    "IoT",
    "Operational / Developer tooling",
];

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_list>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let mut world = sim.world();
    default_project(&mut world);
    let all = world.others(KIND).values().cloned().collect();
    listing::page(&sim, &call, "projects", all, |project| project)
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_create>
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let mut world = sim.world();
    default_project(&mut world);
    check_name(&mut world, &body["name"], None)?;
    let id = world.next_id();
    let mut project = project(id, body["name"].as_str().unwrap_or(""));
    change(&mut project, &body);
    world.others(KIND).insert(id, project.clone());
    Ok(Answer::created(json!({"project": project})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_get>, of `default` too.
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = find(&mut world, &call)?;
    Ok(Answer::ok(json!({"project": world.others(KIND)[&id]})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_update>, and of a part.
pub(super) async fn update(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let mut world = sim.world();
    let id = find(&mut world, &call)?;
    if body["name"].is_string() {
        check_name(&mut world, &body["name"], Some(id))?;
    }
    if body["is_default"] == true {
        for other in world.others(KIND).values_mut() {
            other["is_default"] = json!(false);
        }
    }
    let project = world.others(KIND).entry(id).or_default();
    change(project, &body);
    if body["is_default"] == true {
        project["is_default"] = json!(true);
    }
    let project = project.clone();
    Ok(Answer::ok(json!({"project": project})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_delete>: an empty one.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = find(&mut world, &call)?;
    let default = default_project(&mut world);
    if id == default || world.instances.values().any(|own| is_in(own, id, default)) {
        let why = "cannot delete a project with resources. move or remove the resources first.";
        let reason = Reason::Own(412, "precondition_failed");
        return Err(Refusal::new(reason, why));
    }
    world.others(KIND).remove(&id);
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_list_resources>
pub(super) async fn resources(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let id = find(&mut world, &call)?;
    let own = own_resources(&sim, &mut world, id);
    Ok(listing::page(&sim, &call, "resources", own, |own| own))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/projects_assign_resources>: all that are in
/// it then, and those that are nowhere.
pub(super) async fn assign(State(sim): State<Sim>, call: Call) -> Reply {
    let body: Value = call.body()?;
    let mut world = sim.world();
    let id = find(&mut world, &call)?;
    let default = default_project(&mut world);
    let mut told = Vec::new();
    for urn in texts(&body["resources"]) {
        let droplet = urn.strip_prefix("do:droplet:").and_then(Id::from_number);
        let droplet = droplet.and_then(|droplet| world.instances.get_mut(&droplet));
        let status = match droplet {
            None => "not_found",
            Some(droplet) if is_in(droplet, id, default) => "already_assigned",
            Some(droplet) => {
                droplet.extra.insert(PROJECT.to_owned(), json!(id));
                let now = moment(Timestamp::now());
                droplet.extra.insert("assigned_at".to_owned(), now.into());
                "assigned"
            }
        };
        told.push((urn, status));
    }
    let mut shown = own_resources(&sim, &mut world, id);
    for (urn, status) in told {
        match shown.iter_mut().find(|own| own["urn"] == urn) {
            Some(own) => own["status"] = status.into(),
            None => shown.push(json!({"urn": urn, "status": status})),
        }
    }
    Ok(Answer::ok(json!({"resources": shown})))
}

/// The id of the default project, which is made when somebody looks.
fn default_project(world: &mut World) -> Id {
    let mut own = world.others(KIND).iter();
    let default = own.find(|(_, project)| project["is_default"] == true);
    if let Some((id, _)) = default {
        return *id;
    }
    let id = world.next_id();
    let mut first = project(id, "first-project");
    first["is_default"] = json!(true);
    world.others(KIND).insert(id, first);
    id
}

fn find(world: &mut World, call: &Call) -> Result<Id, Refusal> {
    let default = default_project(world);
    // `/projects/default` may be one path with a variable or one without.
    let wanted = call.param("id");
    if wanted == "default" {
        return Ok(default);
    }
    let id = Id::from_uuid(wanted).filter(|id| world.others(KIND).contains_key(id));
    id.ok_or_else(|| Refusal::not_found(KIND))
}

fn is_in(droplet: &Instance, project: Id, default: Id) -> bool {
    let own = droplet.extra.get(PROJECT).and_then(Value::as_u64);
    own.map_or(default, Id) == project
}

fn own_resources(sim: &Sim, world: &mut World, id: Id) -> Vec<Value> {
    let default = default_project(world);
    let own = world.instances.values();
    let own = own.filter(|droplet| is_in(droplet, id, default));
    own.map(|droplet| {
        let since = droplet.extra.get("assigned_at").cloned();
        json!({
            "urn": format!("do:droplet:{}", droplet.id),
            "assigned_at": since.unwrap_or_else(|| moment(droplet.created).into()),
            "links": {"self": format!("{}/v2/droplets/{}", sim.origin(), droplet.id)},
            "status": "ok",
        })
    })
    .collect()
}

fn project(id: Id, name: &str) -> Value {
    let now = moment(Timestamp::now());
    json!({
        "id": id.uuid(),
        "owner_uuid": "99525febec065ca37b2ffe4f852fd2b2581895e7",
        "owner_id": 258_992,
        "name": name,
        "description": "",
        "purpose": "Just trying out DigitalOcean",
        "environment": "Development",
        "created_at": now,
        "updated_at": now,
        "is_default": false,
    })
}

fn change(project: &mut Value, body: &Value) {
    for field in ["name", "description", "environment"] {
        if body[field].is_string() {
            project[field] = body[field].clone();
        }
    }
    if let Some(purpose) = body["purpose"].as_str() {
        project["purpose"] = if PURPOSES.contains(&purpose) {
            purpose.into()
        } else {
            format!("Other: {purpose}").into()
        };
    }
    project["updated_at"] = moment(Timestamp::now()).into();
}

fn check_name(world: &mut World, name: &Value, except: Option<Id>) -> Result<(), Refusal> {
    if name.as_str().is_none_or(str::is_empty) {
        return Err(unprocessable("name is a required field"));
    }
    let mut others = world.others(KIND).iter();
    if others.any(|(id, own)| own["name"] == *name && Some(*id) != except) {
        return Err(Refusal::new(Reason::NameTaken, "name is already in use"));
    }
    Ok(())
}
