//! Tags are objects of the account, which a droplet joins and leaves one by one and which stay when it
//! goes: <https://docs.digitalocean.com/reference/api/reference/tags/>. In a file of its own, as nothing
//! else is like it.

use futures_util::future::{join_all, try_join_all};
use vps_docker_core::http::gone_is_success;
use vps_docker_core::model::{HostTags, Tags};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::account::Account;
use crate::convert::{decode_tags, encode_tags};
use crate::wire::{CreateTag, Droplet, TagBody, TagResource, TagResources};

/// Gives a droplet these tags and no others. Only what differs is changed, what is new first, so that a
/// tag whose value changes is never missing.
pub(crate) async fn replace(account: &Account, id: u64, tags: &Tags) -> Result<()> {
    let wanted = encode_tags(tags)?;
    let droplet = account.droplet(id).await?;
    let current = droplet.tags.ok_or_else(untold)?;
    let missing = without(wanted.iter(), &current);
    let wanted: Vec<String> = wanted.iter().cloned().collect();
    let surplus = without(current.iter(), &wanted);
    try_join_all(missing.into_iter().map(|tag| join(account, id, tag))).await?;
    try_join_all(surplus.into_iter().map(|tag| leave(account, id, tag))).await?;
    Ok(())
}

/// The tags that are not among the others. Without regard to case, as the API sees it: two spellings are
/// one tag, and to leave one is to leave the other.
fn without<'a>(tags: impl Iterator<Item = &'a String>, others: &[String]) -> Vec<&'a str> {
    tags.map(String::as_str)
        .filter(|tag| !others.iter().any(|other| other.eq_ignore_ascii_case(tag)))
        .collect()
}

/// Why a listing by tag cannot be trusted.
pub(crate) fn untold() -> Error {
    Error::new(
        ErrorKind::Permission,
        "DigitalOcean does not tell the droplet's tags; give the token the scope tag:read",
    )
}

async fn join(account: &Account, id: u64, tag: &str) -> Result<()> {
    let made = account
        .api
        .post("set_tags", ["tags"])
        .body(&CreateTag { name: tag })
        .repeatable()
        .json::<TagBody>()
        .await;
    let tag = match made {
        // Somebody may have spelt it otherwise first, and it has no other name.
        Ok(body) if !body.tag.name.is_empty() => body.tag.name,
        Ok(_) => tag.to_owned(),
        // It is there, or it cannot be and the next call says so.
        Err(error) if matches!(error.kind(), ErrorKind::NameTaken | ErrorKind::Invalid) => {
            tag.to_owned()
        }
        Err(error) => return Err(error),
    };
    account
        .api
        .post("set_tags", ["tags", &tag, "resources"])
        .body(&droplet_alone(id))
        .repeatable()
        .done()
        .await
}

/// Takes a tag off a droplet, and a host's own with it from the account.
async fn leave(account: &Account, id: u64, tag: &str) -> Result<()> {
    let left = if is_of_one_host(tag) && carriers(account, id, tag).await?.is_empty() {
        delete(account, tag).await
    } else {
        account
            .api
            .delete("set_tags", ["tags", tag, "resources"])
            .body(&droplet_alone(id))
            .done()
            .await
    };
    gone_is_success(left)
}

/// Removes from the account what was a destroyed droplet's alone. What does not succeed is told and left:
/// an empty tag costs nothing, and the droplet is gone.
///
/// Deleting a tag takes it off everything that carries it, so somebody else's is asked for first: an
/// expiry is shared by all hosts that were ordered within the same second, a name by hosts of other owners. The
/// droplets of the same name are those that could share anything else, so one listing serves for three tags.
pub(crate) async fn remove_own(account: &Account, id: u64, tags: &[String]) {
    let is_ours = tags.iter().any(|tag| tag == HostTags::MARKER);
    let own: Vec<&String> = tags
        .iter()
        .filter(|tag| is_ours && is_of_one_host(tag))
        .collect();
    let (expiry, others): (Vec<_>, Vec<_>) = own
        .into_iter()
        .partition(|tag| has_key(tag, HostTags::EXPIRES));
    let groups = [expiry, others];
    join_all(groups.iter().map(|group| remove_group(account, id, group))).await;
}

