"""Orders in: checked one by one, written in sets, safe to send again."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from apps.accounts.actor import Actor
from apps.core import clock, partitions
from apps.members import selectors as members
from apps.orders.models import Order, OrderLine, Product
from apps.orders.services.messages import sentence
from apps.orders.services.rows import BadRow, OrderResult, OrderRow, Prepared, check_form
from apps.stores.models import Guide, Store
from apps.timeline import services as timeline
from apps.timeline.models import Kind

CREATED, UNCHANGED, UPDATED, REJECTED = "created", "unchanged", "updated", "rejected"


class _Codes:
    """What the codes of a batch stand for: one query per kind of code, whatever its size."""

    def __init__(self, rows: Iterable[OrderRow], actor: Actor) -> None:
        rows = list(rows)
        codes = {row.store_code for row in rows}
        self.stores = dict(Store.objects.filter(code__in=codes).values_list("code", "pk"))
        self.visible = set(
            Store.objects.visible_to(actor).filter(code__in=codes).values_list("pk", flat=True)
        )
        skus = {line.sku for row in rows for line in row.lines}
        self.products = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))
        self.guides: dict[str, list[int]] = {}
        userids = {row.selling_guide_userid for row in rows} - {""}
        for userid, pk in Guide.objects.filter(wecom_userid__in=userids).values_list(
            "wecom_userid", "pk"
        ):
            self.guides.setdefault(userid, []).append(pk)
        given = {row.member_identity for row in rows if row.member_identity is not None}
        self.identities = members.find_identities(given)
        ids = {row.member_id for row in rows if row.member_id is not None}
        self.survivors = members.survivors_of(ids)

    def store(self, code: str) -> int:
        if code not in self.stores:
            raise BadRow("unknown_store", store=code)
        if self.stores[code] not in self.visible:
            raise BadRow("foreign_store", store=code)
        return self.stores[code]

    def guide(self, userid: str) -> int | None:
        if not userid:
            return None
        found = self.guides.get(userid, [])
        if len(found) != 1:  # two corps may have the same id; then nobody can say who it was
            raise BadRow("unknown_guide", userid=userid)
        return found[0]

    def product(self, sku: str) -> int:
        if sku not in self.products:
            raise BadRow("unknown_sku", sku=sku)
        return self.products[sku]

    def prepare(self, index: int, row: OrderRow) -> Prepared:
        """The row with ids for its codes. Raises BadRow."""
        ready = Prepared(
            index=index,
            row=row,
            store_id=self.store(row.store_code),
            guide_id=self.guide(row.selling_guide_userid),
            product_ids=[self.product(line.sku) for line in row.lines],
        )
        if row.kind == Order.Kind.SALE:
            self._set_buyer(ready)
        return ready

    def _set_buyer(self, ready: Prepared) -> None:
        row = ready.row
        if row.member_id is not None:
            if row.member_id not in self.survivors:
                raise BadRow("unknown_member")
            ready.member_id = row.member_id
            ready.survivor_id = self.survivors[row.member_id]
        elif row.member_identity is not None:
            found = self.identities.get(row.member_identity)
            if found is None:
                raise BadRow("unknown_member")
            ready.member_id = found.member_id
            ready.survivor_id = found.survivor_id
            ready.identity_id = found.identity_id


def _hash(ready: Prepared) -> bytes:
    """What must be equal for a repeated row to be the same; ids stand for people."""
    row = ready.row
    content = [
        row.kind,
        row.original_no,
        ready.store_id,
        ready.guide_id,
        ready.member_id,
        ready.identity_id,
        row.paid_at.astimezone(UTC).isoformat(),
        row.net_fen,
        row.freight_fen,
        [row.is_staff, row.is_group_buy, row.is_stored_value],
        sorted(
            [line.line_no, line.sku, str(line.quantity.normalize()), *line[3:]]
            for line in row.lines
        ),
    ]
    return hashlib.sha256(json.dumps(content).encode()).digest()


# --- returns: the original gives buyer and lines --------------------------------------------------


def _find_originals(returns: list[Prepared], reject: "_Answers") -> list[Prepared]:
    """Give each return its original; the ones that name none, or a line it has not, are refused."""
    numbers = {(ready.row.source, ready.row.original_no) for ready in returns}
    orders = {
        (order.source, order.external_no): order
        for order in _by_number(numbers).filter(kind=Order.Kind.SALE).select_related("member")
    }
    # with their times, so that only the months in question are read
    lines = set(
        OrderLine.objects.filter(
            order_id__in=[order.pk for order in orders.values()],
            paid_at__in={order.paid_at for order in orders.values()},
        ).values_list("order_id", "line_no")
    )
    good = []
    for ready in returns:
        original = orders.get((ready.row.source, ready.row.original_no))
        try:
            if original is None:
                raise BadRow("unknown_original", number=ready.row.original_no)
            for line in ready.row.lines:
                if (original.pk, line.original_line_no) not in lines:
                    raise BadRow("unknown_original_line", line=line.original_line_no)
        except BadRow as error:
            reject.refuse(ready.index, error)
            continue
        ready.original_id = original.pk
        ready.member_id, ready.identity_id = original.member_id, original.identity_id
        ready.survivor_id = original.member.survivor_id if original.member else None
        good.append(ready)
    return good


def _by_number(numbers: Iterable[tuple[str, str]]) -> Any:
    sources: dict[str, list[str]] = {}
    for source, external_no in numbers:
        sources.setdefault(source, []).append(external_no)
    found = Order.objects.none()
    for source, external_nos in sources.items():
        found = found | Order.objects.filter(source=source, external_no__in=external_nos)
    return found


# --- writing --------------------------------------------------------------------------------------

_COLUMNS = {
    "source": "text",
    "external_no": "text",
    "kind": "text",
    "original_id": "bigint",
    "member_id": "bigint",
    "identity_id": "bigint",
    "store_id": "bigint",
    "selling_guide_id": "bigint",
    "serving_guide_id": "bigint",
    "paid_at": "timestamptz",
    "business_on": "date",
    "net_fen": "bigint",
    "discount_fen": "bigint",
    "freight_fen": "bigint",
    "is_staff": "boolean",
    "is_group_buy": "boolean",
    "is_stored_value": "boolean",
    "content_hash": "bytea",
}
_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"%s::{kind}[]" for kind in _COLUMNS.values())
# one order for all writers: two batches with the same orders wait for each other
_INSERT = f"""
INSERT INTO orders_order ({_NAMES}, version, recorded_at)
SELECT {_NAMES}, 1, %s FROM unnest({_ARRAYS}) AS given ({_NAMES})
ORDER BY source, external_no
ON CONFLICT (source, external_no) DO NOTHING
RETURNING id, source, external_no
"""
# who served the buyer is a fact of the first recording, unless the buyer was wrong
_UPDATE = f"""
UPDATE orders_order AS stored SET
    original_id = given.original_id, member_id = given.member_id, identity_id = given.identity_id,
    store_id = given.store_id, selling_guide_id = given.selling_guide_id,
    serving_guide_id = CASE WHEN stored.member_id IS NOT DISTINCT FROM given.member_id
        THEN stored.serving_guide_id ELSE given.serving_guide_id END,
    paid_at = given.paid_at, business_on = given.business_on, net_fen = given.net_fen,
    discount_fen = given.discount_fen, freight_fen = given.freight_fen,
    is_staff = given.is_staff, is_group_buy = given.is_group_buy,
    is_stored_value = given.is_stored_value, content_hash = given.content_hash,
    version = stored.version + 1
