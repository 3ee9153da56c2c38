"""The demo's members: who they are, where they buy, who serves them, who is a WeCom friend."""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.hq.demo.chain import Chain
from apps.hq.demo.history import Buyer, Purchase
from apps.hq.demo.people import name_of, phone_of
from apps.members.models import Consent, MemberIdentity
from apps.members.services.consents import give_consent, stop_contact
from apps.members.services.identities import ConsentRow, MemberRow, resolve_members
from apps.members.services.relations import set_serving_guide
from apps.stores.models import Guide

_BATCH = 1000
_FRIEND_SHARE = 0.7
_CONSENT_SHARE = 0.86
_STOP_SHARE = 0.015
_NEW_STORE, _CLOSED_STORE = "cd02", "hf01"
# more birthdays these days than chance would bring: every guide's list shows one
_BIRTHDAY_SOON_EVERY, _BIRTHDAY_DAYS, _NO_BIRTHDAY_WISH_EVERY = 20, 4, 7
# the store of the tour, and how many of its guides have somebody on every kind of list
_SHOWN_STORE, _SHOWN_GUIDES = "sh01", 3
_SHOE = {"f": "3536373738383939", "m": "4041424243434444"}
_WEAR = {"f": ("S", "M", "M", "L", "XL"), "m": ("M", "L", "L", "XL", "2XL")}


@dataclass
class Person:
    """One made-up member before and after the product knows them."""

    number: int
    name: str
    gender: str
    store: str
    buyer: Buyer
    joined_at: datetime | None
    known_at: datetime
    consents: bool
    is_friend: bool
    unionid: str
    external_userid: str
    birthday_soon: date | None = None
    shown_by: int = 0
    member_id: int = 0
    guide: Guide | None = None

    @property
    def member_no(self) -> str:
        return self.buyer.member_no


def _letters(dice: random.Random, count: int) -> str:
    return "".join(dice.choices(string.ascii_letters + string.digits, k=count))


def _second_store(dice: random.Random, chain: Chain, home: str) -> str:
    region = chain.stores[home].region_id
    near = [
        code
        for code in chain.open_codes
        if chain.stores[code].region_id == region and code != _NEW_STORE
    ]
    return dice.choice(near)


def invent(
    *,
    count: int,
    first_day: dict[int, date],
    shown: list[int],
    chain: Chain,
    today: date,
    dice: random.Random,
) -> list[Person]:
    """Invent people; the first of them are the buyers of the sample (`first_day` of each).

    Those `shown` are friends of the tour's guides, so that their lists show what rules find; they
    agree to messages lately (`agree_lately`), after the pushes of the past.
    """
    places = {number: place for place, number in enumerate(shown)}
    codes = [code for code in chain.stores if code != _NEW_STORE]
    weights = [chain.weights[code] for code in codes]
    people = []
    for number in range(count):
        gender = "f" if dice.random() < 0.8 else "m"
        first = first_day.get(number)
        home = dice.choices(codes, weights)[0]
        if first is None and dice.random() < 0.04:
            home = _NEW_STORE
        home = _SHOWN_STORE if number in places else home
        person = _person(number, gender, home, first, chain=chain, today=today, dice=dice)
        if number in places:
            person.consents, person.is_friend = False, True
            person.shown_by = 1 + places[number] // 2 % _SHOWN_GUIDES
        people.append(person)
    return people


def _person(
    number: int,
    gender: str,
    home: str,
    first: date | None,
    *,
    chain: Chain,
    today: date,
    dice: random.Random,
) -> Person:
    shoe = dice.randrange(8) * 2
    turn, nobody = divmod(number, _BIRTHDAY_SOON_EVERY)
    second = _second_store(dice, chain, home)
    known_on = first or max(
        today - timedelta(days=dice.randrange(2, 540)), chain.stores[home].opened_on
    )
    known_at = clock.day_start(known_on) + timedelta(hours=9, minutes=dice.randrange(50))
    joined = first is not None or dice.random() < 0.6
    return Person(
        number=number,
        name=name_of(dice, gender),
        gender=gender,
        store=second if home == _CLOSED_STORE and dice.random() < 0.7 else home,
        buyer=Buyer(
            member_no=f"M{100_001 + number}",
            gender=gender,
            shoe_size=_SHOE[gender][shoe : shoe + 2],
            wear_size=dice.choice(_WEAR[gender]),
            # the closed store's sales are history; after its end its members buy next door
            home_store=second if home == _CLOSED_STORE else home,
            second_store=second,
        ),
        joined_at=known_at if joined else None,
        known_at=known_at,
        consents=joined and dice.random() < _CONSENT_SHARE,
        is_friend=dice.random() < _FRIEND_SHARE,
        unionid="o" + _letters(dice, 27),
        external_userid="wm" + _letters(dice, 30),
        birthday_soon=None if nobody else today + timedelta(days=turn % _BIRTHDAY_DAYS),
    )


