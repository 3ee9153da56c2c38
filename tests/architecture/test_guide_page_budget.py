"""What a guide's page may cost: questions to the database, and script of our own on a cheap phone.

Every address of the written table that a guide or a store manager may GET is asked, so that a new
page has its budget from its first day; and each asks as often where there is more of everything.
"""

import re
from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.capabilities import Role
from tests.architecture.test_view_access import (
    COLUMNS,
    OWN,
    PAGE_ROWS,
    _address,
    _cell,
    _client,
)
from tests.factories.appointments import book_tomorrow
from tests.factories.cases import complain
from tests.factories.coupons import give, make_coupon, tell_points
from tests.factories.items import make_item_push
from tests.factories.looks import put_together
from tests.factories.news import post_news
from tests.factories.outreach import make_friends
from tests.factories.tasks import buy, deliver, hand_out, target_of
from tests.factories.world import make_world, numbers_of

MOST_QUERIES = 12
MOST_SCRIPT = 60 * 1024
# vendored, compressed and cached for a year; WeCom's own SDK comes from WeCom
NOT_OURS = ("django_htmx/",)
# no questions: marks inside a transaction
_MARKS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO", "BEGIN", "COMMIT")

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def pages_of(role, world):
    numbers = numbers_of(world, role)
    for name, verb, cells in PAGE_ROWS:
        if verb == "GET" and name.startswith("guide_portal:"):
            if _cell(cells[COLUMNS.index(role)], OWN) != "ok":
                continue
            yield name, _address(name, world, numbers, OWN)


def own_script(page):
    """Bytes of our own script that this page makes a phone load."""
    total = 0
    for source in set(re.findall(r'<script[^>]* src="/static/([^"]+)"', page)):
        if not source.startswith(NOT_OURS):
            path = finders.find(re.sub(r"\.[0-9a-f]{12}(?=\.js$)", "", source))
            with open(path, "rb") as file:
                total += len(file.read())
    return total


def questions(client, address):
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
        if answer.streaming:
            list(answer.streaming_content)  # a file is read to its end and closed
    assert answer.status_code in (200, 204, 302), address
    return answer, [row["sql"] for row in asked if not row["sql"].startswith(_MARKS)]


def grow(side, now):
    """More of whatever stands on the pages of a store and its guides."""
    for guide, _members in side.team:
        more = [member for member, _external in make_friends(guide, 2)]
        push = hand_out(more, now)
        deliver(target_of(push, more[0]), now)
        book_tomorrow(more[0], guide, now)
        complain(more[1], guide, now)
        for member in more:
            buy(member, side.store, now - timedelta(days=2), now=now)
            tell_points(member, 50, now=now, ends=3)
            give(make_coupon(now), member, now, guide=guide)
        put_together(guide, now)
    make_item_push(now, kind="display", stores=[side.store])
    post_news(now, title="资讯", regions=[side.region])


@pytest.mark.parametrize("role", [Role.GUIDE, Role.STORE_MANAGER])
def test_no_page_of_a_guide_costs_more_than_a_phone_and_a_database_can_pay(
    role, fixed_clock, simulator
):
    cache.clear()
    world = make_world(fixed_clock)
    grow(world.east, fixed_clock)
    client, wrong, counted = _client(world, role), [], {}
    pages = list(pages_of(role, world))
    for name, address in pages:
        questions(client, address)  # a first look may note that it was looked at
        answer, asked = questions(client, address)
        counted[name] = len(asked)
        if len(asked) > MOST_QUERIES:
            wrong.append(f"{name}: {len(asked)} queries")
        if answer.get("Content-Type", "").startswith("text/html"):
            weight = own_script(answer.content.decode())
            if weight > MOST_SCRIPT:
                wrong.append(f"{name}: {weight} bytes of script")
    for _more in range(2):
        grow(world.east, fixed_clock)
    for name, address in pages:
        questions(client, address)
        _answer, asked = questions(client, address)
        if len(asked) > counted[name]:
            wrong.append(f"{name}: {counted[name]} queries, {len(asked)} where there is more")

    assert wrong == []
