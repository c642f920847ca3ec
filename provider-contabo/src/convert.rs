//! Wire to model and back.

use std::fmt;

use vps_docker_core::model::{Instance, InstanceId, InstanceState};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::display_name::DisplayName;
use crate::wire::{Machine, Status};

/// Which machine, and how often it was released before that.
///
/// A machine outlives its hosts here, so its number alone would make the id of a host that is gone the
/// id of the next one, and whoever still knows the old one could wipe it. The first instance of a
/// machine has the machine's number for an id, the next one `number-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) occupancy: u32,
}

impl Place {
    /// Reads an id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for what can be none of ours.
    pub(crate) fn parse(id: &InstanceId) -> Result<Self> {
        let text = id.as_str();
        let (number, occupancy) = text.split_once('-').unwrap_or((text, "0"));
        let read = number.parse().ok().zip(occupancy.parse().ok());
        let place = read.map(|(number, occupancy)| Self { number, occupancy });
        // One text for each: no signs, no leading zeros.
        place
            .filter(|place| place.to_string() == text)
            .ok_or_else(|| no_such_instance(id))
    }

    /// Where the instance is that a machine is now.
    pub(crate) fn of(machine: &Machine, display_name: &DisplayName) -> Self {
        Self {
            number: machine.instance_id,
            occupancy: match display_name {
                DisplayName::Ours(ours) => ours.occupancy,
                DisplayName::Released(released) => released.occupancy,
                DisplayName::Foreign(_) => 0,
            },
        }
    }

    /// Whether the machine still is the instance of that id. One whose display name somebody has
    /// overwritten may be any of those that it was.
    pub(crate) fn is_still(self, display_name: &DisplayName) -> bool {
        match display_name {
            DisplayName::Ours(ours) => ours.occupancy == self.occupancy,
            DisplayName::Released(released) => released.occupancy == self.occupancy,
            DisplayName::Foreign(_) => true,
        }
    }

    pub(crate) fn id(self) -> InstanceId {
        InstanceId::new(self.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.occupancy {
            0 => write!(f, "{}", self.number),
            occupancy => write!(f, "{}-{occupancy}", self.number),
        }
    }
}

pub(crate) fn no_such_instance(id: &InstanceId) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "Contabo has no such instance, or the machine is another one by now",
    )
    .with_instance(id)
}

/// A machine as an instance; a released one without tags.
pub(crate) fn instance(machine: &Machine) -> Instance {
    let display_name = DisplayName::parse(&machine.display_name);
    let place = Place::of(machine, &display_name);
    let name = match display_name.name() {
        "" => &machine.name,
        name => name,
    };
    let (state, note) = state(machine);
    let mut instance = Instance::new(place.id(), name, state);
    instance.note = note;
    instance.address = machine.address;
    instance.region.clone_from(&machine.region);
    instance.plan.clone_from(&machine.product_id);
    // What was reinstalled is younger than its machine, and nobody tells by how much.
    if place.occupancy == 0 {
        instance.created_at = machine.created_date.trim().parse().ok();
    }
    if let DisplayName::Ours(ours) = display_name {
        instance.tags = ours.tags;
    }
    instance
}

