"""经链接下单: orders whose shop named the tracked link they came by."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from apps.guide_tasks.models import LinkOrder, TaskPush
from apps.orders.selectors import NET_SALES

# Order view: what is left of a sale after its returns. Whose order it is, merged members meet
# through their survivor; a passed-on link brings orders of people whom the push never named.
_OF_PUSH = f"""
WITH sales AS (
    SELECT sale.id, sale.net_fen, buyer.survivor_id
    FROM guide_tasks_linkorder AS came
    JOIN ({NET_SALES}) AS sale ON sale.id = came.order_id
    LEFT JOIN members_member AS buyer ON buyer.id = sale.member_id
    WHERE came.push_id = %s AND sale.net_fen > 0
), asked AS (
    SELECT t.id, person.survivor_id FROM guide_tasks_tasktarget AS t
    JOIN members_member AS person ON person.id = t.member_id
    WHERE t.push_id = %s AND person.survivor_id IN (SELECT survivor_id FROM sales)
)
SELECT count(*), coalesce(sum(net_fen), 0)::bigint,
    count(*) FILTER (WHERE survivor_id IN (SELECT survivor_id FROM asked)),
    (SELECT coalesce(array_agg(id ORDER BY id), '{{}}') FROM asked)
FROM sales
"""


@dataclass(frozen=True, slots=True)
class LinkOrders:
    """Orders with something left after returns: all of them, and those of the push's own members;
    `targets` are these members' places in the push."""

    orders: int
    net_fen: int
    own: int
    targets: list[int]

    @property
    def passed_on(self) -> int:
        """Orders of others: the link was passed on, or the shop did not know who bought."""
        return self.orders - self.own


def push_link_orders(*, push: TaskPush) -> LinkOrders:
    """What came by the links of a push's messages. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_PUSH, [push.pk, push.pk])
        return LinkOrders(*cursor.fetchone())


def links_of_orders(*, order_ids: Sequence[int]) -> dict[int, LinkOrder]:
    """By whose link each of these orders came, with guide and push; one query."""
    found = LinkOrder.objects.filter(order_id__in=order_ids).select_related("guide", "push")
    return {one.order_id: one for one in found}
