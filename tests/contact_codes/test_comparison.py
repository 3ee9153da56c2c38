"""The nightly comparison: codes that vanished come back, doubles of lost answers go."""

from datetime import timedelta

import pytest

from apps.contact_codes import services as codes
from apps.contact_codes.models import ChannelCode
from apps.core import clock
from apps.wecom.client import client_for
from apps.wecom.models import Corp
from apps.wecom_sync.services import sync_kind
from tests.contact_codes.conftest import made, reread

pytestmark = pytest.mark.django_db


def compared(*, dry=False):
    return sync_kind(corp=Corp.objects.get(), kind="contact_ways", now=clock.now(), dry=dry)


def test_a_code_deleted_in_wecom_is_found_and_made_again(shop):
    code, other = made(shop.store), made(shop.store, channel="官网")
    codes.push_codes(now=clock.now())
    ChannelCode.objects.update(pushed_at=clock.now() - timedelta(hours=1))
    client_for().delete_contact_way(config_id=reread(code).config_id)

    asked = compared(dry=True)
    assert (asked.missing_there, asked.healed, len(shop.ways(code))) == (1, 0, 0)
    run = compared()
    codes.push_codes(now=clock.now())

    assert (run.state, run.missing_there, run.healed) == ("done", 1, 1)
    assert len(shop.ways(code)) == len(shop.ways(other)) == 1
    assert reread(code).status == "made"


def test_the_double_of_a_lost_answer_goes_and_others_codes_stay(shop):
    code = made(shop.store)
    codes.push_codes(now=clock.now())
    userids = [guide.wecom_userid for guide in shop.guides]
    client_for().add_shared_way(userids=userids, state=code.state)
    foreign = client_for().add_contact_way(userid=userids[0], state="join-0123456789abcdef")

    run = compared()

    assert (run.state, run.missing_here, run.healed) == ("done", 1, 1)
    assert [way.config_id for way in shop.ways(code)] == [reread(code).config_id]
    assert client_for().get_contact_way(foreign.config_id).state.startswith("join-")
