"""Tasks the product makes by itself: a follow-up, care after a purchase, a greeting.

Set-wise, once per member and cause. The reach policy applies as to any push; who is refused is kept
on the rule's push of the day. The guide is whoever serves the member now; for a greeting, whose
friend the customer became.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.accounts.actor import SYSTEM
from apps.campaigns import services as campaigns
from apps.campaigns.models import Campaign
from apps.core import clock
from apps.guide_tasks import hours
from apps.guide_tasks.models import Grade, TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import issuing, places, targets
from apps.guide_tasks.wording import why_patterns
from apps.orders.selectors import NET_SALES
from apps.outreach.models import MessageTemplate
from apps.timeline import services as timeline
from apps.timeline.models import Kind

# older contacts, purchases and friendships are no occasion any more
RECENT = timedelta(days=7)
GREETING_WITHIN = timedelta(days=2)

# A rule's finds: one row per member with the cause, own guide (greetings), reason and times.
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
ORDER BY given.member_id, given.cause DESC
"""
_RULE_TARGETS = """
INSERT INTO guide_tasks_tasktarget
    (push_id, task_id, guide_id, store_id, member_id, external_userid, state, contact_grade, why,
     value_fen, opens_at, due_at, excuse_reason, excuse_sentence, cause, created_at)
SELECT t.push_id, t.id, t.guide_id, t.store_id, h.member_id, h.external_userid, 'open', 0,
    found.why, greatest(p.net_365_fen, p.net_fen / greatest(p.order_count, 1), 0),
    found.opens_at, found.due_at, '', '', found.cause, %s
FROM handout AS h
JOIN rule_found AS found ON found.member_id = h.member_id
JOIN handout_tasks AS t ON t.guide_id = h.guide_id
LEFT JOIN profiles_memberprofile AS p ON p.member_id = h.member_id
WHERE h.place = 'issued'
ON CONFLICT DO NOTHING
RETURNING id, member_id, guide_id, opens_at
"""
# a new friend is greeted by the guide who won them, whoever serves them otherwise
_OWN_GUIDE = """
UPDATE handout AS h
SET guide_id = found.guide_id, store_id = posting.store_id,
    external_userid = coalesce(follow.external_userid, ''),
    place = CASE WHEN h.place IN ('stopped', 'no_person', 'budget') THEN h.place
                 WHEN follow.id IS NULL THEN 'not_friend'
                 WHEN posting.id IS NULL OR guide.status <> 'active' THEN 'guide_off'
                 ELSE 'issued' END
FROM rule_found AS found
JOIN stores_guide AS guide ON guide.id = found.guide_id
LEFT JOIN stores_posting AS posting ON posting.guide_id = guide.id AND posting.during @> %s::date
LEFT JOIN members_followrelation AS follow
       ON follow.guide_id = guide.id AND follow.member_id = found.member_id AND follow.until IS NULL
WHERE h.member_id = found.member_id AND found.guide_id IS NOT NULL
"""


@dataclass(frozen=True)
class RuleRun:
    """What one look at the rules made."""

    follow_ups: int = 0
    care: int = 0
    greetings: int = 0
    excused: int = 0


def run_rules(*, now: datetime) -> RuleRun:
    """One look at every active rule, each in its own transaction. Safe to repeat."""
    return RuleRun(
        follow_ups=follow_ups(now=now),
        care=care(now=now),
        greetings=greetings(now=now),
        excused=targets.excuse_stopped(now=now),
    )


def _active(key: str) -> TaskRule | None:
    return (
        TaskRule.objects.select_for_update(of=("self",))
        .select_related("template__asset", "campaign")
        .filter(key=key, is_active=True)
        .first()
    )


# --- delivered, no order since --------------------------------------------------------------------

_FOLLOW_UPS = """
SELECT person.survivor_id, 'follow_up:task_target:' || t.id, NULL::bigint,
    CASE WHEN gone.days > 0 THEN format(%s, gone.days) ELSE %s END, %s::timestamptz, %s::timestamptz
FROM guide_tasks_tasktarget AS t
JOIN guide_tasks_taskpush AS push ON push.id = t.push_id
JOIN members_member AS person ON person.id = t.member_id
CROSS JOIN LATERAL (
    SELECT %s::date - (t.contacted_at AT TIME ZONE %s)::date AS days) AS gone
WHERE push.kind = 'contact' AND push.follow_up_days IS NOT NULL
  AND t.state = 'done' AND t.contact_grade = %s AND t.purchased_at IS NULL
  AND t.contacted_at >= %s
  AND t.contacted_at <= %s::timestamptz - push.follow_up_days * interval '1 day'
  AND t.contacted_at > %s::timestamptz - push.follow_up_days * interval '1 day'
  AND NOT EXISTS (
      SELECT 1 FROM orders_order AS o JOIN members_member AS buyer ON buyer.id = o.member_id
      WHERE buyer.survivor_id = person.survivor_id AND o.kind = 'sale' AND o.paid_at >= t.opens_at)
"""


