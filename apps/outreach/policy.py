"""May this member be reached, by whom, and if not, why: the one place that says so.

The same conditions serve the wizard's forecast and the hand-out (set-wise, `reach_select`), the
guide's tap (`check_one`) and the last look before WeCom is called (`check_many`). The first reason
in the order of `Refusal` is the one that is stored and shown.

Not everything is asked again of one guide and a member: whether somebody was there a short while
ago, and whether the member wants to be chosen by purchases, are asked when the members are chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.members.models import Consent, Member
from apps.outreach import ledger
from apps.stores.selectors import stores_not_live

RECENT_DAYS = 14


class Refusal(TextChoices):
    """Why a member is not reached, in the order in which the reasons are asked."""

    STOPPED = "stopped", _("asked not to be contacted")
    NO_CONSENT = "no_consent", _("no consent to WeCom marketing")
    NO_PROFILING = "no_profiling", _("does not want to be chosen by purchases")
    NOT_LIVE = "not_live", _("store not live yet")
    NOT_FRIEND = "not_friend", _("not a WeCom friend")
    RECENTLY_CONTACTED = "recently_contacted", _("contacted a short while ago")
    COLLEAGUE = "colleague", _("a colleague has been in touch")
    BUDGET = "budget", _("reached as often as this month allows")
    NO_GUIDE = "no_guide", _("has no serving guide")
    GUIDE_OFF = "guide_off", _("serving guide is not at work")
    NO_PERSON = "no_person", _("no longer known")
    # asked by the room that knows complaints and plans, of those whom everything above lets through
    COMPLAINT = "complaint", _("complaint open")
    OTHER_PLAN = "other_plan", _("stands in another running push already")


_CAPS = {"week": 7, "day": 1}
_CAP_WORDS = {
    "month": Refusal.BUDGET.label,
    "week": _("reached as often as WeCom allows in a week"),
    "day": _("reached today; WeCom allows one a day"),
}
_BEFORE_COLLEAGUE = frozenset(list(Refusal)[: list(Refusal).index(Refusal.COLLEAGUE)])


def _asks_ledger(refusal: Refusal | None) -> bool:
    """No reason that stands before the colleague's was found."""
    return refusal not in _BEFORE_COLLEAGUE


def sentence(refusal: str, *, recent_days: int = RECENT_DAYS) -> str:
    """The reason as it is stored and shown."""
    if refusal == Refusal.RECENTLY_CONTACTED:
        return gettext("contacted in the last %(days)s days") % {"days": recent_days}
    if refusal == Refusal.COLLEAGUE:
        hours = {"hours": ledger.block_hours()}
        return gettext("a colleague has been in touch within %(hours)s hours") % hours
    if refusal == Refusal.BUDGET:
        return str(_CAP_WORDS[cap_rule()])
    return str(Refusal(refusal).label)


def cap_rule() -> str:
    """WeCom counts what one customer gets by the month, or by week or day where its admin chose."""
    rule = str(settings.WECOM_CAP_RULE)
    return rule if rule in _CAP_WORDS else "month"


def month_of(moment: datetime) -> date:
    """The first day of the period that WeCom counts in: the chain's month, week or day."""
    day = clock.business_day(moment)
    if cap_rule() == "day":
        return day
    if cap_rule() == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def monthly_cap(moment: datetime) -> int:
    """How many mass sends one customer may get in the period. By the month: a setting, else the
    month's days."""
    if cap_rule() != "month":
        return _CAPS[cap_rule()]
    if settings.WECOM_MONTHLY_CAP:
        return int(settings.WECOM_MONTHLY_CAP)
    first = month_of(moment)
    return ((first + timedelta(days=32)).replace(day=1) - first).days


def _recently(person: str) -> str:
    """SQL: was this person reached, or did they write, in the days asked for?"""
    return f"""(EXISTS (
            SELECT FROM outreach_dispatchrecipient AS sent
            WHERE sent.member_id = {person} AND sent.state = 'delivered'
                AND sent.result_at BETWEEN %(recent_since)s AND %(now)s
        ) OR EXISTS (
            SELECT FROM members_interaction AS talk
            WHERE talk.member_id = {person} AND talk.kind = 'message'
                AND talk.occurred_at BETWEEN %(recent_since)s AND %(now)s
        ))"""


