"""From orders to lines: what a sale's lines are worth to whom, less what is entered already.

An order that came in or changed leaves a row in its own transaction. The job takes such rows in
batches, works out the whole of each sale with its returns, and adds the differences as new lines:
the same order twice adds nothing, a return or a correction adds what it changes.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from apps.core.locks import take_turn

TURN = "commissions.booking"
BATCH = 1_000

_NOTE = """
INSERT INTO commissions_dueorder (sale_id, noted_at)
SELECT DISTINCT coalesce(given.original_id, given.id), %(now)s::timestamptz
FROM orders_order AS given
WHERE given.id = ANY(%(orders)s) AND (
    EXISTS (SELECT FROM commissions_commissionrule WHERE starts_on <= given.business_on)
    OR EXISTS (SELECT FROM commissions_commissionline
               WHERE sale_id = coalesce(given.original_id, given.id))
    OR EXISTS (SELECT FROM commissions_commissionline WHERE order_id = given.id))
"""
_TAKE = """
DELETE FROM commissions_dueorder WHERE id IN (
    SELECT id FROM commissions_dueorder ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING sale_id
"""
# The till may say later that a return belongs to another sale: where it was entered first it is
# taken out. Looked up at counting and not at noting, when the entry may be under way elsewhere.
_LEFT_BEHIND = """
SELECT DISTINCT kept.sale_id
FROM orders_order AS came
JOIN commissions_commissionline AS kept
    ON kept.order_id = came.id AND kept.sale_id <> came.original_id
WHERE came.original_id = ANY(%(sales)s) AND came.kind = 'return'
"""

# Lines are read sale by sale: its time names the one month in which they lie. A line keeps the rule
# it was first counted by, also when the catalogue says otherwise by now. What came back is taken
# off the rounded whole, so that parts add up to it and never to more. Another guide, store or
# product is a minus where it was and a plus where it is; a line without a product counts as 0. A
# minus has the day of what it takes back, so that both are in one month, the next one open.
_BOOK = """
WITH sale AS (
    SELECT id, paid_at, business_on, store_id, selling_guide_id, serving_guide_id
    FROM orders_order
    WHERE id = ANY(%(sales)s) AND kind = 'sale'
        AND NOT is_staff AND NOT is_group_buy AND NOT is_stored_value
), sold AS (
    SELECT sale.*, line.line_no, line.product_id, line.net_fen, product.category, product.style_no
    FROM sale
    CROSS JOIN LATERAL (
        SELECT line_no, product_id, net_fen FROM orders_orderline
        WHERE order_id = sale.id AND paid_at = sale.paid_at OFFSET 0
    ) AS line
    LEFT JOIN orders_product AS product ON product.id = line.product_id
), claimed AS (
    SELECT sold.*, party.guide_id, rule.id AS rule_id, rule.rate_bp
    FROM sold
    CROSS JOIN LATERAL (VALUES ('selling', sold.selling_guide_id),
                               ('serving', sold.serving_guide_id)) AS party (name, guide_id)
    CROSS JOIN LATERAL (
        SELECT kept.rule_id FROM commissions_commissionline AS kept
        JOIN commissions_commissionrule AS named ON named.id = kept.rule_id
            AND named.party = party.name
        WHERE kept.sale_id = sold.id AND kept.sale_line_no = sold.line_no
            AND kept.product_id IS NOT DISTINCT FROM sold.product_id
        ORDER BY kept.id LIMIT 1
    ) AS before
    JOIN commissions_commissionrule AS rule ON rule.id = before.rule_id
    WHERE party.guide_id IS NOT NULL
    UNION ALL
    SELECT sold.*, party.guide_id, rule.id, rule.rate_bp
    FROM sold
    CROSS JOIN LATERAL (VALUES ('selling', sold.selling_guide_id),
                               ('serving', sold.serving_guide_id)) AS party (name, guide_id)
    CROSS JOIN LATERAL (
        SELECT id, rate_bp FROM commissions_commissionrule
        WHERE commissions_commissionrule.party = party.name
            AND starts_on <= sold.business_on
            AND (ends_on IS NULL OR ends_on >= sold.business_on)
            AND (scope = 'all' OR (scope = 'category' AND category = sold.category)
                 OR (scope = 'style' AND style_no = sold.style_no))
        ORDER BY priority DESC, scope = 'style' DESC, scope = 'category' DESC, id DESC
        LIMIT 1
    ) AS rule
    WHERE party.guide_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM commissions_commissionline AS kept
        JOIN commissions_commissionrule AS named ON named.id = kept.rule_id
            AND named.party = party.name
        WHERE kept.sale_id = sold.id AND kept.sale_line_no = sold.line_no
            AND kept.product_id IS NOT DISTINCT FROM sold.product_id
    )
), back AS (
    SELECT came.original_id AS sale_id, came.id AS order_id, came.business_on, line.line_no,
        line.original_line_no, line.net_fen,
        sum(line.net_fen) OVER (
            PARTITION BY came.original_id, line.original_line_no ORDER BY came.id, line.line_no
        ) AS so_far
    FROM orders_order AS came
    CROSS JOIN LATERAL (
        SELECT line_no, original_line_no, net_fen FROM orders_orderline
        WHERE order_id = came.id AND paid_at = came.paid_at OFFSET 0
    ) AS line
    WHERE came.original_id = ANY(%(sales)s) AND came.kind = 'return'
), wanted AS (
    SELECT id AS sale_id, line_no AS sale_line_no, id AS order_id, line_no, rule_id, guide_id,
        store_id, coalesce(product_id, 0) AS product_id, rate_bp, net_fen AS base_fen,
        round(net_fen::numeric * rate_bp / 10000) AS amount_fen, business_on
    FROM claimed
    UNION ALL
    SELECT claimed.id, claimed.line_no, back.order_id, back.line_no, claimed.rule_id,
        claimed.guide_id, claimed.store_id, coalesce(claimed.product_id, 0), claimed.rate_bp,
        back.net_fen,
        round(greatest(claimed.net_fen + back.so_far, 0)::numeric * rate_bp / 10000)
        - round(greatest(claimed.net_fen + back.so_far - back.net_fen, 0)::numeric
                * rate_bp / 10000),
        back.business_on
    FROM claimed
    JOIN back ON back.sale_id = claimed.id AND back.original_line_no = claimed.line_no
), entered AS (
    SELECT sale_id, sale_line_no, order_id, line_no, rule_id, guide_id, store_id,
        coalesce(product_id, 0) AS product_id, max(rate_bp) AS rate_bp,
        sum(base_fen) AS base_fen, sum(amount_fen) AS amount_fen, count(*) AS entries,
        min(business_on) AS business_on
    FROM commissions_commissionline WHERE sale_id = ANY(%(sales)s)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), missing AS (
    SELECT sale_id, sale_line_no, order_id, line_no, rule_id, guide_id, store_id,
        nullif(product_id, 0) AS product_id,
        coalesce(entered.entries, 0) + 1 AS seq,
        coalesce(wanted.base_fen, 0) - coalesce(entered.base_fen, 0) AS base_fen,
        coalesce(wanted.rate_bp, entered.rate_bp) AS rate_bp,
        coalesce(wanted.amount_fen, 0) - coalesce(entered.amount_fen, 0) AS amount_fen,
        coalesce(entered.business_on, wanted.business_on) AS business_on
    FROM wanted
    FULL JOIN entered USING (
        sale_id, sale_line_no, order_id, line_no, rule_id, guide_id, store_id, product_id
    )
    WHERE coalesce(wanted.amount_fen, 0) <> coalesce(entered.amount_fen, 0)
), closed AS (
    SELECT max(month) + interval '1 month' AS next FROM commissions_commissionmonth
), made AS (
    INSERT INTO commissions_commissionline (
        sale_id, sale_line_no, order_id, line_no, rule_id, guide_id, store_id, product_id, seq,
        kind, base_fen, rate_bp, amount_fen, business_on, month, booked_at
    )
    SELECT sale_id, sale_line_no, order_id, line_no, rule_id, guide_id, store_id, product_id, seq,
        CASE WHEN seq > 1 THEN 'correction' WHEN order_id = sale_id THEN 'sale' ELSE 'refund' END,
        base_fen, rate_bp, amount_fen, business_on,
        greatest(date_trunc('month', business_on::timestamp), closed.next)::date,
        %(now)s::timestamptz
    FROM missing CROSS JOIN closed
    ORDER BY sale_id, order_id, line_no, rule_id, guide_id, seq DESC
    ON CONFLICT DO NOTHING
    RETURNING month, store_id, guide_id, kind, amount_fen
), summed AS (
    INSERT INTO commissions_commissiontotal AS total (
        month, store_id, guide_id, sales_fen, refunds_fen, corrections_fen, lines
    )
    SELECT month, store_id, guide_id,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'sale'), 0),
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'refund'), 0),
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'correction'), 0),
        count(*)
    FROM made GROUP BY 1, 2, 3
    ON CONFLICT (month, store_id, guide_id) DO UPDATE SET
        sales_fen = total.sales_fen + excluded.sales_fen,
        refunds_fen = total.refunds_fen + excluded.refunds_fen,
        corrections_fen = total.corrections_fen + excluded.corrections_fen,
        lines = total.lines + excluded.lines
)
SELECT count(*) FROM made
"""


@transaction.atomic
def note_orders(*, order_ids: Collection[int], now: datetime) -> int:
    """Remember orders whose commission is to be counted; call it in the transaction that wrote
    them. Where no rule was there when they were paid nothing is kept. Returns how many sales."""
    if not order_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"orders": sorted(order_ids), "now": now})
        return cursor.rowcount


def book_due(*, now: datetime, batches: int = 50) -> int:
    """Count the commission of orders that wait, a transaction a batch. Returns the lines added."""
    added = 0
    for _number in range(batches):
        taken, lines = _book_batch(now=now)
        added += lines
        if taken < BATCH:
            break
    return added


@transaction.atomic
def _book_batch(*, now: datetime) -> tuple[int, int]:
    """How many rows were taken, and the lines they added."""
    take_turn(TURN)
    with connection.cursor() as cursor:
        # first taken, then read: an order that changes from here on has a row of its own
        cursor.execute(_TAKE, [BATCH])
        rows = cursor.fetchall()
        if not rows:
            return 0, 0
        sales = {sale_id for (sale_id,) in rows}
        cursor.execute(_LEFT_BEHIND, {"sales": sorted(sales)})
        sales.update(sale_id for (sale_id,) in cursor.fetchall())
        cursor.execute(_BOOK, {"sales": sorted(sales), "now": now})
        return len(rows), cursor.fetchone()[0]
