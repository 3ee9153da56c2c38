"""A regional manager's tasks: what runs there first, then handed out; other times for a push."""

import uuid
from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks import selectors
from apps.guide_tasks.errors import (
    NothingToMove,
    NotYourRegion,
    NotYourStore,
    OutsideWindow,
    PushNotRunning,
    TooMuchTime,
)
from apps.guide_tasks.models import RegionTiming, SeriesOccurrence, TaskItem, TaskPush, TaskTarget
from apps.guide_tasks.services import series, timing
from apps.outreach.models import GuideNotice
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from tests.factories.facts import make_store
from tests.factories.items import make_item_push
from tests.factories.tasks import make_team
from tests.guide_portal.conftest import make_manager, open_shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


@pytest.fixture
def actor(lead, shop):
    return actor_for(user=lead, now=shop.now)


def fields(*stores, **more):
    return {
        "client_id": str(uuid.uuid4()),
        "kind": "group",
        "title": "清点雨靴",
        "minutes": 30,
        "days": 1,
        "stores": [store.pk for store in stores],
        **more,
    }


def made():
    return TaskPush.objects.filter(title="清点雨靴")


# --- handing out ---------------------------------------------------------------------------------


def test_the_first_tap_shows_what_runs_there_the_second_hands_out_once(shop, board):
    make_item_push(shop.now, title="换橱窗海报", stores=[shop.store])
    asked = fields(shop.store)
    page = board.post(url("region_task"), asked).content.decode()

    assert "换橱窗海报" in page
    assert shop.push.title in page
    assert not made().exists()
    for _twice in range(2):
        assert board.post(url("region_task"), {**asked, "sure": "on"}).status_code == 302
    push = made().get()
    assert (push.status, push.minutes_per_target) == ("handed_out", 30)
    assert TaskItem.objects.get(push=push).store == shop.store
    assert push.title in board.get(url("region_pushes")).content.decode()


def test_the_check_counts_minutes_as_the_wizard_does(shop, settings):
    settings.GUIDE_MINUTES_PER_DAY = 10
    due_at = shop.now + timedelta(hours=8)

    def load(minutes):
        found = selectors.collisions(
            stores=[shop.store], minutes=minutes, due_at=due_at, now=shop.now
        )
        return found.budget, found.loads[shop.store.pk]

    budget, light = load(4)
    each = 3 * shop.push.minutes_per_target
    assert (budget, light.guides, light.open_minutes, light.most_minutes) == (10, 2, 2 * each, each)
    assert light.over == 0
    assert load(5)[1].over == 2


def test_what_is_approved_for_these_days_is_named_too(shop, board):
    later = shop.now + timedelta(hours=20)
    make_item_push(
        shop.now, title="明天的陈列", stores=[shop.store], hand_out_at=later,
        due_at=shop.now + 3 * DAY,
    )  # fmt: skip
    make_item_push(
        shop.now, title="别处的陈列", stores=[make_store(region="west")], hand_out_at=later,
        due_at=shop.now + 3 * DAY,
    )  # fmt: skip
    page = board.post(url("region_task"), fields(shop.store, days=3)).content.decode()
    assert "明天的陈列" in page
    assert "别处的陈列" not in page


def test_what_repeats_is_named_where_its_next_time_falls_into_these_days(shop):
    owner = User.objects.create(username="hq", role=Role.HQ_OPERATOR)
    far = make_store(region="west")
    make_team(shop.now, guides=1, store=far)
    tomorrow = clock.business_day(shop.now) + DAY
    terms = series.SeriesTerms("days", 2, tomorrow, time(10), 1, time(21))
    pushes = [
        make_item_push(shop.now, title="每两天陈列", stores=[shop.store]),
        make_item_push(shop.now, title="别处陈列", stores=[far]),
        shop.push,
    ]
    actor = actor_for(user=owner, now=shop.now)
    *_items, contact = [
        series.repeat_push(push=push, terms=terms, actor=actor, now=shop.now) for push in pushes
    ]

    def coming(days):
        due_at = shop.now + days * DAY
        found = selectors.collisions(stores=[shop.store], minutes=5, due_at=due_at, now=shop.now)
        return [row.title for row in found.running if not row.open]

    assert coming(0) == []
    assert coming(3) == ["每两天陈列"]
    # a series of customers that was here before comes here again
    SeriesOccurrence.objects.create(
        series=contact, on=shop.now.date(), push=shop.push, decided_at=shop.now
    )
    assert set(coming(3)) == {"每两天陈列", contact.pattern.title}


