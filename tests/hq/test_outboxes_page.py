"""One page counts every box of what is to happen outside; its questions do not grow with it."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core.models import Outgoing
from apps.hq.outboxes import BOXES, box_rows
from apps.outreach.models import GuideNotice
from tests.factories.facts import make_guide, make_store

HOUR = timedelta(hours=1)


@pytest.fixture
def guide(db):
    return make_guide(make_store())


def notice(guide, now, number, *, state="queued", ahead=timedelta()):
    GuideNotice.objects.create(
        guide=guide,
        title="3 位待联系",
        body="今天 20:00 前",
        path="/g/",
        state=state,
        not_before=now + ahead,
        source=f"test:{number}",
        created_at=now,
    )


def of_notices(now):
    title = GuideNotice._meta.verbose_name_plural
    return next(row for row in box_rows(now=now) if row.title == title)


def test_every_outbox_stands_on_the_page():
    outgoing = {model for model in apps.get_models() if issubclass(model, Outgoing)}
    assert outgoing <= {box.model for box in BOXES}


def test_what_is_due_what_waits_and_what_did_not_go_are_told_apart(guide, fixed_clock):
    now = fixed_clock
    notice(guide, now, 1, ahead=-3 * HOUR)
    notice(guide, now, 2, ahead=-HOUR)
    notice(guide, now, 3, ahead=HOUR)
    notice(guide, now, 4, state="failed")
    notice(guide, now, 5, state="sent")

    row = of_notices(now)
    assert (row.due, row.later, row.failed, row.unknown) == (2, 1, 1, 0)
    assert row.oldest == now - 3 * HOUR


def test_the_page_links_each_box_and_asks_as_often_for_many_rows(admin_client, guide, fixed_clock):
    address = reverse("hq:outboxes")
    assert (
        reverse("admin:outreach_dispatch_changelist") in admin_client.get(address).content.decode()
    )
    with CaptureQueriesContext(connection) as few:
        admin_client.get(address)
    for number in range(20):
        notice(guide, fixed_clock, number, ahead=-HOUR)

    with CaptureQueriesContext(connection) as many:
        page = admin_client.get(address)

    assert "有 20 件事到点待执行" in page.content.decode()
    assert len(many) == len(few)
