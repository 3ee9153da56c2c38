"""Reads of the groups' pages: lists with what came and went, a group's weeks, codes' joins."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from apps.accounts.actor import Actor
from apps.core import clock
from apps.customer_groups.models import (
    CustomerGroup,
    GroupCode,
    GroupMembership,
    GroupSend,
    OwnerSend,
)
from apps.outreach import policy

WEEK = timedelta(days=7)
OWN_SENDS_SHOWN = timedelta(days=90)
State = GroupSend.State


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One line of a list: a group and its last seven days."""

    group: CustomerGroup
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """Over every living group the actor may see."""

    groups: int
    customers: int
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class GroupWeek:
    """Seven days up to `until`: customers who came and went."""

    since: datetime
    until: datetime
    joined: int
    left: int


def groups_for(
    *, actor: Actor, region_id: int | None = None, store_id: int | None = None,
    words: str = "", dissolved: bool = False,
) -> QuerySet[CustomerGroup]:  # fmt: skip
    """Groups the actor may see, narrowed by place and by words of name or owner."""
    found = CustomerGroup.objects.visible_to(actor).select_related("owner", "store")
    found = found.exclude(dismissed_at=None) if dissolved else found.living()
    if region_id:
        found = found.filter(store__region_id=region_id)
    if store_id:
        found = found.filter(store_id=store_id)
    if words:
        found = found.filter(Q(name__icontains=words) | Q(owner__name__icontains=words))
    return found


def with_week(groups: Sequence[CustomerGroup], *, now: datetime) -> list[GroupRow]:
    """The last seven days of each; two queries, however many."""
    ids, since = [group.pk for group in groups], now - WEEK
    stays = GroupMembership.objects.filter(group_id__in=ids)
    joined = _counted(stays.joined_since(since))
    left = _counted(stays.left_since(since))
    return [GroupRow(group, joined.get(group.pk, 0), left.get(group.pk, 0)) for group in groups]


def _counted(stays: QuerySet[GroupMembership]) -> dict[int, int]:
    return dict(stays.order_by().values_list("group_id").annotate(n=Count("pk")))


def totals_for(*, actor: Actor, now: datetime) -> GroupTotals:
    living = CustomerGroup.objects.visible_to(actor).living()
    size = living.order_by().aggregate(groups=Count("pk"), customers=Sum("customers"))
    stays = GroupMembership.objects.visible_to(actor)
    return GroupTotals(
        groups=size["groups"],
        customers=size["customers"] or 0,
        joined=stays.joined_since(now - WEEK).count(),
        left=stays.left_since(now - WEEK).count(),
    )


def weeks_of(group: CustomerGroup, *, now: datetime, weeks: int = 8) -> list[GroupWeek]:
    """The last weeks, newest first; two queries."""
    end = clock.day_start(clock.business_day(now)) + timedelta(days=1)
    since = end - WEEK * weeks
    mine = GroupMembership.objects.filter(group=group)
    joined = list(mine.joined_since(since).values_list("joined_at", flat=True))
    left = list(mine.left_since(since).values_list("left_at", flat=True))
    rows = []
    for place in range(weeks):
        until, begun = end - WEEK * place, end - WEEK * (place + 1)
        rows.append(
            GroupWeek(
                since=begun,
                until=until - timedelta(days=1),
                joined=sum(begun <= at < until for at in joined),
                left=sum(at is not None and begun <= at < until for at in left),
            )
        )
    return rows


def recent_stays(group: CustomerGroup, *, limit: int = 50) -> list[GroupMembership]:
    """Customers who came or went last, newest first."""
    stays = GroupMembership.objects.filter(group=group, is_customer=True).select_related("member")
    return list(stays.order_by("-joined_at", "-pk")[:limit])


