import random
from datetime import timedelta
from statistics import variance

import pytest

from apps.accounts.actor import NOBODY, SYSTEM
from apps.guide_tasks import selectors as guide_tasks
from apps.guide_tasks import services
from apps.guide_tasks.models import ExcuseReason, NotIssued, State, TaskTarget
from apps.hq.places import target_place
from apps.members import services as members
from apps.members.models import Member
from apps.outreach.models import DispatchRecipient
from apps.profiles.models import MemberProfile
from apps.reports import places
from apps.reports import selectors as reports
from apps.reports.selectors import home_page
from apps.reports.selectors import lift as lifts
from apps.reports.shapes import Arm, Verdict
from apps.wecom_sync.models import SyncRun
from tests.factories.facts import make_store
from tests.factories.tasks import (
    buy,
    deliver,
    guide_actor,
    hand_out,
    make_team,
    manager_actor,
    members_of,
    settle,
    tap,
)
from tests.guide_tasks.test_hand_out import crowd

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


def behind(push, place):
    """Member ids behind a number of the result page, as its masked list finds them."""
    if place == "control":
        return list(guide_tasks.control_members(push))
    if place == "not_issued":
        return list(NotIssued.objects.filter(push=push).values_list("member_id", flat=True))
    _title, condition = target_place(place)
    found = TaskTarget.objects.filter(condition, push=push)
    return list(found.values_list("member_id", flat=True))


def live_a_little(push, store, now, dice):
    """What may happen to targets, at random."""
    orders = []
    for target in TaskTarget.objects.filter(push=push).select_related("guide", "member", "push"):
        actor = guide_actor(target.guide, now)
        match dice.randint(0, 7):
            case 0:
                deliver(target, now)
            case 1:
                deliver(target, now)
                orders.append(buy(target.member, store, now + timedelta(hours=2)))
            case 2:
                orders.append(buy(target.member, store, now + timedelta(hours=2)))
            case 3:
                services.excuse_target(
                    target=target, reason=ExcuseReason.MOVED_AWAY, actor=actor, now=now
                )
            case 4:
                tap(target, now)
            case 5:
                settle(tap(target, now), DispatchRecipient.State.OVER_LIMIT, now)
            case 6:
                services.note_chat_opened(
                    target=target, actor=actor, now=now, client_id=str(target.pk)
                )
    services.record_purchases(order_ids=orders, now=now + timedelta(hours=3))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_every_planned_member_is_in_exactly_one_place(moment, seed):
    dice = random.Random(seed)
    people, store = crowd(moment, seed, guides=3, friends=9), make_store()
    push = hand_out(people, moment, control_share_bp=2000)

    live_a_little(push, store, moment, dice)
    if dice.random() < 0.5:
        services.expire_due(now=push.due_at + timedelta(days=4))
    funnel = reports.push_funnel(push=push)

    assert funnel.planned == len(people)
    assert funnel.planned == funnel.not_issued_count + funnel.control + funnel.issued
    assert funnel.issued == funnel.done + funnel.open + funnel.expired + funnel.excused
    assert sum(funnel.grades.values()) == funnel.issued
    lists = [
        behind(push, place)
        for place in ("not_issued", "control", "done", "open", "expired", "excused")
    ]
    assert sorted(pk for ids in lists for pk in ids) == sorted(person.pk for person in people)
    assert [len(ids) for ids in lists] == [
        funnel.not_issued_count,
        funnel.control,
        funnel.done,
        funnel.open,
        funnel.expired,
        funnel.excused,
    ]
    for by in ("region", "store", "guide"):
        rows = reports.push_breakdown(push=push, by=by, actor=SYSTEM)
        total = reports.total_of(rows, "all")
        assert (total.issued, total.done, total.open, total.expired, total.excused) == (
            funnel.issued,
            funnel.done,
            funnel.open,
            funnel.expired,
            funnel.excused,
        )
        assert total.purchased == funnel.purchased


def share(part, whole):
    return pytest.approx(len(part) / len(whole)) if whole else None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_every_page_divides_the_same_numbers(moment, seed):
    """完成率, 执行率, 准时率 counted by hand from the rows, and as each page has them."""
    dice = random.Random(100 + seed)
    people, store = crowd(moment, seed, guides=2, friends=9), make_store()
    push = hand_out(people, moment)
    live_a_little(push, store, moment, dice)
    for target in TaskTarget.objects.filter(push=push, state=State.DONE):
        if dice.random() < 0.5:
            late = target.due_at + timedelta(hours=dice.randint(1, 40))
            TaskTarget.objects.filter(pk=target.pk).update(done_at=late)
    rows = list(TaskTarget.objects.filter(push=push))
    asked = [row for row in rows if row.state != State.NOT_APPLICABLE]
    in_time = [row for row in rows if row.state == State.DONE and row.done_at <= row.due_at]
    begun = [row for row in asked if row.started_at is not None]
    excused = [row for row in rows if row.state == State.NOT_APPLICABLE]

    funnel = reports.push_funnel(push=push)
    total = reports.total_of(reports.push_breakdown(push=push, by="guide", actor=SYSTEM), "all")
    team = guide_tasks.team_progress(actor=SYSTEM, now=moment, push_id=push.pk)
    loop = {number.code: number for number in home_page._loop([push], SYSTEM, moment)}

    for found in (funnel, total, team):
        assert found.completion_rate == share(in_time, asked)
        assert found.raw_rate == share(in_time, rows)
        assert found.excused_rate == share(excused, rows)
    assert funnel.execution_rate == share(begun, asked)
    assert loop["started"].rate == funnel.execution_rate
    assert funnel.reach_rate == loop["delivered"].rate
    assert funnel.on_time_rate == share(in_time, [row for row in rows if row.state == State.DONE])