def _birthday(person: Person, dice: random.Random) -> tuple[int | None, int]:
    """Month (empty: never told) and day."""
    month = dice.randrange(1, 13) if dice.random() < 0.6 else None
    day = dice.randrange(1, 29)
    if person.birthday_soon is not None:
        return person.birthday_soon.month, person.birthday_soon.day
    return month, day


def _row(person: Person, chain: Chain, dice: random.Random) -> MemberRow:
    consents = []
    if person.joined_at is not None:
        purposes = [Consent.Purpose.MEMBERSHIP]
        if person.consents:
            purposes += [Consent.Purpose.WECOM_MARKETING, Consent.Purpose.PROFILING]
            if person.number % _NO_BIRTHDAY_WISH_EVERY:
                purposes.append(Consent.Purpose.BIRTHDAY)
        consents = [ConsentRow(p, "2026-01", "join_page", person.joined_at) for p in purposes]
    kind = MemberIdentity.Kind
    birthday = _birthday(person, dice)
    return MemberRow(
        identities=[
            (kind.MEMBER_NO, "", person.member_no),
            (kind.PHONE, "", phone_of(person.number)),
            (kind.UNIONID, "", person.unionid),
        ],
        name=person.name,
        gender=person.gender,
        birth_month=birthday[0],
        birth_day=birthday[1],
        joined_at=person.joined_at,
        source="join_page" if person.joined_at else "mall",
        home_store_id=chain.stores[person.store].pk,
        level=dice.choices(("", "银卡", "金卡", "黑金卡"), (50, 30, 15, 5))[0],
        consents=consents,
    )


def load_members(people: list[Person], chain: Chain, *, now: datetime, dice: random.Random) -> None:
    """Make the members through the house's own door, and give them their guides."""
    for start in range(0, len(people), _BATCH):
        batch = people[start : start + _BATCH]
        answers = resolve_members(
            rows=[_row(person, chain, dice) for person in batch],
            now=now,
            source="demo",
            actor=SYSTEM,
        )
        for person, answer in zip(batch, answers, strict=True):
            if answer.member_id is None:
                raise RuntimeError(f"demo member {person.number}: {answer.error}")
            person.member_id = answer.member_id
    _serve(people, chain, dice=dice, now=now)
    for person in people:
        asks = person.joined_at is not None and dice.random() < _STOP_SHARE
        if asks and not person.shown_by:
            stop_contact(member_id=person.member_id, source="demo:asked", now=now, actor=SYSTEM)


def _serve(people: list[Person], chain: Chain, *, dice: random.Random, now: datetime) -> None:
    pairs = []
    for person in people:
        guides = chain.guides_of[person.store]
        unserved = dice.random() < 0.02
        if not guides or (unserved and not person.shown_by):
            continue
        # managers serve a few, their guides the rest
        person.guide = dice.choice(guides[1:] * 3 + guides[:1])
        if person.shown_by:
            person.guide = guides[person.shown_by]
        pairs.append((person.member_id, person.guide.pk, chain.stores[person.store].pk))
    set_serving_guide(pairs=pairs, reason="first_assignment", now=now, actor=SYSTEM)


def agree_lately(people: list[Person], *, now: datetime) -> None:
    """Those shown agree to messages: no push of the past has written to them."""
    for person in people:
        if person.shown_by:
            for purpose in (Consent.Purpose.WECOM_MARKETING, Consent.Purpose.PROFILING):
                give_consent(
                    member_id=person.member_id,
                    purpose=purpose,
                    text_version="2026-01",
                    channel="join_page",
                    given_at=now,
                )


def wecom_customers(people: list[Person], chain: Chain, dice: random.Random) -> Iterator[dict]:
    """The friends as WeCom knows them: customers of a guide, linked to members by unionid."""
    for person in people:
        if not person.is_friend or person.guide is None:
            continue
        # a few follow another guide of the store: friend, yet not of the one who serves
        others = chain.guides_of[person.store]
        guide = person.guide if dice.random() < 0.96 else dice.choice(others)
        if person.shown_by:
            guide = person.guide
        since = person.known_at + timedelta(days=dice.randrange(0, 20))
        since = min(since, clock.now() - timedelta(days=30))
        yield customer_of(person, guide, since)


def customer_of(person: Person, guide: Guide, since: datetime) -> dict[str, Any]:
    """One customer of a guide as WeCom knows them."""
    return {
        "external_userid": person.external_userid,
        "name": person.name,
        "gender": 2 if person.gender == "f" else 1,
        "unionid": person.unionid,
        "mobile": phone_of(person.number),
        "follows": [
            {
                "userid": guide.wecom_userid,
                "createtime": int(since.timestamp()),
                "remark": "",
                "state": f"store_{person.store}",
                "add_way": 1,
                "remark_mobiles": [],
            }
        ],
    }


def first_days(purchases: list[Purchase]) -> dict[int, date]:
    """The first purchase day of each buyer; purchases come oldest first."""
    days: dict[int, date] = {}
    for purchase in purchases:
        days.setdefault(purchase.buyer, purchase.on)
    return days
