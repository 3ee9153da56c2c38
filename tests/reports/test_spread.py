"""导购差距: quartiles of guides by tenure, of the actor's stores alone."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from psycopg.types.range import DateRange

from apps.accounts.actor import SYSTEM, Actor
from apps.core import clock
from apps.guide_tasks.models import TaskTarget
from apps.reports.spread import MONTHS, spread
from apps.stores.models import Posting
from apps.stores.services import guide_leaves
from tests.factories.tasks import hand_out, make_team, members_of
from tests.hq.conftest import admin_client

__all__ = ["admin_client"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def now(fixed_clock):
    cache.clear()
    return fixed_clock


def done(guide, number, now):
    """So many of the guide's targets are delivered and done in time."""
    for target in TaskTarget.objects.filter(guide=guide).order_by("pk")[:number]:
        target.state, target.done_at, target.contact_grade = "done", now, 3
        target.save()


def came(guide, days, now):
    begun = clock.business_day(now) - timedelta(days=days)
    Posting.objects.filter(guide=guide).update(during=DateRange(begun, None))


def test_quartiles_are_of_guides_by_the_months_they_are_there(now):
    team = make_team(now, guides=4, friends=4)
    hand_out(members_of(team), now)
    for number, (guide, _members) in enumerate(team[:3]):
        done(guide, (0, 2, 4)[number], now)
        came(guide, 3000, now)
    newcomer = team[3][0]
    came(newcomer, 3, now)
    done(newcomer, 1, now)

    found = spread(actor=SYSTEM, now=now)

    latest = found[0]
    assert latest.month == clock.business_day(now).replace(day=1)
    new, old = latest.rows
    assert (new.guides, new.customers, new.completion) == (1, [1] * 3, [0.25] * 3)
    assert (old.guides, old.customers) == (3, [1, 2, 3])
    assert old.completion == [0.25, 0.5, 0.75]
    assert old.gap == 0.5
    # nobody was new in the months before, and nothing was due then
    assert len(found) == MONTHS
    assert [(row.guides, row.customers, row.gap) for row in found[1].rows] == [(3, [0] * 3, None)]


def test_what_is_not_applicable_or_late_is_told_apart(now):
    team = make_team(now, guides=1, friends=4)
    hand_out(members_of(team), now)
    guide = team[0][0]
    came(guide, 3000, now)
    done(guide, 3, now)
    first, second, *_rest = TaskTarget.objects.filter(guide=guide).order_by("pk")
    TaskTarget.objects.filter(pk=first.pk).update(done_at=first.due_at + timedelta(hours=1))
    TaskTarget.objects.filter(pk=second.pk).update(
        state="not_applicable", done_at=None, excuse_reason="other", contact_grade=0
    )

    (row,) = spread(actor=SYSTEM, now=now)[0].rows

    assert row.customers == [2] * 3
    assert row.completion == [pytest.approx(1 / 3)] * 3


def test_only_who_works_in_the_actors_stores_counts(now):
    here, there = make_team(now, guides=2, friends=1), make_team(now, guides=1, friends=1)
    gone = here[1][0]
    guide_leaves(guide=gone, now=now, on=clock.business_day(now))
    store = Posting.objects.get(guide=here[0][0]).store
    manager = Actor(store_ids=frozenset({store.pk}), on=clock.business_day(now))

    def guides(actor):
        return sum(row.guides for row in spread(actor=actor, now=now)[0].rows)

    assert guides(manager) == 1
    assert guides(SYSTEM) == 2
    assert there


def test_the_page_asks_no_more_when_there_is_more(now, admin_client):
    def questions():
        cache.clear()
        with CaptureQueriesContext(connection) as found:
            page = admin_client.get(reverse("hq:spread"))
        assert page.status_code == 200
        return len(found), page.content.decode()

    make_team(now, guides=1, friends=1)
    questions()  # the first page of all asks what stays the same
    before, _page = questions()
    hand_out(members_of(make_team(now, guides=5, friends=2)), now)
    after, page = questions()

    assert after == before
    assert after <= 12
    assert "一年以上" in page