@transaction.atomic
def follow_ups(*, now: datetime) -> int:
    """Delivered as many days ago as the push says, no order since: the guide asks once more."""
    rule = _active(TaskRule.Key.FOLLOW_UP)
    if rule is None:
        return 0
    why = why_patterns()
    params = [
        why["follow_up"],
        why["follow_up_today"],
        now,
        issuing.end_of_day(now, rule.due_days),
        clock.business_day(now),
        str(clock.chain_tz()),
        int(Grade.DELIVERED),
        rule.active_since,
        now,
        now - RECENT,  # who could not be asked in all that time is left in peace
    ]
    return _issue(rule=rule, select=_FOLLOW_UPS, params=params, now=now, marketing=True)


# --- bought --------------------------------------------------------------------------------------

_CARE = f"""
SELECT buyer.survivor_id, 'care:order:' || o.id, NULL::bigint,
    CASE WHEN line.name IS NULL THEN format(%s, bought.word)
         ELSE format(%s, line.name, bought.word) END,
    opens.at, greatest(opens.at + %s * interval '1 day' + (%s::time - %s::time), %s)
FROM ({NET_SALES}) AS o
JOIN members_member AS buyer ON buyer.id = o.member_id
CROSS JOIN LATERAL (SELECT
    ((o.business_on + %s)::date + %s::time) AT TIME ZONE %s AS at) AS opens
CROSS JOIN LATERAL (SELECT to_char(o.business_on, 'FMMM-DD') AS word) AS bought
LEFT JOIN LATERAL (
    SELECT product.name FROM orders_orderline AS l
    JOIN orders_product AS product ON product.id = l.product_id
    WHERE l.order_id = o.id AND l.paid_at = o.paid_at AND l.quantity > 0 AND NOT l.is_gift
    ORDER BY l.net_fen DESC, l.line_no LIMIT 1) AS line ON true
WHERE o.recorded_at >= %s AND o.paid_at >= %s AND o.paid_at <= %s AND o.net_fen > 0
  AND NOT EXISTS (  -- two receipts of one day are one purchase to look after
      SELECT 1 FROM guide_tasks_tasktarget AS t
      WHERE t.member_id = buyer.survivor_id AND t.opens_at = opens.at
        AND t.cause LIKE 'care:order:%%' AND t.excuse_reason <> 'returned')
"""


@transaction.atomic
def care(*, now: datetime) -> int:
    """A purchase opens a care task some days later; what came back entirely needs none."""
    rule = _active(TaskRule.Key.CARE)
    if rule is None:
        return 0
    why = why_patterns()
    params = [
        why["care_plain"],
        why["care"],
        rule.due_days,
        hours.CONTACT_UNTIL,
        hours.CONTACT_FROM,
        issuing.end_of_day(now, 0),  # a purchase reported late is not overdue at birth
        rule.delay_days,
        hours.CONTACT_FROM,
        str(clock.chain_tz()),
        rule.active_since,
        now - RECENT,
        now,
    ]
    return _issue(rule=rule, select=_CARE, params=params, now=now, marketing=False)


# --- a new friend --------------------------------------------------------------------------------

_GREETINGS = """
SELECT person.survivor_id, 'greeting:follow:' || f.id, f.guide_id, %s, %s::timestamptz,
    %s::timestamptz
FROM members_followrelation AS f JOIN members_member AS person ON person.id = f.member_id
WHERE f.until IS NULL AND f.since >= %s AND f.since >= %s {only}
  AND NOT EXISTS (  -- lost from WeCom's list and listed again: an old friend
      SELECT 1 FROM members_followrelation AS earlier
      WHERE earlier.guide_id = f.guide_id AND earlier.external_userid = f.external_userid
        AND earlier.ended_by = 'reconciled' AND earlier.until <= f.since
        AND earlier.until > f.since - interval '2 days')
"""


@transaction.atomic
def greet_new_friends(*, now: datetime, follow_ids: Sequence[int] | None = None) -> int:
    """A greeting task the same day for friendships that have just begun (default: all recent
    ones).
    """
    rule = _active(TaskRule.Key.GREETING)
    if rule is None:
        return 0
    params: list[Any] = [
        why_patterns()["greeting"],
        now,
        issuing.end_of_day(now, rule.due_days),
        rule.active_since,
        now - GREETING_WITHIN,
    ]
    only = ""
    if follow_ids is not None:
        only = "AND f.id = ANY(%s)"
        params.append(list(follow_ids))
    return _issue(
        rule=rule,
        select=_GREETINGS.format(only=only),
        params=params,
        now=now,
        marketing=False,
        own_guide=True,
    )


