"""Cards in a guide's WeCom: queued with the work, sent by a job. Repeating one is harmless."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext

from apps.core import lease, outbox
from apps.core.bites import delete_in_bites
from apps.core.outbox import Patience, fate_of
from apps.core.wake import wake
from apps.outreach.models import GuideNotice
from apps.outreach.services import buttons, card_gap
from apps.stores.models import Guide
from apps.wecom.client import NOTICE_MAX_USERS
from apps.wecom.errors import WeComError, plain_reason
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import TextCard

NOTICE_JOB = "outreach.send_notices"
LEASE_SECONDS = 300
BATCH = 100
PATIENCE = Patience(first=timedelta(seconds=10), most=timedelta(minutes=10), tries=6)
KEEP_DAYS = 90
# a card that stands for several names so many of them, and leads where all of them stand
NAMED, NAMED_CHARACTERS = 4, 30
MESSAGES_PATH = "/g/me/messages/"

State = GuideNotice.State

# one card per guide and source: repeating the hand-out queues nothing twice
_QUEUE = """
INSERT INTO outreach_guidenotice
    (guide_id, source, title, body, path, state, not_before, attempts, reason, with_button, at_once)
SELECT guide_id, source, title, body, path, 'queued', not_before, 0, '', %s, %s
FROM ({cards}) AS given (guide_id, source, title, body, path, not_before)
-- outside the rollout nobody hears of anything; asked once where every store is live
WHERE NOT (EXISTS (SELECT FROM stores_store WHERE live_since IS NULL) AND EXISTS (
    SELECT FROM stores_posting AS posting
    JOIN stores_store AS store ON store.id = posting.store_id AND store.live_since IS NULL
    WHERE posting.guide_id = given.guide_id
        AND posting.during @> (given.not_before AT TIME ZONE %s)::date))
ON CONFLICT (guide_id, source) DO NOTHING
"""
_GIVEN = """
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::timestamptz[])
"""


class GuideCard(NamedTuple):
    """One card: shows on a lock screen, so counts and times, never a customer's name."""

    guide_id: int
    source: str
    title: str
    body: str
    path: str
    not_before: datetime


@transaction.atomic
def queue_guide_notices(
    *,
    source: str,
    rows: Sequence[tuple[int, str, str, str]],
    not_before: datetime | None = None,
    at_once: bool = False,
    now: datetime,
) -> int:
    """Queue one card per guide: rows of (guide_id, title, text, path of the page). Safe to repeat.

    Cards show on lock screens: counts and times, never a customer's name. What somebody waits for
    rings `at_once`, whatever rang before it. Returns how many are new.
    """
    start = not_before or now
    return queue_cards(
        cards=[
            GuideCard(guide_id, source, title, body, path, start)
            for guide_id, title, body, path in rows
        ],
        at_once=at_once,
    )


@transaction.atomic
def queue_cards(
    *, cards: Sequence[GuideCard], with_button: bool = False, at_once: bool = False
) -> int:
    """Queue cards that each have a source and a moment of their own; one statement. Safe to repeat.

    On a card with a button the guide can say that they know; it rings at once, as it asks for an
    answer. Returns how many are new.
    """
    if not cards:
        return 0
    columns = [list(column) for column in zip(*cards, strict=True)]
    return queue_cards_from_select(
        select=_GIVEN, params=columns, with_button=with_button, at_once=at_once
    )


