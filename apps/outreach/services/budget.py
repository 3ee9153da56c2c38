"""The month's budget of a member: how many mass sends WeCom lets through to one customer.

A place is taken when a send is about to be handed to WeCom, by one conditional statement: two
workers cannot both take the last one. It is given back when WeCom says that nothing arrived (not a
friend, over the limit, refused) or the guide never confirmed. So `used` = delivered + on their way
+ what guides sent by themselves, as far as WeCom has told of it.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection

from apps.outreach.models import ContactBudget, DispatchRecipient
from apps.outreach.policy import month_of, monthly_cap

# rows are locked in one order, so that two sends to the same people wait for each other and go on
_TAKE = """
INSERT INTO outreach_contactbudget (member_id, month, used)
SELECT member_id, %s, 1 FROM (
    SELECT DISTINCT survivor_id AS member_id FROM members_member WHERE id = ANY(%s) ORDER BY 1
) AS wanted
ON CONFLICT (member_id, month) DO UPDATE SET used = outreach_contactbudget.used + 1
WHERE outreach_contactbudget.used < %s
RETURNING member_id
"""
_SURVIVORS = "SELECT id FROM members_member WHERE id = ANY(%s) AND survivor_id = ANY(%s)"
_GIVE_BACK = """
WITH freed AS (
    SELECT member.survivor_id, receiver.budget_month, count(*) AS times
    FROM outreach_dispatchrecipient AS receiver
    JOIN members_member AS member ON member.id = receiver.member_id
    WHERE receiver.id = ANY(%s) AND receiver.budget_month IS NOT NULL
    GROUP BY 1, 2
), held AS (
    SELECT budget.id, freed.times FROM outreach_contactbudget AS budget
    JOIN freed ON budget.member_id = freed.survivor_id AND budget.month = freed.budget_month
    ORDER BY budget.member_id FOR UPDATE OF budget
)
UPDATE outreach_contactbudget AS budget SET used = greatest(budget.used - held.times, 0)
FROM held WHERE budget.id = held.id
"""


def take_places(*, receivers: Sequence[DispatchRecipient], now: datetime) -> set[int]:
    """Take a place for each receiver's member; return the ids of receivers who got none.

    A receiver that holds a place already (a send put back in the queue) takes no second one.
    """
    waiting = [row for row in receivers if row.budget_month is None]
    if not waiting:
        return set()
    month, members = month_of(now), [row.member_id for row in waiting]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [month, members, monthly_cap(now)])
        survivors = [row[0] for row in cursor.fetchall()]
        cursor.execute(_SURVIVORS, [members, survivors])
        lucky = {row[0] for row in cursor.fetchall()}
    _remember(waiting, lucky, month)
    return {row.pk for row in waiting if row.member_id not in lucky}


def _remember(waiting: Sequence[DispatchRecipient], lucky: set[int], month: date) -> None:
    holders: dict[int, int] = {}
    for row in waiting:
        if row.member_id in lucky:
            holders.setdefault(row.member_id, row.pk)
    DispatchRecipient.objects.filter(pk__in=holders.values()).update(budget_month=month)


def give_back(*, receiver_ids: Sequence[int]) -> None:
    """Give back the places these receivers hold; harmless to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, [list(receiver_ids)])
    DispatchRecipient.objects.filter(pk__in=receiver_ids).update(budget_month=None)


# what others than us sent: it has happened, whatever the limit says
_MORE = """
INSERT INTO outreach_contactbudget (member_id, month, used)
SELECT DISTINCT survivor_id, %s::date, 1 FROM members_member WHERE id = ANY(%s) ORDER BY 1
ON CONFLICT (member_id, month) DO UPDATE SET used = outreach_contactbudget.used + 1
"""
_FILL = """
INSERT INTO outreach_contactbudget (member_id, month, used)
SELECT DISTINCT survivor_id, %s::date, %s FROM members_member WHERE id = ANY(%s) ORDER BY 1
ON CONFLICT (member_id, month) DO UPDATE SET
    used = greatest(outreach_contactbudget.used, excluded.used)
"""


def count_more(*, member_ids: Sequence[int], month: date) -> None:
    """These members got one more, without us. Not to be repeated: the caller says it once."""
    with connection.cursor() as cursor:
        cursor.execute(_MORE, [month, list(member_ids)])


def fill_up(*, member_ids: Sequence[int], now: datetime) -> None:
    """WeCom says that these customers get no more. Others write to them as well, or the real limit
    is lower than ours: what is left of the period is none, and nobody tries again before it ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [month_of(now), monthly_cap(now), list(member_ids)])


def month_use(*, member_id: int, now: datetime) -> int:
    """How many places of this month are taken."""
    used = ContactBudget.objects.filter(member_id=member_id, month=month_of(now))
    return used.values_list("used", flat=True).first() or 0
