"""A chain at work: guides with open targets of running pushes, customers with a past.

Stands on `make_world`. Every guide has the same share, so that any of them stands for all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.accounts.actor import SYSTEM
from apps.core import clock, partitions, pii
from apps.guide_tasks.models import TaskPush
from apps.guide_tasks.services import pushes
from apps.hq.benches import Say
from apps.hq.benches._bulk import bulk, rows, sql
from apps.hq.benches.hand_out import make_world
from apps.orders.models import Product
from apps.tagging.models import Tag, TagGroup

EACH = 25  # customers of one guide in one push
REGIONS = 20
DONE_EACH = 5  # customers of one guide whose contact was proven today
OFFERED_TAGS = 12
_MONTHS_BACK = 14

_MORE_REGIONS = f"""
INSERT INTO stores_region (code, name)
SELECT 'b' || n, 'Region ' || n FROM generate_series(1, {REGIONS - 1}) AS n;
UPDATE stores_store AS store SET region_id = region.id
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM stores_region) AS region
WHERE region.n = 1 + store.id %% {REGIONS};
UPDATE stores_posting SET role = 'store_manager'
WHERE id IN (SELECT min(id) FROM stores_posting GROUP BY store_id);
DROP TABLE IF EXISTS bench_nth;
CREATE TEMP TABLE bench_nth AS
SELECT who.*, row_number() OVER (PARTITION BY guide_id ORDER BY member_id) - 1 AS nth,
       count(*) OVER (PARTITION BY guide_id) AS own
FROM bench_who AS who;
ANALYZE bench_nth;
"""
_TASKS = """
INSERT INTO guide_tasks_guidetask (push_id, guide_id, store_id, due_at, chases, created_at)
SELECT push.id, posting.guide_id, posting.store_id, push.due_at, 0, push.handed_out_at
FROM stores_posting AS posting CROSS JOIN guide_tasks_taskpush AS push
WHERE push.id = ANY(%s) ORDER BY push.id, posting.id
"""
# each push takes its own stretch of a guide's customers, and begins anew when all are taken
_TARGETS = """
INSERT INTO guide_tasks_tasktarget
    (push_id, task_id, guide_id, store_id, member_id, external_userid, state, contact_grade, why,
     value_fen, opens_at, due_at, done_at, contacted_at, excuse_reason, excuse_sentence, cause,
     created_at)
SELECT task.push_id, task.id, who.guide_id, who.store_id, who.member_id, 'wm' || who.member_id,
       %(state)s, %(grade)s, repeat('字', 24), 10000 + (who.member_id * 7919) %% 90000,
       %(opens)s + later.days, task.due_at + later.days, %(done)s, %(done)s, '', '', '', %(opens)s
FROM guide_tasks_guidetask AS task
JOIN guide_tasks_taskpush AS push ON push.id = task.push_id
JOIN unnest(%(pushes)s::bigint[]) WITH ORDINALITY AS given (push_id, number)
    ON given.push_id = push.id
CROSS JOIN LATERAL (
    SELECT greatest(given.number - %(first)s, 0) * interval '1 day' + CASE
        WHEN given.number > %(first)s THEN interval '2 days' ELSE interval '0' END AS days
) AS later
JOIN bench_nth AS who ON who.guide_id = task.guide_id
WHERE (who.nth + given.number * %(each)s) %% who.own < %(each)s
ORDER BY task.id
"""
_OF_PEOPLE = (
    "members_member", "members_servingperiod", "members_followrelation", "members_consent",
    "profiles_memberprofile", "profiles_memberfacts",
)  # fmt: skip
_EVIDENCE = """
INSERT INTO guide_tasks_evidence (target_id, grade, outcome, source, actor, occurred_at)
SELECT id, contact_grade, '', 'dispatch_recipient:' || id, 'system', done_at
FROM guide_tasks_tasktarget WHERE push_id = %s
"""
_BOUGHT = "%(now)s - ((90 + who.member_id %% 300) || ' days')::interval"
_PAST = f"""
INSERT INTO orders_order (source, external_no, kind, paid_at, business_on, net_fen, discount_fen,
    freight_fen, is_staff, is_group_buy, is_stored_value, version, content_hash, member_id,
    selling_guide_id, serving_guide_id, store_id)
SELECT 'bench', 'R' || member_id, 'sale', {_BOUGHT}, ({_BOUGHT})::date, 30000, 0, 0, false, false,
       false, 1, '\\x00', member_id, guide_id, guide_id, store_id
FROM bench_who AS who ORDER BY {_BOUGHT};
INSERT INTO orders_orderline (order_id, line_no, paid_at, business_on, member_id, store_id,
    quantity, net_fen, discount_fen, tag_fen, is_gift, product_id)
SELECT id, 1, paid_at, business_on, member_id, store_id, 1, net_fen, 0, 39900, false,
       goods.first + id %% goods.number
