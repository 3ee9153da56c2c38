"""Groups' events dropped, repeated, reordered and late, codes lost and doubled: one comparison
later groups, who is in them, and codes are what WeCom has."""

import random
from datetime import timedelta

import pytest

from apps.accounts.actor import SYSTEM
from apps.contact_codes import services as codes
from apps.contact_codes.models import ChannelCode
from apps.core import clock
from apps.customer_groups.models import CustomerGroup, GroupMembership
from apps.wecom.client import client_for
from apps.wecom.models import RawCallback
from apps.wecom_sync.services import handle_callbacks, sync_kind
from tests.conftest import WECOM
from tests.factories import outreach as make
from tests.factories.facts import make_guide, make_store
from tests.factories.wecom import pauses_are_over

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

STORMS = {
    "all well": {},
    "half is lost": {"drop_share": 0.5},
    "everything at once": {
        "drop_share": 0.3, "duplicate_share": 0.4, "reorder_share": 0.4, "spread_ms": 150,
        "delay_share": 0.3, "delay_ms": 100,
    },
}  # fmt: skip


@pytest.fixture
def guides(live_server, settings, simulator, corp):
    """Three guides with friends whom we know, and callbacks over HTTP."""
    settings.WECOM_ENDPOINT_SECONDS = 0
    url = live_server.url.replace("localhost", "127.0.0.1")
    keys = {"token": WECOM["WECOM_TOKEN"], "aes_key": WECOM["WECOM_AES_KEY"]}
    address = f"{url}/wecom/callback/contacts/"
    simulator.post("/sim/callback-config", url=address, check=False, **keys)
    found = [make.make_posted_guide(simulator=simulator) for _number in range(3)]
    friends = [[ext for _member, ext in make.make_friends(guide, 3, simulator=simulator)]
               for guide in found]  # fmt: skip
    return list(zip(found, friends, strict=True))


def play(simulator, guides, dice, steps=40):
    """Groups are opened, entered, left, renamed and dissolved, as fast as it goes."""
    chats = []
    for step in range(steps):
        what = dice.choice(["open", "join", "join", "leave", "rename", "dismiss"])
        group = dice.choice(chats) if chats else None
        if what == "open" or group is None:
            guide, friends = dice.choice(guides)
            chat_id = simulator.post(
                "/sim/groups/create", userid=guide.wecom_userid, name=f"群{step}",
                external_userids=friends[: dice.randint(1, 3)],
            )["chat_id"]  # fmt: skip
            chats.append({"chat_id": chat_id, "in": []})
        elif what == "join":
            known = {"chat_id": group["chat_id"], "name": f"路人{step}"}
            group["in"].append(simulator.post("/sim/groups/join", **known)["ident"])
        elif what == "leave" and group["in"]:
            who = group["in"].pop()
            simulator.post("/sim/groups/leave", chat_id=group["chat_id"], external_userid=who)
        elif what == "rename":
            simulator.post("/sim/groups/edit", chat_id=group["chat_id"], name=f"新名{step}")
        elif what == "dismiss" and len(chats) > 2:
            chats.remove(group)
            simulator.post("/sim/groups/dismiss", chat_id=group["chat_id"])


def hear(simulator):
    simulator.post("/sim/callbacks/flush", timeout_s=20)
    for _round in range(4):
        handle_callbacks(now=clock.now())
        RawCallback.objects.filter(status="received").update(not_before=clock.now())


def ours():
    """Living groups as we keep them: name, owner, version and who is in."""
    living = CustomerGroup.objects.living()
    inside = {group.pk: [] for group in living}
    stays = GroupMembership.objects.filter(group__in=living, left_at=None)
    for group_id, ident in stays.values_list("group_id", "wecom_id"):
        inside[group_id].append(ident)
    return {
        group.chat_id: (
            group.name, group.owner_userid, group.member_version, sorted(inside[group.pk])
        )
        for group in living
    }  # fmt: skip


def theirs(simulator):
    return {
        row["chat_id"]: (row["name"], row["owner"], f"v{row['version']}", row["members"])
        for row in simulator.get("/sim/truth?kind=groups")["groups"]
    }


@pytest.mark.parametrize("storm", STORMS)
def test_one_comparison_after_a_storm_groups_are_what_wecom_has(storm, guides, simulator, corp):
    simulator.post("/sim/callbacks/faults", **STORMS[storm])
    play(simulator, guides, random.Random(len(storm)))
    hear(simulator)

    run = sync_kind(corp=corp, kind="groups", now=clock.now())

    assert run.state == "done", run.error
    assert len(theirs(simulator)) > 2
    assert ours() == theirs(simulator)
    again = sync_kind(corp=corp, kind="groups", now=clock.now() + timedelta(seconds=1))
    assert again.drift == 0
    if not STORMS[storm]:
        assert run.drift == 0  # events alone had told everything


def test_codes_lost_deleted_and_doubled_are_one_each_after_a_comparison(simulator, corp):
    """Half of the answers to new codes is lost, another app deletes some and copies one."""
    store, now = make_store(), clock.now()
    kept = []
    for number in range(5):
        guide = make_guide(store, corp=make.CORP)
        make.seed(simulator, guide)
        wanted = codes.Wanted(
            title=f"名片{number}", channel="名片", kind="guide", store_id=store.pk,
            guide_id=guide.pk,
        )  # fmt: skip
        kept.append(codes.create_code(wanted=wanted, corp_id=make.CORP, actor=SYSTEM, now=now))
    path = "externalcontact/add_contact_way"
    simulator.post("/sim/faults", path=path, drop_connection=True, after_effect=True, times=2)
    simulator.post("/sim/faults", path=path, http_status=500, times=2)
    moment = push_until_made(now)

    client = client_for()
    gone, copied = (ChannelCode.objects.get(pk=code.pk) for code in kept[:2])
    client.delete_contact_way(config_id=gone.config_id)
    client.add_contact_way(userid=copied.pushed_users[0], state=copied.state)
    moment += timedelta(minutes=10)
    sync_kind(corp=corp, kind="contact_ways", now=moment)
    push_until_made(moment)

    rows = ChannelCode.objects.values_list("config_id", "state")
    ways = simulator.get("/sim/truth?kind=ways")["ways"]
    assert sorted(rows) == sorted((way["config_id"], way["state"]) for way in ways)
    assert len(ways) == 5
    again = sync_kind(corp=corp, kind="contact_ways", now=moment + timedelta(hours=2))
    assert again.drift == 0


def push_until_made(now):
    """As beat rings it, minute after minute; returns the last moment."""
    for minute in range(0, 60, 2):
        pauses_are_over()
        moment = now + timedelta(minutes=minute)
        codes.push_codes(now=moment)
        if not ChannelCode.objects.exclude(status=ChannelCode.Status.MADE).exists():
            break
    return moment