def joined_by_code(codes: Sequence[GroupCode]) -> dict[int, int]:
    """Customers who ever joined by each code."""
    by_state = {code.join_state: code.pk for code in codes}
    counted = (
        GroupMembership.objects.customers()
        .filter(state__in=by_state)
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    return {by_state[state]: times for state, times in counted}


# --- sends to groups -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendFigures:
    """All sends of one source: owners, groups asked for, groups that have it."""

    owners: int
    groups: int
    sent: int
    confirmed: int
    left_out: int
    over_limit: int
    troubled: list[GroupSend]


def awaited(send: GroupSend) -> set[str]:
    """The groups that are to have it, or have it: what was dissolved meanwhile, or is another
    owner's by now, cannot."""
    theirs = CustomerGroup.objects.sendable().filter(
        owner_id=send.guide_id, corp_id=send.corp_id, chat_id__in=send.chat_ids
    )
    return send.expected & {*theirs.values_list("chat_id", flat=True), *send.sent_chat_ids}


# what is on its way takes a place as well, but none in groups that WeCom left out of it; of what
# WeCom let through no more (`told`) nobody gets another, and it took no place.
# what owners sent by themselves (`own`) WeCom counts as it counts ours.
# `one` is the chat asked about, in a list, or an empty list for all
_USED = """
SELECT part.corp_id, chat.id AS chat_id, count(*) FILTER (WHERE NOT part.told) AS times,
    bool_or(part.told) AS told, count(*) FILTER (WHERE part.own) AS own
FROM (
    SELECT corp_id, sent_chat_ids AS ids, false AS told, false AS own
    FROM customer_groups_groupsend
    WHERE confirmed_at >= %(since)s AND sent_chat_ids @> %(one)s::jsonb
    UNION ALL
    SELECT corp_id, sent_chat_ids, false, true FROM customer_groups_ownersend
    WHERE sent_at >= %(since)s AND sent_chat_ids @> %(one)s::jsonb
    UNION ALL
    SELECT corp_id, over_limit_chat_ids, true, false FROM customer_groups_groupsend
    WHERE confirmed_at >= %(since)s AND over_limit_chat_ids @> %(one)s::jsonb
    UNION ALL
    SELECT corp_id, chat_ids - ARRAY(SELECT jsonb_array_elements_text(left_out)), false, false
    FROM customer_groups_groupsend
    WHERE confirmed_at IS NULL AND withdrawn_at IS NULL AND closes_at > %(now)s
        AND state IN ('queued', 'handed_over', 'unknown') AND chat_ids @> %(one)s::jsonb
) AS part, jsonb_array_elements_text(part.ids) AS chat (id)
GROUP BY 1, 2
"""
_FULL = f"""
SELECT g.id FROM customer_groups_customergroup AS g JOIN ({_USED}) AS used
    ON used.corp_id = g.corp_id AND used.chat_id = g.chat_id
WHERE g.dismissed_at IS NULL AND (used.told OR used.times >= %(cap)s)
"""
_OF_ONE = f"""
SELECT times, told, own FROM ({_USED}) AS used WHERE corp_id = %(corp)s AND chat_id = %(chat)s
"""


def _asked(now: datetime, one: str = "") -> dict[str, Any]:
    since = clock.day_start(policy.month_of(now))
    asked = {"since": since, "now": now, "one": json.dumps([one] if one else [])}
    return asked | {"cap": policy.monthly_cap(now)}


def full_groups(*, now: datetime) -> list[int]:
    """Living groups to which WeCom lets nothing more through in the present period: as many as for
    one customer, by the month, or by week or day where its admin chose. Owners' own sends count
    once WeCom has told of them."""
    with connection.cursor() as cursor:
        cursor.execute(_FULL, _asked(now))
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class SendRoom:
    """Mass sends that a group has had in the present period (`month`, `week` or `day`), or that are
    on their way to it, and how many more WeCom lets through at most; `own` of them its owner sent
    without us. `told`: none, as WeCom said by leaving the group out."""

    period: str
    cap: int
    used: int
    left: int
    told: bool
    own: int


def send_room(group: CustomerGroup, *, now: datetime) -> SendRoom:
    """Of one group; one query."""
    asked = _asked(now, group.chat_id)
    with connection.cursor() as cursor:
        cursor.execute(_OF_ONE, {**asked, "corp": group.corp_id, "chat": group.chat_id})
        used, told, own = cursor.fetchone() or (0, False, 0)
    left = 0 if told else max(asked["cap"] - used, 0)
    return SendRoom(
        period=policy.cap_rule(), cap=asked["cap"], used=used, left=left, told=told, own=own
    )


def own_sends_of(group: CustomerGroup, *, now: datetime, limit: int = 10) -> list[OwnerSend]:
    """What its owner sent to it alone in the last OWN_SENDS_SHOWN, newest first; one query, which
    reads the sends of this owner and time."""
    if group.owner_id is None:
        return []
    mine = OwnerSend.objects.filter(guide_id=group.owner_id, made_at__gte=now - OWN_SENDS_SHOWN)
    found = mine.into(group).select_related("guide")
    return list(found.order_by("-sent_at", "-pk")[:limit])


@dataclass(frozen=True, slots=True)
class OwnerResult:
    """An owner's send: groups that have it, that are to have it, that WeCom let nothing through
    to."""

    sent: int
    awaited: int
    over_limit: int


def owner_result(*, source: str, guide_id: int) -> OwnerResult:
    """Of one owner, all parts together."""
    sends = list(GroupSend.objects.filter(source=source, guide_id=guide_id))
    return OwnerResult(
        sent=sum(len(send.sent_chat_ids) for send in sends),
        awaited=sum(len(awaited(send) - set(send.over_limit_chat_ids)) for send in sends),
        over_limit=sum(len(send.over_limit_chat_ids) for send in sends),
    )


def send_state(*, source: str, guide_id: int) -> str:
    """Where an owner's send stands: that of its first part that is not through."""
    order = [State.FAILED, State.UNKNOWN, State.QUEUED, State.HANDED_OVER]
    found = GroupSend.objects.filter(source=source, guide_id=guide_id)
    states = set(found.values_list("state", flat=True))
    return next((str(state.value) for state in order if state in states), "")


def not_at_wecom(*, source: str, guide_ids: Collection[int]) -> int:
    """How many of these owners' sends WeCom does not have, or may not have."""
    missing = GroupSend.objects.filter(
        state__in=[State.QUEUED, State.UNKNOWN, State.FAILED], withdrawn_at=None
    )
    return missing.filter(source=source, guide_id__in=list(guide_ids)).count()


def send_figures(*, source: str, actor: Actor) -> SendFigures:
    """What became of a source's sends, for a page; one query."""
    sends = list(
        GroupSend.objects.visible_to(actor)
        .filter(source=source)
        .select_related("guide")
        .order_by("guide__name", "pk")
    )
    return SendFigures(
        owners=len({send.guide_id for send in sends}),
        groups=sum(len(send.chat_ids) for send in sends),
        sent=sum(len(send.sent_chat_ids) for send in sends),
        confirmed=len({s.guide_id for s in sends if s.confirmed_at or s.sent_chat_ids}),
        left_out=sum(len(send.left_out) for send in sends),
        over_limit=sum(len(send.over_limit_chat_ids) for send in sends),
        troubled=[send for send in sends if send.state in (State.FAILED, State.UNKNOWN)],
    )