FROM orders_order
CROSS JOIN (SELECT min(id) AS first, count(*) AS number FROM orders_product) AS goods
ORDER BY paid_at;
INSERT INTO members_interaction (kind, occurred_at, source, reason, guide_id, member_id)
SELECT 'visit', {_BOUGHT}, 'bench:' || member_id, '', guide_id, member_id FROM bench_who AS who;
INSERT INTO members_membernote (body_enc, client_id, created_at, guide_id, member_id)
SELECT %(note)s, gen_random_uuid(), {_BOUGHT}, guide_id, member_id FROM bench_who AS who
WHERE member_id %% 3 = 0;
INSERT INTO members_memberidentity (kind, scope, value_key, key_version, value_enc, last4, source,
    member_id)
SELECT 'phone', '', sha256(int8send(member_id)), 1, %(phone)s, '5678', 'bench', member_id
FROM bench_who;
INSERT INTO tagging_membertags (member_id, tags)
SELECT member_id, %(tags)s::int[] FROM bench_who;
INSERT INTO timeline_memberevent (occurred_at, member_id, kind, source, actor, payload, tx, epoch)
SELECT {_BOUGHT} + n * interval '1 day', member_id, 'tagged', 'bench', 'system', '{{}}', tx, epoch
FROM bench_who AS who, generate_series(0, 2) AS n,
    (SELECT pg_current_xact_id()::text::bigint AS tx, timeline_current_epoch() AS epoch) AS once
ORDER BY 1;
"""
_WITH_PAST = (
    "orders_order", "members_interaction", "members_membernote", "members_memberidentity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """What was made: the running pushes, how many targets are open, how many for a guide now."""

    push_ids: list[int]
    targets: int
    today: int


def make_people(*, guides: int, members: int, say: Say) -> None:
    """`make_world` with regions, store managers and each guide's customers numbered."""
    say(f"making {guides:,} guides and {members:,} members")
    with bulk(*_OF_PEOPLE):
        make_world(guides=guides, members=members)
        for statement in filter(str.strip, _MORE_REGIONS.split(";")):
            sql(statement, [])
    sql("VACUUM ANALYZE")


def make_work(
    *, guides: int, targets: int, now: datetime, say: Say, today: int | None = None
) -> Work:
    """`targets` open targets, the same number for every guide, in pushes of 25 each.

    The first pushes, `today` targets of each guide, are open now (all of them without a number);
    one more opens each day after, as planned care does. The first is overdue.
    """
    say(f"making {targets:,} open targets")
    count = max(-(-targets // (guides * EACH)), 1)
    each = max(targets // (guides * count), 1)
    now_open = count if today is None else max(today // each, 1)
    made = [_push(number, now) for number in range(count)]
    closed = _push(count, now)
    terms: dict[str, Any] = {
        "each": each,
        "opens": now - timedelta(days=2),
        "first": now_open,
        "grade": 0,
        "state": "open",
    }
    sql(_TASKS, [[*made, closed]])
    with bulk("guide_tasks_tasktarget"):
        sql("ANALYZE guide_tasks_guidetask")
        sql(_TARGETS, {**terms, "done": None, "pushes": made})
        done = {"state": "done", "grade": 3, "done": now - timedelta(minutes=1), "each": DONE_EACH}
        sql(_TARGETS, {**terms, **done, "pushes": [closed]})
        sql(_EVIDENCE, [closed])
    sql("VACUUM ANALYZE guide_tasks_tasktarget, guide_tasks_guidetask, guide_tasks_evidence")
    found = rows("SELECT count(*) FROM guide_tasks_tasktarget WHERE state = 'open'")
    return Work(push_ids=made, targets=found[0][0], today=each * min(now_open, count))


def _push(number: int, now: datetime) -> int:
    """A push that runs: the first one is overdue, the others are due in the days to come."""
    push = pushes.create_push(
        title=f"到店看看 {number + 1}",
        actor=SYSTEM,
        now=now,
        segment_run=None,
        body="{称呼}，到店看看",
        generic_body="到店看看",
        due_at=now + timedelta(days=3),
    )
    TaskPush.objects.filter(pk=push.pk).update(
        status=TaskPush.Status.HANDED_OUT,
        handed_out_at=now - timedelta(days=2),
        due_at=now + timedelta(days=number - 1, hours=2),
    )
    return push.pk


def make_past(*, now: datetime, say: Say) -> None:
    """For every customer an order, a visit, a phone, tags and a story; for some a note."""
    say("making their past")
    first = partitions.next_month(partitions.month_of(now), -_MONTHS_BACK)
    for table in ("orders_orderline", "timeline_memberevent"):
        partitions.ensure_months(table, first, partitions.month_of(clock.now()))
    Product.objects.bulk_create(
        Product(
            sku=f"B{n}", style_no=f"B{n // 4}", name="慢跑鞋", category="鞋", tag_price_fen=39900
        )
        for n in range(400)
    )
    group = TagGroup.objects.create(name="bench")
    tags = Tag.objects.bulk_create(Tag(group=group, name=f"标签{n}") for n in range(OFFERED_TAGS))
    terms = {
        "now": now,
        "note": pii.encrypt("下雨天常来"),
        "phone": pii.encrypt("13812345678"),
        "tags": sorted(tag.pk for tag in tags[:4]),
    }
    with bulk(*_WITH_PAST):
        for statement in filter(str.strip, _PAST.split(";")):
            sql(statement, terms)
    sql("VACUUM ANALYZE")
    sql("CHECKPOINT")  # else the load is still being written out while pages are measured
