"""Customer groups of the demo: opened on phones, joined and left; a code, a welcome, a send.

Everything happens in the simulator on past days, and the product reads it as it reads any group.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.customer_groups import services
from apps.customer_groups.models import CustomerGroup, GroupCode, GroupSend
from apps.guide_tasks import services as guide_tasks
from apps.guide_tasks.models import TaskPush
from apps.hq.demo.chain import Chain
from apps.hq.demo.people import name_of
from apps.hq.demo.phones import Phones
from apps.members.models import FollowRelation
from apps.stores.models import Guide
from apps.wecom.client import WeComClient, client_for
from apps.wecom.models import Corp
from apps.wecom_sync.services import poll_group_sends

_SEED = 20_261_123
_OPENED_DAYS_AGO, _CODE_DAYS_AGO, _SENT_DAYS_AGO = 21, 6, 4
# days on which somebody comes and goes
_BUSY_DAYS = (5, 3, 1)
_AT_FIRST = 12
# whose groups: store, which guide, name
_GROUPS = (
    ("sh01", 1, "新款试穿群"),
    ("sh01", 2, "老客内购群"),
    ("sh02", 1, "周末试穿群"),
    ("hz01", 1, "秋冬新靴群"),
)
_SHOWN = ("sh01", "sh02", "hz01")
_LEFT_BEHIND = "会员福利群"
_WELCOME = "欢迎进群！新款先看、尺码留货、到店试穿，都可以在群里找我。"
_SEND = "周末新靴到店，群里的朋友先试。要哪个尺码回复一声，我给您留着。"


@dataclass(frozen=True)
class _Play:
    """Whom everything here needs."""

    client: WeComClient
    corp: Corp
    phones: Phones
    dice: random.Random

    def go_to(self, moment: datetime) -> None:
        self.phones.post("/sim/clock", now=moment.timestamp())

    def read(self, chat_ids: Sequence[str], moment: datetime) -> None:
        """The product looks at the groups as it does after each event."""
        for chat_id in chat_ids:
            detail = self.client.get_group(chat_id)
            if detail is not None:
                services.mirror_group(corp_id=self.corp.corp_id, detail=detail, read_at=moment)


def play(
    chain: Chain, leavers: Sequence[Guide], *, corp: Corp, phones: Phones, now: datetime
) -> int:
    """Three weeks of groups; returns how many there are. The simulator's clock stands wherever
    this leaves it."""
    to = _Play(client_for(corp), corp, phones, random.Random(_SEED))
    owners = [(chain.guides_of[store][place], name) for store, place, name in _GROUPS]
    owners += [(guide, _LEFT_BEHIND) for guide in leavers]
    friends = {guide.pk: _friends_of(guide) for guide, _name in owners}
    opened = now - timedelta(days=_OPENED_DAYS_AGO)
    to.go_to(opened)
    chats = {_open(to, guide, name, friends[guide.pk]): guide for guide, name in owners}
    to.read(list(chats), opened)
    code = _code_and_welcome(to, chain, now=now - timedelta(days=_CODE_DAYS_AGO))
    # the leavers' groups stand still until somebody takes them over
    lively = {chat_id: guide for chat_id, guide in chats.items() if guide not in leavers}
    for days in _BUSY_DAYS:
        _a_day(to, lively, friends, code, moment=now - timedelta(days=days))
    _send(to, chain, now=now)
    return CustomerGroup.objects.count()


def _friends_of(guide: Guide) -> list[str]:
    rows = FollowRelation.objects.current().filter(guide=guide).order_by("external_userid")
    return list(rows.values_list("external_userid", flat=True))


def _open(to: _Play, guide: Guide, name: str, friends: list[str]) -> str:
    """The first friends are there from the start; they are taken off the list."""
    first = [friends.pop() for _one in range(min(_AT_FIRST, len(friends)))]
    made = to.phones.post(
        "/sim/groups/create", userid=guide.wecom_userid, name=name, external_userids=first
    )
    return str(made["chat_id"])


def _a_day(
    to: _Play,
    chats: dict[str, Guide],
    friends: dict[int, list[str]],
    code: GroupCode,
    *,
    moment: datetime,
) -> None:
    """Some friends are invited, somebody comes by the code, somebody goes."""
    to.go_to(moment)
    for chat_id, guide in chats.items():
        waiting = friends[guide.pk]
        for _one in range(min(to.dice.randint(0, 2), len(waiting))):
            to.phones.post("/sim/groups/join", chat_id=chat_id, external_userid=waiting.pop())
        here = to.client.get_group(chat_id)
        customers = [one.ident for one in here.people if one.is_customer] if here else []
        if len(customers) > 3 and to.dice.random() < 0.4:
            gone = to.dice.choice(customers)
            to.phones.post("/sim/groups/leave", chat_id=chat_id, external_userid=gone)
    for _one in range(to.dice.randint(1, 3)):
        to.phones.post("/sim/groups/join", config_id=code.wecom_id, name=name_of(to.dice, "f"))
    to.read(list(chats), moment)


def _code_and_welcome(to: _Play, chain: Chain, *, now: datetime) -> GroupCode:
    to.go_to(now)
    shown = CustomerGroup.objects.filter(store=chain.stores[_SHOWN[0]]).order_by("pk")
    with clock.at(now):
        code = services.make_code(
            client_id=_id("code"),
            name="收银台入群码",
            groups=list(shown),
            new_groups=True,
            base_name="新款试穿群",
            actor=SYSTEM,
            now=now,
        )
        services.make_welcome(
            client_id=_id("welcome"),
            corp_id=to.corp.corp_id,
            name="试穿群欢迎语",
            text=_WELCOME,
            notify=True,
            actor=SYSTEM,
            now=now,
        )
        services.hand_over_outside(now=now)
    code.refresh_from_db()
    return code


def _id(what: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"demo:group:{what}")


def _send(to: _Play, chain: Chain, *, now: datetime) -> None:
    """Head office has the owners send to their groups; all of them confirm within the hour."""
    day = clock.day_start(clock.business_day(now)) - timedelta(days=_SENT_DAYS_AGO)
    at = day + timedelta(hours=10)
    to.go_to(at)
    with clock.at(at):
        wanted = guide_tasks.WantedItems(
            kind=TaskPush.Kind.GROUP_SEND,
            title="周末新靴到店，群里先试",
            body=_SEND,
            due_at=at + timedelta(days=2, hours=10),
            stores=[chain.stores[code] for code in _SHOWN],
        )
        guide_tasks.create_item_push(wanted=wanted, actor=SYSTEM, now=at, client_id=_id("send"))
        services.hand_over_sends(now=at)
    later = at + timedelta(minutes=40)
    to.go_to(later)
    for send in GroupSend.objects.exclude(msgid="").select_related("guide"):
        to.phones.post("/sim/sends/confirm", userid=send.guide.wecom_userid, msgid=send.msgid)
    with clock.at(later):
        poll_group_sends(now=later)