@pytest.mark.parametrize("kind", ["free", "display", "recruit"])
def test_every_kind_without_customers_goes_out(shop, board, kind):
    more = {"quota": 3, "quota_of": "friends"} if kind == "recruit" else {}
    board.post(url("region_task"), fields(shop.store, kind=kind, sure="on", **more))

    push = made().get()
    assert push.kind == kind
    assert push.quota == more.get("quota")
    assert TaskItem.objects.filter(push=push).count() == (1 if kind == "display" else 2)


def test_another_regions_store_and_a_quota_without_number_are_refused(shop, board, actor):
    west = make_store(region="west")
    assert board.post(url("region_task"), fields(shop.store, west, sure="on")).status_code == 400
    asked = fields(shop.store, kind="recruit", sure="on")
    assert board.post(url("region_task"), asked).status_code == 400
    assert not made().exists()
    with pytest.raises(NotYourStore):
        make_item_push(shop.now, kind="group", stores=[west], actor=actor)
    with pytest.raises(NotYourStore):
        make_item_push(shop.now, kind="moments", stores=[shop.store], actor=actor)


def test_changing_brings_the_form_back_with_its_words(shop, board):
    page = board.post(url("region_task"), fields(shop.store, change="1")).content.decode()
    assert "清点雨靴" in page
    assert 'name="sure"' not in page
    assert not made().exists()


def test_the_check_asks_as_often_for_three_stores_as_for_one(shop, board):
    def questions(*stores):
        with CaptureQueriesContext(connection) as asked:
            assert board.post(url("region_task"), fields(*stores)).status_code == 200
        return len(asked)

    questions(shop.store)
    before = questions(shop.store)
    others = [open_shop(shop.now).store for _more in range(2)]
    assert questions(shop.store, *others) == before
    assert before <= 12


# --- other times ---------------------------------------------------------------------------------


@pytest.fixture
def both(shop):
    """The shop's push also runs in the west."""
    west = make_store(region="west")
    far = TaskTarget.objects.filter(pk__in=[target.pk for target in shop.foreign])
    far.update(store=west)
    for target in far:
        type(target.task).objects.filter(pk=target.task_id).update(store=west)
    return west


def retime(shop, actor, **more):
    terms = {"reason": "周年庆当天人手不够", "client_id": uuid.uuid4(), **more}
    return timing.retime_push(
        push=shop.push, region=shop.store.region, actor=actor, now=shop.now, **terms
    )


def test_more_time_goes_to_the_own_region_alone_and_head_office_reads_why(
    shop, both, board, admin_client
):
    asked = {
        "client_id": uuid.uuid4(), "region": shop.store.region_id, "more_days": 2,
        "reason": "周年庆当天人手不够",
    }  # fmt: skip
    for _twice in range(2):
        assert board.post(url("region_push", shop.push.pk), asked).status_code == 302

    before = shop.push.due_at
    shop.push.refresh_from_db()
    assert shop.push.due_at == before
    own = TaskTarget.objects.filter(push=shop.push, store=shop.store)
    assert set(own.values_list("due_at", flat=True)) == {before + 2 * DAY}
    far = TaskTarget.objects.filter(push=shop.push, store=both)
    assert set(far.values_list("due_at", flat=True)) == {before}
    row = RegionTiming.objects.get()
    assert (row.due_before, row.due_at, row.moved) == (before, before + 2 * DAY, 3)
    assert AuditEntry.objects.filter(action="push.retimed").count() == 1
    (card,) = GuideNotice.objects.filter(source__contains=":timing:")
    assert card.guide == shop.guide
    assert "周年庆当天人手不够" in board.get(url("region_push", shop.push.pk)).content.decode()
    hq = admin_client.get(reverse("hq:push", args=[shop.push.pk])).content.decode()
    assert "周年庆当天人手不够" in hq
    assert "沈" in hq