FROM unnest({_ARRAYS}) AS given ({_NAMES})
WHERE stored.source = given.source AND stored.external_no = given.external_no
"""
_SERVING = """
SELECT DISTINCT ON (given.place) given.place, period.guide_id
FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[]) AS given (place, member_id, paid_at)
JOIN members_servingperiod AS period ON period.member_id = given.member_id
    AND period.since <= given.paid_at
    AND (period.until IS NULL OR period.until > given.paid_at)
ORDER BY given.place, period.since DESC
"""
_LINES = """
INSERT INTO orders_orderline (
    order_id, line_no, paid_at, business_on, member_id, store_id, product_id, quantity, net_fen,
    discount_fen, tag_fen, original_line_no, is_gift
)
SELECT * FROM unnest(
    %s::bigint[], %s::int[], %s::timestamptz[], %s::date[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::numeric[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::boolean[]
)
"""
# a return belongs to whoever the original belongs to, also after a correction
_FOLLOW_ORIGINAL = """
UPDATE orders_order AS back SET member_id = sale.member_id, identity_id = sale.identity_id
FROM orders_order AS sale
WHERE back.original_id = sale.id AND sale.id = ANY(%s)
    AND (back.member_id, back.identity_id) IS DISTINCT FROM (sale.member_id, sale.identity_id)
RETURNING back.id
"""
_FOLLOW_LINES = """
UPDATE orders_orderline AS line SET member_id = stored.member_id
FROM orders_order AS stored
WHERE line.order_id = stored.id AND line.paid_at = stored.paid_at AND stored.id = ANY(%s)
"""


def _values(ready: Prepared) -> list[Any]:
    row = ready.row
    return [
        row.source,
        row.external_no,
        str(row.kind),
        ready.original_id,
        ready.member_id,
        ready.identity_id,
        ready.store_id,
        ready.guide_id,
        ready.serving_guide_id,
        row.paid_at,
        clock.business_day(row.paid_at),
        row.net_fen,
        sum(line.discount_fen for line in row.lines),
        row.freight_fen,
        row.is_staff,
        row.is_group_buy,
        row.is_stored_value,
        ready.content_hash,
    ]


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _set_serving(ready: list[Prepared]) -> None:
    """Who served each buyer at the moment of payment."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SERVING,
            [
                list(range(len(ready))),
                [one.survivor_id for one in ready],
                [one.row.paid_at for one in ready],
            ],
        )
        for place, guide_id in cursor.fetchall():
            ready[place].serving_guide_id = guide_id


class _Answers:
    """One answer per row, and which members the batch has touched."""

    def __init__(self, rows: list[OrderRow]) -> None:
        self.rows = rows
        self.found: dict[int, OrderResult] = {}

    def refuse(self, index: int, error: BadRow) -> None:
        self.found[index] = OrderResult(
            index=index,
            status=REJECTED,
            error_code=error.code,
            message=sentence(error.code, error.params),
        )

    def accept(self, ready: Prepared, status: str, order_id: int) -> None:
        touched = {pk for pk in (ready.member_id, ready.former_member_id) if pk is not None}
        self.found[ready.index] = OrderResult(
            index=ready.index,
            status=status,
            order_id=order_id,
            member_ids=() if status == UNCHANGED else tuple(sorted(touched)),
        )


def _write(ready: list[Prepared], answers: _Answers, *, now: datetime, actor: Actor) -> None:
    """Insert what is new, correct what differs, leave the rest; then lines and story."""
    if not ready:
        return
    _set_serving(ready)
    for one in ready:
        one.content_hash = _hash(one)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [now, *_columns(_values(one) for one in ready)])
        made = {(source, number): order_id for order_id, source, number in cursor.fetchall()}
    created = [one for one in ready if one.row.number in made]
    updated, ids = _known(
        [one for one in ready if one.row.number not in made], answers, actor=actor
    )
    ids |= made
    _correct(updated, ids)
    for one, status in [(one, CREATED) for one in created] + [(one, UPDATED) for one in updated]:
        answers.accept(one, status, ids[one.row.number])
    _write_lines(created + updated, ids)
    _tell(created + updated, ids, actor)


