"""How fast a push reaches its guides: the whole service beside the bare insert-select.

The floor writes the same targets into the same indexed table from rows made beforehand, in one
statement on one connection; the service also asks the reach policy, makes each reason, the guides'
tasks and cards. It decides in one transaction and writes the parts the way its workers do: two at
once, each on a connection of its own; measured until the push stands as handed out. With a control
group it writes an assignment per member as well: measured apart. So is what a large hand-out tells
the timeline afterwards.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from pyroaring import BitMap

from apps.accounts.actor import SYSTEM
from apps.core.wake import asleep
from apps.guide_tasks.models import TaskPush, TaskTarget
from apps.guide_tasks.services import parts, pushes
from apps.hq.benches import Options, Result, Say, bench
from apps.segments.models import Segment, SegmentRun, SegmentVersion

CORP = "wwbench000000001"
# a tenth of the reachable is held out, as a selling push does by default
CONTROL_BP = 1000
STORES_EVERY = 20  # guides

_PLACES = f"""
INSERT INTO stores_region (code, name) VALUES ('b', 'Bench');
INSERT INTO stores_legalentity (name, basis) VALUES ('Bench', 'same_handler');
INSERT INTO stores_store (code, name, city, region_id, ownership, legal_entity_id, store_class,
                          opened_on, live_since, corp_id)
SELECT 'B' || n, 'Store ' || n, '', (SELECT id FROM stores_region), 'direct',
       (SELECT id FROM stores_legalentity), 'b', '2020-01-01', now(), ''
FROM generate_series(1, greatest(%s / {STORES_EVERY}, 1)) AS n;
INSERT INTO stores_guide (corp_id, wecom_userid, name, status, closed_by_leaving)
SELECT '{CORP}', 'g' || n, 'Guide ' || n, 'active', false FROM generate_series(1, %s) AS n;
INSERT INTO stores_posting (guide_id, store_id, role, during)
SELECT g.id, s.id, 'guide', daterange('2020-01-01', NULL)
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM stores_guide) AS g
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM stores_store) AS s
  ON s.n = 1 + (g.n - 1) %% (SELECT count(*) FROM stores_store);
"""
_PEOPLE = f"""
INSERT INTO members_member (id, public_id, survivor_id, name, gender, phone_last4, source, level,
                            updated_at)
SELECT id, gen_random_uuid(), id, '林晓雯', 'f', '', 'bench', '', now()
FROM (SELECT nextval(pg_get_serial_sequence('members_member', 'id')) AS id
      FROM generate_series(1, %s)) AS ids;
CREATE TEMP TABLE bench_who AS
SELECT m.id AS member_id, g.id AS guide_id, p.store_id
FROM (SELECT id, row_number() OVER (ORDER BY hashint8(id)) AS n FROM members_member) AS m
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM stores_guide) AS g
  ON g.n = 1 + m.n %% (SELECT count(*) FROM stores_guide)
JOIN stores_posting AS p ON p.guide_id = g.id;
INSERT INTO members_servingperiod (member_id, guide_id, store_id, since, reason)
SELECT member_id, guide_id, store_id, '2025-01-01', '' FROM bench_who;
INSERT INTO members_followrelation (corp_id, external_userid, guide_id, member_id, since,
                                    ended_by, state, add_way)
SELECT '{CORP}', 'wm' || member_id, guide_id, member_id, '2025-01-01', '', '', 0 FROM bench_who;
INSERT INTO members_consent (member_id, purpose, text_version, channel, given_at, withdrawn_channel)
SELECT member_id, 'wecom_marketing', '1', 'pos', '2025-01-01', '' FROM bench_who;
INSERT INTO profiles_memberprofile (member_id, stage, first_order_on, last_order_on, order_count,
    order_days, net_fen, net_365_fen, orders_365)
SELECT member_id, 'silent', '2024-01-01', current_date - 90 - member_id::int %% 300, 3, 3, 90000,
       30000, 1 FROM bench_who;
INSERT INTO profiles_memberfacts (member_id, usual_gap_days, favourite_category, shoe_size,
    clothing_size)
SELECT member_id, 60, '', '37', '' FROM bench_who;
"""
_FLOOR_ROWS = """
CREATE TEMP TABLE bench_rows AS
SELECT t.push_id, t.id AS task_id, t.guide_id, t.store_id, w.member_id,
       'wm' || w.member_id AS external_userid, repeat('字', 24) AS why, 30000::bigint AS value_fen
FROM bench_who AS w JOIN guide_tasks_guidetask AS t ON t.guide_id = w.guide_id
WHERE w.member_id IN (SELECT member_id FROM bench_who ORDER BY member_id LIMIT %s)
ORDER BY t.id
"""
_FLOOR = """
INSERT INTO guide_tasks_tasktarget
    (push_id, task_id, guide_id, store_id, member_id, external_userid, state, contact_grade, why,
     value_fen, opens_at, due_at, excuse_reason, excuse_sentence, cause, created_at)