def test_a_guide_reads_that_the_regional_manager_asks(shop, board, phone):
    board.post(url("region_task"), fields(shop.store, sure="on"))
    item = TaskItem.objects.get(push__title="清点雨靴")
    page = phone.get(url("item", item.pk)).content.decode()
    assert "区域经理" in page


def test_what_nobody_has_begun_opens_at_the_later_hour(shop, actor, phone):
    begun = shop.targets[0]
    TaskTarget.objects.filter(pk=begun.pk).update(state="in_progress", started_at=shop.now)
    opens = shop.now + timedelta(hours=5)
    retime(shop, actor, opens_at=opens)

    waits = TaskTarget.objects.filter(push=shop.push, opens_at=opens)
    assert waits.count() == 5
    assert begun.pk not in waits.values_list("pk", flat=True)
    before = TaskTarget.objects.filter(push=shop.push, opens_at__lt=shop.now + DAY)
    with pytest.raises(NothingToMove):
        retime(shop, actor, opens_at=opens - timedelta(hours=2))
    assert before.filter(opens_at=opens).count() == 5


def test_limits_hold(shop, actor, settings):
    settings.REGION_MORE_DAYS = 3
    early = clock.day_start(clock.business_day(shop.now)) + timedelta(days=1, hours=8)
    refused = [
        (TooMuchTime, {"more_days": 4}),
        (OutsideWindow, {"opens_at": early}),
        (OutsideWindow, {"opens_at": shop.now - timedelta(hours=1)}),
        (OutsideWindow, {"opens_at": shop.push.due_at + timedelta(hours=1)}),
        (DomainError, {"more_days": 1, "reason": " "}),
    ]
    for error, more in refused:
        with pytest.raises(error):
            retime(shop, actor, **more)
    retime(shop, actor, more_days=2)
    with pytest.raises(TooMuchTime):
        retime(shop, actor, more_days=2)
    assert RegionTiming.objects.count() == 1


def test_items_get_more_time_as_well(shop, actor):
    push = make_item_push(shop.now, kind="display", stores=[shop.store], once_per_store=True)
    timing.retime_push(
        push=push, region=shop.store.region, reason="货晚到", more_days=1, actor=actor,
        now=shop.now, client_id=uuid.uuid4(),
    )  # fmt: skip
    assert TaskItem.objects.get(push=push).due_at == push.due_at + DAY


def test_not_for_another_region_nor_for_a_store_manager_nor_for_what_is_over(shop, both, actor):
    with pytest.raises(NotYourRegion):
        timing.retime_push(
            push=shop.push, region=both.region, reason="x", more_days=1, actor=actor,
            now=shop.now, client_id=uuid.uuid4(),
        )  # fmt: skip
    manager = make_manager(make_store(), shop.now)
    with pytest.raises(NotYourRegion):
        retime(shop, actor_for(user=user_of_guide(guide=manager), now=shop.now), more_days=1)
    TaskPush.objects.filter(pk=shop.push.pk).update(status="closed")
    with pytest.raises(PushNotRunning):
        retime(shop, actor, more_days=1)


def test_the_pushs_page_asks_as_often_after_many_changes(shop, actor, board):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            assert board.get(url("region_push", shop.push.pk)).status_code == 200
        return len(asked)

    retime(shop, actor, more_days=1)
    questions()
    before = questions()
    retime(shop, actor, opens_at=shop.now + timedelta(hours=1))
    retime(shop, actor, opens_at=shop.now + timedelta(hours=2))
    assert questions() == before
    assert before <= 12
