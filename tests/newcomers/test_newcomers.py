"""新人前 30 天: who is new, what ticks by itself, and what only a word can say."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from psycopg.types.range import DateRange

from apps.core import clock
from apps.members.models import Interaction, Member, MemberNote
from apps.newcomers import selectors, services
from apps.newcomers.models import PlanStep, StepTold
from apps.news.models import News
from apps.news.services import confirm_news, open_news
from apps.stores.models import Posting, Store
from apps.stores.selectors import actor_for
from apps.stores.services import guide_leaves, user_of_guide
from tests.factories.facts import make_guide, make_member, make_store
from tests.factories.news import post_news
from tests.factories.outreach import CORP
from tests.guide_portal.conftest import make_manager, signed_in

pytestmark = pytest.mark.django_db


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def come(store, now, *, days):
    """Somebody whose `days`-th day in the store it is."""
    guide = make_guide(None, corp=CORP)
    begun = clock.business_day(now) - timedelta(days=days - 1)
    Posting.objects.create(guide=guide, store=store, during=DateRange(begun, None))
    return guide


def step(day, proof, **fields):
    return PlanStep.objects.create(day=day, title=f"{proof} {day}", proof=proof, **fields)


def actor_of(guide, now):
    return actor_for(user=user_of_guide(guide=guide), now=now)


def own(guide, now):
    return selectors.newcomer(guide_id=guide.pk, actor=actor_of(guide, now), now=now)


@pytest.fixture
def now(fixed_clock):
    return fixed_clock


@pytest.fixture
def store(now):
    store = make_store()
    Store.objects.update(live_since=now - timedelta(days=400))
    return store


def line(page):
    return "新人第" in page.content.decode()


@pytest.mark.parametrize(("days", "is_new"), [(1, True), (30, True), (31, False)])
def test_new_is_who_came_within_thirty_days(days, is_new, store, now):
    step(1, "told")
    guide = come(store, now, days=days)

    found = own(guide, now)

    assert (found is not None) is is_new
    assert line(signed_in(guide).get(url("today"))) is is_new
    assert line(signed_in(guide).get(url("first_days"))) is is_new
    if is_new:
        assert found.day == days


def test_nobody_is_new_who_was_there_when_the_store_began_or_worked_elsewhere_before(store, now):
    step(1, "told")
    today = clock.business_day(now)
    moved, old_hand = come(store, now, days=5), come(store, now, days=5)
    Posting.objects.create(
        guide=moved, store=make_store(), during=DateRange(date(2020, 1, 1), date(2021, 1, 1))
    )
    Store.objects.filter(pk=store.pk).update(live_since=now - timedelta(days=2))

    for guide in (moved, old_hand):
        assert own(guide, now) is None
        assert not line(signed_in(guide).get(url("today")))

    Store.objects.filter(pk=store.pk).update(live_since=now - timedelta(days=9))
    assert own(old_hand, now).day == 5
    assert own(moved, now) is None
    assert not line(signed_in(moved).get(url("today")))
    assert today - timedelta(days=4) == Posting.objects.get(guide=old_hand).during.lower


def test_without_a_plan_nothing_is_said(store, now):
    guide = come(store, now, days=3)
    step(1, "told", is_active=False)

    assert own(guide, now) is None
    assert not line(signed_in(guide).get(url("today")))
    assert signed_in(guide).get(url("first_days")).status_code == 200


def test_steps_tick_by_what_was_done_since_the_first_day(store, now):
    must = post_news(now)
    steps = [step(2, "delivered", number=2), step(3, "notes"), step(4, "visits"),
             step(5, "enrolled"), step(6, "news", news=must)]  # fmt: skip
    guide, member = come(store, now, days=4), make_member()
    before, since = now - timedelta(days=5), now - timedelta(days=1)

    def talk(kind, at, member=member):
        source = f"{kind}:{at}:{member.pk}"
        Interaction.objects.create(
            member=member, guide=guide, kind=kind, occurred_at=at, source=source
        )

    def counts():
        return [state.count for state in own(guide, now).steps]

    def write(at, **fields):
        MemberNote.objects.create(
            member=member, guide=guide, body_enc=b"x", client_id=uuid.uuid4(), created_at=at,
            **fields,
        )  # fmt: skip

    for at in (before, since):
        talk("message", at)
    talk("visit", before)
    talk("chat_opened", since)
    write(before)
    write(since, withdrawn_at=now)
    open_news(news=must, guide_id=guide.pk, now=now)
    assert counts() == [1, 0, 0, 0, 0]

    talk("message", now)  # the same customer once more
    assert counts()[0] == 1
    talk("message", now, make_member())
    talk("visit", since)
    write(since)
    Member.objects.filter(pk=member.pk).update(enrolling_guide=guide, joined_at=since)
    confirm_news(news=must, guide_id=guide.pk, version=1, now=now)
    assert counts() == [2, 1, 1, 1, 1]
    assert own(guide, now).done == len(steps)
    assert own(guide, now).next is None


def test_what_nothing_can_count_is_ones_own_word_said_once(store, now):
    told, counted = step(1, "told"), step(2, "notes")
    guide = come(store, now, days=3)
    phone = signed_in(guide)
    assert own(guide, now).late == 2

    for _tap in range(2):
        assert phone.post(url("tell_step", told.pk)).status_code == 302

    assert StepTold.objects.count() == 1
    assert phone.post(url("tell_step", counted.pk)).status_code == 404
    found = own(guide, now)
    assert (found.done, found.next.step, found.late) == (1, counted, 1)


def test_a_piece_that_cannot_be_read_is_no_step(store, now, settings):
    hour = timedelta(hours=1)
    shown, read, over, elsewhere = (
        post_news(now, title="看得到"),
        post_news(now, title="读过的"),
        post_news(now, title="结束了"),
        post_news(now, title="别家的", stores=[make_store()]),
    )
    for piece in (shown, read, over, elsewhere):
        step(1, "news", news=piece)
    guide = come(store, now, days=4)
    confirm_news(news=read, guide_id=guide.pk, version=1, now=now)
    ended = {"shown_from": now - 2 * hour, "shown_until": now - hour}
    News.objects.filter(pk__in=[read.pk, over.pk]).update(**ended)

    def pieces():
        return [(state.step.news, state.is_done) for state in own(guide, now).steps]

    assert pieces() == [(shown, False), (read, True)]
    settings.MODULES_OFF = ["news"]
    assert pieces() == [(read, True)]


def test_a_manager_is_told_that_there_is_no_plan(store, now):
    come(store, now, days=3)
    managers = signed_in(make_manager(store, now))

    assert "总部还没有制定新人计划" in managers.get(url("team_newcomers")).content.decode()
    step(1, "told")
    Posting.objects.update(during=DateRange(date(2020, 1, 1), None))
    assert "现在没有新人" in managers.get(url("team_newcomers")).content.decode()


def test_a_manager_sees_who_is_new_in_the_own_store_alone(store, now):
    step(1, "told")
    step(9, "notes")
    mine, other = come(store, now, days=3), come(make_store(), now, days=3)
    Store.objects.update(live_since=now - timedelta(days=400))
    left = come(store, now, days=4)
    guide_leaves(guide=left, now=now, on=clock.business_day(now))
    manager = make_manager(store, now)
    Posting.objects.filter(guide=manager).update(during=DateRange(date(2020, 1, 1), None))
    services.tell_step(step=PlanStep.objects.get(day=1), guide_id=mine.pk, now=now)

    page = signed_in(manager).get(url("team_newcomers")).content.decode()

    assert mine.name in page
    assert "notes 9" in page
    assert other.name not in page
    assert left.name not in page
    assert signed_in(mine).get(url("team_newcomers")).status_code == 403


def test_a_step_about_news_names_the_piece(admin_client, now):
    form = {"day": "2", "title": "读价格规则", "proof": "news", "number": "1", "is_active": "on"}
    add = reverse("admin:newcomers_planstep_add")

    refused = admin_client.post(add, form)
    assert refused.status_code == 200
    assert "读价格规则" in refused.content.decode()
    assert admin_client.post(add, {**form, "news": post_news(now).pk}).status_code == 302
    assert admin_client.post(add, {**form, "proof": "told", "day": "31"}).status_code == 200
    assert PlanStep.objects.count() == 1


@pytest.mark.parametrize("name", ["today", "first_days", "team_newcomers"])
def test_a_page_asks_no_more_when_it_shows_more(name, store, now):
    step(1, "told")
    step(2, "news", news=post_news(now, must_read=False))
    guide, manager = come(store, now, days=3), make_manager(store, now)
    client = signed_in(manager if name == "team_newcomers" else guide)

    def questions():
        client.get(url(name))
        with CaptureQueriesContext(connection) as found:
            assert client.get(url(name)).status_code == 200
        return len(found)

    before = questions()
    for number in range(4):
        step(number + 3, "news", news=post_news(now, must_read=False))
        come(store, now, days=number + 2)

    assert questions() == before
    assert before <= 11
