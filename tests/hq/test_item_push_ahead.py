"""What the page says of a push before it is handed out: the day it counts for."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.core import clock
from apps.stores.models import DayOff
from tests.factories.facts import make_guide, make_store
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
