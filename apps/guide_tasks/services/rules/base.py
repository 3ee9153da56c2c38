"""From what a rule found to targets: once per member and cause, by way of the reach policy.

A rule's statement yields one row per occasion: member, cause, guide (or empty: whoever serves the
member), the reason, and when the work opens and ends. Who may not be reached is kept on the rule's
push of the day; who is over a guide's daily number is left for the next day, the dearest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max

from apps.core import clock
from apps.core.wake import wake
from apps.guide_tasks import hours
from apps.guide_tasks.models import PROFILED_KINDS, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import duty, issuing, places
from apps.stores.selectors import stores_not_live

# older contacts, purchases, visits and changes are no occasion any more
RECENT = timedelta(days=7)
# a larger day tells its events after its commit, as a large hand-out does
TELL_AT_ONCE = 20_000
_WORK_MEM = "192MB"


@dataclass(frozen=True)
class Finds:
    """What a rule looks for. `select` yields member_id, cause, guide_id, why, opens_at, due_at.

    `gentle` rules look once a day and give way: to any open work for the member, and to a campaign
    whose control group the member is in. `own_guide`: the rows name the guide themselves.
    `despite_case`: also for who has an open complaint, who is left alone otherwise.
    """

    select: str
    params: Sequence[Any]
    marketing: bool = True
    gentle: bool = False
    own_guide: bool = False
    despite_case: bool = False


# a guide who is no friend of TA leaves the word to who serves them
_FRIEND = """(
        SELECT f.guide_id FROM members_followrelation AS f
        JOIN members_member AS friend ON friend.id = f.member_id
        WHERE friend.survivor_id = person.survivor_id AND f.guide_id = {guide}
            AND f.until IS NULL
        LIMIT 1)"""
_WRITTEN_SINCE = """EXISTS (
      SELECT 1 FROM members_member AS other
      JOIN members_interaction AS talk ON talk.member_id = other.id
      WHERE other.survivor_id = person.survivor_id
        AND talk.kind = 'message' AND talk.occurred_at >= {since}{by})"""


def friend(guide: str) -> str:
    """SQL for this guide (a column) where `person` is a WeCom friend of theirs, else NULL."""
    return _FRIEND.format(guide=guide)


def written_since(since: str, *, by: str = "") -> str:
    """SQL: somebody, or this guide (a column), has written to `person` since that moment (a
    column), whichever of their cards it went to."""
    return _WRITTEN_SINCE.format(since=since, by=f" AND talk.guide_id = {by}" if by else "")


# one row per member with the cause, own guide, reason and times
_FOUND_COLUMNS = (
    "member_id bigint, cause text, guide_id bigint, why text, opens_at timestamptz,"
    " due_at timestamptz"
)
_FOUND = """
INSERT INTO rule_found
SELECT DISTINCT ON (given.member_id) given.*
FROM ({select}) AS given (member_id, cause, guide_id, why, opens_at, due_at)
WHERE NOT EXISTS (SELECT 1 FROM guide_tasks_tasktarget AS t WHERE t.cause = given.cause)
  AND NOT EXISTS (
      SELECT 1 FROM guide_tasks_tasktarget AS t
      JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
      WHERE t.member_id = given.member_id AND push.rule_id = %s
        AND (push.rule_on = %s OR t.state IN ('open', 'in_progress', 'to_verify')))
  AND NOT EXISTS (
      SELECT 1 FROM guide_tasks_notissued AS n
      JOIN guide_tasks_taskpush AS push ON push.id = n.push_id
      WHERE n.member_id = given.member_id AND push.rule_id = %s AND push.rule_on = %s)
  {unless_case}
  {gentle}
ORDER BY given.member_id, given.cause DESC
"""
_UNLESS_CASE = """
  AND NOT EXISTS (
      SELECT 1 FROM cases_servicecase AS c JOIN members_member AS person ON person.id = c.member_id
      WHERE person.survivor_id = given.member_id
        AND c.state IN ('open', 'in_hand', 'reopened'))
"""
_GENTLE = """
  AND NOT EXISTS (
      SELECT 1 FROM guide_tasks_tasktarget AS t
      WHERE t.member_id = given.member_id AND t.state IN ('open', 'in_progress', 'to_verify'))
  AND NOT EXISTS (  -- refused for this occasion already; a guide may be back tomorrow
      SELECT 1 FROM guide_tasks_notissued AS n
      JOIN guide_tasks_taskpush AS push ON push.id = n.push_id
      WHERE n.member_id = given.member_id AND push.rule_id = %s AND push.rule_on > %s
        AND n.reason <> 'guide_off')
  AND NOT EXISTS (  -- held out: nobody writes while the last time this member was planned with
                    -- is measured, however often the campaign goes out to others
      SELECT 1 FROM members_member AS person
      JOIN campaigns_campaignassignment AS a ON a.member_id = person.id AND a.arm = 'control'
      JOIN campaigns_campaign AS c ON c.id = a.campaign_id
      WHERE person.survivor_id = given.member_id
        AND a.planned_at > %s::timestamptz - c.window_days * interval '1 day')
