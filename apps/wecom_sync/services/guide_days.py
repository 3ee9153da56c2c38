"""WeCom's daily figures of every guide: planned as rows, asked for in the morning, read again."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta

import structlog
from django.db import connection, transaction

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.core import clock
from apps.wecom.errors import Refused, WeComError
from apps.wecom.services.rounds import Round
from apps.wecom.shapes import MemberDay
from apps.wecom_sync.models import GuideDay

log = structlog.get_logger(__name__)

BATCH = 300
# half of the time between two beats: other jobs of the queue get their turn
RUN_FOR = timedelta(minutes=5)
# days after an outage for which figures are still fetched; WeCom itself keeps 180
CATCH_UP_DAYS = 7
# WeCom counts in the night and corrects later: asked from this hour, then twice more, a day apart
FROM_HOUR = time(8, 30)
READS = 3
AGAIN_AFTER = timedelta(days=1)
# not there yet, or nobody answered: the same worker's claim runs out as soon
RETRY = timedelta(minutes=30)
# refused for this member (not in the app's range): asked once more tomorrow, then left
GIVE_UP_AFTER = timedelta(days=3)


def read_guide_days(*, now: datetime) -> int:
    """Ask WeCom about days that are due; returns how many got figures. Any number of workers may
    run this: a claim moves `ask_at`, and figures are written whole, so a repeat changes nothing.

    It goes on until nothing is due, the corps want no more calls, or its time is used up.
    """
    plan_days(now=now)
    run, kept = Round(now), 0
    while claimed := _claim(now=run.moment(), without=run.resting):
        kept += _read_all(claimed, run)
        if run.moment() - now >= RUN_FOR:
            break
    return kept


def _read_all(claimed: Sequence[GuideDay], run: Round) -> int:
    kept, declared = 0, _declared(claimed)
    by_guide: dict[int, list[GuideDay]] = defaultdict(list)
    for row in claimed:
        by_guide[row.guide_id].append(row)
    for rows in by_guide.values():
        guide = rows[0].guide
        if guide.corp_id in run.resting:
            continue
        try:
            kept += _read(rows, declared, run)
        except Refused as error:
            _put_off(rows, run.moment())
            log.warning("guide_days_refused", guide_id=guide.pk, errcode=error.errcode)
        except WeComError as error:  # nobody there, or too often: the rest comes with a later run
            run.resting.add(guide.corp_id)
            log.warning("guide_days_not_asked", error=error.code)
    return kept


_PLAN = """
INSERT INTO wecom_sync_guideday (guide_id, store_id, day, chats, messages, friend_requests,
    new_friends, negative, declared, reads, ask_at, looked_by)
