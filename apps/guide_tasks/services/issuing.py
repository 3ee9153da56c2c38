"""From places to work: the rows of a hand-out, each kind in one statement."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.campaigns import services as campaigns
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import places
from apps.guide_tasks.wording import notice_body, why_patterns
from apps.outreach import policy
from apps.outreach import services as outreach
from apps.outreach.models import GuideNotice
from apps.timeline import services as timeline
from apps.timeline.models import Kind

TODAY_PATH = "/g/"

NoticeRow = tuple[int, str, str, str]  # guide, title, body, path

_NOT_ISSUED = """
INSERT INTO guide_tasks_notissued (push_id, member_id, reason, sentence)
SELECT %s, h.member_id, h.place, words.sentence
FROM handout AS h
JOIN unnest(%s::text[], %s::text[]) AS words (reason, sentence) ON words.reason = h.place
ON CONFLICT (push_id, member_id) DO NOTHING
"""
_TASKS = """
WITH made AS (
    INSERT INTO guide_tasks_guidetask (push_id, guide_id, store_id, due_at, chases, created_at)
    SELECT %s, guide_id, min(store_id), %s, 0, %s FROM handout WHERE place = 'issued'
    GROUP BY guide_id ORDER BY guide_id
    ON CONFLICT (push_id, guide_id) DO UPDATE
        SET due_at = greatest(guide_tasks_guidetask.due_at, EXCLUDED.due_at)
    RETURNING id, push_id, guide_id, store_id
)
INSERT INTO handout_tasks SELECT * FROM made
"""
# in the order of the guides: each one's rows lie together, and the index of open work grows at
# its end
_TARGETS = """
INSERT INTO guide_tasks_tasktarget
    (push_id, task_id, guide_id, store_id, member_id, external_userid, state, contact_grade, why,
     value_fen, opens_at, due_at, excuse_reason, excuse_sentence, cause, created_at)
SELECT t.push_id, t.id, t.guide_id, t.store_id, h.member_id, h.external_userid, 'open', 0,
    CASE WHEN p.last_order_on IS NULL THEN %s
         WHEN f.usual_gap_days > 0 THEN format(%s, %s::date - p.last_order_on, f.usual_gap_days)
         ELSE format(%s, %s::date - p.last_order_on) END,
    greatest(p.net_365_fen, p.net_fen / greatest(p.order_count, 1), 0), coalesce(h.opens_at, %s),
    %s, '', '', '', %s
FROM handout AS h
JOIN handout_tasks AS t ON t.guide_id = h.guide_id
LEFT JOIN profiles_memberprofile AS p ON p.member_id = h.member_id
LEFT JOIN profiles_memberfacts AS f ON f.member_id = h.member_id
WHERE h.place = 'issued'
ORDER BY t.id
"""
_ISSUED_STORY = """
SELECT 'task_target:' || t.id || ':issued', %s::timestamptz, t.member_id, NULL::bigint, %s,
       'task_target:' || t.id, %s, jsonb_build_object('push_id', t.push_id, 'guide_id', t.guide_id)
FROM guide_tasks_tasktarget AS t WHERE t.push_id = %s AND t.id >= %s AND t.id < %s
"""
_LOAD = """
SELECT guide_id, count(*), min(due_at) FROM guide_tasks_tasktarget
WHERE push_id = %s AND id > %s AND opens_at <= %s GROUP BY guide_id
"""
# Each guide's card: about what is open now, or else about all of it in the morning of the first day
# on which something opens.
_LOADS = """
CREATE TEMP TABLE handout_loads ON COMMIT DROP AS
SELECT guide_id, CASE WHEN customers_now > 0 THEN %s ELSE later END AS moment,
    CASE WHEN customers_now > 0 THEN customers_now ELSE customers END AS customers
FROM (
    SELECT guide_id, count(*) AS customers, min(opens_at) AS later,
        count(*) FILTER (WHERE opens_at IS NULL OR opens_at <= %s) AS customers_now
    FROM {rows} GROUP BY guide_id
) AS per_guide
"""
_LAID_OUT = "handout WHERE place = 'issued'"
# the parts say it in a tenth of the pages that their targets fill
_IN_PARTS = """(
    SELECT unnest(places) AS place, unnest(guide_ids) AS guide_id, unnest(opens) AS opens_at
    FROM guide_tasks_handoutpart WHERE push_id = %s
) AS decided WHERE place = 'issued'"""
# many guides, few different cards: only the words come from here
_CARDS = """
SELECT loads.guide_id, %s, %s, card.body, %s, card.not_before
FROM handout_loads AS loads
JOIN unnest(%s::timestamptz[], %s::bigint[], %s::text[], %s::timestamptz[])
    AS card (moment, customers, body, not_before) USING (moment, customers)