/// What the machine is doing, and what a person should know of it.
pub(crate) fn state(machine: &Machine) -> (InstanceState, Option<String>) {
    let awaits = |what: &str| {
        let note = format!("Contabo waits for {what}; see https://my.contabo.com");
        (InstanceState::AwaitsPerson, Some(note))
    };
    let unknown = |word: &str, note: Option<&str>| {
        let state = InstanceState::Unknown(word.to_owned());
        (state, note.map(str::to_owned))
    };
    match &machine.status {
        Status::Provisioning | Status::Installing => (InstanceState::Provisioning, None),
        Status::Running => (InstanceState::Running, None),
        Status::Stopped => (InstanceState::Stopped, None),
        Status::Uninstalled => (
            InstanceState::Stopped,
            Some("no operating system is installed".to_owned()),
        ),
        Status::Error => {
            let told = machine.error_message.trim();
            let note = match told {
                "" => "Contabo reports an error and does not say which",
                told => told,
            };
            (InstanceState::Failed, Some(note.to_owned()))
        }
        Status::Rescue => unknown(
            "rescue",
            Some("the machine runs the rescue system; restart it to leave that"),
        ),
        Status::ResetPassword => unknown("reset_password", Some("Contabo sets another password")),
        Status::PendingPayment => awaits("a payment"),
        Status::VerificationRequired => awaits("a verification of the customer"),
        Status::ManualProvisioning => awaits("somebody at Contabo to set the machine up by hand"),
        Status::ProductNotAvailable => awaits("such a machine to be available"),
        Status::Unknown(word) => unknown(word, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn machine(fields: serde_json::Value) -> Machine {
        serde_json::from_value(fields).expect("a machine")
    }

    #[test]
    fn ids_have_one_spelling() {
        for (text, number, occupancy) in [("12345", 12345, 0), ("12345-2", 12345, 2)] {
            let place = Place::parse(&InstanceId::new(text)).expect(text);
            assert_eq!(place, Place { number, occupancy });
            assert_eq!(place.id().as_str(), text);
        }
        for text in [
            "", "web", "-1", "1-", "1-0", "01", "+1", "1-01", "1-2-3", "1.0", " 1",
        ] {
            let error = Place::parse(&InstanceId::new(text)).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn the_id_of_an_instance_that_is_gone_is_not_that_of_the_next_one() {
        let first = Place {
            number: 7,
            occupancy: 0,
        };
        let name = |text| DisplayName::parse(text);
        assert!(first.is_still(&name("web1 --")));
        assert!(!first.is_still(&name("vps-docker-released u-1")));
        assert!(!first.is_still(&name("web2 -- u-1")));
        let machine = machine(json!({"instanceId": 7, "displayName": "web2 -- u-1"}));
        assert_eq!(instance(&machine).id.as_str(), "7-1");
    }

    #[test]
    fn words_of_the_api_are_states() {
        use InstanceState as S;
        for (status, expected) in [
            ("provisioning", S::Provisioning),
            ("installing", S::Provisioning),
            ("running", S::Running),
            ("stopped", S::Stopped),
            ("uninstalled", S::Stopped),
            ("error", S::Failed),
            ("pending_payment", S::AwaitsPerson),
            ("verification_required", S::AwaitsPerson),
            ("manual_provisioning", S::AwaitsPerson),
            ("product_not_available", S::AwaitsPerson),
            ("rescue", S::Unknown("rescue".into())),
            ("reset_password", S::Unknown("reset_password".into())),
            ("other", S::Unknown("other".into())),
            ("frozen", S::Unknown("frozen".into())),
        ] {
            let machine = machine(json!({"instanceId": 1, "status": status}));
            let (state, note) = state(&machine);
            let wants_note = matches!(state, S::Failed | S::AwaitsPerson);
            assert!(!wants_note || note.is_some(), "{status}");
            assert_eq!(state, expected);
        }
        let failed =
            machine(json!({"instanceId": 1, "status": "error", "errorMessage": "no disk"}));
        assert_eq!(state(&failed).1.as_deref(), Some("no disk"));
    }

    #[test]
    fn a_released_or_foreign_machine_has_no_tags() {
        let at = "2026-11-21T04:42:19Z";
        let mut fields = json!({
            "instanceId": 7, "name": "vmd7", "createdDate": at,
            "displayName": "vps-docker-released o-abcdefghijklmnop u-1",
        });
        let released = instance(&machine(fields.clone()));
        assert!(released.tags.is_empty());
        assert_eq!(
            (released.id.as_str(), released.name.as_str()),
            ("7-1", "vps-docker-released")
        );
        assert_eq!(released.created_at, None);
        fields["displayName"] = json!(null);
        let foreign = instance(&machine(fields));
        assert_eq!((foreign.id.as_str(), foreign.name.as_str()), ("7", "vmd7"));
        assert_eq!(
            foreign.created_at.map(|at| at.to_string()).as_deref(),
            Some(at)
        );
    }
}
