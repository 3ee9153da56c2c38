"""巡店: notes and what follows, seen by the store, closed with a word. 日报: one card a morning."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import clock
from apps.guide_portal.daily import queue_daily_cards
from apps.guide_tasks import services as guide_tasks
from apps.outreach.models import GuideNotice
from apps.reports.days import store_days
from apps.stores.models import DayOff, Guide, Store, StoreVisit, VisitItem
from apps.stores.services import connect_region_manager
from apps.stores.visits import WordMissing, close_item
from tests.factories.facts import make_store
from tests.factories.outreach import CORP
from tests.factories.tasks import buy, deliver, guide_actor, manager_actor
from tests.guide_portal.conftest import make_manager, open_shop, signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def visit(shop, board, **more):
    fields = {"client_id": uuid.uuid4(), "note": "橱窗灯坏了一盏", "words_1": "换灯", **more}
    return board.post(url("visits", shop.store.pk), fields)


# --- 巡店 ----------------------------------------------------------------------------------------


def test_a_visit_is_kept_once_and_the_store_manager_reads_it_in_the_morning(
    shop, board, managers_phone
):
    fields = {"client_id": uuid.uuid4(), "guide_1": shop.guide.pk, "days_1": 3}
    for _twice in range(2):
        assert visit(shop, board, **fields).status_code == 302

    (item,) = VisitItem.objects.all()
    assert (item.guide, item.due_on) == (shop.guide, clock.business_day(shop.now) + 3 * DAY)
    assert StoreVisit.objects.get().written_by == "沈"
    (card,) = GuideNotice.objects.filter(source__startswith="store_visit:")
    assert card.guide == shop.manager
    assert "换灯" not in card.body
    page = managers_phone.get(url("morning")).content.decode()
    assert "换灯" in page
    assert shop.guide.name in page


def test_an_item_is_closed_with_a_word_by_the_store_and_stays_readable(shop, board, managers_phone):
    visit(shop, board)
    item = VisitItem.objects.get()
    address = url("close_visit_item", item.pk)

    managers_phone.post(address, {"word": " "})
    item.refresh_from_db()
    assert item.closed_at is None
    managers_phone.post(address, {"word": "周一已换"})
    managers_phone.post(address, {"word": "另一个词"})
    item.refresh_from_db()
    assert (item.closing_word, item.closed_by) == ("周一已换", f"guide:{shop.manager.pk}")
    assert "换灯" not in managers_phone.get(url("morning")).content.decode()
    assert "周一已换" in board.get(url("visits", shop.store.pk)).content.decode()


def test_open_items_stand_first_and_late_ones_say_so(shop, board):
    visit(shop, board, days_1=1)
    visit(shop, board, words_1="补尺码牌", days_1=7)
    with clock.at(shop.now + 3 * DAY):
        page = board.get(url("visits", shop.store.pk)).content.decode()

    assert page.index("换灯") < page.index("补尺码牌")
    assert "逾期" in page or "overdue" in page


def test_a_note_without_words_and_people_of_other_stores_are_refused(shop, board):
    other = open_shop(shop.now)
    assert visit(shop, board, note=" ").status_code in (400, 409)
    assert visit(shop, board, guide_1=other.guide.pk).status_code == 400
    assert StoreVisit.objects.count() == 0


def test_a_closing_word_is_demanded_by_the_rule_itself(shop, board):
    visit(shop, board)
    actor = manager_actor(shop.manager, shop.store, shop.now)
    with pytest.raises(WordMissing):
        close_item(item=VisitItem.objects.get(), word="", actor=actor, now=shop.now)


def test_another_region_and_a_guide_see_no_item(shop, board, phone):
    west = make_store(region="west")
    assert board.get(url("visits", west.pk)).status_code == 404
    far = open_shop(shop.now)
    Store.objects.filter(pk=far.store.pk).update(region=west.region)
    visit(shop, board)
    item = VisitItem.objects.get()
    stranger = signed_in(far.manager)
    assert stranger.post(url("close_visit_item", item.pk), {"word": "好"}).status_code == 404
    assert phone.post(url("close_visit_item", item.pk), {"word": "好"}).status_code == 403


def test_the_page_asks_as_often_for_twenty_items_as_for_one(shop, board):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            assert board.get(url("visits", shop.store.pk)).status_code == 200
        return len(asked)

    visit(shop, board, guide_1=shop.guide.pk)
    board.get(url("visits", shop.store.pk))
    before = questions()
    for number in range(6):
        words = {f"words_{n}": f"第{number}-{n}件" for n in (1, 2, 3)}
        visit(shop, board, **words, guide_2=shop.colleague.pk)
    board.get(url("visits", shop.store.pk))  # shows what was said
    assert questions() == before
    assert before <= 12


# --- 日报 ----------------------------------------------------------------------------------------


@pytest.fixture
def on_phone(lead):
    return connect_region_manager(user=lead, corp_id=CORP, wecom_userid="hd_lead")


def daily():
    return {row.guide_id: row for row in GuideNotice.objects.filter(source__startswith="daily:")}


def test_a_card_a_day_for_whoever_leads_stores_with_counts_and_no_names(shop, on_phone):
    now = shop.now
    buy(shop.members[0], shop.store, now - DAY, now=now)
    deliver(shop.targets[0], now)
    assert queue_daily_cards(now=now + DAY) == 2
    assert queue_daily_cards(now=now + DAY + timedelta(minutes=5)) == 0

    cards = daily()
    assert set(cards) == {shop.manager.pk, on_phone.pk}
    assert cards[shop.manager.pk].path == url("morning")
    assert cards[on_phone.pk].path == url("region")
    text = cards[shop.manager.pk].body
    assert "1" in text
    assert not any(member.name in text or "¥" in text for member in shop.members)


def test_the_figures_of_a_store_are_its_day_and_its_week(shop):
    now, tomorrow = shop.now, shop.now + DAY
    buy(shop.members[0], shop.store, now, fen=50_000, number="D1", now=now)
    buy(shop.members[1], shop.store, now, fen=50_000, number="D2", now=now)
    buy(shop.members[1], shop.store, now, fen=50_000, original="D2", now=now)
    deliver(shop.targets[0], now)
    guide_tasks.excuse_target(
        target=shop.targets[1], reason="moved_away", actor=guide_actor(shop.guide, now), now=now
    )
    (day,) = store_days(store_ids=[shop.store.pk], now=tomorrow).values()
    assert (day.orders, day.reached, day.open, day.overdue) == (1, 1, 4, 0)

    (week,) = store_days(store_ids=[shop.store.pk], now=now + 3 * DAY).values()
    assert (week.issued, week.done, week.excused) == (6, 1, 1)
    assert week.completion_rate == 1 / 5


def test_nobody_off_and_no_store_outside_the_rollout_gets_one(shop, on_phone):
    day = clock.business_day(shop.now)
    DayOff.objects.create(guide=shop.manager, day=day)
    dark = make_manager(make_store(), shop.now)
    Store.objects.filter(pk=dark.postings.get().store_id).update(live_since=None)

    queue_daily_cards(now=shop.now)
    assert set(daily()) == {on_phone.pk}
    Store.objects.update(live_since=None)
    assert queue_daily_cards(now=shop.now + DAY) == 0


def test_a_card_of_the_night_waits_for_the_hours_or_is_left_out(shop, on_phone):
    morning = clock.day_start(clock.business_day(shop.now))
    assert queue_daily_cards(now=morning + timedelta(hours=23, minutes=30)) == 0
    assert queue_daily_cards(now=morning + timedelta(hours=5)) == 2
    assert {row.not_before for row in daily().values()} == {morning + timedelta(hours=7)}


def test_who_is_no_regional_manager_any_more_gets_none(shop, lead, on_phone):
    lead.is_active = False
    lead.save()
    queue_daily_cards(now=shop.now)
    assert set(daily()) == {shop.manager.pk}


def test_the_cards_of_many_stores_take_as_many_questions_as_of_one(shop, on_phone):
    def questions(now):
        with CaptureQueriesContext(connection) as asked:
            assert queue_daily_cards(now=now)
        return len(asked)

    before = questions(shop.now)
    for _more in range(2):
        open_shop(shop.now)
    assert questions(shop.now + DAY) == before
    assert Guide.objects.count() > 8


def test_two_things_may_follow_from_one_visit(shop, board):
    visit(shop, board, words_2="补尺码牌", days_2=7)
    assert list(VisitItem.objects.values_list("words", flat=True).order_by("pk")) == [
        "换灯",
        "补尺码牌",
    ]
