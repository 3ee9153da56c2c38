"""What the demo's guides talked about with their customers in the last week, as WeCom counted it.

Nobody types those chats: WeCom tells the product figures of a day and never a word, so the figures
are what the simulator is given.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db.models import Count

from apps.core import clock
from apps.hq.demo.chain import Chain
from apps.hq.demo.phones import Phones
from apps.members.models import FollowRelation

_SEED = 20_261_125
_DAYS = 7
# of so many friends one writes on a day; two of seven days are off
_FRIENDS_FOR_ONE, _MOST = 3, 9
_DAYS_OFF = 2
# this guide of the tour's store leaves customers waiting
_SLOW = ("sh01", 3)
_ANSWERED, _ANSWERED_SLOWLY = (78, 100), (30, 52)
_MINUTES, _MINUTES_SLOWLY = (2, 25), (50, 180)

Figures = dict[str, int]


def talk(chain: Chain, *, phones: Phones, now: datetime) -> int:
    """Tell the simulator the figures of the week before today; returns of how many guides."""
    dice = random.Random(_SEED)
    rows = FollowRelation.objects.current().order_by().values_list("guide_id")
    friends = dict(rows.annotate(n=Count("pk")))
    told = 0
    for code, guides in sorted(chain.guides_of.items()):
        for place, guide in enumerate(guides):
            week = days_of(
                friends.get(guide.pk, 0),
                today=clock.business_day(now),
                slow=(code, place) == _SLOW,
                dice=dice,
            )
            for day, figures in week:
                phones.post(
                    "/sim/behavior", userid=guide.wecom_userid, day=day.isoformat(), **figures
                )
            told += 1
    return told


def days_of(
    friends: int, *, today: date, slow: bool, dice: random.Random
) -> Iterator[tuple[date, Figures]]:
    """A guide's week. On a day without a chat WeCom tells no share and no time."""
    off = dice.sample(range(1, _DAYS + 1), _DAYS_OFF)
    most = min(friends // _FRIENDS_FOR_ONE, _MOST)
    for days_ago in range(_DAYS, 0, -1):
        chats = dice.randint(1, most) if most and days_ago not in off else 0
        figures = {
            "chat_cnt": chats,
            "message_cnt": sum(dice.randint(2, 6) for _chat in range(chats)),
            "new_apply_cnt": dice.randint(0, 2) if chats else 0,
        }
        if chats:
            figures["reply_percentage"] = dice.randint(*(_ANSWERED_SLOWLY if slow else _ANSWERED))
            figures["avg_reply_time"] = dice.randint(*(_MINUTES_SLOWLY if slow else _MINUTES))
        yield today - timedelta(days=days_ago), figures
