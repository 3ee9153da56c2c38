"""The contact ledger: one member, all senders: who reached or began to reach them, and when.

It is read from the rows that prove a contact, and is stored nowhere else: receivers of sends that
were delivered or are on their way, what a guide began by hand (chat opened, text put in from the
sidebar), and whom a guide's own send in WeCom reached, as soon as WeCom has told of it. A send that
was called off, refused or ran out is no contact; a moments post reaches nobody by name and does not
count.

While one guide's contact is younger than the block, a colleague's marketing is refused: before the
tap the pages say so, at the tap and at the last look before WeCom is called the policy asks again.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from apps.core.prepared import read

DEFAULT_BLOCK_HOURS = 24
MESSAGE = "message"
OWN_SEND = "own_send:"  # begins the source of a contact that a guide made in WeCom alone


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact. `reached` = WeCom confirmed it; else it was begun and may still arrive."""

    member_id: int
    guide_id: int
    at: datetime
    kind: str
    reached: bool
    dispatch_id: int | None


# both halves are look-ups by member; merged persons share what happened to any of them
_CONTACTS = f"""
SELECT asked.id, contact.guide_id, contact.at, contact.kind, contact.reached, contact.dispatch_id
FROM members_member AS asked
JOIN members_member AS person ON person.survivor_id = asked.survivor_id
CROSS JOIN LATERAL (
    SELECT coalesce(sender.id, send.guide_id) AS guide_id,
        CASE WHEN receiver.state = 'delivered' THEN receiver.result_at
             ELSE coalesce(send.sent_at, send.handed_over_at,
                           greatest(send.created_at, send.not_before)) END AS at,
        'message' AS kind, receiver.state = 'delivered' AS reached,
        CASE WHEN send.state IN ('planned', 'held', 'leased') THEN send.id END AS queued_id,
        send.id AS dispatch_id
    FROM outreach_dispatchrecipient AS receiver
    JOIN outreach_dispatch AS send ON send.id = receiver.dispatch_id
    LEFT JOIN stores_guide AS sender
        ON sender.corp_id = send.corp_id AND sender.wecom_userid = receiver.sender_userid
    WHERE receiver.member_id = person.id AND receiver.state IN ('waiting', 'delivered')
        AND (receiver.result_at IS NULL OR receiver.result_at > %(since)s)
    UNION ALL
    SELECT guide_id, occurred_at, kind, starts_with(source, '{OWN_SEND}'), NULL, NULL
    FROM members_interaction
    WHERE member_id = person.id AND kind IN ('message', 'chat_opened') AND occurred_at > %(since)s
) AS contact
WHERE asked.id = ANY(%(members)s) AND contact.at > %(since)s
    AND (%(guide)s::bigint IS NULL OR contact.guide_id <> %(guide)s)
    AND (%(before)s::bigint IS NULL OR contact.queued_id IS NULL OR contact.queued_id < %(before)s)
ORDER BY contact.at DESC
"""
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('outreach.contact', survivor_id)) FROM (
    SELECT DISTINCT survivor_id FROM members_member WHERE id = ANY(%s) ORDER BY 1
) AS wanted
"""


def block_hours() -> int:
    """For how long a contact keeps colleagues from marketing to the same member; 0 = never."""
    return int(getattr(settings, "CONTACT_BLOCK_HOURS", DEFAULT_BLOCK_HOURS))


def contacts_of(
    *, member_ids: Collection[int], since: datetime, but_guide: int | None = None
) -> dict[int, list[Contact]]:
    """Every contact after `since`, newest first, by member; one query. `but_guide` leaves out that
    guide's own."""
    return _read(member_ids, since, but_guide, None)


def by_colleagues(
    *, member_ids: Collection[int], guide_id: int, now: datetime, before: int | None = None
) -> dict[int, Contact]:
    """Whom another guide reached or began to reach within the block: the latest such contact.

    `before` names a send that asks for itself: what was queued after it does not count, so that of
    two sends to one member the first goes out, and not none.
    """
    hours = block_hours()
    if not hours:
        return {}
    found = _read(member_ids, now - timedelta(hours=hours), guide_id, before)
    return {member_id: contacts[0] for member_id, contacts in found.items()}


def _read(
    member_ids: Collection[int], since: datetime, but_guide: int | None, before: int | None
) -> dict[int, list[Contact]]:
    found: dict[int, list[Contact]] = defaultdict(list)
    if not member_ids:
        return found
    terms: dict[str, Any] = {
        "members": list(member_ids),
        "since": since,
        "guide": but_guide,
        "before": before,
    }
    for row in read(_CONTACTS, terms):
        found[row[0]].append(Contact(*row))
    return found


def one_at_a_time(*, member_ids: Collection[int]) -> None:
    """Until this transaction ends nobody else may begin a contact with these members.

    Whoever asks the ledger in order to write calls this first: of two guides who tap at the same
    moment the second waits, and then reads the first one's row. Always in one order.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(member_ids)])
