"""Reads about looks: what came of each, and what may go into one for this customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from apps.looks.models import Look, LookItem
from apps.members.models import Member
from apps.orders.models import Product
from apps.orders.selectors import KEPT, one_of_each
from apps.profiles.models import MemberFacts

# bought: a style of the look in any colour and size, not returned, within WINDOW_DAYS of 已送达
WINDOW_DAYS = 14
SHOWN = 30
SUGGESTED = 6

_SENDS = f"""
SELECT sent.look_id, person.survivor_id, receiver.state, sent.asked_at,
    EXISTS (
        SELECT FROM outreach_linkclick AS click WHERE click.recipient_id = receiver.id
    ) AS opened,
    receiver.state = 'delivered' AND EXISTS (
        SELECT FROM members_member AS buyer
        JOIN orders_order AS sale ON sale.member_id = buyer.id AND sale.kind = 'sale'
            AND NOT sale.is_staff AND NOT sale.is_group_buy AND NOT sale.is_stored_value
            AND sale.paid_at >= receiver.result_at
            AND sale.paid_at < receiver.result_at + interval '{WINDOW_DAYS} days'
        CROSS JOIN LATERAL (
            SELECT bought.product_id FROM orders_orderline AS bought
            WHERE bought.order_id = sale.id AND bought.paid_at = sale.paid_at AND NOT bought.is_gift
                AND {KEPT} > 0
            OFFSET 0
        ) AS kept
        JOIN orders_product AS got ON got.id = kept.product_id
        WHERE buyer.survivor_id = person.survivor_id AND got.style_no IN (
            SELECT wanted.style_no FROM looks_lookitem AS item
            JOIN orders_product AS wanted ON wanted.id = item.product_id
            WHERE item.look_id = sent.look_id
        )
    ) AS bought
FROM looks_looksend AS sent
JOIN outreach_dispatchrecipient AS receiver ON receiver.dispatch_id = sent.dispatch_id
JOIN members_member AS person ON person.id = receiver.member_id
WHERE sent.look_id = ANY(%s)
"""
_RESULTS = f"""
SELECT look_id, count(DISTINCT survivor_id),
    count(DISTINCT survivor_id) FILTER (WHERE state = 'delivered'),
    count(DISTINCT survivor_id) FILTER (WHERE opened),
    count(DISTINCT survivor_id) FILTER (WHERE bought)
FROM ({_SENDS}) AS one GROUP BY look_id
"""


@dataclass(frozen=True, slots=True)
class Results:
    """To how many persons a look was sent off, how many WeCom delivered it to, and what they did.
    Who was sent it twice is one person."""

    asked: int = 0
    delivered: int = 0
    opened: int = 0
    bought: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One sending of a look to one customer."""

    member_id: int
    state: str
    asked_at: datetime
    opened: bool
    bought: bool


def results_of(*, look_ids: Sequence[int]) -> dict[int, Results]:
    """What came of each, in one query; those never sent are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, [list(look_ids)])
        return {row[0]: Results(*row[1:]) for row in cursor.fetchall()}


def sent_to(*, look_id: int, limit: int = SHOWN) -> list[Sent]:
    """To whom it was sent, the latest first."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_SENDS} ORDER BY sent.asked_at DESC LIMIT %s", [[look_id], limit])
        return [Sent(*row[1:]) for row in cursor.fetchall()]


def pieces_of(look: Look) -> list[Product]:
    return [item.product for item in look.items.all()]


def look_page(*, code: str) -> Look:
    """A look with all that its page shows. Raises Look.DoesNotExist."""
    looks = Look.objects.select_related("guide", "store")
    return looks.prefetch_related("items__product").get(code=code)


def own_pieces(*, guide_id: int, limit: int = SUGGESTED) -> list[Product]:
    """What this guide put into looks lately."""
    lately = LookItem.objects.filter(look__guide_id=guide_id).select_related("product")
    items = lately.order_by("-look__created_at", "place")[:SHOWN]
    return list({item.product_id: item.product for item in items}.values())[:limit]


def suited_to(*, member: Member, limit: int = SUGGESTED) -> list[Product]:
    """Of the kind of goods TA bought most: TA's sizes first, then the newest."""
    facts = MemberFacts.objects.filter(member_id=member.survivor_id).first()
    if facts is None or not facts.favourite_category:
        return []
    sizes = {facts.shoe_size, facts.clothing_size} - {""}
    kind = Product.objects.filter(category=facts.favourite_category)
    return one_of_each(kind, limit=limit, sizes=sizes)
