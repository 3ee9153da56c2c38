"""Who asked to be deleted stays nobody in the groups WeCom still shows; old sends go."""

from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import GroupMembership, GroupSend
from apps.customer_groups.services.erasure import forget_contacts
from apps.members.models import MemberIdentity
from apps.members.services.identities import MemberRow, resolve_members
from apps.wecom.services.rounds import Round
from apps.wecom_sync.services import handle_callbacks

pytestmark = pytest.mark.django_db


def customers(**fields):
    return GroupMembership.objects.filter(is_customer=True, **fields)


def look(guide, chat):
    now = clock.now()
    detail = Round(now).client(guide.corp_id).get_group(chat)
    services.mirror_group(corp_id=guide.corp_id, detail=detail, read_at=now)


@pytest.fixture
def erased(guide, chat, read):
    """The customer of the group asked to be deleted; WeCom goes on showing them. Their WeCom id."""
    read(chat)
    ident = customers().get().wecom_id
    MemberIdentity.objects.filter(kind=MemberIdentity.Kind.EXTERNAL_USERID).delete()
    assert forget_contacts(external_userids=[ident]) == 1
    return ident


def test_an_erased_customer_stays_nameless_however_often_the_group_is_read(guide, chat, erased):
    for _time in range(2):
        look(guide, chat)

    stay = customers().get()
    assert (stay.member_id, stay.left_at) == (None, None)
    assert stay.wecom_id.startswith("erased:")
    assert erased not in stay.wecom_id


def test_that_the_erased_customer_left_is_noted_of_nobody(guide, chat, erased, told, simulator):
    simulator.post("/sim/groups/leave", chat_id=chat, external_userid=erased)
    told(
        "update", chat, UpdateDetail="del_member", MemChangeList=[erased], QuitScene=0,
        LastMemVer="", CurMemVer="v2",
    )  # fmt: skip
    handle_callbacks(now=clock.now())

    stay = customers().get()
    assert stay.left_at is not None
    assert stay.quit_scene == GroupMembership.QuitScene.WENT
    assert stay.wecom_id.startswith("erased:")
    assert not customers(wecom_id=erased).exists()


def test_who_comes_to_us_again_is_known_again(guide, chat, erased, simulator):
    other = simulator.post(
        "/sim/groups/create", userid=guide.wecom_userid, name="另一个群", external_userids=[erased]
    )["chat_id"]  # fmt: skip
    look(guide, other)
    assert not customers(wecom_id=erased).exists()

    simulator.post("/sim/groups/leave", chat_id=other, external_userid=erased)
    look(guide, other)
    now = clock.now()
    kind = str(MemberIdentity.Kind.EXTERNAL_USERID)
    [answer] = resolve_members(
        rows=[MemberRow(identities=[(kind, guide.corp_id, erased)], source="test")],
        now=now, source="test", actor=SYSTEM,
    )  # fmt: skip
    simulator.post("/sim/clock", advance_s=60)
    simulator.post("/sim/groups/join", chat_id=other, external_userid=erased)
    look(guide, other)

    assert customers(wecom_id=erased).get().member_id == answer.member_id


def test_old_sends_go_and_open_ones_stay(guide):
    now = clock.now()
    states = ["closed", "cancelled", "failed", "queued", "unknown", "handed_over"]
    for number, state in enumerate(states):
        GroupSend.objects.create(
            source=f"task_push:{number}", guide=guide, corp_id=guide.corp_id, text="x",
            chat_ids=[], state=state, not_before=now, closes_at=now,
        )  # fmt: skip

    assert services.forget_old_sends(now=now + timedelta(days=360)) == 0
    assert services.forget_old_sends(now=now + timedelta(days=366)) == 3
    left = set(GroupSend.objects.values_list("state", flat=True))
    assert left == {"queued", "unknown", "handed_over"}
