"""Items of who has gone or is away: handed on where the place needs them, else ended."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM
from apps.accounts.models import AuditEntry
from apps.guide_tasks import services
from apps.guide_tasks.models import ItemMove, State, TaskItem, TaskPush
from apps.guide_tasks.services.items.following import move_items
from apps.outreach.models import GuideNotice
from apps.stores import services as stores
from apps.stores.models import Cover, DayOff, Guide, Posting, StoreDay
from tests.factories.facts import make_guide, make_store
from tests.factories.items import jpeg, make_item_push
from tests.factories.outreach import CORP
from tests.factories.tasks import guide_actor
from tests.guide_tasks.test_items import item_of, moves_of

Kind = TaskPush.Kind
pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def shop(fixed_clock):
    """Anna and Bea work in the store; who comes later has no items yet."""
    store = make_store()
    anna, bea = (make_guide(store, corp=CORP) for _one in range(2))
    return SimpleNamespace(now=fixed_clock, store=store, anna=anna, bea=bea)


def item(shop, guide=None, **fields):
    push = make_item_push(shop.now, stores=[shop.store], **fields)
    return item_of(push, guide or shop.anna)


def leaves(shop, guide):
    stores.guide_leaves(guide=guide, now=shop.now, on=shop.now.date())


def comes(shop):
    return make_guide(shop.store, corp=CORP)


def state_of(row):
    row = TaskItem.objects.get(pk=row.pk)
    return row.guide_id, row.state, row.excuse_sentence


def test_a_leavers_display_goes_to_who_has_none_of_it_with_a_card_that_says_why(shop):
    display = item(shop, kind=Kind.DISPLAY)
    newcomer = comes(shop)
    leaves(shop, shop.anna)

    assert move_items(now=shop.now) == 1
    assert move_items(now=shop.now) == 0

    assert state_of(display) == (newcomer.pk, State.OPEN, "")
    move = ItemMove.objects.get(item=display)
    assert move.reason == f"left:guide:{shop.anna.pk}>guide:{newcomer.pk}"
    card = GuideNotice.objects.get(guide=newcomer)
    assert f"{shop.anna.name}已不在这家店" in card.body
    assert card.path == f"/g/items/{display.pk}/"
    assert AuditEntry.objects.filter(action="item.moved", detail__cause="left").count() == 1


def test_what_every_colleague_has_and_what_is_one_persons_ends_outside_every_rate(shop):
    same, quota = item(shop), item(shop, kind=Kind.RECRUIT, quota=3, quota_of="members")
    leaves(shop, shop.anna)

    assert move_items(now=shop.now) == 1
    assert move_items(now=shop.now) == 0
    assert state_of(same) == (shop.anna.pk, State.OPEN, "")  # somebody new may come in
    assert move_items(now=same.due_at) == 1

    ended = (shop.anna.pk, State.NOT_APPLICABLE, "导购已不在这家店")
    assert state_of(quota) == state_of(same) == ended
    assert not TaskItem.objects.asked_of_guides().filter(pk=quota.pk).exists()
    assert moves_of(quota) == [State.NOT_APPLICABLE]


@pytest.mark.parametrize("reason", ["off", "shut"])
def test_a_day_on_which_nobody_works_takes_nothing_away(shop, reason):
    display, today = item(shop, kind=Kind.DISPLAY, due_at=shop.now + 10 * DAY), shop.now.date()
    newcomer = comes(shop)
    if reason == "shut":
        StoreDay.objects.create(store=shop.store, day=today)
    else:
        DayOff.objects.create(guide=newcomer, day=today)
    leaves(shop, shop.anna)

    assert move_items(now=shop.now) == 0
    assert state_of(display) == (shop.anna.pk, State.OPEN, "")

    assert move_items(now=shop.now + DAY) == 1
    assert state_of(display) == (newcomer.pk, State.OPEN, "")


def test_it_waits_for_who_begins_before_it_is_due_and_for_nobody_later(shop):
    soon, late = item(shop), item(shop, due_at=shop.now + 9 * DAY)
    begins = shop.now.date() + 5 * DAY
    for guide in (shop.anna, shop.bea):
        leaves(shop, guide)
    newcomer = make_guide(None, corp=CORP)
    Posting.objects.create(guide=newcomer, store=shop.store, during=DateRange(begins, None))

    move_items(now=shop.now)
    assert state_of(soon)[1] == State.NOT_APPLICABLE
    assert state_of(late) == (shop.anna.pk, State.OPEN, "")

    move_items(now=shop.now + 5 * DAY)
    assert state_of(late) == (newcomer.pk, State.OPEN, "")


def test_what_was_overdue_when_its_guide_left_is_handed_to_nobody(shop):
    display = item(shop, kind=Kind.DISPLAY)
    comes(shop)
    leaves(shop, shop.anna)

    assert move_items(now=display.due_at + timedelta(hours=1)) == 1
    assert state_of(display)[:2] == (shop.anna.pk, State.NOT_APPLICABLE)
    assert not ItemMove.objects.filter(item=display, reason__startswith="left:guide").exists()


def test_who_begins_elsewhere_in_some_days_keeps_the_own_quota(shop):
    quota, today = item(shop, kind=Kind.RECRUIT, quota=3, quota_of="members"), shop.now.date()
    Posting.objects.filter(guide=shop.anna).update(during=DateRange(today - DAY, today))
    Posting.objects.create(
        guide=shop.anna, store=make_store(), during=DateRange(today + 2 * DAY, None)
    )

    assert move_items(now=shop.now) == 0
    assert state_of(quota) == (shop.anna.pk, State.OPEN, "")


def test_one_item_a_push_is_handed_to_each_colleague(shop):
    push = make_item_push(shop.now, stores=[shop.store])
    for guide in (shop.anna, shop.bea):
        leaves(shop, guide)
    newcomer = comes(shop)

    assert move_items(now=shop.now) == 1
    assert move_items(now=shop.now + 2 * DAY) == 1

    rows = TaskItem.objects.filter(push=push).order_by("pk")
    assert sorted(rows.values_list("state", flat=True)) == [State.NOT_APPLICABLE, State.OPEN]
    assert rows.get(state=State.OPEN).guide_id == newcomer.pk


def test_done_handed_in_and_colleagues_items_stay(shop, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    done, photo = item(shop), item(shop, kind=Kind.DISPLAY)
    mine = guide_actor(shop.anna, shop.now)
    services.report_item(item=done, note="", actor=mine, now=shop.now)
    services.hand_in_photo(item=photo, raw=jpeg(), note="", actor=mine, now=shop.now)
    leaves(shop, shop.anna)
    comes(shop)

    assert move_items(now=shop.now) == 0
    assert state_of(photo)[:2] == (shop.anna.pk, State.TO_VERIFY)


def test_who_works_elsewhere_now_keeps_the_own_quota_and_leaves_the_display(shop):
    display = item(shop, kind=Kind.DISPLAY)
    quota = item(shop, kind=Kind.RECRUIT, quota=3, quota_of="members")
    newcomer, today = comes(shop), shop.now.date()
    Posting.objects.filter(guide=shop.anna).update(during=DateRange(today - DAY, today))
    Posting.objects.create(guide=shop.anna, store=make_store(), during=DateRange(today, None))

    assert move_items(now=shop.now) == 1
    assert state_of(display)[0] == newcomer.pk
    assert state_of(quota)[:2] == (shop.anna.pk, State.OPEN)


def cover(shop, covering):
    stores.start_cover(
        store=shop.store, absent=shop.anna, covering=covering, first=shop.now.date(),
        last=shop.now.date() + 3 * DAY, actor=SYSTEM, now=shop.now,
    )  # fmt: skip


def test_who_covers_gets_what_is_due_before_the_other_is_back(shop):
    soon, late = item(shop), item(shop, due_at=shop.now + 9 * DAY)
    newcomer = comes(shop)
    cover(shop, newcomer)

    assert move_items(now=shop.now) == 1
    assert state_of(soon)[0] == newcomer.pk
    assert state_of(late)[0] == shop.anna.pk
    card = GuideNotice.objects.get(guide=newcomer)
    assert f"{shop.anna.name}不在岗，由你代班" in card.body


def test_what_the_cover_has_already_ends_when_it_is_due_and_not_before(shop):
    mine = item(shop)
    cover(shop, shop.bea)
    assert move_items(now=shop.now) == 0
    assert state_of(mine)[1] == State.OPEN

    assert move_items(now=mine.due_at) == 1
    assert state_of(mine)[1:] == (State.NOT_APPLICABLE, "到期前导购一直不在岗")


def test_what_falls_due_late_in_the_evening_ends_by_who_was_away_then(shop):
    """The look comes after midnight, and the guide is back by then."""
    mine = item(shop)
    cover(shop, shop.bea)
    back = shop.now.date() + 4 * DAY
    assert not Cover.objects.on(back).exists()

    assert move_items(now=shop.now + 4 * DAY) == 1
    assert state_of(mine)[1:] == (State.NOT_APPLICABLE, "到期前导购一直不在岗")


def test_what_was_overdue_before_the_cover_stays_with_its_guide(shop):
    mine = item(shop)
    TaskItem.objects.filter(pk=mine.pk).update(due_at=shop.now - DAY, opens_at=shop.now - 3 * DAY)
    cover(shop, comes(shop))

    assert move_items(now=shop.now) == 0
    assert state_of(mine) == (shop.anna.pk, State.OPEN, "")


def test_it_asks_as_often_for_many_as_for_few(shop):
    counts = []
    for number in (1, 6):
        anna = make_guide(shop.store, corp=CORP)
        pushes = [make_item_push(shop.now, stores=[shop.store]) for _one in range(number)]
        leaves(shop, anna)
        comes(shop)
        with CaptureQueriesContext(connection) as queries:
            assert move_items(now=shop.now) == number
        assert not TaskItem.objects.open().filter(push__in=pushes, guide=anna).exists()
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Guide.objects.filter(status=Guide.Status.LEFT).count() == 2
