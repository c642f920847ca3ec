//! Each wrong client is caught by the behaviours that stand for its rule, and by no others than those that
//! cannot do without it; and there is no behaviour that nothing can fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use vps_docker_testkit::conformance::{BEHAVIOURS, Outcome, Subject};

use crate::fault::Fault;
use crate::memory_client::TOKEN;
use crate::memory_client_passes::MANY;
use crate::wrong_client::WrongClient;

macro_rules! wrong_clients {
    ($($fault:ident $test:ident by [$($behaviour:ident)*];)*) => {
        $(
            #[test]
            fn $test() {
                assert_caught(Fault::$fault, &[$(stringify!($behaviour)),*]);
            }
        )*

        #[test]
        fn every_behaviour_catches_somebody() {
            let catching = BTreeSet::from([$($(stringify!($behaviour),)*)*]);
            let all: BTreeSet<&str> = BEHAVIOURS.iter().map(|behaviour| behaviour.name).collect();
            assert_eq!(catching, all);
        }
    };
}

fn assert_caught(fault: Fault, expected: &[&str]) {
    // The panics of broken rules are what is wanted here.
    std::panic::set_hook(Box::new(|_| {}));
    let caught = caught_by(fault);
    drop(std::panic::take_hook());
    let names: BTreeSet<&str> = caught.iter().map(|(name, _)| *name).collect();
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    assert_eq!(names, expected, "{fault:?} is caught by: {caught:#?}");
}

fn caught_by(fault: Fault) -> Vec<(&'static str, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime whose time passes at once");
    let mut caught = Vec::new();
    for behaviour in BEHAVIOURS {
        let client = WrongClient::new(fault);
        let stranger = client.with_a_wrong_token();
        let subject = Subject::builder(Arc::new(client))
            .wrong_credentials(Arc::new(stranger))
            .secret(TOKEN)
            .many(MANY)
            .build();
        if let Outcome::Failed(how) = runtime.block_on(behaviour.examine(&subject)) {
            caught.push((behaviour.name, how));
        }
    }
    caught
}