"""
_VALUE = "greatest(p.net_365_fen, p.net_fen / greatest(p.order_count, 1), 0)"
# in the order of the guides' tasks: each one's rows lie together
_RULE_TARGETS = f"""
INSERT INTO guide_tasks_tasktarget
    (push_id, task_id, guide_id, store_id, member_id, external_userid, state, contact_grade, why,
     value_fen, opens_at, due_at, excuse_reason, excuse_sentence, cause, created_at)
SELECT t.push_id, t.id, t.guide_id, t.store_id, h.member_id, h.external_userid, 'open', 0,
    found.why, coalesce({_VALUE}, 0), found.opens_at, found.due_at, '', '', found.cause, %s
FROM handout AS h
JOIN rule_found AS found ON found.member_id = h.member_id
JOIN handout_tasks AS t ON t.guide_id = h.guide_id
LEFT JOIN profiles_memberprofile AS p ON p.member_id = h.member_id
WHERE h.place = 'issued'
ORDER BY t.id
ON CONFLICT DO NOTHING
"""
# the guide whom the occasion names, whoever serves the member otherwise; a friendship keeps the
# card it began with, whoever stands for that person now
_OWN_GUIDE = """
UPDATE handout AS h
SET guide_id = found.guide_id, store_id = posting.store_id,
    external_userid = coalesce(follow.external_userid, ''),
    place = CASE WHEN h.place IN ('stopped', 'no_consent', 'no_person', 'budget') THEN h.place
                 WHEN follow.id IS NULL THEN 'not_friend'
                 WHEN posting.id IS NULL OR guide.status <> 'active' THEN 'guide_off'
                 ELSE 'issued' END
FROM rule_found AS found
JOIN stores_guide AS guide ON guide.id = found.guide_id
LEFT JOIN stores_posting AS posting ON posting.guide_id = guide.id AND posting.during @> %s::date
LEFT JOIN LATERAL (
    SELECT friend.id, friend.external_userid FROM members_member AS person
    JOIN members_followrelation AS friend ON friend.member_id = person.id
        AND friend.guide_id = guide.id AND friend.until IS NULL
    WHERE person.survivor_id = found.member_id ORDER BY friend.since LIMIT 1
) AS follow ON true
WHERE h.member_id = found.member_id AND found.guide_id IS NOT NULL
"""
_OVER_CAP = f"""
DELETE FROM handout AS h USING (
    SELECT each.member_id, coalesce(had.count, 0) + row_number() OVER (
        PARTITION BY each.guide_id ORDER BY {_VALUE} DESC NULLS LAST, each.member_id) AS place
    FROM handout AS each
    LEFT JOIN profiles_memberprofile AS p ON p.member_id = each.member_id
    LEFT JOIN (
        SELECT t.guide_id, count(*) FROM guide_tasks_tasktarget AS t
        JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
        WHERE push.rule_id = %s AND push.rule_on = %s GROUP BY t.guide_id
    ) AS had ON had.guide_id = each.guide_id
    WHERE each.place = 'issued'
) AS ranked
WHERE ranked.member_id = h.member_id AND ranked.place > %s
"""
_MOMENTS = """
SELECT DISTINCT greatest(opens_at, %s::timestamptz) FROM guide_tasks_tasktarget
WHERE push_id = %s AND id > %s ORDER BY 1
"""


def issue(*, rule: TaskRule, finds: Finds, now: datetime) -> int:
    """Targets for what a rule found. The rule is locked by the caller. Returns how many were
    made."""
    if _is_taken_back(rule, now) or not _find(rule, finds, now):
        return 0
    places.plan_found()
    places.lay_out(
        campaign=rule.campaign,
        now=now,
        marketing=finds.marketing,
        recent_days=rule.skip_days or None,
        draw=False,
        by_profile=rule.key in PROFILED_KINDS,
    )
    _settle(rule, finds, now)
    push = _push_of_the_day(rule, now)
    if push.withdrawn_at is not None:  # taken back while we looked
        return 0
    issuing.not_issued(push=push, recent_days=rule.skip_days or None)
    last = TaskTarget.objects.filter(push=push).aggregate(last=Max("pk"))["last"] or 0
    made = _rule_targets(push, now)
    if made:
        _tell(push, last, made, now)
        if not finds.gentle:  # those stand on one card of the morning, whatever their rule
            _notify(push, last, now)
    return made


def _find(rule: TaskRule, finds: Finds, now: datetime) -> int:
    """Fill the temporary table of finds; how many there are."""
    day = clock.business_day(now)
    params = [*finds.params, rule.pk, day, rule.pk, day]
    if finds.gentle:
        params += [rule.pk, day - RECENT, now]
    select = _FOUND.format(
        select=finds.select,
        unless_case="" if finds.despite_case else _UNLESS_CASE,
        gentle=_GENTLE if finds.gentle else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{_WORK_MEM}'")
        cursor.execute("DROP TABLE IF EXISTS rule_found")
        cursor.execute(f"CREATE TEMP TABLE rule_found ({_FOUND_COLUMNS}) ON COMMIT DROP")
        cursor.execute(select, params)
        found = cursor.rowcount
        if found:
            cursor.execute("ANALYZE rule_found")
    return found


def _settle(rule: TaskRule, finds: Finds, now: datetime) -> None:
    """The guide whom the occasion names, who works on its day, and no more than the rule's number
    for each guide."""
    day = clock.business_day(now)
    with connection.cursor() as cursor:
        if finds.own_guide:
            cursor.execute(_OWN_GUIDE, [day])
        duty.settle_found()
        if not_live := stores_not_live():
            # outside the rollout nothing happens, and nobody is counted as refused each morning
            cursor.execute("DELETE FROM handout WHERE store_id = ANY(%s)", [not_live])
        if rule.daily_cap is not None:
            cursor.execute(_OVER_CAP, [rule.pk, day, rule.daily_cap])


def _is_taken_back(rule: TaskRule, now: datetime) -> bool:
    """Head office took the rule's day back: nothing comes of it before tomorrow."""
    taken = TaskPush.objects.filter(withdrawn_at__isnull=False)
    return taken.filter(rule=rule, rule_on=clock.business_day(now)).exists()


