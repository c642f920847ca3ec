//! Which behaviours there are, and what each of them needs: the one place that knows them all.

use super::behaviour::{Behaviour, Need};

/// Hands the table to the macro named first, behind what is to be passed on to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours {
    ($then:path, $config:tt) => {
        $then! { $config
            capabilities what_it_can_do_fits_together [];
            capabilities tags_are_set_exactly_where_that_is_promised [];
            capabilities instances_are_renamed_exactly_where_that_is_promised [];
            capabilities power_is_switched_exactly_where_that_is_promised [];
            capabilities snapshots_are_there_exactly_where_they_are_promised [];
            capabilities a_firewall_is_there_exactly_where_it_is_promised [];
            capabilities limits_are_told_exactly_where_that_is_promised [];
            capabilities keys_are_kept_exactly_where_that_is_promised [];
            capabilities machines_are_adopted_exactly_where_that_is_promised [];

            catalog the_catalogue_offers_regions_plans_and_images [Orders];
            catalog ids_of_the_catalogue_are_unique [Orders];
            catalog the_defaults_go_together [Orders];
            catalog prices_are_of_one_currency_and_make_sense [Orders];
            catalog plans_name_only_regions_that_there_are [Orders];

            create an_order_is_answered_with_what_was_ordered [Orders];
            create a_create_is_one_instance [Orders];
            create creates_side_by_side_are_distinct [Orders];
            create tags_are_there_from_the_very_first_listing [Orders];
            create tags_of_a_host_come_back_to_the_letter [Orders];
            create hostile_but_legal_names_are_taken_as_they_are [Orders];
            create a_name_that_is_in_use_is_refused [Orders UniqueNames];
            create a_name_may_be_used_twice [Orders NamesRepeat];
            create as_much_user_data_as_promised_is_accepted [Orders];
            create an_instance_is_made_with_a_key_that_was_made_known [Orders];
            create a_create_that_is_dropped_leaves_nothing_unmarked [Orders];

            refusals too_much_user_data_is_refused_before_anything_is_made [Orders];
            refusals an_unknown_region_is_refused_and_nothing_made [Orders];
            refusals an_unknown_plan_is_refused_and_nothing_made [Orders];
            refusals an_unknown_image_is_refused_and_nothing_made [Orders];
            refusals an_unknown_snapshot_is_refused_and_nothing_made [Orders];

            waiting an_instance_comes_to_run_with_an_address [Orders];
            waiting a_look_and_a_listing_tell_the_same [Orders];

            listing an_id_that_is_nobodys_is_not_found [];
            listing a_listing_by_value_has_those_and_no_others [Orders];
            listing a_listing_by_key_has_every_value [Orders];
            listing a_listing_without_a_filter_has_all [Orders];
            listing a_part_of_a_key_or_value_matches_nothing [Orders];
            listing a_listing_has_every_page [Orders Many];

            tags setting_tags_replaces_all_of_them [Orders SetTags];
            tags setting_the_same_tags_again_changes_nothing [Orders SetTags];
            tags taking_the_expiry_away_leaves_the_rest [Orders SetTags];
            tags tags_that_were_set_are_listed_by [Orders SetTags];

            rename a_new_name_shows_and_the_tags_stay [Orders Rename];
            rename a_name_that_another_one_has_is_refused [Orders Rename UniqueNames];

            power switching_off_and_on_is_followed_and_idempotent [Orders Power];
            power a_reboot_ends_running [Orders Power];

            snapshots a_snapshot_is_listed_with_its_name_and_instance [Orders Snapshots];
            snapshots a_snapshot_that_is_deleted_is_gone [Orders Snapshots];
            snapshots deleting_what_is_no_snapshot_is_a_success [Snapshots];
            snapshots a_snapshot_of_nothing_is_not_found [Snapshots];
            snapshots an_instance_is_made_of_a_snapshot [Orders CreateFromSnapshot];
            snapshots a_snapshot_outlives_its_instance [Orders CreateFromSnapshot];
            snapshots a_snapshot_that_cannot_become_an_instance_is_refused
                [Orders NoCreateFromSnapshot];

            firewall the_same_rules_may_be_set_twice_and_be_replaced [Orders Firewall];

            keys a_key_that_is_made_known_twice_is_one [];
            keys a_key_that_is_known_by_another_name_is_the_same [];
            keys different_keys_have_different_ids [];
            keys another_key_of_the_same_name_is_not_taken_for_the_first [];
            keys a_line_that_is_no_key_is_refused [SshKeyStore];
            keys a_comment_makes_no_other_key [SshKeyStore];
            keys a_key_is_listed_by_its_name [SshKeyStore];
            keys a_key_that_is_deleted_is_gone [SshKeyStore];

            destroy an_instance_that_is_destroyed_is_gone [Orders];
            destroy destroying_twice_is_a_success [Orders];
            destroy destroying_what_never_was_is_a_success [];
            destroy a_bill_that_goes_on_is_told_and_no_other [Orders];
            destroy destroying_one_leaves_the_others [Orders];

            errors an_error_says_where_it_happened [];
            errors an_error_is_one_line_for_people [];
            errors an_unknown_instance_is_not_found_whatever_is_done_to_it [];
            errors wrong_credentials_are_told_and_taken_for_nothing_else
                [Orders WrongCredentials];

            secrets no_secret_shows_in_debug [Orders];
            secrets no_secret_shows_in_errors [];
            secrets no_secret_is_logged [Orders];
        }
    };
}

