"""A large push is decided once and written in parts: the same to the member, whatever happens."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections, transaction

from apps.accounts.actor import SYSTEM
from apps.campaigns.models import CampaignAssignment
from apps.campaigns.selectors import bucket
from apps.core import clock
from apps.guide_tasks import selectors, services
from apps.guide_tasks.errors import PushBeingHandedOut
from apps.guide_tasks.models import (
    AssignBy,
    Evidence,
    ExcuseReason,
    GuideTask,
    HandOutPart,
    NotIssued,
    PushForecast,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import catching_up, issuing, parts, pushes, recalling
from apps.member_portal.services import choices
from apps.members import services as members
from apps.members.models import FollowRelation, Member
from apps.outreach.models import GuideNotice
from apps.stores import services as stores
from apps.stores.models import Guide, Posting
from apps.timeline.models import Kind, MemberEvent
from tests.factories.crowds import crowd, where_everybody_is
from tests.factories.facts import make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import buy, make_push, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]
Status = TaskPush.Status
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def small_parts(settings):
    settings.HAND_OUT_PART = 7


@pytest.fixture
def team(moment):
    return make_team(moment, guides=4, friends=6)


def begun(people, now, **fields):
    """A push whose places are decided and of which nothing is written."""
    push = make_push(people, now, **fields)
    services.hand_out(push=push, now=now, actor=SYSTEM)
    push.refresh_from_db()
    assert push.status == Status.HANDING_OUT
    return push


def befriend_at_random(people, guides, dice, now):
    """Some know a second guide as well."""
    rows = []
    for person in people:
        guide = dice.choice(guides)
        known = FollowRelation.objects.filter(member=person, guide=guide).exists()
        if not known and dice.random() < 0.5:
            name = f"wm{guide.pk}x{person.pk}"
            rows.append(members.FollowRow(CORP, guide.pk, person.pk, name, now - DAY))
    members.start_follows(rows=rows, now=now)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "assign_by"), list(enumerate(AssignBy.values)))
def test_parts_are_the_forecast_to_the_member(moment, seed, assign_by):
    people = crowd(moment, seed) + crowd(moment, seed + 100, guides=3, friends=8)
    dice = random.Random(seed)
    guides = list(Guide.objects.order_by("pk"))
    befriend_at_random(people, guides, dice, moment)
    away = Posting.objects.get(guide=guides[0])
    day = clock.business_day(moment)
    stores.set_day_off(
        guide=away.guide, store=away.store, day=day, off=True, actor=SYSTEM, now=moment
    )
    push = make_push(people, moment, control_share_bp=4000, assign_by=assign_by)

    forecast = services.forecast(push=push, now=moment)
    decided = services.hand_out(push=push, now=moment, actor=SYSTEM)
    assert decided == services.hand_out(push=push, now=moment, actor=SYSTEM) == forecast
    assert HandOutPart.objects.count() == parts.MOST_PARTS
    parts.work_off(push_id=push.pk)

    push.refresh_from_db()
    assert (push.status, push.handed_out_at) == (Status.HANDED_OUT, moment)
    stored = PushForecast.objects.get(push=push)
    promised = {pk: [place] for place, ids in pushes.unpack(stored.places).items() for pk in ids}
    assert promised == where_everybody_is(push)
    assert {one.pk for one in people} == set(promised)
    loads = Counter(TaskTarget.objects.filter(push=push).values_list("guide_id", flat=True))
    assert {str(guide): n for guide, n in loads.items()} == stored.loads
    assert selectors.push_places(push) == decided
    assert decided.control > 0
    assert not HandOutPart.objects.exists()


def test_a_guides_customers_come_all_at_once(team, moment):
    push = begun(members_of(team), moment)

    found = HandOutPart.objects.filter(push=push).order_by("number")
    holders = [set(part.guide_ids) for part in found]

    assert sum(part.issued for part in found) == 24
    assert len(holders) > 1
    assert sum(len(one) for one in holders) == len(set().union(*holders)) == 4


def test_a_very_large_push_has_larger_parts_not_more(team, moment, monkeypatch):
    monkeypatch.setattr(parts, "MOST_PARTS", 2)

    push = begun(members_of(team), moment)

    planned = HandOutPart.objects.filter(push=push).values_list("planned", flat=True)
    assert list(planned) == [12, 12]


def test_a_part_grows_only_so_far(team, moment, monkeypatch):
    monkeypatch.setattr(parts, "MOST_PARTS", 2)
    monkeypatch.setattr(parts, "LARGEST_PART", 6)

    push = begun(members_of(team), moment)

    planned = HandOutPart.objects.filter(push=push).values_list("planned", flat=True)
    assert list(planned) == [6, 6, 6, 6]


@pytest.mark.parametrize(
    ("planned", "number"),
    [(20_001, 2), (80_000, 4), (1_000_000, 4), (1_000_001, 5), (5_000_000, 20)],
)
def test_how_many_parts_a_push_has(settings, planned, number):
    settings.HAND_OUT_PART = 20_000

    assert parts._parts_of(planned) == number


def test_a_worker_that_dies_between_two_parts_loses_and_doubles_nothing(moment, monkeypatch):
    people = crowd(moment, 3)
    push = begun(people, moment, control_share_bp=3000)
    write, written = issuing.write, []

    def dies_at_the_third(**what):
        written.append(write(**what))
        if len(written) == 3:
            raise ConnectionError("gone")
        return written[-1]

    monkeypatch.setattr(issuing, "write", dies_at_the_third)
    with pytest.raises(ConnectionError):
        parts.work_off(push_id=push.pk)
    assert HandOutPart.objects.filter(done_at=None).count() == HandOutPart.objects.count() - 2
    assert TaskTarget.objects.count() == sum(written[:2])
    assert not GuideNotice.objects.exists()

    parts.work_off(push_id=push.pk)
    places = where_everybody_is(push)
    assert set(places) == {one.pk for one in people}
    assert all(len(where) == 1 for where in places.values())
    rows = [one.objects.count() for one in (TaskTarget, GuideTask, NotIssued, GuideNotice)]

    assert parts.work_off(push_id=push.pk) == 0
    assert rows == [one.objects.count() for one in (TaskTarget, GuideTask, NotIssued, GuideNotice)]
    assert GuideNotice.objects.count() == GuideTask.objects.filter(push=push).count()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_share_the_parts(moment):
    people = crowd(moment, 8, guides=6, friends=10)
    push = begun(people, moment, control_share_bp=2000)
    together = Barrier(2)

    def work(worker):
        try:
            together.wait(20)
            return parts.work_off(push_id=push.pk, worker=worker)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as workers:
        issued = list(workers.map(work, range(2)))

    push.refresh_from_db()
    assert push.status == Status.HANDED_OUT
    assert sum(issued) == TaskTarget.objects.filter(push=push).count()
    assert all(len(where) == 1 for where in where_everybody_is(push).values())
    assert set(where_everybody_is(push)) == {one.pk for one in people}
    assert GuideNotice.objects.count() == GuideTask.objects.filter(push=push).count()


def elsewhere(work):
    """Done on a connection of its own while this one's transaction is open."""

    def alone():
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        return other.submit(alone).result(30)


