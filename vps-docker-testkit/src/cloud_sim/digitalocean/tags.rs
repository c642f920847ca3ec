//! Tags: things of the account, which come into being when they are used and stay when nothing has them any more.
//! Names that differ only in their capitals are one tag; the spelling that came first is the one.

use std::collections::HashMap;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::listing;
use super::refusals::unprocessable;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::World;

const KIND: &str = "tag";
/// Most letters of a name.
const LONGEST: usize = 255;

#[derive(Debug, Deserialize)]
struct Resources {
    resources: Vec<Resource>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    resource_id: String,
    resource_type: String,
}

/// What can have a tag.
#[derive(Clone, Copy, Debug)]
enum Taggable {
    Droplet(Id),
    Image(Id),
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/tags_list>
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let mut world = sim.world();
    let mut all: Vec<Value> = world.others(KIND).values().cloned().collect();
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let mut uses: HashMap<&str, [usize; 2]> = HashMap::new();
    for droplet in world.instances.values() {
        for tag in &droplet.tags {
            uses.entry(tag).or_default()[0] += 1;
        }
    }
    for snapshot in world.snapshots.values() {
        for tag in &snapshot.tags {
            uses.entry(tag).or_default()[1] += 1;
        }
    }
    listing::page(&sim, &call, "tags", all, |tag| {
        let uses = tag["name"].as_str().and_then(|name| uses.get(name));
        show_tag(&sim, &tag, uses.copied().unwrap_or_default())
    })
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/tags_create>. One that is there already is
/// answered as it is.
pub(super) async fn create(State(sim): State<Sim>, call: Call) -> Reply {
    let name = call.json_text("name").unwrap_or("").to_owned();
    check(&name).map_err(unprocessable)?;
    let mut world = sim.world();
    enter(&mut world, &name);
    let tag = world.others(KIND)[&key(&name)].clone();
    let uses = uses_of(&world, &name);
    Ok(Answer::created(json!({"tag": show_tag(&sim, &tag, uses)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/tags_get>
pub(super) async fn show(State(sim): State<Sim>, call: Call) -> Reply {
    let mut world = sim.world();
    let tag = check_known(&mut world, call.param("tag"))?;
    let uses = uses_of(&world, call.param("tag"));
    Ok(Answer::ok(json!({"tag": show_tag(&sim, &tag, uses)})))
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/tags_delete>: whatever has it has it no
/// more.
pub(super) async fn delete(State(sim): State<Sim>, call: Call) -> Reply {
    let name = call.param("tag");
    let mut world = sim.world();
    check_known(&mut world, name)?;
    for droplet in world.instances.values_mut() {
        droplet.tags.remove(name);
    }
    for snapshot in world.snapshots.values_mut() {
        snapshot.tags.remove(name);
    }
    world.others(KIND).remove(&key(name));
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/tags_assign_resources>
pub(super) async fn tag(State(sim): State<Sim>, call: Call) -> Reply {
    let (mut world, name) = (sim.world(), call.param("tag"));
    check_known(&mut world, name)?;
    for one in resources(&world, &call)? {
        let (kind, id) = match one {
            Taggable::Droplet(id) => {
                let droplet = world.instance_mut(id, "droplet")?;
                droplet.tags.insert(name.to_owned());
                ("droplets", id)
            }
            Taggable::Image(id) => {
                if let Some(snapshot) = world.snapshots.get_mut(&id) {
                    snapshot.tags.insert(name.to_owned());
                }
                ("images", id)
            }
        };
        tagged(&mut world, name, kind, id);
    }
    Ok(Answer::no_content())
}

/// <https://docs.digitalocean.com/reference/api/api-reference/#operation/tags_unassign_resources>
pub(super) async fn untag(State(sim): State<Sim>, call: Call) -> Reply {
    let (mut world, name) = (sim.world(), call.param("tag"));
    check_known(&mut world, name)?;
    for one in resources(&world, &call)? {
        match one {
            Taggable::Droplet(id) => {
                world.instance_mut(id, "droplet")?.tags.remove(name);
            }
            Taggable::Image(id) => {
                if let Some(snapshot) = world.snapshots.get_mut(&id) {
                    snapshot.tags.remove(name);
                }
            }
        }
    }
    Ok(Answer::no_content())
}

/// Whether it may be the name of a tag; `Err` says why not.
pub(super) fn check(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
    if (1..=LONGEST).contains(&name.len()) && name.chars().all(legal) {
        Ok(())
    } else {
        Err(format!(
            "Error validating resource tag: \"{name}\" contains invalid characters"
        ))
    }
}

/// The tag of exactly that spelling.
///
/// # Errors
/// Not found.
pub(super) fn check_known(world: &mut World, name: &str) -> Result<Value, Refusal> {
    let tag = world.others(KIND).get(&key(name));
    let tag = tag.filter(|tag| tag["name"] == name);
    tag.cloned().ok_or_else(|| Refusal::not_found(KIND))
}

/// How the account spells a name; the name itself where it does not know it.
pub(super) fn spelling(world: &World, name: &str) -> String {
    let tags = world.others.get(KIND);
    let known = tags.and_then(|tags| tags.get(&key(name))?["name"].as_str());
    known.unwrap_or(name).to_owned()
}

/// Makes a tag, unless it is there.
pub(super) fn enter(world: &mut World, name: &str) {
    let tags = world.others(KIND);
    tags.entry(key(name))
        .or_insert_with(|| json!({"name": name, "last": {}}));
}

/// Notes what has got it last.
pub(super) fn tagged(world: &mut World, name: &str, kind: &str, id: Id) {
    if let Some(tag) = world.others(KIND).get_mut(&key(name)) {
        tag["last"][kind] = json!(id);
    }
}

/// Found without a search: there may be several for each of ten thousand droplets.
fn key(name: &str) -> Id {
    let digest = Sha256::digest(name.to_ascii_lowercase().as_bytes());
    let first = digest.first_chunk().expect("it has 32 bytes");
    Id(u64::from_be_bytes(*first))
}

fn resources(world: &World, call: &Call) -> Result<Vec<Taggable>, Refusal> {
    let wanted: Resources = call.body()?;
    let one = |wanted: &Resource| {
        let not_found = || Refusal::not_found("resource");
        let id = Id::from_number(&wanted.resource_id).ok_or_else(not_found)?;
        match wanted.resource_type.as_str() {
            "droplet" if world.instances.contains_key(&id) => Ok(Taggable::Droplet(id)),
            "image" if world.snapshots.contains_key(&id) => Ok(Taggable::Image(id)),
            _ => Err(not_found()),
        }
    };
    wanted.resources.iter().map(one).collect()
}

/// How many droplets and how many images have it.
fn uses_of(world: &World, name: &str) -> [usize; 2] {
    let droplets = world.instances.values();
    let snapshots = world.snapshots.values();
    [
        droplets.filter(|own| own.tags.contains(name)).count(),
        snapshots.filter(|own| own.tags.contains(name)).count(),
    ]
}

fn show_tag(sim: &Sim, tag: &Value, [droplets, images]: [usize; 2]) -> Value {
    let metadata = |kind: &str, count: usize| {
        let mut shown = json!({"count": count});
        if let Some(last) = tag["last"][kind].as_u64().filter(|_| count > 0) {
            let uri = format!("{}/v2/{kind}/{last}", sim.origin());
            shown["last_tagged_uri"] = uri.into();
        }
        shown
    };
    let mut all = metadata("droplets", droplets);
    all["count"] = json!(droplets + images);
    all["droplets"] = metadata("droplets", droplets);
    all["images"] = metadata("images", images);
    for kind in ["volumes", "volume_snapshots", "databases"] {
        all[kind] = json!({"count": 0});
    }
    json!({"name": tag["name"], "resources": all})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_an_alphabet() {
        for name in ["a", "env:PROD", "x_y-z:1", &"x".repeat(255)] {
            check(name).expect(name);
        }
        for name in ["", "a=b", "a.b", "a b", "ü", &"x".repeat(256)] {
            check(name).expect_err(name);
        }
    }

    #[test]
    fn capitals_make_no_other_tag() {
        assert_eq!(key("Env:PROD"), key("env:prod"));
        assert_ne!(key("env:prod"), key("env:prod2"));
    }
}