def greetings(*, now: datetime) -> int:
    """The sweep behind the direct call: friendships whose greeting was missed."""
    return greet_new_friends(now=now)


# --- from finds to targets -----------------------------------------------------------------------


def _issue(
    *,
    rule: TaskRule,
    select: str,
    params: Sequence[Any],
    now: datetime,
    marketing: bool,
    own_guide: bool = False,
) -> int:
    """Targets for what a rule found, by way of the reach policy. Returns how many were made."""
    day = clock.business_day(now)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS rule_found")
        cursor.execute(f"CREATE TEMP TABLE rule_found ({_FOUND_COLUMNS}) ON COMMIT DROP")
        cursor.execute(_FOUND.format(select=select), [*params, rule.pk, day, rule.pk, day])
        if cursor.rowcount == 0:
            return 0
        cursor.execute("SELECT member_id FROM rule_found")
        places.plan(row[0] for row in cursor.fetchall())
    places.lay_out(
        campaign=rule.campaign, now=now, marketing=marketing, recent_days=None, draw=False
    )
    if own_guide:
        with connection.cursor() as cursor:
            cursor.execute(_OWN_GUIDE, [day])
    push = _push_of_the_day(rule, now)
    issuing.not_issued(push=push, recent_days=None)
    last = TaskTarget.objects.filter(push=push).aggregate(last=Max("pk"))["last"] or 0
    made = _rule_targets(push, now)
    if made:
        _tell(push, made, now)
        _notify(push, made, last, now)
    return len(made)


def _push_of_the_day(rule: TaskRule, now: datetime) -> TaskPush:
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
    return push


def _rule_targets(push: TaskPush, now: datetime) -> list[tuple[int, int, int, datetime]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(found.due_at) FROM handout AS h JOIN rule_found AS found USING (member_id)"
            " WHERE h.place = 'issued'"
        )
        due_at = cursor.fetchone()[0]
        if due_at is None:
            return []
        issuing.guide_tasks(push=push, due_at=due_at, now=now)
        cursor.execute(_RULE_TARGETS, [now])
        return cursor.fetchall()


def _tell(push: TaskPush, made: list[tuple[int, int, int, datetime]], now: datetime) -> None:
    timeline.record_events(
        timeline.NewEvent(
            member_id=member_id,
            kind=Kind.TASK_ISSUED,
            source=f"task_target:{target_id}",
            key=f"task_target:{target_id}:issued",
            occurred_at=now,
            payload={"push_id": push.pk, "guide_id": guide_id},
        )
        for target_id, member_id, guide_id, _opens_at in made
    )


def _notify(
    push: TaskPush, made: list[tuple[int, int, int, datetime]], last: int, now: datetime
) -> None:
    """One card per guide and day the work opens: today's now, later care in that day's morning."""
    for moment in sorted({max(opens_at, now) for _id, _member, _guide, opens_at in made}):
        day = clock.business_day(moment).isoformat()
        issuing.notices(
            push=push, after_id=last, source=f"task_rule:{push.rule_id}:{day}", now=moment
        )


# --- the rules a new chain starts with -----------------------------------------------------------


@transaction.atomic
def ensure_default_rules(*, now: datetime) -> int:
    """Make the three rules that are missing, with a script and a campaign each. Returns
    how many.
    """
    made = 0
    for key, title, delay, due, personal, general in _defaults():
        if TaskRule.objects.filter(key=key).exists():
            continue
        template, _created = MessageTemplate.objects.get_or_create(
            name=title, defaults={"body": personal, "generic_body": general}
        )
        campaign = campaigns.create_campaign(
            name=title,
            goal=Campaign.Goal.SERVICE,
            starts_at=now,
            control_share_bp=0,
            actor=SYSTEM,
        )
        TaskRule.objects.create(
            key=key,
            title=title,
            template=template,
            delay_days=delay,
            due_days=due,
            campaign=campaign,
            active_since=now,
        )
        made += 1
    return made


def _defaults() -> list[tuple[str, str, int, int, str, str]]:
    return [
        (
            TaskRule.Key.FOLLOW_UP,
            _("Ask once more"),
            0,
            1,
            _("{称呼}, {导购} of {门店} here. Did what I sent you fit? I can look for more."),
            _("{导购} of {门店} here. If something caught your eye, I will put it aside for you."),
        ),
        (
            TaskRule.Key.CARE,
            _("After-purchase care"),
            3,
            1,
            _("{称呼}, how do you like {上次购买}? Tell me if anything is not right. {导购}"),
            _("How do you get on with what you bought? Tell me if anything is not right. {导购}"),
        ),
        (
            TaskRule.Key.GREETING,
            _("Greet the new friend"),
            0,
            0,
            _("{称呼}, I am {导购} of {门店}. Ask me about sizes and new arrivals any time."),
            _("I am {导购} of {门店}. Ask me about sizes and new arrivals any time."),
        ),
    ]
