"""经链接下单: orders whose shop named the tracked link they came by."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from apps.guide_tasks.models import LinkOrder, TaskPush
from apps.orders.selectors import NET_SALES

# Order view: what is left of a sale after its returns. Whose order it is, merged members meet
# through their survivor. A link stands in one send, and whoever got that send got the link; a link
# that no send carried was put into the chat of the target it names; where the send was taken away
# since, everybody in the push may have got it. A passed-on link brings orders of others, also of
# people whom the push names for another send.
_OF_PUSH = f"""
WITH sales AS (
    SELECT sale.id, sale.net_fen, buyer.survivor_id, came.link_id, link.dispatch_id,
        link.source
    FROM guide_tasks_linkorder AS came
    JOIN ({NET_SALES}) AS sale ON sale.id = came.order_id
    LEFT JOIN members_member AS buyer ON buyer.id = sale.member_id
    LEFT JOIN outreach_trackedlink AS link ON link.id = came.link_id
    WHERE came.push_id = %s AND sale.net_fen > 0
), asked AS (
    SELECT t.id, person.survivor_id FROM guide_tasks_tasktarget AS t
    JOIN members_member AS person ON person.id = t.member_id
    WHERE t.push_id = %s AND person.survivor_id IN (SELECT survivor_id FROM sales)
), own AS (
    SELECT sales.id, sales.survivor_id FROM sales
    WHERE EXISTS (
        SELECT FROM outreach_dispatchrecipient AS got
        JOIN members_member AS person ON person.id = got.member_id
        WHERE got.dispatch_id = sales.dispatch_id AND person.survivor_id = sales.survivor_id
    ) OR EXISTS (
        SELECT FROM asked WHERE asked.survivor_id = sales.survivor_id
            AND sales.dispatch_id IS NULL AND sales.source = 'task_target:' || asked.id
    ) OR (
        sales.link_id IS NULL AND sales.survivor_id IN (SELECT survivor_id FROM asked)
    )
)
SELECT count(*), coalesce(sum(net_fen), 0)::bigint,
    (SELECT count(*) FROM own),
    count(*) FILTER (WHERE survivor_id IS NULL),
    (SELECT coalesce(array_agg(id ORDER BY id), '{{}}') FROM asked
        WHERE survivor_id IN (SELECT survivor_id FROM own))
FROM sales
"""

# a post or a group's message is for everybody who sees it: nobody of them got it by name
_OF_POST = f"""
SELECT count(*), coalesce(sum(sale.net_fen), 0)::bigint,
    count(*) FILTER (WHERE sale.member_id IS NULL), count(*) FILTER (WHERE came.guide_id IS NULL)
FROM guide_tasks_linkorder AS came
JOIN ({NET_SALES}) AS sale ON sale.id = came.order_id
WHERE came.push_id = %s AND sale.net_fen > 0
"""


@dataclass(frozen=True, slots=True)
class PostOrders:
    """Orders with something left after returns, in fen; those whose buyer the shop did not know,
    and those whose link names no guide."""

    orders: int
    net_fen: int
    unknown: int
    no_guide: int


@dataclass(frozen=True, slots=True)
class LinkOrders:
    """Orders with something left after returns: all of them, those of who got the very message
    or card, and those whose buyer the shop did not know; `targets`: the receivers' places in it.
    """

    orders: int
    net_fen: int
    own: int
    unknown: int
    targets: list[int]

    @property
    def passed_on(self) -> int:
        """Orders of somebody else: the link was passed on."""
        return self.orders - self.own - self.unknown


def push_link_orders(*, push: TaskPush) -> LinkOrders:
    """What came by the links of a push's messages. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_PUSH, [push.pk, push.pk])
        return LinkOrders(*cursor.fetchone())


def post_link_orders(*, push: TaskPush) -> PostOrders:
    """What came by the links of a push that goes to groups or into moments. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_POST, [push.pk])
        return PostOrders(*cursor.fetchone())


def links_of_orders(*, order_ids: Sequence[int]) -> dict[int, LinkOrder]:
    """By whose link each of these orders came, with guide and push; one query."""
    found = LinkOrder.objects.filter(order_id__in=order_ids).select_related("guide", "push")
    return {one.order_id: one for one in found}