def _facts(person: str) -> str:
    """SQL: what is asked about every planned member, `person` being whom the rows stand by."""
    return f"""LEFT JOIN serving ON serving.member_id = planned.member_id
    LEFT JOIN stores_guide AS guide ON guide.id = serving.guide_id
    LEFT JOIN stores_posting AS posting
        ON posting.guide_id = serving.guide_id AND posting.during @> %(today)s::date
    LEFT JOIN members_stopmark AS stop ON stop.member_id = {person} AND stop.until IS NULL
    LEFT JOIN members_consent AS consent
        ON consent.member_id = {person} AND consent.withdrawn_at IS NULL
        AND consent.purpose = %(purpose)s
    LEFT JOIN outreach_contactbudget AS budget
        ON budget.member_id = planned.member_id AND budget.month = %(month)s"""


# Nearly everybody is one person: every table has at most one row for them (its constraints say so;
# only a second friendship with one guide makes a second row, see `reach_select`), and the first
# branch is a plain join tree that the planner turns into hash joins for a million members and into
# index look-ups for one. Whoever was merged from several persons is folded in the second branch.
_SELECT = f"""
WITH planned (member_id) AS NOT MATERIALIZED (
    {{members}}
), serving AS NOT MATERIALIZED (
    {{serving}}
), several AS MATERIALIZED (
    SELECT DISTINCT planned.member_id FROM planned
    JOIN members_member AS other ON other.survivor_id = planned.member_id
    WHERE (other.survivor_id <> other.id) IS TRUE  -- so written, it has statistics of its own
), found AS (
    SELECT planned.member_id,
        serving.guide_id,
        coalesce(posting.store_id, serving.store_id) AS store_id,
        coalesce(follow.external_userid, '') AS external_userid,
        stop.id IS NOT NULL AS stopped,
        consent.id IS NOT NULL AS consents,
        follow.id IS NOT NULL OR (serving.guide_id IS NULL AND EXISTS (
            SELECT FROM members_followrelation AS friend
            WHERE friend.member_id = planned.member_id AND friend.until IS NULL)) AS is_friend,
        {_recently("planned.member_id")} AS recently,
        coalesce(budget.used, 0) >= %(cap)s AS used_up,
        guide.status = 'active' AND posting.id IS NOT NULL AS at_work,
        gone.id IS NULL AS alive  -- nobody befriends who never was
    FROM planned
    LEFT JOIN members_member AS gone ON gone.id = planned.member_id
        AND ((gone.survivor_id <> gone.id) IS TRUE OR gone.erased_at IS NOT NULL)
    {_facts("planned.member_id")}
    LEFT JOIN members_followrelation AS follow
        ON follow.member_id = planned.member_id AND follow.guide_id = serving.guide_id
        AND follow.until IS NULL
    WHERE NOT EXISTS (SELECT FROM several WHERE several.member_id = planned.member_id)
    UNION ALL
    SELECT planned.member_id,
        max(serving.guide_id),
        max(coalesce(posting.store_id, serving.store_id)),
        coalesce(min(follow.external_userid), ''),
        bool_or(stop.id IS NOT NULL),
        bool_or(consent.id IS NOT NULL),
        bool_or(follow.id IS NOT NULL),
        bool_or({_recently("person.id")}),
        bool_or(coalesce(budget.used, 0) >= %(cap)s),
        bool_or(guide.status = 'active' AND posting.id IS NOT NULL),
        bool_or(person.id = planned.member_id AND person.erased_at IS NULL)
    FROM several AS planned
    LEFT JOIN members_member AS person ON person.survivor_id = planned.member_id
    {_facts("person.id")}
    LEFT JOIN members_followrelation AS follow
        ON follow.member_id = person.id AND follow.until IS NULL
        AND (serving.guide_id IS NULL OR follow.guide_id = serving.guide_id)
    GROUP BY planned.member_id
)
SELECT member_id, guide_id, store_id, external_userid,
    CASE
        WHEN stopped THEN 'stopped'
        WHEN %(marketing)s AND NOT consents THEN 'no_consent'
        WHEN NOT is_friend THEN 'not_friend'
        WHEN recently THEN 'recently_contacted'
        WHEN used_up THEN 'budget'
        WHEN guide_id IS NULL THEN 'no_guide'
        WHEN NOT coalesce(at_work, false) THEN 'guide_off'
        WHEN NOT coalesce(alive, false) THEN 'no_person'
        ELSE ''
    END AS refusal
FROM found
"""

