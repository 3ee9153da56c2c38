"""Buyers of the last weeks who become WeCom friends at the till, as 成交加微率 counts them.

They are no friends when the demo begins. Each is told to both sides only after the pushes before
that purchase: who is no friend yet gets no message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.hq.demo.history import Purchase
from apps.hq.demo.members import Person, customer_of
from apps.hq.demo.phones import Phones
from apps.members.models import MemberIdentity
from apps.members.services import FollowRow, MemberRow, resolve_members, start_follows
from apps.stores.models import Guide

_LATELY = timedelta(days=32)
_EVERY, _WON = 5, 3  # of five who buy as nobody's friend three are asked and say yes
# shortly after the last sale of the day
_HOUR, _MINUTES = timedelta(hours=21, minutes=35), 20


@dataclass(frozen=True)
class Won:
    person: Person
    guide: Guide
    since: datetime


def who_is_won(
    people: Sequence[Person], purchases: Sequence[Purchase], *, today: date
) -> list[Won]:
    """In the order in which they are; each by the first purchase of these weeks."""
    first: dict[int, date] = {}
    for purchase in purchases:
        if purchase.on >= today - _LATELY:
            first.setdefault(purchase.buyer, purchase.on)
    found = []
    for number, on in first.items():
        person = people[number]
        if person.guide is None or person.is_friend or number % _EVERY >= _WON:
            continue
        since = clock.day_start(on) + _HOUR + timedelta(minutes=number % _MINUTES)
        found.append(Won(person, person.guide, since))
    return sorted(found, key=lambda one: one.since)


def befriend(won: list[Won], *, until: date, phones: Phones) -> int:
    """Let those who were won before this day be friends, in WeCom and here; returns how many."""
    moment = clock.day_start(until)
    due = [one for one in won if one.since < moment]
    won[:] = won[len(due) :]
    if not due:
        return 0
    seen = [customer_of(one.person, one.guide, one.since) for one in due]
    phones.post("/sim/seed", departments=[], users=[], customers=seen)
    kind = MemberIdentity.Kind
    with clock.at(moment):
        resolve_members(
            rows=[
                MemberRow(
                    identities=[
                        (kind.MEMBER_NO, "", one.person.member_no),
                        (kind.EXTERNAL_USERID, one.guide.corp_id, one.person.external_userid),
                    ]
                )
                for one in due
            ],
            now=moment,
            source="wecom",
            actor=SYSTEM,
        )
        start_follows(
            rows=[
                FollowRow(
                    one.guide.corp_id,
                    one.guide.pk,
                    one.person.member_id,
                    one.person.external_userid,
                    one.since,
                    f"store_{one.person.store}",
                    1,
                )
                for one in due
            ],
            now=moment,
        )
    return len(due)