/// Removes tags that others carry only together with the name, where one is among them.
async fn remove_group(account: &Account, id: u64, tags: &[&String]) {
    let Some(asked) = tags
        .iter()
        .find(|tag| has_key(tag, HostTags::NAME))
        .or(tags.first())
    else {
        return;
    };
    let others = match carriers(account, id, asked).await {
        Ok(others) => others,
        Err(error) => {
            tracing::warn!(%error, droplet = id, ?tags, "tags of a destroyed droplet are left");
            return;
        }
    };
    let carried = |tag: &str| {
        let all = others
            .iter()
            .flat_map(|droplet| droplet.tags.iter().flatten());
        all.into_iter().any(|other| other.eq_ignore_ascii_case(tag))
    };
    // From others whose tags are not told nothing may be taken.
    if others
        .iter()
        .any(|droplet| droplet.tags.as_ref().is_none_or(Vec::is_empty))
    {
        return;
    }
    let alone = tags.iter().filter(|tag| !carried(tag));
    let removed = alone.map(async |tag| {
        if let Err(error) = gone_is_success(delete(account, tag).await) {
            tracing::warn!(%error, droplet = id, %tag, "a tag of a destroyed droplet is left");
        }
    });
    join_all(removed).await;
}

/// The other droplets with that tag.
async fn carriers(account: &Account, id: u64, tag: &str) -> Result<Vec<Droplet>> {
    let mut droplets = account.droplets(Some(tag)).await?;
    droplets.retain(|droplet| droplet.id != id);
    Ok(droplets)
}

async fn delete(account: &Account, tag: &str) -> Result<()> {
    account.api.delete("delete_tag", ["tags", tag]).done().await
}

/// Whether nobody needs the tag when its host is gone. Marker and owner are everybody's.
fn is_of_one_host(tag: &str) -> bool {
    const KEYS: [&str; 4] = [
        HostTags::HOST,
        HostTags::NAME,
        HostTags::EXPIRES,
        HostTags::PIN,
    ];
    KEYS.iter().any(|key| has_key(tag, key))
}

fn has_key(tag: &str, key: &str) -> bool {
    decode_tags(&[tag.to_owned()])
        .get(key)
        .is_some_and(|value| !value.is_empty())
}

pub(crate) fn droplet_alone(id: u64) -> TagResources {
    TagResources {
        resources: [TagResource {
            resource_id: id.to_string(),
            resource_type: "droplet",
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn only_the_difference_is_changed_and_another_spelling_is_none() {
        let current = texts(&["vps-docker", "team:blue", "vps-docker-expires:1"]);
        let wanted = texts(&["vps-docker", "team:Blue", "vps-docker-name:web"]);
        assert_eq!(without(wanted.iter(), &current), ["vps-docker-name:web"]);
        assert_eq!(without(current.iter(), &wanted), ["vps-docker-expires:1"]);
    }

    #[test]
    fn marker_and_owner_are_everybodys() {
        for tag in [
            "vps-docker-host:a",
            "vps-docker-name:a",
            "vps-docker-expires:1",
            "vps-docker-pin:a",
        ] {
            assert!(is_of_one_host(tag), "{tag}");
        }
        for tag in [
            "vps-docker",
            "vps-docker-owner:a",
            "vps-docker-host",
            "vps-docker-hosts:a",
            "web",
        ] {
            assert!(!is_of_one_host(tag), "{tag}");
        }
    }

    #[test]
    fn a_tag_is_joined_by_a_number_as_text() {
        let body = serde_json::to_value(droplet_alone(17)).expect("JSON");
        let expected = serde_json::json!({
            "resources": [{"resource_id": "17", "resource_type": "droplet"}],
        });
        assert_eq!(body, expected);
    }
}