def _known(
    ready: list[Prepared], answers: _Answers, *, actor: Actor
) -> tuple[list[Prepared], dict[tuple[str, str], int]]:
    """Rows whose number is there already: the same, to be corrected, or somebody else's."""
    stored = {
        (order.source, order.external_no): order
        for order in _by_number(one.row.number for one in ready)
        .select_for_update(of=("self",))
        .order_by("source", "external_no")
    }
    visible = set(
        Store.objects.visible_to(actor)
        .filter(pk__in={order.store_id for order in stored.values()})
        .values_list("pk", flat=True)
    )
    differing = []
    for one in ready:
        order = stored[one.row.number]
        if order.store_id not in visible:
            answers.refuse(one.index, BadRow("foreign_store", store=one.row.store_code))
        elif bytes(order.content_hash) == one.content_hash:
            answers.accept(one, UNCHANGED, order.pk)
        elif order.kind != one.row.kind:
            answers.refuse(one.index, BadRow("kind_changed"))
        else:
            one.former_member_id = order.member_id
            differing.append(one)
    return differing, {number: order.pk for number, order in stored.items()}


def _correct(updated: list[Prepared], ids: dict[tuple[str, str], int]) -> None:
    if not updated:
        return
    changed = [ids[one.row.number] for one in updated]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM orders_orderline WHERE order_id = ANY(%s)", [changed])
        cursor.execute(_UPDATE, _columns(_values(one) for one in updated))
        cursor.execute(_FOLLOW_ORIGINAL, [changed])
        followed = [row[0] for row in cursor.fetchall()]
        cursor.execute(_FOLLOW_LINES, [followed])


