"""Looks of the demo: guides of the tour's store put pieces together and send them to customers.

Done between the two finished pushes, on a moved clock and with the simulator's phones: what came of
it since is whatever the till says.
"""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.urls import reverse

from apps.accounts.actor import Actor
from apps.core import clock
from apps.core.errors import DomainError
from apps.guide_tasks.services import take_clicks
from apps.hq.demo.catalogue import STYLES, sku_of
from apps.hq.demo.phones import Phones
from apps.looks.models import Look, LookSend
from apps.looks.services import copy_look, make_look, send_look
from apps.members.models import Member, ServingPeriod
from apps.orders.models import Product
from apps.outreach.models import DispatchRecipient, TrackedLink
from apps.outreach.services.handover import send_queued
from apps.outreach.services.links import record_click
from apps.profiles.models import MemberProfile
from apps.stores.models import Guide
from apps.stores.selectors import actor_for
from apps.stores.services import user_of_guide
from apps.wecom_sync.services.results import poll_results

_SEED = 20_261_126
_DAYS_AGO = 18
# to how many customers a look goes, and among how many of the guide's they are found
_SENT, _ASKED = 5, 30
_TAPS_SHARE = 0.6


@dataclass(frozen=True)
class _Wanted:
    """`place`: which guide of the store."""

    place: int
    title: str
    words: str
    names: tuple[str, ...]
    is_sent: bool = True


_LOOKS = (
    _Wanted(
        1, "通勤一整天", "软底靴配羊毛大衣，站一天也不累。",
        ("羊皮切尔西靴", "羊毛大衣", "半高领毛衣", "阔腿西裤"),
    ),
    _Wanted(
        2, "周末出门", "老爹鞋配牛仔裤，外面随手搭件开衫。",
        ("老爹鞋", "直筒牛仔裤", "针织开衫"),
    ),
    _Wanted(
        3, "见朋友的晚上", "连衣裙配短靴，围巾一搭就能出门。",
        ("针织连衣裙", "方头短靴", "羊绒围巾"), is_sent=False,
    ),
)  # fmt: skip
# the guide of the tour takes this one over
_TAKER, _TAKEN = 1, 2


def day(today: date) -> date:
    """When it happens."""
    return today - timedelta(days=_DAYS_AGO)


def play(guides: list[Guide], *, phones: Phones, today: date) -> int:
    """Returns how many looks there are. The simulator's clock stands wherever this leaves it."""
    dice = random.Random(_SEED)
    morning = clock.day_start(day(today)) + timedelta(hours=10, minutes=40)
    with clock.at(morning):
        looks = put_together(guides, now=morning)
        for look, wanted in zip(looks, _LOOKS, strict=False):
            if wanted.is_sent:
                _send(look, guides[wanted.place], now=morning)
    phones.post("/sim/clock", now=morning.timestamp())
    send_queued(now=morning, limit=_SENT * len(_LOOKS))
    _confirm(phones)
    later = morning + timedelta(minutes=40)
    phones.post("/sim/clock", now=later.timestamp())
    with clock.at(later):
        poll_results(now=later)
    evening = morning + timedelta(hours=9)
    with clock.at(evening):
        _tap(now=evening, dice=dice)
    return len(looks)


def put_together(guides: list[Guide], *, now: datetime) -> list[Look]:
    """Each guide's own, and the one that is taken over."""
    looks = [
        make_look(
            title=wanted.title,
            words=wanted.words,
            product_ids=_pieces(wanted.names),
            actor=_actor(guides[wanted.place], now),
            now=now,
            client_id=_id(wanted.title),
        )
        for wanted in _LOOKS
    ]
    taker = _actor(guides[_TAKER], now)
    return [*looks, copy_look(look=looks[_TAKEN], actor=taker, now=now, client_id=_id("taken"))]


def _id(what: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"demo:look:{what}")


def _actor(guide: Guide, now: datetime) -> Actor:
    return actor_for(user=user_of_guide(guide=guide), now=now)


def _pieces(names: tuple[str, ...]) -> list[int]:
    """Of each style the first colour in a middle size."""
    styles = {style.name: style for style in STYLES}
    chosen = [styles[name] for name in names]
    skus = [sku_of(one, one.colours[0], one.sizes[len(one.sizes) // 2]) for one in chosen]
    found = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))
    return [found[sku] for sku in skus]


def _send(look: Look, guide: Guide, *, now: datetime) -> None:
    """To those who bought last; whom the rules keep from messages now is left out."""
    served = ServingPeriod.objects.current().filter(guide=guide).values("member_id")
    lately = MemberProfile.objects.filter(member_id__in=served, last_order_on__isnull=False)
    latest = lately.order_by("-last_order_on", "member_id").values_list("member_id", flat=True)
    ids = list(latest[:_ASKED])
    people = Member.objects.in_bulk(ids)
    actor, sent = _actor(guide, now), 0
    for member in (people[pk] for pk in ids):
        if sent == _SENT:
            return
        try:
            send_look(
                look=look,
                member=member,
                page_of=_page,
                actor=actor,
                now=now,
                client_id=_id(f"{look.pk}:{member.pk}"),
            )
        except DomainError:
            continue
        sent += 1


def _page(look: Look) -> str:
    return reverse("member_portal:look", args=[look.code])


def _confirm(phones: Phones) -> None:
    """Every message but the last is confirmed."""
    sends = LookSend.objects.exclude(dispatch__msgid="").select_related("dispatch__guide")
    for send in list(sends.order_by("pk"))[:-1]:
        dispatch = send.dispatch
        phones.post("/sim/sends/confirm", userid=dispatch.guide.wecom_userid, msgid=dispatch.msgid)


def _tap(*, now: datetime, dice: random.Random) -> None:
    sends = LookSend.objects.values("dispatch_id")
    codes = dict(TrackedLink.objects.filter(dispatch__in=sends).values_list("dispatch_id", "code"))
    delivered = DispatchRecipient.objects.filter(
        dispatch__in=sends, state=DispatchRecipient.State.DELIVERED
    )
    for dispatch_id, external in delivered.order_by("pk").values_list(
        "dispatch_id", "external_userid"
    ):
        if dispatch_id in codes and dice.random() < _TAPS_SHARE:
            record_click(code=codes[dispatch_id], external_userid=external, now=now)
    take_clicks(now=now)
