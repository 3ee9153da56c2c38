"""The traps that WeCom and retail lay, and the tests that keep the product out of them."""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

# number: what is true, and the tests that hold the product to it
TRAPS = {
    1: (
        "four mass messages a month is an old number: the limit is data, read off WeCom's own word",
        [
            ("outreach/test_policy.py", "test_the_cap_is_the_months_days_unless_set"),
            (
                "outreach/test_cap_rule.py",
                "test_a_limit_that_wecom_tells_of_holds_for_the_rest_of_the_month",
            ),
        ],
    ),
    2: (
        "who gets the task need not be the guide we named: who really sent is kept and shown",
        [
            ("outreach/test_sends.py", "test_another_sender_than_the_guide_is_kept_and_flagged"),
            (
                "hq/test_sent_by_others.py",
                "test_who_really_sent_it_is_a_figure_and_a_list_with_names",
            ),
        ],
    ),
    3: (
        "not sent yet is no failure: asked at 1, 5, 15, 60 minutes, then daily to the end",
        [
            ("outreach/test_sends.py", "test_looks_come_after_1_5_15_and_60_minutes_then_daily"),
            (
                "outreach/test_sends.py",
                "test_at_the_end_the_send_is_stopped_in_wecom_and_counts_as_not_sent",
            ),
        ],
    ),
    4: (
        "a transfer looks like a loss and is none",
        [
            (
                "reports/test_losses.py",
                "test_customers_and_guides_deletions_are_counted_apart_and_transfers_not",
            ),
            (
                "reports/test_guides_and_scripts.py",
                "test_a_transfer_neither_wins_nor_loses_a_friend",
            ),
        ],
    ),
    5: (
        "after a deletion WeCom goes on listing the friend: events with their time count",
        [
            (
                "wecom_sync/test_reconcile.py",
                "test_a_guide_deleted_by_the_customer_does_not_come_back",
            ),
        ],
    ),
    6: (
        "transfers fail without a word: each attempt is asked about to its end, under its own key",
        [
            (
                "handovers/test_crashes.py",
                "test_an_answer_lost_after_the_effect_is_looked_up_not_repeated",
            ),
            (
                "handovers/test_runs.py",
                "test_a_refusal_is_left_to_a_person_who_may_try_another_guide",
            ),
        ],
    ),
    7: (
        "statistics read too early are zeros",
        [
            (
                "wecom_sync/test_guide_days.py",
                "test_what_is_not_there_yet_is_asked_for_again_and_no_zero_is_kept",
            ),
            (
                "wecom_sync/test_guide_days.py",
                "test_late_corrections_of_wecom_replace_what_was_read",
            ),
        ],
    ),
    8: (
        "statistics of several members are their sum",
        [
            (
                "wecom_sync/test_guide_days.py",
                "test_one_call_for_each_guide_because_several_would_be_added_up",
            ),
        ],
    ),
    9: (
        "nothing is sent into a chat from outside its toolbar",
        [
            (
                "guide_portal/test_browser.py",
                "test_from_a_customers_profile_nothing_is_sent_and_the_page_offers_to_copy",
            ),
            (
                "wecom_simulator/test_jssdk_in_browser.py",
                "test_on_a_profile_the_customer_is_known_and_nothing_can_be_sent",
            ),
        ],
    ),
    10: (
        "callbacks come twice, come again and come forged: one row, or none",
        [
            (
                "wecom/test_real_callbacks.py",
                "test_doubled_and_shuffled_deliveries_are_one_row_each",
            ),
            ("wecom/test_real_callbacks.py", "test_a_product_that_answers_too_late_keeps_one_row"),
            ("wecom/test_callback_view.py", "test_forgeries_leave_nothing"),
            ("wecom/test_callback_view.py", "test_a_foreign_corp_with_our_keys_is_refused"),
        ],
    ),
    11: (
        "a number changed in a remark may be told by no event",
        [
            (
                "wecom_sync/test_remark_numbers.py",
                "test_a_changed_remark_number_changes_nobody_whether_it_is_told_or_not",
            ),
        ],
    ),
    12: (
        "the official accounts' interface for shopping guides is gone",
        [
            ("wecom/test_paths.py", "test_no_closed_road_is_built_on"),
        ],
    ),
    13: (
        "who is not new any more has not bought again",
        [
            (
                "profiles/test_stages_and_profiles.py",
                "test_a_one_time_buyer_leaves_new_by_age_and_is_no_repeat_buyer",
            ),
        ],
    ),
    14: (
        "those reached are not to be held against the whole control group",
        [
            (
                "reports/test_numbers.py",
                "test_lift_counts_every_assigned_member_and_books_returns_back",
            ),
        ],
    ),
    15: (
        "an order is not everybody's who wrote before it",
        [
            (
                "reports/test_guides_and_scripts.py",
                "test_an_order_after_messages_of_several_guides_is_one_guides_and_counted_once",
            ),
        ],
    ),
    16: (
        "a phone number may have become somebody else's",
        [
            ("member_portal/test_joining.py", "test_a_typed_number_alone_never_opens_the_data"),
            (
                "member_portal/test_joining.py",
                "test_a_known_number_is_bound_only_by_the_code_sent_to_it",
            ),
        ],
    ),
    17: (
        "white small text on WeChat's green cannot be read",
        [
            ("browser/test_accessibility.py", "test_every_page_of_a_guide"),
            ("browser/test_accessibility.py", "test_every_page_of_a_store_manager"),
        ],
    ),
    18: (
        "what guides write may be sensitive: sealed, and no condition of a segment",
        [
            ("segments/test_compile.py", "test_what_guides_wrote_is_no_condition"),
            (
                "members/test_relations.py",
                "test_a_repeated_note_is_the_same_note_and_is_stored_encrypted",
            ),
        ],
    ),
    19: (
        "projects under the GPL are read and not copied",
        [
            ("architecture/test_licences.py", "test_no_file_carries_another_projects_licence"),
            (
                "architecture/test_licences.py",
                "test_nothing_the_product_runs_with_is_under_the_gpl",
            ),
        ],
    ),
    20: (
        "a gain is a claim until it has an interval",
        [
            ("hq/test_pages.py", "test_an_interval_stands_on_a_line_that_holds_zero"),
            ("reports/test_numbers.py", "test_the_verdict_is_a_fixed_word"),
        ],
    ),
}


@cache
def defined_in(name):
    tree = ast.parse((TESTS / name).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_all_twenty_are_there():
    assert list(TRAPS) == list(range(1, 21))


@pytest.mark.parametrize("number", TRAPS)
def test_each_trap_has_its_tests(number):
    words, named = TRAPS[number]

    assert words
    assert named
    for file, test in named:
        assert test in defined_in(file), f"{file}::{test}"
