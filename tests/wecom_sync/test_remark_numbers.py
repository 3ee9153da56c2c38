"""A number that a guide writes into a remark: told by an event or not, nothing rests on it."""

import pytest

from apps.core import clock
from apps.members.models import FollowRelation, MemberIdentity
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks, sync_kind
from tests.conftest import WECOM, wait_for
from tests.factories import outreach as make

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("told", [False, True])
def test_a_changed_remark_number_changes_nobody_whether_it_is_told_or_not(
    told, live_server, settings, simulator, corp, guide
):
    settings.WECOM_ENDPOINT_SECONDS = 0
    [(member, external)] = make.make_friends(guide, 1, simulator=simulator)
    url = live_server.url.replace("localhost", "127.0.0.1")
    address = f"{url}/wecom/callback/contacts/"
    keys = {"token": WECOM["WECOM_TOKEN"], "aes_key": WECOM["WECOM_AES_KEY"]}
    simulator.post("/sim/callback-config", url=address, check=False, **keys)
    simulator.post("/sim/switches", mobile_edits_told=told)
    before = list(MemberIdentity.objects.order_by("pk").values_list("pk", "member_id"))

    simulator.post(
        "/sim/follows/edit", userid=guide.wecom_userid, external_userid=external,
        remark_mobiles=["19900000001"],
    )  # fmt: skip
    simulator.post("/sim/callbacks/flush")
    if told:
        wait_for(RawCallback.objects.exists)
    handle_callbacks(now=clock.now())

    assert RawCallback.objects.count() == int(told)
    assert sync_kind(corp=corp, kind="contacts", now=clock.now()).drift == 0
    assert list(MemberIdentity.objects.order_by("pk").values_list("pk", "member_id")) == before
    assert FollowRelation.objects.current().get().member == member