def _write_lines(ready: list[Prepared], ids: dict[tuple[str, str], int]) -> None:
    rows = [
        (
            ids[one.row.number],
            line.line_no,
            one.row.paid_at,
            clock.business_day(one.row.paid_at),
            one.member_id,
            one.store_id,
            product_id,
            *line[2:],
        )
        for one in ready
        for line, product_id in zip(one.row.lines, one.product_ids, strict=True)
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_LINES, _columns(rows))


def _tell(ready: list[Prepared], ids: dict[tuple[str, str], int], actor: Actor) -> None:
    timeline.record_events(
        timeline.NewEvent(
            member_id=one.member_id,
            identity_id=one.identity_id,
            kind=Kind.ORDER_PLACED if one.row.kind == Order.Kind.SALE else Kind.ORDER_RETURNED,
            source=f"order:{ids[one.row.number]}",
            # told once per buyer: a correction of amounts is no second purchase
            key=f"order:{ids[one.row.number]}:member:{one.member_id}",
            occurred_at=one.row.paid_at,
            payload={
                "order_id": ids[one.row.number],
                "store_id": one.store_id,
                "net_fen": one.row.net_fen,
                "product_id": one.product_ids[0],
            },
            actor=actor.label,
        )
        for one in ready
        if one.member_id is not None
    )


def _ensure_months(ready: list[Prepared]) -> None:
    for month in sorted({partitions.month_of(one.row.paid_at) for one in ready}):
        partitions.ensure_months(OrderLine._meta.db_table, month, month)


def _first_of_each(
    rows: list[OrderRow], answers: _Answers
) -> tuple[dict[int, OrderRow], dict[int, int]]:
    """Rows to work on, and for each repetition inside the batch the place of its first."""
    firsts: dict[tuple[str, str], int] = {}
    work, repeats = {}, {}
    for index, row in enumerate(rows):
        first = firsts.setdefault(row.number, index)
        if first == index:
            work[index] = row
        elif rows[first] == row:
            repeats[index] = first
        else:
            answers.refuse(index, BadRow("duplicate_in_batch", number=row.external_no))
    return work, repeats


@transaction.atomic
def ingest_orders(*, rows: list[OrderRow], now: datetime, actor: Actor) -> list[OrderResult]:
    """Keep orders set-wise; one answer per row, in order: created, unchanged, updated or rejected.

    Bad rows are refused one by one and do not hold up the good ones. The same number with the same
    content is unchanged; with other content the stored order and its lines are corrected. Sales
    come before returns, so that a return may name a sale of the same batch.
    """
    answers = _Answers(rows)
    work, repeats = _first_of_each(rows, answers)
    codes = _Codes(work.values(), actor)
    sales: list[Prepared] = []
    returns: list[Prepared] = []
    for index, row in work.items():
        try:
            check_form(row, now=now)
            ready = codes.prepare(index, row)
        except BadRow as error:
            answers.refuse(index, error)
        else:
            (sales if row.kind == Order.Kind.SALE else returns).append(ready)
    _ensure_months(sales + returns)
    _write(sales, answers, now=now, actor=actor)
    if returns:
        _write(_find_originals(returns, answers), answers, now=now, actor=actor)
    for index, first in repeats.items():
        before = answers.found[first]
        status = REJECTED if before.status == REJECTED else UNCHANGED
        answers.found[index] = replace(before, index=index, status=status)
    return [answers.found[index] for index in range(len(rows))]