wrong_clients! {
    PromisesTooMuch one_that_promises_too_much_is_caught by [
        tags_are_set_exactly_where_that_is_promised
        instances_are_renamed_exactly_where_that_is_promised
        power_is_switched_exactly_where_that_is_promised
        snapshots_are_there_exactly_where_they_are_promised
        a_firewall_is_there_exactly_where_it_is_promised
        limits_are_told_exactly_where_that_is_promised
        keys_are_kept_exactly_where_that_is_promised
        an_instance_is_made_with_a_key_that_was_made_known
        an_unknown_snapshot_is_refused_and_nothing_made
        setting_tags_replaces_all_of_them
        setting_the_same_tags_again_changes_nothing
        taking_the_expiry_away_leaves_the_rest
        tags_that_were_set_are_listed_by
        a_new_name_shows_and_the_tags_stay
        switching_off_and_on_is_followed_and_idempotent
        a_reboot_ends_running
        a_snapshot_is_listed_with_its_name_and_instance
        a_snapshot_that_is_deleted_is_gone
        deleting_what_is_no_snapshot_is_a_success
        a_snapshot_of_nothing_is_not_found
        an_instance_is_made_of_a_snapshot
        a_snapshot_outlives_its_instance
        the_same_rules_may_be_set_twice_and_be_replaced
        a_key_that_is_made_known_twice_is_one
        a_key_that_is_known_by_another_name_is_the_same
        different_keys_have_different_ids
        another_key_of_the_same_name_is_not_taken_for_the_first
        a_comment_makes_no_other_key
        a_key_is_listed_by_its_name
        a_key_that_is_deleted_is_gone
        an_unknown_instance_is_not_found_whatever_is_done_to_it
    ];
    PromisesTooLittle one_that_promises_too_little_is_caught by [
        tags_are_set_exactly_where_that_is_promised
        instances_are_renamed_exactly_where_that_is_promised
        power_is_switched_exactly_where_that_is_promised
        snapshots_are_there_exactly_where_they_are_promised
        a_firewall_is_there_exactly_where_it_is_promised
        limits_are_told_exactly_where_that_is_promised
        keys_are_kept_exactly_where_that_is_promised
        machines_are_adopted_exactly_where_that_is_promised
    ];
    ContradictsItself one_that_contradicts_itself_is_caught by [
        what_it_can_do_fits_together
        snapshots_are_there_exactly_where_they_are_promised
    ];
    BootsSnapshotsUnpromised one_that_boots_snapshots_unpromised_is_caught by [
        a_snapshot_that_cannot_become_an_instance_is_refused
    ];
    TakesANameTwice one_that_takes_a_name_twice_is_caught by [
        a_name_that_is_in_use_is_refused
        a_name_that_another_one_has_is_refused
    ];
    RefusesANameInUse one_that_refuses_a_name_in_use_is_caught by [a_name_may_be_used_twice];
    AcceptsTooMuchUserData one_that_accepts_too_much_user_data_is_caught by [
        too_much_user_data_is_refused_before_anything_is_made
    ];
    AcceptsTooLittleUserData one_that_accepts_too_little_user_data_is_caught by [
        as_much_user_data_as_promised_is_accepted
    ];
    TellsNoContract one_that_tells_no_contract_is_caught by [
        a_bill_that_goes_on_is_told_and_no_other
    ];
    TellsOfAContract one_that_tells_of_a_contract_is_caught by [
        a_bill_that_goes_on_is_told_and_no_other
    ];
    ForgetsTags one_that_forgets_tags_is_caught by [
        creates_side_by_side_are_distinct
        tags_are_there_from_the_very_first_listing
        tags_of_a_host_come_back_to_the_letter
        hostile_but_legal_names_are_taken_as_they_are
        a_name_may_be_used_twice
        a_create_that_is_dropped_leaves_nothing_unmarked
        a_look_and_a_listing_tell_the_same
        a_listing_by_value_has_those_and_no_others
        a_listing_by_key_has_every_value
        a_part_of_a_key_or_value_matches_nothing
        a_listing_has_every_page
        a_new_name_shows_and_the_tags_stay
        switching_off_and_on_is_followed_and_idempotent
        an_instance_is_made_of_a_snapshot
        destroying_one_leaves_the_others
    ];
    SetsTagsInASecondCall one_that_sets_tags_in_a_second_call_is_caught by [
        tags_are_there_from_the_very_first_listing
        a_create_that_is_dropped_leaves_nothing_unmarked
    ];
    LosesEmptyValues one_that_loses_empty_values_is_caught by [
        creates_side_by_side_are_distinct
        tags_are_there_from_the_very_first_listing
        tags_of_a_host_come_back_to_the_letter
        hostile_but_legal_names_are_taken_as_they_are
        a_name_may_be_used_twice
        a_create_that_is_dropped_leaves_nothing_unmarked
        a_listing_by_key_has_every_value
        a_new_name_shows_and_the_tags_stay
        switching_off_and_on_is_followed_and_idempotent
        an_instance_is_made_of_a_snapshot
        destroying_one_leaves_the_others
    ];
    CutsNames one_that_cuts_names_is_caught by [hostile_but_legal_names_are_taken_as_they_are];
    OrdersAnotherPlan one_that_orders_another_plan_is_caught by [
        an_order_is_answered_with_what_was_ordered
    ];
    SendsACreateTwice one_that_sends_a_create_twice_is_caught by [
        a_create_is_one_instance
        a_create_that_is_dropped_leaves_nothing_unmarked
        a_listing_by_value_has_those_and_no_others
        tags_that_were_set_are_listed_by
        an_instance_that_is_destroyed_is_gone
        destroying_twice_is_a_success
        destroying_one_leaves_the_others
    ];
    AnswersWithTheLast one_that_answers_with_the_last_is_caught by [
        creates_side_by_side_are_distinct
        hostile_but_legal_names_are_taken_as_they_are
    ];
    RefusesKeys one_that_refuses_keys_is_caught by [
        an_instance_is_made_with_a_key_that_was_made_known
    ];
    AcceptsAnyRegion one_that_accepts_any_region_is_caught by [
        an_unknown_region_is_refused_and_nothing_made
    ];
    BlamesTheProvider one_that_blames_the_provider_is_caught by [
        an_unknown_plan_is_refused_and_nothing_made
    ];
    MakesAndThenRefuses one_that_makes_and_then_refuses_is_caught by [
        an_unknown_image_is_refused_and_nothing_made
    ];
    BootsTheDefaultInstead one_that_boots_the_default_instead_is_caught by [
        an_unknown_snapshot_is_refused_and_nothing_made
    ];
    MakesUpAState one_that_makes_up_a_state_is_caught by [
        an_id_that_is_nobodys_is_not_found
        an_instance_that_is_destroyed_is_gone
        destroying_twice_is_a_success
        destroying_one_leaves_the_others
        an_unknown_instance_is_not_found_whatever_is_done_to_it
    ];
    RunsWithoutAddress one_that_runs_without_address_is_caught by [
        an_instance_comes_to_run_with_an_address
        a_look_and_a_listing_tell_the_same
        switching_off_and_on_is_followed_and_idempotent
        a_reboot_ends_running
        a_snapshot_is_listed_with_its_name_and_instance
        a_snapshot_that_is_deleted_is_gone
        an_instance_is_made_of_a_snapshot
        a_snapshot_outlives_its_instance
        the_same_rules_may_be_set_twice_and_be_replaced
    ];
    TellsZerosForAnAddress one_that_tells_zeros_for_an_address_is_caught by [
        an_instance_comes_to_run_with_an_address
    ];
    RemembersWhatIsGone one_that_remembers_what_is_gone_is_caught by [
        an_instance_that_is_destroyed_is_gone
        destroying_twice_is_a_success
        destroying_one_leaves_the_others
    ];
    ListsOldStates one_that_lists_old_states_is_caught by [a_look_and_a_listing_tell_the_same];
    ListsTheFirstPage one_that_lists_the_first_page_is_caught by [a_listing_has_every_page];
    DoesNotFilter one_that_does_not_filter_is_caught by [
        a_listing_by_value_has_those_and_no_others
        a_part_of_a_key_or_value_matches_nothing
        tags_that_were_set_are_listed_by
        destroying_one_leaves_the_others
    ];
    FiltersByKeyAlone one_that_filters_by_key_alone_is_caught by [
        a_listing_by_value_has_those_and_no_others
        a_part_of_a_key_or_value_matches_nothing
        tags_that_were_set_are_listed_by
        destroying_one_leaves_the_others
    ];
    FiltersByBeginnings one_that_filters_by_beginnings_is_caught by [
        a_part_of_a_key_or_value_matches_nothing
    ];
    FiltersByOldTags one_that_filters_by_old_tags_is_caught by [tags_that_were_set_are_listed_by];
    TakesNoValueForAnEmptyOne one_that_takes_no_value_for_an_empty_one_is_caught by [
        a_listing_by_key_has_every_value
    ];
    WantsAFilter one_that_wants_a_filter_is_caught by [
        a_create_is_one_instance
        tags_are_there_from_the_very_first_listing
        a_listing_without_a_filter_has_all
        a_listing_has_every_page
        a_new_name_shows_and_the_tags_stay
    ];
    TakesAnErrorForNothing one_that_takes_an_error_for_nothing_is_caught by [
        wrong_credentials_are_told_and_taken_for_nothing_else
    ];
    MergesTags one_that_merges_tags_is_caught by [
        setting_tags_replaces_all_of_them
        taking_the_expiry_away_leaves_the_rest
    ];
    SetsTagsOnce one_that_sets_tags_once_is_caught by [setting_the_same_tags_again_changes_nothing];
    DropsTagsOnRename one_that_drops_tags_on_rename_is_caught by [a_new_name_shows_and_the_tags_stay];
    DoesNotSwitchOff one_that_does_not_switch_off_is_caught by [
        switching_off_and_on_is_followed_and_idempotent
    ];
    EndsARebootStopped one_that_ends_a_reboot_stopped_is_caught by [a_reboot_ends_running];
    AddsToTheFirewall one_that_adds_to_the_firewall_is_caught by [
        the_same_rules_may_be_set_twice_and_be_replaced
    ];
    CallsNothingDone one_that_calls_nothing_done_is_caught by [
        a_snapshot_of_nothing_is_not_found
        an_unknown_instance_is_not_found_whatever_is_done_to_it
    ];
    CutsNamesOfSnapshots one_that_cuts_names_of_snapshots_is_caught by [
        a_snapshot_is_listed_with_its_name_and_instance
    ];
    FailsToDeleteTwice one_that_fails_to_delete_twice_is_caught by [
        a_snapshot_that_is_deleted_is_gone
        deleting_what_is_no_snapshot_is_a_success
        a_key_that_is_deleted_is_gone
    ];
    TakesSnapshotsAlong one_that_takes_snapshots_along_is_caught by [
        a_snapshot_outlives_its_instance
    ];
    LosesTheTagsOfCopies one_that_loses_the_tags_of_copies_is_caught by [
        an_instance_is_made_of_a_snapshot
    ];
    KnowsKeysByName one_that_knows_keys_by_name_is_caught by [
        another_key_of_the_same_name_is_not_taken_for_the_first
    ];
    KnowsKeysByLine one_that_knows_keys_by_line_is_caught by [
        an_instance_is_made_with_a_key_that_was_made_known
        a_comment_makes_no_other_key
        a_key_is_listed_by_its_name
    ];
    HasOneKey one_that_has_one_key_is_caught by [
        different_keys_have_different_ids
        another_key_of_the_same_name_is_not_taken_for_the_first
    ];
    RefusesKnownKeys one_that_refuses_known_keys_is_caught by [
        a_key_that_is_made_known_twice_is_one
        a_key_that_is_known_by_another_name_is_the_same
        a_comment_makes_no_other_key
    ];
    AcceptsAnyKey one_that_accepts_any_key_is_caught by [a_line_that_is_no_key_is_refused];
    HidesKeys one_that_hides_keys_is_caught by [a_key_is_listed_by_its_name];
    FailsToDestroyTwice one_that_fails_to_destroy_twice_is_caught by [
        destroying_twice_is_a_success
        destroying_what_never_was_is_a_success
    ];
    DestroysAllOfAnOwner one_that_destroys_all_of_an_owner_is_caught by [
        destroying_one_leaves_the_others
    ];
    TakesAnErrorForGone one_that_takes_an_error_for_gone_is_caught by [
        wrong_credentials_are_told_and_taken_for_nothing_else
    ];
    OffersPlansWithoutMemory one_that_offers_plans_without_memory_is_caught by [
        the_catalogue_offers_regions_plans_and_images
    ];
    OffersTwoOfOneId one_that_offers_two_of_one_id_is_caught by [ids_of_the_catalogue_are_unique];
    OffersADefaultThatIsElsewhere one_that_offers_a_default_that_is_elsewhere_is_caught by [
        the_defaults_go_together
    ];
    CostsLessThanNothing one_that_costs_less_than_nothing_is_caught by [
        prices_are_of_one_currency_and_make_sense
    ];
    NamesARegionThatIsNot one_that_names_a_region_that_is_not_is_caught by [
        plans_name_only_regions_that_there_are
    ];
    SaysNotWhere one_that_says_not_where_is_caught by [an_error_says_where_it_happened];
    SaysTooMuch one_that_says_too_much_is_caught by [an_error_is_one_line_for_people];
    ShowsItsToken one_that_shows_its_token_is_caught by [no_secret_shows_in_debug];
    TellsItsTokenInErrors one_that_tells_its_token_in_errors_is_caught by [
        no_secret_shows_in_errors
    ];
    LogsUserData one_that_logs_user_data_is_caught by [no_secret_is_logged];
}