macro_rules! table {
    ([] $($group:ident $name:ident [$($need:ident)*];)*) => {
        /// All behaviours.
        pub const BEHAVIOURS: &[Behaviour] = &[$(
            Behaviour {
                name: stringify!($name),
                needs: &[$(Need::$need),*],
                run: |subject| Box::pin(super::$group::$name(subject)),
            },
        )*];
    };
}

crate::__behaviours! { table, [] }

/// Makes a test of each behaviour, named after it, in the module where it stands.
///
/// It takes an expression that makes a [`Subject`](crate::conformance::Subject), or an `Option` of one
/// (`None` skips the test); it stands in an async block and may await. Whoever needs to tell the tests
/// apart names the [`Behaviour`](crate::conformance::Behaviour) and an arrow first. Attributes before that
/// are those of every test.
///
/// ```
/// # use vps_docker_testkit::conformance::{Behaviour, Subject};
/// # async fn subject(network: &str) -> Option<Subject> { None }
/// mod acme_conformance {
/// #   use super::*;
///     vps_docker_testkit::conformance_tests!(
///         #[ignore = "orders instances that cost money"]
///         behaviour => subject(&format!("test-{}", behaviour.number())).await
///     );
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($(#[$attribute:meta])* $behaviour:ident => $subject:expr $(,)?) => {
        $crate::__behaviours! {
            $crate::__each_behaviour, ([$(#[$attribute])*] $behaviour $subject)
        }
    };
    ($(#[$attribute:meta])* $subject:expr $(,)?) => {
        $crate::conformance_tests! { $(#[$attribute])* _behaviour => $subject }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __each_behaviour {
    ($config:tt $($group:ident $name:ident [$($need:ident)*];)*) => {
        $($crate::__behaviour_test! { $config $name })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __behaviour_test {
    (([$(#[$attribute:meta])*] $behaviour:ident $subject:expr) $name:ident) => {
        #[test]
        $(#[$attribute])*
        fn $name() {
            let skipped = $crate::conformance::expanded::run(
                stringify!($name),
                |$behaviour| async move { $subject },
            );
            if let Some(why) = skipped {
                $crate::conformance::expanded::say!("skipped: {why}");
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The files of behaviours, as they are written.
    const SOURCES: &[&str] = &[
        include_str!("capabilities.rs"),
        include_str!("catalog.rs"),
        include_str!("create.rs"),
        include_str!("destroy.rs"),
        include_str!("errors.rs"),
        include_str!("firewall.rs"),
        include_str!("keys.rs"),
        include_str!("listing.rs"),
        include_str!("power.rs"),
        include_str!("refusals.rs"),
        include_str!("rename.rs"),
        include_str!("secrets.rs"),
        include_str!("snapshots.rs"),
        include_str!("tags.rs"),
        include_str!("waiting.rs"),
    ];

    #[test]
    fn every_behaviour_that_is_written_is_in_the_table_once() {
        let written: BTreeSet<&str> = SOURCES
            .iter()
            .flat_map(|source| source.lines())
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
            .collect();
        let listed: BTreeSet<&str> = BEHAVIOURS.iter().map(|behaviour| behaviour.name).collect();
        assert_eq!(listed, written);
        assert_eq!(listed.len(), BEHAVIOURS.len(), "two of one name");
    }

    #[test]
    fn behaviours_are_found_by_name_and_have_numbers() {
        for (number, behaviour) in BEHAVIOURS.iter().enumerate() {
            let found = Behaviour::find(behaviour.name).expect("in the table");
            assert_eq!(found.number(), number);
        }
        assert!(Behaviour::find("no_such_behaviour").is_none());
    }
}
