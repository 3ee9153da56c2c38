"""Contact codes: WeCom lists their ids by the time they were made, a month at a time.

Ours that are not listed are made again. Listed ones that are not ours are read: one that carries a
state of ours is the double of a lost answer and goes; other rooms' and other apps' are left alone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from apps.contact_codes.services.healing import (
    doubles_among,
    not_listed,
    oldest_in_wecom,
    remake,
)
from apps.wecom.client import NO_CONTACT_WAY
from apps.wecom.errors import Refused
from apps.wecom_sync.services.reconciler.walk import Walk

MONTH = timedelta(days=30)
# strangers are read one by one: so many a run are enough to find doubles of lost answers
READ_MOST = 300


def _months(first: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    start = first
    while start <= now:
        yield start, min(start + MONTH, now + timedelta(minutes=1))
        start += MONTH


def compare(walk: Walk) -> None:
    """Every code we believe WeCom has is there, and no double of it."""
    first = oldest_in_wecom(corp_id=walk.corp.corp_id)
    if first is None:
        return
    listed: set[str] = set()
    for start, end in _months(first - timedelta(days=1), walk.now):
        listed.update(walk.client.list_contact_ways(start=start, end=end))
    with walk.chunk():
        missing = not_listed(corp_id=walk.corp.corp_id, listed=listed, first=first, now=walk.now)
        walk.count(seen=len(listed), missing_there=len(missing))
        for code in missing:
            walk.example("code_gone", title=code.title)
        if not walk.dry and missing:
            walk.count(healed=remake(codes=missing, now=walk.now))
    _sweep_doubles(walk, listed)


def _sweep_doubles(walk: Walk, listed: set[str]) -> None:
    strangers, states = doubles_among(corp_id=walk.corp.corp_id, listed=listed)
    doubles = []
    for config_id in strangers[:READ_MOST]:
        try:
            way = walk.client.get_contact_way(config_id)
        except Refused as error:
            if error.errcode != NO_CONTACT_WAY:
                raise
            continue
        if way.state in states:
            doubles.append(config_id)
    if not walk.dry:
        for config_id in doubles:  # repeating it is harmless
            walk.client.delete_contact_way(config_id=config_id)
    with walk.chunk():
        walk.count(missing_here=len(doubles), healed=0 if walk.dry else len(doubles))
