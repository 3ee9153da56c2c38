from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.models import NotIssued, State, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services.recalling import withdraw_push
from apps.guide_tasks.services.rules import base
from apps.members import services as members
from apps.members.models import FollowRelation, Member
from apps.outreach import scripts
from apps.outreach.models import GuideNotice, MessageTemplate
from apps.reports.selectors import push_funnel
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import (
    buy,
    deliver,
    guide_of,
    hand_out,
    make_team,
    members_of,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def rules(moment, people):
    services.ensure_default_rules(now=moment - timedelta(days=1))


def by_rule(key):
    return TaskTarget.objects.filter(push__rule__key=key).order_by("pk")


def recorded(order_id, at):
    """The till's report came in at that moment."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET recorded_at = %s WHERE id = %s", [at, order_id])


def test_the_rules_of_a_new_chain_are_made_once_with_scripts_that_work(moment):
    assert services.ensure_default_rules(now=moment) == len(TaskRule.Key.values) + 2
    assert services.ensure_default_rules(now=moment) == 0

    assert set(TaskRule.objects.values_list("key", flat=True)) == set(TaskRule.Key.values)
    for template in MessageTemplate.objects.all():
        scripts.validate_script(template.body)
        assert not scripts.has_customer_variables(template.generic_body)
    assert {rule.active_since for rule in TaskRule.objects.filter(is_active=True)} == {moment}
    steps = TaskRule.objects.filter(key="care").order_by("delay_days")
    assert [(rule.delay_days, rule.is_active) for rule in steps] == [
        (3, True),
        (7, False),
        (30, True),
    ]


def test_switching_a_rule_off_and_on_starts_its_time_anew(moment, rules):
    rule = TaskRule.objects.get(key="care", delay_days=3)
    rule.is_active = False
    rule.save()
    assert rule.active_since is None

    rule.is_active = True
    rule.save()

    assert rule.active_since == moment


def test_delivered_without_an_order_asks_the_guide_once_more(moment, rules, people, store):
    push = hand_out(people, moment, follow_up_days=7)
    for person in people[:2]:
        deliver(target_of(push, person), moment)
    order = buy(people[1], store, moment + timedelta(days=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(days=1))

    too_early = services.run_rules(now=moment + timedelta(days=6))
    later = moment + timedelta(days=7)
    first, second = services.run_rules(now=later), services.run_rules(now=later)

    assert (too_early.follow_ups, first.follow_ups, second.follow_ups) == (0, 1, 0)
    (target,) = by_rule("follow_up")
    original = target_of(push, people[0])
    assert (target.member_id, target.guide_id) == (people[0].pk, original.guide_id)
    assert target.cause == f"follow_up:{original.source}"
    assert "7" in target.why
    assert target.push.rule_on == later.date()
    assert MemberEvent.objects.filter(source=target.source, kind=Kind.TASK_ISSUED).count() == 1
    rule_source = f"task_rule:{target.push.rule_id}:"
    assert GuideNotice.objects.filter(source__startswith=rule_source).count() == 1


def test_a_push_without_follow_up_gets_none_and_zero_days_means_at_once(moment, rules, people):
    without = hand_out(people[:1], moment, follow_up_days=None)
    at_once = hand_out(people[1:2], moment, follow_up_days=0)
    deliver(target_of(without, people[0]), moment)
    deliver(target_of(at_once, people[1]), moment)

    made = services.run_rules(now=moment)

    assert made.follow_ups == 1
    assert by_rule("follow_up").get().member_id == people[1].pk


def test_who_could_not_be_asked_for_a_week_is_left_in_peace(moment, rules, people):
    push = hand_out(people, moment, follow_up_days=7)
    deliver(target_of(push, people[0]), moment)

    services.run_rules(now=moment + timedelta(days=15))

    assert not by_rule("follow_up").exists()
    assert not TaskPush.objects.filter(rule__key="follow_up").exists()


def test_a_follow_up_needs_consent_and_says_why_it_was_not_made(moment, rules, people):
    push = hand_out(people[:1], moment, follow_up_days=0)
    deliver(target_of(push, people[0]), moment)
    members.withdraw_consent(
        member_id=people[0].pk, purpose="wecom_marketing", channel="t", now=moment
    )

    for _look in range(2):
        services.run_rules(now=moment)

    refused = NotIssued.objects.get(push__rule__key="follow_up")
    assert (refused.member_id, refused.reason) == (people[0].pk, "no_consent")
    funnel = push_funnel(push=refused.push)
    assert (funnel.planned, funnel.issued, funnel.not_issued) == (1, 0, {"no_consent": 1})


def test_a_follow_up_that_bought_meanwhile_is_not_applicable(moment, rules, people, store):
    push = hand_out(people[:1], moment, follow_up_days=0)
    deliver(target_of(push, people[0]), moment)
    services.run_rules(now=moment)

    order = buy(people[0], store, moment + timedelta(hours=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=1))

    assert by_rule("follow_up").get().excuse_reason == "bought_without_contact"
    assert target_of(push, people[0]).purchased_at is not None


def test_a_purchase_plans_care_for_the_third_day(moment, rules, people, store):
    recorded(buy(people[0], store, moment), moment)
    members.withdraw_consent(
        member_id=people[0].pk, purpose="wecom_marketing", channel="t", now=moment
    )

    first, second = services.run_rules(now=moment), services.run_rules(now=moment)

    assert (first.care, second.care) == (1, 0)
    target = by_rule("care").get()
    opens = timezone.localtime(target.opens_at)
    assert (opens.date(), opens.hour) == ((moment + timedelta(days=3)).date(), 9)
    assert target.due_at > target.opens_at
    assert "跑鞋" in target.why
    notice = GuideNotice.objects.get(source__startswith="task_rule:")
    assert notice.not_before == target.opens_at


def test_two_receipts_of_one_day_are_looked_after_once(moment, rules, people, store):
    for hours in (0, 1):
        recorded(buy(people[0], store, moment + timedelta(hours=hours)), moment)
    assert services.run_rules(now=moment + timedelta(hours=2)).care == 1
    later = moment + timedelta(days=3)
    deliver(by_rule("care").get(), later)

    assert services.run_rules(now=later + timedelta(days=1)).care == 0


@pytest.mark.parametrize("delay", [timedelta(days=-2), timedelta(days=-9)])
def test_old_purchases_are_no_occasion_for_care(moment, rules, people, store, delay):
    recorded(buy(people[0], store, moment + delay), moment + delay)

    assert services.run_rules(now=moment).care == 0


def test_care_for_returned_goods_is_excused_or_never_made(moment, rules, people, store):
    recorded(buy(people[0], store, moment, number="C1"), moment)
    recorded(buy(people[1], store, moment, number="C2"), moment)
    buy(people[1], store, moment, number="R2", original="C2")
    assert services.run_rules(now=moment).care == 1

    back = buy(people[0], store, moment + timedelta(days=1), number="R1", original="C1")
    services.record_purchases(order_ids=[back], now=moment + timedelta(days=1))

    target = by_rule("care").get()
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, "returned")


def test_a_part_that_came_back_leaves_the_care_standing(moment, rules, people, store):
    recorded(buy(people[0], store, moment, number="C1", fen=50_000), moment)
    services.run_rules(now=moment)

    back = buy(people[0], store, moment, number="R1", original="C1", fen=20_000)
    services.record_purchases(order_ids=[back], now=moment)

    assert by_rule("care").get().state == State.OPEN


def test_a_new_friend_is_greeted_by_the_guide_who_won_them(moment, rules, people, store):
    winner = make_guide(store, corp=CORP)
    FollowRelation.objects.create(
        corp_id=CORP,
        external_userid="wmNew",
        guide=winner,
        member=people[0],
        since=moment,
    )
    follow = FollowRelation.objects.get(external_userid="wmNew")

    made = services.greet_new_friends(now=moment, follow_ids=[follow.pk])
    again = services.run_rules(now=moment)

    assert (made, again.greetings) == (1, 0)
    target = by_rule("greeting").get()
    assert (target.guide_id, target.external_userid) == (winner.pk, "wmNew")
    assert target.cause == f"greeting:follow:{follow.pk}"
    assert timezone.localtime(target.due_at).date() == moment.date()


def test_a_new_friend_who_was_known_under_another_card_is_greeted(moment, rules, people, store):
    winner = make_guide(store, corp=CORP)
    ((contact, external),) = make_friends(winner, 1, since=moment)
    Member.objects.filter(pk=contact.pk).update(survivor_id=people[0].pk)

    services.run_rules(now=moment)

    target = by_rule("greeting").get()
    assert (target.member_id, target.guide_id) == (people[0].pk, winner.pk)
    assert target.external_userid == external


@pytest.mark.parametrize(("writer", "greetings"), [("winner", 0), ("colleague", 1)])
def test_only_the_new_friends_own_guide_greets_them(
    moment, rules, people, store, writer, greetings
):
    """Whichever of their cards the message went to; a colleague's word is not this guide's."""
    winner = make_guide(store, corp=CORP)
    ((contact, _external),) = make_friends(winner, 1, since=moment - timedelta(hours=2))
    Member.objects.filter(pk=contact.pk).update(survivor_id=people[0].pk)
    members.record_interaction(
        member_id=people[0].pk,
        guide_id=winner.pk if writer == "winner" else guide_of(people[0]).pk,
        kind="message",
        occurred_at=moment - timedelta(hours=1),
        source=writer,
    )

    assert services.run_rules(now=moment).greetings == greetings


def test_a_missed_greeting_is_made_by_the_sweep_and_old_friends_get_none(moment, rules):
    guide = make_guide(make_store(), corp=CORP)
    ((new, _external),) = make_friends(guide, 1, since=moment - timedelta(hours=2))
    make_friends(guide, 1, since=moment - timedelta(days=20))

    assert services.run_rules(now=moment).greetings == 1
    assert by_rule("greeting").get().member_id == new.pk


def test_a_friend_who_was_lost_from_the_list_for_a_while_is_no_new_one(moment, rules):
    guide = make_guide(make_store(), corp=CORP)
    ((friend, external),) = make_friends(guide, 1, since=moment - timedelta(days=20))
    relation = FollowRelation.objects.get(external_userid=external)
    members.end_follows(
        relation_ids=[relation.pk], at=moment - timedelta(hours=3), ended_by="reconciled"
    )
    members.start_follow(
        corp_id=CORP,
        guide_id=guide.pk,
        member_id=friend.pk,
        external_userid=external,
        since=moment - timedelta(hours=1),
    )

    assert services.run_rules(now=moment).greetings == 0


def test_nobody_who_asked_for_silence_is_greeted(moment, rules):
    guide = make_guide(make_store(), corp=CORP)
    ((new, _external),) = make_friends(guide, 1, since=moment)
    members.stop_contact(member_id=new.pk, source="t", now=moment, actor=SYSTEM)

    services.run_rules(now=moment)

    assert not by_rule("greeting").exists()
    assert NotIssued.objects.get(member=new).reason == "stopped"


def test_a_late_evening_greeting_is_due_the_next_day(moment, rules):
    guide = make_guide(make_store(), corp=CORP)
    late = moment.replace(hour=22)
    make_friends(guide, 1, since=late)

    services.run_rules(now=late)

    assert by_rule("greeting").get().due_at > late


def test_a_stop_mark_set_elsewhere_closes_open_work(moment, rules, people):
    push = hand_out(people, moment)
    members.stop_contact(member_id=people[0].pk, source="hq", now=moment, actor=SYSTEM)

    assert services.run_rules(now=moment).excused == 1

    assert target_of(push, people[0]).excuse_reason == "asked_to_stop"


def test_a_rule_that_is_off_makes_nothing(moment, rules, people, store):
    for rule in TaskRule.objects.all():
        rule.is_active = False
        rule.save()
    recorded(buy(people[0], store, moment), moment)

    made = services.run_rules(now=moment)

    assert (made.follow_ups, made.care, made.greetings) == (0, 0, 0)
    assert not TaskPush.objects.filter(rule__isnull=False).exists()


def test_rules_cost_the_same_queries_at_any_size(
    moment, rules, people, store, django_assert_max_num_queries
):
    recorded(buy(people[0], store, moment), moment)
    with django_assert_max_num_queries(105):
        services.run_rules(now=moment)
    more = members_of(make_team(moment, guides=3, friends=8, store=store))
    for person in more:
        recorded(buy(person, store, moment), moment)

    with django_assert_max_num_queries(105):
        made = services.run_rules(now=moment)

    assert made.care == len(more)


def test_a_day_taken_back_while_the_rule_looks_gets_nothing_more(
    moment, rules, people, monkeypatch
):
    push = hand_out(people, moment, follow_up_days=7)
    deliver(target_of(push, people[0]), moment)
    later = moment + timedelta(days=7)
    services.run_rules(now=later)
    (first,) = by_rule("follow_up")
    deliver(target_of(push, people[1]), moment)
    settle = base._settle

    def meanwhile(rule, finds, now):
        settle(rule, finds, now)
        if rule.pk == first.push.rule_id:
            withdraw_push(push=first.push, actor=SYSTEM, now=now)

    monkeypatch.setattr(base, "_settle", meanwhile)

    assert services.run_rules(now=later + timedelta(hours=1)).follow_ups == 0
    assert [row.state for row in by_rule("follow_up")] == [State.NOT_APPLICABLE]


def test_a_rules_day_that_was_taken_back_is_not_filled_again_and_the_next_day_is(
    moment, rules, people
):
    push = hand_out(people, moment, follow_up_days=7)
    deliver(target_of(push, people[0]), moment)
    later = moment + timedelta(days=7)
    services.run_rules(now=later)
    (first,) = by_rule("follow_up")
    assert withdraw_push(push=first.push, actor=SYSTEM, now=later) == 1
    first.refresh_from_db()
    assert (first.state, first.excuse_reason) == (State.NOT_APPLICABLE, "withdrawn")

    deliver(target_of(push, people[1]), moment)
    assert services.run_rules(now=later + timedelta(hours=1)).follow_ups == 0
    assert services.run_rules(now=later + timedelta(days=1)).follow_ups == 1

    assert [row.member_id for row in by_rule("follow_up")] == [people[0].pk, people[1].pk]
    assert TaskPush.objects.get(pk=first.push_id).status == TaskPush.Status.CLOSED