def _push_of_the_day(rule: TaskRule, now: datetime) -> TaskPush:
    """Held until the transaction ends: who takes it back waits, and takes these targets along."""
    push, _made = TaskPush.objects.get_or_create(
        rule=rule,
        rule_on=clock.business_day(now),
        defaults={
            "campaign": rule.campaign,
            "kind": rule.key,
            "title": rule.title,
            "status": TaskPush.Status.HANDED_OUT,
            "template": rule.template,
            "body": rule.template.body,
            "generic_body": rule.template.generic_body,
            "asset": rule.template.asset,
            "required_grade": rule.required_grade,
            "minutes_per_target": rule.minutes,
            "follow_up_days": None,
            "hand_out_from": hours.HAND_OUT_FROM,
            "hand_out_until": hours.HAND_OUT_UNTIL,
            "contact_from": hours.CONTACT_FROM,
            "contact_until": hours.CONTACT_UNTIL,
            "handed_out_at": now,
            "told_at": now,
            "created_at": now,
        },
    )
    return TaskPush.objects.select_for_update(of=("self",), no_key=True).get(pk=push.pk)


def _rule_targets(push: TaskPush, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(found.due_at) FROM handout AS h JOIN rule_found AS found USING (member_id)"
            " WHERE h.place = 'issued'"
        )
        due_at = cursor.fetchone()[0]
        if due_at is None:
            return 0
        issuing.guide_tasks(push=push, due_at=due_at, now=now)
        cursor.execute(_RULE_TARGETS, [now])
        return cursor.rowcount


def _tell(push: TaskPush, last: int, made: int, now: datetime) -> None:
    if made > TELL_AT_ONCE:
        TaskPush.objects.filter(pk=push.pk).update(told_at=None)
        wake("guide_tasks.tell_issued", push_id=push.pk)
        return
    issuing.tell_issued(push=push, first_id=last + 1, last_id=2**62, now=now, actor="system")


def _notify(push: TaskPush, last: int, now: datetime) -> None:
    """One card per guide and day the work opens: today's now, later care in that day's morning."""
    with connection.cursor() as cursor:
        cursor.execute(_MOMENTS, [now, push.pk, last])
        moments = [row[0] for row in cursor.fetchall()]
    for moment in moments:
        day = clock.business_day(moment).isoformat()
        issuing.notices(
            push=push, after_id=last, source=f"task_rule:{push.rule_id}:{day}", now=moment
        )
