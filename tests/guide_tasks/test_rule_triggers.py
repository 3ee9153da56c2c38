"""What a new day or a visit brings: whom each trigger finds, once, and whom it leaves alone."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts.actor import SYSTEM
from apps.campaigns.models import CampaignAssignment
from apps.guide_tasks import services
from apps.guide_tasks.models import Grade, NotIssued, State, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import rules
from apps.members import services as members
from apps.members.models import FollowRelation, Interaction, Member
from apps.orders.models import Product
from apps.outreach.models import GuideNotice, MessageTemplate
from apps.profiles.models import MemberFacts, MemberProfile
from apps.profiles.services import refresh_profiles
from apps.stock.services.levels import Level, keep_levels
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_guide, make_product
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import (
    buy,
    deliver,
    guide_of,
    hand_out,
    make_push,
    make_team,
    members_of,
    target_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


@pytest.fixture
def people(moment, store):
    return members_of(make_team(moment, guides=1, friends=5, store=store))


@pytest.fixture
def standing(moment, people):
    """The rules, standing for two months."""
    services.ensure_default_rules(now=moment - timedelta(days=60))


def look(now):
    return services.run_daily_rules(now=now).made


def by_rule(key):
    return TaskTarget.objects.filter(push__rule__key=key).order_by("pk")


def found(key):
    return set(by_rule(key).values_list("member_id", flat=True))


def set_rule(key, **changes):
    rule = TaskRule.objects.get(key=key)
    return rules.change_rule(rule_id=rule.pk, actor=SYSTEM, now=rule.active_since, **changes)


def born(member, day, *, consents=True, since=None):
    Member.objects.filter(pk=member.pk).update(birth_month=day.month, birth_day=day.day)
    if consents:
        members.give_consent(
            member_id=member.pk,
            purpose="birthday",
            text_version="1",
            channel="t",
            given_at=since or day - timedelta(days=400),
        )


def silent_since(member, day, *, net_fen=50_000, gap=None):
    MemberProfile.objects.update_or_create(
        member_id=member.pk,
        defaults={
            "stage": "silent",
            "stage_since": day,
            "first_order_on": day - timedelta(days=200),
            "last_order_on": day - timedelta(days=90),
            "order_count": 2,
            "order_days": 2,
            "net_fen": net_fen,
            "net_365_fen": net_fen,
            "orders_365": 2,
        },
    )
    if gap:
        MemberFacts.objects.update_or_create(member_id=member.pk, defaults={"usual_gap_days": gap})


def regular(member, *, last_on, gap):
    MemberProfile.objects.update_or_create(
        member_id=member.pk,
        defaults={
            "stage": "active",
            "stage_since": last_on,
            "first_order_on": last_on - timedelta(days=3 * gap),
            "last_order_on": last_on,
            "order_count": 4,
            "order_days": 4,
            "net_fen": 90_000,
            "net_365_fen": 90_000,
            "orders_365": 4,
        },
    )
    MemberFacts.objects.update_or_create(member_id=member.pk, defaults={"usual_gap_days": gap})


def visit(member, guide, at, reason=""):
    members.record_interaction(
        member_id=member.pk,
        guide_id=guide.pk,
        kind=Interaction.Kind.VISIT,
        occurred_at=at,
        source=f"visit:{member.pk}:{at.isoformat()}",
    )
    Interaction.objects.filter(member=member, kind="visit").update(reason=reason)


# --- birthday ------------------------------------------------------------------------------------


def test_a_birthday_is_found_three_days_before_once_and_ends_with_the_day(moment, standing, people):
    day = moment.date()
    for number, ahead in enumerate((3, 0, 4, -1)):
        born(people[number], day + timedelta(days=ahead))
    born(people[4], day + timedelta(days=2), consents=False)

    first, second = look(moment), look(moment)

    assert first["birthday"] == 2
    assert second == {}
    assert found("birthday") == {people[0].pk, people[1].pk}
    target = by_rule("birthday").get(member=people[0])
    assert target.cause == f"birthday:member:{people[0].pk}:2026"
    assert "3" in target.why
    assert target.due_at.astimezone(moment.tzinfo).date() == day + timedelta(days=3)
    assert look(moment + timedelta(days=1)) == {
        "birthday": 1,  # the one that was four days ahead
        "points": 0,
        "coupons": 0,
        "care": 0,
        "repurchase": 0,
        "silent": 0,
        "lead": 0,
        "revisit": 0,
        "thanks": 0,
    }


def test_the_29th_of_february_is_kept_on_the_28th_and_the_next_year_is_a_new_cause(
    moment, standing, people
):
    born(people[0], moment.date().replace(year=2024, month=2, day=29), since=moment)
    eve = moment.replace(month=2, day=25) + timedelta(days=365)

    assert look(eve)["birthday"] == 1
    assert by_rule("birthday").get().due_at.astimezone(moment.tzinfo).date().day == 28


def test_who_takes_back_the_consent_to_birthdays_is_no_task_any_more(moment, standing, people):
    born(people[0], moment.date())
    look(moment)
    assert services.run_rules(now=moment).excused == 0

    members.withdraw_consent(member_id=people[0].pk, purpose="birthday", channel="t", now=moment)

    assert services.run_rules(now=moment).excused == 1
    target = by_rule("birthday").get()
    assert (target.state, target.excuse_reason) == (State.NOT_APPLICABLE, "consent_gone")


def test_buying_does_not_make_a_birthday_needless(moment, standing, people, store):
    born(people[0], moment.date())
    look(moment)
    order = buy(people[0], store, moment + timedelta(hours=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=1))

    assert by_rule("birthday").get().state == State.OPEN


# --- becoming silent -----------------------------------------------------------------------------


def test_the_dearest_who_become_silent_come_first_and_the_rest_on_the_next_day(
    moment, standing, people
):
    set_rule("silent", daily_cap=2)
    for number, person in enumerate(people):
        silent_since(person, moment.date(), net_fen=(number + 1) * 10_000)

    assert look(moment)["silent"] == 2
    assert found("silent") == {people[4].pk, people[3].pk}
    assert not NotIssued.objects.exists()

    assert look(moment + timedelta(days=1))["silent"] == 2
    assert found("silent") == {person.pk for person in people[1:]}
    # a silence of last week is no occasion any more
    assert look(moment + timedelta(days=8))["silent"] == 0


def test_the_cap_counts_for_each_guide(moment, standing, people, store):
    set_rule("silent", daily_cap=1)
    others = members_of(make_team(moment, guides=1, friends=2, store=store))
    for person in (*people, *others):
        silent_since(person, moment.date())

    assert look(moment)["silent"] == 2
    guides = by_rule("silent").values_list("guide_id", flat=True)
    assert len(set(guides)) == 2


def test_who_was_written_to_in_two_weeks_is_not_woken_and_it_is_said_why(moment, standing, people):
    for number, ago in enumerate((13, 15)):
        members.record_interaction(
            member_id=people[number].pk,
            guide_id=guide_of(people[number]).pk,
            kind=Interaction.Kind.MESSAGE,
            occurred_at=moment - timedelta(days=ago),
            source=f"test:{number}",
        )
        silent_since(people[number], moment.date())

    assert look(moment)["silent"] == 1
    assert found("silent") == {people[1].pk}
    refused = NotIssued.objects.get()
    assert (refused.member_id, refused.reason) == (people[0].pk, "recently_contacted")
    assert "14" in refused.sentence
    # left in peace for this silence, not asked about every morning
    assert look(moment + timedelta(days=3))["silent"] == 0
    assert NotIssued.objects.count() == 1


def test_who_usually_stays_away_longer_is_not_missed_yet(moment, standing, people):
    silent_since(people[0], moment.date(), gap=225)
    silent_since(people[1], moment.date(), gap=60)

    assert look(moment)["silent"] == 1
    assert found("silent") == {people[1].pk}


def test_the_reason_names_the_silence_and_the_rhythm(moment, standing, people):
    silent_since(people[0], moment.date(), gap=60)
    look(moment)

    why = by_rule("silent").get().why
    assert "90" in why
    assert "60" in why


def test_silences_from_before_the_rule_are_none_of_its_business(moment, people):
    services.ensure_default_rules(now=moment)
    silent_since(people[0], moment.date() - timedelta(days=1))
    silent_since(people[1], moment.date())

    look(moment)

    assert found("silent") == {people[1].pk}


def test_a_purchase_before_any_word_makes_the_wake_up_not_applicable(
    moment, standing, people, store
):
    silent_since(people[0], moment.date())
    look(moment)
    order = buy(people[0], store, moment + timedelta(hours=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=1))

    assert by_rule("silent").get().excuse_reason == "bought_without_contact"


# --- repurchase due ------------------------------------------------------------------------------


def test_a_repurchase_is_reminded_three_days_before_the_expected_day(moment, standing, people):
    today = moment.date()
    for number, left in enumerate((3, 0, 4, -1)):
        regular(people[number], last_on=today - timedelta(days=60 - left), gap=60)
    regular(people[4], last_on=today - timedelta(days=6), gap=7)

    first, second = look(moment), look(moment)

    assert first["repurchase"] == 2
    assert second == {}
    assert found("repurchase") == {people[0].pk, people[1].pk}
    assert "60" in by_rule("repurchase").first().why


def test_bought_meanwhile_makes_the_reminder_not_applicable_and_a_new_rhythm_a_new_cause(
    moment, standing, people, store
):
    regular(people[0], last_on=moment.date() - timedelta(days=58), gap=60)
    look(moment)
    order = buy(people[0], store, moment + timedelta(hours=2))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=2))
    assert by_rule("repurchase").get().excuse_reason == "bought_without_contact"

    regular(people[0], last_on=moment.date(), gap=60)

    assert look(moment + timedelta(days=57))["repurchase"] == 1


# --- leads, new members, visits ------------------------------------------------------------------


def test_a_lead_without_an_order_is_asked_two_days_later_once(moment, standing, store, people):
    guide = make_guide(store, corp=CORP)
    (fresh, _x), (buyer, _y) = make_friends(guide, 2, since=moment - timedelta(days=2))
    make_friends(guide, 1, since=moment - timedelta(days=1))
    make_friends(guide, 1, since=moment - timedelta(days=10))
    buy(buyer, store, moment - timedelta(days=1))

    assert look(moment)["lead"] == 1
    assert found("lead") == {fresh.pk}
    assert "2" in by_rule("lead").get().why
    deliver(by_rule("lead").get(), moment)
    made = [look(moment + timedelta(days=days)).get("lead", 0) for days in range(1, 4)]
    assert made[0] == 1  # the friend of yesterday
    assert by_rule("lead").filter(member=fresh).count() == 1


def test_an_enrolment_without_an_order_counts_as_a_lead_too(moment, standing, people):
    Member.objects.filter(pk=people[0].pk).update(joined_at=moment - timedelta(days=2))

    look(moment)

    assert found("lead") == {people[0].pk}


def test_a_friend_who_becomes_a_member_is_welcomed_the_same_day(moment, standing, people):
    stranger = members.resolve_members(
        rows=[members.MemberRow(identities=[("phone", "", "13900001111")], joined_at=moment)],
        now=moment,
        source="test",
        actor=SYSTEM,
    )[0].member_id
    Member.objects.filter(pk=people[0].pk).update(joined_at=moment - timedelta(hours=1))

    first, second = services.run_rules(now=moment), services.run_rules(now=moment)

    assert (first.welcomes, second.welcomes) == (1, 0)
    target = by_rule("welcome").get()
    assert target.member_id == people[0].pk != stranger
    assert target.due_at.astimezone(moment.tzinfo).date() == moment.date()
    assert TaskPush.objects.get(pk=target.push_id).kind == "welcome"


def test_one_first_word_is_enough(moment, standing, store, people):
    guide = make_guide(store, corp=CORP)
    ((fresh, _external),) = make_friends(guide, 1, since=moment - timedelta(hours=3))
    Member.objects.filter(pk=fresh.pk).update(joined_at=moment - timedelta(hours=1))

    made = services.run_rules(now=moment)

    assert (made.greetings, made.welcomes) == (1, 0)


def test_who_was_written_to_since_needs_no_greeting(moment, standing, store, people):
    guide = make_guide(store, corp=CORP)
    ((fresh, _external),) = make_friends(guide, 1, since=moment - timedelta(hours=3))
    members.record_interaction(
        member_id=fresh.pk,
        guide_id=guide.pk,
        kind=Interaction.Kind.MESSAGE,
        occurred_at=moment - timedelta(hours=1),
        source="test:written",
    )

    assert services.run_rules(now=moment).greetings == 0


def test_a_visit_without_a_purchase_is_followed_up_the_next_day(moment, standing, people, store):
    yesterday = moment - timedelta(days=1)
    for person in people[:3]:
        visit(person, guide_of(person), yesterday)
    visit(people[3], guide_of(people[3]), moment, reason="price")
    visit(people[4], guide_of(people[4]), yesterday, reason="gift")
    buy(people[1], store, yesterday + timedelta(hours=1))
    members.record_interaction(
        member_id=people[2].pk,
        guide_id=guide_of(people[2]).pk,
        kind=Interaction.Kind.MESSAGE,
        occurred_at=yesterday + timedelta(hours=2),
        source="test:after",
    )

    assert look(moment)["revisit"] == 1
    assert found("revisit") == {people[0].pk}
    assert look(moment + timedelta(days=1))["revisit"] == 1
    assert found("revisit") == {people[0].pk, people[3].pk}


def test_a_visit_noted_by_a_colleague_is_followed_up_by_who_is_a_friend(
    moment, standing, people, store
):
    colleague = make_guide(store, corp=CORP)
    visit(people[0], colleague, moment - timedelta(days=1))
    second = make_guide(store, corp=CORP)
    FollowRelation.objects.create(
        corp_id=CORP,
        external_userid="wmSecond",
        guide=second,
        member=people[1],
        since=moment - timedelta(days=30),
    )
    visit(people[1], second, moment - timedelta(days=1))

    look(moment)

    assert by_rule("revisit").get(member=people[0]).guide == guide_of(people[0])
    assert by_rule("revisit").get(member=people[1]).guide == second


# --- care in steps -------------------------------------------------------------------------------


def recorded_now(order_id, at):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET recorded_at = %s WHERE id = %s", [at, order_id])


def add_step(moment, **fields):
    return rules.add_care_step(
        title=fields.pop("title", "鞋类第七天"),
        template_id=MessageTemplate.objects.values_list("pk", flat=True)[0],
        category=fields.pop("category", ""),
        numbers=rules.settings.RuleNumbers(**fields),
        actor=SYSTEM,
        now=moment,
    )


def test_each_step_of_care_is_planned_when_its_day_comes_near_with_its_own_script(
    moment, standing, people, store
):
    recorded_now(buy(people[0], store, moment), moment)

    assert services.run_rules(now=moment).care == 1
    assert look(moment)["care"] == 0
    late = by_rule("care").get()
    deliver(late, late.opens_at)
    assert look(moment + timedelta(days=26))["care"] == 0
    assert look(moment + timedelta(days=27))["care"] == 1

    month = by_rule("care").last()
    assert month.opens_at.astimezone(moment.tzinfo).date() == (moment + timedelta(days=30)).date()
    assert month.push.template != late.push.template
    # who has open work is not disturbed, who brought everything back neither
    order = Kind.ORDER_PLACED
    assert MemberEvent.objects.filter(member_id=people[0].pk, kind=order).count() == 1


def test_a_category_with_steps_of_its_own_leaves_the_general_ones(moment, standing, people, store):
    rule = add_step(moment - timedelta(days=1), category="鞋", delay_days=2)
    recorded_now(buy(people[0], store, moment), moment)

    assert services.run_rules(now=moment).care == 1
    assert by_rule("care").get().push.rule == rule

    rules.change_rule(rule_id=rule.pk, actor=SYSTEM, now=moment, is_active=False)
    recorded_now(buy(people[1], store, moment), moment)
    services.run_rules(now=moment)
    assert by_rule("care").get(member=people[1]).push.rule.category == ""


def test_all_steps_of_what_came_back_are_excused(moment, standing, people, store):
    rule = add_step(moment - timedelta(days=1), delay_days=2)
    recorded_now(buy(people[0], store, moment, number="C1"), moment)
    services.run_rules(now=moment)
    assert by_rule("care").filter(state=State.OPEN).count() == 2
    assert by_rule("care").filter(push__rule=rule).count() == 1

    back = buy(people[0], store, moment, number="R1", original="C1")
    services.record_purchases(order_ids=[back], now=moment)

    assert set(by_rule("care").values_list("excuse_reason", flat=True)) == {"returned"}


# --- manners of all -------------------------------------------------------------------------------


def test_the_control_group_of_a_running_campaign_stays_untouched(moment, standing, people):
    set_rule("silent", daily_cap=None)
    push = hand_out(people, moment - timedelta(days=2), control_share_bp=9000)
    issued = set(TaskTarget.objects.filter(push=push).values_list("member_id", flat=True))
    control = {person.pk for person in people} - issued
    assert control
    for person in people:
        silent_since(person, moment.date())
        born(person, moment.date())
        visit(person, guide_of(person), moment - timedelta(days=1))

    assert sum(look(moment).values()) == 0
    # the window is over: nothing more is measured
    later = moment + timedelta(days=8)
    for person in people:
        silent_since(person, later.date())
    look(later)
    assert found("silent") == control


def test_a_campaign_that_goes_out_to_others_holds_nobody_out_longer(moment, standing, people):
    set_rule("silent", daily_cap=None)
    *before, again = people
    then = moment - timedelta(days=9)
    first = make_push(people, then, control_share_bp=9000)
    terms = {"campaign": first.campaign, "arm": "control", "bucket": 1}
    CampaignAssignment.objects.bulk_create(
        CampaignAssignment(member=person, assigned_at=then, planned_at=then, **terms)
        for person in people
    )
    services.hand_out(push=first, now=then, actor=SYSTEM)
    hand_out([again], moment - timedelta(days=1), campaign=first.campaign)
    assert not TaskTarget.objects.exists()
    for person in people:
        silent_since(person, moment.date())

    look(moment)

    assert found("silent") == {person.pk for person in before}


def test_who_stands_on_a_list_already_is_not_put_on_a_second_one(moment, standing, people):
    hand_out(people[:1], moment)
    silent_since(people[0], moment.date())
    born(people[1], moment.date())
    silent_since(people[1], moment.date())

    made = look(moment)

    assert (made["birthday"], made["silent"]) == (1, 0)


def test_the_day_s_rules_ring_each_guide_once(moment, standing, people):
    born(people[0], moment.date())
    silent_since(people[1], moment.date())
    regular(people[2], last_on=moment.date() - timedelta(days=58), gap=60)

    run = services.run_daily_rules(now=moment)

    assert (run.total, run.cards) == (3, 1)
    notice = GuideNotice.objects.get(source=f"task_rules:{moment.date().isoformat()}")
    assert "3" in notice.body
    assert services.run_daily_rules(now=moment).cards == 0
    assert MemberEvent.objects.filter(kind=Kind.TASK_ISSUED).count() == 3


def test_a_card_that_was_lost_on_the_way_is_made_at_the_next_look(moment, standing, people):
    born(people[0], moment.date())
    services.run_daily_rules(now=moment)
    GuideNotice.objects.all().delete()

    assert services.run_daily_rules(now=moment).cards == 1


def test_the_look_of_the_day_waits_for_its_hour(moment, standing, people):
    born(people[0], moment.date())

    assert services.daily_rules_due(now=moment.replace(hour=5)).total == 0
    assert services.daily_rules_due(now=moment.replace(hour=6)).total == 1


def test_what_head_office_set_is_what_the_tasks_say(moment, standing, people):
    set_rule("silent", due_days=5, minutes=4, required_grade=Grade.INITIATED, title="好久没来")
    silent_since(people[0], moment.date())
    look(moment)

    push = by_rule("silent").get().push
    assert (push.required_grade, push.minutes_per_target, push.title) == (2, 4, "好久没来")
    due = by_rule("silent").get().due_at.astimezone(moment.tzinfo)
    assert due.date() == moment.date() + timedelta(days=5)


def test_a_rule_switched_off_makes_nothing_and_on_again_looks_the_same_day(
    moment, standing, people
):
    silent = TaskRule.objects.get(key="silent")
    rules.change_rule(rule_id=silent.pk, actor=SYSTEM, now=moment, is_active=False)
    silent_since(people[0], moment.date())
    assert "silent" not in look(moment)

    rules.change_rule(rule_id=silent.pk, actor=SYSTEM, now=moment, is_active=True)

    assert look(moment) == {"silent": 1}


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("silent", {"daily_cap": 0}),
        ("silent", {"due_days": 99}),
        ("birthday", {"lead_days": 31}),
        ("birthday", {"title": " "}),
        ("birthday", {"required_grade": Grade.SELF_REPORTED}),
    ],
)
def test_numbers_outside_their_limits_are_refused_in_words(moment, standing, key, changes):
    with pytest.raises(rules.settings.BadRule) as refused:
        set_rule(key, **changes)

    assert str(refused.value)


def test_two_steps_of_care_on_one_day_are_refused_in_words(moment, standing):
    add_step(moment, category="鞋", delay_days=7)

    with pytest.raises(rules.settings.BadRule):
        add_step(moment, category="鞋", delay_days=7)


def test_the_profile_s_own_stage_change_is_what_the_silent_rule_sees(
    moment, standing, people, store
):
    buy(people[0], store, moment - timedelta(days=150))
    buy(people[0], store, moment - timedelta(days=90))
    refresh_profiles(member_ids=[people[0].pk], now=moment)

    assert look(moment)["silent"] == 1


def test_the_day_costs_the_same_queries_at_any_size(
    moment, standing, people, store, django_assert_max_num_queries
):
    later = moment + timedelta(days=1)
    for person in people[:2]:
        born(person, moment.date())
    silent_since(people[2], moment.date())
    with django_assert_max_num_queries(155) as few:
        look(moment)
    more = members_of(make_team(moment, guides=3, friends=8, store=store))
    for person in more[:12]:
        born(person, later.date())
    for person in more[12:]:
        silent_since(person, later.date())

    with django_assert_max_num_queries(len(few.captured_queries)):
        made = look(later)

    assert (made["birthday"], made["silent"]) == (12, 6)  # two guides with their three a day


def test_a_push_waiting_for_its_hour_holds_nobody_back(moment, standing, people):
    make_push(people[:1], moment)
    silent_since(people[0], moment.date())

    assert look(moment)["silent"] == 1
    assert target_of(TaskPush.objects.get(kind="silent"), people[0]).state == State.OPEN


# --- new goods ------------------------------------------------------------------------------------


def article(style, category, size, listed_at):
    product = make_product(f"{style}-{size}", style_no=style, name=style, category=category,
                           size=size)  # fmt: skip
    Product.objects.filter(pk=product.pk).update(listed_at=listed_at)


def likes(member, category, *, clothing="", shoe=""):
    MemberFacts.objects.update_or_create(
        member_id=member.pk,
        defaults={
            "favourite_category": category,
            "clothing_size": clothing,
            "shoe_size": shoe,
        },
    )


@pytest.fixture
def new_goods(standing, moment, people):
    """The rule switched on a month ago; dresses and boots are known since long."""
    TaskRule.objects.filter(key="new_goods").update(
        is_active=True, active_since=moment - timedelta(days=30)
    )
    for style, category in (("旧裙", "裙装"), ("旧靴", "短靴鞋")):
        article(style, category, "M", moment - timedelta(days=200))


def test_a_new_style_of_the_liked_kind_in_the_own_size_makes_work(moment, people, new_goods):
    likes(people[0], "裙装", clothing="M")
    likes(people[1], "裙装", clothing="XL")
    likes(people[2], "短靴鞋", shoe="38")
    likes(people[3], "配饰")
    likes(people[4], "裙装", clothing="M", shoe="38")
    article("碎花裙", "裙装", "M", moment - timedelta(hours=5))
    article("碎花裙", "裙装", "S", moment - timedelta(hours=5))
    article("新靴鞋", "短靴鞋", "39", moment - timedelta(hours=5))
    article("丝巾", "配饰", "均码", moment - timedelta(days=2))

    assert look(moment)["new_goods"] == 3

    assert found("new_goods") == {people[0].pk, people[3].pk, people[4].pk}
    whys = dict(by_rule("new_goods").values_list("member_id", "why"))
    assert "碎花裙" in whys[people[0].pk]
    assert " M " in whys[people[0].pk]
    assert "均码" not in whys[people[3].pk]


def test_one_week_of_arrivals_asks_a_member_once(moment, people, new_goods):
    likes(people[0], "裙装", clothing="M")
    article("碎花裙", "裙装", "M", moment - timedelta(hours=5))
    assert look(moment)["new_goods"] == 1
    by_rule("new_goods").update(state=State.DONE, done_at=moment, contact_grade=Grade.DELIVERED)

    article("格子裙", "裙装", "M", moment - timedelta(hours=1))
    set_rule("new_goods", skip_days=0)

    assert look(moment + timedelta(days=1))["new_goods"] == 0
    article("百褶裙", "裙装", "M", moment + timedelta(days=8))
    assert look(moment + timedelta(days=9))["new_goods"] == 1


def test_a_new_size_of_an_old_style_and_what_stood_before_the_rule_are_not_new(
    moment, people, new_goods
):
    likes(people[0], "裙装", clothing="M")
    likes(people[1], "裙装", clothing="S")
    article("旧裙", "裙装", "S", moment - timedelta(hours=5))
    article("早来的裙", "裙装", "M", moment - timedelta(hours=5))
    TaskRule.objects.filter(key="new_goods").update(active_since=moment - timedelta(hours=1))

    assert look(moment)["new_goods"] == 0


def told(store, sku, at, *quantities):
    """What the till told of these pieces, an hour between each two words, the last one at `at`."""
    product_id = Product.objects.values_list("pk", flat=True).get(sku=sku)
    first = at - timedelta(hours=len(quantities) - 1)
    for number, quantity in enumerate(quantities):
        when = first + timedelta(hours=number)
        keep_levels(levels=[Level(store.pk, product_id, quantity, when)])


def test_where_a_store_counts_its_stock_the_own_size_lies_there(moment, store, people, new_goods):
    likes(people[0], "裙装", clothing="M")
    likes(people[1], "裙装", clothing="S")
    for size in ("M", "S"):
        article("碎花裙", "裙装", size, moment - timedelta(hours=5))
    told(store, "碎花裙-S", moment, 0)
    told(store, "碎花裙-M", moment, 2)

    look(moment)

    assert found("new_goods") == {people[0].pk}
    told(store, "碎花裙-S", moment + timedelta(hours=9), 1)
    look(moment + timedelta(days=1))
    assert found("new_goods") == {people[0].pk, people[1].pk}


def test_what_was_sold_out_in_the_own_store_and_is_back_makes_work(
    moment, store, people, new_goods
):
    likes(people[0], "裙装", clothing="M")
    likes(people[1], "短靴鞋", shoe="M")
    told(store, "旧靴-M", moment, 3, 2)  # never gone
    told(store, "旧裙-M", moment, 2)  # the first count is no arrival
    assert look(moment)["new_goods"] == 0

    told(store, "旧裙-M", moment + timedelta(hours=8), 0, 4)
    assert look(moment + timedelta(days=1))["new_goods"] == 1

    target = by_rule("new_goods").get()
    assert (target.member, "旧裙" in target.why, "到货" in target.why) == (people[0], True, True)
    told(store, "旧裙-M", moment + timedelta(days=20), 0, 4, 0)  # gone again before anybody looks
    assert look(moment + timedelta(days=20, hours=1))["new_goods"] == 0


def test_who_bought_before_anybody_wrote_of_new_goods_is_excused(moment, store, people, new_goods):
    likes(people[0], "裙装", clothing="M")
    article("碎花裙", "裙装", "M", moment - timedelta(hours=5))
    look(moment)
    order = buy(people[0], store, moment + timedelta(hours=2))
    services.record_purchases(order_ids=[order], now=moment + timedelta(hours=2))

    assert by_rule("new_goods").get().excuse_reason == "bought_without_contact"