"""


def write(*, push: TaskPush, due_at: datetime, now: datetime) -> int:
    """Everything of those who stand in the table handout: arms, refusals, tasks, targets. Returns
    how many targets."""
    if push.campaign.control_share_bp:
        campaigns.assign_from(
            campaign=push.campaign,
            source="SELECT member_id, bucket, arm FROM handout WHERE arm IS NOT NULL",
            now=now,
        )
    not_issued(push=push, recent_days=policy.RECENT_DAYS)
    guide_tasks(push=push, due_at=due_at, now=now)
    return targets(now=now, due_at=due_at)


def not_issued(*, push: TaskPush, recent_days: int | None) -> None:
    """Keep who got no task, with the first reason that applied and its sentence."""
    reasons = [refusal.value for refusal in policy.Refusal]
    words = places.sentences(reasons, recent_days=recent_days)
    with connection.cursor() as cursor:
        cursor.execute(_NOT_ISSUED, [push.pk, reasons, words])


def guide_tasks(*, push: TaskPush, due_at: datetime, now: datetime) -> None:
    """One task per guide; a second hand-out of a rule's day only moves the due time.

    They stand in the temporary table handout_tasks as well, whose size the planner knows: the
    statement that follows joins them with everybody.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS handout_tasks")
        cursor.execute(
            "CREATE TEMP TABLE handout_tasks (id bigint, push_id bigint, guide_id bigint,"
            " store_id bigint) ON COMMIT DROP"
        )
        cursor.execute(_TASKS, [push.pk, due_at, now])
        cursor.execute("ANALYZE handout_tasks")


def targets(*, now: datetime, due_at: datetime) -> int:
    """One target per issued member, with its reason and its value."""
    why, today = why_patterns(), clock.business_day(now)
    params: list[Any] = [why["never"], why["rhythm"], today, why["days"], today]
    with connection.cursor() as cursor:
        cursor.execute(_TARGETS, [*params, now, due_at, now])
        return cursor.rowcount


def tell_issued(*, push: TaskPush, first_id: int, last_id: int, now: datetime, actor: str) -> int:
    """TASK_ISSUED for the targets of a push with first_id ≤ id < last_id."""
    return timeline.record_from_select(
        select=_ISSUED_STORY,
        params=[now, Kind.TASK_ISSUED, actor, push.pk, first_id, last_id],
        first=now,
        last=now,
    )


def notices(*, push: TaskPush, after_id: int, source: str, now: datetime) -> int:
    """A card per guide with what is open now, within the push's hand-out hours."""
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, [push.pk, after_id, now])
        rows = [_card(push, *row) for row in cursor.fetchall()]
    start = hours.next_within(now, push.hand_out_from, push.hand_out_until)
    return outreach.queue_guide_notices(source=source, rows=rows, not_before=start, now=now)


def _card(push: TaskPush, guide_id: int, customers: int, due_at: datetime) -> NoticeRow:
    body = notice_body(customers, due_at, push.minutes_per_target)
    return guide_id, push.title, body, TODAY_PATH


def hand_out_notices(
    *, push: TaskPush, due_at: datetime, now: datetime, in_parts: bool = False
) -> int:
    """A card per guide of the hand-out that stands in the temporary table (or, `in_parts`, of the
    push's parts), within the push's hand-out hours; whoever is away today hears of it on their
    first day back."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS handout_loads")
        rows, of_push = (_IN_PARTS, [push.pk]) if in_parts else (_LAID_OUT, [])
        cursor.execute(_LOADS.format(rows=rows), [now, now, *of_push])
        cursor.execute("SELECT DISTINCT moment, customers FROM handout_loads")
        cards = cursor.fetchall()
    start = hours.next_within(now, push.hand_out_from, push.hand_out_until)
    return outreach.queue_cards_from_select(
        select=_CARDS,
        params=[
            *(push.source, push.title, TODAY_PATH),
            [moment for moment, _customers in cards],
            [customers for _moment, customers in cards],
            [notice_body(each, due_at, push.minutes_per_target) for _moment, each in cards],
            [start if moment == now else moment for moment, _customers in cards],
        ],
    )


_BUNDLE = """
SELECT guide_id, count(*), min(due_at) FROM guide_tasks_tasktarget
WHERE push_id = ANY(%s) AND opens_at <= %s GROUP BY guide_id
"""


def bundled_notices(*, push_ids: Sequence[int], title: str, source: str, now: datetime) -> int:
    """One card per guide for the work of several pushes of a day, in the usual hand-out hours."""
    if not push_ids or GuideNotice.objects.filter(source=source).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_BUNDLE, [list(push_ids), now])
        rows = [
            (guide_id, title, notice_body(customers, due_at), TODAY_PATH)
            for guide_id, customers, due_at in cursor.fetchall()
        ]
    start = hours.for_cards(now)
    return outreach.queue_guide_notices(source=source, rows=rows, not_before=start, now=now)


def end_of_day(moment: datetime, days: int) -> datetime:
    """The end of the contact hours `days` later, or a day after that if they are over already."""
    day = clock.business_day(moment) + timedelta(days=days)
    end = datetime.combine(day, hours.CONTACT_UNTIL, tzinfo=clock.chain_tz())
    return end if end > moment else end + timedelta(days=1)
