//! Secrets: SSH keys and passwords, by number.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, owned};
use super::instance_view::date_time;
use super::listing;
use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::Refusal;
use crate::cloud_sim::sim::Sim;
use crate::cloud_sim::world::{Key, World};

/// Where passwords are, but for their values.
const PASSWORD: &str = "password";
const UPDATED: &str = "updatedAt";
/// Longest value; an RSA key of 4096 bits does not fit.
const VALUE_LIMIT: usize = 500;
const VALUE_LEAST: usize = 8;

/// `GET /v1/secrets`: without values.
pub(super) async fn list(State(sim): State<Sim>, call: Call) -> Answer {
    let mut shown = all(&mut sim.world());
    for field in ["name", "type"] {
        if let Some(wanted) = call.query(field) {
            shown.retain(|own| own[field] == wanted);
        }
    }
    listing::sort(&call, &mut shown, |own, field| match field {
        "name" | "type" => (own[field].to_string(), own["secretId"].as_u64()),
        _ => (String::new(), own["secretId"].as_u64()),
    });
    Answer::ok(listing::page(&call, shown, |own| own))
}

/// `POST /v1/secrets`. The same key twice is two secrets.
pub(super) async fn create(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let body: Value = call.body()?;
    let text = |field: &str| body[field].as_str().unwrap_or("").to_owned();
    let (name, value) = (text("name"), text("value"));
    check_name(&name)?;
    check_value(&value)?;
    let mut world = sim.world();
    let shown = match text("type").as_str() {
        "ssh" => {
            let id = world.add_key(&name, &value)?;
            show_key(world.key(id)?)
        }
        PASSWORD => {
            check_password(&value)?;
            let id = world.next_id();
            let now = date_time(Timestamp::now());
            let secret = owned(json!({
                "secretId": id, "name": name, "type": PASSWORD, "createdAt": now, UPDATED: now,
            }));
            world.others(PASSWORD).insert(id, secret.clone());
            account.passwords().insert(id, value);
            secret
        }
        _ => return Err(Refusal::invalid("type", "must be password or ssh")),
    };
    Ok(Answer::created(listing::one(&call, shown)))
}

/// `GET /v1/secrets/{secretId}`: with the value.
pub(super) async fn show(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let id = call.id("id", "secret")?;
    let mut world = sim.world();
    let mut shown = one(&mut world, id)?;
    shown["value"] = match world.keys.get(&id) {
        Some(key) => json!(key.line),
        None => json!(account.passwords().get(&id)),
    };
    Ok(Answer::ok(listing::one(&call, shown)))
}

/// `PATCH /v1/secrets/{secretId}`
pub(super) async fn update(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let id = call.id("id", "secret")?;
    let (name, value) = (call.json_text("name"), call.json_text("value"));
    let mut world = sim.world();
    one(&mut world, id)?;
    name.map_or(Ok(()), check_name)?;
    value.map_or(Ok(()), check_value)?;
    let now = date_time(Timestamp::now());
    if world.keys.contains_key(&id) {
        update_key(&mut world, id, name, value, now)?;
    } else {
        value.map_or(Ok(()), check_password)?;
        if let Some(value) = value {
            account.passwords().insert(id, value.to_owned());
        }
        if let Some(secret) = world.others(PASSWORD).get_mut(&id) {
            if let Some(name) = name {
                secret["name"] = name.into();
            }
            secret[UPDATED] = now.into();
        }
    }
    Ok(Answer::ok(listing::links(&call)))
}

fn update_key(
    world: &mut World,
    id: Id,
    name: Option<&str>,
    value: Option<&str>,
    now: String,
) -> Result<(), Refusal> {
    let (old_name, old_line) = {
        let key = world.key(id)?;
        (key.name.clone(), key.line.clone())
    };
    // It is entered anew, so that it is checked as a new one is, and keeps its number.
    let new = world.add_key(name.unwrap_or(&old_name), value.unwrap_or(&old_line))?;
    if let (Some(new), Some(old)) = (world.keys.remove(&new), world.keys.get_mut(&id)) {
        *old = Key {
            id,
            created: old.created,
            foreign: old.foreign,
            ..new
        };
        old.extra.insert(UPDATED.to_owned(), now.into());
    }
    Ok(())
}

/// `DELETE /v1/secrets/{secretId}`
pub(super) async fn delete(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Reply {
    let id = call.id("id", "secret")?;
    let mut world = sim.world();
    one(&mut world, id)?;
    world.keys.remove(&id);
    world.others(PASSWORD).remove(&id);
    account.passwords().remove(&id);
    Ok(Answer::no_content())
}

fn all(world: &mut World) -> Vec<Value> {
    let mut all: Vec<Value> = world.keys.values().map(show_key).collect();
    all.extend(world.others(PASSWORD).values().cloned());
    all.sort_by_key(|secret| secret["secretId"].as_u64());
    all
}

fn one(world: &mut World, id: Id) -> Result<Value, Refusal> {
    let key = world.keys.get(&id).map(show_key);
    let found = key.or_else(|| world.others(PASSWORD).get(&id).cloned());
    found.ok_or_else(|| Refusal::not_found("secret"))
}

fn show_key(key: &Key) -> Value {
    let created = date_time(key.created);
    let updated = key
        .extra
        .get(UPDATED)
        .cloned()
        .unwrap_or_else(|| json!(created));
    owned(json!({
        "secretId": key.id, "name": key.name, "type": "ssh", "createdAt": created, UPDATED: updated,
    }))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if (1..=255).contains(&name.chars().count()) {
        return Ok(());
    }
    Err(Refusal::invalid("name", "must have 1 to 255 characters"))
}

fn check_value(value: &str) -> Result<(), Refusal> {
    if (VALUE_LEAST..=VALUE_LIMIT).contains(&value.chars().count()) {
        return Ok(());
    }
    let why = format!("must have {VALUE_LEAST} to {VALUE_LIMIT} characters");
    Err(Refusal::invalid("value", why))
}

/// A small and a large letter, and either a digit and two signs, or three digits and one.
fn check_password(value: &str) -> Result<(), Refusal> {
    let count = |wanted: fn(char) -> bool| value.chars().filter(|c| wanted(*c)).count();
    let (digits, signs) = (
        count(|c| c.is_ascii_digit()),
        count(|c| "!@#$^&*?_~".contains(c)),
    );
    let letters = count(|c| c.is_ascii_uppercase()) > 0 && count(|c| c.is_ascii_lowercase()) > 0;
    if letters && ((digits >= 1 && signs >= 2) || (digits >= 3 && signs >= 1)) {
        return Ok(());
    }
    Err(Refusal::invalid("value", "the password is too weak"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_letters_digits_and_signs() {
        for good in ["PwdA?2092w#", "aB1!!xxx", "aB123!xx"] {
            check_password(good).expect(good);
        }
        for weak in ["abcdefgh", "aB1!xxxx", "ab1!!xxx", "AB123!XX", "aBcdef!!"] {
            check_password(weak).expect_err(weak);
        }
    }
}
