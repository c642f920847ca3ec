//! Snapshots of instances. A file of its own because a snapshot belongs to its machine here: it is
//! listed, deleted and lost with it.
//!
//! A name may have 30 characters of letters, digits, blanks and dashes; ours are longer. So the name at
//! Contabo is the beginning of what the user calls it and a digest of the whole, and the whole is in the
//! description.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use vps_docker_core::model::{Instance, InstanceSnapshot, InstanceSnapshotName, SnapshotId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::cloud::Cloud;
use crate::convert;
use crate::display_name::DisplayName;
use crate::wire::{Machine, Snapshot};

/// The longest name at Contabo.
const NAME_LIMIT: usize = 30;
/// The longest description there.
const DESCRIPTION_LIMIT: usize = 255;
/// Digits of the digest in a name.
const DIGITS: usize = 8;
/// How many machines are asked for their snapshots at a time.
const AT_ONCE: usize = 4;

/// Takes a snapshot of a machine that was just looked at. There is no state to wait for: what the API
/// answers is there.
pub(crate) async fn create(
    cloud: &Cloud,
    machine: &Machine,
    name: &str,
) -> Result<InstanceSnapshot> {
    let length = name.chars().count();
    if !(1..=DESCRIPTION_LIMIT).contains(&length) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the snapshot's name has {length} characters; use 1 to {DESCRIPTION_LIMIT}"),
        ));
    }
    let number = machine.instance_id;
    let taken = cloud
        .api
        .create_snapshot(number, &short(name), name)
        .await?;
    Ok(convert_one(&convert::instance(machine), number, &taken))
}

/// The snapshots of all machines of ours. Each of them is asked for its own.
pub(crate) async fn list(cloud: &Cloud) -> Result<Vec<InstanceSnapshot>> {
    let mut machines = cloud.api.machines().await?;
    machines.retain(|machine| {
        let display_name = DisplayName::parse(&machine.display_name);
        matches!(display_name, DisplayName::Ours(_))
    });
    stream::iter(machines)
        .map(|machine| of_machine(cloud, machine))
        .buffer_unordered(AT_ONCE)
        .try_concat()
        .await
}

async fn of_machine(cloud: &Cloud, machine: Machine) -> Result<Vec<InstanceSnapshot>> {
    let instance = convert::instance(&machine);
    let number = machine.instance_id;
    let snapshots = none_if_refused(cloud.api.snapshots(number).await)?;
    let converted = snapshots.iter();
    Ok(converted
        .map(|snapshot| convert_one(&instance, number, snapshot))
        .collect())
}

/// Deletes one. Idempotent.
pub(crate) async fn delete(cloud: &Cloud, id: &SnapshotId) -> Result<()> {
    let Some((number, id)) = id.as_str().split_once('/') else {
        return Ok(());
    };
    match number.parse() {
        Ok(number) => cloud.api.delete_snapshot(number, id).await,
        // No machine has such a number, so none has the snapshot.
        Err(_) => Ok(()),
    }
}

/// Deletes all of a machine, whoever took them: its next host must not be able to go back to them, and
/// they would take its room.
pub(crate) async fn delete_all(cloud: &Cloud, number: u64) -> Result<()> {
    for snapshot in none_if_refused(cloud.api.snapshots(number).await)? {
        let deleted = cloud.api.delete_snapshot(number, &snapshot.snapshot_id);
        deleted.await?;
    }
    Ok(())
}

/// A machine whose product has no snapshots has none.
fn none_if_refused(listed: Result<Vec<Snapshot>>) -> Result<Vec<Snapshot>> {
    match listed {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Payment) => {
            Ok(Vec::new())
        }
        other => other,
    }
}

fn convert_one(instance: &Instance, number: u64, snapshot: &Snapshot) -> InstanceSnapshot {
    // Somebody else's description is no name.
    let is_ours = snapshot.name == short(&snapshot.description);
    let name = if is_ours {
        &snapshot.description
    } else {
        &snapshot.name
    };
    let id = SnapshotId::new(format!("{number}/{}", snapshot.snapshot_id));
    let mut converted = InstanceSnapshot::new(id, name);
    converted.instance_id = Some(instance.id.clone());
    converted.created_at = snapshot.created_date.trim().parse().ok();
    converted
}

/// What a snapshot of that name is called at Contabo.
fn short(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.chars().all(is_plain) && (1..=NAME_LIMIT).contains(&name.len()) {
        return name.to_owned();
    }
    let ours = InstanceSnapshotName::parse(name);
    let called = ours.map_or_else(|| name.to_owned(), |ours| ours.name.to_string());
    let plain = called.chars().map(|c| if is_plain(c) { c } else { '-' });
    let plain: String = plain.take(NAME_LIMIT - DIGITS - 1).collect();
    let digest: String = Sha256::digest(name)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}-{}", plain.trim_end_matches('-'), &digest[..DIGITS])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at_contabo(name: &str, description: &str) -> Snapshot {
        serde_json::from_value(serde_json::json!({
            "snapshotId": "snap1628603855", "name": name, "description": description,
            "createdDate": "2026-11-21T04:42:19Z", "autoDeleteDate": null, "imageId": "",
        }))
        .expect("a snapshot")
    }

    fn read(name: &str, description: &str) -> InstanceSnapshot {
        let machine = serde_json::json!({"instanceId": 7, "displayName": "web1 -- u-2"});
        let machine: Machine = serde_json::from_value(machine).expect("a machine");
        convert_one(
            &convert::instance(&machine),
            7,
            &at_contabo(name, description),
        )
    }

    #[test]
    fn a_long_name_is_cut_to_what_the_user_called_it() {
        let name = "vps-docker-abcdefghijklmnop-abcdefghijklmnop-before.the_upgrade";
        let short = short(name);
        assert!(short.starts_with("before-the-upgrade-"), "{short}");
        assert_ne!(short, super::short(&name.replace("before", "after")));
        let snapshot = read(&short, name);
        assert_eq!(snapshot.name, name);
        assert_eq!(snapshot.id.as_str(), "7/snap1628603855");
        assert_eq!(snapshot.instance_id.expect("known").as_str(), "7-2");
        assert!(snapshot.created_at.is_some());
    }

    #[test]
    fn names_of_others_stay_as_they_are() {
        assert_eq!(
            read("Snapshot Server", "Snapshot-Description").name,
            "Snapshot Server"
        );
        assert_eq!(read("nightly", "").name, "nightly");
    }

    proptest! {
        #[test]
        fn every_name_fits_and_reads_back(name in ".{1,255}") {
            let short = short(&name);
            prop_assert!((1..=NAME_LIMIT).contains(&short.len()), "{short}");
            prop_assert!(short.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            prop_assert_eq!(&read(&short, &name).name, &name);
        }
    }
}