@pytest.mark.django_db(transaction=True)
def test_a_bell_for_a_worker_that_is_at_it_brings_no_third(team, moment):
    push = begun(members_of(team), moment)

    with transaction.atomic():
        written = parts._write_one(push.pk, 1)
        assert elsewhere(lambda: parts.work_off(push_id=push.pk, worker=1)) == 0
        rest = elsewhere(lambda: parts.work_off(push_id=push.pk, worker=0))

    assert written > 0
    assert written + rest == 24
    assert parts.work_off(push_id=push.pk, worker=1) == 0
    push.refresh_from_db()
    assert push.status == Status.HANDED_OUT


@pytest.mark.django_db(transaction=True)
def test_beat_does_not_wait_for_a_push_that_is_being_decided_nor_do_its_rows(team, moment):
    push = make_push(members_of(team), moment)
    services.approve_push(push=push, actor=SYSTEM, now=moment)

    def refer_to_it():
        with transaction.atomic(), connection.cursor() as cursor:
            row = "SELECT FROM {} WHERE id = %s FOR KEY SHARE NOWAIT"
            cursor.execute(row.format("guide_tasks_taskpush"), [push.pk])
            cursor.execute(row.format("campaigns_campaign"), [push.campaign_id])
            return cursor.rowcount

    with transaction.atomic():
        services.hand_out(push=push, now=moment, actor=SYSTEM)
        assert elsewhere(lambda: services.hand_out_due(now=moment)) == 0
        assert elsewhere(refer_to_it) == 1
        transaction.set_rollback(True)

    assert services.hand_out_due(now=moment) == 1
    assert services.hand_out_due(now=moment) == 0


def test_the_control_group_is_drawn_as_ever(moment):
    people = crowd(moment, 5)
    push = begun(people, moment, control_share_bp=4000)

    parts.work_off(push_id=push.pk)

    control = set(selectors.control_members(push))
    refused = set(NotIssued.objects.filter(push=push).values_list("member_id", flat=True))
    drawn = CampaignAssignment.objects.filter(campaign=push.campaign)
    assert control
    assert {row.member_id for row in drawn} == {one.pk for one in people} - refused
    for row in drawn:
        assert row.bucket == bucket(push.campaign.salt, row.member_id)
        assert (row.arm == "control") == (row.bucket < 4000) == (row.member_id in control)


def test_what_is_on_its_way_is_neither_changed_nor_taken_back_nor_shown_as_running(team, moment):
    push = begun(members_of(team), moment)
    later = {"due_at": moment + timedelta(days=5), "actor": SYSTEM, "now": moment}

    for change in (
        lambda: services.update_push(push=push, actor=SYSTEM, title="later"),
        lambda: services.delete_draft(push=push, actor=SYSTEM),
        lambda: recalling.withdraw_push(push=push, actor=SYSTEM, now=moment),
        lambda: recalling.extend_push(push=push, **later),
    ):
        with pytest.raises(PushBeingHandedOut) as refusal:
            change()
        assert "正在下发" in str(refusal.value)
    assert not selectors.running_pushes(actor=SYSTEM)

    parts.work_off(push_id=push.pk)
    assert recalling.extend_push(push=push, **later) == 24