def test_rates_without_anything_to_divide_by_are_no_zero(moment):
    people = members_of(make_team(moment, guides=1, friends=1))
    members.stop_contact(member_id=people[0].pk, source="test", now=moment, actor=SYSTEM)

    funnel = reports.push_funnel(push=hand_out(people, moment))

    assert funnel.completion_rate is None
    assert funnel.reach_rate is None
    assert funnel.dispatch_rate == 0.0


def test_lift_counts_every_assigned_member_and_books_returns_back(moment):
    store = make_store()
    people = members_of(make_team(moment, guides=2, friends=15, store=store))
    push = hand_out(people, moment, control_share_bp=4000)
    control = set(guide_tasks.control_members(push))
    treated = [person for person in people if person.pk not in control]
    held_out = [person for person in people if person.pk in control]
    later = moment + timedelta(hours=5)
    buy(treated[0], store, later, fen=30_000)
    buy(treated[0], store, later, fen=10_000)
    buy(treated[1], store, later, fen=20_000, number="B1")
    buy(treated[1], store, later + timedelta(days=20), fen=20_000, original="B1")
    buy(held_out[0], store, later, fen=7_000)
    buy(held_out[1], store, moment + timedelta(days=7), fen=99_000)
    buy(treated[2], store, moment - timedelta(hours=1), fen=99_000)

    lift = reports.push_lift(push=push, now=moment + timedelta(days=30))

    assert (lift.treated.members, lift.treated.buyers, lift.treated.net_fen) == (
        len(treated),
        1,
        40_000,
    )
    assert (lift.control.members, lift.control.buyers, lift.control.net_fen) == (
        len(held_out),
        1,
        7_000,
    )
    nets = [40_000] + [0] * (len(treated) - 1)
    assert lift.treated.variance == pytest.approx(variance(nets))
    assert lift.verdict == Verdict.CONTROL_TOO_SMALL
    assert lift.days[-1].treated_fen == pytest.approx(40_000 / len(treated))
    assert lift.incremental_fen == pytest.approx(
        len(treated) * (40_000 / len(treated) - 7_000 / len(held_out))
    )


def test_without_a_control_group_there_is_no_lift(moment):
    push = hand_out(members_of(make_team(moment, guides=1, friends=2)), moment)

    lift = reports.push_lift(push=push, now=moment)

    assert lift.verdict == Verdict.NO_CONTROL
    assert lift.per_member is None
    assert lift.per_thousand_fen is None


@pytest.mark.parametrize(
    ("treated", "control", "word"),
    [
        (Arm(9000, 900, 45_000_000, 10**12), Arm(1000, 50, 2_000_000, 10**11), "effective"),
        (Arm(9000, 90, 4_500_000, 10**12), Arm(1000, 90, 9_000_000, 10**11), "less"),
        (Arm(900, 9, 450_000, 10**10), Arm(300, 3, 150_000, 10**10), "sample_too_small"),
        (
            Arm(90_000, 27_000, 9 * 10**9, 10**16),
            Arm(40_000, 12_000, 4 * 10**9, 10**16),
            "no_difference",
        ),
        (Arm(9000, 900, 45_000_000, 10**12), Arm(199, 1, 1000, 10**6), "control_too_small"),
        # one buyer has no spread: there is no interval, and so no claim
        (Arm(1, 1, 50_000, 50_000**2), Arm(1000, 50, 2_000_000, 10**11), "sample_too_small"),
    ],
)
def test_the_verdict_is_a_fixed_word(treated, control, word, moment):
    lift = lifts._judged(
        treated, control, window_from=moment, window_until=moment, is_running=False
    )

    assert lift.verdict == word
    assert lift.verdict_word


def test_control_buyers_change_the_controls_figures_alone(moment):
    store = make_store()
    people = members_of(make_team(moment, guides=1, friends=20, store=store))
    push = hand_out(people, moment, control_share_bp=5000)
    held_out = Member.objects.get(pk=next(iter(guide_tasks.control_members(push))))
    now = moment + timedelta(days=8)
    before_lift, before = reports.push_lift(push=push, now=now), reports.push_funnel(push=push)

    order = buy(held_out, store, moment + timedelta(days=1))
    services.record_purchases(order_ids=[order], now=moment + timedelta(days=1))

    lift = reports.push_lift(push=push, now=now)
    assert reports.push_funnel(push=push) == before
    assert lift.treated == before_lift.treated
    assert lift.control.buyers == before_lift.control.buyers + 1