_SERVING = "SELECT member_id, guide_id, store_id FROM members_servingperiod WHERE until IS NULL"
_ONCE = """
SELECT DISTINCT ON (member_id) * FROM ({reach}) AS reach ORDER BY member_id, external_userid
"""
# Whom somebody else than the guide to come has contacted within the block. The ledger asks member
# by member; here what is young is read once, by its time, however many are planned: what waits for
# WeCom, and the contacts kept with the member (a delivered one is among them).
_COLLEAGUES = """
SELECT reach.member_id, reach.guide_id, reach.store_id, reach.external_userid,
    CASE WHEN reach.refusal = ANY(%s) AND (lately.first_guide IS DISTINCT FROM reach.guide_id
              OR lately.last_guide IS DISTINCT FROM reach.guide_id)
              AND lately.member_id IS NOT NULL
         THEN 'colleague' ELSE reach.refusal END AS refusal
FROM ({reach}) AS reach
LEFT JOIN (
    SELECT person.survivor_id AS member_id,
        min(guide_id) AS first_guide, max(guide_id) AS last_guide
    FROM (
        SELECT receiver.member_id, send.guide_id
        FROM outreach_dispatchrecipient AS receiver
        JOIN outreach_dispatch AS send ON send.id = receiver.dispatch_id
        WHERE receiver.state = 'waiting'
            AND coalesce(send.sent_at, send.handed_over_at,
                         greatest(send.created_at, send.not_before)) > %s
        UNION ALL
        SELECT member_id, guide_id FROM members_interaction
        WHERE kind IN ('message', 'chat_opened') AND occurred_at > %s AND occurred_at <= %s
    ) AS contact
    JOIN members_member AS person ON person.id = contact.member_id
    GROUP BY person.survivor_id
) AS lately ON lately.member_id = reach.member_id
"""
# Asked around everything else, and only while head office has not switched every store on. What is
# true of the member whoever serves them goes first.
_NOT_LIVE = """
SELECT reach.member_id, reach.guide_id, reach.store_id, reach.external_userid,
    CASE WHEN reach.store_id = ANY(%s::bigint[])
              AND reach.refusal NOT IN ('stopped', 'no_consent')
         THEN 'not_live' ELSE reach.refusal END AS refusal
FROM ({reach}) AS reach
"""
# Who refused that we choose by purchases: took the consent back, or left it out on our own page,
# where it was asked beside the membership. Who was never asked has not refused.
_NO_PROFILING = """
WITH reach AS MATERIALIZED ({reach})
SELECT reach.member_id, reach.guide_id, reach.store_id, reach.external_userid,
    CASE WHEN unwilling.member_id IS NOT NULL AND reach.refusal NOT IN ('stopped', 'no_consent')
         THEN 'no_profiling' ELSE reach.refusal END AS refusal
FROM reach
LEFT JOIN (
    -- joined to whom we ask about, so that few of them cost few look-ups
    SELECT person.survivor_id AS member_id
    FROM reach AS asked
    JOIN members_member AS person ON person.survivor_id = asked.member_id
    JOIN members_consent AS consent ON consent.member_id = person.id
    WHERE consent.purpose IN (%s, %s)
    GROUP BY person.survivor_id
    HAVING NOT bool_or(consent.purpose = %s AND consent.withdrawn_at IS NULL)
        AND bool_or(consent.purpose = %s OR consent.channel = ANY(%s))
) AS unwilling ON unwilling.member_id = reach.member_id
"""
# one guide's store is looked at beside each row: a tap asks no further question
_HERE = """
SELECT reach.member_id,
    CASE WHEN reach.refusal NOT IN ('stopped', 'no_consent') AND EXISTS (
             SELECT FROM stores_store AS store
             WHERE store.id = reach.store_id AND store.live_since IS NULL)
         THEN 'not_live' ELSE reach.refusal END AS refusal
FROM ({reach}) AS reach
"""
_THIS_GUIDE = (
    "SELECT member_id, %(guide_id)s::bigint AS guide_id, NULL::bigint AS store_id FROM planned"
)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the statement's named places are filled with."""

    now: datetime
    marketing: bool
    recent_days: int | None
    cap: int
    guide_id: int | None = None

    def values(self) -> dict[str, Any]:
        # nobody was reached in a window that begins when it ends
        window = timedelta(days=self.recent_days) if self.recent_days else timedelta(seconds=-1)
        return {
            "now": self.now,
            "recent_since": self.now - window,
            "today": clock.business_day(self.now),
            "purpose": Consent.Purpose.WECOM_MARKETING,
            "month": month_of(self.now),
            "marketing": self.marketing,
            "cap": self.cap,
            "guide_id": self.guide_id,
        }


