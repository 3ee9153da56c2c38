"""A batch of events: guides are known, customers looked at, then one transaction for a whole set.
An event that cannot be read is found by halving, and waits alone."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from apps.core import faults
from apps.wecom import services as wecom
from apps.wecom.client import WeComClient
from apps.wecom.errors import CallbackLeaseLost, NotNow
from apps.wecom.models import Corp, RawCallback
from apps.wecom_sync.handlers import happened
from apps.wecom_sync.services.friends import taking
from apps.wecom_sync.services.friends.looking import look_at
from apps.wecom_sync.services.friends.taking import Heard

log = structlog.get_logger(__name__)


def read_friends(
    *,
    rows: Sequence[RawCallback],
    token: UUID,
    client_of: Callable[[Corp], WeComClient],
    now: datetime,
) -> int:
    """Interpret events of friends that are held under `token`; return how many were closed."""
    corps: dict[Corp, list[RawCallback]] = {}
    for row in rows:
        corps.setdefault(row.endpoint.corp, []).append(row)
    return sum(
        _Reading(corp, token, now).read(rows_of, client_of) for corp, rows_of in corps.items()
    )


class _Reading:
    """The events of one corp in one batch."""

    def __init__(self, corp: Corp, token: UUID, now: datetime) -> None:
        self.corp_id, self.token, self.now = corp.corp_id, token, now
        self.corp = corp
        self.rows: dict[int, RawCallback] = {}

    def read(self, rows: Sequence[RawCallback], client_of: Callable[[Corp], WeComClient]) -> int:
        self.rows = {row.pk: row for row in rows}
        events = {row.pk: happened(row) for row in rows}
        guides = taking.guides_of(
            corp_id=self.corp_id, userids={one.userid for one in events.values()}, now=self.now
        )
        strange = {pk: guides[one.userid][1] for pk, one in events.items()}
        closed = self._close({pk: because for pk, because in strange.items() if because})
        ours = {pk: event for pk, event in events.items() if not strange[pk]}
        asked = [one.external_userid for one in ours.values() if one.change in taking.BEGINS]
        looked = look_at(lambda: client_of(self.corp), list(dict.fromkeys(asked)))
        heard, waiting = [], []
        for pk, event in ours.items():
            guide, found = guides[event.userid][0], looked.get(event.external_userid)
            if isinstance(found, NotNow) and event.change in taking.BEGINS:
                waiting.append((pk, found))
            elif isinstance(found, Exception) and event.change in taking.BEGINS:
                self._fail(pk, found)
            elif guide is not None:
                detail = None if isinstance(found, Exception) else found
                heard.append(Heard(pk, event, guide, detail))
        if waiting:
            wecom.put_off([pk for pk, _error in waiting], self.token, waiting[-1][1])
        return closed + sum(self._take(together) for together in _sets(heard))

    def _close(self, notes: dict[int, str]) -> int:
        """These are none of our business."""
        if not notes:
            return 0
        try:
            with transaction.atomic():
                wecom.finish_all(notes, self.token)
        except CallbackLeaseLost:
            return 0  # whoever holds one of them now closes it, and finds the others later
        return len(notes)

    def _take(self, heard: Sequence[Heard]) -> int:
        """One transaction; if it cannot be, its halves."""
        try:
            with transaction.atomic():
                notes = taking.take(corp_id=self.corp_id, heard=heard, now=self.now)
                faults.point("callbacks.taken")
                wecom.finish_all(notes, self.token)
        except Exception as error:  # a bad event must not stop the good ones beside it
            if len(heard) > 1:
                half = len(heard) // 2
                return self._take(heard[:half]) + self._take(heard[half:])
            self._fail(heard[0].row_id, error)
            return 0
        return len(heard)

    def _fail(self, row_id: int, error: Exception) -> None:
        if isinstance(error, CallbackLeaseLost):
            return
        log.warning("callback_failed", callback_id=row_id, error=type(error).__name__)
        wecom.fail(self.rows[row_id], self.token, error)


def _sets(heard: Iterable[Heard]) -> list[list[Heard]]:
    """In order, each customer once in a set; whom WeCom does not show yet is looked for alone."""
    sets: list[list[Heard]] = []
    seen: dict[str, int] = {}
    alone = []
    for one in heard:
        if one.begins and one.follow is None:
            alone.append([one])
            continue
        place = seen.get(one.event.external_userid, 0)
        seen[one.event.external_userid] = place + 1
        if place == len(sets):
            sets.append([])
        sets[place].append(one)
    return sets + alone
