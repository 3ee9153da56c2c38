"""What the page says of a push before it is handed out: the day it counts for, and every group."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.core import clock
from apps.guide_tasks import selectors
from apps.stores.models import DayOff, Guide, Posting, Store
from tests.factories.facts import make_guide, make_store
from tests.factories.groups import make_group
from tests.factories.outreach import CORP
from tests.hq.test_item_pushes import fields

pytestmark = pytest.mark.django_db


def look(client, kind, **form):
    return client.post(reverse("hq:item_push_new", args=[kind]), form).context["ahead"]


def test_guides_are_counted_for_the_day_on_which_the_hand_out_hours_begin(
    operator_client, fixed_clock
):
    store = make_store()
    here, away = (make_guide(store, corp=CORP) for _one in range(2))
    today = clock.business_day(fixed_clock)
    DayOff.objects.create(guide=away, day=today)
    assert look(operator_client, "moments", **fields(fixed_clock)) == 1

    DayOff.objects.create(guide=here, day=today)
    local = fixed_clock.astimezone(clock.chain_tz())
    over = {
        "hand_out_from": f"{local - timedelta(hours=2):%H:%M}",
        "hand_out_until": f"{local - timedelta(hours=1):%H:%M}",
    }
    assert look(operator_client, "moments", **fields(fixed_clock, **over)) == 2


def test_every_group_of_the_places_is_in_one_of_the_three_numbers(fixed_clock):
    store, later, elsewhere = (make_store() for _one in range(3))
    Store.objects.filter(pk=later.pk).update(live_since=None)
    posted, gone, left, early = (
        make_guide(place, corp=CORP) for place in (store, store, store, later)
    )
    for owner in (posted, gone, left):
        make_group(owner, store, fixed_clock)
    make_group(posted, store, fixed_clock, standing=1)
    make_group(posted, store, fixed_clock, dismissed_at=fixed_clock)
    make_group(early, later, fixed_clock)
    make_group(make_guide(elsewhere, corp=CORP), elsewhere, fixed_clock)
    Guide.objects.filter(pk=gone.pk).update(status="left", left_at=fixed_clock)
    Posting.objects.filter(guide=left).delete()

    ahead = selectors.group_send_ahead(
        region_ids=[], store_ids=[store.pk, later.pk], at=fixed_clock
    )
    assert (ahead.owners, ahead.groups, ahead.full, ahead.ownerless) == (1, 1, 0, 4)
    chain = selectors.group_send_ahead(region_ids=[], store_ids=[], at=fixed_clock)
    assert (chain.groups, chain.ownerless) == (2, 4)