@transaction.atomic
def queue_cards_from_select(
    *, select: str, params: Sequence[Any], with_button: bool = False, at_once: bool = False
) -> int:
    """Queue the cards of a SELECT of guide_id, source, title, body, path, not_before; one
    statement. Safe to repeat.

    Returns how many are new.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _QUEUE.format(cards=select),
            [with_button, with_button or at_once, *params, settings.CHAIN_TIME_ZONE],
        )
        queued = cursor.rowcount
    if queued:
        wake(NOTICE_JOB)
    return queued


def send_notices(*, now: datetime, limit: int = 1_000) -> int:
    """Send due cards, equal ones to many guides in one call; return how many went out."""
    run, sent = Round(now), 0
    card_gap.hold_back(at=now)
    for token, ids in outbox.batches(
        _due,
        clock=run.moment,
        seconds=LEASE_SECONDS,
        batch=BATCH,
        limit=limit,
    ):
        _drop(ids, token)
        rows = GuideNotice.objects.filter(pk__in=ids, state=State.QUEUED).select_related("guide")
        rest, together = _together(rows)
        for group in together:
            with outbox.alone("notices_failed", notice_id=group[0].pk):
                sent += _send(group, token, run, several=True)
        for _, alike in groupby(sorted(rest, key=_card), key=_card):
            for group in _each_guide_once(alike):
                with outbox.alone("notices_failed", notice_id=group[0].pk):
                    sent += _send(group[:NOTICE_MAX_USERS], token, run)
    return sent


def _due(at: datetime) -> QuerySet[GuideNotice]:
    return card_gap.may_ring(GuideNotice.objects.filter(state=State.QUEUED).due(at), at)


def _together(
    rows: Iterable[GuideNotice],
) -> tuple[list[GuideNotice], list[list[GuideNotice]]]:
    """The cards that go out as they are, and those of one guide that ring once, as one card."""
    alone, by_guide = [], defaultdict(list)
    for row in rows:
        if card_gap.gap() and not row.at_once:
            by_guide[row.guide_id].append(row)
        else:
            alone.append(row)
    together = [sorted(mine, key=_place) for mine in by_guide.values() if len(mine) > 1]
    alone += [mine[0] for mine in by_guide.values() if len(mine) == 1]
    return alone, together


def _place(notice: GuideNotice) -> tuple[datetime, int]:
    return notice.not_before, notice.pk


def _as_one(notices: Sequence[GuideNotice]) -> tuple[str, str, str]:
    """Title, text and page of the card that stands for several; each of them stands on that
    page."""
    title = gettext("%(n)s things for you") % {"n": len(notices)}
    lines = [notice.title[:NAMED_CHARACTERS] for notice in notices[:NAMED]]
    if len(notices) > NAMED:
        lines.append(gettext("and %(n)s more of them") % {"n": len(notices) - NAMED})
    return title, "\n".join(lines), MESSAGES_PATH


def _drop(ids: Sequence[int], token: UUID) -> None:
    """Cards of those who have left since reach nobody, and nobody has to look into that."""
    left = GuideNotice.objects.filter(pk__in=ids, guide__status=Guide.Status.LEFT)
    lease.release(left, token=token, state=State.DROPPED)


def _each_guide_once(alike: Iterable[GuideNotice]) -> list[list[GuideNotice]]:
    """One card of WeCom's is one for each guide: a second equal one is a card of its own."""
    groups: list[list[GuideNotice]] = []
    before: Counter[int] = Counter()
    for notice in alike:
        place = before[notice.guide_id]
        before[notice.guide_id] += 1
        if place == len(groups):
            groups.append([])
        groups[place].append(notice)
    return groups


def door_of(path: str, corp_id: str) -> str:
    """The address outside that leads a guide of this corp to a guide page.

    By way of the sign-in, also for a phone with a session: that corp's WeCom says whose tap this
    is, and on a store's phone it may be a colleague's.
    """
    sign_in = reverse("guide_portal:sign_in")
    query = urlencode({"corp": corp_id, "next": path})
    return f"{settings.PUBLIC_BASE_URL}{sign_in}?{query}"


def _card(notice: GuideNotice) -> tuple[str, str, str, str, bool, str]:
    shown = notice.guide.corp_id, notice.title, notice.body, notice.path
    # one that was called for before keeps its card's id: WeCom shows the same card once
    return *shown, notice.with_button, notice.task_id


def _send(notices: list[GuideNotice], token: UUID, run: Round, *, several: bool = False) -> int:
    """One call for equal cards of many guides, or for `several` cards of one."""
    first = notices[0]
    shown = _as_one(notices) if several else (first.title, first.body, first.path)
    title, body, path = shown
    url = door_of(path, first.guide.corp_id)
    userids = dict.fromkeys(notice.guide.wecom_userid for notice in notices)
    try:
        client = run.client(first.guide.corp_id)
        if first.with_button and buttons.may_have_buttons(first.guide.corp_id):
            answer = buttons.send(notices, token, client, url=url)
        else:
            answer = client.send_notice(
                userids=list(userids),
                card=TextCard(title, body, url),
            )
    except WeComError as error:
        _note_failure(notices, token, error, run.moment())
        return 0
    missing = {notice.pk for notice in notices if notice.guide.wecom_userid in answer.invalid}
    return _note_sent(notices, token, missing, run.moment())


@transaction.atomic
def _note_sent(notices: list[GuideNotice], token: UUID, missing: set[int], at: datetime) -> int:
    rows = GuideNotice.objects.filter(pk__in=[row.pk for row in notices])
    reason = gettext("WeCom does not know this guide")
    lease.release(rows.filter(pk__in=missing), token=token, state=State.FAILED, reason=reason)
    return lease.release(rows, token=token, state=State.SENT, sent_at=at, reason="")


@transaction.atomic
def _note_failure(notices: list[GuideNotice], token: UUID, error: WeComError, at: datetime) -> None:
    """A card that arrives twice does no harm, so an open outcome is simply tried again."""
    reason, tries = plain_reason(error), attrgetter("attempts")
    for failed, alike in groupby(sorted(notices, key=tries), key=tries):
        fate = fate_of(error, failed=failed, patience=PATIENCE, at=at, harmless=True)
        state = State.FAILED if fate.over else State.QUEUED
        rows = GuideNotice.objects.filter(pk__in=[row.pk for row in alike])
        lease.release(rows, token=token, state=state, reason=reason, **fate.again)


def forget_old_notices(*, now: datetime) -> int:
    """Delete cards older than KEEP_DAYS that went out or never will; returns how many went."""
    over = GuideNotice.objects.exclude(state=State.QUEUED)
    return delete_in_bites(over.filter(created_at__lt=now - timedelta(days=KEEP_DAYS)))