def test_the_arms_of_a_later_push_of_a_campaign_are_not_compared(moment):
    store = make_store()
    people = members_of(make_team(moment, guides=1, friends=20, store=store))
    first = hand_out(people, moment, control_share_bp=5000)
    later = moment + timedelta(days=7)
    newcomers = members_of(make_team(later, guides=1, friends=5, store=store))
    second = hand_out(people + newcomers, later, campaign=first.campaign)
    now = later + timedelta(days=1)

    kept, lift = (reports.push_lift(push=push, now=now) for push in (first, second))

    assert kept.verdict == Verdict.CONTROL_TOO_SMALL
    assert lift.verdict == Verdict.REPEATED
    assert (lift.per_member, lift.conversion, lift.days) == (None, None, [])
    assert lift.control.members >= kept.control.members > 0
    assert places._latest_lift([store.pk], now).push_id == first.pk


def test_a_manager_sees_their_stores_rows_alone(moment):
    here, there = make_store(), make_store()
    near = make_team(moment, guides=1, friends=3, store=here)
    far = make_team(moment, guides=1, friends=2, store=there)
    push = hand_out(members_of(near) + members_of(far), moment)
    manager = manager_actor(near[0][0], here, moment)

    rows = reports.push_breakdown(push=push, by="store", actor=manager)

    assert [(row.name, row.issued) for row in rows] == [(here.name, 3)]
    assert reports.push_breakdown(push=push, by="store", actor=NOBODY) == []


def silent(people, moment):
    for person in people:
        MemberProfile.objects.create(
            member_id=person.pk,
            stage="silent",
            net_fen=80_000,
            last_order_on=(moment - timedelta(days=120)).date(),
        )


def test_the_home_page_leads_with_the_region_of_most_reachable_silent_members(moment):
    east, south = make_store(region="east"), make_store(region="south")
    in_east = members_of(make_team(moment, guides=1, friends=3, store=east))
    in_south = members_of(make_team(moment, guides=1, friends=5, store=south))
    silent(in_east + in_south, moment)
    Member.objects.filter(pk__in=[person.pk for person in in_east]).update(home_store=east)
    for person in in_south[:3]:
        members.stop_contact(member_id=person.pk, source="test", now=moment, actor=SYSTEM)

    home = reports.home(actor=SYSTEM, now=moment)

    assert home.next_push.region_name == "east"
    assert (home.next_push.reachable, home.next_push.planned) == (3, 3)


def test_the_loop_adds_up_the_pushes_of_the_period(moment):
    store = make_store()
    people = members_of(make_team(moment, guides=1, friends=6, store=store))
    members.stop_contact(member_id=people[0].pk, source="test", now=moment, actor=SYSTEM)
    old = moment - timedelta(days=40)
    hand_out(people[1:3], old, due_at=old + timedelta(days=2))
    push = hand_out(people, moment)
    deliver(TaskTarget.objects.filter(push=push).first(), moment)

    loop = {number.code: number for number in reports.home(actor=SYSTEM, now=moment).loop}

    assert (loop["planned"].value, loop["planned"].before) == (6, 2)
    assert loop["issued"].value == 5
    assert loop["delivered"].value == 1
    assert loop["delivered"].rate == pytest.approx(1 / 5)
    assert loop["planned"].rate == pytest.approx(5 / 6)
    assert sum(loop["issued"].points) == 5


def test_what_needs_a_person_is_named_and_nothing_else(moment):
    assert reports.todos(actor=SYSTEM, now=moment) == []
    people = members_of(make_team(moment, guides=1, friends=2))
    push = hand_out(people, moment)
    SyncRun.objects.create(
        kind="contacts", corp_id="wwtest", state="failed", started_at=moment, error="45009"
    )

    found = {todo.code: todo.count for todo in reports.todos(actor=SYSTEM, now=push.due_at)}
    late = reports.todos(actor=SYSTEM, now=push.due_at + timedelta(hours=1))

    assert found == {"sync_failed": 1}
    assert {todo.code: todo.count for todo in late} == {"sync_failed": 1, "overdue": 2}


def test_the_home_page_costs_the_same_queries_at_any_size(moment, django_assert_max_num_queries):
    people = members_of(make_team(moment, guides=1, friends=2))
    hand_out(people, moment)
    reports.home(actor=SYSTEM, now=moment)

    with django_assert_max_num_queries(30):
        reports.home(actor=SYSTEM, now=moment)
    for _one in range(3):
        more = members_of(make_team(moment, guides=3, friends=5))
        hand_out(more, moment)
    with django_assert_max_num_queries(30):
        reports.home(actor=SYSTEM, now=moment)