SELECT push_id, task_id, guide_id, store_id, member_id, external_userid, 'open', 0, why,
       value_fen, %s, %s, '', '', '', %s FROM bench_rows
"""


def _sql(statement: str, params: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)


def _timed(work: Callable[[], object]) -> float:
    """Seconds of a piece of work with its commit, begun on a quiet database."""
    _sql("CHECKPOINT")
    began = time.perf_counter()
    with transaction.atomic():
        work()
    return time.perf_counter() - began


def make_world(*, guides: int, members: int) -> None:
    """Guides in stores, and members whom they serve; each can be reached."""
    # numbered rows have no statistics: left to itself the planner would loop over all pairs
    _sql("SET enable_nestloop = off")
    _sql(_PLACES, [guides, guides])
    _sql(_PEOPLE, [members])
    _sql("RESET enable_nestloop")
    _sql("VACUUM ANALYZE")


@bench("hand_out", {"--guides": 40_000, "--targets": 1_000_000})
def hand_out(options: Options, say: Say) -> list[Result]:
    """Targets per second through the service, and through the bare statement."""
    guides, wanted = options["guides"], options["targets"]
    now = timezone.now()
    # as many as it takes to issue `wanted` when a control group is held out as well
    members = wanted * 10_000 // (10_000 - CONTROL_BP)
    say(f"making {guides:,} guides and {members:,} members")
    make_world(guides=guides, members=members)
    return measure(wanted=wanted, now=now, say=say, with_control=True)


def measure(*, wanted: int, now: datetime, say: Say, with_control: bool) -> list[Result]:
    """Targets per second in a world that stands (`make_world`); leaves some behind if asked
    for a control group."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT member_id FROM bench_who ORDER BY member_id")
        everybody = [row[0] for row in cursor.fetchall()]

    say("measuring the bare insert-select")
    floor = _floor(_push("floor", now, [], 0), wanted, now)
    say("measuring the hand-out")
    push = _push("all", now, everybody[:wanted], 0)
    results = _handed_out("", push, floor, now)
    push.refresh_from_db(fields=["told_at"])
    if push.told_at is None:
        say("measuring what the timeline is told afterwards")
        began = time.perf_counter()
        told = pushes.tell_issued(push_id=push.pk)
        results.append(Result("told_per_s", "events/s", told / (time.perf_counter() - began)))
    _empty()
    if not with_control:
        return results
    say("measuring the hand-out with a control group")
    held = _push("control", now, everybody, CONTROL_BP)
    return results + _handed_out("with_control_", held, floor, now)


def _handed_out(prefix: str, push: TaskPush, floor: float, now: datetime) -> list[Result]:
    _sql("CHECKPOINT")
    began = time.perf_counter()
    with asleep():
        pushes.hand_out(push=push, now=now, actor=SYSTEM)
    decided = time.perf_counter() - began
    with ThreadPoolExecutor(parts.WORKERS) as workers:
        list(workers.map(_work_off, [push.pk] * parts.WORKERS, range(parts.WORKERS)))
    seconds = time.perf_counter() - began
    issued = TaskTarget.objects.count()
    rows = issued / seconds
    return [
        Result(f"{prefix}rows_per_s", "targets/s", rows, floor, floor / rows),
        Result(f"{prefix}issued", "targets", issued),
        Result(f"{prefix}decided_in", "s", decided),
    ]


def _work_off(push_id: int, worker: int) -> None:
    try:
        with asleep():
            parts.work_off(push_id=push_id, worker=worker)
    finally:
        connection.close()


def _empty() -> None:
    _sql("TRUNCATE guide_tasks_tasktarget, guide_tasks_guidetask CASCADE")
    _sql("VACUUM ANALYZE")


def _push(name: str, now: datetime, member_ids: list[int], control_share_bp: int) -> TaskPush:
    version = SegmentVersion.objects.create(
        segment=Segment.objects.create(name=name), number=1, definition={"op": "and", "items": []}
    )
    run = SegmentRun.objects.create(
        version=version,
        as_of=now,
        member_count=len(member_ids),
        members=BitMap(member_ids).serialize(),
        cause="bench",
    )
    return pushes.create_push(
        title=name,
        actor=SYSTEM,
        now=now,
        segment_run=run,
        body="到店看看",
        generic_body="到店看看",
        due_at=now + timedelta(days=3),
        control_share_bp=control_share_bp,
    )


def _floor(push: TaskPush, wanted: int, now: datetime) -> float:
    """Rows per second of the one statement, into the table with all its indexes; emptied again."""
    _sql(
        "INSERT INTO guide_tasks_guidetask"
        " (push_id, guide_id, store_id, due_at, chases, created_at)"
        " SELECT %s, guide_id, store_id, %s, 0, %s FROM stores_posting",
        [push.pk, push.due_at, now],
    )
    _sql(_FLOOR_ROWS, [wanted])
    _sql("ANALYZE bench_rows")
    seconds = _timed(lambda: _sql(_FLOOR, [now, push.due_at, now]))
    _empty()
    return wanted / seconds