def _positional(statement: str, values: dict[str, Any]) -> tuple[str, list[Any]]:
    """Named places → `%s` in order, so that the statement can stand inside a larger one."""
    parts = statement.split("%(")
    sql, params = [parts[0]], []
    for part in parts[1:]:
        name, rest = part.split(")s", 1)
        params.append(values[name])
        sql.append("%s" + rest)
    return "".join(sql), params


def _build(
    members_sql: str, members_params: Sequence[Any], serving: str, terms: _Terms
) -> tuple[str, list[Any]]:
    head, tail = _SELECT.replace("{serving}", serving).split("{members}")
    before, before_params = _positional(head, terms.values())
    after, after_params = _positional(tail, terms.values())
    return before + members_sql + after, [*before_params, *members_params, *after_params]


def reach_select(
    *,
    members_sql: str,
    members_params: Sequence[Any],
    now: datetime,
    marketing: bool,
    recent_days: int | None = RECENT_DAYS,
    once: bool = True,
    serving: str | None = None,
    by_profile: bool = False,
) -> tuple[str, list[Any]]:
    """SQL that says for each survivor of `members_sql` (one column, each once) who would reach
    them.

    Columns: member_id, guide_id, store_id (where the guide works today), external_userid, refusal
    ('' = may be reached). Exactly one row per member; with `once` False whoever befriended the
    guide twice has a row for each friendship, and the caller drops the second. `marketing` asks
    for consent; `recent_days` None leaves out the question whether somebody was just there.
    `serving`: a SELECT of member_id, guide_id, store_id, at most one row per member, where others
    than the serving guides are meant. `by_profile`: these were chosen by what is known of their
    purchases, which some do not want.
    """
    terms = _Terms(now=now, marketing=marketing, recent_days=recent_days, cap=monthly_cap(now))
    sql, params = _build(members_sql, members_params, serving or _SERVING, terms)
    if marketing and ledger.block_hours():
        since = now - timedelta(hours=ledger.block_hours())
        asked = ["", *(refusal.value for refusal in Refusal if _asks_ledger(refusal))]
        sql, params = _COLLEAGUES.format(reach=sql), [asked, *params, since, since, now]
    if not_live := stores_not_live():
        sql, params = _NOT_LIVE.format(reach=sql), [not_live, *params]
    if by_profile:
        ours, joined = Consent.Purpose.PROFILING, Consent.Purpose.MEMBERSHIP
        terms_of_it = [ours, joined, ours, ours, list(Consent.OWN_PAGES)]
        sql, params = _NO_PROFILING.format(reach=sql), [*params, *terms_of_it]
    return (_ONCE.format(reach=sql) if once else sql), params