@pytest.mark.parametrize("written", [False, True])
def test_another_push_leaves_alone_whom_a_push_on_its_way_has(team, moment, written):
    people = members_of(team)
    first = begun(people[:20], moment)
    if written:
        parts._write_one(first.pk)
    other = make_push(people[12:], moment)

    forecast = services.forecast(push=other, now=moment)

    assert (forecast.refused, forecast.issued) == ({"other_plan": 8}, 4)


def test_a_lost_bell_is_rung_again_until_all_is_written(team, moment, monkeypatch):
    rung = []
    monkeypatch.setattr(parts, "wake", lambda job, **given: rung.append((job, given)))
    push = begun(members_of(team), moment)
    bells = [(parts.JOB, {"push_id": push.pk, "worker": worker}) for worker in range(2)]
    assert rung == bells

    services.hand_out_due(now=moment)
    assert rung == bells * 2

    parts.work_off(push_id=push.pk)
    rung.clear()
    services.hand_out_due(now=moment)
    assert rung == []


def test_a_large_hand_out_tells_its_story_in_batches_afterwards(team, moment, monkeypatch):
    monkeypatch.setattr(pushes, "TELL_BATCH", 4)
    push = begun(members_of(team), moment)
    services.hand_out_due(now=moment)
    push.refresh_from_db()
    assert push.told_at is None
    parts.work_off(push_id=push.pk)
    assert not MemberEvent.objects.filter(kind=Kind.TASK_ISSUED).exists()

    services.hand_out_due(now=moment)
    services.tell_issued(push_id=push.pk)

    assert MemberEvent.objects.filter(kind=Kind.TASK_ISSUED).count() == 24
    push.refresh_from_db()
    assert push.told_at is not None


def test_who_asked_to_be_forgotten_meanwhile_is_named_by_no_target(team, moment):
    person, *others = members_of(team)
    push = begun([person, *others], moment)
    Member.objects.filter(pk=person.pk).update(erased_at=moment)

    parts.work_off(push_id=push.pk)

    named = TaskTarget.objects.filter(push=push).exclude(external_userid="")
    assert {one.member_id for one in named} == {one.pk for one in others}


def excused(push):
    gone = TaskTarget.objects.filter(push=push).exclude(excuse_reason="")
    return dict(gone.values_list("member_id", "excuse_reason"))


def give(person, purpose, now):
    choices.give(member_id=person.pk, purpose=purpose, version="1", now=now)


@pytest.mark.parametrize("purpose", ["wecom_marketing", "profiling"])
def test_who_took_the_consent_back_meanwhile_is_nobodys_task(team, moment, purpose):
    gone, again, *_others = people = members_of(team)
    give(gone, "profiling", moment - DAY)
    give(again, "profiling", moment - DAY)
    push = make_push(people, moment)
    push.segment_run.version.definition = {
        "op": "not",
        "items": [{"field": "stage", "operator": "in", "value": ["lost"]}],
    }
    push.segment_run.version.save()
    services.hand_out(push=push, now=moment, actor=SYSTEM)
    for one in (gone, again):
        choices.withdraw(member_id=one.pk, purpose=purpose, now=moment)
    give(again, purpose, moment + timedelta(seconds=1))

    parts.work_off(push_id=push.pk)
    services.tell_issued(push_id=push.pk)
    services.tell_issued(push_id=push.pk)

    assert excused(push) == {gone.pk: ExcuseReason.CONSENT_GONE}
    assert MemberEvent.objects.filter(kind=Kind.TASK_EXCUSED).count() == 1


def test_who_bought_meanwhile_is_counted_and_asked_no_more(team, moment, monkeypatch):
    monkeypatch.setattr(catching_up, "BATCH", 1)
    stranger, one, other, *rest = members_of(team)
    push = begun([one, other, *rest], moment)
    store, soon = make_store(), moment + timedelta(minutes=1)
    orders = [buy(person, store, soon) for person in (stranger, one, other)]
    assert services.record_purchases(order_ids=orders, now=soon) == 0

    parts.work_off(push_id=push.pk)
    services.tell_issued(push_id=push.pk)
    services.tell_issued(push_id=push.pk)

    assert excused(push) == {
        person.pk: ExcuseReason.BOUGHT_WITHOUT_CONTACT for person in (one, other)
    }
    bought = TaskTarget.objects.filter(push=push, purchased_at=soon)
    assert {target.member_id for target in bought} == {one.pk, other.pk}
    assert Evidence.objects.filter(outcome="purchased").count() == 2


def test_each_part_costs_the_same_queries_at_any_size(
    moment, settings, django_assert_max_num_queries
):
    settings.HAND_OUT_PART = 5
    small = begun(members_of(make_team(moment, guides=2, friends=3)), moment)
    settings.HAND_OUT_PART = 40
    large = begun(members_of(make_team(moment, guides=4, friends=15)), moment)

    for push in (small, large):
        with django_assert_max_num_queries(20):
            parts._write_one(push.pk)