SELECT posted.guide_id, posted.store_id, %s, 0, 0, 0, 0, 0, 0, 0, %s, ''
FROM stores_posting AS posted
JOIN stores_guide AS guide ON guide.id = posted.guide_id AND guide.status = 'active'
JOIN stores_store AS store ON store.id = posted.store_id AND store.live_since IS NOT NULL
WHERE posted.during @> %s::date
ON CONFLICT (guide_id, day) DO NOTHING
"""


@transaction.atomic
def plan_days(*, now: datetime) -> None:
    """A row for everybody who worked on one of the last days; nothing for days that have theirs."""
    today = clock.business_day(now)
    days = [today - timedelta(days=n) for n in range(1, CATCH_UP_DAYS + 1)]
    known = set(GuideDay.objects.filter(day__in=days).values_list("day", flat=True).distinct())
    with connection.cursor() as cursor:
        for day in days:
            if day not in known:
                ask_at = datetime.combine(
                    day + timedelta(days=1), FROM_HOUR, tzinfo=clock.chain_tz()
                )
                cursor.execute(_PLAN, [day, ask_at, day])


@transaction.atomic
def _claim(*, now: datetime, without: Collection[str]) -> list[GuideDay]:
    """The next days that are due, of none of the corps `without`."""
    due = (
        GuideDay.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(ask_at__lte=now)
        .exclude(guide__corp_id__in=without)
        .select_related("guide")
        .order_by("ask_at", "guide_id")
    )
    rows = list(due[:BATCH])
    GuideDay.objects.filter(pk__in=[row.pk for row in rows]).update(ask_at=now + RETRY)
    return rows


def _read(rows: Sequence[GuideDay], declared: dict[tuple[int, date], int], run: Round) -> int:
    guide, days = rows[0].guide, [row.day for row in rows]
    answer = run.client(guide.corp_id).days_of_member(
        userid=guide.wecom_userid, first=min(days), last=max(days)
    )
    by_day = {one.on: one for one in answer}
    kept = 0
    for row in rows:
        found = by_day.get(row.day)
        if found is None:
            _put_off([row], run.moment())
            continue
        _keep(row, found, declared.get((row.guide_id, row.day), 0), run.moment())
        kept += 1
    return kept


def _keep(row: GuideDay, found: MemberDay, declared: int, now: datetime) -> None:
    reads = row.reads + 1
    GuideDay.objects.filter(pk=row.pk).update(
        chats=found.chats,
        messages=found.messages,
        friend_requests=found.friend_requests,
        new_friends=found.new_friends,
        negative=found.negative,
        reply_percent=found.reply_percent,
        first_reply_minutes=found.first_reply_minutes,
        declared=declared,
        counted_at=now,
        reads=reads,
        ask_at=now + AGAIN_AFTER if reads < READS else None,
    )


def _put_off(rows: Sequence[GuideDay], now: datetime) -> None:
    """Not counted yet: asked again, until the day is too long ago."""
    today = clock.business_day(now)
    old = [row.pk for row in rows if today - row.day > GIVE_UP_AFTER]
    GuideDay.objects.filter(pk__in=old).update(ask_at=None)


# 自报 and 已发起 of a day by guide: customers, not taps. What a mass send began is WeCom's to
# prove, and what WeCom has proven meanwhile needs no chat behind it.
_DECLARED = """
SELECT task.guide_id, (proof.occurred_at AT TIME ZONE %s)::date, count(DISTINCT target.member_id)
FROM guide_tasks_guidetask AS task
JOIN guide_tasks_tasktarget AS target ON target.task_id = task.id AND target.contact_grade IN (1, 2)
JOIN guide_tasks_evidence AS proof ON proof.target_id = target.id AND proof.grade IN (1, 2)
    AND proof.source NOT LIKE 'dispatch:%%'
WHERE task.guide_id = ANY(%s) AND task.due_at >= %s
    AND proof.occurred_at >= %s AND proof.occurred_at < %s
GROUP BY 1, 2
"""
# a target may be worked on for some days after its task was due
_LATE_WORK = timedelta(days=7)


def _declared(rows: Sequence[GuideDay]) -> dict[tuple[int, date], int]:
    if not rows:
        return {}
    start = clock.day_start(min(row.day for row in rows))
    end = clock.day_start(max(row.day for row in rows) + timedelta(days=1))
    guides = sorted({row.guide_id for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(_DECLARED, [str(clock.chain_tz()), guides, start - _LATE_WORK, start, end])
        return {(guide, day): number for guide, day, number in cursor.fetchall()}


@transaction.atomic
def look_at_mismatch(*, day: GuideDay, actor: Actor, now: datetime) -> None:
    """Somebody has asked the guide about the difference. The same again changes nothing."""
    looked = GuideDay.objects.filter(pk=day.pk, looked_at=None).update(
        looked_at=now, looked_by=actor.label
    )
    if looked:
        accounts.audit(
            actor=actor,
            action="mismatch.looked_at",
            object_type="guide",
            object_id=day.guide_id,
            detail={"day": day.day.isoformat(), "declared": day.declared, "chats": day.chats},
        )