# more than any month can use: the statement's way of not asking
_NO_CAP = 32_767


def check_many(
    *,
    member_ids: Sequence[int],
    guide_id: int,
    now: datetime,
    marketing: bool,
    budget: bool = True,
    asking: int | None = None,
) -> dict[int, Refusal]:
    """Who of these may not be written to by this guide now, and why; absent = may be.

    `asking` is the send that asks for itself before it goes out.
    """
    survivors = dict(Member.objects.filter(pk__in=member_ids).values_list("pk", "survivor_id"))
    terms = _terms_here(guide_id, now, marketing, monthly_cap(now) if budget else _NO_CAP)
    wanted = sorted({survivors.get(member_id, member_id) for member_id in member_ids})
    refused = _refused_here("SELECT unnest(%s::bigint[])", [wanted], terms)
    if marketing:
        asked = [member_id for member_id in wanted if _asks_ledger(refused.get(member_id))]
        others = ledger.by_colleagues(member_ids=asked, guide_id=guide_id, now=now, before=asking)
        refused |= dict.fromkeys(others, Refusal.COLLEAGUE)
    return {
        member_id: refused[survivors.get(member_id, member_id)]
        for member_id in member_ids
        if survivors.get(member_id, member_id) in refused
    }


def _terms_here(guide_id: int, now: datetime, marketing: bool, cap: int) -> _Terms:
    return _Terms(now=now, marketing=marketing, recent_days=None, cap=cap, guide_id=guide_id)


def _refused_here(members_sql: str, members: list[Any], terms: _Terms) -> dict[int, Refusal]:
    """Whom this guide may not write to, and why, before the ledger is asked."""
    sql, params = _build(members_sql, members, _THIS_GUIDE, terms)
    with connection.cursor() as cursor:
        cursor.execute(_HERE.format(reach=sql), params)
        return {member: Refusal(code) for member, code in cursor.fetchall() if code}


# why not, with the colleague's contact where that is why
Look = tuple[Refusal | None, ledger.Contact | None]
# whoever was merged is asked about as the person they are now
_ONE = "SELECT coalesce((SELECT survivor_id FROM members_member WHERE id = %s), %s)"


def check_one(*, member_id: int, guide_id: int, now: datetime, marketing: bool) -> Refusal | None:
    """May this guide write to this member now? None = yes."""
    refusal, _contact = look_at_one(
        member_id=member_id, guide_id=guide_id, now=now, marketing=marketing
    )
    return refusal


def look_at_one(*, member_id: int, guide_id: int, now: datetime, marketing: bool) -> Look:
    """The same, with the colleague's contact where that is the refusal."""
    refusal = _refusal_of_one(member_id, guide_id, now, marketing)
    return _with_colleagues(refusal, member_id, guide_id, now) if marketing else (refusal, None)


def look_both_ways(*, member_id: int, guide_id: int, now: datetime) -> dict[bool, Look]:
    """What is said to marketing (True) and to service (False), in two queries at most: before the
    ledger only the consent tells them apart, and where that is missing the ledger is not asked."""
    refusal = _refusal_of_one(member_id, guide_id, now, True)
    marketing = _with_colleagues(refusal, member_id, guide_id, now)
    if refusal == Refusal.NO_CONSENT:
        refusal = _refusal_of_one(member_id, guide_id, now, False)
    return {True: marketing, False: (refusal, None)}


def _refusal_of_one(
    member_id: int, guide_id: int, now: datetime, marketing: bool
) -> Refusal | None:
    terms = _terms_here(guide_id, now, marketing, monthly_cap(now))
    return next(iter(_refused_here(_ONE, [member_id, member_id], terms).values()), None)


def _with_colleagues(refusal: Refusal | None, member_id: int, guide_id: int, now: datetime) -> Look:
    if not _asks_ledger(refusal):
        return refusal, None
    others = ledger.by_colleagues(member_ids=[member_id], guide_id=guide_id, now=now)
    contact = others.get(member_id)
    return (Refusal.COLLEAGUE if contact else refusal), contact
